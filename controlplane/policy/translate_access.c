#include "controlplane/policy/translate_access.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/access.h"

/* The policy of a route that has no rules, only roles and permissions. */
#define REQUIREMENT_NAME "requirement"

typedef struct gw_rbac_rule Rule;
typedef struct gw_value_match Value;

struct translation {
  struct gw_arena *arena;
  const struct gw_access_rules_of_file *access;
};

/* A growing AND or OR. */
struct parts {
  Rule *items;
  uint32_t count;
};

static struct parts parts_new(const struct translation *t, uint32_t max) {
  return (struct parts){gw_arena_calloc(t->arena, max, sizeof(Rule)), 0};
}

/* One is itself; all of nothing is always true, one of nothing never. */
static Rule combine(struct parts parts, enum gw_rbac_rule_kind kind) {
  static const Rule anybody = {.kind = GW_RBAC_ANY};
  if (parts.count == 0 && kind == GW_RBAC_OR) return (Rule){.kind = GW_RBAC_NOT, .children = &anybody, .child_count = 1};
  if (parts.count == 0) return anybody;
  if (parts.count == 1) return parts.items[0];
  return (Rule){.kind = kind, .children = parts.items, .child_count = parts.count};
}

/* ---- claims ---- */

/* A number or a truth value that is written so in YAML may be one in the claim, too. */
static bool make_scalar(struct gw_str word, Value *ret_value) {
  struct gw_str digits = word;
  uint64_t number;
  bool is_true = gw_str_equal(word, GW_STR("true"));
  if (is_true || gw_str_equal(word, GW_STR("false"))) {
    *ret_value = (Value){.kind = GW_VALUE_MATCH_BOOL, .boolean = is_true};
    return true;
  }
  bool is_negative = word.len > 1 && word.data[0] == '-';
  if (is_negative) digits = gw_str_skip(word, 1);
  if (digits.len > 15 || gw_str_parse_u64(digits, &number) != GW_OK) return false;
  *ret_value = (Value){.kind = GW_VALUE_MATCH_EXACT_NUMBER, .from = is_negative ? -(double)number : (double)number};
  return true;
}

static Value one_of(const struct translation *t, const struct gw_words *words) {
  Value *values = gw_arena_calloc(t->arena, 2 * (size_t)words->count, sizeof(*values));
  uint32_t count = 0;
  for (uint32_t i = 0; i < words->count; i++) {
    values[count++] = (Value){.kind = GW_VALUE_MATCH_STRING, .string = {.kind = GW_STRING_MATCH_EXACT, .value = words->items[i]}};
    if (make_scalar(words->items[i], &values[count])) count++;
  }
  if (count == 1) return values[0];
  return (Value){.kind = GW_VALUE_MATCH_OR, .values = values, .value_count = count};
}

/* RFC 9068: what a token may, as words with spaces between. */
static bool has_words(const struct gw_json_path *claim) {
  struct gw_str last = claim->segments[claim->count - 1];
  return gw_str_equal(last, GW_STR("scope")) || gw_str_equal(last, GW_STR("scp"));
}

static struct gw_str format_words_regex(const struct translation *t, const struct gw_words *words) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf text = {0};
  gw_strbuf_append_str(&text, GW_STR("(?:.* )?(?:"));
  for (uint32_t i = 0; i < words->count; i++) {
    if (i > 0) gw_strbuf_append_char(&text, '|');
    for (size_t k = 0; k < words->items[i].len; k++) {
      if (strchr(".+*?()|[]{}^$\\", words->items[i].data[k]) != NULL) gw_strbuf_append_char(&text, '\\');
      gw_strbuf_append_char(&text, words->items[i].data[k]);
    }
  }
  gw_strbuf_append_str(&text, GW_STR(")(?: .*)?"));
  return gw_arena_copy(t->arena, gw_strbuf_str(&text));
}

static const struct gw_str *with_key(const struct translation *t, const struct gw_json_path *claim) {
  struct gw_str *path = gw_arena_calloc(t->arena, claim->count + 1u, sizeof(*path));
  path[0] = GW_STR(GW_CLAIMS_KEY);
  memcpy(path + 1, claim->segments, claim->count * sizeof(*path));
  return path;
}

/* The claim is one of the words, or a list that has one of them. */
static Rule claim_has(const struct translation *t, const struct gw_json_path *claim, const struct gw_words *words) {
  Value *values = gw_arena_calloc(t->arena, 3, sizeof(*values)), *item = gw_arena_alloc(t->arena, sizeof(*item));
  struct gw_claim_match *match = gw_arena_calloc(t->arena, 1, sizeof(*match));
  *item = one_of(t, words);
  values[0] = (Value){.kind = GW_VALUE_MATCH_LIST, .values = item, .value_count = 1};
  values[1] = *item;
  if (has_words(claim))
    values[2] = (Value){.kind = GW_VALUE_MATCH_STRING, .string = {.kind = GW_STRING_MATCH_REGEX, .value = format_words_regex(t, words)}};
  match->path = with_key(t, claim);
  match->path_count = claim->count + 1;
  match->value = (Value){.kind = GW_VALUE_MATCH_OR, .values = values, .value_count = has_words(claim) ? 3 : 2};
  return (Rule){.kind = GW_RBAC_CLAIM, .claim = match};
}

static void add_claims(const struct translation *t, const struct gw_json_path *claims, uint32_t count, const struct gw_words *words,
                       struct parts *parts) {
  for (uint32_t i = 0; words->count > 0 && i < count; i++)
    parts->items[parts->count++] = claim_has(t, &claims[i], words);
}

/* ---- roles and permissions ---- */

struct set {
  struct gw_map *seen;
  struct gw_str *items;
  uint32_t count;
};

static void add_word(struct set *set, struct gw_str word) {
  if (gw_map_put(set->seen, word, set) == NULL) set->items[set->count++] = word;
}

static bool role_includes(const struct translation *t, const struct gw_access_role *role, struct gw_str name) {
  for (uint32_t i = 0; i < role->all_count; i++)
    if (gw_str_equal(t->access->roles[role->all[i]].name, name)) return true;
  return false;
}

static bool role_permits(const struct translation *t, const struct gw_access_role *role, struct gw_str permission) {
  for (uint32_t i = 0; i < role->all_count; i++) {
    const struct gw_words *held = &t->access->roles[role->all[i]].permissions;
    for (uint32_t k = 0; k < held->count; k++)
      if (gw_access_permits(held->items[k], permission)) return true;
  }
  return false;
}

/* The role, and those that include it. */
static void add_role(const struct translation *t, struct gw_str name, struct set *set) {
  add_word(set, name);
  for (uint32_t i = 0; i < t->access->role_count; i++)
    if (role_includes(t, &t->access->roles[i], name)) add_word(set, t->access->roles[i].name);
}

static Rule roles_rule(const struct translation *t, const struct gw_str *names, uint32_t count, bool is_exact) {
  struct set set = {.seen = gw_map_new(), .items = gw_arena_calloc(t->arena, count + t->access->role_count, sizeof(struct gw_str))};
  for (uint32_t i = 0; i < count; i++) {
    if (is_exact)
      add_word(&set, names[i]);
    else
      add_role(t, names[i], &set);
  }
  gw_map_free(set.seen);
  struct parts parts = parts_new(t, t->access->role_claim_count);
  const struct gw_words words = {set.items, set.count};
  add_claims(t, t->access->role_claims, t->access->role_claim_count, &words, &parts);
  return combine(parts, GW_RBAC_OR);
}

/* "a:b:c" is had by who holds a:b:c, a:b:*, a:* or *. */
static void add_holders(const struct translation *t, struct gw_str permission, struct set *set) {
  add_word(set, permission);
  for (size_t i = permission.len; i > 0; i--)
    if (permission.data[i - 1] == ':') add_word(set, gw_str_from(gw_arena_printf(t->arena, "%.*s*", (int)i, permission.data)));
  add_word(set, GW_STR("*"));
}

static uint32_t count_colons(const struct gw_str *names, uint32_t count) {
  uint32_t colons = 0;
  for (uint32_t i = 0; i < count; i++)
    for (size_t k = 0; k < names[i].len; k++)
      colons += names[i].data[k] == ':';
  return colons;
}

/* One of these, held directly or by way of a role. */
static Rule permissions_rule(const struct translation *t, const struct gw_str *names, uint32_t count) {
  uint32_t most = 2 * count + count_colons(names, count);
  struct set held = {.seen = gw_map_new(), .items = gw_arena_calloc(t->arena, most, sizeof(struct gw_str))},
             roles = {.seen = gw_map_new(), .items = gw_arena_calloc(t->arena, t->access->role_count, sizeof(struct gw_str))};
  for (uint32_t i = 0; i < count; i++) {
    add_holders(t, names[i], &held);
    for (uint32_t k = 0; k < t->access->role_count; k++)
      if (role_permits(t, &t->access->roles[k], names[i])) add_word(&roles, t->access->roles[k].name);
  }
  gw_map_free(held.seen);
  gw_map_free(roles.seen);
  struct parts parts = parts_new(t, t->access->permission_claim_count + t->access->role_claim_count);
  const struct gw_words held_words = {held.items, held.count}, role_words = {roles.items, roles.count};
  add_claims(t, t->access->permission_claims, t->access->permission_claim_count, &held_words, &parts);
  add_claims(t, t->access->role_claims, t->access->role_claim_count, &role_words, &parts);
  return combine(parts, GW_RBAC_OR);
}

static uint32_t count_identity(const struct gw_access_conditions *conditions) {
  return conditions->roles.count + conditions->permissions.count;
}

/* `is_exact`: of a rule that denies: who has more than a role is not who has it. */
static void add_identity(const struct translation *t, const struct gw_access_conditions *c, bool is_exact, struct parts *parts) {
  for (uint32_t i = 0; c->needs_all && i < c->roles.count; i++)
    parts->items[parts->count++] = roles_rule(t, &c->roles.items[i], 1, is_exact);
  for (uint32_t i = 0; c->needs_all && i < c->permissions.count; i++)
    parts->items[parts->count++] = permissions_rule(t, &c->permissions.items[i], 1);
  if (c->needs_all) return;
  if (c->roles.count > 0) parts->items[parts->count++] = roles_rule(t, c->roles.items, c->roles.count, is_exact);
  if (c->permissions.count > 0) parts->items[parts->count++] = permissions_rule(t, c->permissions.items, c->permissions.count);
}

/* ---- the other conditions ---- */

static Rule method_is(const struct translation *t, struct gw_str method) {
  struct gw_header_match *header = gw_arena_calloc(t->arena, 1, sizeof(*header));
  *header = (struct gw_header_match){.name = GW_STR(":method"), .kind = GW_STRING_MATCH_EXACT, .value = method};
  return (Rule){.kind = GW_RBAC_HEADER, .header = header};
}

/* GET says HEAD, too, as in routes. */
static Rule methods_rule(const struct translation *t, const struct gw_words *methods) {
  struct parts parts = parts_new(t, methods->count + 1);
  bool has_get = false, has_head = false;
  for (uint32_t i = 0; i < methods->count; i++) {
    has_get = has_get || gw_str_equal(methods->items[i], GW_STR("GET"));
    has_head = has_head || gw_str_equal(methods->items[i], GW_STR("HEAD"));
    parts.items[parts.count++] = method_is(t, methods->items[i]);
  }
  if (has_get && !has_head) parts.items[parts.count++] = method_is(t, GW_STR("HEAD"));
  return combine(parts, GW_RBAC_OR);
}

static Rule parameter_rule(const struct translation *t, const struct gw_access_parameter *parameter) {
  struct gw_parameter_match *match = gw_arena_calloc(t->arena, 1, sizeof(*match));
  *match = (struct gw_parameter_match){.name = parameter->name,
                                       .path = with_key(t, &parameter->claim),
                                       .path_count = parameter->claim.count + 1};
  return (Rule){.kind = GW_RBAC_PARAMETER, .parameter = match};
}

static struct gw_str with_length(const struct translation *t, struct gw_str range) {
  if (gw_str_find_char(range, '/') >= 0) return range;
  return gw_str_from(gw_arena_printf(t->arena, "%.*s/%d", GW_STR_ARG(range), gw_str_find_char(range, ':') >= 0 ? 128 : 32));
}

static Rule clients_rule(const struct translation *t, const struct gw_words *clients) {
  struct parts parts = parts_new(t, clients->count);
  for (uint32_t i = 0; i < clients->count; i++)
    parts.items[parts.count++] = (Rule){.kind = GW_RBAC_REMOTE_IP, .cidr = with_length(t, clients->items[i])};
  return combine(parts, GW_RBAC_OR);
}

/* "*" alone is any certificate, of which something is said. */
static Rule certificates_rule(const struct translation *t, const struct gw_words *certificates) {
  struct parts parts = parts_new(t, certificates->count);
  for (uint32_t i = 0; i < certificates->count; i++) {
    struct gw_string_match *text = gw_arena_calloc(t->arena, 1, sizeof(*text));
    struct gw_str name = certificates->items[i];
    bool is_prefix = name.data[name.len - 1] == '*';
    if (is_prefix) name.len--;
    *text = (struct gw_string_match){.kind = is_prefix ? GW_STRING_MATCH_PREFIX : GW_STRING_MATCH_EXACT, .value = name};
    if (name.len == 0) *text = (struct gw_string_match){.kind = GW_STRING_MATCH_REGEX, .value = GW_STR(".+")};
    parts.items[parts.count++] = (Rule){.kind = GW_RBAC_AUTHENTICATED, .text = text};
  }
  return combine(parts, GW_RBAC_OR);
}

/* ---- policies ---- */

static Rule *only(const struct translation *t, Rule rule) {
  Rule *own = gw_arena_alloc(t->arena, sizeof(*own));
  *own = rule;
  return own;
}

/* `of_all` may be NULL. */
static struct gw_rbac_policy make_policy(const struct translation *t, struct gw_str name, const struct gw_access_conditions *of_all,
                                         const struct gw_access_conditions *c, bool denies) {
  struct parts what = parts_new(t, c->parameter_count + 1);
  struct parts who = parts_new(t, count_identity(c) + (of_all != NULL ? count_identity(of_all) : 0) + c->claim_count + 2);
  if (c->methods.count > 0) what.items[what.count++] = methods_rule(t, &c->methods);
  for (uint32_t i = 0; i < c->parameter_count; i++)
    what.items[what.count++] = parameter_rule(t, &c->parameters[i]);
  if (of_all != NULL) add_identity(t, of_all, false, &who);
  add_identity(t, c, denies, &who);
  for (uint32_t i = 0; i < c->claim_count; i++)
    who.items[who.count++] = claim_has(t, &c->claims[i].claim, &c->claims[i].values);
  if (c->clients.count > 0) who.items[who.count++] = clients_rule(t, &c->clients);
  if (c->certificates.count > 0) who.items[who.count++] = certificates_rule(t, &c->certificates);
  return (struct gw_rbac_policy){.name = name,
                                 .permissions = {.kind = GW_RBAC_OR, .children = only(t, combine(what, GW_RBAC_AND)), .child_count = 1},
                                 .principals = {.kind = GW_RBAC_OR, .children = only(t, combine(who, GW_RBAC_AND)), .child_count = 1}};
}

static int compare_policies(const void *left, const void *right) {
  return gw_str_compare(((const struct gw_rbac_policy *)left)->name, ((const struct gw_rbac_policy *)right)->name);
}

static const struct gw_rbac_route *make_route(const struct translation *t, enum gw_rbac_action action, struct gw_rbac_policy *policies,
                                              uint32_t count) {
  if (count == 0) return NULL;
  struct gw_rbac *rbac = gw_arena_calloc(t->arena, 1, sizeof(*rbac));
  struct gw_rbac_route *route = gw_arena_calloc(t->arena, 1, sizeof(*route));
  if (count > 1) qsort(policies, count, sizeof(*policies), compare_policies);
  *rbac = (struct gw_rbac){.action = action, .policies = policies, .policy_count = count};
  *(t->access->is_shadow ? &route->rules.shadow : &route->rules.rules) = rbac;
  return route;
}

static const struct gw_str *translate_ranges(const struct translation *t, const struct gw_words *ranges) {
  struct gw_str *out = gw_arena_calloc(t->arena, ranges->count, sizeof(*out));
  for (uint32_t i = 0; i < ranges->count; i++)
    out[i] = with_length(t, ranges->items[i]);
  return out;
}

static const struct gw_access_route *translate_addresses(const struct translation *t, const struct gw_route_access *from) {
  if (from->allow_from.count == 0 && from->deny_from.count == 0) return NULL;
  struct gw_access_route *route = gw_arena_alloc(t->arena, sizeof(*route));
  *route = (struct gw_access_route){.allow = translate_ranges(t, &from->allow_from),
                                    .deny = translate_ranges(t, &from->deny_from),
                                    .allow_count = from->allow_from.count,
                                    .deny_count = from->deny_from.count};
  return route;
}

void gw_policy_translate_access(const struct gw_access_rules_of_file *access, const struct gw_route_access *route, struct gw_arena *arena,
                                struct gw_route_filters *filters) {
  const struct translation t = {arena, access};
  static const struct gw_access_conditions nothing = {0};
  struct gw_rbac_policy *allow = gw_arena_calloc(arena, route->rule_count + 1u, sizeof(*allow)),
                        *deny = gw_arena_calloc(arena, route->rule_count, sizeof(*deny));
  uint32_t allow_count = 0, deny_count = 0;
  for (uint32_t i = 0; i < route->rule_count; i++) {
    const struct gw_access_rule_entry *rule = &route->rules[i];
    if (rule->denies)
      deny[deny_count++] = make_policy(&t, rule->name, NULL, &rule->conditions, true);
    else
      allow[allow_count++] = make_policy(&t, rule->name, &route->of_all, &rule->conditions, false);
  }
  if (allow_count == 0 && count_identity(&route->of_all) > 0)
    allow[allow_count++] = make_policy(&t, GW_STR(REQUIREMENT_NAME), &route->of_all, &nothing, false);
  filters->access = translate_addresses(&t, route);
  filters->rbac = make_route(&t, GW_RBAC_ALLOW, allow, allow_count);
  filters->rbac_deny = make_route(&t, GW_RBAC_DENY, deny, deny_count);
}
