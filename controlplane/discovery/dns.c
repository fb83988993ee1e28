#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "controlplane/discovery/dns_answer.h"
#include "controlplane/discovery/dns_client.h"
#include "controlplane/discovery/source.h"

/* DNS SRV (RFC 2782): who is behind a name, by priority and weight. Asked again when the answer has lived its time. */

#define TARGETS_MAX 256u
#define ADDRESSES_MAX 64u /* of a target */
/* The time to live is the zone's; one that says 0 is not asked without end, and hours are too long to miss a change. */
#define TTL_MIN_S 1u
#define TTL_MAX_S 300u
#define RETRY_MIN_MS 500u
#define RETRY_MAX_MS 10000u

struct dns {
  struct gw_loop *loop;
  struct gw_dns_client *client;
  char *servers; /* for people */
};

struct target {
  struct gw_str addresses[ADDRESSES_MAX];
  struct gw_dns_target found;
};

/* A query for the addresses of one target. */
struct address_query {
  struct watch *watch;
  struct target *target;
  struct gw_dns_query *query; /* NULL: it was answered */
};

/* One round: the SRV records, then the addresses of targets that did not come with them. */
struct watch {
  struct dns *dns;
  const struct gw_source_spec *spec;
  struct gw_report *report;
  struct gw_timer timer;
  struct gw_arena arena; /* of the round */
  struct gw_dns_query *query;
  const struct gw_dns_record *records;
  uint32_t record_count;
  struct target **targets;
  uint32_t target_count;
  struct address_query *address_queries;
  uint32_t address_query_count;
  uint32_t pending;
  uint32_t ttl_s;
  const char *words; /* why an address can't be had; NULL: none failed */
  uint64_t retry_ms;
};

static void reset_round(struct watch *watch) {
  gw_dns_query_cancel(watch->query);
  for (uint32_t i = 0; i < watch->address_query_count; i++)
    gw_dns_query_cancel(watch->address_queries[i].query);
  watch->query = NULL;
  watch->record_count = watch->target_count = watch->address_query_count = watch->pending = 0;
  watch->ttl_s = TTL_MAX_S;
  watch->words = NULL;
  gw_arena_reset(&watch->arena);
}

/* ---- the end of a round ---- */

static void fail(struct watch *watch, const char *words) {
  watch->retry_ms = watch->retry_ms == 0 ? RETRY_MIN_MS : watch->retry_ms * 2 < RETRY_MAX_MS ? watch->retry_ms * 2 : RETRY_MAX_MS;
  gw_timer_start(watch->dns->loop, &watch->timer, watch->retry_ms);
  gw_report_failure(watch->report, words);
}

static void finish(struct watch *watch) {
  struct gw_dns_target *found = gw_arena_calloc(&watch->arena, watch->target_count, sizeof(*found));
  bool has_gap = false;
  for (uint32_t i = 0; i < watch->target_count; i++) {
    found[i] = watch->targets[i]->found;
    has_gap = has_gap || found[i].address_count == 0;
  }
  /* A target that has no address is one thing; not to know is another. */
  if (has_gap && watch->words != NULL) {
    fail(watch, watch->words);
    return;
  }
  uint32_t count;
  const struct gw_found_instance *instances =
      gw_dns_instances(watch->records, watch->record_count, found, watch->target_count, &watch->arena, &count);
  watch->retry_ms = 0;
  uint32_t ttl_s = watch->ttl_s < TTL_MIN_S ? TTL_MIN_S : watch->ttl_s;
  gw_timer_start(watch->dns->loop, &watch->timer, ttl_s * UINT64_C(1000));
  gw_report_instances(watch->report, instances, count);
}

/* ---- addresses ---- */

static void add_address(struct watch *watch, struct target *target, const struct gw_dns_record *record) {
  if (target->found.address_count < ADDRESSES_MAX) target->addresses[target->found.address_count++] = record->address;
  if (record->ttl_s < watch->ttl_s) watch->ttl_s = record->ttl_s;
}

static void on_address(void *arg, enum gw_err err, const unsigned char *bytes, size_t len, const char *words) {
  struct address_query *query = arg;
  struct watch *watch = query->watch;
  const struct gw_dns_record *records = NULL;
  uint32_t count = 0;
  query->query = NULL;
  if (err == GW_OK && gw_dns_parse(bytes, len, &watch->arena, &records, &count) != GW_OK) words = "an answer can't be read";
  bool is_bad = (err != GW_OK && err != GW_ERR_NOT_FOUND) || (err == GW_OK && records == NULL);
  if (is_bad) watch->words = gw_arena_printf(&watch->arena, "the address of %.*s: %s", GW_STR_ARG(query->target->found.name), words);
  /* Those of an alias have the name that it stands for. */
  for (uint32_t i = 0; !is_bad && i < count; i++)
    if (records[i].kind == GW_DNS_ADDRESS && !records[i].is_additional) add_address(watch, query->target, &records[i]);
  if (--watch->pending == 0) finish(watch);
}

static void ask_address(struct watch *watch, struct target *target, enum gw_dns_type type) {
  struct address_query *query = &watch->address_queries[watch->address_query_count++];
  *query = (struct address_query){.watch = watch, .target = target};
  watch->pending++;
  struct gw_dns_query *started = gw_dns_query_start(watch->dns->client, target->found.name.data, type, on_address, query);
  query->query = started;
}

/* ---- targets ---- */

static struct target *find_target(const struct watch *watch, struct gw_str name) {
  for (uint32_t i = 0; i < watch->target_count; i++)
    if (gw_str_equal_nocase(watch->targets[i]->found.name, name)) return watch->targets[i];
  return NULL;
}

/* False: there are too many. */
static bool gather_targets(struct watch *watch) {
  watch->targets = gw_arena_calloc(&watch->arena, TARGETS_MAX, sizeof(struct target *));
  for (uint32_t i = 0; i < watch->record_count; i++) {
    const struct gw_dns_record *record = &watch->records[i];
    if (record->kind == GW_DNS_SRV && record->ttl_s < watch->ttl_s) watch->ttl_s = record->ttl_s;
    if (record->kind != GW_DNS_SRV || record->target.len == 0 || find_target(watch, record->target) != NULL) continue;
    if (watch->target_count == TARGETS_MAX) return false;
    struct target *target = gw_arena_calloc(&watch->arena, 1, sizeof(*target));
    target->found = (struct gw_dns_target){.name = record->target, .addresses = target->addresses};
    watch->targets[watch->target_count++] = target;
  }
  for (uint32_t i = 0; i < watch->record_count; i++) {
    const struct gw_dns_record *record = &watch->records[i];
    struct target *target = record->kind == GW_DNS_ADDRESS ? find_target(watch, record->name) : NULL;
    if (target != NULL) add_address(watch, target, record);
  }
  return true;
}

static void ask_addresses(struct watch *watch) {
  watch->address_queries = gw_arena_calloc(&watch->arena, watch->target_count * (size_t)2, sizeof(*watch->address_queries));
  watch->pending = 1; /* answers may come at once */
  for (uint32_t i = 0; i < watch->target_count; i++) {
    struct target *target = watch->targets[i];
    if (target->found.address_count > 0) continue;
    ask_address(watch, target, GW_DNS_TYPE_A);
    ask_address(watch, target, GW_DNS_TYPE_AAAA);
  }
  if (--watch->pending == 0) finish(watch);
}

static void on_srv(void *arg, enum gw_err err, const unsigned char *bytes, size_t len, const char *words) {
  struct watch *watch = arg;
  watch->query = NULL;
  if (err == GW_ERR_NOT_FOUND) {
    watch->ttl_s = TTL_MIN_S * 5; /* somebody may be about to make it */
    finish(watch);
  } else if (err != GW_OK) {
    fail(watch, words);
  } else if (gw_dns_parse(bytes, len, &watch->arena, &watch->records, &watch->record_count) != GW_OK) {
    fail(watch, "the answer can't be read");
  } else if (!gather_targets(watch)) {
    fail(watch, "it has too many targets");
  } else {
    ask_addresses(watch);
  }
}

static void ask(struct gw_timer *timer) {
  struct watch *watch = GW_CONTAINER_OF(timer, struct watch, timer);
  reset_round(watch);
  struct gw_str name = gw_source_spec_text(watch->spec, "srv", watch->spec->service);
  watch->query = gw_dns_query_start(watch->dns->client, gw_arena_copy(&watch->arena, name).data, GW_DNS_TYPE_SRV, on_srv, watch);
}

/* ---- life ---- */

static void *watch_service(void *source, const struct gw_source_spec *spec, struct gw_report *report) {
  struct watch *watch = gw_calloc(1, sizeof(*watch));
  watch->dns = source;
  watch->spec = spec;
  watch->report = report;
  gw_arena_init(&watch->arena, 1024);
  gw_timer_init(&watch->timer, ask);
  gw_timer_start(watch->dns->loop, &watch->timer, 0);
  return watch;
}

static void unwatch(void *arg) {
  struct watch *watch = arg;
  reset_round(watch);
  gw_timer_stop(&watch->timer);
  gw_arena_done(&watch->arena);
  free(watch);
}

static void *new_source(const struct gw_source_options *options) {
  struct dns *dns = gw_calloc(1, sizeof(*dns));
  const char *servers = options->settings->dns_servers;
  dns->loop = options->loop;
  dns->client = gw_dns_client_new(options->loop, servers);
  dns->servers = gw_strdup(servers[0] != '\0' ? servers : "the system's servers");
  return dns;
}

static void free_source(void *source) {
  struct dns *dns = source;
  gw_dns_client_free(dns->client);
  free(dns->servers);
  free(dns);
}

static const char *describe(const void *source) {
  return ((const struct dns *)source)->servers;
}

const struct gw_source_kind gw_source_dns = {
    .name = "dns",
    .settings = (const char *const[]){"GATEWAY_DNS_SERVERS", NULL},
    .new = new_source,
    .free = free_source,
    .watch = watch_service,
    .unwatch = unwatch,
    .describe = describe,
};
