/* gateway.filters.http.v1.SharedRateLimit, and what a route has of it. */
#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "gateway/filters/http/v1/rate_limit.pb-c.h"

#define MAX_KEYS (UINT64_C(1) << 26)

typedef Gateway__Filters__Http__V1__SharedRateLimit SharedRateLimit;
typedef Gateway__Filters__Http__V1__SharedRateLimitPerRoute PerRoute;
typedef Gateway__Filters__Http__V1__RateLimit RateLimit;
typedef Gateway__Filters__Http__V1__RateLimitNumbers Numbers;
typedef Gateway__Filters__Http__V1__RateLimitPlan Plan;
typedef Gateway__Filters__Http__V1__RateLimitKey Key;
typedef Gateway__Filters__Http__V1__RateLimitRedis Redis;

/* ---- decoding ---- */

static void decode_numbers(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Numbers *m,
                           struct gw_rate_limit_numbers *out) {
  const struct gw_xds_place *at_per = GW_XDS_FIELD(place, "per");
  *out = (struct gw_rate_limit_numbers){.requests = m->requests, .burst = m->burst};
  out->per_ms = gw_xds_decode_duration(d, at_per, m->per, 0);
  if (m->requests == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "requests"), "is 0; allowed is 1 and more");
  if (m->burst == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "burst"), "is 0; allowed is 1 and more");
  if (out->per_ms == 0) gw_xds_refuse(d, at_per, "is missing");
  if (m->requests == 0 || m->burst == 0 || out->per_ms == 0) {
    *out = (struct gw_rate_limit_numbers){1, 1, 1000};
    return;
  }
  if (gw_rate_limit_numbers_are_too_slow(out)) gw_xds_refuse(d, place, "take more than a year to fill an empty bucket");
}

static void decode_key(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Key *m, struct gw_rate_limit_key *out) {
  switch (m->key_case) {
  case GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KEY_KIND:
    if ((unsigned)m->kind > GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KIND__CLIENT) {
      gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "kind"), &gateway__filters__http__v1__rate_limit_key__kind__descriptor, (int)m->kind);
      return;
    }
    out->kind = (enum gw_rate_limit_key_kind)m->kind;
    return;
  case GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KEY_HEADER:
    out->kind = GW_RATE_LIMIT_KEY_HEADER;
    out->name = gw_xds_decode_header_name(d, GW_XDS_FIELD(place, "header"), m->header, false);
    return;
  case GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KEY_CLAIM:
    out->kind = GW_RATE_LIMIT_KEY_CLAIM;
    out->name = gw_xds_decode_name(d, GW_XDS_FIELD(place, "claim"), m->claim);
    return;
  default: gw_xds_refuse(d, place, "needs kind, header or claim");
  }
}

static void decode_limit(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RateLimit *m, struct gw_rate_limit *out) {
  out->name = gw_xds_decode_name(d, GW_XDS_FIELD(place, "name"), m->name);
  out->is_shared = m->is_shared;
  if ((unsigned)m->scope < GW_RATE_LIMIT_SCOPE_COUNT) {
    out->scope = (enum gw_rate_limit_scope)m->scope;
  } else {
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "scope"), &gateway__filters__http__v1__rate_limit__scope__descriptor, (int)m->scope);
  }
  if (m->numbers != NULL) decode_numbers(d, GW_XDS_FIELD(place, "numbers"), m->numbers, &out->numbers);
  if (m->numbers == NULL && m->n_plans == 0) gw_xds_refuse(d, place, "needs numbers or plans");
  struct gw_rate_limit_plan *plans = gw_arena_calloc(d->arena, m->n_plans, sizeof *plans);
  for (size_t i = 0; i < m->n_plans; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "plans", i), *at_numbers = GW_XDS_FIELD(at, "numbers");
    plans[i].name = gw_xds_decode_name(d, GW_XDS_FIELD(at, "name"), m->plans[i]->name);
    if (m->plans[i]->numbers != NULL) {
      decode_numbers(d, at_numbers, m->plans[i]->numbers, &plans[i].numbers);
    } else {
      gw_xds_refuse(d, at_numbers, "is missing");
    }
  }
  struct gw_rate_limit_key *keys = gw_arena_calloc(d->arena, m->n_keys, sizeof *keys);
  for (size_t i = 0; i < m->n_keys; i++)
    decode_key(d, GW_XDS_ITEM(place, "keys", i), m->keys[i], &keys[i]);
  out->plans = plans;
  out->plan_count = (uint32_t)m->n_plans;
  out->keys = keys;
  out->key_count = (uint32_t)m->n_keys;
}

static const struct gw_rate_limit *decode_limits(struct gw_xds_decoder *d, const struct gw_xds_place *place, RateLimit *const *items,
                                                 size_t count, uint32_t *ret_count) {
  if (count > GW_RATE_LIMIT_MATCHES_MAX / 2) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "limits"), "are %zu; allowed are at most %d", count, GW_RATE_LIMIT_MATCHES_MAX / 2);
    return NULL;
  }
  struct gw_rate_limit *limits = gw_arena_calloc(d->arena, count, sizeof *limits);
  for (size_t i = 0; i < count; i++)
    decode_limit(d, GW_XDS_ITEM(place, "limits", i), items[i], &limits[i]);
  *ret_count = (uint32_t)count;
  return limits;
}

static const struct gw_rate_limit_redis *decode_redis(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Redis *m) {
  if (m == NULL) return NULL;
  const struct gw_xds_place *at_failure = GW_XDS_FIELD(place, "on_failure"), *at_timeout = GW_XDS_FIELD(place, "timeout");
  struct gw_rate_limit_redis *redis = gw_arena_calloc(d->arena, 1, sizeof *redis);
  *redis = (struct gw_rate_limit_redis){
      .host = gw_xds_decode_name(d, GW_XDS_FIELD(place, "host"), m->host),
      .port = (uint16_t)m->port,
      .database = m->database,
      .user = gw_xds_decode_str(d, m->user),
      .password_secret = gw_xds_decode_str(d, m->password_secret),
      .prefix = gw_xds_decode_str(d, m->prefix),
      .timeout_ms = gw_xds_decode_duration(d, at_timeout, m->timeout, 0),
  };
  if (m->port == 0 || m->port > UINT16_MAX) gw_xds_refuse(d, GW_XDS_FIELD(place, "port"), "is %u; allowed is 1 to 65535", m->port);
  if (redis->timeout_ms == 0) gw_xds_refuse(d, at_timeout, "is missing");
  if ((unsigned)m->on_failure > GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_REDIS__ON_FAILURE__CLOSED) {
    gw_xds_refuse_enum(d, at_failure, &gateway__filters__http__v1__rate_limit_redis__on_failure__descriptor, (int)m->on_failure);
  } else {
    redis->on_failure = (enum gw_rate_limit_failure)m->on_failure;
  }
  return redis;
}

static void decode_filter(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                          struct gw_http_filter *ret_filter) {
  const SharedRateLimit *m = message;
  struct gw_shared_limit *out = &ret_filter->settings.shared_limit;
  const struct gw_xds_place *at_headers = GW_XDS_FIELD(place, "headers");
  *out = (struct gw_shared_limit){.max_keys = m->max_keys};
  out->limits = decode_limits(d, place, m->limits, m->n_limits, &out->count);
  out->redis = decode_redis(d, GW_XDS_FIELD(place, "redis"), m->redis);
  if (m->max_keys > MAX_KEYS) gw_xds_refuse(d, GW_XDS_FIELD(place, "max_keys"), "is more than 2^26");
  if ((unsigned)m->headers > GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_HEADERS__REFUSED) {
    gw_xds_refuse_enum(d, at_headers, &gateway__filters__http__v1__rate_limit_headers__descriptor, (int)m->headers);
  } else {
    out->headers = (enum gw_rate_limit_headers)m->headers;
  }
}

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                         struct gw_route_filters *ret_filters) {
  const PerRoute *m = message;
  struct gw_shared_limit_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  route->limits = decode_limits(d, place, m->limits, m->n_limits, &route->count);
  ret_filters->shared_limit = route;
}

/* ---- encoding ---- */

static Numbers *encode_numbers(struct gw_arena *arena, const struct gw_rate_limit_numbers *numbers) {
  if (numbers->requests == 0) return NULL;
  Numbers *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__rate_limit_numbers__descriptor);
  m->requests = numbers->requests;
  m->per = gw_xds_encode_duration(arena, numbers->per_ms);
  m->burst = numbers->burst;
  return m;
}

static Key *encode_key(struct gw_arena *arena, const struct gw_rate_limit_key *key) {
  Key *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__rate_limit_key__descriptor);
  if (key->kind == GW_RATE_LIMIT_KEY_HEADER) {
    m->key_case = GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KEY_HEADER;
    m->header = gw_xds_encode_str(arena, key->name);
  } else if (key->kind == GW_RATE_LIMIT_KEY_CLAIM) {
    m->key_case = GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KEY_CLAIM;
    m->claim = gw_xds_encode_str(arena, key->name);
  } else {
    m->key_case = GATEWAY__FILTERS__HTTP__V1__RATE_LIMIT_KEY__KEY_KIND;
    m->kind = (Gateway__Filters__Http__V1__RateLimitKey__Kind)key->kind;
  }
  return m;
}

static RateLimit *encode_limit(struct gw_arena *arena, const struct gw_rate_limit *limit) {
  RateLimit *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__rate_limit__descriptor);
  m->name = gw_xds_encode_str(arena, limit->name);
  m->scope = (Gateway__Filters__Http__V1__RateLimit__Scope)limit->scope;
  m->is_shared = limit->is_shared;
  m->numbers = encode_numbers(arena, &limit->numbers);
  m->n_plans = limit->plan_count;
  m->plans = gw_xds_encode_array(arena, m->n_plans);
  for (uint32_t i = 0; i < limit->plan_count; i++) {
    m->plans[i] = gw_xds_encode_new(arena, &gateway__filters__http__v1__rate_limit_plan__descriptor);
    m->plans[i]->name = gw_xds_encode_str(arena, limit->plans[i].name);
    m->plans[i]->numbers = encode_numbers(arena, &limit->plans[i].numbers);
  }
  m->n_keys = limit->key_count;
  m->keys = gw_xds_encode_array(arena, m->n_keys);
  for (uint32_t i = 0; i < limit->key_count; i++)
    m->keys[i] = encode_key(arena, &limit->keys[i]);
  return m;
}

static RateLimit **encode_limits(struct gw_arena *arena, const struct gw_rate_limit *limits, uint32_t count) {
  RateLimit **items = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    items[i] = encode_limit(arena, &limits[i]);
  return items;
}

static Redis *encode_redis(struct gw_arena *arena, const struct gw_rate_limit_redis *redis) {
  if (redis == NULL) return NULL;
  Redis *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__rate_limit_redis__descriptor);
  m->host = gw_xds_encode_str(arena, redis->host);
  m->port = redis->port;
  m->database = redis->database;
  m->user = gw_xds_encode_str(arena, redis->user);
  m->password_secret = gw_xds_encode_str(arena, redis->password_secret);
  m->prefix = gw_xds_encode_str(arena, redis->prefix);
  m->timeout = gw_xds_encode_duration(arena, redis->timeout_ms);
  m->on_failure = (Gateway__Filters__Http__V1__RateLimitRedis__OnFailure)redis->on_failure;
  return m;
}

static ProtobufCMessage *encode_filter(struct gw_arena *arena, const struct gw_http_filter *filter) {
  const struct gw_shared_limit *limit = &filter->settings.shared_limit;
  SharedRateLimit *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__shared_rate_limit__descriptor);
  m->n_limits = limit->count;
  m->limits = encode_limits(arena, limit->limits, limit->count);
  m->headers = (Gateway__Filters__Http__V1__RateLimitHeaders)limit->headers;
  m->max_keys = limit->max_keys;
  m->redis = encode_redis(arena, limit->redis);
  return &m->base;
}

static ProtobufCMessage *encode_route(struct gw_arena *arena, const struct gw_route_filters *filters) {
  const struct gw_shared_limit_route *route = filters->shared_limit;
  if (route == NULL) return NULL;
  PerRoute *m = gw_xds_encode_new(arena, &gateway__filters__http__v1__shared_rate_limit_per_route__descriptor);
  m->n_limits = route->count;
  m->limits = encode_limits(arena, route->limits, route->count);
  return &m->base;
}

/* ---- copying ---- */

static struct gw_str copy_str(struct gw_arena *arena, struct gw_str s) {
  return s.len > 0 ? gw_arena_copy(arena, s) : GW_STR("");
}

static void copy_limit(struct gw_arena *arena, const struct gw_rate_limit *from, struct gw_rate_limit *to) {
  struct gw_rate_limit_plan *plans = gw_arena_calloc(arena, from->plan_count, sizeof *plans);
  struct gw_rate_limit_key *keys = gw_arena_calloc(arena, from->key_count, sizeof *keys);
  for (uint32_t i = 0; i < from->plan_count; i++)
    plans[i] = (struct gw_rate_limit_plan){copy_str(arena, from->plans[i].name), from->plans[i].numbers};
  for (uint32_t i = 0; i < from->key_count; i++)
    keys[i] = (struct gw_rate_limit_key){from->keys[i].kind, copy_str(arena, from->keys[i].name)};
  *to = *from;
  to->name = copy_str(arena, from->name);
  to->plans = plans;
  to->keys = keys;
}

static void copy_route(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->shared_limit == NULL) return;
  struct gw_shared_limit_route *to = gw_arena_calloc(arena, 1, sizeof *to);
  struct gw_rate_limit *limits = gw_arena_calloc(arena, from->shared_limit->count, sizeof *limits);
  for (uint32_t i = 0; i < from->shared_limit->count; i++)
    copy_limit(arena, &from->shared_limit->limits[i], &limits[i]);
  *to = (struct gw_shared_limit_route){limits, from->shared_limit->count};
  ret_filters->shared_limit = to;
}

/* A limit is a protection: who does not have the filter must not leave it out. */
const struct gw_xds_filter_codec gw_xds_filter_shared_limit = {
    .kind = GW_FILTER_SHARED_LIMIT,
    .descriptor = &gateway__filters__http__v1__shared_rate_limit__descriptor,
    .decode = decode_filter,
    .encode = encode_filter,
};

const struct gw_xds_route_filter_codec gw_xds_route_filter_shared_limit = {
    .filter_name = "gateway.filters.http.rate_limit",
    .descriptor = &gateway__filters__http__v1__shared_rate_limit_per_route__descriptor,
    .decode = decode_route,
    .encode = encode_route,
    .copy = copy_route,
};
