#include "dataplane/admin/dump.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/consistency.h"
#include "common/model/listener.h"
#include "dataplane/admin/dump_model.h"

static void put_state(const struct gw_admin_state *state, uint64_t now_us, struct gw_json_writer *json) {
  gw_json_key(json, "node");
  gw_json_object_begin(json);
  gw_dump_text(json, "id", gw_str_from(state->node_id));
  gw_dump_text(json, "cluster", gw_str_from(state->node_cluster));
  gw_json_object_end(json);
  gw_dump_bool(json, "ready", state->is_ready);
  gw_dump_bool(json, "draining", state->is_draining);
  if (state->snapshot == NULL) return;
  char updated[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339(state->active_wall_us, updated);
  gw_dump_text(json, "version", gw_str_from(state->snapshot->version));
  gw_dump_text(json, "source", gw_str_from(state->source));
  gw_dump_number(json, "age_ms", now_us > state->active_us ? (now_us - state->active_us) / 1000 : 0);
  gw_dump_text(json, "updated", gw_str_from(updated));
}

static const char *readiness(const struct gw_admin_state *state) {
  if (state->is_draining) return "draining";
  if (state->is_ready) return "ready";
  return state->was_complete ? "waits for what it depends on" : "no full configuration has been active yet";
}

/* What the active configuration names, and was not sent. */
static void put_missing(const struct gw_snapshot *snapshot, struct gw_json_writer *json) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_consistency_check(snapshot, GW_CONSISTENCY_SERVED, &errors);
  GW_CLEANUP(gw_free_ptr) char *missing = gw_errors_format_line(&errors);
  gw_dump_text(json, "missing", gw_str_from(missing));
  gw_errors_done(&errors);
}

static void put_dependency(const struct gw_admin_dependency *dependency, struct gw_json_writer *json) {
  gw_json_object_begin(json);
  gw_dump_text(json, "name", gw_str_from(dependency->name));
  gw_dump_text(json, "address", gw_str_from(dependency->address));
  gw_dump_bool(json, "up", dependency->is_up);
  gw_dump_bool(json, "needed", dependency->is_needed);
  if (dependency->latency_us > 0) {
    gw_json_key(json, "latency_ms");
    gw_json_double(json, (double)dependency->latency_us / 1e3);
  }
  if (dependency->trouble[0] != '\0') gw_dump_text(json, "trouble", gw_str_from(dependency->trouble));
  gw_json_object_end(json);
}

void gw_dump_ready(const struct gw_admin_state *state, uint64_t now_us, struct gw_json_writer *json) {
  gw_json_object_begin(json);
  if (!state->is_ready) gw_dump_number(json, "error", 503);
  gw_dump_text(json, "message", gw_str_from(readiness(state)));
  put_state(state, now_us, json);
  gw_dump_bool(json, "complete", state->is_complete);
  if (state->snapshot != NULL && !state->is_complete) put_missing(state->snapshot, json);
  gw_json_key(json, "dependencies");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < state->dependency_count; i++)
    put_dependency(&state->dependencies[i], json);
  gw_json_array_end(json);
  gw_json_object_end(json);
}

static void put_resources(const struct gw_snapshot *snapshot, enum gw_resource_type type, const char *key, struct gw_json_writer *json) {
  gw_json_key(json, key);
  gw_json_array_begin(json);
  uint32_t count = snapshot != NULL ? snapshot->lists[type].count : 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_resource *resource = snapshot->lists[type].items[i];
    gw_json_object_begin(json);
    gw_dump_text(json, "name", resource->name);
    gw_dump_text(json, "version", gw_str_from(resource->version));
    switch (type) {
    case GW_RESOURCE_SECRET: gw_dump_secret(json, resource->secret); break;
    case GW_RESOURCE_LISTENER: gw_dump_listener(json, resource->listener); break;
    case GW_RESOURCE_ROUTE_CONFIG: gw_dump_route_config(json, resource->route_config); break;
    case GW_RESOURCE_CLUSTER: gw_dump_cluster(json, resource->cluster); break;
    case GW_RESOURCE_ENDPOINTS: gw_dump_endpoints(json, resource->endpoints); break;
    case GW_RESOURCE_API_KEY: break; /* not shown: who has which rights is nobody's business */
    }
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

static void put_refusals(const struct gw_admin_calls *calls, struct gw_json_writer *json) {
  const char *type_url, *resource, *reason;
  gw_json_key(json, "refused");
  gw_json_array_begin(json);
  for (uint32_t i = 0; calls->get_refusal(calls->arg, i, &type_url, &resource, &reason); i++) {
    gw_json_object_begin(json);
    gw_dump_text(json, "type_url", gw_str_from(type_url));
    gw_dump_text(json, "name", gw_str_from(resource));
    gw_dump_text(json, "reason", gw_str_from(reason));
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
}

void gw_dump_config(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us, struct gw_json_writer *json) {
  gw_json_object_begin(json);
  put_state(state, now_us, json);
  put_resources(state->snapshot, GW_RESOURCE_LISTENER, "listeners", json);
  put_resources(state->snapshot, GW_RESOURCE_ROUTE_CONFIG, "route_configs", json);
  put_resources(state->snapshot, GW_RESOURCE_CLUSTER, "clusters", json);
  put_resources(state->snapshot, GW_RESOURCE_ENDPOINTS, "endpoints", json);
  put_resources(state->snapshot, GW_RESOURCE_SECRET, "secrets", json);
  put_refusals(calls, json);
  gw_json_object_end(json);
}

/* ---- clusters ---- */

static void put_health(const struct gw_admin_calls *calls, struct gw_str cluster, const struct gw_address *address,
                       struct gw_json_writer *json) {
  struct gw_admin_health health;
  char text[GW_ADDRESS_TEXT_SIZE];
  if (!calls->get_health(calls->arg, cluster, address, &health)) return;
  gw_json_object_begin(json);
  gw_dump_text(json, "address", gw_address_format(address, text));
  gw_dump_bool(json, "usable", health.is_usable);
  if (health.check != NULL) {
    gw_dump_text(json, "check", gw_str_from(health.check));
    gw_dump_text(json, "last_failure", gw_str_from(health.check_reason));
  }
  gw_dump_bool(json, "ejected", health.is_ejected);
  if (health.is_ejected) gw_dump_number(json, "ejected_for_ms", health.ejected_for_ms);
  if (health.ejection_cause != NULL) gw_dump_text(json, "last_ejection", gw_str_from(health.ejection_cause));
  if (health.success_rate >= 0) gw_dump_number(json, "success_percent", (uint64_t)health.success_rate);
  gw_json_object_end(json);
}

static void put_health_of(const struct gw_admin_calls *calls, const struct gw_cluster *cluster, const struct gw_endpoint *endpoint,
                          struct gw_json_writer *json) {
  if (cluster->health_check == NULL && cluster->outlier == NULL) return;
  const struct gw_address *addresses = NULL;
  struct gw_address address;
  uint32_t count = 0;
  if (cluster->kind == GW_CLUSTER_STRICT_DNS) {
    count = calls->get_addresses(calls->arg, endpoint->address, endpoint->port, &addresses);
  } else if (gw_address_parse_ip(endpoint->address, endpoint->port, &address) == GW_OK) {
    addresses = &address;
    count = 1;
  }
  gw_json_key(json, "health");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < count; i++)
    put_health(calls, cluster->name, &addresses[i], json);
  gw_json_array_end(json);
}

static void put_resolved(const struct gw_admin_calls *calls, const struct gw_endpoint *endpoint, struct gw_json_writer *json) {
  const struct gw_address *addresses = NULL;
  uint32_t count = calls->get_addresses(calls->arg, endpoint->address, endpoint->port, &addresses);
  gw_json_key(json, "resolved");
  gw_json_array_begin(json);
  for (uint32_t i = 0; i < count; i++) {
    char text[GW_ADDRESS_TEXT_SIZE];
    gw_json_string(json, gw_address_format(&addresses[i], text));
  }
  gw_json_array_end(json);
}

static const struct gw_endpoints *endpoints_of(const struct gw_snapshot *snapshot, const struct gw_cluster *cluster) {
  if (cluster->kind != GW_CLUSTER_EDS) return cluster->inline_endpoints;
  const struct gw_resource *resource = gw_snapshot_find(snapshot, GW_RESOURCE_ENDPOINTS, cluster->eds_service_name);
  return resource != NULL ? resource->endpoints : NULL;
}

static void put_circuit(const struct gw_admin_cluster *now, struct gw_json_writer *json) {
  gw_json_key(json, "circuit_breaker");
  gw_json_object_begin(json);
  gw_dump_text(json, "state", gw_str_from(now->circuit_state));
  gw_dump_number(json, "open_left_ms", now->open_left_ms);
  gw_dump_number(json, "window_requests", now->window_requests);
  gw_dump_number(json, "window_failures", now->window_failures);
  gw_dump_number(json, "probes", now->probes);
  gw_dump_number(json, "successes", now->successes);
  gw_json_object_end(json);
}

static void put_activity(const struct gw_admin_calls *calls, const struct gw_cluster *cluster, struct gw_json_writer *json) {
  struct gw_admin_cluster now;
  if (!calls->get_cluster(calls->arg, cluster->name, &now)) return;
  if (now.circuit_state != NULL) put_circuit(&now, json);
  if (cluster->limits == NULL) return;
  gw_json_key(json, "usage");
  gw_json_object_begin(json);
  gw_dump_number(json, "connections", now.connections);
  gw_dump_number(json, "pending_requests", now.pending_requests);
  gw_dump_number(json, "requests", now.requests);
  gw_json_object_end(json);
}

void gw_dump_clusters(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us,
                      struct gw_json_writer *json) {
  (void)now_us;
  gw_json_object_begin(json);
  gw_json_key(json, "clusters");
  gw_json_array_begin(json);
  uint32_t count = state->snapshot != NULL ? state->snapshot->lists[GW_RESOURCE_CLUSTER].count : 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_cluster *cluster = state->snapshot->lists[GW_RESOURCE_CLUSTER].items[i]->cluster;
    const struct gw_endpoints *endpoints = endpoints_of(state->snapshot, cluster);
    gw_json_object_begin(json);
    gw_dump_text(json, "name", cluster->name);
    gw_dump_text(json, "kind", gw_dump_cluster_kind(cluster));
    gw_dump_bool(json, "known", endpoints != NULL);
    put_activity(calls, cluster, json);
    gw_json_key(json, "endpoints");
    gw_json_array_begin(json);
    for (uint32_t k = 0; endpoints != NULL && k < endpoints->count; k++) {
      gw_json_object_begin(json);
      gw_dump_endpoint(json, &endpoints->items[k]);
      if (cluster->kind == GW_CLUSTER_STRICT_DNS) put_resolved(calls, &endpoints->items[k], json);
      put_health_of(calls, cluster, &endpoints->items[k], json);
      gw_json_object_end(json);
    }
    gw_json_array_end(json);
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
  gw_json_object_end(json);
}

/* ---- listeners ---- */

void gw_dump_listeners(const struct gw_admin_state *state, const struct gw_admin_calls *calls, uint64_t now_us,
                       struct gw_json_writer *json) {
  (void)now_us;
  gw_json_object_begin(json);
  gw_json_key(json, "listeners");
  gw_json_array_begin(json);
  uint32_t count = state->snapshot != NULL ? state->snapshot->lists[GW_RESOURCE_LISTENER].count : 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_listener *listener = state->snapshot->lists[GW_RESOURCE_LISTENER].items[i]->listener;
    struct gw_address bound;
    char text[GW_ADDRESS_TEXT_SIZE];
    gw_json_object_begin(json);
    gw_dump_text(json, "name", listener->name);
    gw_dump_listener_address(json, listener);
    gw_json_key(json, "bound");
    if (calls->get_bound(calls->arg, listener->name, &bound)) {
      gw_json_string(json, gw_address_format(&bound, text));
    } else {
      gw_json_null(json);
    }
    gw_json_object_end(json);
  }
  gw_json_array_end(json);
  gw_json_object_end(json);
}
