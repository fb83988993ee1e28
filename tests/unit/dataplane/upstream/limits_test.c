/* Concurrency limits: attempts beyond them wait in order, or are refused with the limit's name; nothing that was counted stays counted. */
#include "tests/unit/dataplane/upstream/attempts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "dataplane/upstream/usage.h"

/* A new pool with these limits. */
static struct gw_upstream_usage *limit(struct fixture *f, const struct gw_concurrency_limits *limits) {
  struct gw_upstream_usage *usage = gw_upstream_usage_new();
  f->options.usage = usage;
  f->options.limits = limits;
  new_pool(f);
  return usage;
}

static void assert_unused(struct fixture *f, struct gw_upstream_usage *usage) {
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_PENDING), 0);
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_REQUESTS), 0);
  gw_upstream_pool_free(f->pool);
  f->options.usage = NULL;
  f->options.limits = NULL;
  f->pool = gw_upstream_pool_new(&f->options);
  WAIT_FOR(f, gw_upstream_usage_get(usage, GW_CONCURRENCY_CONNECTIONS) == 0);
  gw_upstream_usage_unref(usage);
}

static void assert_refused(struct fixture *f, const char *detail) {
  struct try *it = prepare(f, "GET", "/refused", GW_LENGTH_NONE);
  struct gw_failure failure = {0};
  assert_false(gw_attempt_start(&it->attempt, f->pool, 0, &it->head, &it->arena, &try_calls, it, &failure));
  assert_int_equal(failure.status, 503);
  assert_int_equal(failure.flag, GW_FLAG_UPSTREAM_OVERFLOW);
  assert_false(failure.retry_ok);
  assert_true(gw_str_equal(failure.detail, gw_str_from(detail)));
}

/* ---- HTTP/1.1: a service of which the test writes every byte ---- */

struct h1_service {
  struct fixture *f;
  int listen_fd;
  int fds[8];
  uint32_t count;
};

static struct h1_service serve_h1(struct fixture *f) {
  struct h1_service service = {.f = f};
  struct gw_address address;
  gw_address_parse(GW_STR("127.0.0.1:0"), &address);
  assert_int_equal(gw_socket_listen(&address, false, 16, &service.listen_fd), GW_OK);
  gw_socket_local_address(service.listen_fd, &f->options.address);
  f->options.protocol = GW_UPSTREAM_HTTP1;
  return service;
}

static void accept_one(struct h1_service *service) {
  struct gw_address peer;
  WAIT_FOR(service->f, gw_socket_accept(service->listen_fd, &peer, &service->fds[service->count]) == GW_OK);
  service->count++;
}

static bool has_no_other(struct h1_service *service) {
  struct gw_address peer;
  int fd;
  turn_for(service->f, 60);
  return gw_socket_accept(service->listen_fd, &peer, &fd) != GW_OK;
}

/* Takes the request for `path` on that connection and answers it. */
static void answer(struct h1_service *service, uint32_t index, const char *path, const char *head) {
  char got[4096];
  size_t len = 0;
  WAIT_FOR(service->f, ({
             ssize_t more = recv(service->fds[index], got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
             if (more > 0) len += (size_t)more;
             len >= 4 && memcmp(got + len - 4, "\r\n\r\n", 4) == 0;
           }));
  got[len] = '\0';
  if (strstr(got, path) == NULL) fail_msg("not %s: %s", path, got);
  assert_int_equal(send(service->fds[index], head, strlen(head), MSG_NOSIGNAL), strlen(head));
}
#define KEEP "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CLOSE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

static void end_h1(struct h1_service *service) {
  for (uint32_t i = 0; i < service->count; i++)
    close(service->fds[i]);
  close(service->listen_fd);
}

static void test_requests_beyond_max_connections_wait_in_order(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 2, 100});
  struct try *first = get(f, "/first");
  accept_one(&service);
  WAIT_FOR(f, first->connected == 1);
  struct try *second = get(f, "/second"), *third = get(f, "/third");
  assert_true(gw_attempt_is_waiting(&second->attempt));
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_PENDING), 2);
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_REQUESTS), 1);
  assert_refused(f, "upstream_reset_before_response_started{overflow,max_pending_requests}");
  assert_int_equal(f->counts.overflows_total[GW_CONCURRENCY_PENDING], 1);
  answer(&service, 0, "/first", KEEP);
  assert_answered(first, 200, "ok");
  answer(&service, 0, "/second", KEEP);
  assert_answered(second, 200, "ok");
  answer(&service, 0, "/third", KEEP);
  assert_answered(third, 200, "ok");
  assert_true(has_no_other(&service));
  end_h1(&service);
  assert_unused(f, usage);
}

static void test_connection_that_closes_makes_room_for_a_new_one(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 2, 100});
  struct try *first = get(f, "/first");
  accept_one(&service);
  WAIT_FOR(f, first->connected == 1);
  struct try *second = get(f, "/second");
  answer(&service, 0, "/first", CLOSE);
  accept_one(&service);
  answer(&service, 1, "/second", KEEP);
  assert_answered(first, 200, "ok");
  assert_answered(second, 200, "ok");
  end_h1(&service);
  assert_unused(f, usage);
}

static void test_who_gives_up_while_queued_makes_room(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 1, 100});
  struct try *first = get(f, "/first");
  accept_one(&service);
  WAIT_FOR(f, first->connected == 1);
  struct try *second = get(f, "/second");
  gw_attempt_cancel(&second->attempt);
  struct try *third = get(f, "/third");
  answer(&service, 0, "/first", KEEP);
  answer(&service, 0, "/third", KEEP);
  assert_answered(third, 200, "ok");
  end_h1(&service);
  assert_unused(f, usage);
}

static void test_body_follows_when_a_queued_request_gets_its_connection(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 1, 100});
  struct try *first = get(f, "/first");
  accept_one(&service);
  WAIT_FOR(f, first->connected == 1);
  struct try *second = prepare(f, "POST", "/second", 3);
  assert_true(try_start(second, false));
  answer(&service, 0, "/first", KEEP);
  WAIT_FOR(f, second->connected == 1);
  gw_attempt_send_body(&second->attempt, GW_STR("abc"));
  gw_attempt_send_end(&second->attempt, NULL);
  char got[4096];
  size_t len = 0;
  WAIT_FOR(f, ({
             ssize_t more = recv(service.fds[0], got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
             if (more > 0) len += (size_t)more;
             len > 3 && memcmp(got + len - 3, "abc", 3) == 0;
           }));
  assert_int_equal(send(service.fds[0], KEEP, strlen(KEEP), MSG_NOSIGNAL), strlen(KEEP));
  assert_answered(second, 200, "ok");
  end_h1(&service);
  assert_unused(f, usage);
}

static void test_queue_of_a_retired_pool_is_served(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 2, 100});
  struct try *first = get(f, "/first");
  accept_one(&service);
  WAIT_FOR(f, first->connected == 1);
  struct try *second = get(f, "/second"), *third = get(f, "/third");
  struct gw_upstream_pool *retired = f->pool;
  f->pool = gw_upstream_pool_new(&f->options);
  gw_upstream_pool_free(retired);
  answer(&service, 0, "/first", KEEP);
  assert_answered(first, 200, "ok");
  accept_one(&service);
  answer(&service, 1, "/second", KEEP);
  assert_answered(second, 200, "ok");
  gw_attempt_cancel(&third->attempt);
  end_h1(&service);
  assert_unused(f, usage);
}

static void test_pool_without_connections_may_have_one_and_finds_what_others_give_up(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){2, 10, 100});
  struct gw_upstream_pool *other = gw_upstream_pool_new(&f->options);
  struct try *held = get(f, "/held"), *also = get(f, "/also");
  accept_one(&service);
  accept_one(&service);
  WAIT_FOR(f, held->connected + also->connected == 2);
  struct gw_upstream_pool *full = f->pool;
  f->pool = other;
  struct try *allowed = get(f, "/allowed");
  accept_one(&service);
  WAIT_FOR(f, allowed->connected == 1);
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_CONNECTIONS), 3);
  struct try *queued = get(f, "/queued");
  assert_true(has_no_other(&service));
  gw_attempt_cancel(&held->attempt);
  gw_attempt_cancel(&also->attempt);
  gw_upstream_pool_free(full);
  accept_one(&service);
  answer(&service, 3, "/queued", KEEP);
  assert_answered(queued, 200, "ok");
  gw_attempt_cancel(&allowed->attempt);
  end_h1(&service);
  assert_unused(f, usage);
}

static void test_connect_failure_gives_everything_back(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 1, 1});
  end_h1(&service);
  for (int i = 0; i < 3; i++) {
    struct try *it = prepare(f, "GET", "/", GW_LENGTH_NONE);
    if (try_start(it, false)) assert_failed(it, 503, "connection_failure");
  }
  assert_unused(f, usage);
}

static void test_connecting_requests_are_pending(void **state) {
  struct fixture *f = *state;
  struct h1_service service = serve_h1(f);
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){10, 1, 100});
  struct try *first = get(f, "/first");
  assert_refused(f, "upstream_reset_before_response_started{overflow,max_pending_requests}");
  accept_one(&service);
  WAIT_FOR(f, first->connected == 1);
  struct try *second = get(f, "/second");
  accept_one(&service);
  answer(&service, 0, "/first", KEEP);
  answer(&service, 1, "/second", KEEP);
  assert_answered(first, 200, "ok");
  assert_answered(second, 200, "ok");
  end_h1(&service);
  assert_unused(f, usage);
}

/* ---- HTTP/2 ---- */

static void test_request_beyond_max_requests_is_refused_until_one_ends(void **state) {
  struct fixture *f = *state;
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){10, 10, 2});
  struct try *first = get(f, "/slow"), *second = get(f, "/slow");
  assert_refused(f, "upstream_reset_before_response_started{overflow,max_requests}");
  assert_int_equal(f->counts.overflows_total[GW_CONCURRENCY_REQUESTS], 1);
  gw_attempt_cancel(&first->attempt);
  assert_answered(get(f, "/hello"), 200, "hello");
  gw_attempt_cancel(&second->attempt);
  assert_unused(f, usage);
}

static void test_stream_that_ends_lets_a_queued_request_begin(void **state) {
  struct fixture *f = *state;
  f->backend.options.max_concurrent_streams = 1;
  struct gw_upstream_usage *usage = limit(f, &(struct gw_concurrency_limits){1, 10, 100});
  assert_answered(get(f, "/hello"), 200, "hello"); /* its settings are known now */
  struct try *slow = get(f, "/slow");
  struct try *queued = get(f, "/hello");
  assert_true(gw_attempt_is_waiting(&queued->attempt));
  gw_attempt_cancel(&slow->attempt);
  assert_answered(queued, 200, "hello");
  assert_int_equal(f->backend.accepted, 1);
  assert_unused(f, usage);
}

static void test_without_limits_nothing_is_counted(void **state) {
  struct fixture *f = *state;
  struct gw_upstream_usage *usage = limit(f, NULL);
  struct try *slow = get(f, "/slow");
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_REQUESTS), 0);
  gw_upstream_pool_set_limits(f->pool, &(struct gw_concurrency_limits){1, 1, 1});
  struct try *counted = get(f, "/slow");
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_REQUESTS), 1);
  gw_attempt_cancel(&slow->attempt); /* which was not counted */
  assert_int_equal(gw_upstream_usage_get(usage, GW_CONCURRENCY_REQUESTS), 1);
  gw_attempt_cancel(&counted->attempt);
  assert_unused(f, usage);
}

/* ---- many threads ---- */

#define THREADS 4
#define MAX 3

struct crowd {
  struct gw_upstream_usage *usage;
  atomic_uint inside;
  atomic_bool was_exceeded;
  atomic_uint taken;
};

static void *run_member(void *arg) {
  struct crowd *crowd = arg;
  for (int i = 0; i < 50000; i++) {
    if (!gw_upstream_usage_take(crowd->usage, GW_CONCURRENCY_REQUESTS, MAX)) continue;
    if (atomic_fetch_add(&crowd->inside, 1) >= MAX) atomic_store(&crowd->was_exceeded, true);
    atomic_fetch_add(&crowd->taken, 1);
    atomic_fetch_sub(&crowd->inside, 1);
    gw_upstream_usage_give(crowd->usage, GW_CONCURRENCY_REQUESTS);
  }
  return NULL;
}

static void test_threads_never_take_more_than_there_is(void **state) {
  (void)state;
  struct crowd crowd = {.usage = gw_upstream_usage_new()};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, run_member, &crowd), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_false(crowd.was_exceeded);
  assert_true(crowd.taken > 0);
  assert_int_equal(gw_upstream_usage_get(crowd.usage, GW_CONCURRENCY_REQUESTS), 0);
  gw_upstream_usage_unref(crowd.usage);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_requests_beyond_max_connections_wait_in_order),
      TEST(test_connection_that_closes_makes_room_for_a_new_one),
      TEST(test_who_gives_up_while_queued_makes_room),
      TEST(test_body_follows_when_a_queued_request_gets_its_connection),
      TEST(test_queue_of_a_retired_pool_is_served),
      TEST(test_pool_without_connections_may_have_one_and_finds_what_others_give_up),
      TEST(test_connect_failure_gives_everything_back),
      TEST(test_connecting_requests_are_pending),
      TEST(test_request_beyond_max_requests_is_refused_until_one_ends),
      TEST(test_stream_that_ends_lets_a_queued_request_begin),
      TEST(test_without_limits_nothing_is_counted),
      cmocka_unit_test(test_threads_never_take_more_than_there_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
