/* Attempts over TLS: what ALPN agrees on, who waits to be told, and why a connection fails. */
#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/dataplane/upstream/attempts.h"

static const struct gw_str h2_first[] = {{"h2", 2}, {"http/1.1", 8}};
static const char ticket_key[GW_TLS_TICKET_KEY_BYTES] = "of the tests";

static struct issued authority;
static struct issued leaf;

static int make_certificates(void **state) {
  (void)state;
  authority = issue(&(struct issue){.common_name = "authority", .is_authority = true});
  leaf = issue(&(struct issue){.names = "DNS:a.example", .issuer = &authority});
  return 0;
}

static int drop_certificates(void **state) {
  (void)state;
  issued_done(&leaf);
  issued_done(&authority);
  return 0;
}

/* The service offers these; none: no ALPN at all. */
static void serve(struct fixture *f, const struct gw_str *alpn, uint32_t alpn_count) {
  struct gw_tls_key_pair pair = pair_of(&leaf);
  struct gw_str key = {ticket_key, sizeof(ticket_key)};
  gw_tls_context_unref(f->backend.tls);
  f->backend.tls = server_of(&(struct gw_tls_server_options){
      .common = {.certificates = &pair, .certificate_count = 1, .alpn = alpn, .alpn_count = alpn_count},
      .ticket_keys = &key,
      .ticket_key_count = 1,
  });
}

static void use(struct fixture *f, enum gw_upstream_protocol protocol, const char *host) {
  struct gw_tls_context *context = client_of(&(struct gw_tls_client_options){
      .common = {.trusted_ca = gw_str_from(authority.chain),
                 .alpn = protocol == GW_UPSTREAM_HTTP1 ? h2_first + 1 : h2_first,
                 .alpn_count = protocol == GW_UPSTREAM_AUTO ? 2 : 1},
      .checks_host = true,
  });
  f->options.protocol = protocol;
  f->options.tls = context;
  char *name = gw_strndup(host, strlen(host));
  f->options.sni = gw_str_from(name);
  new_pool(f);
  free(name); /* the pool has its own */
  gw_tls_context_unref(context);
}

static int start(void **state) {
  if (setup(state) != 0) return -1;
  struct fixture *f = *state;
  serve(f, h2_first, 2);
  use(f, GW_UPSTREAM_AUTO, "a.example");
  return 0;
}

static int stop(void **state) {
  struct fixture *f = *state;
  struct gw_tls_context *tls = f->backend.tls;
  f->options.tls = NULL;
  int result = teardown(state);
  gw_tls_context_unref(tls);
  return result;
}

/* Several at once, with bodies: the first of a pool wait, and share what comes of it. */
static void ask_several(struct fixture *f, uint32_t connections) {
  struct try *gets[3];
  struct try *posts[3];
  uint32_t accepted = f->backend.accepted;
  for (size_t i = 0; i < GW_ARRAY_LEN(gets); i++) {
    gets[i] = get(f, "/ok");
    posts[i] = prepare(f, "POST", "/echo", 5);
    assert_true(try_start(posts[i], false));
    assert_true(gw_attempt_is_open(&gets[i]->attempt));
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(posts); i++) {
    WAIT_FOR(f, posts[i]->connected > 0 || gw_attempt_is_connected(&posts[i]->attempt));
    gw_attempt_send_body(&posts[i]->attempt, GW_STR("hello"));
    gw_attempt_send_end(&posts[i]->attempt, NULL);
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(gets); i++) {
    assert_answered(gets[i], 200, "hello");
    assert_answered(posts[i], 200, "hello");
  }
  assert_int_equal(f->backend.accepted - accepted, connections);
}

static void test_auto_learns_h2_and_all_share_one_connection(void **state) {
  struct fixture *f = *state;
  ask_several(f, 1);
  assert_int_equal(f->counts.connections_active, 1);
  ask_several(f, 0);
}

static void test_auto_learns_http1_and_each_gets_a_connection(void **state) {
  struct fixture *f = *state;
  serve(f, h2_first + 1, 1);
  ask_several(f, 6);
  assert_int_equal(f->pool->idle_count, 6);
  ask_several(f, 0);
}

static void test_auto_takes_no_alpn_for_http1(void **state) {
  struct fixture *f = *state;
  serve(f, NULL, 0);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.body_bytes, 0);
}

/* A service is replaced by one that speaks otherwise: learnt anew, and nothing is lost. */
static void test_auto_learns_anew_when_the_service_changes(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  for (int i = 0; i < 2; i++) {
    h2_backend_drop_connections(&f->backend);
    WAIT_FOR(f, f->counts.connections_active == 0);
    if (i == 0) {
      serve(f, h2_first + 1, 1);
    } else {
      serve(f, h2_first, 2);
    }
    struct try *tries[3];
    for (size_t k = 0; k < GW_ARRAY_LEN(tries); k++) {
      tries[k] = prepare(f, "GET", "/ok", GW_LENGTH_NONE);
      tries[k]->starts_again = true;
      assert_true(try_start(tries[k], false));
    }
    for (size_t k = 0; k < GW_ARRAY_LEN(tries); k++)
      assert_answered(tries[k], 200, "hello");
    assert_answered(get(f, "/ok"), 200, "hello");
  }
}

static void test_attempts_that_wait_fail_with_the_connection(void **state) {
  struct fixture *f = *state;
  f->options.address.v4.sin_port = htons(1);
  use(f, GW_UPSTREAM_AUTO, "a.example");
  struct try *first = get(f, "/ok");
  struct try *second = post(f, "/ok");
  assert_true(gw_attempt_is_waiting(&second->attempt));
  assert_failed(first, 503, "Connection_refused");
  assert_failed(second, 503, "Connection_refused");
  assert_true(second->failure.retry_ok);
}

static void test_attempts_that_wait_can_be_cancelled(void **state) {
  struct fixture *f = *state;
  struct try *first = get(f, "/ok");
  struct try *second = get(f, "/ok");
  gw_attempt_cancel(&first->attempt);
  assert_answered(second, 200, "hello");
  use(f, GW_UPSTREAM_AUTO, "a.example");
  gw_attempt_cancel(&get(f, "/ok")->attempt);
  gw_attempt_cancel(&get(f, "/ok")->attempt);
  WAIT_FOR(f, f->pool->idle_count > 0); /* what was being opened is kept for the next one */
  uint32_t accepted = f->backend.accepted;
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, accepted);
}

static void test_pool_that_is_freed_while_attempts_wait(void **state) {
  struct fixture *f = *state;
  struct try *first = get(f, "/ok");
  struct try *second = get(f, "/ok");
  gw_upstream_pool_free(f->pool);
  f->pool = NULL;
  assert_answered(first, 200, "hello");
  assert_answered(second, 200, "hello");
  WAIT_FOR(f, f->counts.connections_active == 0);
}

static void test_h2_that_is_not_agreed_on_fails(void **state) {
  struct fixture *f = *state;
  serve(f, h2_first + 1, 1);
  use(f, GW_UPSTREAM_HTTP2, "a.example");
  struct try *it = get(f, "/ok");
  WAIT_FOR(f, it->failed > 0);
  assert_int_equal(it->failure.status, 503);
  assert_int_equal(f->backend.requests, 0);
  serve(f, NULL, 0);
  it = get(f, "/ok");
  assert_failed(it, 503, "{tls,the_service_does_not_speak_h2}");
}

static void test_certificate_that_is_not_the_right_one_says_why(void **state) {
  struct fixture *f = *state;
  use(f, GW_UPSTREAM_AUTO, "b.example");
  struct try *it = get(f, "/ok");
  assert_failed(it, 503, "{tls,");
  assert_failed(it, 503, "certificate_has_none_of_the_expected_names");
  assert_int_equal(it->failure.flag, GW_FLAG_UPSTREAM_CONNECT_FAILURE);
  assert_int_equal(f->backend.requests, 0);
  assert_int_equal(f->counts.connect_failures_total, 1);
}

static void test_service_that_does_not_answer_the_handshake_times_out(void **state) {
  struct fixture *f = *state;
  f->options.connect_timeout_ms = 30;
  use(f, GW_UPSTREAM_AUTO, "a.example");
  gw_io_set(f->backend.io, 0); /* connected by the kernel, accepted by nobody */
  struct try *first = get(f, "/ok");
  struct try *second = get(f, "/ok");
  assert_failed(first, 503, "connection_timeout");
  assert_failed(second, 503, "connection_timeout");
  assert_int_equal(f->counts.connections_active, 0);
}

static void test_next_connection_resumes_the_session(void **state) {
  struct fixture *f = *state;
  use(f, GW_UPSTREAM_HTTP1, "a.example");
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.resumed, 0);
  struct try *it = prepare(f, "GET", "/ok", GW_LENGTH_NONE);
  assert_true(try_start(it, true));
  assert_answered(it, 200, "hello");
  assert_int_equal(f->backend.resumed, 1);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_auto_learns_h2_and_all_share_one_connection),
      TEST(test_auto_learns_http1_and_each_gets_a_connection),
      TEST(test_auto_takes_no_alpn_for_http1),
      TEST(test_auto_learns_anew_when_the_service_changes),
      TEST(test_attempts_that_wait_fail_with_the_connection),
      TEST(test_attempts_that_wait_can_be_cancelled),
      TEST(test_pool_that_is_freed_while_attempts_wait),
      TEST(test_h2_that_is_not_agreed_on_fails),
      TEST(test_certificate_that_is_not_the_right_one_says_why),
      TEST(test_service_that_does_not_answer_the_handshake_times_out),
      TEST(test_next_connection_resumes_the_session),
  };
  return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
