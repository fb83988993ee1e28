/* Why: several attempts at once on one pool, and a service with HTTP/2 on the same loop.
 * Life: setup … teardown of each test.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_UPSTREAM_ATTEMPTS_H
#define GW_TESTS_UNIT_DATAPLANE_UPSTREAM_ATTEMPTS_H

#include "tests/unit/dataplane/h2_backend.h"

#include "common/base/clock.h"
#include "dataplane/upstream/attempt.h"
#include "dataplane/upstream/connection.h"

#define TRIES 120
#define WAIT_MS 10000

struct fixture;

struct try {
  struct gw_attempt attempt;
  struct fixture *fixture;
  struct gw_arena arena;
  struct gw_request_head head;
  struct gw_strbuf body;
  uint32_t connected, heads, ended, failed, drained;
  struct gw_failure failure;
  bool starts_again; /* on a new connection, when that is safe */
};

struct fixture {
  struct gw_loop *loop;
  struct h2_backend backend;
  struct gw_random random;
  struct gw_upstream_counts counts;
  struct gw_upstream_pool_options options;
  struct gw_upstream_pool *pool;
  struct try tries[TRIES];
  uint32_t count;
};

static inline void try_on_connected(void *arg) {
  ((struct try *)arg)->connected++;
}
static inline void try_on_head(void *arg) {
  ((struct try *)arg)->heads++;
}
static inline void try_on_body(void *arg, struct gw_str data) {
  gw_strbuf_append_str(&((struct try *)arg)->body, data);
}
static inline void try_on_end(void *arg) {
  ((struct try *)arg)->ended++;
}
static inline void try_on_drained(void *arg) {
  ((struct try *)arg)->drained++;
}
static inline void try_on_failure(void *arg, const struct gw_failure *failure);
static const struct gw_attempt_calls try_calls = {try_on_connected, try_on_head, try_on_body, try_on_end, try_on_failure, try_on_drained};

static inline bool try_start(struct try *it, bool is_new) {
  struct gw_failure failure;
  bool has_begun =
      gw_attempt_start(&it->attempt, it->fixture->pool, is_new ? GW_ATTEMPT_IS_NEW : 0, &it->head, &it->arena, &try_calls, it, &failure);
  if (has_begun && it->head.content_length == GW_LENGTH_NONE && it->head.upgrade.len == 0) gw_attempt_send_end(&it->attempt, NULL);
  return has_begun;
}

static inline void try_on_failure(void *arg, const struct gw_failure *failure) {
  struct try *it = arg;
  if (it->starts_again && failure->retry_ok) {
    it->starts_again = false;
    assert_true(try_start(it, true));
    return;
  }
  it->failed++;
  it->failure = *failure;
}

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_MS * 1000ull;                                                                       \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > until_us) fail_msg("never: %s", #condition);                                                           \
      gw_loop_run_once((f)->loop, 10);                                                                                                     \
    }                                                                                                                                      \
  } while (0)

static inline void turn_for(struct fixture *f, uint64_t ms) {
  uint64_t end_us = gw_clock_monotonic_us() + ms * 1000;
  while (gw_clock_monotonic_us() < end_us)
    gw_loop_run_once(f->loop, 2);
}

/* A new pool by f->options, which may have changed. */
static inline void new_pool(struct fixture *f) {
  gw_upstream_pool_free(f->pool);
  f->pool = gw_upstream_pool_new(&f->options);
}

static inline int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  char address[64];
  f->loop = gw_loop_new();
  f->counts.refs = 1;
  h2_backend_start(&f->backend, f->loop);
  snprintf(address, sizeof(address), "127.0.0.1:%u", f->backend.port);
  gw_random_init(&f->random, 1);
  f->options = (struct gw_upstream_pool_options){.loop = f->loop,
                                                 .random = &f->random,
                                                 .connect_timeout_ms = 5000,
                                                 .idle_timeout_ms = 60000,
                                                 .protocol = GW_UPSTREAM_HTTP2,
                                                 .http2 = {.hpack_table_size = 4096,
                                                           .max_concurrent_streams = 100,
                                                           .initial_stream_window = 65535,
                                                           .initial_connection_window = 1024 * 1024},
                                                 .counts = &f->counts};
  assert_int_equal(gw_address_parse(gw_str_from(address), &f->options.address), GW_OK);
  new_pool(f);
  *state = f;
  return 0;
}

static inline int teardown(void **state) {
  struct fixture *f = *state;
  for (uint32_t i = 0; i < f->count; i++)
    gw_attempt_cancel(&f->tries[i].attempt);
  gw_upstream_pool_free(f->pool);
  h2_backend_stop(&f->backend);
  gw_loop_free(f->loop);
  for (uint32_t i = 0; i < f->count; i++) {
    gw_arena_done(&f->tries[i].arena);
    gw_strbuf_done(&f->tries[i].body);
  }
  bool is_balanced = f->counts.connections_active == 0 && f->counts.requests_active == 0;
  free(f);
  return is_balanced ? 0 : -1;
}

/* Not started yet. */
static inline struct try *prepare(struct fixture *f, const char *method, const char *path, int64_t content_length) {
  assert_true(f->count < TRIES);
  struct try *it = &f->tries[f->count++];
  it->fixture = f;
  gw_arena_init(&it->arena, 1024);
  it->head = (struct gw_request_head){.method = gw_method_find(gw_str_from(method)),
                                      .method_name = gw_str_from(method),
                                      .path = gw_str_from(path),
                                      .authority = GW_STR("x"),
                                      .scheme = GW_STR("http"),
                                      .version = GW_HTTP_1_1,
                                      .content_length = content_length};
  gw_headers_init(&it->head.headers, &it->arena, 2);
  return it;
}

static inline struct try *get(struct fixture *f, const char *path) {
  struct try *it = prepare(f, "GET", path, GW_LENGTH_NONE);
  assert_true(try_start(it, false));
  return it;
}

static inline struct try *post(struct fixture *f, const char *path) {
  struct try *it = prepare(f, "POST", path, GW_LENGTH_UNKNOWN);
  assert_true(try_start(it, false));
  return it;
}

static inline void assert_answered(struct try *it, uint32_t status, const char *body) {
  WAIT_FOR(it->fixture, it->ended + it->failed > 0);
  if (it->failed > 0) fail_msg("failed: %.*s", GW_STR_ARG(it->failure.detail));
  assert_int_equal(it->ended, 1);
  assert_int_equal(it->heads, 1);
  assert_int_equal(it->attempt.response.status, status);
  assert_true(gw_str_equal(gw_strbuf_str(&it->body), gw_str_from(body)));
}

static inline void assert_failed(struct try *it, uint32_t status, const char *word) {
  WAIT_FOR(it->fixture, it->failed + it->ended > 0);
  assert_int_equal(it->ended, 0);
  assert_int_equal(it->failed, 1);
  assert_int_equal(it->failure.status, status);
  if (memmem(it->failure.detail.data, it->failure.detail.len, word, strlen(word)) == NULL) {
    fail_msg("%.*s has no %s", GW_STR_ARG(it->failure.detail), word);
  }
  assert_false(gw_attempt_is_open(&it->attempt));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
