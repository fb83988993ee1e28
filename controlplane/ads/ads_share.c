#include "controlplane/ads/ads_share.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "controlplane/snapshot/foreign.h"

/* One cluster's nodes, or the strangers among them. */
struct share {
  struct gw_ads_shared shared; /* its cache is a view */
  struct gw_ads_shares *shares;
  char *key; /* in by_key */
  struct gw_snapshot_watch watch;
  struct gw_list streams;
};

/* What strangers get in place of one snapshot. */
struct stranger_snapshot {
  char *group; /* NULL: of all other nodes */
  struct gw_foreign *making;
};

struct gw_ads_shares {
  struct gw_ads_shared base; /* of streams whose node is not known yet; they are sent nothing */
  struct gw_list unknown;
  struct gw_map *by_key;
  struct gw_snapshot_cache *stranger_cache; /* NULL before the first of them */
  struct gw_snapshot_watch sets_watch;
  struct stranger_snapshot *makings; /* the first is that of all other nodes */
  uint32_t making_count;
};

struct gw_ads_shares *gw_ads_shares_new(const struct gw_ads_shared *base) {
  struct gw_ads_shares *shares = gw_calloc(1, sizeof *shares);
  shares->base = *base;
  shares->base.name_sets = gw_name_sets_new(base->cache);
  gw_list_init(&shares->unknown);
  shares->by_key = gw_map_new();
  return shares;
}

void gw_ads_shares_free(struct gw_ads_shares *shares) {
  if (shares == NULL) return;
  GW_ASSERT(gw_list_is_empty(&shares->unknown) && gw_map_count(shares->by_key) == 0);
  gw_snapshot_cache_watch_sets(shares->base.cache, NULL);
  gw_name_sets_free(shares->base.name_sets);
  gw_map_free(shares->by_key);
  gw_snapshot_cache_free(shares->stranger_cache);
  for (uint32_t i = 0; i < shares->making_count; i++) {
    gw_foreign_free(shares->makings[i].making);
    free(shares->makings[i].group);
  }
  free(shares->makings);
  free(shares);
}

/* ---- strangers ---- */

static struct gw_foreign *find_making(const struct gw_ads_shares *shares, struct gw_str group) {
  for (uint32_t i = 1; i < shares->making_count; i++)
    if (gw_str_equal(gw_str_from(shares->makings[i].group), group)) return shares->makings[i].making;
  return NULL;
}

/* One for all other nodes, then one a group; those that were there before go on. */
static void settle_makings(struct gw_ads_shares *shares, const struct gw_snapshot_group *groups, uint32_t count) {
  struct stranger_snapshot *makings = gw_calloc((size_t)count + 1, sizeof *makings);
  makings[0].making = shares->making_count > 0 ? shares->makings[0].making : gw_foreign_new();
  for (uint32_t i = 0; i < count; i++) {
    struct gw_foreign *known = find_making(shares, groups[i].name);
    makings[i + 1] = (struct stranger_snapshot){gw_str_dup(groups[i].name), known != NULL ? known : gw_foreign_new()};
  }
  for (uint32_t i = 1; i < shares->making_count; i++) {
    bool is_kept = false;
    for (uint32_t k = 1; k <= count; k++)
      is_kept = is_kept || makings[k].making == shares->makings[i].making;
    if (!is_kept) gw_foreign_free(shares->makings[i].making);
    free(shares->makings[i].group);
  }
  free(shares->makings);
  shares->makings = makings;
  shares->making_count = count + 1;
}

static void make_for_strangers(void *arg) {
  struct gw_ads_shares *shares = arg;
  const struct gw_snapshot *others = gw_snapshot_cache_current(shares->base.cache);
  if (others == NULL) return;
  const struct gw_snapshot_group *groups;
  uint32_t count = gw_snapshot_cache_groups(shares->base.cache, &groups);
  settle_makings(shares, groups, count);
  struct gw_snapshot_group *made = gw_calloc((size_t)count + 1, sizeof *made);
  struct gw_snapshot *of_others = gw_foreign_make(shares->makings[0].making, others);
  for (uint32_t i = 0; i < count; i++)
    made[i] = (struct gw_snapshot_group){groups[i].name, gw_foreign_make(shares->makings[i + 1].making, groups[i].snapshot)};
  gw_snapshot_cache_set_groups(shares->stranger_cache, of_others, of_others, made, count, gw_snapshot_cache_set_us(shares->base.cache));
  for (uint32_t i = 0; i < count; i++)
    gw_snapshot_unref(made[i].snapshot);
  gw_snapshot_unref(of_others);
  free(made);
}

/* Called once the first of them is there. */
static struct gw_snapshot_cache *get_stranger_cache(struct gw_ads_shares *shares) {
  if (shares->stranger_cache != NULL) return shares->stranger_cache;
  shares->stranger_cache = gw_snapshot_cache_new();
  shares->sets_watch = (struct gw_snapshot_watch){.fn = make_for_strangers, .arg = shares};
  gw_snapshot_cache_watch_sets(shares->base.cache, &shares->sets_watch);
  make_for_strangers(shares);
  return shares->stranger_cache;
}

struct gw_str gw_ads_shares_foreign_words(const struct gw_ads_shares *shares, struct gw_str cluster) {
  if (shares->making_count == 0) return (struct gw_str){NULL, 0};
  const struct gw_foreign *making = find_making(shares, cluster);
  return gw_foreign_words(making != NULL ? making : shares->makings[0].making);
}

/* ---- streams ---- */

static void on_snapshot(void *arg) {
  struct share *share = arg;
  GW_LIST_FOR_EACH(link, &share->streams) {
    gw_ads_stream_on_snapshot(GW_LIST_ITEM(link, struct gw_ads_stream, link));
  }
}

static struct share *get_share(struct gw_ads_shares *shares, struct gw_str cluster, bool is_stranger) {
  char *key = gw_asprintf("%c%.*s", is_stranger ? 's' : 'o', GW_STR_ARG(cluster));
  struct share *share = gw_map_find(shares->by_key, gw_str_from(key));
  if (share != NULL) {
    free(key);
    return share;
  }
  share = gw_calloc(1, sizeof *share);
  share->shared = shares->base;
  share->shares = shares;
  share->key = key;
  share->shared.cache = gw_snapshot_cache_new_view(is_stranger ? get_stranger_cache(shares) : shares->base.cache, cluster);
  share->shared.name_sets = gw_name_sets_new(share->shared.cache);
  gw_list_init(&share->streams);
  share->watch = (struct gw_snapshot_watch){.fn = on_snapshot, .arg = share};
  gw_snapshot_cache_watch(share->shared.cache, &share->watch);
  gw_map_put(shares->by_key, gw_str_from(key), share);
  return share;
}

static void release_if_empty(struct share *share) {
  if (!gw_list_is_empty(&share->streams)) return;
  gw_map_remove(share->shares->by_key, gw_str_from(share->key));
  gw_list_remove(&share->watch.node);
  gw_name_sets_free(share->shared.name_sets);
  gw_snapshot_cache_free(share->shared.cache);
  free(share->key);
  free(share);
}

const struct gw_ads_shared *gw_ads_shares_base(const struct gw_ads_shares *shares) {
  return &shares->base;
}

void gw_ads_shares_add(struct gw_ads_shares *shares, struct gw_ads_stream *stream) {
  gw_list_add_last(&shares->unknown, &stream->link);
}

void gw_ads_shares_move(struct gw_ads_shares *shares, struct gw_ads_stream *stream, struct gw_str cluster, bool is_stranger) {
  struct share *share = get_share(shares, cluster, is_stranger);
  gw_list_remove(&stream->link);
  gw_list_add_last(&share->streams, &stream->link);
  stream->shared = &share->shared;
}

void gw_ads_shares_remove(struct gw_ads_shares *shares, struct gw_ads_stream *stream) {
  bool is_unknown = stream->shared == &shares->base;
  struct share *share = is_unknown ? NULL : GW_CONTAINER_OF(stream->shared, struct share, shared);
  gw_list_remove(&stream->link);
  gw_ads_stream_free(stream);
  if (!is_unknown) release_if_empty(share);
}
