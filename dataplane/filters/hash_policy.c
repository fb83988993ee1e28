#include "dataplane/filters/hash_policy.h"

#include <stdlib.h>

#include "common/base/xxh64.h"
#include "common/message/cookie.h"
#include "common/message/uri.h"
#include "dataplane/pipeline/pipeline.h"

static int compare_values(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

/* All values, in an order that does not depend on who merged or split the field on the way. */
static bool hash_header(struct gw_stream *stream, struct gw_str name, uint64_t *ret_hash) {
  const struct gw_headers *headers = &stream->request.headers;
  if (gw_str_equal(name, GW_STR("host"))) { /* whatever version of HTTP brought it, it is none of the fields */
    *ret_hash = gw_xxh64(stream->request.authority, 0);
    return stream->request.authority.len > 0;
  }
  struct gw_header *first = gw_headers_find_name(headers, name);
  if (first == NULL) return false;
  struct gw_str *values = gw_arena_calloc(&stream->arena, headers->count, sizeof(*values));
  uint32_t count = 0;
  for (const struct gw_header *header = first; header < headers->items + headers->count; header++)
    if (gw_str_equal_nocase(header->name, name)) values[count++] = header->value;
  qsort(values, count, sizeof(*values), compare_values);
  uint64_t hash = 0;
  for (uint32_t i = 0; i < count; i++)
    hash = gw_xxh64(values[i], hash);
  *ret_hash = hash;
  return true;
}

/* "NAME=VALUE; Max-Age=60; Path=/; HttpOnly" (RFC 6265 section 4.1). */
static void set_cookie(struct gw_stream *stream, const struct gw_hash_policy *policy, struct gw_str value, struct gw_headers *cookies) {
  unsigned long long ttl_s = (policy->cookie_ttl_ms + 999) / 1000;
  const char *age = ttl_s > 0 ? gw_arena_printf(&stream->arena, "; Max-Age=%llu", ttl_s) : "";
  const char *text = gw_arena_printf(&stream->arena, "%.*s=%.*s%s%s%.*s; HttpOnly", GW_STR_ARG(policy->name), GW_STR_ARG(value), age,
                                     policy->cookie_path.len > 0 ? "; Path=" : "", GW_STR_ARG(policy->cookie_path));
  gw_headers_add(cookies, &stream->arena, GW_HEADER_OTHER, GW_STR("set-cookie"), gw_str_from(text));
}

static bool hash_cookie(struct gw_stream *stream, const struct gw_hash_policy *policy, struct gw_headers *cookies, uint64_t *ret_hash) {
  struct gw_str value = {NULL, 0};
  gw_cookie_find(&stream->request.headers, policy->name, &value);
  if (value.len == 0 && !policy->has_cookie_ttl) return false;
  if (value.len == 0) {
    unsigned long long made_up = gw_random_next(&stream->pipeline->random);
    value = gw_str_from(gw_arena_printf(&stream->arena, "%016llx", made_up));
    set_cookie(stream, policy, value, cookies);
  }
  *ret_hash = gw_xxh64(value, 0);
  return true;
}

static bool hash_policy(struct gw_stream *stream, const struct gw_hash_policy *policy, struct gw_headers *cookies, uint64_t *ret_hash) {
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_str value;
  switch (policy->kind) {
  case GW_HASH_HEADER: return hash_header(stream, policy->name, ret_hash);
  case GW_HASH_COOKIE: return hash_cookie(stream, policy, cookies, ret_hash);
  case GW_HASH_QUERY:
    if (gw_uri_query_find(stream->request.path, policy->name, &value) != GW_OK) return false;
    *ret_hash = gw_xxh64(value, 0);
    return true;
  case GW_HASH_CLIENT: *ret_hash = gw_xxh64(gw_address_format_ip(&stream->remote, text), 0); return true;
  }
  return false;
}

struct gw_balancer_key gw_hash_policy_key(struct gw_stream *stream, const struct gw_route_forward *forward, struct gw_headers *cookies) {
  struct gw_balancer_key key = {false, 0};
  for (uint32_t i = 0; i < forward->hash_policy_count; i++) {
    const struct gw_hash_policy *policy = &forward->hash_policies[i];
    uint64_t hash;
    if (hash_policy(stream, policy, cookies, &hash)) {
      /* Turned by a bit, so that two equal ones don't cancel each other out. */
      key.hash = ((key.hash << 1) | (key.hash >> 63)) ^ hash;
      key.has_hash = true;
    }
    if (policy->is_terminal && key.has_hash) break;
  }
  return key;
}
