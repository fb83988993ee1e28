#include "controlplane/snapshot/node_denials.h"

#include <stdlib.h>

#define TELL_PERIOD_US (60ull * 1000 * 1000)

static void clear(struct gw_node_denial *denial) {
  free(denial->id);
  free(denial->cluster);
  free(denial->peer);
  free(denial->reason);
  *denial = (struct gw_node_denial){0};
}

static size_t find(const struct gw_node_denials *denials, struct gw_str id, struct gw_str cluster) {
  size_t at = 0;
  while (at < denials->count &&
         !(gw_str_equal(gw_str_from(denials->items[at].id), id) && gw_str_equal(gw_str_from(denials->items[at].cluster), cluster)))
    at++;
  return at;
}

bool gw_node_denials_add(struct gw_node_denials *denials, struct gw_str id, struct gw_str cluster, struct gw_str peer, const char *reason,
                         uint64_t now_us) {
  gw_node_denials_expire(denials, now_us);
  denials->total++;
  size_t at = find(denials, id, cluster);
  uint64_t count = 1, told_us = 0;
  if (at < denials->count) {
    count += denials->items[at].count;
    told_us = denials->items[at].told_us;
  } else if (denials->count < GW_NODE_DENIALS_MAX) {
    at = denials->count++;
  } else {
    at = GW_NODE_DENIALS_MAX - 1; /* the oldest */
  }
  bool is_worth_telling = count == 1 || now_us - told_us >= TELL_PERIOD_US;
  clear(&denials->items[at]);
  memmove(&denials->items[1], &denials->items[0], at * sizeof denials->items[0]);
  denials->items[0] = (struct gw_node_denial){.id = gw_str_dup(id),
                                              .cluster = gw_str_dup(cluster),
                                              .peer = gw_str_dup(peer),
                                              .reason = gw_str_dup(gw_str_from(reason)),
                                              .count = count,
                                              .last_us = now_us,
                                              .told_us = is_worth_telling ? now_us : told_us};
  return is_worth_telling;
}

void gw_node_denials_expire(struct gw_node_denials *denials, uint64_t now_us) {
  while (denials->count > 0 && denials->items[denials->count - 1].last_us + GW_NODE_DENIAL_AGE_US < now_us)
    clear(&denials->items[--denials->count]);
}

void gw_node_denials_done(struct gw_node_denials *denials) {
  while (denials->count > 0)
    clear(&denials->items[--denials->count]);
}
