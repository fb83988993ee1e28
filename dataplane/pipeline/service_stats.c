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

static void add_answers(uint64_t answers[GW_ANSWER_CLASSES], const uint64_t from[GW_ANSWER_CLASSES]) {
  for (size_t i = 0; i < GW_ANSWER_CLASSES; i++)
    answers[i] += from[i];
}

static void add_instance(struct gw_instance_stats *instance, const struct gw_instance_stats *from) {
  instance->requests_active += from->requests_active;
  add_answers(instance->answers, from->answers);
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

void gw_service_stats_merge(struct gw_service_stats *service, const struct gw_service_stats *from) {
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
  add_answers(service->departed_answers, from->departed_answers);
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

/* Of one service: how many have series of their own, and what the others have, those that are gone included. */
struct instances {
  uint32_t own_count;
  struct gw_instance_stats other;
};

/* Freed by the caller; by service. */
static struct instances *share_room(struct gw_service_stats *const *services, size_t service_count, uint32_t room, uint32_t *ret_left_out) {
  struct instances *shares = gw_calloc(service_count, sizeof(*shares));
  *ret_left_out = 0;
  for (size_t i = 0; i < service_count; i++) {
    const struct gw_service_stats *service = services[i];
    struct instances *share = &shares[i];
    share->own_count = service->instance_count < room ? service->instance_count : room;
    room -= share->own_count;
    *ret_left_out += service->instance_count - share->own_count;
    memcpy(share->other.address, "other", sizeof("other"));
    add_answers(share->other.answers, service->departed_answers);
    for (uint32_t k = share->own_count; k < service->instance_count; k++)
      add_instance(&share->other, &service->instances[k]);
  }
  return shares;
}

static void write_active(struct gw_metrics_writer *writer, struct gw_str service, const struct gw_instance_stats *instance) {
  struct gw_label labels[] = {{"service", service}, {"address", gw_str_from(instance->address)}};
  gw_metrics_u64(writer, "gateway_upstream_instance_requests", labels, GW_ARRAY_LEN(labels), instance->requests_active);
}

static void write_answers(struct gw_metrics_writer *writer, struct gw_str service, const struct gw_instance_stats *instance) {
  static const char *const classes[GW_ANSWER_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < GW_ANSWER_CLASSES; i++) {
    struct gw_label labels[] = {{"service", service}, {"address", gw_str_from(instance->address)}, {"code_class", gw_str_from(classes[i])}};
    if (instance->answers[i] == 0) continue;
    gw_metrics_u64(writer, "gateway_upstream_instance_answers_total", labels, GW_ARRAY_LEN(labels), instance->answers[i]);
  }
}

static uint32_t write_instances(struct gw_metrics_writer *writer, struct gw_service_stats *const *services, uint32_t room) {
  size_t count = 0;
  uint32_t left_out;
  while (services[count] != NULL)
    count++;
  GW_CLEANUP(gw_free_ptr) struct instances *shares = share_room(services, count, room, &left_out);
  gw_metrics_family(writer, "gateway_upstream_instance_requests", "gauge", "Requests that an instance is working on.");
  for (size_t i = 0; i < count; i++) {
    for (uint32_t k = 0; k < shares[i].own_count; k++)
      write_active(writer, services[i]->service, &services[i]->instances[k]);
    if (services[i]->instance_count > shares[i].own_count) write_active(writer, services[i]->service, &shares[i].other);
  }
  gw_metrics_family(writer, "gateway_upstream_instance_answers_total", "counter",
                    "Tries by instance and the class of its answer (none: it gave none).");
  for (size_t i = 0; i < count; i++) {
    for (uint32_t k = 0; k < shares[i].own_count; k++)
      write_answers(writer, services[i]->service, &services[i]->instances[k]);
    write_answers(writer, services[i]->service, &shares[i].other);
  }
  return left_out;
}

/* ---- all ---- */

static int by_name(const void *a, const void *b) {
  return gw_str_compare((*(const struct gw_service_stats *const *)a)->service, (*(const struct gw_service_stats *const *)b)->service);
}

/* Those beyond the bound become one; `services` has a place behind its last. Returns how many. */
static uint32_t fold_services(struct gw_service_stats **services, size_t count, uint32_t room, struct gw_service_stats *other) {
  if (count <= room) return 0;
  *other = (struct gw_service_stats){.service = GW_STR("other")};
  for (size_t i = room; i < count; i++)
    gw_service_stats_merge(other, services[i]);
  other->has_circuit_breaker = false;
  services[room] = other;
  services[room + 1] = NULL;
  return (uint32_t)(count - room);
}

void gw_service_stats_write(const struct gw_map *map, uint32_t max_series, struct gw_metrics_writer *writer,
                            uint32_t ret_left_out[GW_SERIES_KIND_COUNT]) {
  size_t count = gw_map_count(map);
  GW_CLEANUP(gw_free_ptr) struct gw_service_stats **services = (struct gw_service_stats **)gw_map_sorted_values(map, by_name);
  struct gw_service_stats other = {0};
  uint32_t room = gw_series_room(max_series, GW_SERIES_SERVICE);
  ret_left_out[GW_SERIES_SERVICE] = fold_services(services, count, room, &other);
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
  ret_left_out[GW_SERIES_INSTANCE] = write_instances(writer, services, gw_series_room(max_series, GW_SERIES_INSTANCE));
  free(other.instances);
}
