/* Why: envoy.service.discovery.v3 messages, state-of-the-world and incremental, for the server and the client side.
 * Life: decoded values point into the arena given (strings are copies); encoded ones are ref-counted bytes.
 * Thread: any; no state. */
#ifndef GW_COMMON_XDS_DISCOVERY_H
#define GW_COMMON_XDS_DISCOVERY_H

#include "common/base/arena.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* :path of the RPCs. */
#define GW_XDS_ADS_METHOD "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
#define GW_XDS_DELTA_METHOD "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

struct gw_xds_node {
  struct gw_str id;
  struct gw_str cluster;
  struct gw_str user_agent_name; /* "envoy", "gateway-dataplane", "gRPC Go", … */
  struct gw_str user_agent_version;
  struct gw_str instance_id; /* of our data planes: metadata "gateway.instance_id", new at each start; tells two with one id apart */
};

struct gw_discovery_request {
  struct gw_str version_info;
  bool has_node; /* only the first request of a stream need have it */
  struct gw_xds_node node;
  const struct gw_str *resource_names;
  uint32_t resource_name_count;
  struct gw_str type_url;
  struct gw_str response_nonce;
  bool has_error; /* error_detail: a NACK */
  int32_t error_code;
  struct gw_str error_message;
};

/* Server side: depth-limited; unknown fields are tolerated. GW_ERR_INVALID. */
enum gw_err gw_discovery_request_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_discovery_request *ret_request);
struct gw_bytes *gw_discovery_request_encode(const struct gw_discovery_request *request);

struct gw_discovery_response {
  struct gw_str version_info;
  struct gw_str type_url;
  struct gw_str nonce;
  struct gw_bytes **resources; /* each an encoded Any; decoded ones hold one reference each, which the caller releases */
  uint32_t resource_count;
  /* Incremental only: */
  const struct gw_str *resource_names;    /* of each resource, as the envelope around it says; NULL: state of the world */
  const struct gw_str *resource_versions; /* likewise */
  const struct gw_str *removed;           /* names */
  uint32_t removed_count;
};

/* Client side. GW_ERR_INVALID. */
enum gw_err gw_discovery_response_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_discovery_response *ret_response);
/* The repeated `resources` field alone, as it stands on the wire: made once a (type, set of resources), shared by all streams. */
struct gw_bytes *gw_discovery_resources_encode(struct gw_bytes *const *anys, uint32_t count);
/* The other fields; a response is these bytes followed by (or following) the resources' bytes. */
struct gw_bytes *gw_discovery_response_encode_head(struct gw_str version_info, struct gw_str type_url, struct gw_str nonce);

/* ---- incremental ---- */

struct gw_delta_request {
  bool has_node;
  struct gw_xds_node node;
  struct gw_str type_url;
  const struct gw_str *subscribe;
  uint32_t subscribe_count;
  const struct gw_str *unsubscribe;
  uint32_t unsubscribe_count;
  /* What the client has already: initial_resource_versions. */
  const struct gw_str *held_names;
  const struct gw_str *held_versions;
  uint32_t held_count;
  struct gw_str response_nonce; /* empty: it answers nothing, and only changes what is asked for */
  bool has_error;
  int32_t error_code;
  struct gw_str error_message;
};

/* As their state-of-the-world kin. */
enum gw_err gw_delta_request_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_delta_request *ret_request);
struct gw_bytes *gw_delta_request_encode(const struct gw_delta_request *request);
/* A resource without content (a heartbeat) has an empty Any. GW_ERR_INVALID. */
enum gw_err gw_delta_response_decode(struct gw_str bytes, struct gw_arena *arena, struct gw_discovery_response *ret_response);

struct gw_delta_resource {
  struct gw_str name;
  struct gw_str version;
  struct gw_bytes *any; /* borrowed */
};
/* The fields `resources` and `removed_resources` as they stand on the wire: made once a change, shared by all streams that go through it.
 */
struct gw_bytes *gw_delta_changes_encode(const struct gw_delta_resource *resources, uint32_t count, const struct gw_str *removed,
                                         uint32_t removed_count);
/* The other fields; `removed`: more names for this stream alone. */
struct gw_bytes *gw_delta_response_encode_head(struct gw_str version_info, struct gw_str type_url, struct gw_str nonce,
                                               const struct gw_str *removed, uint32_t removed_count);

#endif
