/* Why: a listener and its HTTP connection manager as plain values (envoy.config.listener.v3.Listener, HttpConnectionManager).
 * Life: everything points into the arena of the resource that holds it; frozen once built.
 * Thread: read-only, any. */
#ifndef GW_COMMON_MODEL_LISTENER_H
#define GW_COMMON_MODEL_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/model/access_log.h"
#include "common/model/filter.h"
#include "common/model/http2.h"
#include "common/model/route.h"
#include "common/model/tls.h"
#include "common/model/tracing.h"

/* HttpConnectionManager.PathWithEscapedSlashesAction */
enum gw_escaped_slashes {
  GW_ESCAPED_SLASHES_KEEP, /* KEEP_UNCHANGED; also IMPLEMENTATION_SPECIFIC_DEFAULT */
  GW_ESCAPED_SLASHES_REJECT,
  GW_ESCAPED_SLASHES_REDIRECT,
  GW_ESCAPED_SLASHES_FORWARD, /* UNESCAPE_AND_FORWARD */
};

/* HttpProtocolOptions.HeadersWithUnderscoresAction */
enum gw_underscores { GW_UNDERSCORES_ALLOW, GW_UNDERSCORES_REJECT, GW_UNDERSCORES_DROP };

/* HttpConnectionManager.CodecType */
enum gw_codec { GW_CODEC_AUTO, GW_CODEC_HTTP1, GW_CODEC_HTTP2 };

/* HttpConnectionManager.ForwardClientCertDetails */
enum gw_client_cert_forwarding {
  GW_CLIENT_CERT_SANITIZE,            /* x-forwarded-client-cert is removed */
  GW_CLIENT_CERT_FORWARD_ONLY,        /* kept as it came, over mutual TLS only */
  GW_CLIENT_CERT_APPEND_FORWARD,      /* kept, and this connection's is appended, over mutual TLS only */
  GW_CLIENT_CERT_SANITIZE_SET,        /* replaced by this connection's */
  GW_CLIENT_CERT_ALWAYS_FORWARD_ONLY, /* kept as it came */
};

/* 0 ms means no timeout throughout. Envoy's defaults fill what a foreign server leaves out. */
struct gw_http_connection_manager {
  struct gw_str stat_prefix;                   /* without effect here; Envoy wants one */
  struct gw_str route_config_name;             /* by RDS; empty when routes are inline */
  const struct gw_route_config *inline_routes; /* or NULL */
  const struct gw_http_filter *filters;        /* in order, router last */
  uint32_t filter_count;
  const struct gw_access_log *access_logs;
  uint32_t access_log_count;
  bool logs_new_requests; /* access_log_options.flush_access_log_on_new_request */
  bool normalize_path;
  bool merge_slashes;
  enum gw_escaped_slashes escaped_slashes;
  enum gw_underscores underscores;
  bool use_remote_address;
  uint32_t xff_num_trusted_hops;
  /* CIDRs of the proxies that are believed about x-forwarded-for, -proto and -host: the client is the last address in x-forwarded-for that
   * is none of them, and a peer that is none of them is believed nothing. With use_remote_address and without xff_num_trusted_hops. */
  const struct gw_str *trusted_cidrs;
  uint32_t trusted_cidr_count;
  bool generate_request_id;
  bool preserve_external_request_id;
  bool always_set_request_id_in_response;
  struct gw_str server_name; /* empty: "gateway" */
  uint32_t max_request_headers_kb;
  uint32_t max_headers_count;
  uint64_t idle_timeout_ms; /* of a connection without a stream */
  uint64_t stream_idle_timeout_ms;
  uint64_t request_timeout_ms;         /* to receive the whole request */
  uint64_t request_headers_timeout_ms; /* to receive the head */
  uint64_t drain_timeout_ms;
  enum gw_codec codec;
  struct gw_http2_options http2;
  bool has_websocket;                   /* upgrade_configs has an enabled "websocket" */
  uint32_t max_requests_per_connection; /* 0: any number */
  enum gw_client_cert_forwarding client_cert_forwarding;
  bool has_client_cert_subject; /* what of the certificate is told, beside its hash (SetCurrentClientCertDetails) */
  bool has_client_cert_dns;
  bool has_client_cert_uri;
  const struct gw_tracing *tracing; /* NULL: nothing is traced */
};

/* A listener with only an api_listener is never opened (is_api_only). */
struct gw_listener {
  struct gw_str name;
  struct gw_str address; /* an IP address, numeric */
  uint16_t port;         /* host order; 0: any free one */
  bool is_api_only;
  const struct gw_downstream_tls *tls; /* transport_socket; NULL: plaintext */
  struct gw_http_connection_manager http;
};

#endif
