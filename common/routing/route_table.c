#include "common/routing/route_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/message/uri.h"
#include "common/routing/exact_index.h"
#include "common/routing/host_table.h"
#include "common/routing/path_template.h"
#include "common/routing/prefix_index.h"
#include "common/routing/redirect.h"
#include "common/routing/rewrite.h"
#include "common/routing/segment_trie.h"

/* Machine code for a pattern costs 50 µs and some KiB, so a configuration with very many does without. */
#define FAST_REGEX_MAX 256u

struct host_routes {
  const struct gw_virtual_host *host;
  uint32_t first_slot; /* of its routes in the table's slots */
  struct gw_exact_index exact;
  struct gw_prefix_index prefixes;
  struct gw_segment_trie trie;
};

struct gw_route_table {
  const struct gw_route_config *config;
  struct gw_host_table hosts;
  struct host_routes *host_routes;
  struct gw_route_slot *slots;  /* by gw_route.index */
  struct gw_route_rule **rules; /* those that hold regular expressions */
  uint32_t rule_count;
  size_t regex_bytes;
  struct gw_arena arena;
};

/* --- build --- */

/* What is borrowed until the table is done. */
struct build {
  struct gw_route_table *table;
  struct gw_errors *errors;
  uint32_t regex_count;
  bool is_check; /* nothing will be matched */
};

static void build_rule(struct build *b, uint32_t host, uint32_t i, const struct gw_route *route, struct gw_route_slot *slot) {
  struct gw_route_place place = {host, i};
  struct gw_route_rule *rule = NULL;
  gw_route_rule_build(route, place, b->regex_count < FAST_REGEX_MAX, &b->table->arena, b->errors, &slot->methods, &rule);
  slot->rule = rule;
  slot->next = GW_ROUTE_NONE;
  if (rule == NULL) return;
  slot->checks_conditions = rule->header_count + rule->query_count > 0;
  size_t bytes = gw_route_rule_regex_bytes(rule);
  if (bytes == 0) return;
  b->regex_count++;
  b->table->regex_bytes += bytes;
  b->table->rules[b->table->rule_count++] = rule;
}

enum index_kind { INDEX_EXACT, INDEX_TRIE, INDEX_PREFIX };

static uint32_t count_slashes(struct gw_str path) {
  uint32_t count = 0;
  for (size_t i = 0; i < path.len; i++)
    count += path.data[i] == '/';
  return count;
}

/* Whatever no index is made for is a prefix with a closer look: all paths that match begin with `*ret_prefix`. */
static enum index_kind choose_index(const struct gw_route *route, const struct gw_path_template *template, struct gw_arena *arena,
                                    struct gw_str *ret_prefix, bool *ret_checks_path) {
  const struct gw_route_match *match = &route->match;
  *ret_checks_path = true;
  *ret_prefix = (struct gw_str){"", 0};
  if (match->ignore_case) return INDEX_PREFIX;
  bool is_shallow = count_slashes(match->path) <= GW_SEGMENT_TRIE_DEPTH_MAX && match->path.len > 0 && match->path.data[0] == '/';
  switch (match->kind) {
  case GW_PATH_MATCH_EXACT: *ret_checks_path = false; return INDEX_EXACT;
  case GW_PATH_MATCH_PREFIX:
    *ret_checks_path = false;
    *ret_prefix = match->path;
    return INDEX_PREFIX;
  case GW_PATH_MATCH_SEPARATED_PREFIX:
    *ret_checks_path = !is_shallow;
    *ret_prefix = match->path;
    return is_shallow ? INDEX_TRIE : INDEX_PREFIX;
  case GW_PATH_MATCH_REGEX: *ret_prefix = gw_regex_literal_prefix(match->path, arena); return INDEX_PREFIX;
  case GW_PATH_MATCH_TEMPLATE:
    *ret_checks_path = !(is_shallow && template->is_plain);
    *ret_prefix = template->pieces[0].text;
    return *ret_checks_path ? INDEX_PREFIX : INDEX_TRIE;
  }
  return INDEX_PREFIX;
}

static bool parse_template(const struct gw_route *route, struct gw_path_template *template) {
  const char *why;
  return route->match.kind != GW_PATH_MATCH_TEMPLATE || gw_path_template_parse(route->match.path, template, &why) == GW_OK;
}

/* From the last route to the first, so that each chain grows at its head. */
static void build_indexes(struct gw_route_table *table, struct host_routes *out) {
  const struct gw_virtual_host *host = out->host;
  struct gw_route_slot *slots = table->slots + out->first_slot;
  uint32_t exact_count = 0, segment_count = 0, prefix_count = 0;
  for (uint32_t i = 0; i < host->route_count; i++) {
    const struct gw_route_match *match = &host->routes[i].match;
    bool is_segmented = match->kind == GW_PATH_MATCH_TEMPLATE || match->kind == GW_PATH_MATCH_SEPARATED_PREFIX;
    exact_count += match->kind == GW_PATH_MATCH_EXACT;
    segment_count += is_segmented ? count_slashes(match->path) : 0;
  }
  gw_exact_index_init(&out->exact, exact_count, &table->arena);
  struct gw_segment_trie_builder *trie = gw_segment_trie_builder_new(segment_count);
  struct gw_prefix_item *items = gw_calloc(host->route_count + 1u, sizeof *items);
  struct gw_path_template template;
  for (uint32_t i = host->route_count; i-- > 0;) {
    const struct gw_route *route = &host->routes[i];
    if (!parse_template(route, &template)) continue;
    struct gw_str prefix;
    switch (choose_index(route, &template, &table->arena, &prefix, &slots[i].checks_path)) {
    case INDEX_EXACT: gw_exact_index_add(&out->exact, host->routes, slots, i); break;
    case INDEX_PREFIX: items[prefix_count++] = (struct gw_prefix_item){prefix, i}; break;
    case INDEX_TRIE:
      if (route->match.kind == GW_PATH_MATCH_TEMPLATE)
        gw_segment_trie_builder_add_template(trie, &template, slots, i);
      else
        gw_segment_trie_builder_add_prefix(trie, prefix, slots, i);
    }
  }
  gw_prefix_index_build(&out->prefixes, items, prefix_count, slots, &table->arena);
  gw_segment_trie_builder_freeze(trie, &table->arena, &out->trie);
  free(items);
}

static void build_host(struct build *b, uint32_t number, uint32_t first_slot) {
  struct gw_route_table *table = b->table;
  struct host_routes *out = &table->host_routes[number];
  out->host = &table->config->virtual_hosts[number];
  out->first_slot = first_slot;
  for (uint32_t i = 0; i < out->host->route_count; i++)
    build_rule(b, number, i, &out->host->routes[i], &table->slots[first_slot + i]);
  if (!b->is_check) build_indexes(table, out);
  for (uint32_t i = 0; i < out->host->domain_count; i++) {
    struct gw_str domain = out->host->domains[i];
    if (gw_host_table_add(&table->hosts, domain, out)) continue;
    char place[64];
    snprintf(place, sizeof place, "virtual_hosts[%u].domains[%u]", number, i);
    gw_errors_add(b->errors, place, "\"%.*s\" is the domain of another virtual host already", GW_STR_ARG(domain));
  }
}

/* One table, whole or not. */
static struct gw_route_table *build_table(const struct gw_route_config *config, bool is_check, struct gw_errors *errors) {
  struct gw_route_table *table = gw_calloc(1, sizeof *table);
  table->config = config;
  gw_arena_init(&table->arena, 1024);
  gw_host_table_init(&table->hosts);
  table->host_routes = gw_arena_calloc(&table->arena, config->virtual_host_count, sizeof *table->host_routes);
  table->slots = gw_arena_calloc(&table->arena, config->route_count, sizeof *table->slots);
  table->rules = gw_calloc(config->route_count + 1u, sizeof(struct gw_route_rule *));
  struct build b = {table, errors, 0, is_check};
  uint32_t first_slot = 0;
  for (uint32_t i = 0; i < config->virtual_host_count; i++) {
    build_host(&b, i, first_slot);
    first_slot += config->virtual_hosts[i].route_count;
  }
  table->rules = gw_realloc_array(table->rules, table->rule_count + 1u, sizeof(struct gw_route_rule *));
  return table;
}

enum gw_err gw_route_table_build(const struct gw_route_config *config, struct gw_errors *errors, struct gw_route_table **ret_table) {
  size_t error_count = errors->error_count;
  struct gw_route_table *table = build_table(config, false, errors);
  if (errors->error_count > error_count) {
    gw_route_table_free(table);
    return GW_ERR_INVALID;
  }
  *ret_table = table;
  return GW_OK;
}

enum gw_err gw_route_table_check(const struct gw_route_config *config, struct gw_errors *errors) {
  size_t error_count = errors->error_count;
  gw_route_table_free(build_table(config, true, errors));
  return errors->error_count > error_count ? GW_ERR_INVALID : GW_OK;
}

void gw_route_table_free(struct gw_route_table *table) {
  if (table == NULL) return;
  for (uint32_t i = 0; i < table->rule_count; i++)
    gw_route_rule_done(table->rules[i]);
  free(table->rules);
  gw_host_table_done(&table->hosts);
  gw_arena_done(&table->arena);
  free(table);
}

size_t gw_route_table_bytes(const struct gw_route_table *table) {
  size_t rules = (table->rule_count + 1u) * sizeof(struct gw_route_rule *);
  return sizeof *table + table->arena.used_bytes + rules + table->regex_bytes + gw_host_table_bytes(&table->hosts);
}

/* --- match --- */

static const struct host_routes *begin(const struct gw_route_table *table, const struct gw_request_head *head, struct gw_arena *scratch,
                                       struct gw_route_search *search, struct gw_route_hit *ret_hit) {
  *ret_hit = (struct gw_route_hit){NULL, NULL, false};
  struct gw_str host = table->config->ignores_port ? gw_uri_authority_host(head->authority) : head->authority;
  const struct host_routes *found = gw_host_table_find(&table->hosts, host, scratch);
  if (found == NULL) return NULL;
  ret_hit->virtual_host = found->host;
  *search = (struct gw_route_search){.routes = found->host->routes,
                                     .slots = table->slots + found->first_slot,
                                     .head = head,
                                     .path = gw_path_without_query(head->path),
                                     .work = {.scratch = scratch},
                                     .best = GW_ROUTE_NONE,
                                     .undecided = GW_ROUTE_NONE};
  return found;
}

/* What is behind a route that could not be decided is not known to be the first that matches. */
static void end(const struct gw_route_search *search, struct gw_route_hit *hit) {
  hit->is_undecided = search->undecided != GW_ROUTE_NONE && search->undecided <= search->best;
  if (search->best != GW_ROUTE_NONE && !hit->is_undecided) hit->route = &search->routes[search->best];
}

void gw_route_table_match(const struct gw_route_table *table, const struct gw_request_head *head, struct gw_arena *scratch,
                          struct gw_route_hit *ret_hit) {
  struct gw_route_search search;
  const struct host_routes *found = begin(table, head, scratch, &search, ret_hit);
  if (found == NULL) return;
  gw_exact_index_search(&found->exact, &search);
  gw_segment_trie_search(&found->trie, &search);
  gw_prefix_index_search(&found->prefixes, &search);
  end(&search, ret_hit);
}

void gw_route_table_match_linear(const struct gw_route_table *table, const struct gw_request_head *head, struct gw_arena *scratch,
                                 struct gw_route_hit *ret_hit) {
  struct gw_route_search search;
  const struct host_routes *found = begin(table, head, scratch, &search, ret_hit);
  if (found == NULL) return;
  for (uint32_t i = 0; i < found->host->route_count && search.best == GW_ROUTE_NONE; i++) {
    const struct gw_route_slot *slot = &search.slots[i];
    bool is_match =
        (slot->methods >> head->method & 1u) && gw_route_rule_match_path(&search.routes[i], slot->rule, search.path, &search.work);
    is_match = is_match && (slot->rule == NULL || gw_route_rule_match_conditions(slot->rule, head, &search.work));
    gw_route_search_note(&search, i);
    if (is_match) search.best = i;
  }
  end(&search, ret_hit);
}

void gw_route_table_judge(const struct gw_route_table *table, const struct gw_route *route, const struct gw_request_head *head,
                          struct gw_arena *scratch, struct gw_route_judgement *ret_judgement) {
  const struct gw_route_slot *slot = &table->slots[route->index];
  struct gw_route_work work = {.scratch = scratch};
  bool takes_method = slot->methods >> head->method & 1u;
  *ret_judgement = (struct gw_route_judgement){.fails = GW_ROUTE_PART_NONE};
  bool takes_path = gw_route_rule_match_path(route, slot->rule, gw_path_without_query(head->path), &work);
  if (takes_method) ret_judgement->is_undecided = work.has_given_up; /* else nobody would have asked it */
  if (!takes_path || !takes_method) {
    ret_judgement->fails = takes_path ? GW_ROUTE_PART_METHOD : GW_ROUTE_PART_PATH;
    return;
  }
  if (slot->rule == NULL) return;
  gw_route_rule_find_failing(slot->rule, head, &work, &ret_judgement->header, &ret_judgement->query);
  ret_judgement->is_undecided = work.has_given_up;
  if (ret_judgement->header != NULL) ret_judgement->fails = GW_ROUTE_PART_HEADER;
  if (ret_judgement->query != NULL) ret_judgement->fails = GW_ROUTE_PART_QUERY;
}

/* --- variables and rewriting --- */

uint32_t gw_route_table_variables(const struct gw_route_table *table, const struct gw_route *route, struct gw_str path,
                                  struct gw_route_variable ret_variables[GW_ROUTE_VARIABLES_MAX]) {
  struct gw_path_template template;
  if (route->match.kind != GW_PATH_MATCH_TEMPLATE || !parse_template(route, &template)) return 0;
  path = gw_path_without_query(path);
  const struct gw_route_rule *rule = table->slots[route->index].rule;
  uint32_t ends[GW_PATH_TEMPLATE_PIECES_MAX];
  struct gw_str groups[GW_REGEX_GROUPS_MAX];
  if (template.is_plain) {
    if (!gw_path_template_match_plain(&template, path, ends)) return 0;
  } else {
    struct gw_arena scratch;
    gw_arena_init(&scratch, 1024);
    bool is_match = gw_regex_match_groups(rule->path, path, 0, &scratch, groups);
    gw_arena_done(&scratch);
    if (!is_match) return 0;
  }
  for (uint32_t i = 0; i < template.variable_count; i++) {
    const struct gw_path_variable *variable = &template.variables[i];
    struct gw_str value = groups[i + 1];
    if (template.is_plain) {
      uint32_t begin_at = ends[variable->first_piece - 1]; /* a '/' always stands before */
      value = (struct gw_str){path.data + begin_at, ends[variable->end_piece - 1] - begin_at};
    }
    ret_variables[i] = (struct gw_route_variable){variable->name, value};
  }
  return template.variable_count;
}

struct gw_str gw_route_table_rewrite(const struct gw_route_table *table, const struct gw_route *route, struct gw_str path,
                                     struct gw_arena *arena) {
  const struct gw_route_rule *rule = table->slots[route->index].rule;
  return gw_rewrite_path(route, rule, path, arena);
}

enum gw_err gw_route_table_redirect(const struct gw_route_table *table, const struct gw_route *route, const struct gw_request_head *head,
                                    struct gw_arena *arena, struct gw_str *ret_location) {
  return gw_redirect_location(route, table->slots[route->index].rule, head, arena, ret_location);
}
