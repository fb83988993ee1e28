#include "dataplane/filters/local_limit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/model/route.h"
#include "dataplane/filters/limit_check.h"

#define MILLION 1000000u
#define GRPC_RESOURCE_EXHAUSTED 8
/* Where claims are in Envoy's metadata. */
#define JWT_FILTER "envoy.filters.http.jwt_authn"
#define JWT_PAYLOAD "payload"

struct settings {
  const struct gw_local_limit *model;
  struct gw_rate_limit_rate rate;   /* of the default bucket */
  struct gw_rate_limit_rate *rates; /* of the descriptors */
  bool *is_dynamic;                 /* the descriptor has an entry for any value */
  bool is_route;
};

/* ---- settings ---- */

static struct gw_rate_limit_rate make_rate(const struct gw_token_bucket *bucket) {
  return gw_rate_limit_rate_make(bucket->tokens_per_fill, bucket->fill_interval_ms, bucket->max_tokens);
}

static const struct settings *build_settings(struct gw_arena *arena, const struct gw_local_limit *model, bool is_route) {
  struct settings *settings = gw_arena_calloc(arena, 1, sizeof(*settings));
  settings->model = model;
  settings->is_route = is_route;
  settings->rates = gw_arena_calloc(arena, model->descriptor_count, sizeof(*settings->rates));
  settings->is_dynamic = gw_arena_calloc(arena, model->descriptor_count, sizeof(*settings->is_dynamic));
  if (model->has_bucket) settings->rate = make_rate(&model->bucket);
  for (uint32_t i = 0; i < model->descriptor_count; i++) {
    const struct gw_rate_limit_descriptor *descriptor = &model->descriptors[i];
    settings->rates[i] = make_rate(&descriptor->bucket);
    for (uint32_t k = 0; k < descriptor->count; k++)
      if (descriptor->entries[k].value.len == 0) settings->is_dynamic[i] = true;
  }
  return settings;
}

static const void *build(const struct gw_filter_build *build, const struct gw_http_filter *model) {
  return build_settings(build->arena, &model->settings.local_limit, false);
}

static const void *build_route(const struct gw_filter_build *build, const struct gw_route_filters *model) {
  return model->local_limit != NULL ? build_settings(build->arena, &model->local_limit->limit, true) : NULL;
}

/* ---- descriptors of a request ---- */

static struct gw_str format_network(struct gw_stream *stream, const struct gw_rate_limit_action *action) {
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_address address = stream->remote;
  bool is_v4 = address.any.sa_family == AF_INET;
  unsigned bits = is_v4 ? action->v4_bits : action->v6_bits;
  unsigned char *bytes = is_v4 ? (unsigned char *)&address.v4.sin_addr : address.v6.sin6_addr.s6_addr;
  for (unsigned i = 0; i < (is_v4 ? 4u : 16u); i++) {
    unsigned kept = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
    bytes[i] &= (unsigned char)(0xff00u >> kept);
  }
  struct gw_str ip = gw_address_format_ip(&address, text);
  return gw_str_from(gw_arena_printf(&stream->arena, "%.*s/%u", GW_STR_ARG(ip), bits));
}

/* Strings only, as in Envoy. */
static bool find_claim(const struct gw_stream *stream, const struct gw_rate_limit_action *action, struct gw_str *ret_value) {
  if (stream->identity == NULL || !gw_str_equal(action->from, GW_STR(JWT_FILTER))) return false;
  if (!gw_str_equal(action->path[0], GW_STR(JWT_PAYLOAD))) return false;
  const struct gw_json_path path = {action->path + 1, action->path_count - 1};
  const struct gw_json_value *value = gw_json_walk(stream->identity->claims, &path);
  if (value == NULL || value->kind != GW_JSON_STRING || value->string.len == 0) return false;
  *ret_value = value->string;
  return true;
}

/* false: the request does not have it. */
static bool find_value(struct gw_stream *stream, const struct gw_rate_limit_action *action, struct gw_str *ret_value) {
  char text[GW_ADDRESS_TEXT_SIZE];
  const struct gw_header *header;
  switch (action->kind) {
  case GW_RATE_LIMIT_GENERIC_KEY: *ret_value = action->value; return true;
  case GW_RATE_LIMIT_REMOTE_ADDRESS: *ret_value = gw_arena_copy(&stream->arena, gw_address_format_ip(&stream->remote, text)); return true;
  case GW_RATE_LIMIT_MASKED_ADDRESS: *ret_value = format_network(stream, action); return true;
  case GW_RATE_LIMIT_HEADER:
    header = gw_headers_find_name(&stream->request.headers, action->from);
    if (header == NULL) return false;
    *ret_value = header->value;
    return true;
  case GW_RATE_LIMIT_METADATA:
    if (find_claim(stream, action, ret_value)) return true;
    *ret_value = action->value;
    return action->value.len > 0;
  }
  return false;
}

struct descriptor {
  struct gw_rate_limit_entry entries[GW_RATE_LIMIT_DESCRIPTORS_MAX];
  uint32_t count;
  uint32_t credentials; /* a bit for each that is one */
};
_Static_assert(GW_RATE_LIMIT_DESCRIPTORS_MAX <= 32, "a bit for each");

static bool is_credential(const struct gw_rate_limit_action *action) {
  return action->kind == GW_RATE_LIMIT_HEADER && gw_header_is_credential(gw_header_id_find(action->from), action->from);
}

/* false: the request has no such descriptor. */
static bool make_descriptor(struct gw_stream *stream, const struct gw_rate_limit_actions *actions, struct descriptor *descriptor) {
  descriptor->count = descriptor->credentials = 0;
  for (uint32_t i = 0; i < actions->count; i++) {
    const struct gw_rate_limit_action *action = &actions->items[i];
    struct gw_str value;
    if (find_value(stream, action, &value)) {
      if (is_credential(action)) descriptor->credentials |= 1u << descriptor->count;
      descriptor->entries[descriptor->count++] = (struct gw_rate_limit_entry){action->key, value};
    } else if (!action->is_skipped_if_absent) {
      return false;
    }
  }
  return descriptor->count > 0;
}

static bool matches(const struct gw_rate_limit_descriptor *limit, const struct descriptor *descriptor) {
  if (limit->count != descriptor->count) return false;
  for (uint32_t i = 0; i < limit->count; i++) {
    if (!gw_str_equal(limit->entries[i].key, descriptor->entries[i].key)) return false;
    if (limit->entries[i].value.len > 0 && !gw_str_equal(limit->entries[i].value, descriptor->entries[i].value)) return false;
  }
  return true;
}

/* The one with the values themselves before those for any. UINT32_MAX: none. */
static uint32_t find_limit(const struct settings *settings, const struct descriptor *descriptor) {
  for (int is_dynamic = 0; is_dynamic < 2; is_dynamic++)
    for (uint32_t i = 0; i < settings->model->descriptor_count; i++)
      if (settings->is_dynamic[i] == is_dynamic && matches(&settings->model->descriptors[i], descriptor)) return i;
  return UINT32_MAX;
}

/* ---- buckets ---- */

/* Routes with equal settings have buckets of their own; they are known by the route's name, which stays when others come and go. */
static void init_key(struct gw_stream *stream, const struct settings *settings, struct gw_limit_key *key) {
  gw_limit_key_init(key, GW_STR("local"));
  gw_limit_key_add(key, settings->model->stat_prefix);
  if (!settings->is_route) {
    gw_limit_key_add(key, stream->listener->http->model->name);
    return;
  }
  const struct gw_route *route = stream->route;
  gw_limit_key_add(key, gw_stream_find_routes(stream)->config->name);
  gw_limit_key_add(key, route->name);
  if (route->name.len == 0) gw_limit_key_add(key, (struct gw_str){(const char *)&route->index, sizeof(route->index)});
}

/* For the log, when credentials, which values may come from, are gone. */
static struct gw_limit_words describe(struct gw_stream *stream, const struct settings *settings, const struct descriptor *descriptor) {
  if (!gw_limit_wants_words(stream)) return (struct gw_limit_words){0};
  struct gw_rate_limit_entry *entries = gw_arena_alloc(&stream->arena, descriptor->count * sizeof(*entries));
  for (uint32_t i = 0; i < descriptor->count; i++) {
    bool is_hidden = (descriptor->credentials & 1u << i) != 0;
    entries[i].key = descriptor->entries[i].key;
    entries[i].value = is_hidden ? GW_STR(GW_LIMIT_REDACTED) : gw_arena_copy(&stream->arena, descriptor->entries[i].value);
  }
  return (struct gw_limit_words){settings->model->stat_prefix, entries, descriptor->count};
}

/* Ascending by rate, as Envoy asks them. */
static void insert_sorted(struct gw_limit_bucket *buckets, uint32_t count, struct gw_limit_bucket bucket) {
  uint32_t i = count;
  for (; i > 0 && buckets[i - 1].rate.interval_ticks < bucket.rate.interval_ticks; i--)
    buckets[i] = buckets[i - 1];
  buckets[i] = bucket;
}

static uint32_t find_buckets(struct gw_stream *stream, const struct settings *settings, struct gw_limit_bucket *buckets) {
  const struct gw_local_limit *model = settings->model;
  struct gw_limit_key route_key;
  uint32_t count = 0;
  init_key(stream, settings, &route_key);
  for (uint32_t i = 0; i < model->rate_limit_count; i++) {
    struct descriptor descriptor;
    if (!make_descriptor(stream, &model->rate_limits[i], &descriptor)) continue;
    uint32_t found = find_limit(settings, &descriptor);
    if (found == UINT32_MAX) continue;
    struct gw_limit_key key = route_key;
    gw_limit_key_add_rate(&key, &settings->rates[found]);
    for (uint32_t k = 0; k < descriptor.count; k++) {
      gw_limit_key_add(&key, descriptor.entries[k].key);
      gw_limit_key_add(&key, descriptor.entries[k].value);
    }
    insert_sorted(buckets, count++,
                  (struct gw_limit_bucket){gw_limit_key_hash(&key), settings->rates[found], GW_LIMIT_SCOPE_LOCAL,
                                           describe(stream, settings, &descriptor)});
  }
  if (model->has_bucket && (count == 0 || model->always_consumes_bucket)) {
    gw_limit_key_add_rate(&route_key, &settings->rate);
    buckets[count++] =
        (struct gw_limit_bucket){gw_limit_key_hash(&route_key), settings->rate, GW_LIMIT_SCOPE_LOCAL, {.name = model->stat_prefix}};
  }
  return count;
}

/* ---- requests ---- */

static bool happens(struct gw_stream *stream, uint32_t millionths) {
  return millionths >= MILLION || (millionths > 0 && gw_random_below(&stream->pipeline->random, MILLION) < millionths);
}

static void add_response_headers(struct gw_stream *stream, const struct gw_local_limit *model) {
  struct gw_headers *headers = &stream->response.headers;
  for (uint32_t i = 0; i < model->response_header_count; i++) {
    const struct gw_header_option *option = &model->response_headers[i];
    if (option->value.len > 0 || option->keeps_empty) gw_headers_add(headers, &stream->arena, GW_HEADER_OTHER, option->name, option->value);
  }
}

static enum gw_verdict on_request(struct gw_stream *stream, void *state, const void *settings_arg) {
  (void)state;
  const struct settings *settings = gw_stream_route_settings(stream, GW_FILTER_LOCAL_LIMIT);
  if (settings == NULL) settings = settings_arg;
  const struct gw_local_limit *model = settings->model;
  if (!happens(stream, model->enabled_millionths)) return GW_VERDICT_NEXT;
  struct gw_limit_bucket buckets[GW_RATE_LIMIT_MATCHES_MAX + 1];
  struct gw_rate_limit_outcome outcome;
  uint32_t index = 0, count = find_buckets(stream, settings, buckets);
  if (count == 0) return GW_VERDICT_NEXT;
  bool is_allowed = gw_limit_take(stream, buckets, count, &index, &outcome);
  if (!is_allowed && !happens(stream, model->enforced_millionths)) {
    stream->pipeline->stats->rate_limits[GW_LIMIT_SCOPE_LOCAL][GW_LIMIT_NOT_ENFORCED]++;
    return GW_VERDICT_NEXT;
  }
  gw_limit_report(stream, &buckets[index], &buckets[index].rate, &outcome, model->tells_x_headers, model->tells_x_headers);
  if (is_allowed) return GW_VERDICT_NEXT;
  add_response_headers(stream, model);
  gw_limit_refuse(stream, &outcome, model->status, model->is_resource_exhausted ? GRPC_RESOURCE_EXHAUSTED : 0,
                  GW_STR("local_rate_limited"));
  return GW_VERDICT_REPLIED;
}

static void on_response(struct gw_stream *stream, void *state, const void *settings) {
  (void)state, (void)settings;
  gw_limit_report_write(stream);
}

const struct gw_filter gw_filter_local_limit = {
    .name = "envoy.filters.http.local_ratelimit",
    .span = "rate limit",
    .kind = GW_FILTER_LOCAL_LIMIT,
    .build = build,
    .build_route = build_route,
    .on_request = on_request,
    .on_response = on_response,
};
