#include "controlplane/server/discovery.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/mem.h"
#include "controlplane/server/instance_records.h"

#define TURN_MS 10u

struct gw_discovery {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_guard *guard;
  struct gw_sources *sources;
  struct gw_registrations *registrations;
  struct gw_store *store;
  struct gw_instance_records *records;
};

struct gw_discovery *gw_discovery_new(struct gw_loop *loop, struct gw_log *log, struct gw_catalog *catalog,
                                      struct gw_huawei_clients *huawei) {
  struct gw_discovery *discovery = gw_calloc(1, sizeof(*discovery));
  discovery->loop = loop;
  discovery->log = log;
  discovery->guard = gw_guard_new(loop, log, catalog);
  discovery->sources = gw_sources_new(loop, log, discovery->guard, huawei);
  discovery->registrations = gw_registrations_new(loop, log);
  return discovery;
}

void gw_discovery_free(struct gw_discovery *discovery) {
  if (discovery == NULL) return;
  gw_registrations_free(discovery->registrations);
  gw_sources_free(discovery->sources);
  gw_instance_records_free(discovery->records);
  gw_guard_free(discovery->guard);
  free(discovery);
}

struct gw_guard *gw_discovery_guard(const struct gw_discovery *discovery) {
  return discovery->guard;
}
struct gw_sources *gw_discovery_sources(const struct gw_discovery *discovery) {
  return discovery->sources;
}
struct gw_registrations *gw_discovery_registrations(const struct gw_discovery *discovery) {
  return discovery->registrations;
}

void gw_discovery_remember(struct gw_discovery *discovery, struct gw_store *store) {
  discovery->store = store;
  discovery->records = gw_instance_records_new(discovery->loop, discovery->log, store, discovery->guard);
}

static bool waits_for_store(const struct gw_discovery *discovery) {
  return discovery->records != NULL && !gw_instance_records_are_read(discovery->records) &&
         gw_store_status(discovery->store)->state != GW_STORE_AWAY;
}

void gw_discovery_start(struct gw_discovery *discovery, const bool *is_stopping) {
  uint64_t began_ms = gw_loop_now_ms(discovery->loop);
  bool has_registries = gw_guard_count(discovery->guard, GW_GUARD_WAITING) > 0;
  while (has_registries && waits_for_store(discovery) && !*is_stopping &&
         gw_loop_now_ms(discovery->loop) - began_ms < GW_DISCOVERY_STORE_MS)
    gw_loop_run_once(discovery->loop, TURN_MS);
  gw_sources_start(discovery->sources);
  while (gw_guard_count(discovery->guard, GW_GUARD_WAITING) > 0 && !*is_stopping &&
         gw_loop_now_ms(discovery->loop) - began_ms < GW_DISCOVERY_START_MS)
    gw_loop_run_once(discovery->loop, TURN_MS);
  uint32_t silent = gw_guard_count(discovery->guard, GW_GUARD_WAITING);
  if (silent > 0) GW_LOG_WARNING(discovery->log, "registries have not said a word of %u services yet", silent);
}

static void write_answers(struct gw_metrics_writer *writer, const struct gw_source_status *sources, uint32_t count) {
  const char *family = "gateway_controlplane_source_answers_total";
  gw_metrics_family(writer, family, "counter", "What came of asking a source.");
  for (uint32_t i = 0; i < count; i++) {
    struct gw_label labels[] = {{"source", gw_str_from(sources[i].kind)}, {"result", GW_STR("answered")}};
    gw_metrics_u64(writer, family, labels, GW_ARRAY_LEN(labels), sources[i].answers_total);
    labels[1].value = GW_STR("failed");
    gw_metrics_u64(writer, family, labels, GW_ARRAY_LEN(labels), sources[i].failures_total);
  }
}

static void write_sources(const struct gw_discovery *discovery, struct gw_metrics_writer *writer) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  const struct gw_source_status *sources;
  uint32_t count = gw_sources_list(discovery->sources, &arena, &sources);
  gw_metrics_family(writer, "gateway_controlplane_source_watches", "gauge", "Services and texts that a source is asked for.");
  for (uint32_t i = 0; i < count; i++)
    gw_metrics_u64(writer, "gateway_controlplane_source_watches", &(struct gw_label){"source", gw_str_from(sources[i].kind)}, 1,
                   sources[i].watch_count);
  gw_metrics_family(writer, "gateway_controlplane_source_failing", "gauge", "Services and texts that a source can't be asked for.");
  for (uint32_t i = 0; i < count; i++)
    gw_metrics_u64(writer, "gateway_controlplane_source_failing", &(struct gw_label){"source", gw_str_from(sources[i].kind)}, 1,
                   sources[i].failing_count);
  write_answers(writer, sources, count);
  gw_arena_done(&arena);
}

void gw_discovery_write_metrics(const struct gw_discovery *discovery, struct gw_metrics_writer *writer) {
  static const char *const names[] = {"waiting", "live", "away", "held"};
  gw_metrics_family(writer, "gateway_controlplane_services", "gauge", "Services by what is known of their instances.");
  for (enum gw_guard_state state = GW_GUARD_WAITING; state <= GW_GUARD_HELD; state++) {
    const struct gw_label label = {"state", gw_str_from(names[state])};
    gw_metrics_u64(writer, "gateway_controlplane_services", &label, 1, gw_guard_count(discovery->guard, state));
  }
  write_sources(discovery, writer);
}
