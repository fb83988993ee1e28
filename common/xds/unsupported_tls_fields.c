/* Of TLS and secrets. */
#include "common/base/mem.h"
#include "common/xds/unsupported_fields.h"

#define IGNORED true
#define REFUSED false

static const struct gw_xds_unsupported_field certificate_validation_context[] = {
    {"verify_certificate_hash", 2, REFUSED},
    {"verify_certificate_spki", 3, REFUSED},
    {"require_signed_certificate_timestamp", 6, REFUSED},
    {"crl", 7, REFUSED},
    {"allow_expired_certificate", 8, REFUSED},
    {"match_subject_alt_names", 9, REFUSED},
    {"trust_chain_verification", 10, REFUSED},
    {"watched_directory", 11, REFUSED},
    {"custom_validator_config", 12, REFUSED},
    {"ca_certificate_provider_instance", 13, REFUSED},
    {"only_verify_leaf_cert_crl", 14, REFUSED},
    {"max_verify_depth", 16, REFUSED},
    {"system_root_certs", 17, REFUSED},
};

static const struct gw_xds_unsupported_field common_tls_context[] = {
    {"tls_certificates", 2, REFUSED},
    {"validation_context", 3, REFUSED},
    {"tls_certificate_certificate_provider", 9, REFUSED},
    {"validation_context_certificate_provider", 10, REFUSED},
    {"tls_certificate_certificate_provider_instance", 11, REFUSED},
    {"validation_context_certificate_provider_instance", 12, REFUSED},
    {"custom_handshaker", 13, REFUSED},
    {"tls_certificate_provider_instance", 14, REFUSED},
    {"key_log", 15, REFUSED},
    {"custom_tls_certificate_selector", 16, REFUSED},
};

static const struct gw_xds_unsupported_field combined_certificate_validation_context[] = {
    {"validation_context_certificate_provider", 3, REFUSED},
    {"validation_context_certificate_provider_instance", 4, REFUSED},
};

static const struct gw_xds_unsupported_field downstream_tls_context[] = {
    {"require_sni", 3, REFUSED},
    {"session_ticket_keys", 4, REFUSED},
    {"session_timeout", 6, REFUSED},
    {"ocsp_staple_policy", 8, REFUSED},
    {"full_scan_certs_on_sni_mismatch", 9, REFUSED},
    {"disable_stateful_session_resumption", 10, REFUSED},
    {"prefer_client_ciphers", 11, REFUSED},
};

static const struct gw_xds_unsupported_field generic_secret[] = {
    {"secrets", 2, REFUSED},
};

static const struct gw_xds_unsupported_field subject_alt_name_matcher[] = {
    {"oid", 3, REFUSED},
};

static const struct gw_xds_unsupported_field tls_certificate[] = {
    {"password", 3, REFUSED},
    {"ocsp_staple", 4, REFUSED},
    {"signed_certificate_timestamp", 5, REFUSED},
    {"private_key_provider", 6, REFUSED},
    {"watched_directory", 7, REFUSED},
    {"pkcs12", 8, REFUSED},
};

static const struct gw_xds_unsupported_field tls_parameters[] = {
    {"signature_algorithms", 5, REFUSED},
    {"compliance_policies", 6, REFUSED},
};

static const struct gw_xds_unsupported_field upstream_tls_context[] = {
    {"allow_renegotiation", 3, REFUSED}, {"max_session_keys", 4, REFUSED},        {"enforce_rsa_key_usage", 5, REFUSED},
    {"auto_host_sni", 6, REFUSED},       {"auto_sni_san_validation", 7, REFUSED},
};

static const struct gw_xds_unsupported_message messages[] = {
    {"envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext", certificate_validation_context,
     GW_ARRAY_LEN(certificate_validation_context)},
    {"envoy.extensions.transport_sockets.tls.v3.CommonTlsContext", common_tls_context, GW_ARRAY_LEN(common_tls_context)},
    {"envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext",
     combined_certificate_validation_context, GW_ARRAY_LEN(combined_certificate_validation_context)},
    {"envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", downstream_tls_context, GW_ARRAY_LEN(downstream_tls_context)},
    {"envoy.extensions.transport_sockets.tls.v3.GenericSecret", generic_secret, GW_ARRAY_LEN(generic_secret)},
    {"envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher", subject_alt_name_matcher, GW_ARRAY_LEN(subject_alt_name_matcher)},
    {"envoy.extensions.transport_sockets.tls.v3.TlsCertificate", tls_certificate, GW_ARRAY_LEN(tls_certificate)},
    {"envoy.extensions.transport_sockets.tls.v3.TlsParameters", tls_parameters, GW_ARRAY_LEN(tls_parameters)},
    {"envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", upstream_tls_context, GW_ARRAY_LEN(upstream_tls_context)},
};

const struct gw_xds_unsupported_table gw_xds_unsupported_tls_fields = {messages, GW_ARRAY_LEN(messages)};
