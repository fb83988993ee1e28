#include "dataplane/server/compile.h"

#include <malloc.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "common/model/listener.h"
#include "common/model/secret.h"
#include "common/net/tls.h"
#include "common/routing/route_table.h"
#include "dataplane/filters/filters.h"
#include "dataplane/pipeline/rate_limit_table.h"

#define TRIM_BYTES                                                                                                                         \
  ((size_t)1024 * 1024) /* a configuration on the wire that was so much bigger than the one now leaves memory worth returning */
#define TRIM_MS 1000    /* after it was given back */

struct gw_compiler {
  struct gw_compiler_options options;
  struct gw_dns_clusters *dns;
  struct gw_health *health;
  struct gw_listen_set *listen_set; /* NULL: draining */
  struct gw_frozen *active;         /* one reference; NULL: nothing yet */
  size_t active_bytes;
  enum gw_config_source source;
  uint64_t active_us;
  uint64_t active_wall_us;
  bool is_complete; /* of what is active */
  bool was_complete;
  /* What waits for its names; NULL: nothing. */
  struct gw_snapshot *next;
  enum gw_config_source next_source;
  bool next_is_complete;
  struct gw_timer warm;
  struct gw_timer rebind;
  struct gw_timer trim;
  struct gw_histogram build_times;
  uint64_t activations_total;
  uint64_t failures_total;
  uint64_t bind_failures_total;
  char ticket_key[GW_TLS_TICKET_KEY_BYTES]; /* this process's, never the same twice */
};

const char *gw_config_source_name(enum gw_config_source source) {
  static const char *const names[] = {[GW_CONFIG_SOURCE_NONE] = "", [GW_CONFIG_SOURCE_CACHE] = "cache", [GW_CONFIG_SOURCE_XDS] = "xds"};
  return names[source];
}

static struct gw_snapshot *active_snapshot(const struct gw_compiler *compiler) {
  return compiler->active != NULL ? gw_frozen_snapshot(compiler->active) : NULL;
}

static size_t wire_bytes(const struct gw_snapshot *snapshot) {
  size_t bytes = 0;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    for (uint32_t i = 0; i < snapshot->lists[type].count; i++)
      bytes += snapshot->lists[type].items[i]->any->len;
  }
  return bytes;
}

static void log_mistakes(struct gw_compiler *compiler, enum gw_log_level level, const char *what, const struct gw_errors *errors) {
  char *text = gw_errors_format_line(errors);
  gw_log_write(compiler->options.log, level, "%s: %s", what, text);
  free(text);
}

/* ---- listeners ---- */

/* True when every listener stands where it should. */
static bool bind_listeners(struct gw_compiler *compiler, struct gw_snapshot *snapshot) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_listen_set_update(compiler->listen_set, snapshot, &errors);
  bool is_bound = errors.error_count == 0;
  if (!is_bound) {
    compiler->bind_failures_total++;
    log_mistakes(compiler, GW_LOG_ERROR, "an address cannot be listened on, trying again", &errors);
    gw_timer_start(compiler->options.loop, &compiler->rebind, GW_COMPILER_REBIND_MS);
  }
  gw_errors_done(&errors);
  return is_bound;
}

/* False: not every worker could be given its sockets. */
static bool publish(struct gw_compiler *compiler) {
  bool is_whole = true;
  for (uint32_t i = 0; i < compiler->options.worker_count; i++) {
    uint32_t count = 0;
    struct gw_engine_socket *sockets = gw_listen_set_sockets(compiler->listen_set, i, &count);
    for (uint32_t j = 0; j < count; j++)
      is_whole = is_whole && sockets[j].fd >= 0;
    compiler->options.publish(compiler->options.arg, i, gw_frozen_ref(compiler->active), sockets, count);
  }
  return is_whole;
}

static void bind_and_publish(struct gw_compiler *compiler) {
  bool is_bound = bind_listeners(compiler, active_snapshot(compiler));
  if (!publish(compiler)) {
    is_bound = false;
    GW_LOG_ERROR(compiler->options.log, "out of descriptors: workers keep the sockets that they listen on, trying again");
    gw_timer_start(compiler->options.loop, &compiler->rebind, GW_COMPILER_REBIND_MS);
  }
  compiler->was_complete = compiler->was_complete || (is_bound && compiler->is_complete);
  compiler->options.on_active(compiler->options.arg);
}

static void on_rebind(struct gw_timer *timer) {
  struct gw_compiler *compiler = GW_CONTAINER_OF(timer, struct gw_compiler, rebind);
  if (compiler->listen_set != NULL) bind_and_publish(compiler);
}

/* ---- building ---- */

static enum gw_err build(struct gw_compiler *compiler, struct gw_snapshot *snapshot, struct gw_frozen **ret_frozen) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  uint64_t start_us = gw_clock_monotonic_us();
  struct gw_str ticket_key = {compiler->ticket_key, sizeof(compiler->ticket_key)};
  enum gw_err err =
      gw_frozen_build(snapshot, compiler->dns, compiler->health, gw_filters, ticket_key, compiler->active, &errors, ret_frozen);
  gw_histogram_add(&compiler->build_times, gw_clock_monotonic_us() - start_us);
  if (err != GW_OK) {
    compiler->failures_total++;
    log_mistakes(compiler, GW_LOG_ERROR, "the configuration cannot be used, the one before stays", &errors);
  } else if (errors.warning_count > 0) {
    log_mistakes(compiler, GW_LOG_WARNING, "the configuration is used, but for this", &errors);
  }
  gw_errors_done(&errors);
  return err;
}

static void serve(struct gw_compiler *compiler, struct gw_frozen *frozen) {
  struct gw_frozen *before = compiler->active;
  compiler->active = frozen;
  compiler->active_bytes = wire_bytes(gw_frozen_snapshot(frozen));
  bind_and_publish(compiler);
  uint32_t cluster_count;
  struct gw_frozen_cluster *const *clusters = gw_frozen_clusters(frozen, &cluster_count);
  gw_health_follow(compiler->health, clusters, cluster_count);
  if (before != NULL) gw_compiler_release(compiler, before);
}

static void log_active(struct gw_compiler *compiler, const struct gw_snapshot *snapshot) {
  GW_LOG_INFO(compiler->options.log, "configuration %s from %s is active: %u listeners, %u route configurations, %u clusters",
              snapshot->version, gw_config_source_name(compiler->source), snapshot->lists[GW_RESOURCE_LISTENER].count,
              snapshot->lists[GW_RESOURCE_ROUTE_CONFIG].count, snapshot->lists[GW_RESOURCE_CLUSTER].count);
}

/* The largest that a listener asks for. */
static void size_rate_limits(struct gw_compiler *compiler, const struct gw_snapshot *snapshot) {
  uint64_t max_keys = 0;
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_http_connection_manager *http = &listeners->items[i]->listener->http;
    for (uint32_t k = 0; k < http->filter_count; k++) {
      const struct gw_http_filter *filter = &http->filters[k];
      if (filter->kind == GW_FILTER_SHARED_LIMIT && filter->settings.shared_limit.max_keys > max_keys)
        max_keys = filter->settings.shared_limit.max_keys;
    }
  }
  gw_rate_limit_table_set_max_keys(compiler->options.rate_limits, max_keys > 0 ? max_keys : GW_RATE_LIMIT_KEYS_DEFAULT);
}

static void activate_next(struct gw_compiler *compiler) {
  struct gw_snapshot *snapshot = compiler->next;
  struct gw_frozen *frozen;
  compiler->next = NULL;
  gw_timer_stop(&compiler->warm);
  if (build(compiler, snapshot, &frozen) == GW_OK) {
    compiler->source = compiler->next_source;
    compiler->is_complete = compiler->next_is_complete;
    compiler->active_us = gw_loop_now_us(compiler->options.loop);
    compiler->active_wall_us = gw_loop_wall_us(compiler->options.loop);
    compiler->activations_total++;
    log_active(compiler, snapshot);
    size_rate_limits(compiler, snapshot);
    serve(compiler, frozen);
  }
  /* Names that only the one before, or the failed one, had need no refreshing. */
  if (compiler->active != NULL) gw_dns_clusters_follow(compiler->dns, active_snapshot(compiler), NULL);
  gw_snapshot_unref(snapshot);
}

static void on_warm(struct gw_timer *timer) {
  struct gw_compiler *compiler = GW_CONTAINER_OF(timer, struct gw_compiler, warm);
  GW_LOG_WARNING(compiler->options.log, "going on while names of services do not resolve");
  activate_next(compiler);
}

/* The same snapshot, with what is known of its endpoints now. */
static void rebuild(struct gw_compiler *compiler) {
  struct gw_frozen *frozen;
  if (compiler->active == NULL || compiler->listen_set == NULL) return;
  if (build(compiler, active_snapshot(compiler), &frozen) == GW_OK) serve(compiler, frozen);
}

static void on_dns(void *arg) {
  struct gw_compiler *compiler = arg;
  if (compiler->listen_set == NULL) return;
  if (compiler->next != NULL && gw_dns_clusters_are_warm(compiler->dns)) {
    activate_next(compiler);
  } else {
    rebuild(compiler);
  }
}

static void on_health(void *arg) {
  rebuild(arg);
}

void gw_compiler_offer(struct gw_compiler *compiler, struct gw_snapshot *snapshot, enum gw_config_source source, bool is_complete) {
  if (compiler->listen_set == NULL) return;
  struct gw_snapshot *active = active_snapshot(compiler);
  if (compiler->next == NULL && active != NULL && strcmp(active->version, snapshot->version) == 0) {
    /* The same content: nothing is compiled, nobody sees a change. */
    if (compiler->source != source) {
      GW_LOG_INFO(compiler->options.log, "configuration %s is confirmed by %s", snapshot->version, gw_config_source_name(source));
    }
    compiler->source = source;
    compiler->is_complete = is_complete;
    compiler->options.on_active(compiler->options.arg);
    return;
  }
  gw_snapshot_unref(compiler->next);
  compiler->next = gw_snapshot_ref(snapshot);
  compiler->next_source = source;
  compiler->next_is_complete = is_complete;
  gw_dns_clusters_follow(compiler->dns, snapshot, active);
  if (gw_dns_clusters_are_warm(compiler->dns)) {
    activate_next(compiler);
  } else if (!gw_timer_is_running(&compiler->warm)) {
    gw_timer_start(compiler->options.loop, &compiler->warm, GW_COMPILER_WARM_MS);
  }
}

/* ---- memory ---- */

static void on_trim(struct gw_timer *timer) {
  (void)timer;
  malloc_trim(0);
}

void gw_compiler_release(struct gw_compiler *compiler, struct gw_frozen *frozen) {
  size_t bytes = frozen == compiler->active ? 0 : wire_bytes(gw_frozen_snapshot(frozen));
  gw_frozen_unref(frozen);
  if (bytes > compiler->active_bytes + TRIM_BYTES && !gw_timer_is_running(&compiler->trim)) {
    gw_timer_start(compiler->options.loop, &compiler->trim, TRIM_MS);
  }
}

/* ---- life ---- */

struct gw_compiler *gw_compiler_new(const struct gw_compiler_options *options) {
  struct gw_compiler *compiler = gw_calloc(1, sizeof(*compiler));
  compiler->options = *options;
  compiler->dns = gw_dns_clusters_new(options->loop, options->resolver, options->log, on_dns, compiler);
  compiler->health = gw_health_new(options->loop, options->log, on_health, compiler);
  compiler->listen_set = gw_listen_set_new(options->worker_count, options->listen);
  gw_random_secure(compiler->ticket_key, sizeof(compiler->ticket_key));
  gw_timer_init(&compiler->warm, on_warm);
  gw_timer_init(&compiler->rebind, on_rebind);
  gw_timer_init(&compiler->trim, on_trim);
  return compiler;
}

void gw_compiler_stop_listening(struct gw_compiler *compiler) {
  gw_timer_stop(&compiler->warm);
  gw_timer_stop(&compiler->rebind);
  gw_listen_set_free(compiler->listen_set);
  compiler->listen_set = NULL;
}

void gw_compiler_free(struct gw_compiler *compiler) {
  if (compiler == NULL) return;
  gw_compiler_stop_listening(compiler);
  gw_timer_stop(&compiler->trim);
  gw_dns_clusters_free(compiler->dns);
  gw_health_free(compiler->health);
  gw_snapshot_unref(compiler->next);
  if (compiler->active != NULL) gw_frozen_unref(compiler->active);
  explicit_bzero(compiler->ticket_key, sizeof(compiler->ticket_key));
  free(compiler);
}

void gw_compiler_get_status(const struct gw_compiler *compiler, struct gw_compiler_status *ret_status) {
  *ret_status = (struct gw_compiler_status){
      .snapshot = active_snapshot(compiler),
      .source = compiler->source,
      .active_us = compiler->active_us,
      .active_wall_us = compiler->active_wall_us,
      .is_complete = compiler->is_complete,
      .was_complete = compiler->was_complete,
      .activations_total = compiler->activations_total,
      .failures_total = compiler->failures_total,
      .bind_failures_total = compiler->bind_failures_total,
      .build_times = &compiler->build_times,
  };
}

const struct gw_listen_set *gw_compiler_listen_set(const struct gw_compiler *compiler) {
  return compiler->listen_set;
}

const struct gw_health *gw_compiler_health(const struct gw_compiler *compiler) {
  return compiler->health;
}

const struct gw_frozen *gw_compiler_active(const struct gw_compiler *compiler) {
  return compiler->active;
}

const struct gw_dns_clusters *gw_compiler_dns(const struct gw_compiler *compiler) {
  return compiler->dns;
}

/* Mistakes of a build say in whose resource they are; here that is known. */
static void append_without_name(struct gw_errors *errors, const struct gw_errors *from, struct gw_str name) {
  for (size_t i = 0; i < from->count; i++) {
    const struct gw_mistake *mistake = &from->items[i];
    const char *place = mistake->place;
    if (name.len > 0 && strncmp(place, name.data, name.len) == 0) place += name.len;
    place += strspn(place, ":. ");
    gw_errors_add(errors, place, "%s", mistake->sentence);
  }
}

static void check_listener(const struct gw_resource *resource, struct gw_errors *errors) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, gw_resource_ref((struct gw_resource *)(uintptr_t)resource));
  struct gw_snapshot *alone = gw_snapshot_builder_freeze(builder);
  struct gw_frozen *frozen;
  struct gw_errors mistakes;
  gw_errors_init(&mistakes);
  if (gw_frozen_build(alone, NULL, NULL, gw_filters, (struct gw_str){NULL, 0}, NULL, &mistakes, &frozen) == GW_OK) {
    gw_frozen_unref(frozen);
  } else {
    append_without_name(errors, &mistakes, resource->name);
  }
  gw_errors_done(&mistakes);
  gw_snapshot_unref(alone);
}

static void check_secret(const struct gw_secret *secret, struct gw_errors *errors) {
  if (secret->kind == GW_SECRET_CERTIFICATE) {
    gw_certificate_check_pair(secret->certificate_chain, secret->private_key, "tls_certificate", errors);
  } else if (secret->kind == GW_SECRET_VALIDATION) {
    gw_certificate_check_trusted_ca(secret->trusted_ca, "validation_context.trusted_ca", errors);
  }
}

void gw_compiler_check(const struct gw_resource *resource, struct gw_errors *errors) {
  switch (resource->type) {
  case GW_RESOURCE_LISTENER: check_listener(resource, errors); break;
  case GW_RESOURCE_ROUTE_CONFIG: gw_route_table_check(resource->route_config, errors); break;
  case GW_RESOURCE_SECRET: check_secret(resource->secret, errors); break;
  case GW_RESOURCE_CLUSTER:
  case GW_RESOURCE_ENDPOINTS:
  case GW_RESOURCE_API_KEY: break; /* nothing in them compiles */
  }
}
