#include "common/routing/route_rule.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/message/uri.h"
#include "common/routing/path_template.h"
#include "common/routing/rewrite.h"

#define PLACE_MAX 256

struct build {
  const struct gw_route *route;
  struct gw_route_place place;
  bool is_fast;
  struct gw_arena *arena;
  struct gw_errors *errors;
};

static void refuse(const struct build *b, const char *field, const char *why) {
  char place[PLACE_MAX];
  snprintf(place, sizeof place, "virtual_hosts[%u].routes[%u].%s", b->place.host, b->place.route, field);
  gw_errors_add(b->errors, place, "%s", why);
}

static struct gw_regex *build_regex(const struct build *b, const char *field, struct gw_str pattern, enum gw_regex_mode mode) {
  char why[GW_REGEX_WHY_SIZE];
  struct gw_regex *regex = NULL;
  struct gw_regex_options options = {mode, b->is_fast};
  if (gw_regex_new(pattern, options, why, &regex) != GW_OK) refuse(b, field, why);
  return regex;
}

/* --- methods --- */

static bool is_method_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The methods of "GET", "GET|POST", "^(GET|POST)$", "(?:GET|POST)". False: it is no such list, or names a method without a bit. */
static bool parse_method_list(struct gw_str list, uint16_t *ret_bits) {
  if (gw_str_has_prefix(list, GW_STR("^"))) list = gw_str_skip(list, 1);
  if (gw_str_has_suffix(list, GW_STR("$"))) list.len--;
  if (gw_str_has_prefix(list, GW_STR("(")) && gw_str_has_suffix(list, GW_STR(")"))) {
    list = (struct gw_str){list.data + 1, list.len - 2};
    if (gw_str_has_prefix(list, GW_STR("?:"))) list = gw_str_skip(list, 2);
  }
  uint16_t bits = 0;
  struct gw_str name;
  while (gw_str_split_next(&list, '|', &name)) {
    for (size_t i = 0; i < name.len; i++) {
      if (!is_method_char(name.data[i])) return false;
    }
    enum gw_method method = gw_method_find(name);
    if (method == GW_METHOD_OTHER) return false;
    bits = (uint16_t)(bits | 1u << method);
  }
  *ret_bits = bits;
  return bits != 0;
}

/* True: the bits say all that the matcher does. */
static bool reduce_to_methods(const struct gw_header_match *match, uint16_t *ret_bits) {
  if (!gw_str_equal(match->name, GW_STR(":method")) || match->ignore_case) return false;
  if (match->kind != GW_STRING_MATCH_EXACT && match->kind != GW_STRING_MATCH_REGEX) return false;
  uint16_t bits = 0;
  if (match->kind == GW_STRING_MATCH_EXACT && memchr(match->value.data ? match->value.data : "", '|', match->value.len) != NULL)
    return false;
  if (!parse_method_list(match->value, &bits)) return false;
  *ret_bits = match->invert ? (uint16_t)(GW_METHODS_ALL & ~bits) : bits;
  return true;
}

/* --- build --- */

static void build_headers(const struct build *b, uint16_t *methods, struct gw_route_rule *rule) {
  const struct gw_route_match *match = &b->route->match;
  *methods = GW_METHODS_ALL;
  for (uint32_t i = 0; i < match->header_count; i++) {
    const struct gw_header_match *header = &match->headers[i];
    uint16_t bits = 0;
    if (reduce_to_methods(header, &bits)) {
      *methods &= bits;
      continue;
    }
    if (rule->headers == NULL) rule->headers = gw_arena_calloc(b->arena, match->header_count, sizeof *rule->headers);
    struct gw_header_rule *out = &rule->headers[rule->header_count++];
    out->match = header;
    out->id = gw_header_id_find(header->name);
    if (header->kind != GW_STRING_MATCH_REGEX) continue;
    char field[64];
    snprintf(field, sizeof field, "match.headers[%u].string_match.safe_regex.regex", i);
    out->regex = build_regex(b, field, header->value, GW_REGEX_WHOLE);
  }
}

static void build_queries(const struct build *b, struct gw_route_rule *rule) {
  const struct gw_route_match *match = &b->route->match;
  if (match->query_count == 0) return;
  rule->query_count = match->query_count;
  rule->queries = gw_arena_calloc(b->arena, match->query_count, sizeof *rule->queries);
  for (uint32_t i = 0; i < match->query_count; i++) {
    const struct gw_query_match *query = &match->queries[i];
    rule->queries[i].match = query;
    if (query->kind != GW_STRING_MATCH_REGEX) continue;
    char field[80];
    snprintf(field, sizeof field, "match.query_parameters[%u].string_match.safe_regex.regex", i);
    rule->queries[i].regex = build_regex(b, field, query->value, GW_REGEX_WHOLE);
  }
}

static void build_template(const struct build *b, struct gw_route_rule *rule) {
  struct gw_path_template template;
  const char *why = NULL;
  const char *field = "match.path_match_policy.typed_config.path_template";
  if (gw_path_template_parse(b->route->match.path, &template, &why) != GW_OK) {
    refuse(b, field, why);
    return;
  }
  if (template.is_plain) return;
  struct gw_strbuf pattern;
  gw_strbuf_init(&pattern);
  gw_path_template_format_regex(&template, &pattern);
  rule->path = build_regex(b, field, gw_strbuf_str(&pattern), GW_REGEX_WHOLE);
  gw_strbuf_done(&pattern);
}

static void build_rewrite(const struct build *b, struct gw_route_rule *rule) {
  const struct gw_route *route = b->route;
  struct gw_str pattern = {NULL, 0}, substitution = {NULL, 0};
  if (route->action == GW_ROUTE_FORWARD) {
    pattern = route->forward.regex_rewrite_pattern;
    substitution = route->forward.regex_rewrite_substitution;
  } else if (route->action == GW_ROUTE_REDIRECT) {
    pattern = route->redirect->regex_rewrite_pattern;
    substitution = route->redirect->regex_rewrite_substitution;
  }
  if (pattern.len == 0) return;
  struct gw_str literal = gw_regex_literal_prefix(pattern, b->arena);
  bool is_literal = pattern.data[0] == '^' && literal.len == pattern.len - 1 && literal.len > 0;
  if (is_literal && gw_str_find_char(substitution, '\\') < 0 && substitution.len <= GW_REWRITE_SUBSTITUTION_MAX) {
    rule->rewrite_prefix = literal;
    return;
  }
  bool is_redirect = route->action == GW_ROUTE_REDIRECT;
  const char *field = is_redirect ? "redirect.regex_rewrite.pattern.regex" : "route.regex_rewrite.pattern.regex";
  rule->rewrite = build_regex(b, field, pattern, GW_REGEX_ANYWHERE);
  if (rule->rewrite == NULL) return;
  const char *why = gw_rewrite_check_substitution(substitution, gw_regex_group_count(rule->rewrite));
  if (why != NULL) refuse(b, is_redirect ? "redirect.regex_rewrite.substitution" : "route.regex_rewrite.substitution", why);
}

void gw_route_rule_build(const struct gw_route *route, struct gw_route_place place, bool is_fast, struct gw_arena *arena,
                         struct gw_errors *errors, uint16_t *ret_methods, struct gw_route_rule **ret_rule) {
  struct build b = {route, place, is_fast, arena, errors};
  struct gw_route_rule rule = {.route = route};
  build_headers(&b, ret_methods, &rule);
  build_queries(&b, &rule);
  if (route->match.kind == GW_PATH_MATCH_TEMPLATE) build_template(&b, &rule);
  if (route->match.kind == GW_PATH_MATCH_REGEX) {
    rule.path = build_regex(&b, "match.safe_regex.regex", route->match.path, GW_REGEX_WHOLE);
  }
  build_rewrite(&b, &rule);
  *ret_rule = NULL;
  if (rule.path == NULL && rule.rewrite == NULL && rule.rewrite_prefix.data == NULL && rule.header_count == 0 && rule.query_count == 0)
    return;
  *ret_rule = gw_arena_alloc(arena, sizeof **ret_rule);
  **ret_rule = rule;
}

void gw_route_rule_done(struct gw_route_rule *rule) {
  gw_regex_free(rule->path);
  gw_regex_free(rule->rewrite);
  for (uint32_t i = 0; i < rule->header_count; i++)
    gw_regex_free(rule->headers[i].regex);
  for (uint32_t i = 0; i < rule->query_count; i++)
    gw_regex_free(rule->queries[i].regex);
}

size_t gw_route_rule_regex_bytes(const struct gw_route_rule *rule) {
  size_t bytes = rule->path != NULL ? gw_regex_bytes(rule->path) : 0;
  if (rule->rewrite != NULL) bytes += gw_regex_bytes(rule->rewrite);
  for (uint32_t i = 0; i < rule->header_count; i++) {
    if (rule->headers[i].regex != NULL) bytes += gw_regex_bytes(rule->headers[i].regex);
  }
  for (uint32_t i = 0; i < rule->query_count; i++) {
    if (rule->queries[i].regex != NULL) bytes += gw_regex_bytes(rule->queries[i].regex);
  }
  return bytes;
}

/* --- match --- */

static bool begins_with(struct gw_str text, struct gw_str prefix, bool ignore_case) {
  if (text.len < prefix.len) return false;
  text.len = prefix.len;
  return ignore_case ? gw_str_equal_nocase(text, prefix) : gw_str_equal(text, prefix);
}

static bool match_query(const struct gw_query_rule *rule, const struct gw_request_head *head, struct gw_route_work *work) {
  const struct gw_query_match *match = rule->match;
  struct gw_str value;
  bool is_there = gw_uri_query_find(head->path, match->name, &value) == GW_OK;
  if (match->kind == GW_STRING_MATCH_PRESENT) return is_there != match->invert;
  const struct gw_text_rule text = {match->kind, match->ignore_case, match->value, rule->regex};
  return is_there && gw_text_rule_match(&text, value, work);
}

bool gw_route_rule_match_conditions(const struct gw_route_rule *rule, const struct gw_request_head *head, struct gw_route_work *work) {
  for (uint32_t i = 0; i < rule->header_count; i++) {
    if (!gw_header_rule_match(&rule->headers[i], head, work)) return false;
  }
  for (uint32_t i = 0; i < rule->query_count; i++) {
    if (!match_query(&rule->queries[i], head, work)) return false;
  }
  return true;
}

void gw_route_rule_find_failing(const struct gw_route_rule *rule, const struct gw_request_head *head, struct gw_route_work *work,
                                const struct gw_header_match **ret_header, const struct gw_query_match **ret_query) {
  *ret_header = NULL;
  *ret_query = NULL;
  for (uint32_t i = 0; i < rule->header_count; i++) {
    if (gw_header_rule_match(&rule->headers[i], head, work)) continue;
    *ret_header = rule->headers[i].match;
    return;
  }
  for (uint32_t i = 0; i < rule->query_count; i++) {
    if (match_query(&rule->queries[i], head, work)) continue;
    *ret_query = rule->queries[i].match;
    return;
  }
}

bool gw_route_rule_match_path(const struct gw_route *route, const struct gw_route_rule *rule, struct gw_str path,
                              struct gw_route_work *work) {
  const struct gw_route_match *match = &route->match;
  switch (match->kind) {
  case GW_PATH_MATCH_PREFIX: return begins_with(path, match->path, match->ignore_case);
  case GW_PATH_MATCH_EXACT: return path.len == match->path.len && begins_with(path, match->path, match->ignore_case);
  case GW_PATH_MATCH_SEPARATED_PREFIX:
    return begins_with(path, match->path, match->ignore_case) && (path.len == match->path.len || path.data[match->path.len] == '/');
  case GW_PATH_MATCH_REGEX: return gw_regex_match(rule->path, path, work->scratch, &work->has_given_up);
  case GW_PATH_MATCH_TEMPLATE: break;
  }
  if (rule != NULL && rule->path != NULL) return gw_regex_match(rule->path, path, work->scratch, &work->has_given_up);
  struct gw_path_template template;
  const char *why;
  return gw_path_template_parse(match->path, &template, &why) == GW_OK && gw_path_template_match_plain(&template, path, NULL);
}
