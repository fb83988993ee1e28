/* Why: how TLS is spoken with clients and with services, as plain values (envoy.extensions.transport_sockets.tls.v3). Key material is not
 * here: it comes as secrets, by the names that stand here.
 * Life: in the arena of the resource that holds it; frozen.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_TLS_H
#define GW_COMMON_MODEL_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/route.h"

enum gw_tls_version { GW_TLS_1_2, GW_TLS_1_3 };

/* CommonTlsContext. */
struct gw_tls_params {
  enum gw_tls_version min_version;
  enum gw_tls_version max_version;
  struct gw_str cipher_suites; /* of TLS 1.2, OpenSSL's names with ':'; empty: modern defaults */
  struct gw_str curves;        /* with ':'; empty: defaults */
  const struct gw_str *alpn;   /* "h2", "http/1.1", in order of preference */
  uint32_t alpn_count;
  const struct gw_str *certificates; /* names of secrets; downstream: picked by SNI, the first when none fits; upstream: at most one */
  uint32_t certificate_count;
  struct gw_str validation;        /* name of a secret; empty: the peer's certificate is not asked for (downstream) or not checked */
  const struct gw_san_match *sans; /* one of these (or of the secret's) must match, besides the chain; none: any */
  uint32_t san_count;
};

/* SubjectAltNameMatcher: DNS and URI names, IP addresses as text. */
struct gw_san_match {
  enum gw_san_kind { GW_SAN_DNS, GW_SAN_URI, GW_SAN_IP } kind;
  enum gw_string_match_kind match; /* EXACT, PREFIX or SUFFIX; exact DNS names match a certificate's wildcard too */
  struct gw_str value;
};

/* DownstreamTlsContext. */
struct gw_downstream_tls {
  struct gw_tls_params params;
  bool requires_client_certificate; /* with `validation`; false: asked for, and checked when given */
  struct gw_str ticket_keys;        /* name of a secret; empty: random ones of this process */
  bool has_no_tickets;              /* disable_stateless_session_resumption */
};

/* UpstreamTlsContext. */
struct gw_upstream_tls {
  struct gw_tls_params params;
  struct gw_str sni; /* empty: none */
  bool has_auto_sni; /* the request's host name as SNI */
};

#endif
