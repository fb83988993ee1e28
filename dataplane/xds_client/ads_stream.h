/* Why: one ADS stream, incremental or state-of-the-world: requests with nonces out, decoded responses in. It judges nothing.
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

struct gw_ads_stream *gw_ads_stream_new(struct gw_rpc_channel *channel, bool is_delta, struct gw_str node_id, struct gw_str node_cluster,
                                        const char *instance_id, const struct gw_ads_events *events, void *arg);
/* Cancels it. No event comes any more. */
void gw_ads_stream_free(struct gw_ads_stream *stream);

bool gw_ads_stream_is_delta(const struct gw_ads_stream *stream);
/* Whether anything came. */
bool gw_ads_stream_was_answered(const struct gw_ads_stream *stream);
/* Whether the type was asked for on this stream; before, an incremental one wants to hear what is held. */
bool gw_ads_stream_has_asked(const struct gw_ads_stream *stream, enum gw_resource_type type);

struct gw_ads_ask {
  enum gw_resource_type type;
  const struct gw_str *names; /* all that are wanted, sorted; none: all of the type, or nothing where one asks by name */
  uint32_t name_count;
  const char *refusal;   /* NULL: accepted */
  struct gw_str version; /* state of the world: of the last accepted response, empty before */
  /* Incremental, first request of the type: what is held, as the server that gave it called its version. */
  const struct gw_str *held_names;
  const struct gw_str *held_versions;
  uint32_t held_count;
};
/* After a response its ACK or NACK; between responses a change of the names. */
void gw_ads_stream_ask(struct gw_ads_stream *stream, const struct gw_ads_ask *ask);

#endif
