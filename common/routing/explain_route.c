/* Which routes do not win and why, and what the one that does is. */
#include "common/routing/explain_run.h"
#include "common/routing/rule_words.h"

#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/endpoint.h"

#define ROUTE GW_STR("route")
#define NO_RULE ((struct gw_str){NULL, 0})

/* ---- candidates ---- */

static enum gw_explain_part part_of(const struct gw_route_judgement *judgement) {
  if (judgement->is_undecided) return GW_EXPLAIN_UNDECIDED;
  switch (judgement->fails) {
  case GW_ROUTE_PART_NONE: return GW_EXPLAIN_BEHIND;
  case GW_ROUTE_PART_PATH: return GW_EXPLAIN_PATH;
  case GW_ROUTE_PART_METHOD: return GW_EXPLAIN_METHOD;
  case GW_ROUTE_PART_HEADER: return GW_EXPLAIN_HEADER;
  case GW_ROUTE_PART_QUERY: return GW_EXPLAIN_QUERY;
  }
  return GW_EXPLAIN_BEHIND;
}

/* The methods that it takes, as the configuration says them. */
static void add_methods(struct gw_strbuf *out, const struct gw_route_match *match) {
  for (uint32_t i = 0; i < match->header_count; i++) {
    if (!gw_str_equal(match->headers[i].name, GW_STR(":method"))) continue;
    gw_header_match_words(out, &match->headers[i]);
    return;
  }
}

static void describe(struct gw_explain_run *run, const struct gw_route *route, const struct gw_route_judgement *judgement,
                     struct gw_explain_candidate *out) {
  static const char *const kinds[] = {[GW_PATH_MATCH_PREFIX] = "path begins with ",
                                      [GW_PATH_MATCH_EXACT] = "path is ",
                                      [GW_PATH_MATCH_SEPARATED_PREFIX] = "path is, or is below, ",
                                      [GW_PATH_MATCH_REGEX] = "path matches ",
                                      [GW_PATH_MATCH_TEMPLATE] = "path is like "};
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf words = {0};
  *out = (struct gw_explain_candidate){.route = route->name, .path = route->match.path, .part = part_of(judgement)};
  switch (out->part) {
  case GW_EXPLAIN_BEHIND: gw_strbuf_append_str(&words, GW_STR("would match, too, but stands behind the one that wins")); break;
  case GW_EXPLAIN_UNDECIDED: gw_strbuf_append_str(&words, GW_STR("a regular expression of it ran into its limits")); break;
  case GW_EXPLAIN_PATH: gw_strbuf_printf(&words, "%s%.*s", kinds[route->match.kind], GW_STR_ARG(route->match.path)); break;
  case GW_EXPLAIN_METHOD: add_methods(&words, &route->match); break;
  case GW_EXPLAIN_HEADER: gw_header_match_words(&words, judgement->header); break;
  case GW_EXPLAIN_QUERY: gw_query_match_words(&words, judgement->query); break;
  }
  out->words = gw_arena_copy(run->arena, gw_strbuf_str(&words));
}

/* Where there are too many, those of other paths are left out first. */
void gw_explain_candidates(struct gw_explain_run *run) {
  const struct gw_virtual_host *host = run->hit.virtual_host;
  if (host == NULL) return;
  struct gw_route_judgement *judgements = gw_arena_calloc(run->arena, host->route_count, sizeof(*judgements));
  uint32_t near_count = 0;
  for (uint32_t i = 0; i < host->route_count; i++) {
    gw_route_table_judge(run->table, &host->routes[i], &run->head, run->arena, &judgements[i]);
    bool is_winner = &host->routes[i] == run->hit.route;
    near_count += !is_winner && part_of(&judgements[i]) != GW_EXPLAIN_PATH;
  }
  uint32_t loser_count = host->route_count - (run->hit.route != NULL);
  uint32_t count = loser_count < GW_EXPLAIN_CANDIDATES_MAX ? loser_count : GW_EXPLAIN_CANDIDATES_MAX;
  uint32_t far_room = near_count < count ? count - near_count : 0;
  struct gw_explain_candidate *candidates = gw_arena_calloc(run->arena, count, sizeof(*candidates));
  for (uint32_t i = 0; i < host->route_count && run->out->candidate_count < count; i++) {
    bool is_far = part_of(&judgements[i]) == GW_EXPLAIN_PATH;
    if (&host->routes[i] == run->hit.route || (is_far && far_room == 0)) continue;
    far_room -= is_far;
    describe(run, &host->routes[i], &judgements[i], &candidates[run->out->candidate_count++]);
  }
  run->out->candidates = candidates;
  run->out->left_out_candidates = loser_count - run->out->candidate_count;
}

/* ---- services ---- */

static const struct gw_endpoints *find_endpoints(struct gw_explain_run *run, const struct gw_cluster *cluster) {
  if (cluster->inline_endpoints != NULL) return cluster->inline_endpoints;
  const struct gw_resource *found = gw_snapshot_find(run->snapshot, GW_RESOURCE_ENDPOINTS, cluster->eds_service_name);
  return found != NULL ? found->endpoints : NULL;
}

static void add_endpoints(struct gw_explain_run *run, const struct gw_endpoints *from, struct gw_explain_service *service) {
  uint32_t count = from->count < GW_EXPLAIN_ENDPOINTS_MAX ? from->count : GW_EXPLAIN_ENDPOINTS_MAX;
  struct gw_explain_endpoint *endpoints = gw_arena_calloc(run->arena, count, sizeof(*endpoints));
  for (uint32_t i = 0; i < count; i++)
    endpoints[i] = (struct gw_explain_endpoint){.address = from->items[i].address,
                                                .port = from->items[i].port,
                                                .weight = from->items[i].weight,
                                                .priority = from->items[i].priority,
                                                .is_unhealthy = from->items[i].is_unhealthy};
  service->endpoints = endpoints;
  service->has_endpoints = true;
  service->endpoint_count = count;
  service->left_out_endpoints = from->count - count;
}

static void add_service(struct gw_explain_run *run, struct gw_str name, uint32_t weight, uint32_t total, struct gw_explain_service *out) {
  const struct gw_resource *found = gw_snapshot_find(run->snapshot, GW_RESOURCE_CLUSTER, name);
  *out = (struct gw_explain_service){.name = name, .weight = weight, .total_weight = total, .is_known = found != NULL};
  const struct gw_endpoints *endpoints = found != NULL ? find_endpoints(run, found->cluster) : NULL;
  if (endpoints != NULL)
    add_endpoints(run, endpoints, out);
  else if (found != NULL)
    gw_explain_assume(run, "the service has instances, which only a registry knows");
}

static void add_services(struct gw_explain_run *run, const struct gw_route_forward *action) {
  uint32_t count = action->split != NULL ? action->split->count : 1;
  struct gw_explain_service *services = gw_arena_calloc(run->arena, count, sizeof(*services));
  if (action->split == NULL) add_service(run, action->cluster, 1, 1, &services[0]);
  for (uint32_t i = 0; action->split != NULL && i < count; i++)
    add_service(run, action->split->clusters[i].name, action->split->clusters[i].weight, action->split->total_weight, &services[i]);
  run->out->services = services;
  run->out->service_count = count;
}

/* ---- the end ---- */

static void forward(struct gw_explain_run *run, const struct gw_route *route) {
  const struct gw_route_forward *action = &route->forward;
  struct gw_explanation *out = run->out;
  add_services(run, action);
  out->forwarded_path = gw_route_table_rewrite(run->table, route, run->head.path, run->arena);
  out->forwarded_host = action->host_rewrite;
  out->timeout_ms = action->timeout_ms;
  if (action->retry != NULL) out->retries = action->retry->count;
  const struct gw_explain_service *first = &out->services[0];
  if (out->service_count == 1 && !first->is_known) {
    gw_explain_answer(run, ROUTE, route->name, 503, GW_STR("cluster_not_found"), "the service %.*s is not known", GW_STR_ARG(first->name));
    return;
  }
  if (out->service_count == 1 && first->has_endpoints && first->endpoint_count == 0) {
    gw_explain_answer(run, ROUTE, route->name, 503, GW_STR("no_healthy_upstream"), "the service %.*s has no instance",
                      GW_STR_ARG(first->name));
    return;
  }
  bool is_split = action->split != NULL;
  gw_explain_answer(run, ROUTE, route->name, 0, GW_STR("via_upstream"), "goes to %s%.*s",
                    is_split ? "one of the services of a split, such as " : "", GW_STR_ARG(first->name));
}

static void redirect(struct gw_explain_run *run, const struct gw_route *route) {
  struct gw_str location;
  if (gw_route_table_redirect(run->table, route, &run->head, run->arena, &location) != GW_OK) {
    gw_explain_answer(run, ROUTE, route->name, 400, GW_STR("redirect_without_host"), "a request that is sent elsewhere needs a host");
    return;
  }
  run->out->location = location;
  gw_explain_answer(run, ROUTE, route->name, route->redirect->status, GW_STR("redirect"), "sends elsewhere: %.*s", GW_STR_ARG(location));
}

void gw_explain_route(struct gw_explain_run *run) {
  const struct gw_route *route = run->hit.route;
  if (run->table == NULL) {
    gw_explain_answer(run, ROUTE, NO_RULE, 503, GW_STR("route_configuration_missing"), "this listener has no routes yet");
  } else if (route == NULL && run->hit.is_undecided) {
    gw_explain_answer(run, ROUTE, NO_RULE, 500, GW_STR("route_regex_limit"),
                      "a regular expression took too long to say which route this is");
  } else if (route == NULL) {
    gw_explain_answer(run, ROUTE, NO_RULE, 404, GW_STR("route_not_found"), "%s",
                      run->hit.virtual_host == NULL ? "no route is for this host" : "no route matches");
  } else if (route->action == GW_ROUTE_FORWARD) {
    forward(run, route);
  } else if (route->action == GW_ROUTE_REDIRECT) {
    redirect(run, route);
  } else {
    gw_explain_answer(run, ROUTE, route->name, route->direct.status, GW_STR("direct_response"), "the gateway answers itself");
  }
}
