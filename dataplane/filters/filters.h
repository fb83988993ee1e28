/* Why: the registry of filters: the one list to which a new filter adds a line.
 * Life: constants.
 * Thread: any. */
#ifndef GW_DATAPLANE_FILTERS_FILTERS_H
#define GW_DATAPLANE_FILTERS_FILTERS_H

struct gw_filter;

/* NULL-terminated. */
extern const struct gw_filter *const gw_filters[];

#endif
