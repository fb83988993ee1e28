#include "dataplane/cluster/dns_clusters.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/model/cluster.h"

/* A name that never had an answer is asked for again after this, even when its cluster would wait longer. */
#define FIRST_RETRY_MS 1000

struct name {
  struct gw_dns_clusters *dns;
  char *host;
  uint16_t port;
  uint64_t refresh_ms;  /* the least of its clusters */
  uint64_t follow_pass; /* the last call of follow that wanted it */
  struct gw_address *addresses;
  uint32_t count;
  bool was_answered; /* well or not */
  bool is_failing;
  struct gw_resolver_query *query;
  struct gw_timer timer;
};

struct gw_dns_clusters {
  struct gw_loop *loop;
  struct gw_resolver *resolver;
  struct gw_log *log;
  gw_dns_clusters_fn on_change;
  void *arg;
  struct gw_map *names; /* "host\0port" → struct name */
  uint64_t follow_pass;
  struct gw_task change_task;
};

static struct gw_str make_key(struct gw_strbuf *buf, struct gw_str host, uint16_t port) {
  gw_strbuf_append_str(buf, host);
  gw_strbuf_append_char(buf, '\0');
  gw_strbuf_append_u64(buf, port);
  return gw_strbuf_str(buf);
}

static void on_change_task(void *arg) {
  struct gw_dns_clusters *dns = arg;
  dns->on_change(dns->arg);
}

static void set_addresses(struct name *name, const struct gw_address *addresses, uint32_t count) {
  free(name->addresses);
  name->addresses = gw_calloc(count, sizeof(*addresses));
  memcpy(name->addresses, addresses, count * sizeof(*addresses));
  name->count = count;
}

static bool has_addresses(const struct name *name, const struct gw_address *addresses, uint32_t count) {
  if (name->count != count) return false;
  for (uint32_t i = 0; i < count; i++)
    if (!gw_address_equal(&name->addresses[i], &addresses[i])) return false;
  return true;
}

static void on_resolved(void *arg, enum gw_err err, const struct gw_address *addresses, uint32_t count, const char *reason) {
  struct name *name = arg;
  struct gw_dns_clusters *dns = name->dns;
  name->query = NULL;
  bool is_change = !name->was_answered; /* the set may be warm now */
  name->was_answered = true;
  if (err == GW_OK) {
    if (name->is_failing) GW_LOG_INFO(dns->log, "%s resolves again", name->host);
    name->is_failing = false;
    if (!has_addresses(name, addresses, count)) {
      set_addresses(name, addresses, count);
      is_change = true;
    }
  } else if (!name->is_failing) {
    /* The addresses known stay: a registry or DNS server that is away must not empty a cluster that works. */
    GW_LOG_WARNING(dns->log, "%s does not resolve: %s; %s", name->host, reason,
                   name->count > 0 ? "its last addresses stay" : "it has no address");
    name->is_failing = true;
  }
  uint64_t wait_ms = name->refresh_ms;
  if (name->count == 0 && wait_ms > FIRST_RETRY_MS) wait_ms = FIRST_RETRY_MS;
  gw_timer_start(dns->loop, &name->timer, wait_ms);
  if (is_change) gw_loop_at_turn_end(dns->loop, &dns->change_task);
}

static void on_timer(struct gw_timer *timer) {
  struct name *name = GW_CONTAINER_OF(timer, struct name, timer);
  name->query = gw_resolver_resolve(name->dns->resolver, gw_str_from(name->host), name->port, on_resolved, name);
}

static void name_free(struct name *name) {
  gw_timer_stop(&name->timer);
  if (name->query != NULL) gw_resolver_cancel(name->query);
  free(name->addresses);
  free(name->host);
  free(name);
}

static void follow_name(struct gw_dns_clusters *dns, struct gw_str host, uint16_t port, uint64_t refresh_ms) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  struct gw_str key = make_key(&buf, host, port);
  struct name *name = gw_map_find(dns->names, key);
  if (name == NULL) {
    name = gw_calloc(1, sizeof(*name));
    name->dns = dns;
    name->host = gw_str_dup(host);
    name->port = port;
    gw_timer_init(&name->timer, on_timer);
    gw_map_put(dns->names, key, name);
    struct gw_address address;
    name->was_answered = gw_address_parse_ip(host, port, &address) == GW_OK;
    if (name->was_answered) {
      set_addresses(name, &address, 1);
    } else {
      gw_timer_start(dns->loop, &name->timer, 0);
    }
  }
  if (name->follow_pass != dns->follow_pass || refresh_ms < name->refresh_ms) name->refresh_ms = refresh_ms;
  name->follow_pass = dns->follow_pass;
}

static void follow_snapshot(struct gw_dns_clusters *dns, const struct gw_snapshot *snapshot) {
  const struct gw_resource_list *clusters = &snapshot->lists[GW_RESOURCE_CLUSTER];
  for (uint32_t i = 0; i < clusters->count; i++) {
    const struct gw_cluster *cluster = clusters->items[i]->cluster;
    if (cluster->kind != GW_CLUSTER_STRICT_DNS || cluster->inline_endpoints == NULL) continue;
    for (uint32_t j = 0; j < cluster->inline_endpoints->count; j++) {
      const struct gw_endpoint *endpoint = &cluster->inline_endpoints->items[j];
      follow_name(dns, endpoint->address, endpoint->port, cluster->dns_refresh_ms);
    }
  }
}

static void forget_others(struct gw_dns_clusters *dns) {
  struct gw_map *kept = gw_map_new();
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(dns->names, &cursor, &key, &value)) {
    struct name *name = value;
    if (name->follow_pass == dns->follow_pass) {
      gw_map_put(kept, key, name);
    } else {
      name_free(name);
    }
  }
  gw_map_free(dns->names);
  dns->names = kept;
}

struct gw_dns_clusters *gw_dns_clusters_new(struct gw_loop *loop, struct gw_resolver *resolver, struct gw_log *log,
                                            gw_dns_clusters_fn on_change, void *arg) {
  struct gw_dns_clusters *dns = gw_calloc(1, sizeof(*dns));
  dns->loop = loop;
  dns->resolver = resolver;
  dns->log = log;
  dns->on_change = on_change;
  dns->arg = arg;
  dns->names = gw_map_new();
  gw_task_init(&dns->change_task, on_change_task, dns);
  return dns;
}

void gw_dns_clusters_free(struct gw_dns_clusters *dns) {
  if (dns == NULL) return;
  gw_task_cancel(&dns->change_task);
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(dns->names, &cursor, &key, &value))
    name_free(value);
  gw_map_free(dns->names);
  free(dns);
}

void gw_dns_clusters_follow(struct gw_dns_clusters *dns, struct gw_snapshot *snapshot, struct gw_snapshot *active) {
  dns->follow_pass++;
  follow_snapshot(dns, snapshot);
  if (active != NULL) follow_snapshot(dns, active);
  forget_others(dns);
}

uint32_t gw_dns_clusters_addresses(const struct gw_dns_clusters *dns, struct gw_str host, uint16_t port,
                                   const struct gw_address **ret_addresses) {
  if (dns == NULL) return 0;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  const struct name *name = gw_map_find(dns->names, make_key(&buf, host, port));
  if (name == NULL) return 0;
  *ret_addresses = name->addresses;
  return name->count;
}

bool gw_dns_clusters_are_warm(const struct gw_dns_clusters *dns) {
  size_t cursor = 0;
  struct gw_str key;
  void *value;
  while (gw_map_next(dns->names, &cursor, &key, &value))
    if (!((const struct name *)value)->was_answered) return false;
  return true;
}
