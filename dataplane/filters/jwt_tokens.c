#include "dataplane/filters/jwt_tokens.h"

#include "common/base/mem.h"
#include "common/message/cookie.h"
#include "common/message/uri.h"

#define WORDS_MAX 1024u

/* Authentication schemes are compared without case (RFC 9110 section 11.1). */
static bool has_prefix(struct gw_str value, const struct gw_jwt_header *header) {
  if (value.len < header->prefix.len) return false;
  struct gw_str start = {value.data, header->prefix.len};
  if (gw_str_equal(header->name, GW_STR("authorization"))) return gw_str_equal_nocase(start, header->prefix);
  return gw_str_equal(start, header->prefix);
}

static void add(struct gw_jwt_found *found, uint32_t *count, struct gw_jwt_found one) {
  if (*count < GW_JWT_FOUND_MAX) found[*count] = one;
  (*count)++;
}

uint32_t gw_jwt_tokens_find(const struct gw_stream *stream, const struct gw_jwt_provider *provider,
                            struct gw_jwt_found ret_found[GW_JWT_FOUND_MAX]) {
  const struct gw_headers *headers = &stream->request.headers;
  uint32_t count = 0;
  for (uint32_t i = 0; i < provider->header_count; i++) {
    const struct gw_jwt_header *wanted = &provider->headers[i];
    enum gw_header_id id = gw_header_id_find(wanted->name);
    for (uint32_t k = 0; k < headers->count; k++) {
      const struct gw_header *header = &headers->items[k];
      if (header->id != id || (id == GW_HEADER_OTHER && !gw_str_equal_nocase(header->name, wanted->name))) continue;
      if (!has_prefix(header->value, wanted)) continue;
      struct gw_str token = gw_str_trim(gw_str_skip(header->value, wanted->prefix.len));
      add(ret_found, &count, (struct gw_jwt_found){.token = token, .value = header->value, .location = GW_JWT_IN_HEADER});
    }
  }
  struct gw_str value;
  for (uint32_t i = 0; i < provider->param_count; i++)
    if (gw_uri_query_find(stream->request.path, provider->params[i], &value) == GW_OK)
      add(ret_found, &count, (struct gw_jwt_found){.token = value, .name = provider->params[i], .location = GW_JWT_IN_PARAM});
  for (uint32_t i = 0; i < provider->cookie_count; i++)
    if (gw_cookie_find(headers, provider->cookies[i], &value) == GW_OK)
      add(ret_found, &count, (struct gw_jwt_found){.token = value, .name = provider->cookies[i], .location = GW_JWT_IN_COOKIE});
  return count;
}

/* That one alone: the field may carry other credentials as well. */
static void remove_header(struct gw_headers *headers, struct gw_str value) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < headers->count; i++)
    if (headers->items[i].value.data != value.data || headers->items[i].value.len != value.len) headers->items[kept++] = headers->items[i];
  headers->count = kept;
}

void gw_jwt_tokens_remove(struct gw_stream *stream, const struct gw_jwt_found *found) {
  struct gw_request_head *request = &stream->request;
  switch (found->location) {
  case GW_JWT_IN_HEADER: remove_header(&request->headers, found->value); return;
  case GW_JWT_IN_PARAM: request->path = gw_uri_query_remove(request->path, found->name, &stream->arena); return;
  case GW_JWT_IN_COOKIE: gw_cookie_remove(&request->headers, &stream->arena, found->name); return;
  }
}

/* ---- what a token says ---- */

/* A string, a number or a boolean as text; empty: none of these, or nothing that could stand in a field. */
static struct gw_str scalar_text(const struct gw_json_value *value, struct gw_arena *arena) {
  struct gw_str text = {NULL, 0};
  if (value == NULL) return text;
  if (value->kind == GW_JSON_STRING) {
    text = value->string;
  } else {
    GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
    if (gw_json_append_scalar(&buf, value)) text = gw_arena_copy(arena, gw_strbuf_str(&buf));
  }
  return gw_header_value_is_valid(text) ? text : (struct gw_str){NULL, 0};
}

/* An array of strings, or one string of words as OAuth's `scope` is (RFC 8693 section 4.2). */
static const struct gw_str *words(const struct gw_json_value *value, struct gw_arena *arena, uint32_t *ret_count) {
  *ret_count = 0;
  if (value == NULL || (value->kind != GW_JSON_ARRAY && value->kind != GW_JSON_STRING)) return NULL;
  uint32_t room = value->kind == GW_JSON_ARRAY ? value->count : 1;
  for (size_t i = 0; value->kind == GW_JSON_STRING && i < value->string.len; i++)
    room += value->string.data[i] == ' ';
  struct gw_str *items = gw_arena_calloc(arena, room < WORDS_MAX ? room : WORDS_MAX, sizeof(*items)), word;
  for (uint32_t i = 0; value->kind == GW_JSON_ARRAY && i < value->count && *ret_count < WORDS_MAX; i++)
    if (value->items[i].kind == GW_JSON_STRING && value->items[i].string.len > 0) items[(*ret_count)++] = value->items[i].string;
  struct gw_str rest = value->kind == GW_JSON_STRING ? value->string : (struct gw_str){NULL, 0};
  while (rest.len > 0 && *ret_count < WORDS_MAX && gw_str_split_next(&rest, ' ', &word))
    if (word.len > 0) items[(*ret_count)++] = word;
  return items;
}

static const struct gw_json_value *walk(const struct gw_token_entry *entry, const struct gw_json_path *path) {
  return path->count > 0 ? gw_json_walk(entry->jwt.claims, path) : NULL;
}

static struct gw_str padded(struct gw_str payload, struct gw_arena *arena) {
  size_t padding = (4 - payload.len % 4) % 4;
  char *text = gw_arena_alloc_bytes(arena, payload.len + padding);
  memcpy(text, payload.data, payload.len);
  memset(text + payload.len, '=', padding);
  return (struct gw_str){text, payload.len + padding};
}

void gw_jwt_entry_fill(struct gw_token_entry *entry, const struct gw_jwt_issuer *issuer) {
  struct gw_arena *arena = &entry->arena;
  struct gw_identity *identity = &entry->identity;
  *identity = (struct gw_identity){.method = GW_AUTH_JWT, .claims = entry->jwt.claims};
  identity->provider = gw_arena_copy(arena, issuer->model->name);
  identity->claims_key = gw_arena_copy(arena, issuer->model->payload_metadata);
  identity->user_id = scalar_text(walk(entry, &issuer->user_id), arena);
  identity->user_name = scalar_text(walk(entry, &issuer->user_name), arena);
  identity->roles = words(walk(entry, &issuer->roles), arena, &identity->role_count);
  identity->permissions = words(walk(entry, &issuer->permissions), arena, &identity->permission_count);
  uint32_t count = issuer->model->claim_header_count;
  struct gw_str *values = gw_arena_calloc(arena, count, sizeof(*values));
  for (uint32_t i = 0; i < count; i++)
    values[i] = scalar_text(walk(entry, &issuer->claim_fields[i].claim), arena);
  entry->field_values = values;
  entry->payload = issuer->model->pads_payload ? padded(entry->jwt.payload, arena) : entry->jwt.payload;
}

void gw_jwt_fields_add(struct gw_stream *stream, const struct gw_token_entry *entry, const struct gw_jwt_issuer *issuer) {
  const struct gw_jwt_provider *model = issuer->model;
  struct gw_headers *headers = &stream->request.headers;
  if (model->payload_header.len > 0) gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, model->payload_header, entry->payload);
  for (uint32_t i = 0; i < model->claim_header_count; i++)
    if (entry->field_values[i].len > 0)
      gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, issuer->claim_fields[i].header, entry->field_values[i]);
}
