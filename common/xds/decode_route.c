#include <string.h>

#include "common/xds/decode_route.h"
#include "common/xds/wire.h"
#include "envoy/extensions/path/match/uri_template/v3/uri_template_match.pb-c.h"

#define TEMPLATE_MAX_LEN 256 /* upstream's limit */
#define DIRECT_BODY_MAX 4096 /* RouteConfiguration.max_direct_response_body_size_bytes, its default */

/* The names in this file are protoc-c's, which are too long to be repeated. */
typedef Envoy__Config__Route__V3__RouteAction RouteAction;
typedef Envoy__Config__Route__V3__DirectResponseAction DirectResponse;
typedef Envoy__Config__Route__V3__RedirectAction Redirect;
#define REDIRECT_CODE(name) ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__##name

/* Upstream's rule: no query, no fragment, no slash at the end, at least two characters. */
static struct gw_str decode_separated_prefix(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *text) {
  struct gw_str prefix = gw_xds_decode_str(d, text);
  bool is_valid = prefix.len >= 2 && prefix.data[prefix.len - 1] != '/' && strpbrk(text, "?#") == NULL;
  if (!is_valid) gw_xds_refuse(d, place, "must have two characters or more, no '?' or '#', and no '/' at the end");
  return prefix;
}

static struct gw_str decode_template(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                     const Envoy__Config__Core__V3__TypedExtensionConfig *policy) {
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const Envoy__Extensions__Path__Match__UriTemplate__V3__UriTemplateMatchConfig *config =
      gw_xds_decode_any(d, at, policy->typed_config,
                        &envoy__extensions__path__match__uri_template__v3__uri_template_match_config__descriptor);
  if (config == NULL) return GW_STR("");
  const struct gw_xds_place *field = GW_XDS_FIELD(at, "path_template");
  struct gw_str path = gw_xds_decode_name(d, field, config->path_template);
  if (path.len > TEMPLATE_MAX_LEN) gw_xds_refuse(d, field, "is longer than %d bytes", TEMPLATE_MAX_LEN);
  return path;
}

static void decode_path_match(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__RouteMatch *m,
                              struct gw_route_match *out) {
  out->ignore_case = !gw_xds_decode_bool(m->case_sensitive, true);
  switch (m->path_specifier_case) {
  case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX:
    out->kind = GW_PATH_MATCH_PREFIX;
    out->path = gw_xds_decode_str(d, m->prefix);
    return;
  case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH:
    out->kind = GW_PATH_MATCH_EXACT;
    out->path = gw_xds_decode_str(d, m->path);
    return;
  case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX:
    out->kind = GW_PATH_MATCH_SEPARATED_PREFIX;
    out->path = decode_separated_prefix(d, GW_XDS_FIELD(place, "path_separated_prefix"), m->path_separated_prefix);
    return;
  case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX:
    out->kind = GW_PATH_MATCH_REGEX;
    out->ignore_case = false;
    out->path = gw_xds_decode_regex(d, GW_XDS_FIELD(place, "safe_regex"), m->safe_regex);
    return;
  case ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_MATCH_POLICY:
    out->kind = GW_PATH_MATCH_TEMPLATE;
    out->ignore_case = false;
    out->path = decode_template(d, GW_XDS_FIELD(place, "path_match_policy"), m->path_match_policy);
    return;
  default: gw_xds_refuse(d, place, "needs prefix, path, path_separated_prefix, safe_regex or path_match_policy");
  }
}

void gw_xds_decode_route_match(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__RouteMatch *m,
                               struct gw_route_match *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  decode_path_match(d, place, m, out);
  gw_xds_decode_matchers(d, place, m, out);
}

/* What becomes part of a URL, or of a Host. */
static struct gw_str decode_url_part(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *text) {
  for (const char *c = text; *c != '\0'; c++) {
    if ((unsigned char)*c > 0x20 && *c != 0x7f) continue;
    gw_xds_refuse(d, place, "holds a space or a control character");
    break;
  }
  return gw_xds_decode_str(d, text);
}

void gw_xds_decode_substitution(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                const Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *m, struct gw_str *ret_pattern,
                                struct gw_str *ret_substitution) {
  *ret_pattern = gw_xds_decode_regex(d, GW_XDS_FIELD(place, "pattern"), m->pattern);
  *ret_substitution = gw_xds_decode_str(d, m->substitution);
}

static void decode_clusters(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RouteAction *m,
                            struct gw_route_forward *out) {
  if (m->cluster_specifier_case == ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER)
    out->cluster = gw_xds_decode_name(d, GW_XDS_FIELD(place, "cluster"), m->cluster);
  else if (m->cluster_specifier_case == ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS)
    out->split = gw_xds_decode_split(d, GW_XDS_FIELD(place, "weighted_clusters"), m->weighted_clusters);
  else
    gw_xds_refuse(d, place, "needs cluster or weighted_clusters");
}

static struct gw_str decode_host(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RouteAction *m) {
  if (m->host_rewrite_specifier_case != ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL)
    return GW_STR("");
  return decode_url_part(d, GW_XDS_FIELD(place, "host_rewrite_literal"), m->host_rewrite_literal);
}

static void decode_forward(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RouteAction *m, struct gw_route_forward *out) {
  decode_clusters(d, place, m, out);
  out->host_rewrite = decode_host(d, place, m);
  out->timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "timeout"), m->timeout, GW_ROUTE_TIMEOUT_DEFAULT_MS);
  out->has_grpc_timeout = m->max_grpc_timeout != NULL;
  out->max_grpc_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "max_grpc_timeout"), m->max_grpc_timeout, 0);
  out->has_idle_timeout = m->idle_timeout != NULL;
  out->idle_timeout_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "idle_timeout"), m->idle_timeout, 0);
  gw_xds_decode_hash_policies(d, place, m, out);
  if (m->max_stream_duration != NULL) {
    const struct gw_xds_place *at = GW_XDS_FIELD(GW_XDS_FIELD(place, "max_stream_duration"), "max_stream_duration");
    out->max_duration_ms = gw_xds_decode_duration(d, at, m->max_stream_duration->max_stream_duration, 0);
  }
  out->prefix_rewrite = gw_xds_decode_str(d, m->prefix_rewrite);
  if (m->regex_rewrite == NULL) return;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "regex_rewrite");
  if (out->prefix_rewrite.len > 0) gw_xds_refuse(d, at, "and prefix_rewrite exclude each other");
  gw_xds_decode_substitution(d, at, m->regex_rewrite, &out->regex_rewrite_pattern, &out->regex_rewrite_substitution);
}

static uint32_t decode_redirect_status(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Redirect *m) {
  switch (m->response_code) {
  case REDIRECT_CODE(MOVED_PERMANENTLY): return 301;
  case REDIRECT_CODE(FOUND): return 302;
  case REDIRECT_CODE(SEE_OTHER): return 303;
  case REDIRECT_CODE(TEMPORARY_REDIRECT): return 307;
  case REDIRECT_CODE(PERMANENT_REDIRECT): return 308;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "response_code"),
                       &envoy__config__route__v3__redirect_action__redirect_response_code__descriptor, (int)m->response_code);
    return 301;
  }
}

static const struct gw_route_redirect *decode_redirect(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Redirect *m) {
  struct gw_route_redirect *redirect = gw_arena_calloc(d->arena, 1, sizeof *redirect);
  redirect->status = decode_redirect_status(d, place, m);
  if (m->scheme_rewrite_specifier_case == ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_SCHEME_REDIRECT) {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, "scheme_redirect");
    redirect->scheme = gw_xds_decode_lower(d, m->scheme_redirect);
    bool is_known = strcmp(redirect->scheme.data, "http") == 0 || strcmp(redirect->scheme.data, "https") == 0;
    if (!is_known) gw_xds_refuse(d, at, "\"%s\" is not http or https", m->scheme_redirect);
  } else if (m->https_redirect) {
    redirect->scheme = GW_STR("https");
  }
  redirect->host = decode_url_part(d, GW_XDS_FIELD(place, "host_redirect"), m->host_redirect);
  redirect->port = m->port_redirect;
  if (redirect->port > UINT16_MAX) gw_xds_refuse(d, GW_XDS_FIELD(place, "port_redirect"), "must be a port, 1 to 65535, or 0");
  if (m->path_rewrite_specifier_case == ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PATH_REDIRECT)
    redirect->path = decode_url_part(d, GW_XDS_FIELD(place, "path_redirect"), m->path_redirect);
  else if (m->path_rewrite_specifier_case == ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE)
    redirect->prefix_rewrite = decode_url_part(d, GW_XDS_FIELD(place, "prefix_rewrite"), m->prefix_rewrite);
  else if (m->path_rewrite_specifier_case == ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_REGEX_REWRITE)
    gw_xds_decode_substitution(d, GW_XDS_FIELD(place, "regex_rewrite"), m->regex_rewrite, &redirect->regex_rewrite_pattern,
                               &redirect->regex_rewrite_substitution);
  redirect->strips_query = m->strip_query;
  return redirect;
}

static void decode_direct(struct gw_xds_decoder *d, const struct gw_xds_place *place, const DirectResponse *m,
                          struct gw_route_direct_response *out) {
  if (m->status < 200 || m->status > 599) gw_xds_refuse(d, GW_XDS_FIELD(place, "status"), "is %u; allowed is 200 to 599", m->status);
  out->status = m->status;
  if (m->body == NULL) return;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "body");
  out->body = gw_xds_decode_data_source(d, at, m->body);
  if (out->body.len > DIRECT_BODY_MAX) gw_xds_refuse(d, at, "has %zu bytes; at most %d are allowed", out->body.len, DIRECT_BODY_MAX);
}

void gw_xds_decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__Route *m,
                         const struct gw_xds_host_defaults *host, struct gw_route *out) {
  out->name = gw_xds_decode_str(d, m->name);
  gw_xds_decode_route_match(d, GW_XDS_FIELD(place, "match"), m->match, &out->match);
  switch (m->action_case) {
  case ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE:
    out->action = GW_ROUTE_FORWARD;
    decode_forward(d, GW_XDS_FIELD(place, "route"), m->route, &out->forward);
    out->forward.retry = gw_xds_decode_route_retry(d, place, m, host->retry, host->retry_buffer_bytes);
    out->forward.tells_attempt_count = host->tells_attempt_count;
    break;
  case ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_DIRECT_RESPONSE:
    out->action = GW_ROUTE_DIRECT_RESPONSE;
    decode_direct(d, GW_XDS_FIELD(place, "direct_response"), m->direct_response, &out->direct);
    break;
  case ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_REDIRECT:
    out->action = GW_ROUTE_REDIRECT;
    out->redirect = decode_redirect(d, GW_XDS_FIELD(place, "redirect"), m->redirect);
    break;
  default: gw_xds_refuse(d, place, "needs route, redirect or direct_response");
  }
  gw_xds_decode_header_changes(d, place, m, out);
  gw_xds_decode_route_filters(d, place, m, out);
}
