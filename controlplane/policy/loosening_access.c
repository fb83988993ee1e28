/* Roles, permissions, rules and addresses. What a route asks of its callers becomes rules that let in, each a list of clauses of which all
 * must be met, by one of their atoms ("who has role admin in claim roles"). A rule is no wider than another one if each clause of that one
 * has a clause here which is part of it: exact, as long as atoms say nothing of each other. */
#include "common/base/map.h"
#include "controlplane/policy/loosening_internal.h"

#define PIECES_MAX 256u /* that a rule is cut into */

struct words {
  struct gw_str *items;
  uint32_t count;
  uint32_t cap;
};

struct clause {
  enum gw_loosening_kind kind; /* ROLES or PERMISSIONS */
  const struct gw_words *of;   /* as written … */
  uint32_t first;              /* … from this one on … */
  uint32_t count;              /* … so many */
};

struct rule {
  struct gw_str name;
  struct clause *clauses;
  uint32_t clause_count;
  bool is_exact;                                 /* of a rule that denies: who has more than a role is not who has it */
  const struct gw_access_conditions *conditions; /* all but roles and permissions */
  struct gw_str method;                          /* of conditions->methods only this one; empty: all of them */
};

struct rules {
  struct rule *items;
  uint32_t count;
};

struct comparison {
  const struct gw_loosening_pair *pair;
  struct gw_arena *arena;
};

/* ---- atoms ---- */

static void add_word(struct words *words, struct gw_str word, struct gw_arena *arena) {
  if (words->count == words->cap) {
    uint32_t cap = words->cap > 0 ? 2 * words->cap : 16;
    struct gw_str *more = gw_arena_calloc(arena, cap, sizeof(*more));
    if (words->count > 0) memcpy(more, words->items, words->count * sizeof(*more));
    words->items = more;
    words->cap = cap;
  }
  words->items[words->count++] = word;
}

static struct gw_str path_text(const struct gw_json_path *path, struct gw_arena *arena) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (uint32_t i = 0; i < path->count; i++)
    gw_strbuf_printf(&text, "/%.*s", GW_STR_ARG(path->segments[i]));
  struct gw_str copy = gw_arena_copy(arena, gw_strbuf_str(&text));
  gw_strbuf_done(&text);
  return copy;
}

static void add_atoms(struct words *atoms, const char *kind, const struct gw_json_path *claims, uint32_t claim_count, struct gw_str word,
                      struct gw_arena *arena) {
  for (uint32_t i = 0; i < claim_count; i++)
    add_word(atoms, gw_str_from(gw_arena_printf(arena, "%s%.*s=%.*s", kind, GW_STR_ARG(path_text(&claims[i], arena)), GW_STR_ARG(word))),
             arena);
}

static bool role_includes(const struct gw_access_rules_of_file *access, const struct gw_access_role *role, struct gw_str name) {
  for (uint32_t i = 0; i < role->all_count; i++)
    if (gw_str_equal(access->roles[role->all[i]].name, name)) return true;
  return false;
}

static bool role_permits(const struct gw_access_rules_of_file *access, const struct gw_access_role *role, struct gw_str permission) {
  for (uint32_t i = 0; i < role->all_count; i++) {
    const struct gw_words *held = &access->roles[role->all[i]].permissions;
    for (uint32_t k = 0; k < held->count; k++)
      if (gw_access_permits(held->items[k], permission)) return true;
  }
  return false;
}

static void add_role(const struct gw_access_rules_of_file *access, struct gw_str name, bool is_exact, struct words *atoms,
                     struct gw_arena *arena) {
  add_atoms(atoms, "role", access->role_claims, access->role_claim_count, name, arena);
  for (uint32_t i = 0; i < access->role_count && !is_exact; i++)
    if (!gw_str_equal(access->roles[i].name, name) && role_includes(access, &access->roles[i], name))
      add_atoms(atoms, "role", access->role_claims, access->role_claim_count, access->roles[i].name, arena);
}

/* "a:b" is had by who holds a:b, a:* or *, and by roles that permit it. */
static void add_permission(const struct gw_access_rules_of_file *access, struct gw_str name, struct words *atoms, struct gw_arena *arena) {
  add_atoms(atoms, "permission", access->permission_claims, access->permission_claim_count, name, arena);
  for (uint32_t i = 0; i < access->role_count; i++)
    if (role_permits(access, &access->roles[i], name))
      add_atoms(atoms, "role", access->role_claims, access->role_claim_count, access->roles[i].name, arena);
}

static struct words list_atoms(const struct gw_access_rules_of_file *access, const struct clause *clause, bool is_exact,
                               struct gw_arena *arena) {
  struct words atoms = {0};
  for (uint32_t i = 0; i < clause->count; i++) {
    struct gw_str word = clause->of->items[clause->first + i];
    if (clause->kind == GW_LOOSENING_ROLES)
      add_role(access, word, is_exact, &atoms, arena);
    else
      add_permission(access, word, &atoms, arena);
  }
  return atoms;
}

static bool is_part(const struct words *part, const struct words *whole) {
  for (uint32_t i = 0; i < part->count; i++)
    if (!gw_loosening_has_word(whole->items, whole->count, part->items[i])) return false;
  return true;
}

/* ---- one rule, and another one ---- */

struct side_rule {
  const struct gw_access_rules_of_file *access;
  const struct rule *rule;
};

/* NULL: all clauses of `wide` are met by whoever meets those of `narrow`. */
static const struct clause *find_unmet_clause(const struct side_rule *narrow, const struct side_rule *wide, struct gw_arena *arena) {
  for (uint32_t i = 0; i < wide->rule->clause_count; i++) {
    struct words whole = list_atoms(wide->access, &wide->rule->clauses[i], wide->rule->is_exact, arena);
    bool is_met = false;
    for (uint32_t k = 0; k < narrow->rule->clause_count && !is_met; k++) {
      struct words part = list_atoms(narrow->access, &narrow->rule->clauses[k], narrow->rule->is_exact, arena);
      is_met = is_part(&part, &whole);
    }
    if (!is_met) return &wide->rule->clauses[i];
  }
  return NULL;
}

/* GET says HEAD, too. */
static bool takes_method(const struct gw_words *methods, struct gw_str method) {
  if (methods->count == 0 || gw_loosening_has_word(methods->items, methods->count, method)) return true;
  return gw_str_equal(method, GW_STR("HEAD")) && gw_loosening_has_word(methods->items, methods->count, GW_STR("GET"));
}

static bool methods_are_part(const struct rule *narrow, const struct rule *wide) {
  if (wide->method.len > 0) return gw_str_equal(narrow->method, wide->method);
  if (wide->conditions->methods.count == 0) return true;
  if (narrow->method.len > 0) return takes_method(&wide->conditions->methods, narrow->method);
  for (uint32_t i = 0; i < narrow->conditions->methods.count; i++)
    if (!takes_method(&wide->conditions->methods, narrow->conditions->methods.items[i])) return false;
  return narrow->conditions->methods.count > 0;
}

static bool clients_are_part(const struct gw_words *narrow, const struct gw_words *wide, struct gw_arena *arena) {
  static const struct gw_words nobody = {0};
  const struct gw_loosening_addresses before = {wide, &nobody}, after = {narrow, &nobody};
  const char *example;
  return wide->count == 0 || !gw_loosening_opens_addresses(&before, &after, arena, &example);
}

static bool certificates_are_part(const struct gw_words *narrow, const struct gw_words *wide) {
  if (wide->count == 0) return true;
  for (uint32_t i = 0; i < narrow->count; i++) {
    struct gw_str name = narrow->items[i];
    bool is_covered = false;
    for (uint32_t k = 0; k < wide->count && !is_covered; k++) {
      struct gw_str pattern = wide->items[k];
      bool is_prefix = pattern.data[pattern.len - 1] == '*';
      is_covered = gw_str_equal(name, pattern) || (is_prefix && gw_str_has_prefix(name, (struct gw_str){pattern.data, pattern.len - 1}));
    }
    if (!is_covered) return false;
  }
  return narrow->count > 0;
}

static bool is_same_claim(const struct gw_json_path *a, const struct gw_json_path *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!gw_str_equal(a->segments[i], b->segments[i])) return false;
  return true;
}

static bool parameters_are_part(const struct gw_access_conditions *narrow, const struct gw_access_conditions *wide) {
  for (uint32_t i = 0; i < wide->parameter_count; i++) {
    bool is_there = false;
    for (uint32_t k = 0; k < narrow->parameter_count && !is_there; k++)
      is_there = gw_str_equal(narrow->parameters[k].name, wide->parameters[i].name) &&
                 is_same_claim(&narrow->parameters[k].claim, &wide->parameters[i].claim);
    if (!is_there) return false;
  }
  return true;
}

static bool values_are_part(const struct gw_words *narrow, const struct gw_words *wide) {
  for (uint32_t i = 0; i < narrow->count; i++)
    if (!gw_loosening_has_word(wide->items, wide->count, narrow->items[i])) return false;
  return true;
}

static bool claims_are_part(const struct gw_access_conditions *narrow, const struct gw_access_conditions *wide) {
  for (uint32_t i = 0; i < wide->claim_count; i++) {
    bool is_there = false;
    for (uint32_t k = 0; k < narrow->claim_count && !is_there; k++)
      is_there = is_same_claim(&narrow->claims[k].claim, &wide->claims[i].claim) &&
                 values_are_part(&narrow->claims[k].values, &wide->claims[i].values);
    if (!is_there) return false;
  }
  return true;
}

/* Whether each request that meets `narrow` meets `wide`. */
static bool implies(const struct side_rule *narrow, const struct side_rule *wide, struct gw_arena *arena) {
  const struct gw_access_conditions *n = narrow->rule->conditions, *w = wide->rule->conditions;
  return methods_are_part(narrow->rule, wide->rule) && clients_are_part(&n->clients, &w->clients, arena) &&
         certificates_are_part(&n->certificates, &w->certificates) && parameters_are_part(n, w) && claims_are_part(n, w) &&
         find_unmet_clause(narrow, wide, arena) == NULL;
}

/* ---- the rules of a route ---- */

static void add_clauses(struct rule *rule, enum gw_loosening_kind kind, const struct gw_words *of, bool needs_all) {
  if (of->count == 0) return;
  if (!needs_all) {
    rule->clauses[rule->clause_count++] = (struct clause){kind, of, 0, of->count};
    return;
  }
  for (uint32_t i = 0; i < of->count; i++)
    rule->clauses[rule->clause_count++] = (struct clause){kind, of, i, 1};
}

static void add_conditions(struct rule *rule, const struct gw_access_conditions *conditions) {
  add_clauses(rule, GW_LOOSENING_ROLES, &conditions->roles, conditions->needs_all);
  add_clauses(rule, GW_LOOSENING_PERMISSIONS, &conditions->permissions, conditions->needs_all);
}

static uint32_t count_words(const struct gw_access_conditions *conditions) {
  return conditions->roles.count + conditions->permissions.count;
}

static struct rule make_rule(struct gw_str name, const struct gw_access_conditions *of_all, const struct gw_access_conditions *own,
                             struct gw_arena *arena) {
  struct rule rule = {.name = name, .conditions = own};
  rule.clauses = gw_arena_calloc(arena, count_words(of_all) + count_words(own) + 1u, sizeof(struct clause));
  add_conditions(&rule, of_all);
  add_conditions(&rule, own);
  return rule;
}

/* Those that let in: without any, what is asked of all; with access that is only watched, nothing. */
static struct rules list_allowing(const struct gw_loosening_side *side, struct gw_arena *arena) {
  static const struct gw_access_conditions nothing = {0};
  const struct gw_route_access *access = &side->route->access;
  bool is_shadow = side->parts->access.is_shadow;
  struct rules rules = {gw_arena_calloc(arena, access->rule_count + 1u, sizeof(struct rule)), 0};
  for (uint32_t i = 0; i < access->rule_count && !is_shadow; i++)
    if (!access->rules[i].denies)
      rules.items[rules.count++] = make_rule(access->rules[i].name, &access->of_all, &access->rules[i].conditions, arena);
  if (rules.count == 0) rules.items[rules.count++] = make_rule(GW_STR(""), is_shadow ? &nothing : &access->of_all, &nothing, arena);
  return rules;
}

static struct rules list_denying(const struct gw_loosening_side *side, struct gw_arena *arena) {
  static const struct gw_access_conditions nothing = {0};
  const struct gw_route_access *access = &side->route->access;
  struct rules rules = {gw_arena_calloc(arena, access->rule_count + 1u, sizeof(struct rule)), 0};
  for (uint32_t i = 0; i < access->rule_count && !side->parts->access.is_shadow; i++) {
    if (!access->rules[i].denies) continue;
    rules.items[rules.count] = make_rule(access->rules[i].name, &nothing, &access->rules[i].conditions, arena);
    rules.items[rules.count++].is_exact = true;
  }
  return rules;
}

/* ---- cutting ---- */

/* How many pieces: one for each choice of a word of each clause, and of a method. */
static uint32_t count_pieces(const struct rule *rule) {
  uint64_t pieces = rule->conditions->methods.count > 0 ? rule->conditions->methods.count : 1;
  for (uint32_t i = 0; i < rule->clause_count && pieces <= PIECES_MAX; i++)
    pieces *= rule->clauses[i].count;
  return pieces <= PIECES_MAX ? (uint32_t)pieces : 1;
}

/* The piece of that number: several rules of the other side may cover together what none covers alone. */
static struct rule cut(const struct rule *rule, uint32_t number, uint32_t pieces, struct gw_arena *arena) {
  struct rule piece = *rule;
  if (pieces == 1) return piece;
  piece.clauses = gw_arena_calloc(arena, rule->clause_count + 1u, sizeof(struct clause));
  for (uint32_t i = 0; i < rule->clause_count; i++) {
    const struct clause *clause = &rule->clauses[i];
    piece.clauses[i] = (struct clause){clause->kind, clause->of, clause->first + number % clause->count, 1};
    number /= clause->count;
  }
  if (rule->conditions->methods.count > 0) piece.method = rule->conditions->methods.items[number];
  return piece;
}

/* Whether `rules` together meet what `rule` meets, as far as pieces show. */
static bool is_covered(const struct side_rule *rule, const struct rules *rules, const struct gw_access_rules_of_file *access,
                       struct gw_arena *arena) {
  uint32_t pieces = count_pieces(rule->rule);
  for (uint32_t number = 0; number < pieces; number++) {
    struct rule piece = cut(rule->rule, number, pieces, arena);
    const struct side_rule narrow = {rule->access, &piece};
    bool is_met = false;
    for (uint32_t i = 0; i < rules->count && !is_met; i++) {
      const struct side_rule wide = {access, &rules->items[i]};
      is_met = implies(&narrow, &wide, arena);
    }
    if (!is_met) return false;
  }
  return true;
}

/* ---- telling ---- */

static void append_words(struct gw_strbuf *out, const struct clause *clause) {
  for (uint32_t i = 0; i < clause->count; i++)
    gw_strbuf_printf(out, "%s%.*s", i > 0 ? " or " : "", GW_STR_ARG(clause->of->items[clause->first + i]));
}

static void tell_clause(const struct gw_loosening_pair *pair, const struct clause *clause) {
  struct gw_strbuf words;
  gw_strbuf_init(&words);
  append_words(&words, clause);
  gw_loosening_add(pair, clause->kind, "it is open to more than those with %s", words.data);
  gw_strbuf_done(&words);
}

static const struct rule *find_named(const struct rules *rules, struct gw_str name) {
  for (uint32_t i = 0; i < rules->count; i++)
    if (gw_str_equal(rules->items[i].name, name)) return &rules->items[i];
  return NULL;
}

/* `after` lets in whom none of those before did: if it is the lack of a role or a permission, that is said. */
static void tell_rule(const struct comparison *c, const struct side_rule *after, const struct rules *before) {
  const struct rule *same = before->count == 1 ? &before->items[0] : find_named(before, after->rule->name);
  const struct side_rule wide = {&c->pair->before.parts->access, same};
  const struct clause *unmet = same != NULL ? find_unmet_clause(after, &wide, c->arena) : NULL;
  if (unmet != NULL)
    tell_clause(c->pair, unmet);
  else if (after->rule->name.len > 0)
    gw_loosening_add(c->pair, GW_LOOSENING_RULES, "the rule %.*s lets in more than the rules before", GW_STR_ARG(after->rule->name));
  else
    gw_loosening_add(c->pair, GW_LOOSENING_RULES, "no rule is asked any more");
}

static void compare_rules(const struct comparison *c) {
  const struct gw_access_rules_of_file *before_access = &c->pair->before.parts->access, *after_access = &c->pair->after.parts->access;
  struct rules before = list_allowing(&c->pair->before, c->arena), after = list_allowing(&c->pair->after, c->arena);
  for (uint32_t i = 0; i < after.count; i++) {
    const struct side_rule rule = {after_access, &after.items[i]};
    if (!is_covered(&rule, &before, before_access, c->arena)) tell_rule(c, &rule, &before);
  }
  before = list_denying(&c->pair->before, c->arena);
  after = list_denying(&c->pair->after, c->arena);
  for (uint32_t i = 0; i < before.count; i++) {
    const struct side_rule rule = {before_access, &before.items[i]};
    if (!is_covered(&rule, &after, after_access, c->arena))
      gw_loosening_add(c->pair, GW_LOOSENING_RULES, "the rule %.*s denies less, or nothing", GW_STR_ARG(before.items[i].name));
  }
}

static bool are_same_words(const struct gw_words *a, const struct gw_words *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!gw_str_equal(a->items[i], b->items[i])) return false;
  return true;
}

static bool are_same_claims(const struct gw_json_path *a, uint32_t a_count, const struct gw_json_path *b, uint32_t b_count) {
  if (a_count != b_count) return false;
  for (uint32_t i = 0; i < a_count; i++)
    if (!is_same_claim(&a[i], &b[i])) return false;
  return true;
}

bool gw_loosening_has_same_roles(const struct gw_access_rules_of_file *before, const struct gw_access_rules_of_file *after) {
  if (before->is_shadow != after->is_shadow || before->role_count != after->role_count) return false;
  for (uint32_t i = 0; i < before->role_count; i++) {
    const struct gw_access_role *a = &before->roles[i], *b = &after->roles[i];
    if (!gw_str_equal(a->name, b->name) || !are_same_words(&a->includes, &b->includes) || !are_same_words(&a->permissions, &b->permissions))
      return false;
  }
  return are_same_claims(before->role_claims, before->role_claim_count, after->role_claims, after->role_claim_count) &&
         are_same_claims(before->permission_claims, before->permission_claim_count, after->permission_claims,
                         after->permission_claim_count);
}

void gw_loosening_compare_access(const struct gw_loosening_pair *pair) {
  struct gw_arena arena; /* atoms are many */
  gw_arena_init(&arena, 16384);
  const struct comparison comparison = {pair, &arena};
  compare_rules(&comparison);
  const struct gw_route_access *before = &pair->before.route->access, *after = &pair->after.route->access;
  const struct gw_loosening_addresses was = {&before->allow_from, &before->deny_from}, is = {&after->allow_from, &after->deny_from};
  const char *example;
  if (gw_loosening_opens_addresses(&was, &is, &arena, &example))
    gw_loosening_add(pair, GW_LOOSENING_ADDRESSES, "more addresses may ask: %s, for one", example);
  gw_arena_done(&arena);
}
