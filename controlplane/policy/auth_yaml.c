#include "controlplane/policy/auth_yaml.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/message/headers.h"
#include "controlplane/policy/access_yaml.h"
#include "controlplane/policy/jwt_providers_yaml.h"
#include "controlplane/policy/secret_file.h"

#define API_KEY_HEADER "x-api-key"

static const char *const auth_keys[] = {"jwt", "api_keys", "identity", NULL};
static const char *const jwt_keys[] = {"providers", NULL};
static const char *const api_keys_keys[] = {"header", NULL};
static const char *const route_auth_keys[] = {"providers", "methods", NULL};

bool gw_auth_read_field_name(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_name) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, what, &text)) return false;
  if (!gw_header_name_is_valid(text) || gw_str_find_char(text, '_') >= 0) {
    gw_reader_mistake(reader, node, "%.*s is no name of a field that goes through (letters, digits and hyphens)", GW_STR_ARG(text));
    return false;
  }
  struct gw_str lower = gw_arena_copy(reader->arena, text);
  for (size_t i = 0; i < lower.len; i++)
    if (lower.data[i] >= 'A' && lower.data[i] <= 'Z') ((char *)(uintptr_t)lower.data)[i] |= 0x20;
  *ret_name = lower;
  return true;
}

bool gw_auth_read_own_field_name(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what,
                                 struct gw_str *ret_name) {
  struct gw_str name;
  if (!gw_auth_read_field_name(reader, node, what, &name)) return false;
  if (gw_header_id_find(name) != GW_HEADER_OTHER && !gw_str_equal(name, GW_STR("x-request-id"))) {
    gw_reader_mistake(reader, node, "%.*s has a meaning of its own; what the gateway tells needs another name", GW_STR_ARG(name));
    return false;
  }
  *ret_name = name;
  return true;
}

static void read_api_keys(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_auth_policy *auth) {
  if (node->kind != GW_YAML_MAPPING) {
    gw_reader_bool(reader, node, "api_keys", &auth->has_api_keys);
    return;
  }
  if (!gw_reader_is_mapping(reader, node, "api_keys", api_keys_keys)) return;
  const struct gw_yaml_node *header = gw_yaml_find(node, "header");
  auth->has_api_keys = true;
  if (header != NULL) gw_auth_read_field_name(reader, header, "header", &auth->api_key_header);
}

static const struct {
  const char *key;
  size_t offset;
  const char *fallback; /* NULL: not told unless it is asked for */
} identity_rows[] = {
#define ROW(key, fallback)                                                                                                                 \
  { #key, offsetof(struct gw_forwarded_identity, key), fallback }
    ROW(user_id, "x-user-id"),        ROW(user_name, "x-user-name"),
    ROW(roles, "x-user-roles"),       ROW(permissions, "x-user-permissions"),
    ROW(method, "x-auth-method"),     ROW(request_id, "x-request-id"),
    ROW(trace_id, "x-trace-id"),      ROW(span_id, "x-span-id"),
    ROW(client_address, NULL),        ROW(route, NULL),
    ROW(path_parameter_prefix, NULL),
#undef ROW
};

static struct gw_str *identity_name(struct gw_forwarded_identity *identity, size_t row) {
  return (struct gw_str *)(void *)((char *)identity + identity_rows[row].offset);
}

static void check_doubles(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_forwarded_identity *identity) {
  for (size_t i = 0; i < GW_ARRAY_LEN(identity_rows); i++)
    for (size_t k = 0; k < i; k++)
      if (identity_name(identity, i)->len > 0 && gw_str_equal(*identity_name(identity, i), *identity_name(identity, k)))
        gw_reader_mistake(reader, node, "%s and %s of identity are told by the same field", identity_rows[k].key, identity_rows[i].key);
}

static void read_identity(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_forwarded_identity *identity) {
  const char *keys[GW_ARRAY_LEN(identity_rows) + 1];
  bool is_on = true;
  for (size_t i = 0; i < GW_ARRAY_LEN(identity_rows); i++)
    keys[i] = identity_rows[i].key;
  keys[GW_ARRAY_LEN(identity_rows)] = NULL;
  if (!gw_reader_is_mapping(reader, node, "identity", keys)) return;
  for (uint32_t i = 0; i < node->count; i++) {
    const struct gw_yaml_node *value = node->pairs[i].value;
    for (size_t row = 0; row < GW_ARRAY_LEN(identity_rows); row++) {
      if (!gw_str_equal(node->pairs[i].key->text, gw_str_from(identity_rows[row].key))) continue;
      bool is_false = value->kind == GW_YAML_SCALAR && value->is_plain && gw_str_equal(value->text, GW_STR("false"));
      if (is_false && gw_reader_bool(reader, value, keys[row], &is_on))
        *identity_name(identity, row) = (struct gw_str){NULL, 0};
      else
        gw_auth_read_own_field_name(reader, value, keys[row], identity_name(identity, row));
    }
  }
  check_doubles(reader, node, identity);
}

void gw_auth_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                  struct gw_secret_list *secrets, struct gw_auth_policy *ret_auth) {
  *ret_auth = (struct gw_auth_policy){.api_key_header = GW_STR(API_KEY_HEADER)};
  for (size_t i = 0; i < GW_ARRAY_LEN(identity_rows); i++)
    if (identity_rows[i].fallback != NULL) *identity_name(&ret_auth->identity, i) = gw_str_from(identity_rows[i].fallback);
  const struct gw_yaml_node *jwt = NULL;
  if (node != NULL && !gw_yaml_is_null(node) && gw_reader_is_mapping(reader, node, "auth", auth_keys)) {
    const struct gw_yaml_node *api_keys = gw_yaml_find(node, "api_keys"), *identity = gw_yaml_find(node, "identity");
    jwt = gw_yaml_find(node, "jwt");
    if (api_keys != NULL) read_api_keys(reader, api_keys, ret_auth);
    if (identity != NULL) read_identity(reader, identity, &ret_auth->identity);
  }
  const struct gw_yaml_node *providers =
      jwt != NULL && gw_reader_is_mapping(reader, jwt, "jwt", jwt_keys) ? gw_yaml_find(jwt, "providers") : NULL;
  gw_jwt_providers_read(reader, providers, settings, secrets, ret_auth);
}

/* ---- of a route ---- */

static void read_methods(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_auth *out) {
  const struct gw_str *words;
  uint32_t count;
  out->takes_jwt = out->takes_api_key = false;
  if (!gw_tls_read_texts(reader, node, "auth", 2, &words, &count)) return;
  for (uint32_t i = 0; i < count; i++) {
    if (gw_str_equal(words[i], GW_STR("jwt")))
      out->takes_jwt = true;
    else if (gw_str_equal(words[i], GW_STR("api_key")))
      out->takes_api_key = true;
    else
      gw_reader_mistake(reader, node, "%.*s is no way to authenticate; jwt and api_key are", GW_STR_ARG(words[i]));
  }
}

static void read_providers(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_auth_policy *auth,
                           struct gw_route_auth *out) {
  const struct gw_str *names;
  uint32_t count;
  if (!gw_tls_read_texts(reader, node, "providers", 100, &names, &count)) return;
  uint32_t *indexes = gw_arena_calloc(reader->arena, count, sizeof(*indexes));
  out->providers = indexes;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t at = 0;
    while (at < auth->provider_count && !gw_str_equal(auth->providers[at].name, names[i]))
      at++;
    if (at < auth->provider_count)
      indexes[out->provider_count++] = at;
    else
      gw_reader_mistake(reader, node, "there is no provider %.*s in auth: jwt: providers", GW_STR_ARG(names[i]));
  }
}

bool gw_route_auth_is_possible(const struct gw_route_auth *route, const struct gw_auth_policy *auth) {
  return (route->takes_jwt && auth->provider_count > 0) || (route->takes_api_key && auth->has_api_keys);
}

static void read_how(const struct gw_reader *reader, const struct gw_yaml_node *how, const struct gw_auth_policy *auth,
                     struct gw_route_auth *out) {
  if (how->kind != GW_YAML_MAPPING) {
    read_methods(reader, how, out);
    return;
  }
  if (!gw_reader_is_mapping(reader, how, "auth", route_auth_keys)) return;
  const struct gw_yaml_node *providers = gw_yaml_find(how, "providers"), *methods = gw_yaml_find(how, "methods");
  if (providers != NULL) out->takes_api_key = false;
  if (methods != NULL) read_methods(reader, methods, out);
  if (providers != NULL) read_providers(reader, providers, auth, out);
  if (providers != NULL && !out->takes_jwt) gw_reader_mistake(reader, providers, "providers are of jwt, which methods leaves out");
}

void gw_route_auth_read(const struct gw_reader *reader, const struct gw_yaml_node *route, const struct gw_auth_policy *auth,
                        struct gw_route_auth *ret_auth) {
  const struct gw_yaml_node *required = gw_yaml_find(route, "auth_required"), *how = gw_yaml_find(route, "auth");
  const struct gw_yaml_node *identity = gw_route_access_find_identity(route);
  bool is_required = how != NULL || identity != NULL;
  *ret_auth = (struct gw_route_auth){.node = required != NULL ? required
                                             : how != NULL    ? how
                                                              : identity,
                                     .takes_jwt = true,
                                     .takes_api_key = true};
  if (required != NULL && gw_reader_bool(reader, required, "auth_required", &is_required) && how != NULL && !is_required)
    gw_reader_mistake(reader, how, "auth says how to authenticate, and auth_required: false that it is not asked for");
  if (identity != NULL && !is_required)
    gw_reader_mistake(reader, required,
                      "auth_required: false, but the route asks for roles, permissions or claims, which only who is "
                      "known can have; leave it out, or write true");
  ret_auth->is_required = is_required;
  if (how != NULL) read_how(reader, how, auth, ret_auth);
  if (is_required && !gw_route_auth_is_possible(ret_auth, auth))
    gw_reader_warn(reader, ret_auth->node, "no way to authenticate is configured (auth, JWT_SECRET_KEY): the route stays closed");
}

void gw_auth_check_keys(const struct gw_secret_list *secrets, struct gw_errors *errors) {
  for (const struct gw_secret_entry *entry = secrets->first; entry != NULL; entry = entry->next) {
    if (entry->secret.keys == NULL || entry->secret.keys->kind == GW_KEYS_REMOTE) continue;
    struct gw_arena arena;
    struct gw_secret secret;
    char *words;
    gw_arena_init(&arena, 4096);
    if (gw_secret_file_read(&entry->secret, 0, &arena, &secret, &words) == GW_ERR_INVALID)
      gw_errors_add(errors, entry->secret.place, "%s", words);
    free(words);
    gw_arena_wipe(&arena);
    gw_arena_done(&arena);
  }
}
