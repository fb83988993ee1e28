/* Why: token buckets by key, one truth for all workers, in a bounded place: what a limit counts by (addresses, users, …) comes from
 * strangers, and no lock may stand on a request's way.
 * Life: gw_rate_limit_table_new … gw_rate_limit_table_free, after the workers. Outside of the configuration: buckets stay when that
 * changes. Thread: any; gw_rate_limit_table_set_… main's. Times: microseconds of one clock that does not go back. */
#ifndef GW_DATAPLANE_PIPELINE_RATE_LIMIT_TABLE_H
#define GW_DATAPLANE_PIPELINE_RATE_LIMIT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct gw_rate_limit_table;

/* A bucket as arithmetic wants it (the generic cell rate algorithm: of a bucket only the moment is kept at which it will be full). */
struct gw_rate_limit_rate {
  uint64_t interval_ticks; /* from one token to the next, rounded up: never more than the rate */
  uint64_t burst_ticks;    /* from empty to full */
  uint32_t burst;          /* tokens of a full bucket */
};
/* A full bucket may take at most so long to fill, or the arithmetic ends. */
#define GW_RATE_LIMIT_MAX_FILL_MS (UINT64_C(366) * 24 * 3600 * 1000)
/* `tokens` in `per_ms`, `burst` in a full bucket; all of them at least 1, and burst * per_ms / tokens at most GW_RATE_LIMIT_MAX_FILL_MS. */
struct gw_rate_limit_rate gw_rate_limit_rate_make(uint32_t tokens, uint64_t per_ms, uint32_t burst);

/* How a bucket stands after a decision. */
struct gw_rate_limit_outcome {
  bool is_allowed;
  uint32_t remaining; /* whole tokens */
  uint64_t wait_us;   /* refused: until there is one */
  uint64_t full_us;   /* until the bucket is full */
};

#define GW_RATE_LIMIT_KEYS_MAX (UINT64_C(1) << 26)
#define GW_RATE_LIMIT_KEYS_DEFAULT (UINT64_C(1) << 20)
struct gw_rate_limit_table *gw_rate_limit_table_new(uint64_t max_keys);
void gw_rate_limit_table_free(struct gw_rate_limit_table *table);
/* 16 bytes each, of which only those are in memory that were touched. Rounded up to a group of 8; at most GW_RATE_LIMIT_KEYS_MAX. A change
 * begins all buckets anew. */
void gw_rate_limit_table_set_max_keys(struct gw_rate_limit_table *table, uint64_t max_keys);
uint64_t gw_rate_limit_table_max_keys(const struct gw_rate_limit_table *table);

/* `key`: a keyed hash of the limit's identity and of what it counts by (gw_hash_keyed): two keys that are equal share a bucket. */
void gw_rate_limit_table_take(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now_us,
                              struct gw_rate_limit_outcome *ret_outcome);
/* A token that was taken for a request that another limit refused. */
void gw_rate_limit_table_give_back(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now_us);
/* Tokens that are missing until the bucket is full, in thousandths of a token; nothing is taken and no bucket is made. */
uint64_t gw_rate_limit_table_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now_us);
/* Takes that much more, as far as it goes, whether there are tokens or not. */
void gw_rate_limit_table_add_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                  uint64_t used_thousandths, uint64_t now_us);
/* What gw_rate_limit_table_used says, and fills the bucket: once for each of those who ask at the same time. */
uint64_t gw_rate_limit_table_claim_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                        uint64_t now_us);
/* Makes the bucket lack that much, whatever it was: what somebody else, who decides, says of it. */
void gw_rate_limit_table_set_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                  uint64_t used_thousandths, uint64_t now_us);

/* Among how many data planes shared limits are divided while nobody counts for all; at least 1. */
void gw_rate_limit_table_set_fleet(struct gw_rate_limit_table *table, uint32_t size);
uint32_t gw_rate_limit_table_fleet(const struct gw_rate_limit_table *table);

/* When this process last decided by itself what is to be counted by all: what was taken then is known here alone. 0: never. */
void gw_rate_limit_table_note_alone(struct gw_rate_limit_table *table, uint64_t now_us);
uint64_t gw_rate_limit_table_alone_us(const struct gw_rate_limit_table *table);

struct gw_rate_limit_counts {
  uint64_t keys;             /* that have a place; those whose buckets are full again too, until another needs it */
  uint64_t evictions_full;   /* places of full buckets that were taken: nothing is lost by it */
  uint64_t evictions_active; /* of buckets that were not full: the table is too small. A bucket that begins so lacks as much as the one
                              * before it, but has one token: nobody gains more than that by being forgotten, and nobody new is shut out */
};
void gw_rate_limit_table_get_counts(const struct gw_rate_limit_table *table, struct gw_rate_limit_counts *ret_counts);

#endif
