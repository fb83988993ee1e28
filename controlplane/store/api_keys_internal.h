/* Why: what api_keys.c (that follows the store) and api_key_calls.c (that changes it) share.
 * Life: as api_keys.h says.
 * Thread: the loop's own. */
#ifndef GW_CONTROLPLANE_STORE_API_KEYS_INTERNAL_H
#define GW_CONTROLPLANE_STORE_API_KEYS_INTERNAL_H

#include "common/base/map.h"
#include "common/crypto/api_key.h"
#include "common/event/timer.h"
#include "controlplane/store/api_keys.h"

/* A key as the store has it. */
struct gw_known_key {
  struct gw_resource *resource; /* one reference */
  uint64_t change;
  uint64_t round; /* of reading all, in which it was seen */
};

struct gw_api_keys {
  struct gw_api_keys_options options;
  struct gw_hmac *pepper; /* NULL: none */
  struct gw_map *by_id;   /* → struct gw_known_key */
  struct gw_resource_list all;
  struct gw_resource_list live;
  struct gw_map *changed; /* ids that `all` and `live` do not have as they are now */
  bool is_known;
  bool is_reading_all;
  uint64_t round;
  struct gw_timer publish; /* running: published lately */
};

static inline struct gw_known_key *gw_api_keys_find(const struct gw_api_keys *keys, struct gw_str id) {
  return gw_map_find(keys->by_id, id);
}

#endif
