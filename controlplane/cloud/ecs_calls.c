/* What makes and deletes servers, and the jobs that the cloud does it by. */
#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "controlplane/cloud/ecs.h"
#include "controlplane/cloud/ecs_parse.h"

#define SERVER_BYTES_MAX ((size_t)64 * 1024)
#define COUNT_MAX 500u

struct gw_ecs_call {
  struct gw_huawei_call *call;
  gw_ecs_job_fn fn;
  void *arg;
  bool is_job; /* the answer is a job, not the promise of one */
};

void gw_ecs_call_cancel(struct gw_ecs_call *call) {
  if (call == NULL) return;
  gw_huawei_call_cancel(call->call);
  free(call);
}

/* {"job_id", "serverIds"}, or nothing of these. */
static void parse_promise(const struct gw_json_value *json, struct gw_arena *arena, struct gw_ecs_job *job) {
  const struct gw_json_value *id = gw_json_find(json, GW_STR("job_id")), *ids = gw_json_find(json, GW_STR("serverIds"));
  if (id != NULL && id->kind == GW_JSON_STRING) job->id = id->string;
  if (ids == NULL || ids->kind != GW_JSON_ARRAY) return;
  struct gw_str *list = gw_arena_calloc(arena, ids->count, sizeof(*list));
  for (uint32_t i = 0; i < ids->count; i++)
    if (ids->items[i].kind == GW_JSON_STRING) list[job->server_count++] = ids->items[i].string;
  job->server_ids = list;
  job->total_count = job->server_count;
}

static void on_answer(void *arg, const struct gw_huawei_answer *answer) {
  struct gw_ecs_call *call = arg;
  struct gw_arena arena;
  struct gw_ecs_job job = {.err = answer->err, .words = answer->words, .id = GW_STR(""), .type = GW_STR(""), .cloud_status = GW_STR("")};
  gw_arena_init(&arena, 4096);
  call->call = NULL;
  if (answer->err == GW_OK && call->is_job && !gw_ecs_parse_job(answer->json, &arena, &job)) {
    job.err = GW_ERR_CLOSED;
    job.words = "the cloud answers what is no job";
  }
  if (answer->err == GW_OK && !call->is_job) parse_promise(answer->json, &arena, &job);
  call->fn(call->arg, &job);
  gw_arena_done(&arena);
  gw_ecs_call_cancel(call);
}

static struct gw_ecs_call *start(struct gw_huawei *huawei, const char *path, struct gw_str body, gw_ecs_job_fn fn, void *arg) {
  struct gw_ecs_call *call = gw_calloc(1, sizeof(*call));
  *call = (struct gw_ecs_call){.fn = fn, .arg = arg, .is_job = body.data == NULL};
  const struct gw_huawei_ask ask = {.service = GW_HUAWEI_ECS, .path = path, .body = body};
  call->call = gw_huawei_call_start(huawei, &ask, on_answer, call);
  return call;
}

bool gw_ecs_is_id(struct gw_str id) {
  if (id.len == 0 || id.len > 64) return false;
  for (size_t i = 0; i < id.len; i++) {
    char c = id.data[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-')) return false;
  }
  return true;
}

/* ---- create ---- */

static void write_tag(struct gw_json_writer *writer, struct gw_str tag) {
  ptrdiff_t equals = gw_str_find_char(tag, '=');
  gw_json_object_begin(writer);
  gw_json_key(writer, "key");
  gw_json_string(writer, (struct gw_str){tag.data, (size_t)equals});
  gw_json_key(writer, "value");
  gw_json_string(writer, gw_str_skip(tag, (size_t)equals + 1));
  gw_json_object_end(writer);
}

static void write_value(struct gw_json_writer *writer, const struct gw_json_value *value) {
  if (writer->needs_comma) gw_strbuf_append_char(writer->buf, ',');
  gw_json_append_value(writer->buf, value);
  writer->needs_comma = true;
}

static void write_tags(struct gw_json_writer *writer, const struct gw_json_value *written, const struct gw_ecs_create *create) {
  gw_json_key(writer, "server_tags");
  gw_json_array_begin(writer);
  for (uint32_t i = 0; written != NULL && written->kind == GW_JSON_ARRAY && i < written->count; i++)
    write_value(writer, &written->items[i]);
  for (uint32_t i = 0; i < create->tag_count; i++)
    write_tag(writer, create->tags[i]);
  gw_json_array_end(writer);
}

static bool is_replaced(struct gw_str name, const struct gw_ecs_create *create) {
  return (create->name.len > 0 && gw_str_equal(name, GW_STR("name"))) || (create->count > 0 && gw_str_equal(name, GW_STR("count"))) ||
         (create->tag_count > 0 && gw_str_equal(name, GW_STR("server_tags")));
}

static void write_body(struct gw_strbuf *body, const struct gw_json_value *server, const struct gw_ecs_create *create,
                       struct gw_arena *arena) {
  struct gw_json_writer writer;
  gw_json_writer_init(&writer, body);
  gw_json_object_begin(&writer);
  if (create->is_dry_run) {
    gw_json_key(&writer, "dry_run");
    gw_json_bool(&writer, true);
  }
  gw_json_key(&writer, "server");
  gw_json_object_begin(&writer);
  for (uint32_t i = 0; i < server->count; i++) {
    if (is_replaced(server->members[i].name, create)) continue;
    gw_json_key(&writer, gw_arena_copy(arena, server->members[i].name).data);
    write_value(&writer, &server->members[i].value);
  }
  if (create->name.len > 0) {
    gw_json_key(&writer, "name");
    gw_json_string(&writer, create->name);
  }
  if (create->count > 0) {
    gw_json_key(&writer, "count");
    gw_json_u64(&writer, create->count);
  }
  if (create->tag_count > 0) write_tags(&writer, gw_json_find(server, GW_STR("server_tags")), create);
  gw_json_object_end(&writer);
  gw_json_object_end(&writer);
}

/* NULL: it may be sent. */
static char *find_gap(const struct gw_json_value *server, const struct gw_ecs_create *create) {
  static const char *const needed[] = {"name", "imageRef", "flavorRef", "vpcid", "nics", "root_volume"};
  struct gw_strbuf gaps;
  gw_strbuf_init(&gaps);
  if (server == NULL || server->kind != GW_JSON_OBJECT)
    return gw_strdup("a JSON object is wanted: {\"server\": {…}}, as the cloud's API has it");
  for (size_t i = 0; i < GW_ARRAY_LEN(needed); i++) {
    if (gw_json_find(server, gw_str_from(needed[i])) == NULL && !(i == 0 && create->name.len > 0))
      gw_strbuf_printf(&gaps, "%s%s", gaps.len > 0 ? ", " : "", needed[i]);
  }
  for (uint32_t i = 0; i < create->tag_count; i++)
    if (gw_str_find_char(create->tags[i], '=') <= 0) {
      gw_strbuf_done(&gaps);
      return gw_asprintf("the tag %.*s: KEY=VALUE is wanted", GW_STR_ARG(create->tags[i]));
    }
  char *words = gaps.len > 0 ? gw_asprintf("the server needs %s, too", gaps.data) : NULL;
  gw_strbuf_done(&gaps);
  if (words == NULL && create->count > COUNT_MAX)
    words = gw_asprintf("%u servers at once: at most %u are allowed", create->count, COUNT_MAX);
  return words;
}

struct gw_ecs_call *gw_ecs_create_start(struct gw_huawei *huawei, const struct gw_ecs_create *create, gw_ecs_job_fn fn, void *arg,
                                        char **ret_words) {
  const struct gw_json_limits limits = {SERVER_BYTES_MAX, 16, 4096};
  const struct gw_json_value *server = NULL;
  struct gw_arena arena;
  struct gw_strbuf body;
  struct gw_ecs_call *call = NULL;
  gw_arena_init(&arena, 8192);
  gw_strbuf_init(&body);
  gw_strbuf_reserve(&body, 4 * SERVER_BYTES_MAX);
  if (gw_json_parse(create->server, &limits, &arena, &server) != GW_OK) server = NULL;
  const struct gw_json_value *inner = gw_json_find(server, GW_STR("server"));
  if (inner != NULL) server = inner;
  char *words = find_gap(server, create);
  if (words == NULL) {
    write_body(&body, server, create, &arena);
    call = start(huawei, "/v1.1/" GW_HUAWEI_PROJECT "/cloudservers", gw_strbuf_str(&body), fn, arg);
  } else {
    *ret_words = words;
  }
  gw_strbuf_wipe(&body); /* a password of the server's may be in it */
  gw_arena_wipe(&arena);
  gw_arena_done(&arena);
  return call;
}

/* ---- delete, and jobs ---- */

struct gw_ecs_call *gw_ecs_delete_start(struct gw_huawei *huawei, const struct gw_ecs_delete *request, gw_ecs_job_fn fn, void *arg,
                                        char **ret_words) {
  if (request->id_count == 0 || request->id_count > GW_ECS_DELETE_MAX) {
    *ret_words = gw_asprintf("%u servers: 1 to %u are allowed", request->id_count, GW_ECS_DELETE_MAX);
    return NULL;
  }
  for (uint32_t i = 0; i < request->id_count; i++) {
    if (gw_ecs_is_id(request->ids[i])) continue;
    *ret_words = gw_asprintf("%.*s is no id of a server; ecs list shows them", (int)(request->ids[i].len < 64 ? request->ids[i].len : 64),
                             request->ids[i].data);
    return NULL;
  }
  struct gw_strbuf body;
  struct gw_json_writer writer;
  gw_strbuf_init(&body);
  gw_json_writer_init(&writer, &body);
  gw_json_object_begin(&writer);
  gw_json_key(&writer, "servers");
  gw_json_array_begin(&writer);
  for (uint32_t i = 0; i < request->id_count; i++) {
    gw_json_object_begin(&writer);
    gw_json_key(&writer, "id");
    gw_json_string(&writer, request->ids[i]);
    gw_json_object_end(&writer);
  }
  gw_json_array_end(&writer);
  gw_json_key(&writer, "delete_publicip");
  gw_json_bool(&writer, request->with_addresses);
  gw_json_key(&writer, "delete_volume");
  gw_json_bool(&writer, request->with_volumes);
  gw_json_object_end(&writer);
  struct gw_ecs_call *call = start(huawei, "/v1/" GW_HUAWEI_PROJECT "/cloudservers/delete", gw_strbuf_str(&body), fn, arg);
  gw_strbuf_done(&body);
  return call;
}

struct gw_ecs_call *gw_ecs_job_start(struct gw_huawei *huawei, struct gw_str id, gw_ecs_job_fn fn, void *arg, char **ret_words) {
  if (!gw_ecs_is_id(id)) {
    *ret_words = gw_strdup("that is no id of a job");
    return NULL;
  }
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("/v1/" GW_HUAWEI_PROJECT "/jobs/%.*s", GW_STR_ARG(id));
  return start(huawei, path, (struct gw_str){NULL, 0}, fn, arg);
}
