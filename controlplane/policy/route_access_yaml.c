/* What a route asks of who calls it: roles, permissions, require, rules. */
#include "common/message/headers.h"
#include "common/model/rbac.h"
#include "common/net/address.h"
#include "common/routing/path_template.h"
#include "controlplane/policy/access_yaml.h"

#define RULES_MAX 99u
#define CONDITIONS_MAX 32u
#define NO_RANGE "no range of addresses, such as 10.0.0.0/8 or 2001:db8::/32, or it has bits set behind its prefix"

static const char *const rule_keys[] = {"name", "allow", "deny", NULL};
static const char *const condition_keys[] = {"roles",        "permissions", "require", "methods", "parameters", "client_addresses",
                                             "certificates", "claims",      NULL};
/* Those that only an identity can meet. */
static const char *const identity_keys[] = {"roles", "permissions", "parameters", "claims", NULL};

struct route_reader {
  const struct gw_reader *reader;
  const struct gw_path_pattern *path;
  const struct gw_access_rules_of_file *access;
};

static const struct gw_yaml_node *find_identity_key(const struct gw_yaml_node *conditions) {
  for (size_t i = 0; identity_keys[i] != NULL; i++) {
    const struct gw_yaml_node *node = gw_yaml_find(conditions, identity_keys[i]);
    if (node != NULL) return node;
  }
  return NULL;
}

const struct gw_yaml_node *gw_route_access_find_identity(const struct gw_yaml_node *route) {
  const struct gw_yaml_node *roles = gw_yaml_find(route, "roles"), *permissions = gw_yaml_find(route, "permissions"),
                            *rules = gw_yaml_find(route, "rules");
  if (roles != NULL || permissions != NULL) return roles != NULL ? roles : permissions;
  for (uint32_t i = 0; rules != NULL && rules->kind == GW_YAML_SEQUENCE && i < rules->count; i++) {
    const struct gw_yaml_node *allow = gw_yaml_find(rules->items[i], "allow"), *deny = gw_yaml_find(rules->items[i], "deny");
    const struct gw_yaml_node *found = allow != NULL ? find_identity_key(allow) : NULL;
    if (found == NULL && deny != NULL) found = find_identity_key(deny);
    if (found != NULL) return found;
  }
  return NULL;
}

static bool is_method(struct gw_str word) {
  bool is_upper = gw_header_name_is_valid(word) && word.len <= 32;
  for (size_t i = 0; i < word.len; i++)
    is_upper = is_upper && (word.data[i] < 'a' || word.data[i] > 'z');
  return is_upper;
}

static bool is_range(struct gw_str word) {
  struct gw_cidr cidr;
  return gw_cidr_parse(word, &cidr) == GW_OK;
}

static bool is_certificate(struct gw_str word) {
  ptrdiff_t star = gw_str_find_char(word, '*');
  return word.len > 0 && word.len <= 1024 && (star < 0 || (size_t)star + 1 == word.len);
}

static bool is_claim_value(struct gw_str word) {
  return word.len <= 1024;
}

static void read_require(const struct gw_reader *reader, const struct gw_yaml_node *node, bool *ret_needs_all) {
  struct gw_str word;
  if (!gw_reader_text(reader, node, "require", &word)) return;
  *ret_needs_all = gw_str_equal(word, GW_STR("all"));
  if (!*ret_needs_all && !gw_str_equal(word, GW_STR("any"))) gw_reader_mistake(reader, node, "%.*s is not any or all", GW_STR_ARG(word));
}

/* A role that no list knows is most often a slip of the pen; without a list any is good. */
static void check_roles(const struct route_reader *r, const struct gw_yaml_node *node, const struct gw_words *roles) {
  if (r->access->role_count == 0) return;
  for (uint32_t i = 0; i < roles->count; i++) {
    bool is_known = false;
    for (uint32_t k = 0; k < r->access->role_count && !is_known; k++)
      is_known = gw_str_equal(r->access->roles[k].name, roles->items[i]);
    if (!is_known) gw_reader_warn(r->reader, node, "%.*s is no role of access: roles", GW_STR_ARG(roles->items[i]));
  }
}

static void read_roles(const struct route_reader *r, const struct gw_yaml_node *conditions, struct gw_access_conditions *out) {
  const struct gw_yaml_node *roles = gw_yaml_find(conditions, "roles"), *permissions = gw_yaml_find(conditions, "permissions"),
                            *require = gw_yaml_find(conditions, "require");
  if (roles != NULL) {
    gw_access_read_words(r->reader, roles, "roles", gw_access_is_role,
                         "no role; roles have letters, digits and . _ - / @ + :", &out->roles);
    check_roles(r, roles, &out->roles);
  }
  if (permissions != NULL)
    gw_access_read_words(r->reader, permissions, "permissions", gw_access_is_permission,
                         "no permission; write it without wildcards, such as projects:read: who holds projects:* or * has it",
                         &out->permissions);
  if (require != NULL) read_require(r->reader, require, &out->needs_all);
  if (require != NULL && roles == NULL && permissions == NULL)
    gw_reader_mistake(r->reader, require, "require says how many of roles and permissions are needed; there are none");
}

/* A variable of the path that data planes know by name. */
static bool has_parameter(const struct gw_path_pattern *path, struct gw_str name) {
  struct gw_path_template template;
  const char *why;
  if (path->is_regex || gw_path_template_parse(path->text, &template, &why) != GW_OK) return false;
  for (uint32_t i = 0; i < template.variable_count; i++)
    if (gw_str_equal(template.variables[i].name, name)) return true;
  return false;
}

static void read_parameters(const struct route_reader *r, const struct gw_yaml_node *node, struct gw_access_conditions *out) {
  if (!gw_reader_is_mapping(r->reader, node, "parameters", NULL)) return;
  struct gw_access_parameter *parameters = gw_arena_calloc(r->reader->arena, node->count, sizeof(*parameters));
  if (node->count == 0) gw_reader_mistake(r->reader, node, "parameters is empty; write {id: project}, a variable of the path and a claim");
  for (uint32_t i = 0; i < node->count; i++) {
    struct gw_access_parameter *parameter = &parameters[out->parameter_count];
    parameter->name = node->pairs[i].key->text;
    if (!has_parameter(r->path, parameter->name))
      gw_reader_mistake(r->reader, node->pairs[i].key,
                        "%.*s is no variable of the path (which needs at most %u, with names of at most %u characters)",
                        GW_STR_ARG(parameter->name), GW_PATH_TEMPLATE_VARIABLES_MAX, GW_PATH_TEMPLATE_NAME_MAX);
    if (gw_access_read_claim(r->reader, node->pairs[i].value, &parameter->claim)) out->parameter_count++;
  }
  out->parameters = parameters;
}

static void read_claims(const struct route_reader *r, const struct gw_yaml_node *node, struct gw_access_conditions *out) {
  if (!gw_reader_is_mapping(r->reader, node, "claims", NULL)) return;
  if (node->count == 0 || node->count > CONDITIONS_MAX) {
    gw_reader_mistake(r->reader, node, "claims has 1 to %u entries, such as tenant: acme", CONDITIONS_MAX);
    return;
  }
  struct gw_access_claim_condition *claims = gw_arena_calloc(r->reader->arena, node->count, sizeof(*claims));
  for (uint32_t i = 0; i < node->count; i++) {
    struct gw_access_claim_condition *claim = &claims[out->claim_count];
    if (!gw_access_read_claim(r->reader, node->pairs[i].key, &claim->claim)) continue;
    gw_access_read_words(r->reader, node->pairs[i].value, "a claim's values", is_claim_value, "longer than 1024 bytes", &claim->values);
    out->claim_count++;
  }
  out->claims = claims;
}

static void read_conditions(const struct route_reader *r, const struct gw_yaml_node *node, const char *what,
                            struct gw_access_conditions *out) {
  if (gw_yaml_is_null(node) || !gw_reader_is_mapping(r->reader, node, what, condition_keys)) return;
  const struct gw_yaml_node *methods = gw_yaml_find(node, "methods"), *parameters = gw_yaml_find(node, "parameters"),
                            *clients = gw_yaml_find(node, "client_addresses"), *certificates = gw_yaml_find(node, "certificates"),
                            *claims = gw_yaml_find(node, "claims");
  read_roles(r, node, out);
  if (methods != NULL)
    gw_access_read_words(r->reader, methods, "methods", is_method, "no method; methods are upper case, such as GET", &out->methods);
  if (parameters != NULL) read_parameters(r, parameters, out);
  if (clients != NULL) gw_access_read_words(r->reader, clients, "client_addresses", is_range, NO_RANGE, &out->clients);
  if (certificates != NULL)
    gw_access_read_words(r->reader, certificates, "certificates", is_certificate,
                         "no name of a certificate; a * may stand at the end, such as spiffe://example.com/team/*", &out->certificates);
  if (claims != NULL) read_claims(r, claims, out);
}

static bool is_rule_name(struct gw_str name) {
  return gw_access_is_role(name) && !gw_str_equal(name, GW_STR("none"));
}

static void read_rule(const struct route_reader *r, const struct gw_yaml_node *node, uint32_t number, struct gw_access_rule_entry *rule) {
  *rule = (struct gw_access_rule_entry){0};
  if (!gw_reader_is_mapping(r->reader, node, "a rule", rule_keys)) return;
  const struct gw_yaml_node *name = gw_yaml_find(node, "name"), *allow = gw_yaml_find(node, "allow"), *deny = gw_yaml_find(node, "deny");
  rule->name = gw_str_from(gw_arena_printf(r->reader->arena, "rule-%02u", number));
  if (name != NULL && gw_reader_text(r->reader, name, "name", &rule->name) && !is_rule_name(rule->name))
    gw_reader_mistake(r->reader, name, "a rule's name has letters, digits and . _ - / @ + :, and is not none");
  rule->denies = deny != NULL;
  if ((allow == NULL) == (deny == NULL)) {
    gw_reader_mistake(r->reader, node, "a rule has either allow or deny");
    return;
  }
  read_conditions(r, deny != NULL ? deny : allow, deny != NULL ? "deny" : "allow", &rule->conditions);
  if (deny == NULL) return;
  if (gw_yaml_is_null(deny) || deny->count == 0) gw_reader_mistake(r->reader, deny, "this denies everybody; say whom");
  const struct gw_yaml_node *permissions = gw_yaml_find(deny, "permissions");
  if (permissions != NULL)
    gw_reader_mistake(r->reader, permissions, "a permission is no reason to deny; write roles, claims, methods or addresses");
}

static void check_names(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_route_access *access) {
  for (uint32_t i = 0; i < access->rule_count; i++)
    for (uint32_t k = 0; k < i; k++)
      if (gw_str_equal(access->rules[i].name, access->rules[k].name))
        gw_reader_mistake(reader, node->items[i], "two rules are called %.*s", GW_STR_ARG(access->rules[i].name));
}

static void read_rules(const struct route_reader *r, const struct gw_yaml_node *node, struct gw_route_access *out) {
  if (!gw_reader_is_list(r->reader, node, "rules")) return;
  if (node->count == 0 || node->count > RULES_MAX) {
    gw_reader_mistake(r->reader, node, "rules has 1 to %u entries", RULES_MAX);
    return;
  }
  struct gw_access_rule_entry *rules = gw_arena_calloc(r->reader->arena, node->count, sizeof(*rules));
  bool allows = out->of_all.roles.count > 0 || out->of_all.permissions.count > 0;
  for (uint32_t i = 0; i < node->count; i++) {
    read_rule(r, node->items[i], i + 1, &rules[i]);
    allows = allows || gw_yaml_find(node->items[i], "allow") != NULL;
  }
  out->rules = rules;
  out->rule_count = node->count;
  check_names(r->reader, node, out);
  if (!allows)
    gw_reader_mistake(r->reader, node, "what no rule allows is refused, and none of these allows anything; add - allow: {} for all others");
}

/* The tree as text, so that routes which say the same are known as such. */
static void append_node(struct gw_strbuf *out, const struct gw_yaml_node *node) {
  if (node == NULL) return;
  gw_strbuf_printf(out, "%d%u:", (int)node->kind, node->kind == GW_YAML_SCALAR ? (unsigned)node->text.len : node->count);
  if (node->kind == GW_YAML_SCALAR) gw_strbuf_append_str(out, node->text);
  for (uint32_t i = 0; node->kind != GW_YAML_SCALAR && i < node->count; i++) {
    if (node->kind == GW_YAML_MAPPING) append_node(out, node->pairs[i].key);
    append_node(out, node->kind == GW_YAML_MAPPING ? node->pairs[i].value : node->items[i]);
  }
}

void gw_route_access_read(const struct gw_reader *reader, const struct gw_yaml_node *route, const struct gw_path_pattern *path,
                          const struct gw_access_rules_of_file *access, struct gw_route_access *ret_access) {
  static const char *const keys[] = {"roles", "permissions", "require", "rules", "allow_from", "deny_from"};
  const struct route_reader r = {reader, path, access};
  const struct gw_yaml_node *rules = gw_yaml_find(route, "rules"), *allow = gw_yaml_find(route, "allow_from"),
                            *deny = gw_yaml_find(route, "deny_from");
  *ret_access = (struct gw_route_access){0};
  read_roles(&r, route, &ret_access->of_all);
  if (rules != NULL) read_rules(&r, rules, ret_access);
  if (allow != NULL) gw_access_read_words(reader, allow, "allow_from", is_range, NO_RANGE, &ret_access->allow_from);
  if (deny != NULL) gw_access_read_words(reader, deny, "deny_from", is_range, NO_RANGE, &ret_access->deny_from);
  struct gw_strbuf key;
  gw_strbuf_init(&key);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const struct gw_yaml_node *node = gw_yaml_find(route, keys[i]);
    if (node != NULL) gw_strbuf_printf(&key, "%s=", keys[i]);
    append_node(&key, node);
  }
  ret_access->key = gw_arena_copy(reader->arena, gw_strbuf_str(&key));
  gw_strbuf_done(&key);
}
