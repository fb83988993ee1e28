/* Following the store: records become resources, and those the lists. */
#include "controlplane/store/api_keys.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/hmac.h"
#include "common/xds/codec.h"
#include "controlplane/store/api_keys_internal.h"

static void free_known(struct gw_known_key *known) {
  if (known == NULL) return;
  gw_resource_unref(known->resource);
  free(known);
}

static int compare_changes(const void *a, const void *b) {
  return gw_str_compare(((const struct gw_resource_change *)a)->name, ((const struct gw_resource_change *)b)->name);
}

static void change_list(struct gw_resource_list *list, const struct gw_resource_change *changes, uint32_t count) {
  struct gw_resource_list after = gw_resource_list_change(list, changes, count);
  gw_resource_list_unref(list);
  *list = after;
}

/* Brings the lists up to date, and tells. */
static void publish(struct gw_api_keys *keys) {
  uint32_t count = 0;
  struct gw_resource_change *changes = gw_calloc(gw_map_count(keys->changed) + 1, sizeof(*changes));
  size_t cursor = 0;
  void *value;
  while (gw_map_next(keys->changed, &cursor, &changes[count].name, &value)) {
    const struct gw_known_key *known = gw_api_keys_find(keys, changes[count].name);
    changes[count++].resource = known != NULL ? known->resource : NULL;
  }
  qsort(changes, count, sizeof(*changes), compare_changes);
  change_list(&keys->all, changes, count);
  for (uint32_t i = 0; i < count; i++)
    if (changes[i].resource != NULL && changes[i].resource->api_key->revoked_at_s != 0) changes[i].resource = NULL;
  change_list(&keys->live, changes, count);
  free(changes);
  gw_map_free(keys->changed);
  keys->changed = gw_map_new();
  keys->is_known = true;
  keys->options.on_live(keys->options.arg, &keys->live);
  gw_timer_start(keys->options.loop, &keys->publish, GW_API_KEYS_PUBLISH_MS);
}

static void on_publish(struct gw_timer *timer) {
  struct gw_api_keys *keys = GW_CONTAINER_OF(timer, struct gw_api_keys, publish);
  bool is_due = !keys->is_reading_all && gw_map_count(keys->changed) > 0;
  if (is_due) publish(keys);
}

/* A record that can't be read is no key: whoever has it is refused. */
static void take_record(struct gw_api_keys *keys, const struct gw_store_record *record) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_resource *resource = NULL;
  enum gw_err err = gw_xds_decode_api_key_bytes(record->body, &errors, &resource);
  if (err == GW_OK && !gw_str_equal(resource->name, record->id)) {
    gw_errors_add(&errors, "id", "is %.*s inside", GW_STR_ARG(resource->name));
    gw_resource_unref(resource);
    err = GW_ERR_INVALID;
  }
  gw_map_put(keys->changed, record->id, keys);
  if (err == GW_OK) {
    struct gw_known_key *known = gw_calloc(1, sizeof(*known));
    *known = (struct gw_known_key){.resource = resource, .change = record->change, .round = keys->round};
    free_known(gw_map_put(keys->by_id, record->id, known));
  } else {
    GW_LOG_ERROR(keys->options.log, "API key %.*s of the store can't be read, and does not count: %s: %s", GW_STR_ARG(record->id),
                 errors.count > 0 ? errors.items[0].place : "", errors.count > 0 ? errors.items[0].sentence : "it is none");
    free_known(gw_map_remove(keys->by_id, record->id));
  }
  gw_errors_done(&errors);
}

/* What reading all has not come upon is not there any more. */
static void drop_unseen(struct gw_api_keys *keys) {
  struct gw_str *gone = gw_calloc(gw_map_count(keys->by_id) + 1, sizeof(*gone));
  uint32_t count = 0;
  size_t cursor = 0;
  struct gw_str id;
  void *value;
  while (gw_map_next(keys->by_id, &cursor, &id, &value)) {
    const struct gw_known_key *known = value;
    if (known->round != keys->round) gone[count++] = known->resource->name;
  }
  for (uint32_t i = 0; i < count; i++) {
    gw_map_put(keys->changed, gone[i], keys);
    free_known(gw_map_remove(keys->by_id, gone[i]));
  }
  free(gone);
}

static void on_batch(void *arg, const struct gw_store_batch *batch) {
  struct gw_api_keys *keys = arg;
  if (batch->begins_whole) {
    keys->round++;
    keys->is_reading_all = true;
  }
  for (uint32_t i = 0; i < batch->count; i++)
    take_record(keys, &batch->records[i]);
  if (batch->ends_whole) {
    drop_unseen(keys);
    keys->is_reading_all = false;
    GW_LOG_INFO(keys->options.log, "%zu API keys are in the store", gw_map_count(keys->by_id));
  }
  bool is_first = batch->ends_whole && !keys->is_known;
  bool is_due = !keys->is_reading_all && !gw_timer_is_running(&keys->publish) && gw_map_count(keys->changed) > 0;
  if (is_first || is_due) publish(keys);
}

struct gw_api_keys *gw_api_keys_new(const struct gw_api_keys_options *options) {
  struct gw_api_keys *keys = gw_calloc(1, sizeof(*keys));
  keys->options = *options;
  keys->by_id = gw_map_new();
  keys->changed = gw_map_new();
  keys->all = gw_resource_list_new(NULL, 0);
  keys->live = gw_resource_list_new(NULL, 0);
  gw_timer_init(&keys->publish, on_publish);
  gw_store_follow(options->store, GW_STR(GW_API_KEYS_KIND), on_batch, keys);
  return keys;
}

void gw_api_keys_free(struct gw_api_keys *keys) {
  if (keys == NULL) return;
  gw_timer_stop(&keys->publish);
  size_t cursor = 0;
  struct gw_str id;
  void *known;
  while (gw_map_next(keys->by_id, &cursor, &id, &known))
    free_known(known);
  gw_map_free(keys->by_id);
  gw_map_free(keys->changed);
  gw_resource_list_unref(&keys->all);
  gw_resource_list_unref(&keys->live);
  gw_hmac_free(keys->pepper);
  free(keys);
}

void gw_api_keys_set_pepper(struct gw_api_keys *keys, struct gw_str pepper) {
  gw_hmac_free(keys->pepper);
  keys->pepper = gw_api_key_pepper_new(pepper);
}

const struct gw_resource_list *gw_api_keys_all(const struct gw_api_keys *keys) {
  return &keys->all;
}

bool gw_api_keys_are_known(const struct gw_api_keys *keys) {
  return keys->is_known;
}

const struct gw_store_status *gw_api_keys_store_status(const struct gw_api_keys *keys) {
  return gw_store_status(keys->options.store);
}

void gw_api_keys_note_uses(struct gw_api_keys *keys, const struct gw_store_use *uses, uint32_t count) {
  struct gw_store_use *known = gw_calloc(count + 1u, sizeof(*known));
  uint32_t known_count = 0;
  for (uint32_t i = 0; i < count; i++)
    if (gw_api_keys_find(keys, uses[i].id) != NULL) known[known_count++] = uses[i];
  if (known_count > 0) gw_store_note_uses(keys->options.store, GW_STR(GW_API_KEYS_KIND), known, known_count);
  free(known);
}

enum gw_err gw_api_keys_read_uses(struct gw_api_keys *keys, struct gw_str first, struct gw_str last, gw_store_uses_fn fn, void *arg) {
  return gw_store_read_uses(keys->options.store, GW_STR(GW_API_KEYS_KIND), first, last, fn, arg);
}
