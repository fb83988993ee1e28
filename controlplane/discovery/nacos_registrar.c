/* Instances in Nacos: ephemeral ones, which live as long as their beats come. */
#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "controlplane/discovery/nacos_client.h"
#include "controlplane/discovery/registrar.h"

#define TIMEOUT_MS 3000u
#define ANSWER_BYTES_MAX 65536u
#define CODE_FORGOTTEN 20404
#define CODE_GOOD 10200 /* of v1's beats */

struct registrar {
  struct gw_nacos_client *client;
  bool is_v2;
  char *namespace;
  char *group;
};

struct request {
  struct gw_nacos_call *call;
  gw_registrar_fn fn;
  void *arg;
};

static struct gw_str or_default(struct gw_str text, const char *fallback) {
  return text.len > 0 ? text : gw_str_from(fallback);
}

static void append_metadata(struct gw_strbuf *query, const struct gw_instance *instance) {
  struct gw_strbuf json;
  struct gw_json_writer writer;
  if (instance->metadata_count == 0) return;
  gw_strbuf_init(&json);
  gw_json_writer_init(&writer, &json);
  gw_json_object_begin(&writer);
  for (uint32_t i = 0; i < instance->metadata_count; i++) {
    char *name = gw_str_dup(instance->metadata[i].name);
    gw_json_key(&writer, name);
    gw_json_string(&writer, instance->metadata[i].value);
    free(name);
  }
  gw_json_object_end(&writer);
  gw_nacos_append_param(query, "metadata", gw_strbuf_str(&json));
  gw_strbuf_done(&json);
}

static void append_instance(const struct registrar *registrar, const struct gw_instance *instance, struct gw_strbuf *query) {
  struct gw_str group = or_default(instance->group, registrar->group), namespace = or_default(instance->namespace, registrar->namespace);
  char *name = gw_asprintf("%.*s@@%.*s", GW_STR_ARG(group), GW_STR_ARG(instance->service)); /* v2 takes beats with both in one only */
  gw_nacos_append_param(query, "serviceName", gw_str_from(name));
  gw_nacos_append_param(query, "groupName", group);
  if (namespace.len > 0) gw_nacos_append_param(query, "namespaceId", namespace);
  if (instance->cluster.len > 0) gw_nacos_append_param(query, "clusterName", instance->cluster);
  gw_nacos_append_param(query, "ip", instance->address);
  gw_strbuf_printf(query, "&port=%u&ephemeral=true", instance->port);
  free(name);
}

/* 0: it says none; v1 does so but for beats. */
static int64_t find_code(struct gw_str body) {
  const struct gw_json_limits limits = {.bytes_max = ANSWER_BYTES_MAX, .depth_max = 8, .values_max = 256};
  const struct gw_json_value *root;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  const struct gw_json_value *code = NULL;
  if (gw_json_parse(body, &limits, &arena, &root) == GW_OK) {
    const struct gw_json_value *inner = gw_json_find(gw_json_find(root, GW_STR("data")), GW_STR("code"));
    code = inner != NULL ? inner : gw_json_find(root, GW_STR("code"));
  }
  int64_t found = code != NULL && code->kind == GW_JSON_INTEGER ? code->integer : 0;
  gw_arena_done(&arena);
  return found;
}

static enum gw_err judge(const struct gw_nacos_answer *answer) {
  int64_t code = answer->is_good ? find_code(answer->body) : 0;
  if (code == CODE_FORGOTTEN) return GW_ERR_NOT_FOUND;
  if (code != 0 && code != CODE_GOOD) return GW_ERR_INVALID;
  if (answer->is_good) return GW_OK;
  switch (answer->status) {
  case 400: return GW_ERR_INVALID;
  case 401:
  case 403: return GW_ERR_DENIED;
  case 404: return GW_ERR_NOT_FOUND;
  default: return GW_ERR_CLOSED;
  }
}

static void on_answer(void *arg, const struct gw_nacos_answer *answer) {
  struct request *request = arg;
  enum gw_err err = judge(answer);
  request->fn(request->arg, err, err == GW_OK ? "" : answer->is_good ? "Nacos does not take it, or has forgotten it" : answer->words);
  free(request);
}

static void *nacos_send(void *arg, enum gw_registrar_verb verb, const struct gw_instance *instance, gw_registrar_fn fn, void *fn_arg) {
  static const char *const methods[] = {[GW_REGISTRAR_PUT] = "POST", [GW_REGISTRAR_BEAT] = "PUT", [GW_REGISTRAR_TAKE_OUT] = "DELETE"};
  const struct registrar *registrar = arg;
  struct request *request = gw_calloc(1, sizeof(*request));
  *request = (struct request){.fn = fn, .arg = fn_arg};
  struct gw_strbuf query;
  gw_strbuf_init(&query);
  append_instance(registrar, instance, &query);
  if (verb == GW_REGISTRAR_PUT) {
    gw_strbuf_printf(&query, "&weight=%g&enabled=true&healthy=true", instance->weight);
    append_metadata(&query, instance);
  }
  char *path = gw_asprintf("/%s/ns/instance%s", registrar->is_v2 ? "v2" : "v1", verb == GW_REGISTRAR_BEAT ? "/beat" : "");
  const struct gw_nacos_request call = {.method = methods[verb],
                                        .path = path,
                                        .query = gw_strbuf_str(&query),
                                        .timeout_ms = TIMEOUT_MS,
                                        .bytes_max = ANSWER_BYTES_MAX};
  request->call = gw_nacos_client_call(registrar->client, &call, on_answer, request);
  free(path);
  gw_strbuf_done(&query);
  return request;
}

static void nacos_cancel(void *arg) {
  struct request *request = arg;
  gw_nacos_call_cancel(request->call);
  free(request);
}

static const char *nacos_find_mistake(const struct gw_instance *instance) {
  return instance->id.len > 0 || instance->tag_count > 0 ? "IDs and tags are Consul's: Nacos has none" : NULL;
}

static bool nacos_is_same(const struct gw_instance *a, const struct gw_instance *b) {
  return gw_str_equal(a->service, b->service) && gw_str_equal(a->address, b->address) && a->port == b->port &&
         gw_str_equal(a->group, b->group) && gw_str_equal(a->namespace, b->namespace) && gw_str_equal(a->cluster, b->cluster);
}

static void *nacos_new(struct gw_loop *loop, struct gw_log *log, struct gw_fetcher *fetcher, const struct gw_settings *settings) {
  (void)log; /* the source tells of its client, which asks the same servers */
  struct registrar *registrar = gw_calloc(1, sizeof(*registrar));
  *registrar = (struct registrar){.client = gw_nacos_client_new(loop, NULL, fetcher, settings),
                                  .is_v2 = strcmp(settings->nacos_api, "v2") == 0,
                                  .namespace = gw_strdup(settings->nacos_namespace),
                                  .group = gw_strdup(settings->nacos_group)};
  return registrar;
}

static void nacos_free(void *arg) {
  struct registrar *registrar = arg;
  gw_nacos_client_free(registrar->client);
  free(registrar->namespace);
  free(registrar->group);
  free(registrar);
}

const struct gw_registrar_kind gw_registrar_nacos = {
    .name = "nacos",
    .beat_ms = 5000,
    .settings = gw_nacos_client_settings,
    .new = nacos_new,
    .free = nacos_free,
    .send = nacos_send,
    .cancel = nacos_cancel,
    .find_mistake = nacos_find_mistake,
    .is_same = nacos_is_same,
};
