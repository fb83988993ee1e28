#include "dataplane/server/dependencies.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/model/filter.h"
#include "common/model/listener.h"
#include "common/model/rate_limit.h"
#include "common/model/secret.h"
#include "common/redis/client.h"

#define FIRST_ASK_MS 100u /* until it has answered once */

struct server {
  struct gw_dependencies *owner;
  char *address; /* "redis.internal:6379" */
  char *identity;
  struct gw_redis *redis;
  bool is_needed;
  bool is_current; /* of the configuration that is followed */
  bool is_up;
  bool has_answered;
  uint64_t asked_us;
  uint64_t latency_us;
};

struct gw_dependencies {
  struct gw_loop *loop;
  void (*on_change)(void *arg);
  void *arg;
  struct gw_timer timer;
  struct server *servers[GW_DEPENDENCIES_MAX];
  uint32_t count;
};

static void server_free(struct server *server) {
  struct gw_redis *redis = server->redis;
  server->redis = NULL; /* its last answers are nobody's news */
  gw_redis_free(redis);
  explicit_bzero(server->identity, strlen(server->identity));
  free(server->identity);
  free(server->address);
  free(server);
}

/* ---- asking ---- */

static void set_up(struct server *server, bool is_up) {
  bool is_news = server->is_up != is_up;
  server->is_up = is_up;
  server->has_answered = server->has_answered || is_up;
  if (is_news) server->owner->on_change(server->owner->arg);
}

static void on_reply(void *arg, const struct gw_redis_reply *reply) {
  struct server *server = arg;
  if (server->redis == NULL) return; /* it is being freed */
  bool is_answer = reply != NULL && gw_redis_reply_error(reply).len == 0;
  if (is_answer) server->latency_us = gw_loop_now_us(server->owner->loop) - server->asked_us;
  set_up(server, is_answer);
}

static void ask(struct server *server) {
  static const struct gw_str ping = GW_STR("PING");
  struct gw_redis_status status;
  gw_redis_get_status(server->redis, &status);
  server->asked_us = gw_loop_now_us(server->owner->loop);
  if (!status.is_ready || !gw_redis_ask(server->redis, &ping, 1, on_reply, server)) set_up(server, false);
}

static void on_timer(struct gw_timer *timer) {
  struct gw_dependencies *dependencies = GW_CONTAINER_OF(timer, struct gw_dependencies, timer);
  bool have_all_answered = true;
  for (uint32_t i = 0; i < dependencies->count; i++) {
    ask(dependencies->servers[i]);
    have_all_answered = have_all_answered && dependencies->servers[i]->has_answered;
  }
  if (dependencies->count > 0) gw_timer_start(dependencies->loop, timer, have_all_answered ? GW_DEPENDENCIES_ASK_MS : FIRST_ASK_MS);
}

/* ---- following ---- */

static struct gw_str find_password(const struct gw_snapshot *snapshot, struct gw_str name) {
  const struct gw_resource *secret = name.len > 0 ? gw_snapshot_find(snapshot, GW_RESOURCE_SECRET, name) : NULL;
  return secret != NULL && secret->secret->kind == GW_SECRET_GENERIC ? secret->secret->content : GW_STR("");
}

static struct server *find(const struct gw_dependencies *dependencies, const char *identity) {
  for (uint32_t i = 0; i < dependencies->count; i++)
    if (strcmp(dependencies->servers[i]->identity, identity) == 0) return dependencies->servers[i];
  return NULL;
}

static struct server *server_new(struct gw_dependencies *dependencies, const struct gw_rate_limit_redis *model, struct gw_str password) {
  struct server *server = gw_calloc(1, sizeof(*server));
  const struct gw_redis_options options = {.loop = dependencies->loop,
                                           .host = model->host,
                                           .port = model->port,
                                           .database = model->database,
                                           .user = model->user,
                                           .password = password,
                                           .timeout_ms = model->timeout_ms,
                                           .max_outstanding = 4};
  server->owner = dependencies;
  server->address = gw_asprintf("%.*s:%u", GW_STR_ARG(model->host), model->port);
  server->redis = gw_redis_new(&options);
  return server;
}

static void follow(struct gw_dependencies *dependencies, const struct gw_snapshot *snapshot, const struct gw_rate_limit_redis *model) {
  struct gw_str password = find_password(snapshot, model->password_secret);
  char *identity = gw_asprintf("%.*s %u %u %.*s %llu %.*s", GW_STR_ARG(model->host), model->port, model->database, GW_STR_ARG(model->user),
                               (unsigned long long)model->timeout_ms, GW_STR_ARG(password));
  struct server *server = find(dependencies, identity);
  if (server == NULL && dependencies->count < GW_DEPENDENCIES_MAX) {
    server = dependencies->servers[dependencies->count++] = server_new(dependencies, model, password);
    server->identity = gw_strdup(identity);
    gw_timer_start(dependencies->loop, &dependencies->timer, FIRST_ASK_MS);
  }
  explicit_bzero(identity, strlen(identity));
  free(identity);
  if (server == NULL) return;
  bool is_needed = model->on_failure == GW_RATE_LIMIT_FAIL_CLOSED;
  server->is_needed = is_needed || (server->is_current && server->is_needed);
  server->is_current = true;
}

static void forget_others(struct gw_dependencies *dependencies) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < dependencies->count; i++) {
    struct server *server = dependencies->servers[i];
    if (server->is_current) {
      dependencies->servers[kept++] = server;
    } else {
      server_free(server);
    }
  }
  dependencies->count = kept;
}

void gw_dependencies_follow(struct gw_dependencies *dependencies, const struct gw_snapshot *snapshot) {
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  for (uint32_t i = 0; i < dependencies->count; i++)
    dependencies->servers[i]->is_current = false;
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_http_connection_manager *http = &listeners->items[i]->listener->http;
    for (uint32_t k = 0; k < http->filter_count; k++) {
      const struct gw_http_filter *filter = &http->filters[k];
      if (filter->kind == GW_FILTER_SHARED_LIMIT && filter->settings.shared_limit.redis != NULL)
        follow(dependencies, snapshot, filter->settings.shared_limit.redis);
    }
  }
  forget_others(dependencies);
  if (dependencies->count == 0) gw_timer_stop(&dependencies->timer);
}

/* ---- what is known ---- */

bool gw_dependencies_are_there(const struct gw_dependencies *dependencies) {
  for (uint32_t i = 0; i < dependencies->count; i++)
    if (dependencies->servers[i]->is_needed && !dependencies->servers[i]->is_up) return false;
  return true;
}

uint32_t gw_dependencies_list(struct gw_dependencies *dependencies, struct gw_admin_dependency ret_list[GW_DEPENDENCIES_MAX]) {
  for (uint32_t i = 0; i < dependencies->count; i++) {
    const struct server *server = dependencies->servers[i];
    struct gw_redis_status status;
    gw_redis_get_status(server->redis, &status);
    ret_list[i] = (struct gw_admin_dependency){.name = "redis",
                                               .address = server->address,
                                               .is_up = server->is_up,
                                               .is_needed = server->is_needed,
                                               .latency_us = server->latency_us,
                                               .trouble = server->is_up ? "" : status.trouble};
  }
  return dependencies->count;
}

void gw_dependencies_write_metrics(struct gw_dependencies *dependencies, struct gw_metrics_writer *writer) {
  struct gw_admin_dependency list[GW_DEPENDENCIES_MAX];
  uint32_t count = gw_dependencies_list(dependencies, list);
  for (int is_latency = 0; is_latency < 2; is_latency++) {
    const char *family = is_latency ? "gateway_dependency_latency_seconds" : "gateway_dependency_up";
    gw_metrics_family(writer, family, "gauge", is_latency ? "How long its last answer took." : "1 while it answers in time.");
    for (uint32_t i = 0; i < count; i++) {
      struct gw_label labels[] = {{"dependency", gw_str_from(list[i].name)}, {"address", gw_str_from(list[i].address)}};
      if (is_latency)
        gw_metrics_double(writer, family, labels, GW_ARRAY_LEN(labels), (double)list[i].latency_us / 1e6);
      else
        gw_metrics_u64(writer, family, labels, GW_ARRAY_LEN(labels), list[i].is_up);
    }
  }
}

/* ---- life ---- */

struct gw_dependencies *gw_dependencies_new(struct gw_loop *loop, void (*on_change)(void *arg), void *arg) {
  struct gw_dependencies *dependencies = gw_calloc(1, sizeof(*dependencies));
  *dependencies = (struct gw_dependencies){.loop = loop, .on_change = on_change, .arg = arg};
  gw_timer_init(&dependencies->timer, on_timer);
  return dependencies;
}

void gw_dependencies_free(struct gw_dependencies *dependencies) {
  if (dependencies == NULL) return;
  gw_timer_stop(&dependencies->timer);
  for (uint32_t i = 0; i < dependencies->count; i++)
    server_free(dependencies->servers[i]);
  free(dependencies);
}
