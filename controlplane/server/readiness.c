#include "controlplane/server/readiness.h"

#include "common/base/arena.h"
#include "common/base/json.h"

static void put_text(struct gw_json_writer *json, const char *key, const char *value) {
  gw_json_key(json, key);
  gw_json_string(json, gw_str_from(value));
}

static void put_u64(struct gw_json_writer *json, const char *key, uint64_t value) {
  gw_json_key(json, key);
  gw_json_u64(json, value);
}

static void put_time(struct gw_json_writer *json, const char *key, uint64_t us, double unit_us) {
  gw_json_key(json, key);
  gw_json_double(json, (double)us / unit_us);
}

static void put_store(struct gw_json_writer *json, const struct gw_store_status *store) {
  static const char *const states[] = {[GW_STORE_CONNECTING] = "connecting", [GW_STORE_READY] = "ready", [GW_STORE_AWAY] = "away"};
  gw_json_key(json, "store");
  gw_json_object_begin(json);
  put_text(json, "state", states[store->state]);
  put_text(json, "url", store->url);
  put_u64(json, "waiting", store->waiting);
  if (store->last_us > 0) put_time(json, "latency_ms", store->last_us, 1e3);
  if (store->words != NULL) put_text(json, "trouble", store->words);
  gw_json_object_end(json);
}

static void put_sources(struct gw_json_writer *json, const struct gw_source_status *sources, uint32_t count, uint64_t now_us) {
  gw_json_key(json, "sources");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < count; i++) {
    gw_json_object_begin(json);
    put_text(json, "name", sources[i].kind);
    if (sources[i].where[0] != '\0') put_text(json, "address", sources[i].where);
    put_u64(json, "watches", sources[i].watch_count);
    put_u64(json, "failing", sources[i].failing_count);
    if (sources[i].answered_us > 0) put_time(json, "answered_seconds_ago", now_us - sources[i].answered_us, 1e6);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static bool are_failing(const struct gw_source_status *sources, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (sources[i].failing_count > 0) return true;
  return false;
}

static const char *name_state(const struct gw_snapshot *snapshot, bool is_stopping, bool is_degraded) {
  if (is_stopping) return "stopping";
  if (snapshot == NULL) return "starting";
  return is_degraded ? "degraded" : "ready";
}

bool gw_readiness_write(const struct gw_status_http_options *options, bool is_stopping, struct gw_strbuf *body) {
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(options->cache);
  const struct gw_store_status *store = gw_store_status(gw_storage_store(options->storage));
  uint64_t now_us = gw_loop_now_us(options->loop);
  size_t mistakes = gw_files_mistakes(options->files)->error_count;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  const struct gw_source_status *sources;
  uint32_t count = gw_sources_list(gw_discovery_sources(options->discovery), &arena, &sources);
  bool is_degraded = mistakes > 0 || store->state == GW_STORE_AWAY || are_failing(sources, count);
  struct gw_json_writer json;
  gw_json_writer_init(&json, body);
  gw_json_object_begin(&json);
  put_text(&json, "status", name_state(snapshot, is_stopping, is_degraded));
  put_text(&json, "version", snapshot != NULL ? snapshot->version : "");
  if (snapshot != NULL) put_time(&json, "age_seconds", now_us - gw_snapshot_cache_set_us(options->cache), 1e6);
  put_u64(&json, "errors", mistakes);
  put_u64(&json, "nodes", options->nodes->count);
  put_store(&json, store);
  put_sources(&json, sources, count, now_us);
  gw_json_object_end(&json);
  gw_arena_done(&arena);
  return snapshot != NULL && !is_stopping;
}
