#include "controlplane/cloud/ecs_parse.h"

#include "common/base/mem.h"
#include "common/net/address.h"

#define JOB_SERVERS_MAX 1000u

static struct gw_str text_of(const struct gw_json_value *value, const char *name, struct gw_arena *arena) {
  const struct gw_json_value *found = gw_json_find(value, gw_str_from(name));
  return found != NULL && found->kind == GW_JSON_STRING ? gw_arena_copy(arena, found->string) : (struct gw_str){"", 0};
}

static uint32_t count_of(const struct gw_json_value *array) {
  return array != NULL && array->kind == GW_JSON_ARRAY ? array->count : 0;
}

/* ---- a server ---- */

static bool parse_address(const struct gw_json_value *value, struct gw_arena *arena, struct gw_ecs_address *ret_address) {
  struct gw_address address;
  struct gw_str ip = text_of(value, "addr", arena);
  if (gw_address_parse_ip(ip, 0, &address) != GW_OK) return false;
  *ret_address =
      (struct gw_ecs_address){.ip = ip,
                              .is_v6 = gw_str_find_char(ip, ':') >= 0,
                              .is_floating = gw_json_is_string(gw_json_find(value, GW_STR("OS-EXT-IPS:type")), GW_STR("floating"))};
  return true;
}

static bool is_main_card(const struct gw_json_value *value) {
  const struct gw_json_value *primary = gw_json_find(value, GW_STR("primary"));
  return primary != NULL && primary->kind == GW_JSON_BOOL && primary->boolean;
}

/* {"VPC": [{…}], …}; the main card's before the others'. */
static void parse_addresses(const struct gw_json_value *networks, struct gw_arena *arena, struct gw_ecs_server *server) {
  if (networks == NULL || networks->kind != GW_JSON_OBJECT) return;
  uint32_t count = 0;
  for (uint32_t i = 0; i < networks->count; i++)
    count += count_of(&networks->members[i].value);
  struct gw_ecs_address *addresses = gw_arena_calloc(arena, count, sizeof(*addresses));
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < networks->count; i++) {
      const struct gw_json_value *list = &networks->members[i].value;
      for (uint32_t j = 0; j < count_of(list); j++)
        if (is_main_card(&list->items[j]) == (pass == 0) && parse_address(&list->items[j], arena, &addresses[server->address_count]))
          server->address_count++;
    }
  }
  server->addresses = addresses;
}

static void parse_tags(const struct gw_json_value *list, struct gw_arena *arena, struct gw_ecs_server *server) {
  struct gw_str *tags = gw_arena_calloc(arena, count_of(list), sizeof(*tags));
  for (uint32_t i = 0; i < count_of(list); i++)
    if (list->items[i].kind == GW_JSON_STRING) tags[server->tag_count++] = gw_arena_copy(arena, list->items[i].string);
  server->tags = tags;
}

bool gw_ecs_parse_server(const struct gw_json_value *value, struct gw_arena *arena, struct gw_ecs_server *ret_server) {
  struct gw_ecs_server server = {.id = text_of(value, "id", arena)};
  if (server.id.len == 0) return false;
  server.name = text_of(value, "name", arena);
  server.status = text_of(value, "status", arena);
  server.zone = text_of(value, "OS-EXT-AZ:availability_zone", arena);
  server.created = text_of(value, "created", arena);
  const struct gw_json_value *flavor = gw_json_find(value, GW_STR("flavor"));
  if (flavor != NULL) server.flavor = text_of(flavor, "id", arena);
  parse_addresses(gw_json_find(value, GW_STR("addresses")), arena, &server);
  parse_tags(gw_json_find(value, GW_STR("tags")), arena, &server);
  *ret_server = server;
  return true;
}

const struct gw_ecs_address *gw_ecs_find_address(const struct gw_ecs_server *server, bool is_floating) {
  const struct gw_ecs_address *v6 = NULL;
  for (uint32_t i = 0; i < server->address_count; i++) {
    const struct gw_ecs_address *address = &server->addresses[i];
    if (address->is_floating != is_floating) continue;
    if (!address->is_v6) return address;
    if (v6 == NULL) v6 = address;
  }
  return v6;
}

static bool has_tag(const struct gw_ecs_server *server, struct gw_str tag) {
  bool has_value = gw_str_find_char(tag, '=') >= 0;
  for (uint32_t i = 0; i < server->tag_count; i++) {
    struct gw_str own = server->tags[i];
    ptrdiff_t equals = gw_str_find_char(own, '=');
    if (!has_value && equals >= 0) own.len = (size_t)equals;
    /* The cloud writes an empty value as "key=", or leaves out the sign. */
    bool is_empty_value = has_value && equals < 0 && tag.data[tag.len - 1] == '=';
    if (gw_str_equal(own, tag) || (is_empty_value && gw_str_equal(own, (struct gw_str){tag.data, tag.len - 1}))) return true;
  }
  return false;
}

bool gw_ecs_matches(const struct gw_ecs_server *server, const struct gw_ecs_filter *filter) {
  struct gw_str name = filter->name;
  bool is_prefix = name.len > 0 && name.data[name.len - 1] == '*';
  if (is_prefix) name.len--;
  if (filter->name.len > 0 && !(is_prefix ? gw_str_has_prefix(server->name, name) : gw_str_equal(server->name, name))) return false;
  if (filter->status.len > 0 && !gw_str_equal(server->status, filter->status)) return false;
  return filter->tag.len == 0 || has_tag(server, filter->tag);
}

/* ---- a job ---- */

static enum gw_ecs_job_state state_of(struct gw_str status) {
  return gw_str_equal(status, GW_STR("SUCCESS")) ? GW_ECS_JOB_SUCCESS
         : gw_str_equal(status, GW_STR("FAIL"))  ? GW_ECS_JOB_FAILED
                                                 : GW_ECS_JOB_RUNNING;
}

static const char *words_of(const struct gw_json_value *job, struct gw_arena *arena) {
  struct gw_str reason = text_of(job, "fail_reason", arena), code = text_of(job, "error_code", arena);
  if (reason.len == 0 && code.len == 0) return "";
  return reason.len > 0 && code.len > 0 ? gw_arena_printf(arena, "%.*s (%.*s)", GW_STR_ARG(reason), GW_STR_ARG(code))
                                        : gw_arena_printf(arena, "%.*s%.*s", GW_STR_ARG(reason), GW_STR_ARG(code));
}

static void add_server(const struct gw_json_value *entities, struct gw_arena *arena, struct gw_str *ids, struct gw_ecs_job *job) {
  struct gw_str id = entities != NULL ? text_of(entities, "server_id", arena) : (struct gw_str){"", 0};
  if (id.len > 0) ids[job->server_count++] = id;
}

static void parse_parts(const struct gw_json_value *entities, struct gw_arena *arena, struct gw_ecs_job *job) {
  const struct gw_json_value *parts = gw_json_find(entities, GW_STR("sub_jobs")), *total = gw_json_find(entities, GW_STR("sub_jobs_total"));
  uint32_t count = count_of(parts);
  if (count > JOB_SERVERS_MAX) count = JOB_SERVERS_MAX;
  struct gw_str *ids = gw_arena_calloc(arena, count + 1, sizeof(*ids));
  add_server(entities, arena, ids, job);
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_json_value *part = &parts->items[i];
    enum gw_ecs_job_state state = state_of(text_of(part, "status", arena));
    job->done_count += state == GW_ECS_JOB_SUCCESS;
    job->failed_count += state == GW_ECS_JOB_FAILED;
    if (state == GW_ECS_JOB_FAILED && job->words[0] == '\0') job->words = words_of(part, arena);
    add_server(gw_json_find(part, GW_STR("entities")), arena, ids, job);
  }
  job->server_ids = ids;
  job->total_count = count;
  if (total != NULL && total->kind == GW_JSON_INTEGER && total->integer > count && total->integer <= JOB_SERVERS_MAX)
    job->total_count = (uint32_t)total->integer;
}

bool gw_ecs_parse_job(const struct gw_json_value *value, struct gw_arena *arena, struct gw_ecs_job *ret_job) {
  struct gw_ecs_job job = {.words = "", .id = text_of(value, "job_id", arena), .cloud_status = text_of(value, "status", arena)};
  if (job.id.len == 0 || job.cloud_status.len == 0) return false;
  job.type = text_of(value, "job_type", arena);
  job.state = state_of(job.cloud_status);
  job.words = words_of(value, arena);
  const struct gw_json_value *entities = gw_json_find(value, GW_STR("entities"));
  if (entities != NULL) parse_parts(entities, arena, &job);
  if (job.state == GW_ECS_JOB_FAILED && job.words[0] == '\0') job.words = "the cloud does not say why";
  *ret_job = job;
  return true;
}
