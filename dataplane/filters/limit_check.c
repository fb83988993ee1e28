#include "dataplane/filters/limit_check.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/map.h"
#include "common/base/siphash.h"
#include "dataplane/pipeline/frozen_parts.h"

#define LONGEST_PART 200 /* a longer one is there by its hash */
#define SECOND_US UINT64_C(1000000)

/* ---- keys ---- */

void gw_limit_key_init(struct gw_limit_key *key, struct gw_str identity) {
  key->len = 0;
  gw_limit_key_add(key, identity);
}

/* The same in every process. */
static uint64_t digest(const void *data, size_t len, uint64_t which) {
  return gw_siphash((struct gw_siphash_key){0x6c696d69742d6b65, which}, data, len, 2, 4);
}

static void append(struct gw_limit_key *key, unsigned char kind, const void *data, size_t len) {
  key->bytes[key->len++] = kind;
  memcpy(key->bytes + key->len, data, len);
  key->len += len;
}

/* Each part is preceded by its length, or by what no length is. */
void gw_limit_key_add(struct gw_limit_key *key, struct gw_str part) {
  uint64_t hash;
  if (key->len + 1 + LONGEST_PART > sizeof(key->bytes)) {
    hash = digest(key->bytes, key->len, 0);
    key->len = 0;
    append(key, UINT8_MAX, &hash, sizeof(hash));
  }
  if (part.len <= LONGEST_PART) {
    append(key, (unsigned char)part.len, part.data != NULL ? part.data : "", part.len);
    return;
  }
  hash = digest(part.data, part.len, 0);
  append(key, UINT8_MAX - 1, &hash, sizeof(hash));
}

void gw_limit_key_add_rate(struct gw_limit_key *key, const struct gw_rate_limit_rate *rate) {
  const uint64_t numbers[] = {rate->interval_ticks, rate->burst};
  gw_limit_key_add(key, (struct gw_str){(const char *)numbers, sizeof(numbers)});
}

void gw_limit_key_format_digest(const struct gw_limit_key *key, char ret_digest[GW_LIMIT_DIGEST_SIZE]) {
  snprintf(ret_digest, GW_LIMIT_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, digest(key->bytes, key->len, 1), digest(key->bytes, key->len, 2));
}

uint64_t gw_limit_key_hash(const struct gw_limit_key *key) {
  return gw_hash_keyed(key->bytes, key->len);
}

/* IPv4 and IPv6 can't be confused: no /64 that is routed begins with 32 zero bits. */
struct gw_str gw_limit_client(const struct gw_address *address, char ret_bytes[GW_LIMIT_CLIENT_BYTES]) {
  memset(ret_bytes, 0, GW_LIMIT_CLIENT_BYTES);
  if (address->any.sa_family == AF_INET) {
    memcpy(ret_bytes + 4, &address->v4.sin_addr, 4);
  } else if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
    memcpy(ret_bytes + 4, address->v6.sin6_addr.s6_addr + 12, 4);
  } else {
    memcpy(ret_bytes, address->v6.sin6_addr.s6_addr, GW_LIMIT_CLIENT_BYTES);
  }
  return (struct gw_str){ret_bytes, GW_LIMIT_CLIENT_BYTES};
}

bool gw_limit_wants_words(const struct gw_stream *stream) {
  return stream->listener->http->model->http.access_log_count > 0;
}

/* ---- tokens ---- */

void gw_limit_give_back(struct gw_stream *stream, const struct gw_limit_bucket *buckets, uint32_t count) {
  struct gw_pipeline *pipeline = stream->pipeline;
  for (uint32_t i = 0; i < count; i++)
    gw_rate_limit_table_give_back(pipeline->options.rate_limits, buckets[i].key, &buckets[i].rate, gw_loop_now_us(pipeline->loop));
}

bool gw_limit_take(struct gw_stream *stream, const struct gw_limit_bucket *buckets, uint32_t count, uint32_t *ret_index,
                   struct gw_rate_limit_outcome *ret_outcome) {
  struct gw_pipeline *pipeline = stream->pipeline;
  uint64_t now_us = gw_loop_now_us(pipeline->loop);
  stream->does_work = true;
  for (uint32_t i = 0; i < count; i++) {
    struct gw_rate_limit_outcome outcome;
    gw_rate_limit_table_take(pipeline->options.rate_limits, buckets[i].key, &buckets[i].rate, now_us, &outcome);
    if (i == 0 || !outcome.is_allowed || outcome.remaining < ret_outcome->remaining) {
      *ret_outcome = outcome;
      *ret_index = i;
    }
    pipeline->stats->rate_limits[buckets[i].scope][outcome.is_allowed ? GW_LIMIT_ALLOWED : GW_LIMIT_REFUSED]++;
    if (outcome.is_allowed) continue;
    gw_limit_give_back(stream, buckets, i);
    return false;
  }
  return true;
}

/* ---- what the client is told ---- */

static uint32_t seconds(uint64_t us) {
  uint64_t s = (us + SECOND_US - 1) / SECOND_US;
  return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

void gw_limit_report(struct gw_stream *stream, const struct gw_limit_bucket *bucket, const struct gw_rate_limit_rate *rate,
                     const struct gw_rate_limit_outcome *outcome, bool is_for_all, bool has_x_names) {
  struct gw_limit_report *report = stream->limit_report;
  bool has_x_before = report != NULL && report->has_x_names;
  if (report != NULL && outcome->is_allowed && outcome->remaining >= report->remaining) {
    report->has_x_names = has_x_before || has_x_names;
    return;
  }
  if (report == NULL) report = gw_arena_alloc(&stream->arena, sizeof(*report));
  *report = (struct gw_limit_report){
      .limit = rate->burst,
      .remaining = outcome->remaining,
      .reset_s = seconds(outcome->full_us),
      .is_refused = !outcome->is_allowed,
      .is_for_all = is_for_all,
      .has_x_names = has_x_names || has_x_before,
  };
  stream->limit_report = report;
  stream->limit = bucket->words;
}

static struct gw_str format_u32(struct gw_arena *arena, uint32_t value) {
  char digits[10];
  size_t count = 0;
  do {
    digits[sizeof(digits) - ++count] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  char *text = gw_arena_alloc_bytes(arena, count);
  memcpy(text, digits + sizeof(digits) - count, count);
  return (struct gw_str){text, count};
}

/* Of a service that has limits of its own only ours count: they are of the whole way. */
static void set(struct gw_stream *stream, struct gw_str name, struct gw_str value) {
  gw_headers_remove_name(&stream->response.headers, name);
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_OTHER, name, value);
}

void gw_limit_report_write(struct gw_stream *stream) {
  struct gw_limit_report *report = stream->limit_report;
  if (report == NULL || report->is_written) return;
  report->is_written = true;
  if (!report->is_refused && !report->is_for_all && !report->has_x_names) return;
  struct gw_str limit = format_u32(&stream->arena, report->limit), remaining = format_u32(&stream->arena, report->remaining),
                reset = format_u32(&stream->arena, report->reset_s);
  if (report->is_refused || report->is_for_all) {
    set(stream, GW_STR("ratelimit-limit"), limit);
    set(stream, GW_STR("ratelimit-remaining"), remaining);
    set(stream, GW_STR("ratelimit-reset"), reset);
  }
  if (!report->has_x_names) return;
  set(stream, GW_STR("x-ratelimit-limit"), limit);
  set(stream, GW_STR("x-ratelimit-remaining"), remaining);
  set(stream, GW_STR("x-ratelimit-reset"), reset);
}

void gw_limit_refuse(struct gw_stream *stream, const struct gw_rate_limit_outcome *outcome, uint32_t status, uint32_t grpc_status,
                     struct gw_str detail) {
  uint32_t wait_s = seconds(outcome->wait_us);
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_RETRY_AFTER, GW_STR("retry-after"),
                 format_u32(&stream->arena, wait_s > 0 ? wait_s : 1));
  gw_stream_fail(stream, &(struct gw_failure){.status = status,
                                              .side = GW_FAILURE_CLIENT,
                                              .flag = GW_FLAG_RATE_LIMITED,
                                              .grpc_status = grpc_status,
                                              .detail = detail,
                                              .message = GW_STR("too many requests")});
}
