/* envoy.extensions.filters.http.jwt_authn.v3 → model. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/model/jwt_authn.h"
#include "common/xds/decode_jwt_authn.h"
#include "common/xds/decode_route.h"

typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtProvider Provider;
typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtRequirement Requirement;
typedef Envoy__Extensions__Filters__Http__JwtAuthn__V3__JwtAuthentication Authentication;
#define REQUIRES(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__JWT_REQUIREMENT__REQUIRES_TYPE_##name
#define RULE(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__REQUIREMENT_RULE__REQUIREMENT_TYPE_##name
#define JWKS(name) ENVOY__EXTENSIONS__FILTERS__HTTP__JWT_AUTHN__V3__JWT_PROVIDER__JWKS_SOURCE_SPECIFIER_##name

/* Upstream's bounds, or what no one needs more of. */
#define PROVIDERS_MAX 1000u
#define NAMES_MAX 1000u
#define REQUIREMENTS_MAX 100000u
#define SKEW_MAX_S 86400u
#define CACHE_MAX 1000000u

static const struct gw_str *decode_names(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *field,
                                         const char *const *items, size_t count, uint32_t *ret_count) {
  if (count > NAMES_MAX) gw_xds_refuse(d, place, "%s are %zu; at most %u are supported", field, count, NAMES_MAX);
  struct gw_str *names = gw_arena_calloc(d->arena, count, sizeof *names);
  for (size_t i = 0; i < count; i++)
    names[i] = gw_xds_decode_name(d, GW_XDS_ITEM(place, field, i), items[i]);
  *ret_count = (uint32_t)count;
  return names;
}

static void decode_locations(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Provider *m, struct gw_jwt_provider *out) {
  static const struct gw_jwt_header bearer = {.name = {"authorization", 13}, .prefix = {"Bearer ", 7}};
  static const struct gw_str access_token = {"access_token", 12};
  struct gw_jwt_header *headers = gw_arena_calloc(d->arena, m->n_from_headers, sizeof *headers);
  for (size_t i = 0; i < m->n_from_headers; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "from_headers", i);
    headers[i].name = gw_xds_decode_header_name(d, GW_XDS_FIELD(at, "name"), m->from_headers[i]->name, false);
    headers[i].prefix = gw_xds_decode_str(d, m->from_headers[i]->value_prefix);
  }
  out->headers = headers;
  out->header_count = (uint32_t)m->n_from_headers;
  out->params = decode_names(d, place, "from_params", (const char *const *)m->from_params, m->n_from_params, &out->param_count);
  out->cookies = decode_names(d, place, "from_cookies", (const char *const *)m->from_cookies, m->n_from_cookies, &out->cookie_count);
  if (out->header_count + out->param_count + out->cookie_count > 0) return;
  out->headers = &bearer;
  out->params = &access_token;
  out->header_count = out->param_count = 1;
}

static void decode_told(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Provider *m, struct gw_jwt_provider *out) {
  struct gw_jwt_claim_header *claims = gw_arena_calloc(d->arena, m->n_claim_to_headers, sizeof *claims);
  for (size_t i = 0; i < m->n_claim_to_headers; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "claim_to_headers", i);
    claims[i].header = gw_xds_decode_header_name(d, GW_XDS_FIELD(at, "header_name"), m->claim_to_headers[i]->header_name, false);
    claims[i].claim = gw_xds_decode_name(d, GW_XDS_FIELD(at, "claim_name"), m->claim_to_headers[i]->claim_name);
  }
  out->claim_headers = claims;
  out->claim_header_count = (uint32_t)m->n_claim_to_headers;
  if (m->forward_payload_header[0] != '\0')
    out->payload_header = gw_xds_decode_header_name(d, GW_XDS_FIELD(place, "forward_payload_header"), m->forward_payload_header, false);
  out->pads_payload = m->pad_forward_payload_header;
  out->payload_metadata = gw_xds_decode_str(d, m->payload_in_metadata);
  out->is_forwarded = m->forward;
}

static void decode_checks(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Provider *m, struct gw_jwt_provider *out) {
  out->issuer = gw_xds_decode_str(d, m->issuer);
  out->audiences = decode_names(d, place, "audiences", (const char *const *)m->audiences, m->n_audiences, &out->audience_count);
  out->requires_expiration = m->require_expiration;
  out->max_lifetime_ms = gw_xds_decode_duration(d, GW_XDS_FIELD(place, "max_lifetime"), m->max_lifetime, 0);
  out->clock_skew_s = m->clock_skew_seconds > 0 ? m->clock_skew_seconds : GW_JWT_CLOCK_SKEW_DEFAULT_S;
  if (out->clock_skew_s > SKEW_MAX_S) gw_xds_refuse(d, GW_XDS_FIELD(place, "clock_skew_seconds"), "is more than a day");
  if (m->subjects == NULL) return;
  struct gw_string_match *subject = gw_arena_calloc(d->arena, 1, sizeof *subject);
  gw_xds_decode_string_match(d, GW_XDS_FIELD(place, "subjects"), m->subjects, subject);
  out->subject = subject;
}

static void decode_cache(const Provider *m, struct gw_jwt_provider *out) {
  if (m->jwt_cache_config == NULL) return;
  uint32_t tokens = m->jwt_cache_config->jwt_cache_size, bytes = m->jwt_cache_config->jwt_max_token_size;
  out->is_cached = true;
  out->cached_tokens = tokens == 0 ? GW_JWT_CACHE_DEFAULT : tokens < CACHE_MAX ? tokens : CACHE_MAX;
  out->cached_token_bytes = bytes > 0 ? bytes : GW_JWT_CACHED_BYTES_DEFAULT;
}

static void decode_provider(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *name, const Provider *m,
                            struct gw_jwt_provider *out) {
  out->name = gw_xds_decode_name(d, place, name);
  out->claims = (struct gw_jwt_claim_paths)GW_JWT_DEFAULT_CLAIMS;
  if (m == NULL) {
    gw_xds_refuse(d, place, "has no value");
    return;
  }
  decode_checks(d, place, m, out);
  decode_locations(d, place, m, out);
  decode_told(d, place, m, out);
  decode_cache(m, out);
  if (m->jwks_source_specifier_case == JWKS(LOCAL_JWKS))
    out->jwks = gw_xds_decode_data_source(d, GW_XDS_FIELD(place, "local_jwks"), m->local_jwks);
  else
    gw_xds_refuse(d, place, "needs local_jwks");
}

static int compare_providers(const void *a, const void *b) {
  return gw_str_compare(((const struct gw_jwt_provider *)a)->name, ((const struct gw_jwt_provider *)b)->name);
}

static int compare_requirements(const void *a, const void *b) {
  return gw_str_compare(((const struct gw_jwt_named_requirement *)a)->name, ((const struct gw_jwt_named_requirement *)b)->name);
}

static void decode_providers(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Authentication *m,
                             struct gw_jwt_authn *out) {
  const struct gw_xds_place *map = GW_XDS_FIELD(place, "providers");
  if (m->n_providers > PROVIDERS_MAX) gw_xds_refuse(d, map, "are %zu; at most %u are supported", m->n_providers, PROVIDERS_MAX);
  struct gw_jwt_provider *providers = gw_arena_calloc(d->arena, m->n_providers, sizeof *providers);
  for (size_t i = 0; i < m->n_providers; i++)
    decode_provider(d, GW_XDS_FIELD(map, m->providers[i]->key), m->providers[i]->key, m->providers[i]->value, &providers[i]);
  qsort(providers, m->n_providers, sizeof *providers, compare_providers);
  for (size_t i = 1; i < m->n_providers; i++)
    if (gw_str_equal(providers[i - 1].name, providers[i].name))
      gw_xds_refuse(d, GW_XDS_FIELD(map, providers[i].name.data), "is there twice");
  out->providers = providers;
  out->provider_count = (uint32_t)m->n_providers;
}

static uint32_t find_provider(struct gw_xds_decoder *d, const struct gw_xds_place *place, const struct gw_jwt_authn *authn,
                              const char *name) {
  for (uint32_t i = 0; i < authn->provider_count; i++)
    if (gw_str_equal(authn->providers[i].name, gw_str_from(name))) return i;
  gw_xds_refuse(d, place, "\"%s\" is not one of the providers", name);
  return 0;
}

static void decode_requirement(struct gw_xds_decoder *d, const struct gw_xds_place *place, const struct gw_jwt_authn *authn,
                               const Requirement *m, struct gw_jwt_requirement *out);

static void decode_children(struct gw_xds_decoder *d, const struct gw_xds_place *place, const struct gw_jwt_authn *authn,
                            Requirement *const *items, size_t count, struct gw_jwt_requirement *out) {
  if (count < 2 || count > NAMES_MAX) { /* two is upstream's least */
    gw_xds_refuse(d, GW_XDS_FIELD(place, "requirements"), "are %zu; allowed is 2 to %u", count, NAMES_MAX);
    return;
  }
  struct gw_jwt_requirement *children = gw_arena_calloc(d->arena, count, sizeof *children);
  for (size_t i = 0; i < count; i++)
    decode_requirement(d, GW_XDS_ITEM(place, "requirements", i), authn, items[i], &children[i]);
  out->children = children;
  out->child_count = (uint32_t)count;
}

/* As deep as the walk of the wire allows. */
static void decode_requirement(struct gw_xds_decoder *d, const struct gw_xds_place *place, const struct gw_jwt_authn *authn,
                               const Requirement *m, struct gw_jwt_requirement *out) {
  switch (m->requires_type_case) {
  case REQUIRES(PROVIDER_NAME):
    out->kind = GW_JWT_REQUIRES_PROVIDER;
    out->provider = find_provider(d, GW_XDS_FIELD(place, "provider_name"), authn, m->provider_name);
    return;
  case REQUIRES(PROVIDER_AND_AUDIENCES): {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, "provider_and_audiences");
    out->kind = GW_JWT_REQUIRES_PROVIDER;
    out->provider = find_provider(d, GW_XDS_FIELD(at, "provider_name"), authn, m->provider_and_audiences->provider_name);
    out->audiences = decode_names(d, at, "audiences", (const char *const *)m->provider_and_audiences->audiences,
                                  m->provider_and_audiences->n_audiences, &out->audience_count);
    return;
  }
  case REQUIRES(REQUIRES_ANY):
    out->kind = GW_JWT_REQUIRES_ANY;
    decode_children(d, GW_XDS_FIELD(place, "requires_any"), authn, m->requires_any->requirements, m->requires_any->n_requirements, out);
    return;
  case REQUIRES(REQUIRES_ALL):
    out->kind = GW_JWT_REQUIRES_ALL;
    decode_children(d, GW_XDS_FIELD(place, "requires_all"), authn, m->requires_all->requirements, m->requires_all->n_requirements, out);
    return;
  case REQUIRES(ALLOW_MISSING_OR_FAILED): out->kind = GW_JWT_ALLOWS_MISSING_OR_FAILED; return;
  case REQUIRES(ALLOW_MISSING): out->kind = GW_JWT_ALLOWS_MISSING; return;
  default: out->kind = GW_JWT_REQUIRES_NOTHING;
  }
}

static void decode_requirements(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Authentication *m,
                                struct gw_jwt_authn *out) {
  const struct gw_xds_place *map = GW_XDS_FIELD(place, "requirement_map");
  size_t count = m->n_requirement_map;
  if (count > REQUIREMENTS_MAX) gw_xds_refuse(d, map, "has %zu entries; at most %u are supported", count, REQUIREMENTS_MAX);
  struct gw_jwt_named_requirement *all = gw_arena_calloc(d->arena, count, sizeof *all);
  for (size_t i = 0; i < count; i++) {
    const struct gw_xds_place *at = GW_XDS_FIELD(map, m->requirement_map[i]->key);
    all[i].name = gw_xds_decode_name(d, at, m->requirement_map[i]->key);
    if (m->requirement_map[i]->value != NULL)
      decode_requirement(d, at, out, m->requirement_map[i]->value, &all[i].requirement);
    else
      gw_xds_refuse(d, at, "has no value");
  }
  qsort(all, count, sizeof *all, compare_requirements);
  for (size_t i = 1; i < count; i++)
    if (gw_str_equal(all[i - 1].name, all[i].name)) gw_xds_refuse(d, GW_XDS_FIELD(map, all[i].name.data), "is there twice");
  out->requirements = all;
  out->requirement_count = (uint32_t)count;
}

static bool has_requirement(const struct gw_jwt_authn *authn, struct gw_str name) {
  for (uint32_t i = 0; i < authn->requirement_count; i++)
    if (gw_str_equal(authn->requirements[i].name, name)) return true;
  return false;
}

static void decode_rules(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Authentication *m, struct gw_jwt_authn *out) {
  if (m->n_rules > REQUIREMENTS_MAX) gw_xds_refuse(d, place, "rules are %zu; at most %u are supported", m->n_rules, REQUIREMENTS_MAX);
  struct gw_jwt_rule *rules = gw_arena_calloc(d->arena, m->n_rules, sizeof *rules);
  for (size_t i = 0; i < m->n_rules; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "rules", i);
    gw_xds_decode_route_match(d, GW_XDS_FIELD(at, "match"), m->rules[i]->match, &rules[i].match);
    if (m->rules[i]->requirement_type_case == RULE(REQUIRES)) {
      struct gw_jwt_requirement *requirement = gw_arena_calloc(d->arena, 1, sizeof *requirement);
      decode_requirement(d, GW_XDS_FIELD(at, "requires"), out, m->rules[i]->requires, requirement);
      rules[i].requirement = requirement;
    } else if (m->rules[i]->requirement_type_case == RULE(REQUIREMENT_NAME)) {
      const struct gw_xds_place *name = GW_XDS_FIELD(at, "requirement_name");
      rules[i].requirement_name = gw_xds_decode_name(d, name, m->rules[i]->requirement_name);
      if (!has_requirement(out, rules[i].requirement_name)) gw_xds_refuse(d, name, "is not in requirement_map");
    }
  }
  out->rules = rules;
  out->rule_count = (uint32_t)m->n_rules;
}

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message, struct gw_http_filter *ret_filter) {
  const Authentication *m = message;
  struct gw_jwt_authn *authn = gw_arena_calloc(d->arena, 1, sizeof *authn);
  decode_providers(d, place, m, authn);
  decode_requirements(d, place, m, authn);
  decode_rules(d, place, m, authn);
  authn->passes_cors_preflight = m->bypass_cors_preflight;
  ret_filter->settings.jwt_authn = authn;
}

const struct gw_xds_filter_codec gw_xds_filter_jwt_authn = {
    .kind = GW_FILTER_JWT_AUTHN,
    .descriptor = &envoy__extensions__filters__http__jwt_authn__v3__jwt_authentication__descriptor,
    .decode = decode,
    .encode = gw_xds_encode_jwt_authn,
};
