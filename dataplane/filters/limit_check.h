/* Why: what both kinds of rate limit do: keys of buckets, tokens of several buckets for one request, and what the client is told.
 * Life: values; what is told lies in the stream's arena.
 * Thread: the stream's worker's. */
#ifndef GW_DATAPLANE_FILTERS_LIMIT_CHECK_H
#define GW_DATAPLANE_FILTERS_LIMIT_CHECK_H

#include "common/message/failure.h"
#include "dataplane/pipeline/rate_limit_table.h"
#include "dataplane/pipeline/stream.h"

/* What a bucket is known by: parts that can't be confused with one another, however long they are. */
#define GW_LIMIT_KEY_BYTES 256
struct gw_limit_key {
  size_t len;
  unsigned char bytes[GW_LIMIT_KEY_BYTES];
};
void gw_limit_key_init(struct gw_limit_key *key, struct gw_str identity);
void gw_limit_key_add(struct gw_limit_key *key, struct gw_str part);
/* Other numbers begin anew, with a full bucket: who raises a limit wants it to hold now. */
void gw_limit_key_add_rate(struct gw_limit_key *key, const struct gw_rate_limit_rate *rate);
/* For the table. */
uint64_t gw_limit_key_hash(const struct gw_limit_key *key);
/* For all data planes: 32 hex digits, the same in each of them. */
#define GW_LIMIT_DIGEST_SIZE 33
void gw_limit_key_format_digest(const struct gw_limit_key *key, char ret_digest[GW_LIMIT_DIGEST_SIZE]);

/* An IPv4 address, or the /64 of an IPv6 one, in bytes. */
#define GW_LIMIT_CLIENT_BYTES 8
struct gw_str gw_limit_client(const struct gw_address *address, char ret_bytes[GW_LIMIT_CLIENT_BYTES]);

struct gw_limit_bucket {
  uint64_t key;
  struct gw_rate_limit_rate rate;
  unsigned scope;              /* gw_limit_scope */
  struct gw_limit_words words; /* for the access log, if there is one */
};

/* What a client is told of the bucket that has least left for it, or refused it. */
struct gw_limit_report {
  uint32_t limit;
  uint32_t remaining;
  uint32_t reset_s;
  bool is_refused;
  bool is_written;
  bool is_for_all;  /* not only of refused requests */
  bool has_x_names; /* Envoy's, X-RateLimit-… */
};

/* Whether anybody will read what a request was counted by. */
bool gw_limit_wants_words(const struct gw_stream *stream);

/* One token of each, or none of any: true. The order is that of `buckets`; *ret_outcome is of the one with least left, or the one that
 * refused, at *ret_index. */
bool gw_limit_take(struct gw_stream *stream, const struct gw_limit_bucket *buckets, uint32_t count, uint32_t *ret_index,
                   struct gw_rate_limit_outcome *ret_outcome);
void gw_limit_give_back(struct gw_stream *stream, const struct gw_limit_bucket *buckets, uint32_t count);

/* Remembers how the request stands with that bucket (at that rate, which may be another's), if no other limit has less left. */
void gw_limit_report(struct gw_stream *stream, const struct gw_limit_bucket *bucket, const struct gw_rate_limit_rate *rate,
                     const struct gw_rate_limit_outcome *outcome, bool is_for_all, bool has_x_names);
/* Into the answer that is about to go: once, whichever filter asks for it. */
void gw_limit_report_write(struct gw_stream *stream);
/* Answers with `status` (429), Retry-After and the report. `grpc_status`: 0: as the status maps. */
void gw_limit_refuse(struct gw_stream *stream, const struct gw_rate_limit_outcome *outcome, uint32_t status, uint32_t grpc_status,
                     struct gw_str detail);

#endif
