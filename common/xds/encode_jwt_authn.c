/* Model → envoy.extensions.filters.http.jwt_authn.v3. */
#include "common/base/mem.h"
#include "common/model/jwt_authn.h"
#include "common/xds/decode_jwt_authn.h"
#include "common/xds/encode_route.h"

typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtProvider Provider;
typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtRequirement Requirement;
typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtAuthentication Authentication;
typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__PerRouteConfig PerRoute;
#define DESCRIPTOR(name) envoy__extensions__filters__http__jwt_authn__v3__##name##__descriptor
#define REQUIRES(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__JWT_REQUIREMENT__REQUIRES_TYPE_##name
#define RULE(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__REQUIREMENT_RULE__REQUIREMENT_TYPE_##name
#define ROUTE(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__PER_ROUTE_CONFIG__REQUIREMENT_SPECIFIER_##name
#define JWKS(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__JWT_PROVIDER__JWKS_SOURCE_SPECIFIER_##name

static char **encode_names(struct gw_arena *arena, const struct gw_str *names, uint32_t count) {
  char **items = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    items[i] = gw_xds_encode_str(arena, names[i]);
  return items;
}

static void encode_locations(struct gw_arena *arena, const struct gw_jwt_provider *provider, Provider *m) {
  m->n_from_headers = provider->header_count;
  m->from_headers = gw_xds_encode_array(arena, provider->header_count);
  for (uint32_t i = 0; i < provider->header_count; i++) {
    m->from_headers[i] = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_header));
    m->from_headers[i]->name = gw_xds_encode_str(arena, provider->headers[i].name);
    m->from_headers[i]->value_prefix = gw_xds_encode_str(arena, provider->headers[i].prefix);
  }
  m->n_from_params = provider->param_count;
  m->from_params = encode_names(arena, provider->params, provider->param_count);
  m->n_from_cookies = provider->cookie_count;
  m->from_cookies = encode_names(arena, provider->cookies, provider->cookie_count);
}

static void encode_claim_headers(struct gw_arena *arena, const struct gw_jwt_provider *provider, Provider *m) {
  m->n_claim_to_headers = provider->claim_header_count;
  m->claim_to_headers = gw_xds_encode_array(arena, provider->claim_header_count);
  for (uint32_t i = 0; i < provider->claim_header_count; i++) {
    m->claim_to_headers[i] = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_claim_to_header));
    m->claim_to_headers[i]->header_name = gw_xds_encode_str(arena, provider->claim_headers[i].header);
    m->claim_to_headers[i]->claim_name = gw_xds_encode_str(arena, provider->claim_headers[i].claim);
  }
}

static Provider *encode_provider(struct gw_arena *arena, const struct gw_jwt_provider *provider) {
  Provider *m = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_provider));
  m->issuer = gw_xds_encode_str(arena, provider->issuer);
  m->n_audiences = provider->audience_count;
  m->audiences = encode_names(arena, provider->audiences, provider->audience_count);
  if (provider->subject != NULL) m->subjects = gw_xds_encode_string_match(arena, provider->subject);
  m->require_expiration = provider->requires_expiration;
  if (provider->max_lifetime_ms > 0) m->max_lifetime = gw_xds_encode_duration(arena, provider->max_lifetime_ms);
  m->jwks_source_specifier_case = JWKS(LOCAL_JWKS);
  m->local_jwks = gw_xds_encode_data_source(arena, provider->jwks);
  encode_locations(arena, provider, m);
  encode_claim_headers(arena, provider, m);
  m->forward = provider->is_forwarded;
  m->forward_payload_header = gw_xds_encode_str(arena, provider->payload_header);
  m->pad_forward_payload_header = provider->pads_payload;
  m->payload_in_metadata = gw_xds_encode_str(arena, provider->payload_metadata);
  m->clock_skew_seconds = provider->clock_skew_s;
  if (!provider->is_cached) return m;
  m->jwt_cache_config = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_cache_config));
  m->jwt_cache_config->jwt_cache_size = provider->cached_tokens;
  m->jwt_cache_config->jwt_max_token_size = provider->cached_token_bytes;
  return m;
}

static Requirement *encode_requirement(struct gw_arena *arena, const struct gw_jwt_authn *authn,
                                       const struct gw_jwt_requirement *requirement) {
  Requirement *m = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_requirement));
  Requirement **children = gw_xds_encode_array(arena, requirement->child_count);
  for (uint32_t i = 0; i < requirement->child_count; i++)
    children[i] = encode_requirement(arena, authn, &requirement->children[i]);
  switch (requirement->kind) {
  case GW_JWT_REQUIRES_NOTHING: break;
  case GW_JWT_REQUIRES_PROVIDER: {
    char *name = gw_xds_encode_str(arena, authn->providers[requirement->provider].name);
    m->requires_type_case = requirement->audience_count > 0 ? REQUIRES(PROVIDER_AND_AUDIENCES) : REQUIRES(PROVIDER_NAME);
    if (requirement->audience_count == 0) {
      m->provider_name = name;
      break;
    }
    m->provider_and_audiences = gw_xds_encode_new(arena, &DESCRIPTOR(provider_with_audiences));
    m->provider_and_audiences->provider_name = name;
    m->provider_and_audiences->n_audiences = requirement->audience_count;
    m->provider_and_audiences->audiences = encode_names(arena, requirement->audiences, requirement->audience_count);
    break;
  }
  case GW_JWT_REQUIRES_ANY:
    m->requires_type_case = REQUIRES(REQUIRES_ANY);
    m->requires_any = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_requirement_or_list));
    m->requires_any->n_requirements = requirement->child_count;
    m->requires_any->requirements = children;
    break;
  case GW_JWT_REQUIRES_ALL:
    m->requires_type_case = REQUIRES(REQUIRES_ALL);
    m->requires_all = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_requirement_and_list));
    m->requires_all->n_requirements = requirement->child_count;
    m->requires_all->requirements = children;
    break;
  case GW_JWT_ALLOWS_MISSING:
    m->requires_type_case = REQUIRES(ALLOW_MISSING);
    m->allow_missing = gw_xds_encode_new(arena, &google__protobuf__empty__descriptor);
    break;
  case GW_JWT_ALLOWS_MISSING_OR_FAILED:
    m->requires_type_case = REQUIRES(ALLOW_MISSING_OR_FAILED);
    m->allow_missing_or_failed = gw_xds_encode_new(arena, &google__protobuf__empty__descriptor);
    break;
  }
  return m;
}

static void encode_rules(struct gw_arena *arena, const struct gw_jwt_authn *authn, Authentication *m) {
  m->n_rules = authn->rule_count;
  m->rules = gw_xds_encode_array(arena, authn->rule_count);
  for (uint32_t i = 0; i < authn->rule_count; i++) {
    const struct gw_jwt_rule *rule = &authn->rules[i];
    m->rules[i] = gw_xds_encode_new(arena, &DESCRIPTOR(requirement_rule));
    m->rules[i]->match = gw_xds_encode_route_match(arena, &rule->match);
    if (rule->requirement_name.len > 0) {
      m->rules[i]->requirement_type_case = RULE(REQUIREMENT_NAME);
      m->rules[i]->requirement_name = gw_xds_encode_str(arena, rule->requirement_name);
    } else if (rule->requirement != NULL) {
      m->rules[i]->requirement_type_case = RULE(REQUIRES);
      m->rules[i]->requires = encode_requirement(arena, authn, rule->requirement);
    }
  }
}

ProtobufCMessage *gw_xds_encode_jwt_authn(struct gw_arena *arena, const struct gw_http_filter *filter) {
  const struct gw_jwt_authn *authn = filter->settings.jwt_authn;
  Authentication *m = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_authentication));
  m->n_providers = authn->provider_count;
  m->providers = gw_xds_encode_array(arena, authn->provider_count);
  for (uint32_t i = 0; i < authn->provider_count; i++) {
    m->providers[i] = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_authentication__providers_entry));
    m->providers[i]->key = gw_xds_encode_str(arena, authn->providers[i].name);
    m->providers[i]->value = encode_provider(arena, &authn->providers[i]);
  }
  m->n_requirement_map = authn->requirement_count;
  m->requirement_map = gw_xds_encode_array(arena, authn->requirement_count);
  for (uint32_t i = 0; i < authn->requirement_count; i++) {
    m->requirement_map[i] = gw_xds_encode_new(arena, &DESCRIPTOR(jwt_authentication__requirement_map_entry));
    m->requirement_map[i]->key = gw_xds_encode_str(arena, authn->requirements[i].name);
    m->requirement_map[i]->value = encode_requirement(arena, authn, &authn->requirements[i].requirement);
  }
  encode_rules(arena, authn, m);
  m->bypass_cors_preflight = authn->passes_cors_preflight;
  return &m->base;
}

/* ---- of a route ---- */

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                         struct gw_route_filters *ret_filters) {
  const PerRoute *m = message;
  struct gw_jwt_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  if (m->requirement_specifier_case == ROUTE(DISABLED)) {
    route->is_disabled = true;
    if (!m->disabled) gw_xds_refuse(d, GW_XDS_FIELD(place, "disabled"), "must be true"); /* as upstream says */
  } else if (m->requirement_specifier_case == ROUTE(REQUIREMENT_NAME)) {
    route->requirement = gw_xds_decode_name(d, GW_XDS_FIELD(place, "requirement_name"), m->requirement_name);
  } else {
    gw_xds_refuse(d, place, "needs disabled or requirement_name");
  }
  ret_filters->jwt = route;
}

static ProtobufCMessage *encode_route(struct gw_arena *arena, const struct gw_route_filters *filters) {
  if (filters->jwt == NULL) return NULL;
  PerRoute *m = gw_xds_encode_new(arena, &DESCRIPTOR(per_route_config));
  if (filters->jwt->is_disabled) {
    m->requirement_specifier_case = ROUTE(DISABLED);
    m->disabled = true;
  } else {
    m->requirement_specifier_case = ROUTE(REQUIREMENT_NAME);
    m->requirement_name = gw_xds_encode_str(arena, filters->jwt->requirement);
  }
  return &m->base;
}

static void copy_route(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->jwt == NULL) return;
  struct gw_jwt_route *route = gw_arena_calloc(arena, 1, sizeof *route);
  *route = *from->jwt;
  route->requirement = gw_arena_copy(arena, from->jwt->requirement);
  ret_filters->jwt = route;
}

const struct gw_xds_route_filter_codec gw_xds_route_filter_jwt_authn = {
    .filter_name = "envoy.filters.http.jwt_authn",
    .descriptor = &DESCRIPTOR(per_route_config),
    .decode = decode_route,
    .encode = encode_route,
    .copy = copy_route,
};
