/* Why: the node's API keys: what the control plane says becomes the table that workers look into, within the same turn; and when they were
 * used goes back to it.
 * Life: gw_keys_new … gw_keys_free, after the xDS client and the workers.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_KEYS_H
#define GW_DATAPLANE_SERVER_KEYS_H

#include "common/event/loop.h"
#include "dataplane/pipeline/key_table.h"
#include "dataplane/xds_client/xds_client.h"

struct gw_keys;

#define GW_KEYS_TELL_MS 10000u
#define GW_KEYS_TOLD_MAX 10000u /* uses at once; the rest comes the next time */

struct gw_keys_options {
  struct gw_loop *loop;
  /* To each worker; takes its own references. */
  void (*publish)(void *arg, struct gw_key_table *table);
  /* How often keys were shown that are not known, since the start. */
  uint64_t (*count_unknown)(void *arg);
  /* Whether it could be sent. */
  bool (*tell)(void *arg, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown);
  void *arg;
};

struct gw_keys *gw_keys_new(const struct gw_keys_options *options);
void gw_keys_free(struct gw_keys *keys);
struct gw_xds_key_calls gw_keys_calls(struct gw_keys *keys);
/* False: none were received yet. */
bool gw_keys_are_known(const struct gw_keys *keys);
uint32_t gw_keys_count(const struct gw_keys *keys);
/* What became of use since the last time, now: for the end, and for tests. */
void gw_keys_tell_now(struct gw_keys *keys);

#endif
