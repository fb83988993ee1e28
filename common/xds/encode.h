/* Why: what the encoders of all resources share.
 * Life: messages are built in an arena that is thrown away once they are packed.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_ENCODE_H
#define GW_COMMON_XDS_ENCODE_H

#include <protobuf-c/protobuf-c.h>

#include "common/base/arena.h"
#include "common/base/bytes.h"
#include "common/model/api_key.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/resource.h"
#include "common/model/secret.h"
#include "envoy/config/cluster/v3/cluster.pb-c.h"
#include "envoy/config/core/v3/address.pb-c.h"
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/core/v3/config_source.pb-c.h"
#include "envoy/config/core/v3/protocol.pb-c.h"
#include "envoy/config/endpoint/v3/endpoint.pb-c.h"
#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/type/matcher/v3/regex.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"

struct gw_map;

/* An empty message of that type. */
void *gw_xds_encode_new(struct gw_arena *arena, const ProtobufCMessageDescriptor *descriptor);
/* Room for the pointers of a repeated field; assigns to any of them. */
void *gw_xds_encode_array(struct gw_arena *arena, size_t count);
char *gw_xds_encode_str(struct gw_arena *arena, struct gw_str s);
Google__Protobuf__Duration *gw_xds_encode_duration(struct gw_arena *arena, uint64_t ms);
Google__Protobuf__BoolValue *gw_xds_encode_bool(struct gw_arena *arena, bool value);
Google__Protobuf__UInt32Value *gw_xds_encode_u32(struct gw_arena *arena, uint32_t value);
Google__Protobuf__Any *gw_xds_encode_any(struct gw_arena *arena, const ProtobufCMessage *message);
Envoy__Type__Matcher__V3__RegexMatcher *gw_xds_encode_regex(struct gw_arena *arena, struct gw_str regex);
/* As a string where it is one, else as bytes. */
Envoy__Config__Core__V3__DataSource *gw_xds_encode_data_source(struct gw_arena *arena, struct gw_str content);
Envoy__Config__Core__V3__Address *gw_xds_encode_address(struct gw_arena *arena, struct gw_str host, uint16_t port);
/* ADS, with the default wait. */
Envoy__Config__Core__V3__ConfigSource *gw_xds_encode_ads_source(struct gw_arena *arena);

Envoy__Config__Core__V3__Http2ProtocolOptions *gw_xds_encode_http2(struct gw_arena *arena, const struct gw_http2_options *options);
Envoy__Config__Core__V3__TransportSocket *gw_xds_encode_downstream_tls(struct gw_arena *arena, const struct gw_downstream_tls *tls);
Envoy__Config__Core__V3__TransportSocket *gw_xds_encode_upstream_tls(struct gw_arena *arena, const struct gw_upstream_tls *tls);

void gw_xds_encode_balancing(struct gw_arena *arena, const struct gw_load_balancing *balancing,
                             Envoy__Config__Cluster__V3__Cluster *message);
void gw_xds_encode_health(struct gw_arena *arena, const struct gw_cluster *cluster, Envoy__Config__Cluster__V3__Cluster *message);
/* Into the first of the thresholds, which is there; NULL: no limits, which is said, too. */
void gw_xds_encode_limits(struct gw_arena *arena, const struct gw_concurrency_limits *limits,
                          Envoy__Config__Cluster__V3__CircuitBreakers *message);
Envoy__Config__Core__V3__Metadata *gw_xds_encode_circuit_breaking(struct gw_arena *arena, const struct gw_circuit_breaking *breaking);
void gw_xds_encode_hash_policies(struct gw_arena *arena, const struct gw_route_forward *forward,
                                 Envoy__Config__Route__V3__RouteAction *message);

Envoy__Config__Route__V3__RetryPolicy *gw_xds_encode_retry_policy(struct gw_arena *arena, const struct gw_retry_policy *policy);
/* Its request_body_buffer_limit. */
Google__Protobuf__UInt64Value *gw_xds_encode_retry_buffer(struct gw_arena *arena, const struct gw_retry_policy *policy);
Envoy__Config__Cluster__V3__CircuitBreakers *gw_xds_encode_retry_budget(struct gw_arena *arena,
                                                                        const struct gw_retry_budget_limits *limits);

/* As decoding their wire form would give them. `copies`: those made before, by the address of what they were made from. NULL gives NULL. */
const struct gw_route_filters *gw_xds_copy_route_filters(struct gw_arena *arena, const struct gw_route_filters *from,
                                                         struct gw_map *copies);
/* The same of a route, but for its index; `from_host`, `to_host`: what it may share with its virtual host, `copies`: with any route. */
void gw_xds_copy_route(struct gw_arena *arena, const struct gw_route *from, const struct gw_virtual_host *from_host,
                       const struct gw_virtual_host *to_host, struct gw_map *copies, struct gw_route *to);
/* Without routes. */
void gw_xds_copy_virtual_host(struct gw_arena *arena, const struct gw_virtual_host *from, struct gw_virtual_host *to);
/* As decoding the configuration's wire form would give it. */
const struct gw_route_config *gw_xds_copy_route_config(struct gw_arena *arena, const struct gw_route_config *from);
/* Its Any, one reference. `before`: as of gw_xds_encode_changed_route_config. */
struct gw_bytes *gw_xds_pack_route_config(const struct gw_route_config *config, const struct gw_resource *before);

/* One for each resource type, and for what they hold of one another. */
ProtobufCMessage *gw_xds_encode_api_key_message(struct gw_arena *arena, const struct gw_api_key *key);
ProtobufCMessage *gw_xds_encode_listener_message(struct gw_arena *arena, const struct gw_listener *listener);
Envoy__Config__Route__V3__RouteConfiguration *gw_xds_encode_route_config_message(struct gw_arena *arena,
                                                                                 const struct gw_route_config *config);
ProtobufCMessage *gw_xds_encode_virtual_host_message(struct gw_arena *arena, const struct gw_virtual_host *host);
ProtobufCMessage *gw_xds_encode_route_message(struct gw_arena *arena, const struct gw_route *route, const struct gw_virtual_host *host);
ProtobufCMessage *gw_xds_encode_secret_message(struct gw_arena *arena, const struct gw_secret *secret);
ProtobufCMessage *gw_xds_encode_cluster_message(struct gw_arena *arena, const struct gw_cluster *cluster);
Envoy__Config__Endpoint__V3__ClusterLoadAssignment *gw_xds_encode_endpoints_message(struct gw_arena *arena,
                                                                                    const struct gw_endpoints *endpoints);

#endif
