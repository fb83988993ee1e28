#include "controlplane/policy/access_yaml.h"

#include "common/base/map.h"

#define ROLES_MAX 1000u
#define WORDS_MAX 1000u
#define WORD_MAX_BYTES 128u
#define CLAIMS_MAX 8u

static const char *const access_keys[] = {"roles", "claims", "shadow", NULL};
static const char *const role_keys[] = {"includes", "permissions", NULL};
static const char *const claims_keys[] = {"roles", "permissions", NULL};

/* What may stand in a word: letters, digits and some marks. */
static bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_-./@+", c) != NULL;
}

static bool is_word(struct gw_str word, const char *also) {
  if (word.len == 0 || word.len > WORD_MAX_BYTES) return false;
  for (size_t i = 0; i < word.len; i++)
    if (word.data[i] == '\0' || (!is_word_char(word.data[i]) && strchr(also, word.data[i]) == NULL)) return false;
  return true;
}

bool gw_access_is_role(struct gw_str word) {
  return is_word(word, ":");
}

bool gw_access_is_permission(struct gw_str word) {
  return is_word(word, ":");
}

/* "*", "projects:*", "projects:read". */
static bool is_held_permission(struct gw_str word) {
  struct gw_str rest = word;
  if (gw_str_equal(word, GW_STR("*"))) return true;
  if (gw_str_has_suffix(word, GW_STR(":*"))) rest.len -= 2;
  return gw_access_is_permission(rest);
}

bool gw_access_permits(struct gw_str held, struct gw_str permission) {
  if (gw_str_equal(held, GW_STR("*"))) return true;
  if (!gw_str_has_suffix(held, GW_STR(":*"))) return gw_str_equal(held, permission);
  held.len--;
  return permission.len > held.len && gw_str_has_prefix(permission, held);
}

void gw_access_read_words(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, gw_word_is_good_fn is_good,
                          const char *rule, struct gw_words *ret_words) {
  const struct gw_yaml_node *const *items = node->kind == GW_YAML_SEQUENCE ? node->items : &node;
  uint32_t count = node->kind == GW_YAML_SEQUENCE ? node->count : 1;
  if (count == 0 || count > WORDS_MAX) {
    gw_reader_mistake(reader, node, "%s has 1 to %u entries; leave it out to ask for nothing", what, WORDS_MAX);
    return;
  }
  struct gw_str *words = gw_arena_calloc(reader->arena, count, sizeof(*words));
  uint32_t used = 0;
  struct gw_map *seen = gw_map_new();
  for (uint32_t i = 0; i < count; i++) {
    struct gw_str word;
    if (!gw_reader_text(reader, items[i], what, &word)) continue;
    if (!is_good(word))
      gw_reader_mistake(reader, items[i], "%.*s: %s", GW_STR_ARG(word), rule);
    else if (gw_map_put(seen, word, seen) != NULL)
      gw_reader_mistake(reader, items[i], "%.*s stands here twice", GW_STR_ARG(word));
    else
      words[used++] = word;
  }
  gw_map_free(seen);
  *ret_words = (struct gw_words){words, used};
}

bool gw_access_read_claim(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_json_path *ret_path) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, "a claim", &text)) return false;
  if (gw_json_path_parse(text, reader->arena, ret_path) == GW_OK) return true;
  gw_reader_mistake(reader, node, "%.*s is no claim; write its name, realm_access.roles for one inside another, or a JSON pointer",
                    GW_STR_ARG(text));
  return false;
}

static void read_claims(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what,
                        const struct gw_json_path **ret_claims, uint32_t *ret_count) {
  const struct gw_yaml_node *const *items = node->kind == GW_YAML_SEQUENCE ? node->items : &node;
  uint32_t count = node->kind == GW_YAML_SEQUENCE ? node->count : 1;
  if (count == 0 || count > CLAIMS_MAX) {
    gw_reader_mistake(reader, node, "%s lists 1 to %u claims", what, CLAIMS_MAX);
    return;
  }
  struct gw_json_path *claims = gw_arena_calloc(reader->arena, count, sizeof(*claims));
  *ret_count = 0;
  for (uint32_t i = 0; i < count; i++)
    if (gw_access_read_claim(reader, items[i], &claims[*ret_count])) ++*ret_count;
  *ret_claims = claims;
}

/* What providers of tokens say of their claims; API keys have them under the default names. */
static void default_claims(const struct gw_reader *reader, const struct gw_auth_policy *auth, bool is_roles,
                           const struct gw_json_path **ret_claims, uint32_t *ret_count) {
  struct gw_json_path *claims = gw_arena_calloc(reader->arena, auth->provider_count + 1u, sizeof(*claims));
  struct gw_map *seen = gw_map_new();
  *ret_count = 0;
  for (uint32_t i = 0; i <= auth->provider_count; i++) {
    struct gw_str text = is_roles ? GW_STR("roles") : GW_STR("permissions");
    if (i < auth->provider_count) text = is_roles ? auth->providers[i].claims.roles : auth->providers[i].claims.permissions;
    if (i == auth->provider_count && auth->provider_count > 0 && !auth->has_api_keys) break;
    if (text.len == 0 || gw_map_put(seen, text, seen) != NULL) continue;
    if (gw_json_path_parse(text, reader->arena, &claims[*ret_count]) == GW_OK) ++*ret_count;
  }
  gw_map_free(seen);
  *ret_claims = claims;
}

static void read_role(const struct gw_reader *reader, const struct gw_yaml_pair *pair, struct gw_access_role *role) {
  *role = (struct gw_access_role){.name = pair->key->text, .node = pair->key};
  if (!gw_access_is_role(role->name))
    gw_reader_mistake(reader, pair->key, "%.*s is no role; it has 1 to %u letters, digits and . _ - / @ + :", GW_STR_ARG(role->name),
                      WORD_MAX_BYTES);
  if (gw_yaml_is_null(pair->value) || !gw_reader_is_mapping(reader, pair->value, "a role", role_keys)) return;
  const struct gw_yaml_node *includes = gw_yaml_find(pair->value, "includes"), *permissions = gw_yaml_find(pair->value, "permissions");
  if (includes != NULL)
    gw_access_read_words(reader, includes, "includes", gw_access_is_role,
                         "no role; roles have letters, digits and . _ - / @ + :", &role->includes);
  if (permissions != NULL)
    gw_access_read_words(reader, permissions, "permissions", is_held_permission,
                         "no permission; allowed are projects:read, projects:* and *", &role->permissions);
}

struct closure {
  const struct gw_reader *reader;
  const struct gw_map *by_name; /* → index and one */
  struct gw_access_role *roles;
  uint32_t role_count;
  bool *is_in;
};

/* Marks what `index` includes, and what that does; itself only when it is reached by going round. */
static void walk(struct closure *c, uint32_t index) {
  const struct gw_access_role *role = &c->roles[index];
  for (uint32_t i = 0; i < role->includes.count; i++) {
    size_t found = (size_t)gw_map_find(c->by_name, role->includes.items[i]);
    if (found == 0 || c->is_in[found - 1]) continue;
    c->is_in[found - 1] = true;
    walk(c, (uint32_t)found - 1);
  }
}

static void resolve(struct closure *c, uint32_t index) {
  struct gw_access_role *role = &c->roles[index];
  memset(c->is_in, 0, c->role_count * sizeof(*c->is_in));
  walk(c, index);
  if (c->is_in[index]) gw_reader_mistake(c->reader, role->node, "%.*s includes itself, by way of what it includes", GW_STR_ARG(role->name));
  c->is_in[index] = true;
  uint32_t count = 0;
  for (uint32_t i = 0; i < c->role_count; i++)
    count += c->is_in[i];
  uint32_t *all = gw_arena_calloc(c->reader->arena, count, sizeof(*all));
  for (uint32_t i = 0; i < c->role_count; i++)
    if (c->is_in[i]) all[role->all_count++] = i;
  role->all = all;
}

static void read_roles(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_access_rules_of_file *access) {
  if (!gw_reader_is_mapping(reader, node, "roles", NULL)) return;
  if (node->count > ROLES_MAX) {
    gw_reader_mistake(reader, node, "there are at most %u roles", ROLES_MAX);
    return;
  }
  struct gw_access_role *roles = gw_arena_calloc(reader->arena, node->count, sizeof(*roles));
  struct gw_map *by_name = gw_map_new();
  for (uint32_t i = 0; i < node->count; i++) {
    read_role(reader, &node->pairs[i], &roles[i]);
    gw_map_put(by_name, roles[i].name, (void *)(size_t)(i + 1));
  }
  struct closure closure = {.reader = reader,
                            .by_name = by_name,
                            .roles = roles,
                            .role_count = node->count,
                            .is_in = gw_arena_calloc(reader->arena, node->count, sizeof(bool))};
  for (uint32_t i = 0; i < node->count; i++) {
    for (uint32_t k = 0; k < roles[i].includes.count; k++)
      if (gw_map_find(by_name, roles[i].includes.items[k]) == NULL)
        gw_reader_mistake(reader, roles[i].node, "%.*s includes %.*s, which is no role of this list", GW_STR_ARG(roles[i].name),
                          GW_STR_ARG(roles[i].includes.items[k]));
    resolve(&closure, i);
  }
  gw_map_free(by_name);
  access->roles = roles;
  access->role_count = node->count;
}

void gw_access_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_auth_policy *auth,
                    struct gw_access_rules_of_file *ret_access) {
  *ret_access = (struct gw_access_rules_of_file){0};
  default_claims(reader, auth, true, &ret_access->role_claims, &ret_access->role_claim_count);
  default_claims(reader, auth, false, &ret_access->permission_claims, &ret_access->permission_claim_count);
  if (node == NULL || !gw_reader_is_mapping(reader, node, "access", access_keys)) return;
  const struct gw_yaml_node *roles = gw_yaml_find(node, "roles"), *claims = gw_yaml_find(node, "claims"),
                            *shadow = gw_yaml_find(node, "shadow");
  if (roles != NULL) read_roles(reader, roles, ret_access);
  if (shadow != NULL) gw_reader_bool(reader, shadow, "shadow", &ret_access->is_shadow);
  if (claims == NULL || !gw_reader_is_mapping(reader, claims, "claims", claims_keys)) return;
  const struct gw_yaml_node *of_roles = gw_yaml_find(claims, "roles"), *of_permissions = gw_yaml_find(claims, "permissions");
  if (of_roles != NULL) read_claims(reader, of_roles, "claims: roles", &ret_access->role_claims, &ret_access->role_claim_count);
  if (of_permissions != NULL)
    read_claims(reader, of_permissions, "claims: permissions", &ret_access->permission_claims, &ret_access->permission_claim_count);
}
