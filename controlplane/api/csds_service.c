#include "controlplane/api/csds_service.h"

#include <envoy/service/status/v3/csds.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/routing/claim_rule.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/codec.h"
#include "common/xds/wire.h"
#include "controlplane/api/admin_reply.h"

#define FETCH "/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus"
#define STREAM "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus"

typedef Envoy__Service__Status__V3__ClientConfig ClientConfig;
typedef Envoy__Service__Status__V3__ClientConfig__GenericXdsConfig XdsConfig;
typedef Envoy__Service__Status__V3__ClientStatusRequest Request;
typedef Envoy__Service__Status__V3__ClientStatusResponse Response;

struct gw_csds_service {
  struct gw_admin_api *api;
  struct gw_node_table *nodes;
  struct gw_snapshot_cache *cache;
};

/* One answer in the making. */
struct making {
  const struct gw_snapshot *snapshot; /* of the node's group */
  bool has_contents;
  struct gw_arena arena;
  uint32_t config_count;
  size_t content_bytes;
  const char *problem; /* NULL: none */
};

/* ---- which nodes ---- */

static bool takes_text(const Envoy__Type__Matcher__V3__StringMatcher *matcher, struct gw_str id, struct making *m) {
  struct gw_errors errors;
  struct gw_rule_build build = {.arena = &m->arena, .errors = &errors, .place = "node_id"};
  struct gw_string_match match = {.ignore_case = matcher->ignore_case};
  switch (matcher->match_pattern_case) {
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT: match.value = gw_str_from(matcher->exact); break;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX:
    match.kind = GW_STRING_MATCH_PREFIX;
    match.value = gw_str_from(matcher->prefix);
    break;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SUFFIX:
    match.kind = GW_STRING_MATCH_SUFFIX;
    match.value = gw_str_from(matcher->suffix);
    break;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_CONTAINS:
    match.kind = GW_STRING_MATCH_CONTAINS;
    match.value = gw_str_from(matcher->contains);
    break;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX:
    match.kind = GW_STRING_MATCH_REGEX;
    match.value = gw_str_from(matcher->safe_regex->regex);
    break;
  default: m->problem = "node_matchers: node_id says nothing that we know"; return false;
  }
  struct gw_text_rule rule;
  struct gw_route_work work = {.scratch = &m->arena};
  gw_errors_init(&errors);
  gw_rule_build_text(&build, &match, &rule);
  bool is_good = errors.error_count == 0;
  if (!is_good) m->problem = "node_matchers: node_id has a regular expression that is none";
  bool is_match = is_good && gw_text_rule_match(&rule, id, &work);
  gw_regex_list_free(build.regexes);
  gw_errors_done(&errors);
  return is_match;
}

static bool is_meant(const Request *request, const struct gw_node *node, struct making *m) {
  for (size_t i = 0; i < request->n_node_matchers && m->problem == NULL; i++) {
    const Envoy__Type__Matcher__V3__NodeMatcher *matcher = request->node_matchers[i];
    if (matcher->node_id == NULL || matcher->base.n_unknown_fields > 0)
      m->problem = "node_matchers: only node_id is looked at here";
    else if (takes_text(matcher->node_id, gw_str_from(node->id), m))
      return true;
  }
  return request->n_node_matchers == 0;
}

/* ---- one node ---- */

static char *text(struct making *m, const char *from) {
  return gw_arena_strdup(&m->arena, from != NULL ? from : "");
}

static void add_node(struct making *m, const struct gw_node *from, ClientConfig *config) {
  Envoy__Config__Core__V3__Node *node = gw_admin_message_new(&m->arena, &envoy__config__core__v3__node__descriptor);
  node->id = text(m, from->id);
  node->cluster = text(m, from->cluster);
  node->user_agent_name = text(m, from->kind);
  node->user_agent_version_type_case = ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
  node->user_agent_version = text(m, from->version);
  config->node = node;
}

static bool names(struct gw_str reason, struct gw_str name) {
  for (size_t at = 0; name.len > 0 && at + name.len <= reason.len; at++)
    if (memcmp(reason.data + at, name.data, name.len) == 0) return true;
  return false;
}

/* Whether the NACK names any of them: then it is about those alone. */
static bool names_some(const struct gw_node_type_status *status, const struct gw_resource_list *list) {
  for (uint32_t i = 0; status->refused_reason != NULL && i < list->count; i++)
    if (names(gw_str_from(status->refused_reason), list->items[i]->name)) return true;
  return false;
}

static void set_status(struct making *m, const struct gw_node_type_status *status, bool is_refused, XdsConfig *config) {
  config->config_status = ENVOY__SERVICE__STATUS__V3__CONFIG_STATUS__STALE;
  config->client_status = ENVOY__ADMIN__V3__CLIENT_RESOURCE_STATUS__REQUESTED;
  if (is_refused) {
    config->config_status = ENVOY__SERVICE__STATUS__V3__CONFIG_STATUS__ERROR;
    config->client_status = ENVOY__ADMIN__V3__CLIENT_RESOURCE_STATUS__NACKED;
    config->error_state = gw_admin_message_new(&m->arena, &envoy__admin__v3__update_failure_state__descriptor);
    config->error_state->details = text(m, status->refused_reason);
    config->error_state->version_info = text(m, status->refused_version);
  } else if (status->sent_version[0] == '\0') {
    config->config_status = ENVOY__SERVICE__STATUS__V3__CONFIG_STATUS__NOT_SENT;
  } else if (strcmp(status->accepted_version, status->wanted_version) == 0) {
    config->config_status = ENVOY__SERVICE__STATUS__V3__CONFIG_STATUS__SYNCED;
    config->client_status = ENVOY__ADMIN__V3__CLIENT_RESOURCE_STATUS__ACKED;
  }
}

static XdsConfig *new_config(struct making *m, enum gw_resource_type type, ClientConfig *config) {
  if (++m->config_count > GW_CSDS_CONFIGS_MAX) {
    m->problem = "these are too many resources for one answer: name the nodes (node_matchers)";
    return NULL;
  }
  XdsConfig *made = gw_admin_message_new(&m->arena, &envoy__service__status__v3__client_config__generic_xds_config__descriptor);
  made->type_url = text(m, gw_xds_type_url(type));
  config->generic_xds_configs[config->n_generic_xds_configs++] = made;
  return made;
}

static void add_content(struct making *m, const struct gw_resource *resource, XdsConfig *config) {
  ProtobufCMessage *any;
  if (!m->has_contents || gw_resource_is_confidential(resource)) return;
  struct gw_str packed = gw_bytes_str(resource->any);
  m->content_bytes += packed.len;
  if (m->content_bytes > GW_CSDS_CONTENT_BYTES_MAX) {
    m->problem = "what these resources say is too much for one answer: name the nodes (node_matchers), or exclude_resource_contents";
    return;
  }
  if (gw_wire_unpack(&google__protobuf__any__descriptor, packed, &m->arena, &any) == GW_OK)
    config->xds_config = (Google__Protobuf__Any *)(void *)any;
}

/* Of who asks for less than all of a type, only how it stands with what it asks for is known here. */
static void add_type(struct making *m, const struct gw_node *node, enum gw_resource_type type, ClientConfig *config) {
  const struct gw_node_type_status *status = &node->types[type];
  const struct gw_resource_list *list = &m->snapshot->lists[type];
  bool is_refused = status->refused_version[0] != '\0', is_named = is_refused && names_some(status, list);
  if (strcmp(status->wanted_version, m->snapshot->list_versions[type]) != 0) {
    XdsConfig *made = new_config(m, type, config);
    if (made == NULL) return;
    made->version_info = text(m, status->accepted_version);
    set_status(m, status, is_refused, made);
    return;
  }
  for (uint32_t i = 0; i < list->count && m->problem == NULL; i++) {
    const struct gw_resource *resource = list->items[i];
    XdsConfig *made = new_config(m, type, config);
    if (made == NULL) return;
    made->name = gw_admin_text(&m->arena, resource->name);
    made->version_info = text(m, resource->version);
    bool is_meant_by_it = !is_named || names(gw_str_from(status->refused_reason), resource->name);
    set_status(m, status, is_refused && is_meant_by_it, made);
    add_content(m, resource, made);
  }
}

static ClientConfig *make_client(struct making *m, const struct gw_node *node) {
  ClientConfig *config = gw_admin_message_new(&m->arena, &envoy__service__status__v3__client_config__descriptor);
  size_t room = GW_RESOURCE_TYPE_COUNT;
  add_node(m, node, config);
  for (size_t type = 0; m->snapshot != NULL && type < GW_RESOURCE_TYPE_COUNT; type++)
    room += m->snapshot->lists[type].count;
  config->generic_xds_configs = gw_arena_calloc(&m->arena, room, sizeof(void *));
  for (int type = 0; m->snapshot != NULL && type < GW_RESOURCE_TYPE_COUNT && m->problem == NULL; type++)
    if (node->is_subscribed[type] && type != GW_RESOURCE_API_KEY) add_type(m, node, (enum gw_resource_type)type, config);
  return config;
}

/* ---- calls ---- */

/* NULL: m->problem says why not. */
static Response *make_response(const struct gw_csds_service *service, const Request *request, struct making *m) {
  Response *response = gw_admin_message_new(&m->arena, &envoy__service__status__v3__client_status_response__descriptor);
  m->has_contents = !request->exclude_resource_contents;
  response->config = gw_arena_calloc(&m->arena, service->nodes->count, sizeof(void *));
  GW_LIST_FOR_EACH(item, &service->nodes->nodes) {
    const struct gw_node *node = GW_LIST_ITEM(item, struct gw_node, link);
    if (m->problem != NULL || !is_meant(request, node, m)) continue;
    m->snapshot = gw_snapshot_cache_of(service->cache, gw_str_from(node->cluster));
    response->config[response->n_config++] = make_client(m, node);
  }
  return m->problem == NULL ? response : NULL;
}

/* What a call's events get. */
struct call {
  const struct gw_csds_service *service;
  bool is_stream;
};

static void *open_call(void *arg, struct gw_rpc_stream *stream, bool is_stream) {
  struct gw_csds_service *service = arg;
  if (!gw_admin_api_admit(service->api, stream)) return NULL;
  struct call *call = gw_malloc(sizeof(*call));
  *call = (struct call){service, is_stream};
  return call;
}

static void *on_open_fetch(void *arg, struct gw_rpc_stream *stream) {
  return open_call(arg, stream, false);
}

static void *on_open_stream(void *arg, struct gw_rpc_stream *stream) {
  return open_call(arg, stream, true);
}

/* Who does not read what was answered gets no more. */
static void answer(const struct call *call, struct gw_rpc_stream *stream, const Request *request, struct making *m) {
  if (gw_rpc_stream_pending(stream) > 0) {
    gw_rpc_stream_finish(stream, GW_RPC_RESOURCE_EXHAUSTED, "one question at a time");
    return;
  }
  const Response *response = make_response(call->service, request, m);
  if (response == NULL) {
    bool is_too_much = m->config_count > GW_CSDS_CONFIGS_MAX || m->content_bytes > GW_CSDS_CONTENT_BYTES_MAX;
    gw_rpc_stream_finish(stream, is_too_much ? GW_RPC_RESOURCE_EXHAUSTED : GW_RPC_INVALID_ARGUMENT, m->problem);
  } else if (call->is_stream) {
    gw_rpc_message_send(stream, &response->base);
  } else {
    gw_rpc_message_reply(stream, &response->base);
  }
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str bytes) {
  struct making m = {.problem = NULL};
  ProtobufCMessage *message;
  gw_arena_init(&m.arena, 65536);
  if (gw_wire_unpack(&envoy__service__status__v3__client_status_request__descriptor, bytes, &m.arena, &message) == GW_OK)
    answer(state, stream, (const Request *)(const void *)message, &m);
  else
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "the message is no ClientStatusRequest");
  gw_arena_done(&m.arena);
}

static void on_half_close(void *state, struct gw_rpc_stream *stream) {
  const struct call *call = state;
  if (call->is_stream) gw_rpc_stream_finish(stream, GW_RPC_OK, "");
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)code, (void)reason;
  free(state);
}

struct gw_csds_service *gw_csds_service_new(struct gw_admin_api *api, struct gw_node_table *nodes, struct gw_snapshot_cache *cache) {
  struct gw_csds_service *service = gw_calloc(1, sizeof(*service));
  *service = (struct gw_csds_service){api, nodes, cache};
  return service;
}

void gw_csds_service_free(struct gw_csds_service *service) {
  free(service);
}

void gw_csds_service_add_to(struct gw_csds_service *service, struct gw_rpc_service_set *set) {
  static const struct gw_rpc_events events = {.on_message = on_message, .on_half_close = on_half_close, .on_closed = on_closed};
  const struct gw_rpc_method methods[] = {{.path = FETCH, .events = events, .on_open = on_open_fetch},
                                          {.path = STREAM, .events = events, .on_open = on_open_stream}};
  gw_rpc_service_set_add(set, methods, GW_ARRAY_LEN(methods), service);
}
