#include "dataplane/cluster/frozen_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/cluster/tls_build.h"

/* By IP and port; equal addresses of several priorities: the best first, so that it is the one kept. */
static int compare_endpoints(const void *a, const void *b) {
  const struct gw_frozen_endpoint *x = a;
  const struct gw_frozen_endpoint *y = b;
  int order = gw_str_compare(x->text, y->text);
  if (order != 0) return order;
  return (x->priority > y->priority) - (x->priority < y->priority);
}

static void add_endpoint(struct gw_frozen_cluster *cluster, const struct gw_endpoint *endpoint, const struct gw_address *address) {
  char text[GW_ADDRESS_TEXT_SIZE];
  cluster->endpoints[cluster->endpoint_count++] = (struct gw_frozen_endpoint){
      .address = *address,
      .text = gw_arena_copy(&cluster->arena, gw_address_format(address, text)),
      .weight = endpoint->weight > 0 ? endpoint->weight : 1,
      .priority = endpoint->priority,
      .is_healthy = !endpoint->is_unhealthy,
      .is_wanted = !endpoint->is_unhealthy,
  };
}

static bool add_numeric(struct gw_frozen_cluster *cluster, const struct gw_endpoints *endpoints, struct gw_errors *errors) {
  cluster->endpoints = gw_arena_calloc(&cluster->arena, endpoints->count, sizeof(*cluster->endpoints));
  for (uint32_t i = 0; i < endpoints->count; i++) {
    const struct gw_endpoint *endpoint = &endpoints->items[i];
    struct gw_address address;
    if (gw_address_parse_ip(endpoint->address, endpoint->port, &address) != GW_OK) {
      GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("cluster %.*s", GW_STR_ARG(cluster->model->name));
      gw_errors_add(errors, place, "endpoint address \"%.*s\" is not an IP address", GW_STR_ARG(endpoint->address));
      return false;
    }
    add_endpoint(cluster, endpoint, &address);
  }
  return true;
}

static void add_resolved(struct gw_frozen_cluster *cluster, const struct gw_endpoints *endpoints, const struct gw_dns_clusters *dns) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < endpoints->count; i++) {
    const struct gw_address *addresses;
    total += gw_dns_clusters_addresses(dns, endpoints->items[i].address, endpoints->items[i].port, &addresses);
  }
  cluster->endpoints = gw_arena_calloc(&cluster->arena, total, sizeof(*cluster->endpoints));
  for (uint32_t i = 0; i < endpoints->count; i++) {
    const struct gw_address *addresses;
    uint32_t count = gw_dns_clusters_addresses(dns, endpoints->items[i].address, endpoints->items[i].port, &addresses);
    for (uint32_t j = 0; j < count; j++)
      add_endpoint(cluster, &endpoints->items[i], &addresses[j]);
  }
}

static void sort_endpoints(struct gw_frozen_cluster *cluster) {
  if (cluster->endpoint_count == 0) return;
  qsort(cluster->endpoints, cluster->endpoint_count, sizeof(*cluster->endpoints), compare_endpoints);
  uint32_t kept = 1;
  for (uint32_t i = 1; i < cluster->endpoint_count; i++) {
    if (gw_str_equal(cluster->endpoints[i].text, cluster->endpoints[kept - 1].text)) continue;
    cluster->endpoints[kept++] = cluster->endpoints[i];
  }
  cluster->endpoint_count = kept;
}

/* Both are sorted by address. */
static void set_fresh(struct gw_frozen_cluster *cluster, const struct gw_frozen_cluster *previous, uint64_t now_ms) {
  uint32_t at = 0;
  for (uint32_t i = 0; previous != NULL && i < cluster->endpoint_count; i++) {
    struct gw_frozen_endpoint *endpoint = &cluster->endpoints[i];
    int order = -1;
    while (at < previous->endpoint_count && (order = gw_str_compare(previous->endpoints[at].text, endpoint->text)) < 0)
      at++;
    bool was_healthy = at < previous->endpoint_count && order == 0 && previous->endpoints[at].is_healthy;
    endpoint->fresh_ms = was_healthy ? previous->endpoints[at].fresh_ms : now_ms;
  }
}

static void attach_hosts(struct gw_frozen_cluster *cluster, struct gw_health *health) {
  for (uint32_t i = 0; i < cluster->endpoint_count; i++) {
    struct gw_frozen_endpoint *endpoint = &cluster->endpoints[i];
    endpoint->host = gw_health_attach(health, cluster->model, endpoint->text);
    endpoint->is_healthy = endpoint->is_wanted && (endpoint->host == NULL || endpoint->host->is_usable);
    endpoint->is_new = endpoint->is_wanted && endpoint->host != NULL && endpoint->host->is_new;
  }
}

/* Those who were well when it was built are, and nobody else. */
static bool has_same_health(const struct gw_frozen_cluster *cluster) {
  for (uint32_t i = 0; i < cluster->endpoint_count; i++) {
    const struct gw_frozen_endpoint *endpoint = &cluster->endpoints[i];
    if (endpoint->host == NULL) return true; /* then none has */
    if (!endpoint->is_wanted) continue;
    if (endpoint->is_healthy != endpoint->host->is_usable || endpoint->is_new != endpoint->host->is_new) return false;
  }
  return true;
}

static bool same_resource(const struct gw_resource *a, const struct gw_resource *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a->version, b->version) == 0);
}

static bool same_endpoints(const struct gw_frozen_cluster *a, const struct gw_frozen_cluster *b) {
  if (a->endpoint_count != b->endpoint_count) return false;
  for (uint32_t i = 0; i < a->endpoint_count; i++)
    if (!gw_str_equal(a->endpoints[i].text, b->endpoints[i].text)) return false;
  return true;
}

/* The same cluster with the same secrets. */
static bool has_same_tls(const struct gw_frozen_cluster *previous, const struct gw_snapshot *snapshot, const struct gw_resource *resource) {
  if (!same_resource(previous->cluster_resource, resource)) return false;
  if (resource->cluster->tls == NULL) return true;
  struct gw_arena scratch;
  gw_arena_init(&scratch, 256);
  bool is_same = gw_str_equal(previous->tls_version, gw_tls_build_version(snapshot, resource, &scratch));
  gw_arena_done(&scratch);
  return is_same;
}

/* `same` (may be NULL): a cluster whose context will do. */
static void build_tls(struct gw_frozen_cluster *cluster, const struct gw_snapshot *snapshot, const struct gw_frozen_cluster *same,
                      struct gw_errors *errors) {
  cluster->tls_version = gw_tls_build_version(snapshot, cluster->cluster_resource, &cluster->arena);
  if (same != NULL && same->tls != NULL) {
    cluster->tls = gw_tls_context_ref(same->tls);
    return;
  }
  GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("cluster %.*s", GW_STR_ARG(cluster->model->name));
  cluster->tls = gw_tls_build_client(snapshot, cluster->model, place, errors);
}

/* What lasts longer than a configuration. */
static void carry_over(struct gw_frozen_cluster *cluster, const struct gw_frozen_cluster *previous) {
  const struct gw_circuit_breaking *breaking = cluster->model->breaking;
  struct gw_circuit_breaker *breaker = previous != NULL ? previous->breaker : NULL;
  cluster->usage = previous != NULL ? gw_upstream_usage_ref(previous->usage) : gw_upstream_usage_new();
  if (breaking == NULL) return;
  bool is_same = breaker != NULL && gw_circuit_breaking_equal(gw_circuit_breaker_settings(breaker), breaking);
  cluster->breaker = is_same ? gw_circuit_breaker_ref(breaker) : gw_circuit_breaker_new(breaking);
}

struct gw_frozen_cluster *gw_frozen_cluster_build(const struct gw_snapshot *snapshot, struct gw_resource *resource,
                                                  const struct gw_dns_clusters *dns, struct gw_health *health,
                                                  struct gw_frozen_cluster *previous, uint64_t now_ms, struct gw_errors *errors) {
  const struct gw_cluster *model = resource->cluster;
  struct gw_resource *assignment = NULL;
  if (model->kind == GW_CLUSTER_EDS)
    assignment = (struct gw_resource *)gw_snapshot_find(snapshot, GW_RESOURCE_ENDPOINTS, model->eds_service_name);
  bool is_same_tls = previous != NULL && has_same_tls(previous, snapshot, resource);
  bool is_same = is_same_tls && same_resource(previous->endpoints_resource, assignment) && has_same_health(previous);
  if (is_same && model->kind != GW_CLUSTER_STRICT_DNS) return gw_frozen_cluster_ref(previous);

  struct gw_frozen_cluster *cluster = gw_calloc(1, sizeof(*cluster));
  cluster->refs = 1;
  cluster->model = model;
  cluster->cluster_resource = gw_resource_ref(resource);
  if (assignment != NULL) cluster->endpoints_resource = gw_resource_ref(assignment);
  gw_arena_init(&cluster->arena, 512);
  cluster->retry_budget = previous != NULL ? gw_retry_budget_ref(previous->retry_budget) : gw_retry_budget_new();
  if (model->tls != NULL) build_tls(cluster, snapshot, is_same_tls ? previous : NULL, errors);
  const struct gw_endpoints *endpoints = assignment != NULL ? assignment->endpoints : model->inline_endpoints;
  bool is_good = true;
  if (model->tls != NULL && cluster->tls == NULL) endpoints = NULL; /* no plaintext instead */
  if (endpoints != NULL && model->kind == GW_CLUSTER_STRICT_DNS) {
    add_resolved(cluster, endpoints, dns);
  } else if (endpoints != NULL) {
    is_good = add_numeric(cluster, endpoints, errors);
  }
  if (!is_good) {
    gw_frozen_cluster_unref(cluster);
    return NULL;
  }
  sort_endpoints(cluster);
  if (is_same && same_endpoints(previous, cluster)) {
    gw_frozen_cluster_unref(cluster);
    return gw_frozen_cluster_ref(previous);
  }
  attach_hosts(cluster, health);
  set_fresh(cluster, previous, now_ms);
  carry_over(cluster, previous);
  cluster->load = gw_load_build(&model->balancing, cluster->endpoints, cluster->endpoint_count);
  return cluster;
}

struct gw_frozen_cluster *gw_frozen_cluster_ref(struct gw_frozen_cluster *cluster) {
  atomic_fetch_add_explicit(&cluster->refs, 1, memory_order_relaxed);
  return cluster;
}

void gw_frozen_cluster_unref(struct gw_frozen_cluster *cluster) {
  if (cluster == NULL || atomic_fetch_sub_explicit(&cluster->refs, 1, memory_order_acq_rel) != 1) return;
  gw_resource_unref(cluster->cluster_resource);
  gw_resource_unref(cluster->endpoints_resource);
  gw_tls_context_unref(cluster->tls);
  gw_load_free(cluster->load);
  gw_upstream_usage_unref(cluster->usage);
  gw_circuit_breaker_unref(cluster->breaker);
  gw_retry_budget_unref(cluster->retry_budget);
  for (uint32_t i = 0; i < cluster->endpoint_count; i++)
    gw_host_unref(cluster->endpoints[i].host);
  gw_arena_done(&cluster->arena);
  free(cluster);
}
