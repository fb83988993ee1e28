#include "dataplane/pipeline/service_stats.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

uint32_t gw_series_room(uint32_t max_series, enum gw_series_kind kind) {
  static const struct {
    uint32_t fifths;
    uint32_t series; /* the most that one has */
  } shares[] = {
      [GW_SERIES_ROUTE] = {3, GW_ROUTE_SERIES},
      [GW_SERIES_SERVICE] = {1, GW_SERVICE_SERIES},
      [GW_SERIES_INSTANCE] = {1, GW_ANSWER_CLASSES + 1},
  };
  uint64_t room = (uint64_t)max_series * shares[kind].fifths / 5 / shares[kind].series;
  return room > 0 ? (uint32_t)room - 1 : 0; /* one place is that of "other" */
}

/* ---- adding up ---- */

/* Its state is the same to all workers, but that they were asked one after the other. */
static void merge_circuit(struct gw_service_stats *service, const struct gw_service_stats *from) {
  if (!from->has_circuit_breaker) return;
  service->has_circuit_breaker = true;
  service->circuit_state = from->circuit_state;
  service->circuit_refusals_total += from->circuit_refusals_total;
  for (size_t i = 0; i < GW_ARRAY_LEN(service->circuit_changes_total); i++)
    service->circuit_changes_total[i] += from->circuit_changes_total[i];
}

static void add_instance(struct gw_instance_stats *instance, const struct gw_instance_stats *from) {
  instance->requests_active += from->requests_active;
  for (size_t i = 0; i < GW_ANSWER_CLASSES; i++)
    instance->answers[i] += from->answers[i];
}

static void add_to_others(struct gw_service_stats *service, const struct gw_instance_stats *instances, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    add_instance(&service->others, &instances[i]);
}

/* Both are sorted by address, and so is what comes of it. */
static void merge_instances(struct gw_service_stats *service, const struct gw_service_stats *from) {
  uint32_t size = service->instance_count + from->instance_count, count = 0, a = 0, b = 0;
  if (from->instance_count == 0) return;
  struct gw_instance_stats *merged = gw_calloc(size, sizeof(*merged));
  while (a < service->instance_count || b < from->instance_count) {
    int order = a == service->instance_count ? 1 : b == from->instance_count ? -1 : 0;
    if (order == 0) order = strcmp(service->instances[a].address, from->instances[b].address);
    merged[count] = order <= 0 ? service->instances[a++] : from->instances[b++];
    if (order == 0) add_instance(&merged[count], &from->instances[b++]);
    count++;
  }
  free(service->instances);
  service->instances = merged;
  service->instance_count = count;
}

/* All but the instances. */
static void merge_totals(struct gw_service_stats *service, const struct gw_service_stats *from) {
  service->connections_active += from->connections_active;
  service->connections_total += from->connections_total;
  service->connect_failures_total += from->connect_failures_total;
  service->requests_active += from->requests_active;
  service->retries_total += from->retries_total;
  for (size_t i = 0; i < GW_ARRAY_LEN(service->overflows_total); i++)
    service->overflows_total[i] += from->overflows_total[i];
  merge_circuit(service, from);
  service->retries_refused_total += from->retries_refused_total;
  service->retries_exhausted_total += from->retries_exhausted_total;
  service->try_timeouts_total += from->try_timeouts_total;
  gw_histogram_merge(&service->response_times, &from->response_times);
  add_instance(&service->others, &from->others);
}

void gw_service_stats_merge(struct gw_service_stats *service, const struct gw_service_stats *from) {
  merge_totals(service, from);
  merge_instances(service, from);
}

/* ---- writing ---- */

struct service_family {
  const char *name;
  const char *type;
  const char *help;
  size_t offset; /* of the uint64_t in gw_service_stats */
};

static const struct service_family service_families[] = {
    {"gateway_upstream_connections", "gauge", "Open connections to a service, idle ones too.",
     offsetof(struct gw_service_stats, connections_active)},
    {"gateway_upstream_connections_total", "counter", "Connections begun to a service.",
     offsetof(struct gw_service_stats, connections_total)},
    {"gateway_upstream_connect_failures_total", "counter", "Connections to a service that could not be made.",
     offsetof(struct gw_service_stats, connect_failures_total)},
    {"gateway_upstream_requests", "gauge", "Requests that a service is working on.", offsetof(struct gw_service_stats, requests_active)},
    {"gateway_upstream_retries_total", "counter", "Requests sent once more.", offsetof(struct gw_service_stats, retries_total)},
    {"gateway_upstream_retries_refused_total", "counter", "Retries that the retry budget did not allow.",
     offsetof(struct gw_service_stats, retries_refused_total)},
    {"gateway_upstream_retries_exhausted_total", "counter", "Requests that failed though all their retries were made.",
     offsetof(struct gw_service_stats, retries_exhausted_total)},
    {"gateway_upstream_try_timeouts_total", "counter", "Tries that were given up for taking too long.",
     offsetof(struct gw_service_stats, try_timeouts_total)},
};

static void write_overflows(struct gw_metrics_writer *writer, struct gw_service_stats *const *services) {
  const char *family = "gateway_upstream_overflows_total";
  gw_metrics_family(writer, family, "counter",
                    "Limits of a service that were reached; max_connections makes requests wait, the others refuse them.");
  for (size_t i = 0; services[i] != NULL; i++) {
    for (uint32_t limit = 0; limit < GW_CONCURRENCY_COUNT; limit++) {
      struct gw_label labels[] = {{"service", services[i]->service},
                                  {"limit", gw_str_from(gw_concurrency_name((enum gw_concurrency)limit))}};
      gw_metrics_u64(writer, family, labels, GW_ARRAY_LEN(labels), services[i]->overflows_total[limit]);
    }
  }
}

static void write_circuit_changes(struct gw_metrics_writer *writer, const struct gw_service_stats *service, const char *family) {
  for (uint32_t state = 0; state < GW_ARRAY_LEN(service->circuit_changes_total); state++) {
    struct gw_label labels[] = {{"service", service->service}, {"state", gw_str_from(gw_circuit_state_name((enum gw_circuit_state)state))}};
    gw_metrics_u64(writer, family, labels, GW_ARRAY_LEN(labels), service->circuit_changes_total[state]);
  }
}

static void write_circuits(struct gw_metrics_writer *writer, struct gw_service_stats *const *services) {
  static const char *const families[][3] = {
      {"gateway_circuit_breaker_state", "gauge", "0: closed, 1: open, 2: half-open."},
      {"gateway_circuit_breaker_changes_total", "counter", "How often a service's circuit breaker went into a state."},
      {"gateway_circuit_breaker_refusals_total", "counter", "Requests that it answered with 503."},
  };
  for (size_t f = 0; f < GW_ARRAY_LEN(families); f++) {
    const char *family = families[f][0];
    gw_metrics_family(writer, family, families[f][1], families[f][2]);
    for (size_t i = 0; services[i] != NULL; i++) {
      struct gw_label label = {"service", services[i]->service};
      if (!services[i]->has_circuit_breaker) continue;
      if (f == 0) gw_metrics_u64(writer, family, &label, 1, services[i]->circuit_state);
      if (f == 1) write_circuit_changes(writer, services[i], family);
      if (f == 2) gw_metrics_u64(writer, family, &label, 1, services[i]->circuit_refusals_total);
    }
  }
}

static void write_response_times(struct gw_metrics_writer *writer, struct gw_service_stats *const *services) {
  const char *family = "gateway_upstream_response_seconds";
  gw_metrics_family(writer, family, "histogram", "From a try's begin, connecting included, to the head of a service's answer.");
  for (size_t i = 0; services[i] != NULL; i++) {
    struct gw_label label = {"service", services[i]->service};
    gw_metrics_histogram(writer, family, &label, 1, &services[i]->response_times);
  }
}

/* ---- instances ---- */

/* Tells no more than `room` of all services apart: the others of each are put together. Returns how many these are. */
static uint32_t share_room(struct gw_service_stats *const *services, uint32_t room) {
  uint32_t left_out = 0;
  for (size_t i = 0; services[i] != NULL; i++) {
    struct gw_service_stats *service = services[i];
    uint32_t own = service->instance_count < room ? service->instance_count : room;
    add_to_others(service, service->instances + own, service->instance_count - own);
    left_out += service->instance_count - own;
    service->instance_count = own;
    room -= own;
  }
  return left_out;
}

static void write_active(struct gw_metrics_writer *writer, struct gw_str service, const char *address, uint64_t count) {
  struct gw_label labels[] = {{"service", service}, {"address", gw_str_from(address)}};
  gw_metrics_u64(writer, "gateway_upstream_instance_requests", labels, GW_ARRAY_LEN(labels), count);
}

static void write_answers(struct gw_metrics_writer *writer, struct gw_str service, const char *address,
                          const uint64_t answers[GW_ANSWER_CLASSES]) {
  static const char *const classes[GW_ANSWER_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < GW_ANSWER_CLASSES; i++) {
    struct gw_label labels[] = {{"service", service}, {"address", gw_str_from(address)}, {"code_class", gw_str_from(classes[i])}};
    if (answers[i] == 0) continue;
    gw_metrics_u64(writer, "gateway_upstream_instance_answers_total", labels, GW_ARRAY_LEN(labels), answers[i]);
  }
}

static void write_instances(struct gw_metrics_writer *writer, struct gw_service_stats *const *services) {
  gw_metrics_family(writer, "gateway_upstream_instance_requests", "gauge", "Requests that an instance is working on.");
  for (size_t i = 0; services[i] != NULL; i++) {
    const struct gw_service_stats *service = services[i];
    for (uint32_t k = 0; k < service->instance_count; k++)
      write_active(writer, service->service, service->instances[k].address, service->instances[k].requests_active);
    if (service->others.requests_active > 0) write_active(writer, service->service, "other", service->others.requests_active);
  }
  gw_metrics_family(writer, "gateway_upstream_instance_answers_total", "counter",
                    "Tries by instance and the class of its answer (none: it gave none).");
  for (size_t i = 0; services[i] != NULL; i++) {
    const struct gw_service_stats *service = services[i];
    for (uint32_t k = 0; k < service->instance_count; k++)
      write_answers(writer, service->service, service->instances[k].address, service->instances[k].answers);
    write_answers(writer, service->service, "other", service->others.answers);
  }
}

/* ---- all ---- */

static int by_name(const void *a, const void *b) {
  return gw_str_compare((*(const struct gw_service_stats *const *)a)->service, (*(const struct gw_service_stats *const *)b)->service);
}

/* Those beyond the bound become one, whose instances are not told apart. `services` has a place behind its last. */
static void fold_services(struct gw_service_stats **services, size_t count, uint32_t room, struct gw_service_stats *other,
                          uint32_t left_out[GW_SERIES_KIND_COUNT]) {
  if (count <= room) return;
  *other = (struct gw_service_stats){.service = GW_STR("other")};
  for (size_t i = room; i < count; i++) {
    merge_totals(other, services[i]);
    add_to_others(other, services[i]->instances, services[i]->instance_count);
    left_out[GW_SERIES_INSTANCE] += services[i]->instance_count;
  }
  other->has_circuit_breaker = false;
  services[room] = other;
  services[room + 1] = NULL;
  left_out[GW_SERIES_SERVICE] = (uint32_t)(count - room);
}

void gw_service_stats_write(struct gw_map *map, uint32_t max_series, struct gw_metrics_writer *writer,
                            uint32_t ret_left_out[GW_SERIES_KIND_COUNT]) {
  GW_CLEANUP(gw_free_ptr) struct gw_service_stats **services = (struct gw_service_stats **)gw_map_sorted_values(map, by_name);
  struct gw_service_stats other;
  ret_left_out[GW_SERIES_SERVICE] = ret_left_out[GW_SERIES_INSTANCE] = 0;
  fold_services(services, gw_map_count(map), gw_series_room(max_series, GW_SERIES_SERVICE), &other, ret_left_out);
  ret_left_out[GW_SERIES_INSTANCE] += share_room(services, gw_series_room(max_series, GW_SERIES_INSTANCE));
  for (size_t f = 0; f < GW_ARRAY_LEN(service_families); f++) {
    const struct service_family *family = &service_families[f];
    gw_metrics_family(writer, family->name, family->type, family->help);
    for (size_t i = 0; services[i] != NULL; i++) {
      struct gw_label label = {"service", services[i]->service};
      const uint64_t *value = (const uint64_t *)(const void *)((const char *)services[i] + family->offset);
      gw_metrics_u64(writer, family->name, &label, 1, *value);
    }
  }
  write_overflows(writer, services);
  write_circuits(writer, services);
  write_response_times(writer, services);
  write_instances(writer, services);
}
