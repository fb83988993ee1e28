/* Instances in Consul: services of the agent that is asked, each with a TTL check, which beats keep passing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "controlplane/discovery/consul_client.h"
#include "controlplane/discovery/registrar.h"

#define TIMEOUT_MS 3000u
#define ANSWER_BYTES_MAX 65536u
#define WORDS_SIZE 256
#define TTL "15s"
/* The shortest that Consul takes. */
#define FORGET_AFTER "1m"

struct registrar {
  struct gw_loop *loop;
  struct gw_consul_client *client;
};

struct request {
  struct registrar *registrar;
  struct gw_fetch *fetch; /* NULL: it failed before, and the timer says so */
  struct gw_timer timer;
  char *reason;
  gw_registrar_fn fn;
  void *arg;
};

/* What an instance is called where nobody has named it. */
static char *make_id(const struct gw_instance *instance) {
  if (instance->id.len > 0) return gw_str_dup(instance->id);
  return gw_asprintf("%.*s-%.*s-%u", GW_STR_ARG(instance->service), GW_STR_ARG(instance->address), instance->port);
}

static void write_metadata(struct gw_json_writer *writer, const struct gw_instance *instance) {
  gw_json_key(writer, "Meta");
  gw_json_object_begin(writer);
  for (uint32_t i = 0; i < instance->metadata_count; i++) {
    char *name = gw_str_dup(instance->metadata[i].name);
    gw_json_key(writer, name);
    gw_json_string(writer, instance->metadata[i].value);
    free(name);
  }
  gw_json_object_end(writer);
}

static void write_check(struct gw_json_writer *writer) {
  gw_json_key(writer, "Check");
  gw_json_object_begin(writer);
  gw_json_key(writer, "TTL");
  gw_json_string(writer, GW_STR(TTL));
  gw_json_key(writer, "Status");
  gw_json_string(writer, GW_STR("passing"));
  gw_json_key(writer, "DeregisterCriticalServiceAfter");
  gw_json_string(writer, GW_STR(FORGET_AFTER));
  gw_json_object_end(writer);
}

static void write_instance(const struct gw_instance *instance, const char *id, struct gw_strbuf *out) {
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, out);
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "ID");
  gw_json_string(&writer, gw_str_from(id));
  gw_json_key(&writer, "Name");
  gw_json_string(&writer, instance->service);
  gw_json_key(&writer, "Address");
  gw_json_string(&writer, instance->address);
  gw_json_key(&writer, "Port");
  gw_json_u64(&writer, instance->port);
  gw_json_key(&writer, "Tags");
  gw_json_array_begin(&writer);
  for (uint32_t i = 0; i < instance->tag_count; i++)
    gw_json_string(&writer, instance->tags[i]);
  gw_json_array_end(&writer);
  write_metadata(&writer, instance);
  gw_json_key(&writer, "Weights");
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "Passing");
  gw_json_u64(&writer, (uint64_t)instance->weight);
  gw_json_key(&writer, "Warning");
  gw_json_u64(&writer, 1);
  gw_json_object_end(&writer);
  write_check(&writer);
  gw_json_object_end(&writer);
}

static enum gw_err judge(const struct gw_fetch_result *result) {
  if (!result->is_good) return GW_ERR_CLOSED;
  switch (result->status) {
  case 200: return GW_OK;
  case 400: return GW_ERR_INVALID;
  case 401:
  case 403: return GW_ERR_DENIED;
  case 404: return GW_ERR_NOT_FOUND;
  default: break;
  }
  /* As older ones say it. */
  bool is_unknown = result->body.len > 0 && memmem(result->body.data, result->body.len, "nknown ", 7) != NULL;
  return is_unknown ? GW_ERR_NOT_FOUND : GW_ERR_CLOSED;
}

static void request_free(struct request *request) {
  gw_timer_stop(&request->timer);
  free(request->reason);
  free(request);
}

static void on_answer(void *arg, const struct gw_fetch_result *result) {
  struct request *request = arg;
  char words[WORDS_SIZE] = "";
  enum gw_err err = judge(result);
  if (err != GW_OK && result->is_good)
    snprintf(words, sizeof(words), "%s answers %u", gw_consul_client_url(request->registrar->client), result->status);
  else if (err != GW_OK)
    snprintf(words, sizeof(words), "%s: %s", gw_consul_client_url(request->registrar->client), result->words);
  request->fetch = NULL;
  request->fn(request->arg, err, words);
  request_free(request);
}

static void on_timer(struct gw_timer *timer) {
  struct request *request = GW_CONTAINER_OF(timer, struct request, timer);
  request->fn(request->arg, GW_ERR_CLOSED, request->reason);
  request_free(request);
}

static char *make_path(enum gw_registrar_verb verb, const char *id) {
  static const char *const paths[] = {[GW_REGISTRAR_PUT] = "/v1/agent/service/register",
                                      [GW_REGISTRAR_BEAT] = "/v1/agent/check/pass/service:",
                                      [GW_REGISTRAR_TAKE_OUT] = "/v1/agent/service/deregister/"};
  struct gw_strbuf path;
  gw_strbuf_init(&path);
  gw_strbuf_printf(&path, "%s", paths[verb]);
  if (verb != GW_REGISTRAR_PUT) gw_fetch_append_encoded(&path, gw_str_from(id));
  return gw_strbuf_take(&path);
}

static void *consul_send(void *arg, enum gw_registrar_verb verb, const struct gw_instance *instance, gw_registrar_fn fn, void *fn_arg) {
  struct registrar *registrar = arg;
  struct request *request = gw_calloc(1, sizeof(*request));
  *request = (struct request){.registrar = registrar, .fn = fn, .arg = fn_arg};
  gw_timer_init(&request->timer, on_timer);
  struct gw_strbuf body;
  gw_strbuf_init(&body);
  char *id = make_id(instance), *path = make_path(verb, id);
  if (verb == GW_REGISTRAR_PUT)
    write_instance(instance, id, &body);
  else
    gw_strbuf_append(&body, "", 0);
  const struct gw_consul_call call = {.method = "PUT",
                                      .path = path,
                                      .body = gw_strbuf_str(&body),
                                      .timeout_ms = TIMEOUT_MS,
                                      .bytes_max = ANSWER_BYTES_MAX};
  request->fetch = gw_consul_client_call(registrar->client, &call, on_answer, request, &request->reason);
  if (request->fetch == NULL) gw_timer_start(registrar->loop, &request->timer, 0);
  gw_strbuf_done(&body);
  free(id);
  free(path);
  return request;
}

static void consul_cancel(void *arg) {
  struct request *request = arg;
  gw_fetch_cancel(request->fetch);
  request_free(request);
}

static const char *consul_find_mistake(const struct gw_instance *instance) {
  if (instance->group.len > 0 || instance->namespace.len > 0 || instance->cluster.len > 0)
    return "groups, namespaces and clusters are Nacos'";
  return instance->weight != floor(instance->weight) ? "Consul's weights are whole numbers" : NULL;
}

static bool consul_is_same(const struct gw_instance *a, const struct gw_instance *b) {
  char *left = make_id(a), *right = make_id(b);
  bool is_same = strcmp(left, right) == 0;
  free(left);
  free(right);
  return is_same;
}

static void *consul_new(struct gw_loop *loop, struct gw_log *log, struct gw_fetcher *fetcher, const struct gw_settings *settings) {
  (void)log;
  struct registrar *registrar = gw_calloc(1, sizeof(*registrar));
  *registrar = (struct registrar){.loop = loop, .client = gw_consul_client_new(fetcher, settings)};
  return registrar;
}

static void consul_free(void *arg) {
  struct registrar *registrar = arg;
  gw_consul_client_free(registrar->client);
  free(registrar);
}

static const char *const consul_settings[] = {"CONSUL_HOST",       "CONSUL_PORT",
                                              "CONSUL_SCHEME",     "CONSUL_TOKEN",
                                              "CONSUL_TOKEN_FILE", "CONSUL_CA_FILE",
                                              "CONSUL_CERT_FILE",  "CONSUL_KEY_FILE",
                                              "GATEWAY_CA_FILE",   NULL};

const struct gw_registrar_kind gw_registrar_consul = {
    .name = "consul",
    .beat_ms = 5000,
    .settings = consul_settings,
    .new = consul_new,
    .free = consul_free,
    .send = consul_send,
    .cancel = consul_cancel,
    .find_mistake = consul_find_mistake,
    .is_same = consul_is_same,
};
