#include "controlplane/policy/browser_yaml.h"

#include "common/base/mem.h"
#include "common/message/headers.h"

#define ORIGINS_MAX 100u
#define LIST_MAX 100u
#define VALUE_MAX_BYTES 4096u
#define MAX_AGE_DEFAULT "600" /* seconds */
#define METHODS_DEFAULT "GET, HEAD, POST, PUT, PATCH, DELETE"

static const char *const cors_keys[] = {"origins", "methods", "headers", "expose", "max_age", "credentials", NULL};

/* ---- cors ---- */

/* A scheme and a host, a host whose beginning is any, or any origin at all. */
static bool read_origin(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_string_match *ret_match) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, "an origin", &text)) return false;
  ptrdiff_t star = gw_str_find_char(text, '*');
  if (gw_str_equal(text, GW_STR("*"))) {
    *ret_match = (struct gw_string_match){.kind = GW_STRING_MATCH_EXACT, .value = text};
    return true;
  }
  struct gw_str rest = text;
  bool has_scheme = gw_str_has_prefix(text, GW_STR("https://")) || gw_str_has_prefix(text, GW_STR("http://"));
  if (has_scheme) rest = gw_str_skip(text, gw_str_has_prefix(text, GW_STR("https://")) ? 8 : 7);
  bool is_wildcard = gw_str_has_prefix(rest, GW_STR("*."));
  if (is_wildcard) rest = gw_str_skip(rest, 2);
  bool is_good = has_scheme && rest.len > 0;
  for (size_t i = 0; i < rest.len; i++) {
    char c = rest.data[i];
    is_good = is_good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(".-:[]", c) != NULL);
  }
  if (!is_good) {
    gw_reader_mistake(reader, node,
                      "%.*s is no origin; allowed are https://shop.example.com (lower case, without path), https://*.example.com and *",
                      GW_STR_ARG(text));
    return false;
  }
  *ret_match = (struct gw_string_match){.kind = GW_STRING_MATCH_EXACT, .value = text};
  if (!is_wildcard) return true;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf regex = {0};
  gw_strbuf_append(&regex, text.data, (size_t)star);
  gw_strbuf_append_str(&regex, GW_STR("[a-z0-9-]+(?:\\.[a-z0-9-]+)*\\."));
  for (size_t i = 0; i < rest.len; i++) {
    if (strchr(".[]", rest.data[i]) != NULL) gw_strbuf_append_char(&regex, '\\');
    gw_strbuf_append_char(&regex, rest.data[i]);
  }
  *ret_match = (struct gw_string_match){.kind = GW_STRING_MATCH_REGEX, .value = gw_arena_copy(reader->arena, gw_strbuf_str(&regex))};
  return true;
}

static void read_origins(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_cors_route *cors, bool *ret_takes_all) {
  const struct gw_yaml_node *const *items = node->kind == GW_YAML_SEQUENCE ? node->items : &node;
  uint32_t count = node->kind == GW_YAML_SEQUENCE ? node->count : 1;
  if (count == 0 || count > ORIGINS_MAX) {
    gw_reader_mistake(reader, node, "origins has 1 to %u entries", ORIGINS_MAX);
    return;
  }
  struct gw_string_match *origins = gw_arena_calloc(reader->arena, count, sizeof(*origins));
  for (uint32_t i = 0; i < count; i++) {
    if (!read_origin(reader, items[i], &origins[cors->origin_count])) continue;
    *ret_takes_all = *ret_takes_all || gw_str_equal(origins[cors->origin_count].value, GW_STR("*"));
    cors->origin_count++;
  }
  cors->origins = origins;
}

/* Tokens, as "a, b". */
static void read_tokens(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_list) {
  const struct gw_yaml_node *const *items = node->kind == GW_YAML_SEQUENCE ? node->items : &node;
  uint32_t count = node->kind == GW_YAML_SEQUENCE ? node->count : 1;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf list = {0};
  if (count > LIST_MAX) gw_reader_mistake(reader, node, "%s has at most %u entries", what, LIST_MAX);
  for (uint32_t i = 0; i < count && i < LIST_MAX; i++) {
    struct gw_str token;
    if (!gw_reader_text(reader, items[i], what, &token)) continue;
    if (!gw_header_name_is_valid(token)) gw_reader_mistake(reader, items[i], "%.*s can't stand in %s", GW_STR_ARG(token), what);
    if (list.len > 0) gw_strbuf_append_str(&list, GW_STR(", "));
    gw_strbuf_append_str(&list, token);
  }
  *ret_list = gw_arena_copy(reader->arena, gw_strbuf_str(&list));
}

static const struct gw_cors_route *read_cors(const struct gw_reader *reader, const struct gw_yaml_node *node) {
  if (!gw_reader_is_mapping(reader, node, "cors", cors_keys)) return NULL;
  const struct gw_yaml_node *origins = gw_yaml_find(node, "origins"), *methods = gw_yaml_find(node, "methods"),
                            *headers = gw_yaml_find(node, "headers"), *expose = gw_yaml_find(node, "expose"),
                            *max_age = gw_yaml_find(node, "max_age"), *credentials = gw_yaml_find(node, "credentials");
  struct gw_cors_route *cors = gw_arena_calloc(reader->arena, 1, sizeof(*cors));
  bool takes_all = false;
  /* What is not answered here would reach the service without credentials. */
  *cors = (struct gw_cors_route){.allow_methods = GW_STR(METHODS_DEFAULT),
                                 .max_age = GW_STR(MAX_AGE_DEFAULT),
                                 .refuses_other_preflights = true};
  if (origins == NULL)
    gw_reader_mistake(reader, node, "cors needs origins: who may read the answers, such as https://shop.example.com");
  else
    read_origins(reader, origins, cors, &takes_all);
  if (methods != NULL) read_tokens(reader, methods, "methods", &cors->allow_methods);
  if (headers != NULL) read_tokens(reader, headers, "headers", &cors->allow_headers);
  if (expose != NULL) read_tokens(reader, expose, "expose", &cors->expose_headers);
  uint64_t ms;
  if (max_age != NULL && gw_reader_duration(reader, max_age, "max_age", &ms))
    cors->max_age = gw_str_from(gw_arena_printf(reader->arena, "%llu", (unsigned long long)(ms / 1000)));
  if (credentials != NULL) gw_reader_bool(reader, credentials, "credentials", &cors->allows_credentials);
  if (takes_all && cors->allows_credentials)
    gw_reader_mistake(reader, credentials, "with credentials origins can't be *: every site could act for its visitors; list them");
  return cors;
}

static bool is_false(const struct gw_yaml_node *node) {
  return node->kind == GW_YAML_SCALAR && node->is_plain && gw_str_equal(node->text, GW_STR("false"));
}

const struct gw_cors_route *gw_cors_read(const struct gw_reader *reader, const struct gw_yaml_node *route,
                                         const struct gw_browser_defaults *defaults) {
  const struct gw_yaml_node *node = gw_yaml_find(route, "cors");
  if (node == NULL) return defaults->cors;
  return is_false(node) ? NULL : read_cors(reader, node);
}

/* ---- security headers ---- */

/* The key, the field, and what `strict` makes of it (NULL: nothing). */
static const struct {
  const char *key;
  struct gw_str field;
  const char *strict;
} security[] = {
    {"hsts", GW_STR("strict-transport-security"), "max-age=31536000; includeSubDomains"},
    {"content_type_options", GW_STR("x-content-type-options"), "nosniff"},
    {"frame_options", GW_STR("x-frame-options"), "DENY"},
    {"referrer_policy", GW_STR("referrer-policy"), "no-referrer"},
    {"content_security_policy", GW_STR("content-security-policy"), "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"},
    {"permissions_policy", GW_STR("permissions-policy"), NULL},
    {"cross_origin_opener_policy", GW_STR("cross-origin-opener-policy"), NULL},
    {"cross_origin_resource_policy", GW_STR("cross-origin-resource-policy"), NULL},
};
static const char *const security_keys[] = {"hsts",
                                            "content_type_options",
                                            "frame_options",
                                            "referrer_policy",
                                            "content_security_policy",
                                            "permissions_policy",
                                            "cross_origin_opener_policy",
                                            "cross_origin_resource_policy",
                                            "preset",
                                            NULL};

static void read_security_map(const struct gw_reader *reader, const struct gw_yaml_node *node,
                              struct gw_str values[GW_ARRAY_LEN(security)]) {
  for (size_t i = 0; i < GW_ARRAY_LEN(security); i++) {
    const struct gw_yaml_node *value = gw_yaml_find(node, security[i].key);
    struct gw_str text;
    if (value == NULL) continue;
    if (is_false(value)) {
      values[i] = (struct gw_str){NULL, 0};
    } else if (gw_reader_text(reader, value, security[i].key, &text)) {
      if (text.len > VALUE_MAX_BYTES || !gw_header_value_is_valid(text))
        gw_reader_mistake(reader, value, "%s is one line of at most %u bytes", security[i].key, VALUE_MAX_BYTES);
      values[i] = text;
    }
  }
}

static bool take_preset(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_str values[GW_ARRAY_LEN(security)]) {
  struct gw_str word;
  if (!gw_reader_text(reader, node, "security_headers", &word)) return false;
  if (!gw_str_equal(word, GW_STR("strict"))) {
    gw_reader_mistake(reader, node, "%.*s is not strict, false, or a mapping with hsts, frame_options …", GW_STR_ARG(word));
    return false;
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(security); i++)
    values[i] = gw_str_from(security[i].strict);
  return true;
}

/* Set, whatever the service says. */
static const struct gw_header_changes *read_security(const struct gw_reader *reader, const struct gw_yaml_node *node) {
  struct gw_str values[GW_ARRAY_LEN(security)] = {{NULL, 0}};
  if (is_false(node)) return NULL;
  if (node->kind == GW_YAML_MAPPING) {
    if (!gw_reader_is_mapping(reader, node, "security_headers", security_keys)) return NULL;
    const struct gw_yaml_node *preset = gw_yaml_find(node, "preset");
    if (preset != NULL) take_preset(reader, preset, values);
    read_security_map(reader, node, values);
  } else if (!take_preset(reader, node, values)) {
    return NULL;
  }
  struct gw_header_changes *changes = gw_arena_calloc(reader->arena, 1, sizeof(*changes));
  struct gw_header_option *add = gw_arena_calloc(reader->arena, GW_ARRAY_LEN(security), sizeof(*add));
  for (size_t i = 0; i < GW_ARRAY_LEN(security); i++)
    if (values[i].len > 0)
      add[changes->add_count++] = (struct gw_header_option){.name = security[i].field, .value = values[i], .action = GW_HEADER_OVERWRITE};
  changes->add = add;
  return changes->add_count > 0 ? changes : NULL;
}

static const struct gw_header_changes *join(struct gw_arena *arena, const struct gw_header_changes *first,
                                            const struct gw_header_changes *own) {
  if (first == NULL || own == NULL) return first != NULL ? first : own;
  struct gw_header_changes *both = gw_arena_calloc(arena, 1, sizeof(*both));
  struct gw_header_option *add = gw_arena_calloc(arena, first->add_count + own->add_count, sizeof(*add));
  *both = *own;
  for (uint32_t i = 0; i < first->add_count; i++)
    add[i] = first->add[i];
  for (uint32_t i = 0; i < own->add_count; i++)
    add[first->add_count + i] = own->add[i];
  both->add = add;
  both->add_count = first->add_count + own->add_count;
  return both;
}

const struct gw_header_changes *gw_security_headers_read(const struct gw_reader *reader, const struct gw_yaml_node *route,
                                                         const struct gw_browser_defaults *defaults, const struct gw_header_changes *own) {
  const struct gw_yaml_node *node = gw_yaml_find(route, "security_headers");
  return join(reader->arena, node != NULL ? read_security(reader, node) : defaults->security_headers, own);
}

void gw_browser_read_defaults(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_browser_defaults *ret_defaults) {
  const struct gw_yaml_node *cors = gw_yaml_find(root, "cors"), *security_headers = gw_yaml_find(root, "security_headers");
  *ret_defaults = (struct gw_browser_defaults){0};
  if (cors != NULL && !is_false(cors)) ret_defaults->cors = read_cors(reader, cors);
  if (security_headers != NULL) ret_defaults->security_headers = read_security(reader, security_headers);
}
