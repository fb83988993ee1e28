/* envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, of a listener and of a route. */
#include "common/base/mem.h"
#include "common/xds/decode_route.h"
#include "common/xds/encode_route.h"
#include "common/xds/filter_codecs.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb-c.h"

#define MILLION 1000000u
#define STATUS_TOO_MANY_REQUESTS 429

typedef Envoy__Extensions__Filters__Http__LocalRatelimit__V3__LocalRateLimit LocalRateLimit;
typedef Envoy__Extensions__Common__Ratelimit__V3__LocalRateLimitDescriptor Descriptor;
typedef Envoy__Extensions__Common__Ratelimit__V3__RateLimitDescriptor__Entry Entry;
typedef Envoy__Config__Route__V3__RateLimit RateLimit;
typedef Envoy__Config__Route__V3__RateLimit__Action Action;
typedef Envoy__Type__Metadata__V3__MetadataKey MetadataKey;
typedef Envoy__Type__V3__TokenBucket TokenBucket;
typedef Envoy__Config__Core__V3__RuntimeFractionalPercent RuntimePercent;

/* ---- decoding ---- */

static struct gw_token_bucket decode_bucket(struct gw_xds_decoder *d, const struct gw_xds_place *place, const TokenBucket *m) {
  struct gw_token_bucket bucket = {1, 1, 1000};
  const struct gw_xds_place *at_max = GW_XDS_FIELD(place, "max_tokens"), *at_interval = GW_XDS_FIELD(place, "fill_interval");
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return bucket;
  }
  if (m->max_tokens == 0) gw_xds_refuse(d, at_max, "is 0; allowed is 1 and more");
  if (m->max_tokens > 0) bucket.max_tokens = m->max_tokens;
  bucket.tokens_per_fill = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "tokens_per_fill"), m->tokens_per_fill, 1, 1, UINT32_MAX);
  bucket.fill_interval_ms = gw_xds_decode_duration(d, at_interval, m->fill_interval, 0);
  if (bucket.fill_interval_ms < GW_TOKEN_BUCKET_INTERVAL_MIN_MS) {
    gw_xds_refuse(d, at_interval, "is at least 50ms");
    bucket.fill_interval_ms = GW_TOKEN_BUCKET_INTERVAL_MIN_MS;
  } else if (gw_token_bucket_is_too_slow(&bucket)) {
    gw_xds_refuse(d, place, "takes more than a year to fill");
  }
  return bucket;
}

static uint32_t decode_share(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RuntimePercent *m) {
  if (m == NULL) return 0;
  uint32_t denominator = gw_xds_decode_denominator(d, GW_XDS_FIELD(place, "default_value"), m->default_value);
  if (denominator == 0) return 0;
  uint64_t millionths = (uint64_t)m->default_value->numerator * (MILLION / denominator);
  return millionths < MILLION ? (uint32_t)millionths : MILLION;
}

static void decode_metadata_key(struct gw_xds_decoder *d, const struct gw_xds_place *place, const MetadataKey *m,
                                struct gw_rate_limit_action *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  out->from = gw_xds_decode_name(d, GW_XDS_FIELD(place, "key"), m->key);
  struct gw_str *path = gw_arena_calloc(d->arena, m->n_path, sizeof *path);
  for (size_t i = 0; i < m->n_path; i++)
    path[i] = gw_xds_decode_name(d, GW_XDS_ITEM(place, "path", i), m->path[i]->key);
  if (m->n_path == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "path"), "is empty");
  out->path = path;
  out->path_count = (uint32_t)m->n_path;
}

static void decode_metadata(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                            const Envoy__Config__Route__V3__RateLimit__Action__MetaData *m, struct gw_rate_limit_action *out) {
  out->kind = GW_RATE_LIMIT_METADATA;
  out->key = gw_xds_decode_name(d, GW_XDS_FIELD(place, "descriptor_key"), m->descriptor_key);
  decode_metadata_key(d, GW_XDS_FIELD(place, "metadata_key"), m->metadata_key, out);
  out->value = gw_xds_decode_str(d, m->default_value);
  out->is_skipped_if_absent = m->skip_if_absent;
  if (m->source != ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__META_DATA__SOURCE__DYNAMIC)
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "source"), &envoy__config__route__v3__rate_limit__action__meta_data__source__descriptor,
                       (int)m->source);
}

static void decode_action(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Action *m, struct gw_rate_limit_action *out) {
  const struct gw_xds_place *at;
  switch (m->action_specifier_case) {
  case ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_GENERIC_KEY:
    at = GW_XDS_FIELD(place, "generic_key");
    out->kind = GW_RATE_LIMIT_GENERIC_KEY;
    out->key = m->generic_key->descriptor_key[0] != '\0' ? gw_xds_decode_str(d, m->generic_key->descriptor_key) : GW_STR("generic_key");
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(at, "descriptor_value"), m->generic_key->descriptor_value);
    return;
  case ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_REMOTE_ADDRESS:
    out->kind = GW_RATE_LIMIT_REMOTE_ADDRESS;
    out->key = GW_STR("remote_address");
    return;
  case ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_MASKED_REMOTE_ADDRESS:
    at = GW_XDS_FIELD(place, "masked_remote_address");
    out->kind = GW_RATE_LIMIT_MASKED_ADDRESS;
    out->key = GW_STR("masked_remote_address");
    out->v4_bits =
        (uint8_t)gw_xds_decode_u32(d, GW_XDS_FIELD(at, "v4_prefix_mask_len"), m->masked_remote_address->v4_prefix_mask_len, 32, 0, 32);
    out->v6_bits =
        (uint8_t)gw_xds_decode_u32(d, GW_XDS_FIELD(at, "v6_prefix_mask_len"), m->masked_remote_address->v6_prefix_mask_len, 128, 0, 128);
    return;
  case ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_REQUEST_HEADERS:
    at = GW_XDS_FIELD(place, "request_headers");
    out->kind = GW_RATE_LIMIT_HEADER;
    out->from = gw_xds_decode_header_name(d, GW_XDS_FIELD(at, "header_name"), m->request_headers->header_name, false);
    out->key = gw_xds_decode_name(d, GW_XDS_FIELD(at, "descriptor_key"), m->request_headers->descriptor_key);
    out->is_skipped_if_absent = m->request_headers->skip_if_absent;
    return;
  case ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_METADATA:
    decode_metadata(d, GW_XDS_FIELD(place, "metadata"), m->metadata, out);
    return;
  default: gw_xds_refuse(d, place, "needs generic_key, remote_address, masked_remote_address, request_headers or metadata"); return;
  }
}

static void decode_rate_limit(struct gw_xds_decoder *d, const struct gw_xds_place *place, const RateLimit *m,
                              struct gw_rate_limit_actions *out) {
  struct gw_rate_limit_action *items = gw_arena_calloc(d->arena, m->n_actions, sizeof *items);
  for (size_t i = 0; i < m->n_actions; i++)
    decode_action(d, GW_XDS_ITEM(place, "actions", i), m->actions[i], &items[i]);
  if (m->n_actions == 0 || m->n_actions > GW_RATE_LIMIT_DESCRIPTORS_MAX)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "actions"), "has %zu; allowed is 1 to %d", m->n_actions, GW_RATE_LIMIT_DESCRIPTORS_MAX);
  *out = (struct gw_rate_limit_actions){items, (uint32_t)m->n_actions};
}

static void decode_descriptor(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Descriptor *m,
                              struct gw_rate_limit_descriptor *out) {
  struct gw_rate_limit_entry *entries = gw_arena_calloc(d->arena, m->n_entries, sizeof *entries);
  for (size_t i = 0; i < m->n_entries; i++) {
    entries[i].key = gw_xds_decode_name(d, GW_XDS_FIELD(GW_XDS_ITEM(place, "entries", i), "key"), m->entries[i]->key);
    entries[i].value = gw_xds_decode_str(d, m->entries[i]->value);
  }
  if (m->n_entries == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "entries"), "is empty");
  *out = (struct gw_rate_limit_descriptor){
      .entries = entries,
      .count = (uint32_t)m->n_entries,
      .bucket = decode_bucket(d, GW_XDS_FIELD(place, "token_bucket"), m->token_bucket),
  };
}

static bool is_same_descriptor(const struct gw_rate_limit_descriptor *a, const struct gw_rate_limit_descriptor *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!gw_str_equal(a->entries[i].key, b->entries[i].key) || !gw_str_equal(a->entries[i].value, b->entries[i].value)) return false;
  return true;
}

static void decode_descriptors(struct gw_xds_decoder *d, const struct gw_xds_place *place, const LocalRateLimit *m,
                               struct gw_local_limit *out) {
  if (m->n_descriptors > GW_RATE_LIMIT_DESCRIPTORS_MAX || m->n_rate_limits > GW_RATE_LIMIT_MATCHES_MAX) {
    gw_xds_refuse(d, place, "has %zu descriptors and %zu rate_limits; allowed are at most %d and %d", m->n_descriptors, m->n_rate_limits,
                  GW_RATE_LIMIT_DESCRIPTORS_MAX, GW_RATE_LIMIT_MATCHES_MAX);
    return;
  }
  struct gw_rate_limit_descriptor *descriptors = gw_arena_calloc(d->arena, m->n_descriptors, sizeof *descriptors);
  for (size_t i = 0; i < m->n_descriptors; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "descriptors", i);
    decode_descriptor(d, at, m->descriptors[i], &descriptors[i]);
    for (size_t k = 0; k < i; k++)
      if (is_same_descriptor(&descriptors[k], &descriptors[i])) gw_xds_refuse(d, at, "is the same as descriptors[%zu]", k);
  }
  struct gw_rate_limit_actions *rate_limits = gw_arena_calloc(d->arena, m->n_rate_limits, sizeof *rate_limits);
  for (size_t i = 0; i < m->n_rate_limits; i++)
    decode_rate_limit(d, GW_XDS_ITEM(place, "rate_limits", i), m->rate_limits[i], &rate_limits[i]);
  out->descriptors = descriptors;
  out->descriptor_count = (uint32_t)m->n_descriptors;
  out->rate_limits = rate_limits;
  out->rate_limit_count = (uint32_t)m->n_rate_limits;
}

static void decode_response_headers(struct gw_xds_decoder *d, const struct gw_xds_place *place, const LocalRateLimit *m,
                                    struct gw_local_limit *out) {
  const char *field = "response_headers_to_add";
  out->response_headers = gw_xds_decode_header_options(d, place, field, m->response_headers_to_add, m->n_response_headers_to_add, true);
  out->response_header_count = (uint32_t)m->n_response_headers_to_add;
  for (uint32_t i = 0; i < out->response_header_count; i++)
    if (out->response_headers[i].is_format) gw_xds_refuse(d, GW_XDS_ITEM(place, field, i), "has an operator, which is not supported here");
}

static void decode(struct gw_xds_decoder *d, const struct gw_xds_place *place, const LocalRateLimit *m, bool is_route,
                   struct gw_local_limit *out) {
  const struct gw_xds_place *at_headers = GW_XDS_FIELD(place, "enable_x_ratelimit_headers");
  *out = (struct gw_local_limit){
      .stat_prefix = gw_xds_decode_name(d, GW_XDS_FIELD(place, "stat_prefix"), m->stat_prefix),
      .status = STATUS_TOO_MANY_REQUESTS,
      .has_bucket = m->token_bucket != NULL || is_route,
      .always_consumes_bucket = gw_xds_decode_bool(m->always_consume_default_token_bucket, true),
      .is_resource_exhausted = m->rate_limited_as_resource_exhausted,
      .enabled_millionths = decode_share(d, GW_XDS_FIELD(place, "filter_enabled"), m->filter_enabled),
      .enforced_millionths = decode_share(d, GW_XDS_FIELD(place, "filter_enforced"), m->filter_enforced),
      .max_dynamic_descriptors = gw_xds_decode_u32(d, GW_XDS_FIELD(place, "max_dynamic_descriptors"), m->max_dynamic_descriptors,
                                                   GW_LOCAL_LIMIT_DYNAMIC_DEFAULT, 1, UINT32_MAX),
  };
  if (m->status != NULL && (unsigned)m->status->code >= 400 && (unsigned)m->status->code < 600) out->status = (uint32_t)m->status->code;
  if (out->has_bucket) out->bucket = decode_bucket(d, GW_XDS_FIELD(place, "token_bucket"), m->token_bucket);
  if ((unsigned)m->enable_x_ratelimit_headers > ENVOY__EXTENSIONS__COMMON__RATELIMIT__V3__XRATE_LIMIT_HEADERS_RFCVERSION__DRAFT_VERSION_03)
    gw_xds_refuse_enum(d, at_headers, &envoy__extensions__common__ratelimit__v3__xrate_limit_headers_rfcversion__descriptor,
                       (int)m->enable_x_ratelimit_headers);
  out->tells_x_headers =
      m->enable_x_ratelimit_headers == ENVOY__EXTENSIONS__COMMON__RATELIMIT__V3__XRATE_LIMIT_HEADERS_RFCVERSION__DRAFT_VERSION_03;
  decode_descriptors(d, place, m, out);
  decode_response_headers(d, place, m, out);
}

static void decode_filter(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                          struct gw_http_filter *ret_filter) {
  decode(d, place, message, false, &ret_filter->settings.local_limit);
}

static void decode_route(struct gw_xds_decoder *d, const struct gw_xds_place *place, const void *message,
                         struct gw_route_filters *ret_filters) {
  struct gw_local_limit_route *route = gw_arena_calloc(d->arena, 1, sizeof *route);
  decode(d, place, message, true, &route->limit);
  ret_filters->local_limit = route;
}

/* ---- encoding ---- */

static TokenBucket *encode_bucket(struct gw_arena *arena, const struct gw_token_bucket *bucket) {
  TokenBucket *m = gw_xds_encode_new(arena, &envoy__type__v3__token_bucket__descriptor);
  m->max_tokens = bucket->max_tokens;
  m->tokens_per_fill = gw_xds_encode_u32(arena, bucket->tokens_per_fill);
  m->fill_interval = gw_xds_encode_duration(arena, bucket->fill_interval_ms);
  return m;
}

static RuntimePercent *encode_share(struct gw_arena *arena, uint32_t millionths) {
  RuntimePercent *m = gw_xds_encode_new(arena, &envoy__config__core__v3__runtime_fractional_percent__descriptor);
  bool is_percent = millionths % (MILLION / 100) == 0;
  m->default_value = gw_xds_encode_new(arena, &envoy__type__v3__fractional_percent__descriptor);
  m->default_value->numerator = is_percent ? millionths / (MILLION / 100) : millionths;
  m->default_value->denominator = is_percent ? ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED
                                             : ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION;
  return m;
}

static MetadataKey *encode_metadata_key(struct gw_arena *arena, const struct gw_rate_limit_action *action) {
  MetadataKey *m = gw_xds_encode_new(arena, &envoy__type__metadata__v3__metadata_key__descriptor);
  m->key = gw_xds_encode_str(arena, action->from);
  m->n_path = action->path_count;
  m->path = gw_xds_encode_array(arena, m->n_path);
  for (uint32_t i = 0; i < action->path_count; i++) {
    m->path[i] = gw_xds_encode_new(arena, &envoy__type__metadata__v3__metadata_key__path_segment__descriptor);
    m->path[i]->segment_case = ENVOY__TYPE__METADATA__V3__METADATA_KEY__PATH_SEGMENT__SEGMENT_KEY;
    m->path[i]->key = gw_xds_encode_str(arena, action->path[i]);
  }
  return m;
}

static Action *encode_action(struct gw_arena *arena, const struct gw_rate_limit_action *action) {
  Action *m = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__action__descriptor);
  switch (action->kind) {
  case GW_RATE_LIMIT_GENERIC_KEY:
    m->action_specifier_case = ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_GENERIC_KEY;
    m->generic_key = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__action__generic_key__descriptor);
    m->generic_key->descriptor_key = gw_xds_encode_str(arena, action->key);
    m->generic_key->descriptor_value = gw_xds_encode_str(arena, action->value);
    break;
  case GW_RATE_LIMIT_REMOTE_ADDRESS:
    m->action_specifier_case = ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_REMOTE_ADDRESS;
    m->remote_address = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__action__remote_address__descriptor);
    break;
  case GW_RATE_LIMIT_MASKED_ADDRESS:
    m->action_specifier_case = ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_MASKED_REMOTE_ADDRESS;
    m->masked_remote_address = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__action__masked_remote_address__descriptor);
    m->masked_remote_address->v4_prefix_mask_len = gw_xds_encode_u32(arena, action->v4_bits);
    m->masked_remote_address->v6_prefix_mask_len = gw_xds_encode_u32(arena, action->v6_bits);
    break;
  case GW_RATE_LIMIT_HEADER:
    m->action_specifier_case = ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_REQUEST_HEADERS;
    m->request_headers = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__action__request_headers__descriptor);
    m->request_headers->header_name = gw_xds_encode_str(arena, action->from);
    m->request_headers->descriptor_key = gw_xds_encode_str(arena, action->key);
    m->request_headers->skip_if_absent = action->is_skipped_if_absent;
    break;
  case GW_RATE_LIMIT_METADATA:
    m->action_specifier_case = ENVOY__CONFIG__ROUTE__V3__RATE_LIMIT__ACTION__ACTION_SPECIFIER_METADATA;
    m->metadata = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__action__meta_data__descriptor);
    m->metadata->descriptor_key = gw_xds_encode_str(arena, action->key);
    m->metadata->metadata_key = encode_metadata_key(arena, action);
    m->metadata->default_value = gw_xds_encode_str(arena, action->value);
    m->metadata->skip_if_absent = action->is_skipped_if_absent;
    break;
  }
  return m;
}

static RateLimit *encode_rate_limit(struct gw_arena *arena, const struct gw_rate_limit_actions *actions) {
  RateLimit *m = gw_xds_encode_new(arena, &envoy__config__route__v3__rate_limit__descriptor);
  m->n_actions = actions->count;
  m->actions = gw_xds_encode_array(arena, m->n_actions);
  for (uint32_t i = 0; i < actions->count; i++)
    m->actions[i] = encode_action(arena, &actions->items[i]);
  return m;
}

static Descriptor *encode_descriptor(struct gw_arena *arena, const struct gw_rate_limit_descriptor *descriptor) {
  Descriptor *m = gw_xds_encode_new(arena, &envoy__extensions__common__ratelimit__v3__local_rate_limit_descriptor__descriptor);
  m->n_entries = descriptor->count;
  m->entries = gw_xds_encode_array(arena, m->n_entries);
  for (uint32_t i = 0; i < descriptor->count; i++) {
    Entry *entry = gw_xds_encode_new(arena, &envoy__extensions__common__ratelimit__v3__rate_limit_descriptor__entry__descriptor);
    entry->key = gw_xds_encode_str(arena, descriptor->entries[i].key);
    entry->value = gw_xds_encode_str(arena, descriptor->entries[i].value);
    m->entries[i] = entry;
  }
  m->token_bucket = encode_bucket(arena, &descriptor->bucket);
  return m;
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_local_limit *limit) {
  LocalRateLimit *m = gw_xds_encode_new(arena, &envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor);
  m->stat_prefix = gw_xds_encode_str(arena, limit->stat_prefix);
  m->status = gw_xds_encode_new(arena, &envoy__type__v3__http_status__descriptor);
  m->status->code = (Envoy__Type__V3__StatusCode)limit->status;
  if (limit->has_bucket) m->token_bucket = encode_bucket(arena, &limit->bucket);
  m->filter_enabled = encode_share(arena, limit->enabled_millionths);
  m->filter_enforced = encode_share(arena, limit->enforced_millionths);
  m->n_descriptors = limit->descriptor_count;
  m->descriptors = gw_xds_encode_array(arena, m->n_descriptors);
  for (uint32_t i = 0; i < limit->descriptor_count; i++)
    m->descriptors[i] = encode_descriptor(arena, &limit->descriptors[i]);
  m->n_rate_limits = limit->rate_limit_count;
  m->rate_limits = gw_xds_encode_array(arena, m->n_rate_limits);
  for (uint32_t i = 0; i < limit->rate_limit_count; i++)
    m->rate_limits[i] = encode_rate_limit(arena, &limit->rate_limits[i]);
  m->n_response_headers_to_add = limit->response_header_count;
  m->response_headers_to_add = gw_xds_encode_header_options(arena, limit->response_headers, limit->response_header_count);
  if (limit->tells_x_headers)
    m->enable_x_ratelimit_headers = ENVOY__EXTENSIONS__COMMON__RATELIMIT__V3__XRATE_LIMIT_HEADERS_RFCVERSION__DRAFT_VERSION_03;
  m->always_consume_default_token_bucket = gw_xds_encode_bool(arena, limit->always_consumes_bucket);
  m->rate_limited_as_resource_exhausted = limit->is_resource_exhausted;
  m->max_dynamic_descriptors = gw_xds_encode_u32(arena, limit->max_dynamic_descriptors);
  return &m->base;
}

static ProtobufCMessage *encode_filter(struct gw_arena *arena, const struct gw_http_filter *filter) {
  return encode(arena, &filter->settings.local_limit);
}

static ProtobufCMessage *encode_route(struct gw_arena *arena, const struct gw_route_filters *filters) {
  return filters->local_limit != NULL ? encode(arena, &filters->local_limit->limit) : NULL;
}

/* ---- copying ---- */

static struct gw_str copy_str(struct gw_arena *arena, struct gw_str s) {
  return s.len > 0 ? gw_arena_copy(arena, s) : GW_STR("");
}

static void copy_actions(struct gw_arena *arena, const struct gw_rate_limit_actions *from, struct gw_rate_limit_actions *to) {
  struct gw_rate_limit_action *items = gw_arena_calloc(arena, from->count, sizeof *items);
  for (uint32_t i = 0; i < from->count; i++) {
    items[i] = from->items[i];
    items[i].key = copy_str(arena, items[i].key);
    items[i].value = copy_str(arena, items[i].value);
    items[i].from = copy_str(arena, items[i].from);
    struct gw_str *path = gw_arena_calloc(arena, items[i].path_count, sizeof *path);
    for (uint32_t k = 0; k < items[i].path_count; k++)
      path[k] = copy_str(arena, items[i].path[k]);
    items[i].path = path;
  }
  *to = (struct gw_rate_limit_actions){items, from->count};
}

static void copy_descriptor(struct gw_arena *arena, const struct gw_rate_limit_descriptor *from, struct gw_rate_limit_descriptor *to) {
  struct gw_rate_limit_entry *entries = gw_arena_calloc(arena, from->count, sizeof *entries);
  for (uint32_t i = 0; i < from->count; i++)
    entries[i] = (struct gw_rate_limit_entry){copy_str(arena, from->entries[i].key), copy_str(arena, from->entries[i].value)};
  *to = *from;
  to->entries = entries;
}

static void copy_route(struct gw_arena *arena, const struct gw_route_filters *from, struct gw_route_filters *ret_filters) {
  if (from->local_limit == NULL) return;
  const struct gw_local_limit *limit = &from->local_limit->limit;
  struct gw_local_limit_route *to = gw_arena_calloc(arena, 1, sizeof *to);
  struct gw_rate_limit_descriptor *descriptors = gw_arena_calloc(arena, limit->descriptor_count, sizeof *descriptors);
  struct gw_rate_limit_actions *rate_limits = gw_arena_calloc(arena, limit->rate_limit_count, sizeof *rate_limits);
  struct gw_header_option *headers = gw_arena_calloc(arena, limit->response_header_count, sizeof *headers);
  for (uint32_t i = 0; i < limit->descriptor_count; i++)
    copy_descriptor(arena, &limit->descriptors[i], &descriptors[i]);
  for (uint32_t i = 0; i < limit->rate_limit_count; i++)
    copy_actions(arena, &limit->rate_limits[i], &rate_limits[i]);
  for (uint32_t i = 0; i < limit->response_header_count; i++) {
    headers[i] = limit->response_headers[i];
    headers[i].name = copy_str(arena, headers[i].name);
    headers[i].value = copy_str(arena, headers[i].value);
  }
  to->limit = *limit;
  to->limit.stat_prefix = copy_str(arena, limit->stat_prefix);
  to->limit.descriptors = descriptors;
  to->limit.rate_limits = rate_limits;
  to->limit.response_headers = headers;
  ret_filters->local_limit = to;
}

/* A limit is a protection: who does not have the filter must not leave it out. */
const struct gw_xds_filter_codec gw_xds_filter_local_limit = {
    .kind = GW_FILTER_LOCAL_LIMIT,
    .descriptor = &envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor,
    .decode = decode_filter,
    .encode = encode_filter,
};

const struct gw_xds_route_filter_codec gw_xds_route_filter_local_limit = {
    .filter_name = "envoy.filters.http.local_ratelimit",
    .descriptor = &envoy__extensions__filters__http__local_ratelimit__v3__local_rate_limit__descriptor,
    .decode = decode_route,
    .encode = encode_route,
    .copy = copy_route,
};
