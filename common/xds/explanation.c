#include "common/xds/explanation.h"

typedef Gateway__Dataplane__V1__Candidate Candidate;
typedef Gateway__Dataplane__V1__Destination Destination;
typedef Gateway__Dataplane__V1__ExplainRequest Request;
typedef Gateway__Dataplane__V1__ExplainResponse Response;
typedef Gateway__Dataplane__V1__Instance Instance;
typedef Gateway__Dataplane__V1__Step Step;

/* ---- the question ---- */

enum gw_err gw_xds_decode_explain_request(const Request *message, struct gw_arena *arena, struct gw_explain_request *ret_request,
                                          const char **ret_problem) {
  static const struct gw_json_limits limits = {.bytes_max = GW_EXPLAIN_CLAIMS_BYTES_MAX, .depth_max = 16, .values_max = 4096};
  struct gw_explain_header *headers = gw_arena_calloc(arena, message->n_headers, sizeof(*headers));
  for (size_t i = 0; i < message->n_headers; i++)
    headers[i] = (struct gw_explain_header){gw_str_from(message->headers[i]->name), gw_str_from(message->headers[i]->value)};
  *ret_request = (struct gw_explain_request){.method = gw_str_from(message->method),
                                             .scheme = gw_str_from(message->scheme),
                                             .authority = gw_str_from(message->authority),
                                             .path = gw_str_from(message->path),
                                             .headers = headers,
                                             .header_count = (uint32_t)message->n_headers,
                                             .client = gw_str_from(message->client),
                                             .listener = gw_str_from(message->listener)};
  if (message->identity == NULL) return GW_OK;
  ret_request->is_api_key = message->identity->api_key;
  ret_request->plan = gw_str_from(message->identity->plan);
  enum gw_err err = gw_json_parse(gw_str_from(message->identity->claims), &limits, arena, &ret_request->claims);
  if (err == GW_OK && ret_request->claims->kind == GW_JSON_OBJECT) return GW_OK;
  *ret_problem = "the identity's claims are no JSON object";
  return GW_ERR_INVALID;
}

/* ---- the answer ---- */

static char *text(struct gw_arena *arena, struct gw_str from) {
  return (char *)(uintptr_t)gw_arena_copy(arena, from).data;
}

static Candidate *encode_candidate(const struct gw_explain_candidate *from, struct gw_arena *arena) {
  static const Gateway__Dataplane__V1__Candidate__Part parts[] = {
      [GW_EXPLAIN_BEHIND] = GATEWAY__DATAPLANE__V1__CANDIDATE__PART__BEHIND,
      [GW_EXPLAIN_PATH] = GATEWAY__DATAPLANE__V1__CANDIDATE__PART__PATH,
      [GW_EXPLAIN_METHOD] = GATEWAY__DATAPLANE__V1__CANDIDATE__PART__METHOD,
      [GW_EXPLAIN_HEADER] = GATEWAY__DATAPLANE__V1__CANDIDATE__PART__HEADER,
      [GW_EXPLAIN_QUERY] = GATEWAY__DATAPLANE__V1__CANDIDATE__PART__QUERY,
      [GW_EXPLAIN_UNDECIDED] = GATEWAY__DATAPLANE__V1__CANDIDATE__PART__UNDECIDED,
  };
  Candidate *candidate = gw_arena_alloc(arena, sizeof(*candidate));
  gateway__dataplane__v1__candidate__init(candidate);
  candidate->route = text(arena, from->route);
  candidate->path = text(arena, from->path);
  candidate->part = parts[from->part];
  candidate->words = text(arena, from->words);
  return candidate;
}

static Step *encode_step(const struct gw_explain_step *from, struct gw_arena *arena) {
  static const Gateway__Dataplane__V1__Step__Verdict verdicts[] = {
      [GW_EXPLAIN_PASSES] = GATEWAY__DATAPLANE__V1__STEP__VERDICT__PASSES,
      [GW_EXPLAIN_MATCHES] = GATEWAY__DATAPLANE__V1__STEP__VERDICT__MATCHES,
      [GW_EXPLAIN_DIFFERS] = GATEWAY__DATAPLANE__V1__STEP__VERDICT__DIFFERS,
      [GW_EXPLAIN_COUNTS] = GATEWAY__DATAPLANE__V1__STEP__VERDICT__COUNTS,
      [GW_EXPLAIN_ANSWERS] = GATEWAY__DATAPLANE__V1__STEP__VERDICT__ANSWERS,
  };
  Step *step = gw_arena_alloc(arena, sizeof(*step));
  gateway__dataplane__v1__step__init(step);
  step->filter = text(arena, from->filter);
  step->rule = text(arena, from->rule);
  step->verdict = verdicts[from->verdict];
  step->shadow = from->is_shadow;
  step->words = text(arena, from->words);
  return step;
}

static Destination *encode_service(const struct gw_explain_service *from, struct gw_arena *arena) {
  Destination *service = gw_arena_alloc(arena, sizeof(*service));
  gateway__dataplane__v1__destination__init(service);
  service->name = text(arena, from->name);
  service->weight = from->weight;
  service->total_weight = from->total_weight;
  service->known = from->is_known;
  service->left_out_instances = from->left_out_endpoints;
  service->n_instances = from->endpoint_count;
  service->instances = gw_arena_calloc(arena, from->endpoint_count, sizeof(void *));
  for (uint32_t i = 0; i < from->endpoint_count; i++) {
    Instance *instance = service->instances[i] = gw_arena_alloc(arena, sizeof(*instance));
    gateway__dataplane__v1__instance__init(instance);
    instance->address = text(arena, from->endpoints[i].address);
    instance->port = from->endpoints[i].port;
    instance->weight = from->endpoints[i].weight;
    instance->priority = from->endpoints[i].priority;
    instance->healthy = !from->endpoints[i].is_unhealthy;
  }
  return service;
}

static void encode_lists(const struct gw_explanation *from, struct gw_arena *arena, Response *response) {
  response->n_candidates = from->candidate_count;
  response->candidates = gw_arena_calloc(arena, from->candidate_count, sizeof(void *));
  for (uint32_t i = 0; i < from->candidate_count; i++)
    response->candidates[i] = encode_candidate(&from->candidates[i], arena);
  response->n_steps = from->step_count;
  response->steps = gw_arena_calloc(arena, from->step_count, sizeof(void *));
  for (uint32_t i = 0; i < from->step_count; i++)
    response->steps[i] = encode_step(&from->steps[i], arena);
  response->n_services = from->service_count;
  response->services = gw_arena_calloc(arena, from->service_count, sizeof(void *));
  for (uint32_t i = 0; i < from->service_count; i++)
    response->services[i] = encode_service(&from->services[i], arena);
  response->n_assumptions = from->assumption_count;
  response->assumptions = gw_arena_calloc(arena, from->assumption_count, sizeof(char *));
  for (uint32_t i = 0; i < from->assumption_count; i++)
    response->assumptions[i] = text(arena, from->assumptions[i]);
}

Response *gw_xds_encode_explanation(const struct gw_explanation *explanation, struct gw_arena *arena) {
  Response *response = gw_arena_alloc(arena, sizeof(*response));
  gateway__dataplane__v1__explain_response__init(response);
  response->status = explanation->status;
  response->detail = text(arena, explanation->detail);
  response->filter = text(arena, explanation->filter);
  response->rule = text(arena, explanation->rule);
  response->location = text(arena, explanation->location);
  response->listener = text(arena, explanation->listener);
  response->path = text(arena, explanation->path);
  response->virtual_host = text(arena, explanation->virtual_host);
  response->has_route = explanation->has_route;
  response->route = text(arena, explanation->route);
  response->route_path = text(arena, explanation->route_path);
  response->left_out_candidates = explanation->left_out_candidates;
  response->forwarded_path = text(arena, explanation->forwarded_path);
  response->forwarded_host = text(arena, explanation->forwarded_host);
  response->timeout_ms = explanation->timeout_ms;
  response->retries = explanation->retries;
  response->snapshot_version = text(arena, explanation->snapshot_version);
  encode_lists(explanation, arena, response);
  return response;
}

static void add_assumption(Response *answer, const char *words, struct gw_arena *arena) {
  char **assumptions = gw_arena_calloc(arena, answer->n_assumptions + 1, sizeof(char *));
  for (size_t i = 0; i < answer->n_assumptions; i++)
    assumptions[i] = answer->assumptions[i];
  assumptions[answer->n_assumptions++] = gw_arena_strdup(arena, words);
  answer->assumptions = assumptions;
}

void gw_xds_explanation_set_nodes(Response *answer, struct gw_str cluster, const struct gw_str *groups, uint32_t count,
                                  struct gw_arena *arena) {
  struct gw_strbuf words;
  for (uint32_t i = 0; i < count; i++) {
    if (!gw_str_equal(groups[i], cluster)) continue;
    answer->node_cluster = text(arena, cluster);
    return;
  }
  gw_strbuf_init(&words);
  if (cluster.len > 0)
    gw_strbuf_printf(&words, "nothing is for nodes of cluster %.*s alone: they have what is for all", GW_STR_ARG(cluster));
  for (uint32_t i = 0; cluster.len == 0 && i < count; i++)
    gw_strbuf_printf(&words, "%s%.*s", i == 0 ? "the node is in no group; with routes of their own there are: " : ", ",
                     GW_STR_ARG(groups[i]));
  if (words.len > 0) add_assumption(answer, words.data, arena);
  gw_strbuf_done(&words);
}
