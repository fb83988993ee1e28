/* Why: what the decoders of all resources share: the fields that occur everywhere, checked alike.
 * Life: a decoder lives as long as one gw_xds_decode_resource.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_DECODE_H
#define GW_COMMON_XDS_DECODE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/model/api_key.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/secret.h"
#include "common/xds/place.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/address.pb-c.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/core/v3/config_source.pb-c.h"
#include "envoy/config/core/v3/protocol.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"
#include "envoy/config/listener/v3/listener.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb-c.h"
#include "envoy/type/matcher/v3/regex.pb-c.h"
#include "envoy/type/v3/percent.pb-c.h"
#include "gateway/auth/v1/api_key.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"

struct gw_map;

struct gw_xds_decoder {
  struct gw_arena *arena;   /* of the resource: what stays */
  struct gw_arena *scratch; /* unpacked messages */
  struct gw_errors *errors;
  struct gw_map *filters_seen; /* settings of routes' filters → a route that has them, so that others share them; NULL: nobody shares */
};

/* Every function below adds a mistake for what is wrong and returns something harmless, so that decoding goes on to the next one. */

#define gw_xds_refuse(decoder, place, ...) gw_xds_place_refuse((place), (decoder)->errors, __VA_ARGS__)
/* "RING_HASH is not supported", or its number when it has no name. */
void gw_xds_refuse_enum(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const ProtobufCEnumDescriptor *descriptor,
                        int value);

/* A copy in the resource's arena. */
struct gw_str gw_xds_decode_str(struct gw_xds_decoder *decoder, const char *text);
/* The same in lower case (ASCII). */
struct gw_str gw_xds_decode_lower(struct gw_xds_decoder *decoder, const char *text);
/* A copy; empty is a mistake. */
struct gw_str gw_xds_decode_name(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const char *text);
/* RFC 9110 section 5.6.2. */
bool gw_xds_is_token(struct gw_str text);
/* Lower case, a token (RFC 9110 section 5.6.2); `may_be_pseudo`: also ":method" and such. */
struct gw_str gw_xds_decode_header_name(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const char *text,
                                        bool may_be_pseudo);
/* Milliseconds, rounded up; `absent_ms` when NULL. Negative and more than 100 years are mistakes. */
uint64_t gw_xds_decode_duration(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                const Google__Protobuf__Duration *duration, uint64_t absent_ms);
static inline bool gw_xds_decode_bool(const Google__Protobuf__BoolValue *value, bool absent) {
  return value != NULL ? value->value : absent;
}
uint32_t gw_xds_decode_u32(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__UInt32Value *value,
                           uint32_t absent, uint32_t min, uint32_t max);
/* What the numerator is a share of: 100, 10,000 or 1,000,000. NULL and others are mistakes; 0 then. */
uint32_t gw_xds_decode_denominator(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                   const Envoy__Type__V3__FractionalPercent *share);
/* inline_string or inline_bytes; NULL is a mistake. */
struct gw_str gw_xds_decode_data_source(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                        const Envoy__Config__Core__V3__DataSource *source);
/* The regex; NULL and empty are mistakes. */
struct gw_str gw_xds_decode_regex(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                  const Envoy__Type__Matcher__V3__RegexMatcher *matcher);
/* ADS, version 3 and the default wait, or a mistake. */
void gw_xds_decode_ads_source(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                              const Envoy__Config__Core__V3__ConfigSource *source);

enum gw_xds_address_use { GW_XDS_ADDRESS_LISTEN, GW_XDS_ADDRESS_CONNECT, GW_XDS_ADDRESS_CONNECT_OR_NAME };
/* LISTEN: an IP, port 0 too. CONNECT: an IP, a port. CONNECT_OR_NAME: a host name too. */
void gw_xds_decode_address(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                           const Envoy__Config__Core__V3__Address *address, enum gw_xds_address_use use, struct gw_str *ret_host,
                           uint16_t *ret_port);

/* "10.0.0.0/8", "2001:db8::/32": `field` of `place`. */
void gw_xds_decode_cidrs(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const char *field, const char *const *items,
                         size_t count, const struct gw_str **ret_cidrs, uint32_t *ret_count);
/* NULL: all of Envoy's defaults. */
struct gw_http2_options gw_xds_decode_http2(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                            const Envoy__Config__Core__V3__Http2ProtocolOptions *message);
struct gw_load_balancing gw_xds_decode_balancing(struct gw_xds_decoder *decoder, const Envoy__Config__Cluster__V3__Cluster *message);
/* `out` has its protocol and TLS. */
void gw_xds_decode_health(struct gw_xds_decoder *decoder, const Envoy__Config__Cluster__V3__Cluster *message, struct gw_cluster *out);
/* Envoy's defaults for what is absent; NULL: there are no limits. */
const struct gw_concurrency_limits *gw_xds_decode_limits(struct gw_xds_decoder *decoder,
                                                         const Envoy__Config__Cluster__V3__CircuitBreakers *message);
/* NULL: the metadata holds no circuit breaker. */
const struct gw_circuit_breaking *gw_xds_decode_circuit_breaking(struct gw_xds_decoder *decoder,
                                                                 const Envoy__Config__Core__V3__Metadata *metadata);
/* hash_policy of `place`, into `out`. */
void gw_xds_decode_hash_policies(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                 const Envoy__Config__Route__V3__RouteAction *message, struct gw_route_forward *out);
/* NULL gives NULL. `buffer_bytes`: of the route or virtual host that has it. */
const struct gw_retry_policy *gw_xds_decode_retry_policy(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                         const Envoy__Config__Route__V3__RetryPolicy *message, uint64_t buffer_bytes);
/* Of a route that forwards; `inherited` (may be NULL) and `inherited_bytes` are its virtual host's. */
const struct gw_retry_policy *gw_xds_decode_route_retry(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                        const Envoy__Config__Route__V3__Route *message,
                                                        const struct gw_retry_policy *inherited, uint64_t inherited_bytes);
struct gw_retry_budget_limits gw_xds_decode_retry_budget(struct gw_xds_decoder *decoder,
                                                         const Envoy__Config__Cluster__V3__CircuitBreakers *message);
/* NULL: plaintext. */
const struct gw_downstream_tls *gw_xds_decode_downstream_tls(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                             const Envoy__Config__Core__V3__TransportSocket *socket);
const struct gw_upstream_tls *gw_xds_decode_upstream_tls(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                         const Envoy__Config__Core__V3__TransportSocket *socket, bool has_auto_sni);
/* match_typed_subject_alt_names of `place`. */
void gw_xds_decode_sans(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                        Envoy__Extensions__TransportSockets__Tls__V3__SubjectAltNameMatcher *const *items, size_t count,
                        const struct gw_san_match **ret_sans, uint32_t *ret_count);

/* The full name of the message in an Any, behind the last '/'; "" when there is none. */
const char *gw_xds_any_message(const Google__Protobuf__Any *any);
/* Unpacks into scratch, as strictly as the resource itself; NULL after a mistake. The type must be `descriptor`'s. */
const void *gw_xds_decode_any(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                              const ProtobufCMessageDescriptor *descriptor);

/* One for each resource type, and for what they hold of one another. Never NULL. */
const struct gw_listener *gw_xds_decode_listener(struct gw_xds_decoder *decoder, const Envoy__Config__Listener__V3__Listener *message);
const struct gw_route_config *gw_xds_decode_route_config(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                         const Envoy__Config__Route__V3__RouteConfiguration *message);
/* The same from bytes that gw_wire_walk found safe. */
const struct gw_route_config *gw_xds_decode_route_config_bytes(struct gw_xds_decoder *decoder, struct gw_str bytes);
/* The same from any bytes, of which another version was decoded before: what is the same is copied from it. NULL: that can't be, since more
 * than routes has changed, or something is wrong; nothing is told of it, and the bytes have to be gone through from the beginning. */
const struct gw_route_config *gw_xds_decode_changed_route_config(struct gw_xds_decoder *decoder, struct gw_str bytes,
                                                                 const struct gw_route_config *before, struct gw_str bytes_before);
/* What its routes have of a virtual host. */
struct gw_xds_host_defaults {
  const struct gw_retry_policy *retry;
  uint64_t retry_buffer_bytes;
  bool tells_attempt_count;
};
void gw_xds_decode_route(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Envoy__Config__Route__V3__Route *message,
                         const struct gw_xds_host_defaults *host, struct gw_route *out);
struct gw_xds_host_defaults gw_xds_host_defaults_of(const Envoy__Config__Route__V3__VirtualHost *message); /* without `retry` */
/* One route's bytes, which gw_wire_walk found safe. */
void gw_xds_decode_packed_route(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, struct gw_str bytes,
                                const struct gw_xds_host_defaults *host, struct gw_route *out);
const struct gw_cluster *gw_xds_decode_cluster(struct gw_xds_decoder *decoder, const Envoy__Config__Cluster__V3__Cluster *message);
const struct gw_secret *gw_xds_decode_secret(struct gw_xds_decoder *decoder,
                                             const Envoy__Extensions__TransportSockets__Tls__V3__Secret *message);
const struct gw_api_key *gw_xds_decode_api_key(struct gw_xds_decoder *decoder, const Gateway__Auth__V1__ApiKey *message);
/* Host names only where `use` says so. */
const struct gw_endpoints *gw_xds_decode_endpoints(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                                   const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *message,
                                                   enum gw_xds_address_use use);

#endif
