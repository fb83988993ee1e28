/* Why: what streams share whose nodes get the same, so that what one of them needs is worked out once for all.
 * Life: shares live while a stream is in them; the table as long as the server.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_ADS_ADS_SHARE_H
#define GW_CONTROLPLANE_ADS_ADS_SHARE_H

#include "controlplane/ads/ads_stream.h"

struct gw_ads_shares;

/* Streams of nodes of one cluster share, and of those the ones that are no data planes of ours. `base`: loop, cache, nodes, log and server;
 * its name_sets are the table's. */
struct gw_ads_shares *gw_ads_shares_new(const struct gw_ads_shared *base);
void gw_ads_shares_free(struct gw_ads_shares *shares);
/* A stream whose node is not known yet. */
void gw_ads_shares_add(struct gw_ads_shares *shares, struct gw_ads_stream *stream);
const struct gw_ads_shared *gw_ads_shares_base(const struct gw_ads_shares *shares);
void gw_ads_shares_move(struct gw_ads_shares *shares, struct gw_ads_stream *stream, struct gw_str cluster, bool is_stranger);
/* Frees it. */
void gw_ads_shares_remove(struct gw_ads_shares *shares, struct gw_ads_stream *stream);
struct gw_str gw_ads_shares_foreign_words(const struct gw_ads_shares *shares, struct gw_str cluster);

#endif
