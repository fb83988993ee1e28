#include "dataplane/server/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/event/timer.h"

struct gw_keys {
  struct gw_keys_options options;
  struct gw_map *by_id; /* → struct gw_key, one reference each */
  struct gw_key_table *table;
  bool are_known;
  uint64_t told_unknown;
  struct gw_timer tell;
};

static void on_tell(struct gw_timer *timer) {
  struct gw_keys *keys = GW_CONTAINER_OF(timer, struct gw_keys, tell);
  gw_keys_tell_now(keys);
  gw_timer_start(keys->options.loop, &keys->tell, GW_KEYS_TELL_MS);
}

struct gw_keys *gw_keys_new(const struct gw_keys_options *options) {
  struct gw_keys *keys = gw_calloc(1, sizeof(*keys));
  keys->options = *options;
  keys->by_id = gw_map_new();
  keys->table = gw_key_table_new();
  gw_timer_init(&keys->tell, on_tell);
  return keys;
}

void gw_keys_free(struct gw_keys *keys) {
  if (keys == NULL) return;
  gw_timer_stop(&keys->tell);
  size_t cursor = 0;
  struct gw_str id;
  void *key;
  while (gw_map_next(keys->by_id, &cursor, &id, &key))
    gw_key_unref(key);
  gw_map_free(keys->by_id);
  gw_key_table_unref(keys->table);
  free(keys);
}

/* ---- what the control plane says ---- */

static void remove_key(struct gw_keys *keys, struct gw_key_table *table, struct gw_str id) {
  struct gw_key *key = gw_map_remove(keys->by_id, id);
  if (key == NULL) return;
  gw_key_table_remove(table, key);
  gw_key_unref(key);
}

/* Uses of the one before are uses of this one. */
static void put_key(struct gw_keys *keys, struct gw_key_table *table, const struct gw_resource *resource, struct gw_str version) {
  char text[17];
  snprintf(text, sizeof(text), "%s", resource->version);
  if (version.len == sizeof(text) - 1) memcpy(text, version.data, version.len);
  struct gw_key *key = gw_key_new(resource->api_key, text);
  struct gw_key *before = gw_map_put(keys->by_id, resource->name, key);
  if (before != NULL) {
    atomic_store_explicit(&key->used_s, atomic_load_explicit(&before->used_s, memory_order_relaxed), memory_order_relaxed);
    key->told_s = before->told_s;
    gw_key_table_remove(table, before);
    gw_key_unref(before);
  }
  gw_key_table_add(table, key);
}

/* Of a state of the world: what it does not have is gone. */
static void remove_others(struct gw_keys *keys, struct gw_key_table *table, const struct gw_xds_key_changes *changes) {
  struct gw_map *stays = gw_map_new();
  for (uint32_t i = 0; i < changes->count; i++)
    gw_map_put(stays, changes->resources[i]->name, keys);
  struct gw_str *gone = gw_calloc(gw_map_count(keys->by_id) + 1, sizeof(*gone));
  uint32_t count = 0;
  size_t cursor = 0;
  void *value;
  while (gw_map_next(keys->by_id, &cursor, &gone[count], &value)) {
    gone[count] = ((struct gw_key *)value)->id;
    if (gw_map_find(stays, gone[count]) == NULL) count++;
  }
  for (uint32_t i = 0; i < count; i++)
    remove_key(keys, table, gone[i]);
  free(gone);
  gw_map_free(stays);
}

static void take(void *arg, const struct gw_xds_key_changes *changes) {
  struct gw_keys *keys = arg;
  struct gw_key_table *table = gw_key_table_edit(keys->table);
  if (changes->is_whole) remove_others(keys, table, changes);
  for (uint32_t i = 0; i < changes->removed_count; i++)
    remove_key(keys, table, changes->removed[i]);
  for (uint32_t i = 0; i < changes->count; i++)
    if (changes->resources[i] != NULL)
      put_key(keys, table, changes->resources[i], changes->versions != NULL ? changes->versions[i] : (struct gw_str){NULL, 0});
  gw_key_table_unref(keys->table);
  keys->table = table;
  if (!keys->are_known) gw_timer_start(keys->options.loop, &keys->tell, GW_KEYS_TELL_MS);
  keys->are_known = true;
  keys->options.publish(keys->options.arg, table);
}

static uint32_t held(void *arg, struct gw_arena *arena, const struct gw_str **ret_names, const struct gw_str **ret_versions) {
  const struct gw_keys *keys = arg;
  size_t room = gw_map_count(keys->by_id);
  struct gw_str *names = gw_arena_calloc(arena, room + 1, sizeof(*names)), *versions = gw_arena_calloc(arena, room + 1, sizeof(*versions));
  uint32_t count = 0;
  size_t cursor = 0;
  struct gw_str id;
  void *value;
  while (gw_map_next(keys->by_id, &cursor, &id, &value)) {
    const struct gw_key *key = value;
    names[count] = key->id;
    versions[count++] = gw_str_from(key->version);
  }
  *ret_names = names;
  *ret_versions = versions;
  return count;
}

struct gw_xds_key_calls gw_keys_calls(struct gw_keys *keys) {
  return (struct gw_xds_key_calls){.take = take, .held = held, .arg = keys};
}

bool gw_keys_are_known(const struct gw_keys *keys) {
  return keys->are_known;
}

uint32_t gw_keys_count(const struct gw_keys *keys) {
  return gw_key_table_count(keys->table);
}

/* ---- uses ---- */

void gw_keys_tell_now(struct gw_keys *keys) {
  uint64_t now_s = gw_loop_wall_us(keys->options.loop) / 1000000u;
  uint64_t unknown = keys->options.count_unknown(keys->options.arg);
  struct gw_agent_key_use *uses = gw_calloc(GW_KEYS_TOLD_MAX, sizeof(*uses));
  struct gw_key **told = gw_calloc(GW_KEYS_TOLD_MAX, sizeof(struct gw_key *));
  uint32_t count = 0;
  size_t cursor = 0;
  struct gw_str id;
  void *value;
  while (count < GW_KEYS_TOLD_MAX && gw_map_next(keys->by_id, &cursor, &id, &value)) {
    struct gw_key *key = value;
    uint64_t used_s = atomic_load_explicit(&key->used_s, memory_order_relaxed);
    if (used_s <= key->told_s) continue;
    uses[count] = (struct gw_agent_key_use){key->id, used_s < now_s ? (now_s - used_s) * 1000 : 0};
    told[count++] = key;
  }
  uint64_t more = unknown - keys->told_unknown;
  bool has_news = count > 0 || more > 0;
  if (has_news && keys->options.tell(keys->options.arg, uses, count, more < UINT32_MAX ? (uint32_t)more : UINT32_MAX)) {
    for (uint32_t i = 0; i < count; i++)
      told[i]->told_s = now_s - uses[i].age_ms / 1000; /* and not what a worker has written since */
    keys->told_unknown = unknown;
  }
  free(uses);
  free(told);
}
