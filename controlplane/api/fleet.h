/* Why: several control planes on one store know of each other: each keeps a record of itself and of its nodes there, and follows those of
 * the others, so that each can say how large the fleet is, and show all of it. Life: gw_fleet_new before gw_store_start … gw_fleet_free
 * after gw_store_free. Nodes, cache and store are borrowed. Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_FLEET_H
#define GW_CONTROLPLANE_API_FLEET_H

#include <gateway/store/v1/fleet.pb-c.h>

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "controlplane/snapshot/cache.h"
#include "controlplane/snapshot/node_table.h"
#include "controlplane/store/store.h"

struct gw_fleet;

#define GW_FLEET_KIND "fleet"
/* What changed of the nodes is written at most so often, more rarely with more than a thousand; and a sign of life without a change. Nobody
 * writes of nodes who is alone. */
#define GW_FLEET_WRITE_MS 1000u
#define GW_FLEET_BEAT_MS 5000u
/* Of whom nothing was heard for so long its nodes don't count, and later its place is given to others. */
#define GW_FLEET_DEAD_MS 16000u
#define GW_FLEET_FORGET_MS 60000u
#define GW_FLEET_MEMBERS_MAX 64u
#define GW_FLEET_BUCKETS 16u

struct gw_fleet_options {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_store *store;
  const struct gw_node_table *nodes;
  const struct gw_snapshot_cache *cache;
  uint64_t (*revision)(void *arg); /* that is in force here; 0: none that has a number yet */
  void *arg;
};

struct gw_fleet *gw_fleet_new(const struct gw_fleet_options *options);
void gw_fleet_free(struct gw_fleet *fleet);
/* From now on it is one of the fleet. `name`: what others shall call it (copied). */
void gw_fleet_join(struct gw_fleet *fleet, const char *name);
/* The others need not wait until it is dead. */
void gw_fleet_leave(struct gw_fleet *fleet);

/* Nodes of the others that are not connected here. */
uint32_t gw_fleet_others(const struct gw_fleet *fleet);
const char *gw_fleet_name(const struct gw_fleet *fleet);
/* Another control plane that lives. */
struct gw_fleet_member {
  const Gateway__Store__V1__FleetMember *record;
  const Gateway__Store__V1__FleetNodes *buckets[GW_FLEET_BUCKETS]; /* NULL: none */
  uint64_t seen_us;                                                /* monotonic */
};
/* Into `ret_members`, which has room for GW_FLEET_MEMBERS_MAX; how many. Borrowed until the loop's next turn. */
uint32_t gw_fleet_list(const struct gw_fleet *fleet, struct gw_fleet_member *ret_members);

#endif
