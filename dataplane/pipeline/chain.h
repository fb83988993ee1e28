/* Why: a listener's filters in order, with their settings and where each one's state lies in a stream.
 * Life: embedded in the frozen listener, in its arena.
 * Thread: built on main, then frozen. */
#ifndef GW_DATAPLANE_PIPELINE_CHAIN_H
#define GW_DATAPLANE_PIPELINE_CHAIN_H

#include <stdint.h>

#include "common/model/listener.h"
#include "dataplane/pipeline/filter.h"

struct gw_chain_item {
  const struct gw_filter *filter;
  const void *settings;
  size_t state_offset;
};

struct gw_chain {
  const struct gw_chain_item *items;
  uint32_t count;
  size_t state_size; /* of all filters together */
};

/* Mistakes: a filter that the registry doesn't have, two of one kind where routes have settings for it, settings, a router that is not
 * last or is missing. */
void gw_chain_build(struct gw_chain *chain, const struct gw_http_connection_manager *http, const struct gw_filter *const *registry,
                    const struct gw_filter_build *build);
/* The arena stays. */
void gw_chain_done(struct gw_chain *chain);

#endif
