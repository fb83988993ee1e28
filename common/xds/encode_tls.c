/* Transport sockets and secrets. */
#include "common/base/mem.h"
#include "common/xds/encode.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb-c.h"

#define TLS_SOCKET_NAME "envoy.transport_sockets.tls"

typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters TlsParameters;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext CommonTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__DownstreamTlsContext DownstreamTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__UpstreamTlsContext UpstreamTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__SdsSecretConfig SdsConfig;
typedef Envoy__Extensions__TransportSockets__Tls__V3__SubjectAltNameMatcher SanMatcher;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CertificateValidationContext Validation;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext__CombinedCertificateValidationContext Combined;
typedef Envoy__Extensions__TransportSockets__Tls__V3__Secret Secret;
typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsCertificate Certificate;
typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsSessionTicketKeys TicketKeys;
#define DESCRIPTOR(name) envoy__extensions__transport_sockets__tls__v3__##name##__descriptor
#define PROTOCOL(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__TLS_PARAMETERS__TLS_PROTOCOL__##name
#define VALIDATION(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_##name
#define TICKETS(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__DOWNSTREAM_TLS_CONTEXT__SESSION_TICKET_KEYS_TYPE_##name
#define SECRET(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_##name
#define SAN(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__##name
#define MATCH(name) ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_##name

static SdsConfig *encode_sds(struct gw_arena *arena, struct gw_str name) {
  SdsConfig *m = gw_xds_encode_new(arena, &DESCRIPTOR(sds_secret_config));
  m->name = gw_xds_encode_str(arena, name);
  m->sds_config = gw_xds_encode_ads_source(arena);
  return m;
}

/* "A:B" → "A", "B". */
static char **encode_algorithms(struct gw_arena *arena, struct gw_str text, size_t *ret_count) {
  size_t count = 1;
  for (size_t i = 0; i < text.len; i++)
    count += text.data[i] == ':';
  char **items = gw_xds_encode_array(arena, count);
  struct gw_str item;
  *ret_count = 0;
  while (text.len > 0 && gw_str_split_next(&text, ':', &item))
    items[(*ret_count)++] = gw_xds_encode_str(arena, item);
  return items;
}

static TlsParameters *encode_parameters(struct gw_arena *arena, const struct gw_tls_params *params) {
  TlsParameters *m = gw_xds_encode_new(arena, &DESCRIPTOR(tls_parameters));
  m->tls_minimum_protocol_version = params->min_version == GW_TLS_1_3 ? PROTOCOL(TLSv1_3) : PROTOCOL(TLSv1_2);
  m->tls_maximum_protocol_version = params->max_version == GW_TLS_1_3 ? PROTOCOL(TLSv1_3) : PROTOCOL(TLSv1_2);
  m->cipher_suites = encode_algorithms(arena, params->cipher_suites, &m->n_cipher_suites);
  m->ecdh_curves = encode_algorithms(arena, params->curves, &m->n_ecdh_curves);
  return m;
}

static SanMatcher *encode_san(struct gw_arena *arena, const struct gw_san_match *san) {
  SanMatcher *m = gw_xds_encode_new(arena, &DESCRIPTOR(subject_alt_name_matcher));
  switch (san->kind) {
  case GW_SAN_DNS: m->san_type = SAN(DNS); break;
  case GW_SAN_URI: m->san_type = SAN(URI); break;
  case GW_SAN_IP: m->san_type = SAN(IP_ADDRESS); break;
  }
  m->matcher = gw_xds_encode_new(arena, &envoy__type__matcher__v3__string_matcher__descriptor);
  char *value = gw_xds_encode_str(arena, san->value);
  switch (san->match) {
  case GW_STRING_MATCH_PREFIX:
    m->matcher->match_pattern_case = MATCH(PREFIX);
    m->matcher->prefix = value;
    break;
  case GW_STRING_MATCH_SUFFIX:
    m->matcher->match_pattern_case = MATCH(SUFFIX);
    m->matcher->suffix = value;
    break;
  default:
    GW_ASSERT(san->match == GW_STRING_MATCH_EXACT);
    m->matcher->match_pattern_case = MATCH(EXACT);
    m->matcher->exact = value;
  }
  return m;
}

static void encode_sans(struct gw_arena *arena, const struct gw_san_match *sans, uint32_t count, Validation *m) {
  m->n_match_typed_subject_alt_names = count;
  m->match_typed_subject_alt_names = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    m->match_typed_subject_alt_names[i] = encode_san(arena, &sans[i]);
}

static void encode_validation(struct gw_arena *arena, const struct gw_tls_params *params, CommonTls *m) {
  if (params->validation.len == 0) return;
  if (params->san_count == 0) {
    m->validation_context_type_case = VALIDATION(VALIDATION_CONTEXT_SDS_SECRET_CONFIG);
    m->validation_context_sds_secret_config = encode_sds(arena, params->validation);
    return;
  }
  Combined *combined = gw_xds_encode_new(arena, &DESCRIPTOR(common_tls_context__combined_certificate_validation_context));
  combined->default_validation_context = gw_xds_encode_new(arena, &DESCRIPTOR(certificate_validation_context));
  encode_sans(arena, params->sans, params->san_count, combined->default_validation_context);
  combined->validation_context_sds_secret_config = encode_sds(arena, params->validation);
  m->validation_context_type_case = VALIDATION(COMBINED_VALIDATION_CONTEXT);
  m->combined_validation_context = combined;
}

static CommonTls *encode_common(struct gw_arena *arena, const struct gw_tls_params *params) {
  CommonTls *m = gw_xds_encode_new(arena, &DESCRIPTOR(common_tls_context));
  m->tls_params = encode_parameters(arena, params);
  m->n_tls_certificate_sds_secret_configs = params->certificate_count;
  m->tls_certificate_sds_secret_configs = gw_xds_encode_array(arena, params->certificate_count);
  for (uint32_t i = 0; i < params->certificate_count; i++)
    m->tls_certificate_sds_secret_configs[i] = encode_sds(arena, params->certificates[i]);
  encode_validation(arena, params, m);
  m->n_alpn_protocols = params->alpn_count;
  m->alpn_protocols = gw_xds_encode_array(arena, params->alpn_count);
  for (uint32_t i = 0; i < params->alpn_count; i++)
    m->alpn_protocols[i] = gw_xds_encode_str(arena, params->alpn[i]);
  return m;
}

static Envoy__Config__Core__V3__TransportSocket *encode_socket(struct gw_arena *arena, const ProtobufCMessage *config) {
  Envoy__Config__Core__V3__TransportSocket *m = gw_xds_encode_new(arena, &envoy__config__core__v3__transport_socket__descriptor);
  m->name = gw_xds_encode_str(arena, GW_STR(TLS_SOCKET_NAME));
  m->config_type_case = ENVOY__CONFIG__CORE__V3__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
  m->typed_config = gw_xds_encode_any(arena, config);
  return m;
}

Envoy__Config__Core__V3__TransportSocket *gw_xds_encode_downstream_tls(struct gw_arena *arena, const struct gw_downstream_tls *tls) {
  DownstreamTls *m = gw_xds_encode_new(arena, &DESCRIPTOR(downstream_tls_context));
  m->common_tls_context = encode_common(arena, &tls->params);
  m->require_client_certificate = gw_xds_encode_bool(arena, tls->requires_client_certificate);
  if (tls->has_no_tickets) {
    m->session_ticket_keys_type_case = TICKETS(DISABLE_STATELESS_SESSION_RESUMPTION);
    m->disable_stateless_session_resumption = true;
  } else if (tls->ticket_keys.len > 0) {
    m->session_ticket_keys_type_case = TICKETS(SESSION_TICKET_KEYS_SDS_SECRET_CONFIG);
    m->session_ticket_keys_sds_secret_config = encode_sds(arena, tls->ticket_keys);
  }
  return encode_socket(arena, &m->base);
}

Envoy__Config__Core__V3__TransportSocket *gw_xds_encode_upstream_tls(struct gw_arena *arena, const struct gw_upstream_tls *tls) {
  UpstreamTls *m = gw_xds_encode_new(arena, &DESCRIPTOR(upstream_tls_context));
  m->common_tls_context = encode_common(arena, &tls->params);
  m->sni = gw_xds_encode_str(arena, tls->sni);
  return encode_socket(arena, &m->base);
}

static Envoy__Config__Core__V3__DataSource *encode_bytes(struct gw_arena *arena, struct gw_str content) {
  Envoy__Config__Core__V3__DataSource *m = gw_xds_encode_new(arena, &envoy__config__core__v3__data_source__descriptor);
  m->specifier_case = ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES;
  m->inline_bytes.len = content.len;
  m->inline_bytes.data = (uint8_t *)gw_arena_copy(arena, content).data;
  return m;
}

ProtobufCMessage *gw_xds_encode_secret_message(struct gw_arena *arena, const struct gw_secret *secret) {
  Secret *m = gw_xds_encode_new(arena, &DESCRIPTOR(secret));
  m->name = gw_xds_encode_str(arena, secret->name);
  switch (secret->kind) {
  case GW_SECRET_CERTIFICATE: {
    Certificate *certificate = gw_xds_encode_new(arena, &DESCRIPTOR(tls_certificate));
    certificate->certificate_chain = encode_bytes(arena, secret->certificate_chain);
    certificate->private_key = encode_bytes(arena, secret->private_key);
    m->type_case = SECRET(TLS_CERTIFICATE);
    m->tls_certificate = certificate;
    break;
  }
  case GW_SECRET_VALIDATION: {
    Validation *validation = gw_xds_encode_new(arena, &DESCRIPTOR(certificate_validation_context));
    validation->trusted_ca = encode_bytes(arena, secret->trusted_ca);
    encode_sans(arena, secret->sans, secret->san_count, validation);
    m->type_case = SECRET(VALIDATION_CONTEXT);
    m->validation_context = validation;
    break;
  }
  case GW_SECRET_TICKET_KEYS: {
    TicketKeys *keys = gw_xds_encode_new(arena, &DESCRIPTOR(tls_session_ticket_keys));
    keys->n_keys = secret->ticket_key_count;
    keys->keys = gw_xds_encode_array(arena, keys->n_keys);
    for (uint32_t i = 0; i < secret->ticket_key_count; i++)
      keys->keys[i] = encode_bytes(arena, secret->ticket_keys[i]);
    m->type_case = SECRET(SESSION_TICKET_KEYS);
    m->session_ticket_keys = keys;
    break;
  }
  case GW_SECRET_GENERIC: {
    Envoy__Extensions__TransportSockets__Tls__V3__GenericSecret *generic = gw_xds_encode_new(arena, &DESCRIPTOR(generic_secret));
    generic->secret = encode_bytes(arena, secret->content);
    m->type_case = SECRET(GENERIC_SECRET);
    m->generic_secret = generic;
    break;
  }
  }
  return &m->base;
}
