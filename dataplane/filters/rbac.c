#include "dataplane/filters/rbac.h"

#include "common/base/mem.h"
#include "common/routing/access.h"
#include "dataplane/pipeline/stream.h"

struct settings {
  const struct gw_access *rules;  /* NULL: everything passes */
  const struct gw_access *shadow; /* NULL: none */
  unsigned needs;                 /* of both */
};

static const struct gw_access *build_rules(const struct gw_filter_build *build, const struct gw_rbac *model, const char *field,
                                           unsigned *needs) {
  const struct gw_access *access = NULL;
  if (model == NULL) return NULL;
  GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("%s: %s", build->place, field);
  if (gw_access_build(model, place, build->arena, build->errors, &access) == GW_OK) *needs |= gw_access_needs(access);
  return access;
}

static const void *build_settings(const struct gw_filter_build *build, const struct gw_rbac_rules *model) {
  struct settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  settings->rules = build_rules(build, model->rules, "rules", &settings->needs);
  settings->shadow = build_rules(build, model->shadow, "shadow_rules", &settings->needs);
  return settings;
}

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  return build_settings(build, &model->settings.rbac);
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  return model->rbac != NULL ? build_settings(build, &model->rbac->rules) : NULL;
}

static const void *build_deny_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  return model->rbac_deny != NULL ? build_settings(build, &model->rbac_deny->rules) : NULL;
}

static void free_settings(const void *arg) {
  const struct settings *settings = arg;
  gw_access_free(settings->rules);
  gw_access_free(settings->shadow);
}

static void find_certificate(struct gw_stream *stream, struct gw_access_request *request) {
  struct gw_certificate certificate;
  if (gw_tls_peer_certificate(stream->transport->tls, &stream->arena, &certificate) != GW_OK) return;
  struct gw_access_certificate *found = gw_arena_calloc(&stream->arena, 1, sizeof(*found));
  struct gw_str *uris = gw_arena_calloc(&stream->arena, certificate.name_count, sizeof(*uris));
  struct gw_str *dns_names = gw_arena_calloc(&stream->arena, certificate.name_count, sizeof(*dns_names));
  for (uint32_t i = 0; i < certificate.name_count; i++) {
    if (certificate.names[i].kind == GW_CERTIFICATE_URI) uris[found->uri_count++] = certificate.names[i].value;
    if (certificate.names[i].kind == GW_CERTIFICATE_DNS) dns_names[found->dns_name_count++] = certificate.names[i].value;
  }
  found->uris = uris;
  found->dns_names = dns_names;
  found->subject = certificate.subject;
  request->certificate = found;
}

static void find_variables(struct gw_stream *stream, struct gw_access_request *request) {
  const struct gw_route *route = gw_stream_get_route(stream);
  if (route == NULL) return;
  struct gw_route_variable *variables = gw_arena_calloc(&stream->arena, GW_ROUTE_VARIABLES_MAX, sizeof(*variables));
  request->variable_count =
      gw_route_table_variables(gw_stream_find_routes(stream)->table, route, gw_path_without_query(stream->request.path), variables);
  request->variables = variables;
}

static void describe(struct gw_stream *stream, unsigned needs, struct gw_access_request *ret_request) {
  const struct gw_identity *identity = stream->identity;
  *ret_request = (struct gw_access_request){.head = &stream->request,
                                            .remote = &stream->remote,
                                            .peer = stream->peer,
                                            .is_tls = stream->transport->tls != NULL,
                                            .claims = identity != NULL ? identity->claims : NULL,
                                            .claims_key = identity != NULL ? identity->claims_key : (struct gw_str){NULL, 0}};
  if ((needs & GW_ACCESS_NEEDS_CERTIFICATE) != 0 && ret_request->is_tls) find_certificate(stream, ret_request);
  if ((needs & GW_ACCESS_NEEDS_VARIABLES) != 0) find_variables(stream, ret_request);
}

static struct gw_rbac_outcome *get_outcome(struct gw_stream *stream) {
  if (stream->rbac == NULL) stream->rbac = gw_arena_calloc(&stream->arena, 1, sizeof(*stream->rbac));
  return stream->rbac;
}

static void judge(struct gw_stream *stream, const struct gw_access *access, const struct gw_access_request *request, bool is_shadow,
                  struct gw_access_decision *ret_decision) {
  gw_access_decide(access, request, &stream->arena, ret_decision);
  struct gw_rbac_outcome *outcome = get_outcome(stream);
  struct gw_str result = ret_decision->is_allowed ? GW_STR("allowed") : GW_STR("denied");
  *(is_shadow ? &outcome->shadow_policy : &outcome->policy) = ret_decision->policy;
  *(is_shadow ? &outcome->shadow_result : &outcome->result) = result;
  stream->pipeline->stats->rbac_total[is_shadow][ret_decision->is_allowed]++;
}

static enum gw_verdict apply(struct gw_stream *stream, enum gw_filter_kind kind, const struct settings *of_listener) {
  const struct settings *settings = gw_stream_route_settings(stream, kind);
  if (settings == NULL) settings = of_listener;
  if (settings->rules == NULL && settings->shadow == NULL) return GW_VERDICT_NEXT;
  struct gw_access_request request;
  struct gw_access_decision decision;
  describe(stream, settings->needs, &request);
  if (settings->shadow != NULL) judge(stream, settings->shadow, &request, true, &decision);
  if (settings->rules == NULL) return GW_VERDICT_NEXT;
  judge(stream, settings->rules, &request, false, &decision);
  if (decision.is_allowed) return GW_VERDICT_NEXT;
  gw_stream_fail(stream, &(struct gw_failure){.status = 403,
                                              .side = GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_UNAUTHORIZED,
                                              .detail = gw_access_detail(&decision, &stream->arena),
                                              .message = GW_STR("access denied")});
  return GW_VERDICT_REPLIED;
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings) {
  (void)state;
  return apply(stream, GW_FILTER_RBAC, settings);
}

static enum gw_verdict on_deny_request(struct gw_stream *stream, void *state, const void *settings) {
  (void)state;
  return apply(stream, GW_FILTER_RBAC_DENY, settings);
}

const struct gw_filter gw_filter_rbac = {
    .name = GW_RBAC_FILTER,
    .span = "authorization",
    .kind = GW_FILTER_RBAC,
    .build = build,
    .free_settings = free_settings,
    .build_route = build_route,
    .free_route_settings = free_settings,
    .on_request = on_request,
};

const struct gw_filter gw_filter_rbac_deny = {
    .name = GW_RBAC_DENY_FILTER,
    .span = "authorization",
    .kind = GW_FILTER_RBAC_DENY,
    .build = build,
    .free_settings = free_settings,
    .build_route = build_deny_route,
    .free_route_settings = free_settings,
    .on_request = on_deny_request,
};
