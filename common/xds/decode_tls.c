/* How TLS is spoken: transport sockets of listeners and clusters, and what both share. */
#include <arpa/inet.h>
#include <string.h>

#include "common/xds/decode.h"
#include "common/xds/wire.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb-c.h"

#define ALPN_MAX 255 /* RFC 7301: one byte of length */
#define CERTIFICATES_MAX 1000

typedef Envoy__Extensions__TransportSockets__Tls__V3__TlsParameters TlsParameters;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext CommonTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__DownstreamTlsContext DownstreamTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__UpstreamTlsContext UpstreamTls;
typedef Envoy__Extensions__TransportSockets__Tls__V3__SdsSecretConfig SdsConfig;
typedef Envoy__Extensions__TransportSockets__Tls__V3__SubjectAltNameMatcher SanMatcher;
typedef Envoy__Extensions__TransportSockets__Tls__V3__CommonTlsContext__CombinedCertificateValidationContext Combined;
#define PROTOCOL(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__TLS_PARAMETERS__TLS_PROTOCOL__##name
#define VALIDATION(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__COMMON_TLS_CONTEXT__VALIDATION_CONTEXT_TYPE_##name
#define TICKETS(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__DOWNSTREAM_TLS_CONTEXT__SESSION_TICKET_KEYS_TYPE_##name
#define SAN(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SUBJECT_ALT_NAME_MATCHER__SAN_TYPE__##name
#define MATCH(name) ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_##name

static enum gw_tls_version decode_version(struct gw_xds_decoder *d, const struct gw_xds_place *place, int version,
                                          enum gw_tls_version automatic) {
  switch (version) {
  case PROTOCOL(TLS_AUTO): return automatic;
  case PROTOCOL(TLSv1_2): return GW_TLS_1_2;
  case PROTOCOL(TLSv1_3): return GW_TLS_1_3;
  default:
    gw_xds_refuse_enum(d, place, &envoy__extensions__transport_sockets__tls__v3__tls_parameters__tls_protocol__descriptor, version);
    return automatic;
  }
}

/* "A", "B" → "A:B". */
static struct gw_str decode_algorithms(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *field, char *const *items,
                                       size_t count) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < count; i++) {
    bool is_name = *items[i] != '\0';
    for (const char *c = items[i]; *c != '\0'; c++)
      is_name = is_name && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_');
    if (!is_name) gw_xds_refuse(d, GW_XDS_ITEM(place, field, i), "\"%s\" is not the name of an algorithm", items[i]);
    gw_strbuf_printf(&text, "%s%s", i > 0 ? ":" : "", items[i]);
  }
  struct gw_str joined = count > 0 ? gw_arena_copy(d->arena, gw_strbuf_str(&text)) : GW_STR("");
  gw_strbuf_done(&text);
  return joined;
}

static void decode_parameters(struct gw_xds_decoder *d, const struct gw_xds_place *place, const TlsParameters *m,
                              struct gw_tls_params *out) {
  out->min_version = GW_TLS_1_2;
  out->max_version = GW_TLS_1_3;
  if (m == NULL) return;
  const struct gw_xds_place *min = GW_XDS_FIELD(place, "tls_minimum_protocol_version");
  out->min_version = decode_version(d, min, (int)m->tls_minimum_protocol_version, GW_TLS_1_2);
  out->max_version =
      decode_version(d, GW_XDS_FIELD(place, "tls_maximum_protocol_version"), (int)m->tls_maximum_protocol_version, GW_TLS_1_3);
  if (out->min_version > out->max_version) gw_xds_refuse(d, min, "is higher than the maximum");
  out->cipher_suites = decode_algorithms(d, place, "cipher_suites", m->cipher_suites, m->n_cipher_suites);
  out->curves = decode_algorithms(d, place, "ecdh_curves", m->ecdh_curves, m->n_ecdh_curves);
}

/* The secret's name. */
static struct gw_str decode_sds(struct gw_xds_decoder *d, const struct gw_xds_place *place, const SdsConfig *m) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return GW_STR("");
  }
  gw_xds_decode_ads_source(d, GW_XDS_FIELD(place, "sds_config"), m->sds_config);
  return gw_xds_decode_name(d, GW_XDS_FIELD(place, "name"), m->name);
}

static void decode_san(struct gw_xds_decoder *d, const struct gw_xds_place *place, const SanMatcher *m, struct gw_san_match *out) {
  switch (m->san_type) {
  case SAN(DNS): out->kind = GW_SAN_DNS; break;
  case SAN(URI): out->kind = GW_SAN_URI; break;
  case SAN(IP_ADDRESS): out->kind = GW_SAN_IP; break;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "san_type"),
                       &envoy__extensions__transport_sockets__tls__v3__subject_alt_name_matcher__san_type__descriptor, (int)m->san_type);
  }
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "matcher");
  if (m->matcher == NULL) {
    gw_xds_refuse(d, at, "is missing");
    return;
  }
  if (m->matcher->ignore_case) gw_xds_refuse(d, GW_XDS_FIELD(at, "ignore_case"), "not supported for names in certificates");
  switch (m->matcher->match_pattern_case) {
  case MATCH(EXACT):
    out->match = GW_STRING_MATCH_EXACT;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(at, "exact"), m->matcher->exact);
    return;
  case MATCH(PREFIX):
    out->match = GW_STRING_MATCH_PREFIX;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(at, "prefix"), m->matcher->prefix);
    return;
  case MATCH(SUFFIX):
    out->match = GW_STRING_MATCH_SUFFIX;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(at, "suffix"), m->matcher->suffix);
    return;
  default: gw_xds_refuse(d, at, "needs exact, prefix or suffix");
  }
}

void gw_xds_decode_sans(struct gw_xds_decoder *d, const struct gw_xds_place *place, SanMatcher *const *items, size_t count,
                        const struct gw_san_match **ret_sans, uint32_t *ret_count) {
  if (count == 0) return;
  struct gw_san_match *sans = gw_arena_calloc(d->arena, count, sizeof *sans);
  for (size_t i = 0; i < count; i++)
    decode_san(d, GW_XDS_ITEM(place, "match_typed_subject_alt_names", i), items[i], &sans[i]);
  *ret_sans = sans;
  *ret_count = (uint32_t)count;
}

static void decode_validation(struct gw_xds_decoder *d, const struct gw_xds_place *place, const CommonTls *m, struct gw_tls_params *out) {
  if (m->validation_context_type_case == VALIDATION(VALIDATION_CONTEXT_SDS_SECRET_CONFIG)) {
    out->validation = decode_sds(d, GW_XDS_FIELD(place, "validation_context_sds_secret_config"), m->validation_context_sds_secret_config);
  } else if (m->validation_context_type_case == VALIDATION(COMBINED_VALIDATION_CONTEXT)) {
    const struct gw_xds_place *at = GW_XDS_FIELD(place, "combined_validation_context");
    const Combined *combined = m->combined_validation_context;
    out->validation =
        decode_sds(d, GW_XDS_FIELD(at, "validation_context_sds_secret_config"), combined->validation_context_sds_secret_config);
    const Envoy__Extensions__TransportSockets__Tls__V3__CertificateValidationContext *own = combined->default_validation_context;
    const struct gw_xds_place *own_at = GW_XDS_FIELD(at, "default_validation_context");
    if (own == NULL) return;
    if (own->trusted_ca != NULL) gw_xds_refuse(d, GW_XDS_FIELD(own_at, "trusted_ca"), "is supported in a secret only");
    gw_xds_decode_sans(d, own_at, own->match_typed_subject_alt_names, own->n_match_typed_subject_alt_names, &out->sans, &out->san_count);
  }
}

static void decode_common(struct gw_xds_decoder *d, const struct gw_xds_place *place, const CommonTls *m, uint32_t certificates_max,
                          struct gw_tls_params *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  decode_parameters(d, GW_XDS_FIELD(place, "tls_params"), m->tls_params, out);
  size_t count = m->n_tls_certificate_sds_secret_configs;
  if (count > certificates_max) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "tls_certificate_sds_secret_configs"), "are %zu; at most %u are allowed", count, certificates_max);
    return;
  }
  struct gw_str *names = gw_arena_calloc(d->arena, count, sizeof *names);
  for (size_t i = 0; i < count; i++)
    names[i] = decode_sds(d, GW_XDS_ITEM(place, "tls_certificate_sds_secret_configs", i), m->tls_certificate_sds_secret_configs[i]);
  out->certificates = names;
  out->certificate_count = (uint32_t)count;
  decode_validation(d, place, m, out);
  struct gw_str *alpn = gw_arena_calloc(d->arena, m->n_alpn_protocols, sizeof *alpn);
  for (size_t i = 0; i < m->n_alpn_protocols; i++) {
    alpn[i] = gw_xds_decode_name(d, GW_XDS_ITEM(place, "alpn_protocols", i), m->alpn_protocols[i]);
    if (alpn[i].len > ALPN_MAX) gw_xds_refuse(d, GW_XDS_ITEM(place, "alpn_protocols", i), "is longer than %d bytes", ALPN_MAX);
  }
  out->alpn = alpn;
  out->alpn_count = (uint32_t)m->n_alpn_protocols;
}

static const void *decode_socket(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                 const Envoy__Config__Core__V3__TransportSocket *m, const ProtobufCMessageDescriptor *descriptor) {
  bool has_config = m->config_type_case == ENVOY__CONFIG__CORE__V3__TRANSPORT_SOCKET__CONFIG_TYPE_TYPED_CONFIG;
  return gw_xds_decode_any(d, place, has_config ? m->typed_config : NULL, descriptor);
}

const struct gw_downstream_tls *gw_xds_decode_downstream_tls(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                             const Envoy__Config__Core__V3__TransportSocket *socket) {
  if (socket == NULL) return NULL;
  struct gw_downstream_tls *tls = gw_arena_calloc(d->arena, 1, sizeof *tls);
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config"), *common = GW_XDS_FIELD(at, "common_tls_context");
  const DownstreamTls *m = decode_socket(d, at, socket, &envoy__extensions__transport_sockets__tls__v3__downstream_tls_context__descriptor);
  if (m == NULL) return tls;
  decode_common(d, common, m->common_tls_context, CERTIFICATES_MAX, &tls->params);
  if (m->common_tls_context != NULL && m->common_tls_context->n_tls_certificate_sds_secret_configs == 0)
    gw_xds_refuse(d, GW_XDS_FIELD(common, "tls_certificate_sds_secret_configs"), "is empty, and must not be");
  tls->requires_client_certificate = gw_xds_decode_bool(m->require_client_certificate, false);
  if (tls->requires_client_certificate && tls->params.validation.len == 0)
    gw_xds_refuse(d, GW_XDS_FIELD(at, "require_client_certificate"), "needs a validation context");
  if (m->session_ticket_keys_type_case == TICKETS(SESSION_TICKET_KEYS_SDS_SECRET_CONFIG))
    tls->ticket_keys = decode_sds(d, GW_XDS_FIELD(at, "session_ticket_keys_sds_secret_config"), m->session_ticket_keys_sds_secret_config);
  if (m->session_ticket_keys_type_case == TICKETS(DISABLE_STATELESS_SESSION_RESUMPTION))
    tls->has_no_tickets = m->disable_stateless_session_resumption;
  return tls;
}

/* RFC 6066: a name, never an address. */
static bool is_address(const char *text) {
  struct in6_addr address;
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

const struct gw_upstream_tls *gw_xds_decode_upstream_tls(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                         const Envoy__Config__Core__V3__TransportSocket *socket, bool has_auto_sni) {
  if (socket == NULL) return NULL;
  struct gw_upstream_tls *tls = gw_arena_calloc(d->arena, 1, sizeof *tls);
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const UpstreamTls *m = decode_socket(d, at, socket, &envoy__extensions__transport_sockets__tls__v3__upstream_tls_context__descriptor);
  if (m == NULL) return tls;
  decode_common(d, GW_XDS_FIELD(at, "common_tls_context"), m->common_tls_context, 1, &tls->params);
  tls->sni = gw_xds_decode_str(d, m->sni);
  tls->has_auto_sni = has_auto_sni;
  if (is_address(m->sni)) gw_xds_refuse(d, GW_XDS_FIELD(at, "sni"), "\"%s\" is an address; a host name is allowed", m->sni);
  return tls;
}
