/* gateway.filters.http.v1.JwtProviders: what Envoy's JwtProvider has no field for. */
#include <string.h>

#include "common/base/mem.h"
#include "common/model/jwt_authn.h"
#include "common/xds/decode_jwt_authn.h"
#include "common/xds/encode.h"

#define FILTER_NAME "gateway.filters.http.jwt_providers"
#define CLAIMS_MAX 100u

typedef Gateway__Filters__Http__V1__JwtProviders JwtProviders;
typedef Gateway__Filters__Http__V1__JwtProviderExtension Extension;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter HttpFilter;

const JwtProviders *gw_xds_decode_jwt_providers(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                const Google__Protobuf__Any *any) {
  const ProtobufCMessageDescriptor *descriptor = &gateway__filters__http__v1__jwt_providers__descriptor;
  if (strcmp(gw_xds_any_message(any), descriptor->name) != 0) return NULL;
  const JwtProviders *message = gw_xds_decode_any(d, place, any, descriptor);
  static const JwtProviders nothing;
  return message != NULL ? message : &nothing;
}

static struct gw_jwt_authn *find_authn(struct gw_http_filter *filters, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (filters[i].kind == GW_FILTER_JWT_AUTHN) return (struct gw_jwt_authn *)(uintptr_t)filters[i].settings.jwt_authn; /* just decoded */
  return NULL;
}

static struct gw_jwt_provider *find_provider(struct gw_jwt_authn *authn, const char *name) {
  for (uint32_t i = 0; authn != NULL && i < authn->provider_count; i++)
    if (gw_str_equal(authn->providers[i].name, gw_str_from(name))) return (struct gw_jwt_provider *)(uintptr_t)&authn->providers[i];
  return NULL;
}

static void set_path(struct gw_xds_decoder *d, const char *text, struct gw_str *path) {
  if (text[0] != '\0') *path = gw_xds_decode_str(d, text);
}

static void add(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Extension *m, struct gw_jwt_provider *out) {
  out->secret = gw_xds_decode_str(d, m->secret_name);
  set_path(d, m->user_id_claim, &out->claims.user_id);
  set_path(d, m->user_name_claim, &out->claims.user_name);
  set_path(d, m->roles_claim, &out->claims.roles);
  set_path(d, m->permissions_claim, &out->claims.permissions);
  if (m->n_required_claims > CLAIMS_MAX) gw_xds_refuse(d, place, "required_claims are more than %u", CLAIMS_MAX);
  struct gw_str *claims = gw_arena_calloc(d->arena, m->n_required_claims, sizeof *claims);
  for (size_t i = 0; i < m->n_required_claims; i++)
    claims[i] = gw_xds_decode_name(d, GW_XDS_ITEM(place, "required_claims", i), m->required_claims[i]);
  out->required_claims = claims;
  out->required_claim_count = (uint32_t)m->n_required_claims;
}

void gw_xds_add_jwt_providers(struct gw_xds_decoder *d, const struct gw_xds_place *place, const JwtProviders *m,
                              struct gw_http_filter *filters, uint32_t count) {
  if (m == NULL) return;
  struct gw_jwt_authn *authn = find_authn(filters, count);
  const struct gw_xds_place *map = GW_XDS_FIELD(place, "providers");
  for (size_t i = 0; i < m->n_providers; i++) {
    const struct gw_xds_place *at = GW_XDS_FIELD(map, m->providers[i]->key);
    struct gw_jwt_provider *provider = find_provider(authn, m->providers[i]->key);
    if (provider == NULL)
      gw_xds_refuse(d, at, "is not a provider of the jwt_authn filter");
    else if (m->providers[i]->value == NULL)
      gw_xds_refuse(d, at, "has no value");
    else
      add(d, at, m->providers[i]->value, provider);
  }
}

static Extension *encode_extension(struct gw_arena *arena, const struct gw_jwt_provider *provider) {
  Extension *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__jwt_provider_extension__descriptor);
  m->secret_name = gw_xds_encode_str(arena, provider->secret);
  m->user_id_claim = gw_xds_encode_str(arena, provider->claims.user_id);
  m->user_name_claim = gw_xds_encode_str(arena, provider->claims.user_name);
  m->roles_claim = gw_xds_encode_str(arena, provider->claims.roles);
  m->permissions_claim = gw_xds_encode_str(arena, provider->claims.permissions);
  m->n_required_claims = provider->required_claim_count;
  m->required_claims = gw_xds_encode_array(arena, provider->required_claim_count);
  for (uint32_t i = 0; i < provider->required_claim_count; i++)
    m->required_claims[i] = gw_xds_encode_str(arena, provider->required_claims[i]);
  return m;
}

static bool says_something(const struct gw_jwt_provider *provider) {
  const struct gw_jwt_claim_paths *claims = &provider->claims, usual = GW_JWT_DEFAULT_CLAIMS;
  return provider->secret.len > 0 || provider->required_claim_count > 0 || !gw_str_equal(claims->user_id, usual.user_id) ||
         !gw_str_equal(claims->user_name, usual.user_name) || !gw_str_equal(claims->roles, usual.roles) ||
         !gw_str_equal(claims->permissions, usual.permissions);
}

/* Optional if no claim is required: without the rest a provider has no keys, and no service is told less than nothing. */
HttpFilter *gw_xds_encode_jwt_providers(struct gw_arena *arena, const struct gw_http_filter *filter) {
  if (filter->kind != GW_FILTER_JWT_AUTHN) return NULL;
  const struct gw_jwt_authn *authn = filter->settings.jwt_authn;
  JwtProviders *providers = gw_xds_encode_new(arena, &gateway__filters__http__v1__jwt_providers__descriptor);
  bool has_required = false, is_empty = true;
  providers->n_providers = authn->provider_count;
  providers->providers = gw_xds_encode_array(arena, authn->provider_count);
  for (uint32_t i = 0; i < authn->provider_count; i++) {
    Gateway__Filters__Http__V1__JwtProviders__ProvidersEntry *entry =
        gw_xds_encode_new(arena, &gateway__filters__http__v1__jwt_providers__providers_entry__descriptor);
    entry->key = gw_xds_encode_str(arena, authn->providers[i].name);
    entry->value = encode_extension(arena, &authn->providers[i]);
    has_required = has_required || authn->providers[i].required_claim_count > 0;
    is_empty = is_empty && !says_something(&authn->providers[i]);
    providers->providers[i] = entry;
  }
  if (is_empty) return NULL;
  HttpFilter *m = gw_xds_encode_new(arena, &envoy__extensions__filters__network__http_connection_manager__v3__http_filter__descriptor);
  m->name = gw_xds_encode_str(arena, GW_STR(FILTER_NAME));
  m->is_optional = !has_required;
  m->config_type_case = ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
  m->typed_config = gw_xds_encode_any(arena, &providers->base);
  return m;
}
