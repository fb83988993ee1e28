/* Why: a worker's counters, those of its clusters included, copied for a scrape in small steps between requests: with thousands of routes a
 * copy at once would keep requests waiting.
 * Life: gw_stats_copying_new … gw_stats_copying_free, with the pipeline.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_STATS_COPYING_H
#define GW_DATAPLANE_PIPELINE_STATS_COPYING_H

#include "dataplane/pipeline/pipeline.h"

struct gw_stats_copying;

struct gw_stats_copying *gw_stats_copying_new(struct gw_pipeline *pipeline);
void gw_stats_copying_free(struct gw_stats_copying *copying);
/* `done` gets the copy, which is its own, in a later callback. Not while one is under way. */
void gw_stats_copying_start(struct gw_stats_copying *copying, void (*done)(void *arg, struct gw_stats *copy), void *arg);
/* All of it at once. Not while one is under way. */
struct gw_stats *gw_stats_copying_run(struct gw_stats_copying *copying);

#endif
