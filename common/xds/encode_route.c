#include "common/xds/encode_route.h"
#include "common/base/mem.h"
#include "envoy/extensions/path/match/uri_template/v3/uri_template_match.pb-c.h"

#define TEMPLATE_MATCHER_NAME "envoy.path.match.uri_template.uri_template_matcher"

typedef Envoy__Config__Route__V3__RouteMatch RouteMatch;

static Envoy__Config__Core__V3__TypedExtensionConfig *encode_template(struct gw_arena *arena, struct gw_str path) {
  Envoy__Extensions__Path__Match__UriTemplate__V3__UriTemplateMatchConfig *config =
      gw_xds_encode_new(arena, &envoy__extensions__path__match__uri_template__v3__uri_template_match_config__descriptor);
  config->path_template = gw_xds_encode_str(arena, path);
  Envoy__Config__Core__V3__TypedExtensionConfig *extension =
      gw_xds_encode_new(arena, &envoy__config__core__v3__typed_extension_config__descriptor);
  extension->name = gw_xds_encode_str(arena, GW_STR(TEMPLATE_MATCHER_NAME));
  extension->typed_config = gw_xds_encode_any(arena, &config->base);
  return extension;
}

RouteMatch *gw_xds_encode_route_match(struct gw_arena *arena, const struct gw_route_match *match) {
  RouteMatch *m = gw_xds_encode_new(arena, &envoy__config__route__v3__route_match__descriptor);
  char *path = gw_xds_encode_str(arena, match->path);
  switch (match->kind) {
  case GW_PATH_MATCH_PREFIX:
    m->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    m->prefix = path;
    break;
  case GW_PATH_MATCH_EXACT:
    m->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH;
    m->path = path;
    break;
  case GW_PATH_MATCH_SEPARATED_PREFIX:
    m->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX;
    m->path_separated_prefix = path;
    break;
  case GW_PATH_MATCH_REGEX:
    m->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX;
    m->safe_regex = gw_xds_encode_regex(arena, match->path);
    break;
  case GW_PATH_MATCH_TEMPLATE:
    m->path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH_MATCH_POLICY;
    m->path_match_policy = encode_template(arena, match->path);
    break;
  }
  bool has_case = match->kind != GW_PATH_MATCH_REGEX && match->kind != GW_PATH_MATCH_TEMPLATE;
  if (has_case) m->case_sensitive = gw_xds_encode_bool(arena, !match->ignore_case);
  gw_xds_encode_matchers(arena, match, m);
  return m;
}

static Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *encode_substitution(struct gw_arena *arena, struct gw_str pattern,
                                                                              struct gw_str substitution) {
  Envoy__Type__Matcher__V3__RegexMatchAndSubstitute *m =
      gw_xds_encode_new(arena, &envoy__type__matcher__v3__regex_match_and_substitute__descriptor);
  m->pattern = gw_xds_encode_regex(arena, pattern);
  m->substitution = gw_xds_encode_str(arena, substitution);
  return m;
}

static Envoy__Config__Route__V3__RouteAction *encode_forward(struct gw_arena *arena, const struct gw_route_forward *forward) {
  Envoy__Config__Route__V3__RouteAction *m = gw_xds_encode_new(arena, &envoy__config__route__v3__route_action__descriptor);
  if (forward->split != NULL) {
    m->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS;
    m->weighted_clusters = gw_xds_encode_split(arena, forward->split);
  } else {
    m->cluster_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
    m->cluster = gw_xds_encode_str(arena, forward->cluster);
  }
  if (forward->host_rewrite.len > 0) {
    m->host_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__HOST_REWRITE_SPECIFIER_HOST_REWRITE_LITERAL;
    m->host_rewrite_literal = gw_xds_encode_str(arena, forward->host_rewrite);
  }
  m->timeout = gw_xds_encode_duration(arena, forward->timeout_ms);
  if (forward->has_grpc_timeout) m->max_grpc_timeout = gw_xds_encode_duration(arena, forward->max_grpc_timeout_ms);
  if (forward->has_idle_timeout) m->idle_timeout = gw_xds_encode_duration(arena, forward->idle_timeout_ms);
  gw_xds_encode_hash_policies(arena, forward, m);
  if (forward->max_duration_ms != 0) {
    m->max_stream_duration = gw_xds_encode_new(arena, &envoy__config__route__v3__route_action__max_stream_duration__descriptor);
    m->max_stream_duration->max_stream_duration = gw_xds_encode_duration(arena, forward->max_duration_ms);
  }
  m->prefix_rewrite = gw_xds_encode_str(arena, forward->prefix_rewrite);
  if (forward->regex_rewrite_pattern.len > 0)
    m->regex_rewrite = encode_substitution(arena, forward->regex_rewrite_pattern, forward->regex_rewrite_substitution);
  return m;
}

#define REDIRECT_CODE(name) ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__REDIRECT_RESPONSE_CODE__##name

static Envoy__Config__Route__V3__RedirectAction *encode_redirect(struct gw_arena *arena, const struct gw_route_redirect *redirect) {
  Envoy__Config__Route__V3__RedirectAction *m = gw_xds_encode_new(arena, &envoy__config__route__v3__redirect_action__descriptor);
  switch (redirect->status) {
  case 302: m->response_code = REDIRECT_CODE(FOUND); break;
  case 303: m->response_code = REDIRECT_CODE(SEE_OTHER); break;
  case 307: m->response_code = REDIRECT_CODE(TEMPORARY_REDIRECT); break;
  case 308: m->response_code = REDIRECT_CODE(PERMANENT_REDIRECT); break;
  default: m->response_code = REDIRECT_CODE(MOVED_PERMANENTLY);
  }
  if (gw_str_equal(redirect->scheme, GW_STR("https"))) {
    m->scheme_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_HTTPS_REDIRECT;
    m->https_redirect = true;
  } else if (redirect->scheme.len > 0) {
    m->scheme_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__SCHEME_REWRITE_SPECIFIER_SCHEME_REDIRECT;
    m->scheme_redirect = gw_xds_encode_str(arena, redirect->scheme);
  }
  m->host_redirect = gw_xds_encode_str(arena, redirect->host);
  m->port_redirect = redirect->port;
  if (redirect->path.len > 0) {
    m->path_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PATH_REDIRECT;
    m->path_redirect = gw_xds_encode_str(arena, redirect->path);
  } else if (redirect->prefix_rewrite.len > 0) {
    m->path_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_PREFIX_REWRITE;
    m->prefix_rewrite = gw_xds_encode_str(arena, redirect->prefix_rewrite);
  } else if (redirect->regex_rewrite_pattern.len > 0) {
    m->path_rewrite_specifier_case = ENVOY__CONFIG__ROUTE__V3__REDIRECT_ACTION__PATH_REWRITE_SPECIFIER_REGEX_REWRITE;
    m->regex_rewrite = encode_substitution(arena, redirect->regex_rewrite_pattern, redirect->regex_rewrite_substitution);
  }
  m->strip_query = redirect->strips_query;
  return m;
}

static Envoy__Config__Route__V3__DirectResponseAction *encode_direct(struct gw_arena *arena,
                                                                     const struct gw_route_direct_response *direct) {
  Envoy__Config__Route__V3__DirectResponseAction *m =
      gw_xds_encode_new(arena, &envoy__config__route__v3__direct_response_action__descriptor);
  m->status = direct->status;
  if (direct->body.len > 0) m->body = gw_xds_encode_data_source(arena, direct->body);
  return m;
}

/* What the virtual host has is not said again. */
static void encode_retry(struct gw_arena *arena, const struct gw_retry_policy *policy, const struct gw_virtual_host *host,
                         Envoy__Config__Route__V3__Route *m) {
  if (policy == NULL || policy == host->retry) return;
  m->route->retry_policy = gw_xds_encode_retry_policy(arena, policy);
  m->request_body_buffer_limit = gw_xds_encode_retry_buffer(arena, policy);
}

static Envoy__Config__Route__V3__Route *encode_route(struct gw_arena *arena, const struct gw_route *route,
                                                     const struct gw_virtual_host *host) {
  Envoy__Config__Route__V3__Route *m = gw_xds_encode_new(arena, &envoy__config__route__v3__route__descriptor);
  m->name = gw_xds_encode_str(arena, route->name);
  m->match = gw_xds_encode_route_match(arena, &route->match);
  switch (route->action) {
  case GW_ROUTE_FORWARD:
    m->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
    m->route = encode_forward(arena, &route->forward);
    encode_retry(arena, route->forward.retry, host, m);
    break;
  case GW_ROUTE_REDIRECT:
    m->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_REDIRECT;
    m->redirect = encode_redirect(arena, route->redirect);
    break;
  case GW_ROUTE_DIRECT_RESPONSE:
    m->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_DIRECT_RESPONSE;
    m->direct_response = encode_direct(arena, &route->direct);
    break;
  }
  gw_xds_encode_header_changes(arena, route, m);
  gw_xds_encode_route_filters(arena, route, m);
  return m;
}

static Envoy__Config__Route__V3__VirtualHost *encode_virtual_host(struct gw_arena *arena, const struct gw_virtual_host *host) {
  Envoy__Config__Route__V3__VirtualHost *m = gw_xds_encode_new(arena, &envoy__config__route__v3__virtual_host__descriptor);
  m->name = gw_xds_encode_str(arena, host->name);
  m->n_domains = host->domain_count;
  m->domains = gw_xds_encode_array(arena, m->n_domains);
  for (uint32_t i = 0; i < host->domain_count; i++)
    m->domains[i] = gw_xds_encode_str(arena, host->domains[i]);
  m->include_request_attempt_count = host->tells_attempt_count;
  if (host->retry != NULL) {
    m->retry_policy = gw_xds_encode_retry_policy(arena, host->retry);
    m->request_body_buffer_limit = gw_xds_encode_retry_buffer(arena, host->retry);
  }
  m->n_routes = host->route_count;
  m->routes = gw_xds_encode_array(arena, m->n_routes);
  for (uint32_t i = 0; i < host->route_count; i++)
    m->routes[i] = encode_route(arena, &host->routes[i], host);
  return m;
}

ProtobufCMessage *gw_xds_encode_route_message(struct gw_arena *arena, const struct gw_route *route, const struct gw_virtual_host *host) {
  return &encode_route(arena, route, host)->base;
}

ProtobufCMessage *gw_xds_encode_virtual_host_message(struct gw_arena *arena, const struct gw_virtual_host *host) {
  return &encode_virtual_host(arena, host)->base;
}

Envoy__Config__Route__V3__RouteConfiguration *gw_xds_encode_route_config_message(struct gw_arena *arena,
                                                                                 const struct gw_route_config *config) {
  Envoy__Config__Route__V3__RouteConfiguration *m = gw_xds_encode_new(arena, &envoy__config__route__v3__route_configuration__descriptor);
  m->name = gw_xds_encode_str(arena, config->name);
  m->n_virtual_hosts = config->virtual_host_count;
  m->virtual_hosts = gw_xds_encode_array(arena, m->n_virtual_hosts);
  for (uint32_t i = 0; i < config->virtual_host_count; i++)
    m->virtual_hosts[i] = encode_virtual_host(arena, &config->virtual_hosts[i]);
  m->ignore_port_in_host_matching = config->ignores_port;
  return m;
}
