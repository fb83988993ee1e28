/* Why: commands to one Redis server, many at a time on one connection (hiredis), for who can't wait: a server that is away or slow is known
 * before it is asked.
 * Life: gw_redis_new … gw_redis_free; every question's callback runs exactly once, with NULL when there is no answer, at the latest from
 * gw_redis_free. A reply until the callback's end.
 * Thread: the loop's own. */
#ifndef GW_COMMON_REDIS_CLIENT_H
#define GW_COMMON_REDIS_CLIENT_H

#include "common/base/str.h"
#include "common/event/loop.h"
#include "common/observe/log.h"

struct gw_redis;
struct gw_redis_reply;

struct gw_redis_options {
  struct gw_loop *loop;
  struct gw_log *log; /* NULL: says nothing */
  struct gw_str host; /* a name or an address; all strings are copied */
  uint16_t port;
  uint32_t database;
  struct gw_str user;     /* of the ACL; empty: the default user */
  struct gw_str password; /* empty: none is sent */
  uint64_t timeout_ms;    /* an answer that takes longer is none: the connection is given up, and nobody asks until a new one is quick */
  uint32_t max_outstanding;
  const char *script; /* what gw_redis_ask_script runs; NULL: nothing; outlives the client */
};

/* Connects at once. */
struct gw_redis *gw_redis_new(const struct gw_redis_options *options);
void gw_redis_free(struct gw_redis *redis);
/* Whether an answer can be hoped for: the connection is there and quick, or is being made for the first time; and there is room. */
bool gw_redis_may_ask(const struct gw_redis *redis);

/* `reply` NULL: there is no answer, and whether the command was carried out is not known. */
typedef void (*gw_redis_fn)(void *arg, const struct gw_redis_reply *reply);
/* Words are copied. Sent at the turn's end, together with others. false: see gw_redis_may_ask; fn does not run. */
bool gw_redis_ask(struct gw_redis *redis, const struct gw_str *words, uint32_t count, gw_redis_fn fn, void *arg);

/* The script with these keys, then arguments. `with_text`: its text is sent instead of its hash: what is needed after NOSCRIPT. */
bool gw_redis_ask_script(struct gw_redis *redis, bool with_text, const struct gw_str *words, uint32_t key_count, uint32_t count,
                         gw_redis_fn fn, void *arg);
#define GW_REDIS_WORDS_MAX 96u /* of a command */

/* "NOSCRIPT No matching script.": of an error; empty: it is none. */
struct gw_str gw_redis_reply_error(const struct gw_redis_reply *reply);
/* The integers of an array, at most `max`; returns how many there are. 0: it is something else. */
uint32_t gw_redis_reply_integers(const struct gw_redis_reply *reply, int64_t *ret_values, uint32_t max);

struct gw_redis_status {
  bool is_ready;
  const char *trouble; /* why not; "": nothing is known */
  uint64_t connections_total;
  uint64_t failures_total; /* of connections, made or not */
};
void gw_redis_get_status(const struct gw_redis *redis, struct gw_redis_status *ret_status);

#endif
