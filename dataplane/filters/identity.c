#include "dataplane/filters/identity.h"

#include "common/base/mem.h"
#include "common/model/forwarded_identity.h"
#include "common/routing/reserved_fields.h"
#include "common/routing/route_table.h"
#include "dataplane/pipeline/stream_trace.h"

/* version "-" trace id "-" … (W3C Trace Context, section 3.2). */
#define TRACE_ID_AT 3u
#define TRACEPARENT_LEN 55u

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  (void)build;
  return model->settings.forwarded_identity;
}

/* Fields lose the spaces around them on the way: " admin" would become "admin". */
static bool may_stand(struct gw_str value) {
  return value.len > 0 && gw_header_value_is_valid(value) && gw_str_trim(value).len == value.len;
}

/* What is ours. */
static void add(struct gw_stream *stream, struct gw_str name, struct gw_str value) {
  if (name.len > 0) gw_headers_add(&stream->request.headers, &stream->arena, GW_HEADER_OTHER, name, value);
}

static void put(struct gw_stream *stream, struct gw_str name, struct gw_str value) {
  if (name.len > 0 && may_stand(value)) add(stream, name, value);
}

/* "admin,editor". What a list can't hold without becoming something else is not told. */
static void put_list(struct gw_stream *stream, struct gw_str name, const struct gw_str *items, uint32_t count) {
  if (name.len == 0 || count == 0) return;
  size_t room = 0, len = 0;
  for (uint32_t i = 0; i < count; i++)
    room += items[i].len + 1;
  char *text = gw_arena_alloc_bytes(&stream->arena, room);
  for (uint32_t i = 0; i < count; i++) {
    if (!may_stand(items[i]) || gw_str_find_char(items[i], ',') >= 0) continue;
    if (len > 0) text[len++] = ',';
    memcpy(text + len, items[i].data, items[i].len);
    len += items[i].len;
  }
  put(stream, name, (struct gw_str){text, len});
}

static bool is_trace_id(struct gw_str text) {
  bool is_zero = true;
  for (size_t i = 0; i < text.len; i++) {
    bool is_hex = (text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f');
    if (!is_hex) return false;
    is_zero = is_zero && text.data[i] == '0';
  }
  return !is_zero;
}

/* What is no UUID (RFC 9562 section 4) is an id that a client was allowed to choose. */
static size_t copy_without_hyphens(struct gw_str id, char *to) {
  const char *at = id.data;
  if (id.len == 36 && at[8] == '-' && at[13] == '-' && at[18] == '-' && at[23] == '-') {
    memcpy(to, at, 8);
    memcpy(to + 8, at + 9, 4);
    memcpy(to + 12, at + 14, 4);
    memcpy(to + 16, at + 19, 4);
    memcpy(to + 20, at + 24, 12);
    return 32;
  }
  size_t len = 0;
  for (size_t i = 0; i < id.len; i++)
    if (at[i] != '-') to[len++] = at[i];
  return len;
}

/* Where nothing is traced: of traceparent, or, for who has none, the request's id, which is a UUID, without its hyphens. */
static struct gw_str trace_id(struct gw_stream *stream) {
  const struct gw_header *parent = gw_headers_find(&stream->request.headers, GW_HEADER_TRACEPARENT);
  if (parent != NULL && parent->value.len >= TRACEPARENT_LEN) {
    struct gw_str id = {parent->value.data + TRACE_ID_AT, GW_TRACE_ID_LEN};
    if (is_trace_id(id)) return id;
  }
  char *text = gw_arena_alloc_bytes(&stream->arena, stream->request_id.len + 1);
  return (struct gw_str){text, copy_without_hyphens(stream->request_id, text)};
}

static void put_trace(struct gw_stream *stream, const struct gw_forwarded_identity *names) {
  if (stream->trace != NULL) {
    add(stream, names->trace_id, gw_stream_trace_id(stream));
    add(stream, names->span_id, gw_stream_span_id(stream));
  } else if (names->trace_id.len > 0) {
    put(stream, names->trace_id, trace_id(stream));
  }
}

static void put_path_parameters(struct gw_stream *stream, struct gw_str prefix) {
  struct gw_route_variable variables[GW_ROUTE_VARIABLES_MAX];
  const struct gw_frozen_routes *routes = gw_stream_find_routes(stream);
  uint32_t count = gw_route_table_variables(routes->table, stream->route, stream->request.path, variables);
  for (uint32_t i = 0; i < count; i++) {
    struct gw_str name = variables[i].name;
    char *text = gw_arena_alloc_bytes(&stream->arena, prefix.len + name.len);
    memcpy(text, prefix.data, prefix.len);
    for (size_t k = 0; k < name.len; k++)
      text[prefix.len + k] = gw_reserved_fields_fold(name.data[k]);
    put(stream, (struct gw_str){text, prefix.len + name.len}, variables[i].value);
  }
}

static void put_user(struct gw_stream *stream, const struct gw_forwarded_identity *names, const struct gw_identity *identity) {
  put(stream, names->user_id, identity->user_id);
  put(stream, names->user_name, identity->user_name);
  put_list(stream, names->roles, identity->roles, identity->role_count);
  put_list(stream, names->permissions, identity->permissions, identity->permission_count);
  put(stream, names->method, identity->method == GW_AUTH_JWT ? GW_STR("jwt") : GW_STR("api_key"));
}

/* What came under these names from outside is gone already (reserved_fields.h). */
static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings) {
  (void)state;
  const struct gw_forwarded_identity *names = settings;
  const struct gw_route *route = gw_stream_get_route(stream);
  if (route == NULL || route->action != GW_ROUTE_FORWARD) return GW_VERDICT_NEXT;
  if (stream->identity != NULL) put_user(stream, names, stream->identity);
  if (!gw_str_equal(names->request_id, GW_STR("x-request-id"))) put(stream, names->request_id, stream->request_id);
  put_trace(stream, names);
  if (names->client_address.len > 0) {
    char text[GW_ADDRESS_TEXT_SIZE];
    put(stream, names->client_address, gw_arena_copy(&stream->arena, gw_address_format_ip(&stream->remote, text)));
  }
  put(stream, names->route, route->name);
  if (names->path_parameter_prefix.len > 0) put_path_parameters(stream, names->path_parameter_prefix);
  return GW_VERDICT_NEXT;
}

const struct gw_filter gw_filter_identity = {
    .name = "gateway.filters.http.identity",
    .kind = GW_FILTER_IDENTITY,
    .build = build,
    .on_request = on_request,
};
