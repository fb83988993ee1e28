/* Why: one state-of-the-world ADS stream: requests with nonces out, decoded responses in. It judges nothing.
 * Life: gw_ads_stream_new … gw_ads_stream_free, also after on_closed; the call below it may live on until its end.
 * Thread: the loop's own. */
#ifndef GW_DATAPLANE_XDS_CLIENT_ADS_STREAM_H
#define GW_DATAPLANE_XDS_CLIENT_ADS_STREAM_H

#include "common/model/resource.h"
#include "common/rpc/client.h"
#include "common/xds/discovery.h"

struct gw_ads_stream;

struct gw_ads_events {
  /* Answer it with gw_ads_stream_ask before returning. The response is gone after the call. May free the stream. */
  void (*on_response)(void *arg, enum gw_resource_type type, const struct gw_discovery_response *response);
  /* Something came that is of no type we know: it is not answered. */
  void (*on_stray)(void *arg, struct gw_str type_url);
  /* Last event. */
  void (*on_closed)(void *arg, int code, struct gw_str reason);
};

struct gw_ads_stream *gw_ads_stream_new(struct gw_rpc_channel *channel, struct gw_str node_id, struct gw_str node_cluster,
                                        const struct gw_ads_events *events, void *arg);
/* Cancels it. No event comes any more. */
void gw_ads_stream_free(struct gw_ads_stream *stream);

/* What is wanted of a type: after a response its ACK, with `refusal` its NACK; between responses a change of the names.
 * `version`: of the last accepted response, empty before. */
void gw_ads_stream_ask(struct gw_ads_stream *stream, enum gw_resource_type type, struct gw_str version, const struct gw_str *names,
                       uint32_t name_count, const char *refusal);

#endif
