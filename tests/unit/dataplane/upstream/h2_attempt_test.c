/* Attempts that share HTTP/2 connections to a service. */
#include "tests/unit/dataplane/upstream/attempts.h"

static void test_attempts_share_a_connection_that_is_being_opened(void **state) {
  struct fixture *f = *state;
  struct try *tries[20];
  for (size_t i = 0; i < GW_ARRAY_LEN(tries); i++)
    tries[i] = get(f, "/ok");
  for (size_t i = 0; i < GW_ARRAY_LEN(tries); i++) {
    assert_answered(tries[i], 200, "hello");
    assert_int_equal(tries[i]->connected, 1);
    assert_false(tries[i]->attempt.is_reused);
  }
  assert_int_equal(f->backend.accepted, 1);
  assert_int_equal(f->pool->idle_count, 1);
  struct try *later = get(f, "/ok");
  assert_answered(later, 200, "hello");
  assert_true(later->attempt.is_reused);
  assert_int_equal(later->connected, 0);
  assert_int_equal(f->backend.accepted, 1);
  assert_int_equal(f->counts.connections_total, 1);
}

static void test_more_attempts_than_the_service_takes_open_another_connection(void **state) {
  struct fixture *f = *state;
  f->backend.options.max_concurrent_streams = 3;
  assert_answered(get(f, "/ok"), 200, "hello"); /* the service's settings are known */
  struct try *slow[3];
  for (size_t i = 0; i < GW_ARRAY_LEN(slow); i++)
    slow[i] = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 4);
  assert_int_equal(f->backend.accepted, 1);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
  /* As soon as there is room it is used. */
  gw_attempt_cancel(&slow[0]->attempt);
  gw_attempt_cancel(&slow[1]->attempt);
  WAIT_FOR(f, gw_list_is_linked(&f->backend.streams) && f->backend.streams.next->next == &f->backend.streams);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
}

static void test_idle_connection_that_takes_no_more_is_not_used(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x4, 0, 0, GW_STR("\0\x3\0\0\0\0")); /* no streams at once */
  h2_backend_last(&f->backend)->is_deaf = true;          /* its codec knows nothing of it, and would wonder about the answer */
  h2_backend_send_raw(&f->backend, &bytes);
  turn_for(f, 20);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
  WAIT_FOR(f, f->counts.connections_active == 1);
}

static void test_idle_age_is_told_of_who_was_idle(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  turn_for(f, 20);
  struct try *first = get(f, "/slow");
  struct try *second = get(f, "/slow");
  assert_true(first->attempt.idle_age_ms >= 10);
  assert_int_equal(second->attempt.idle_age_ms, 0);
}

static void test_body_and_trailers_pass_both_ways(void **state) {
  struct fixture *f = *state;
  struct try *it = post(f, "/echo");
  struct gw_headers trailers;
  gw_headers_init(&trailers, &it->arena, 1);
  gw_headers_add(&trailers, &it->arena, GW_HEADER_OTHER, GW_STR("x-sum"), GW_STR("7"));
  gw_attempt_send_body(&it->attempt, GW_STR("abc"));
  WAIT_FOR(f, it->connected > 0);
  gw_attempt_send_body(&it->attempt, GW_STR("def"));
  gw_attempt_send_end(&it->attempt, &trailers);
  assert_answered(it, 200, "abcdef");
  assert_int_equal(it->attempt.trailers.count, 1);
}

/* ---- GOAWAY and resets ---- */

static void test_goaway_on_an_idle_connection_closes_it(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  gw_h2_codec_start_drain(h2_backend_last(&f->backend)->codec, true);
  WAIT_FOR(f, f->counts.connections_active == 0);
  assert_int_equal(f->pool->idle_count, 0);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
}

static void test_goaway_lets_what_runs_end_and_takes_no_more(void **state) {
  struct fixture *f = *state;
  struct try *slow = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 1);
  gw_h2_codec_start_drain(h2_backend_last(&f->backend)->codec, true);
  turn_for(f, 20);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
  h2_backend_hello(h2_backend_first_stream(&f->backend));
  assert_answered(slow, 200, "hello");
  WAIT_FOR(f, f->counts.connections_active == 1);
}

static void test_connection_that_ends_after_its_cluster_still_counts(void **state) {
  struct fixture *f = *state;
  f->options.counts = gw_upstream_counts_new();
  new_pool(f);
  struct try *it = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 1);
  gw_h2_codec_start_drain(h2_backend_last(&f->backend)->codec, true);
  turn_for(f, 20);
  /* The reset has to leave yet when pool and cluster go. */
  gw_attempt_cancel(&it->attempt);
  struct gw_upstream_counts *counts = gw_upstream_counts_ref(f->options.counts);
  gw_upstream_pool_free(f->pool);
  f->pool = NULL;
  gw_upstream_counts_unref(counts);
  WAIT_FOR(f, counts->connections_active == 0);
  assert_int_equal(counts->refs, 1); /* the pool is gone, too */
  gw_upstream_counts_unref(counts);
}

/* GOAWAY with the number of the last stream that was looked at. */
static void say_goaway(struct fixture *f, uint8_t last_id) {
  struct gw_strbuf bytes = {0};
  const char payload[8] = {0, 0, 0, (char)last_id};
  put_frame(&bytes, 0x7, 0, 0, (struct gw_str){payload, sizeof(payload)});
  h2_backend_send_raw(&f->backend, &bytes);
}

static void test_goaway_says_which_may_be_tried_again(void **state) {
  struct fixture *f = *state;
  struct try *seen = get(f, "/slow");
  struct try *unseen = post(f, "/slow");
  struct try *begun = post(f, "/slow");
  gw_attempt_send_body(&begun->attempt, GW_STR("gone"));
  struct try *again = prepare(f, "POST", "/ok", GW_LENGTH_NONE);
  again->starts_again = true;
  assert_true(try_start(again, false));
  f->backend.is_mute = true;
  WAIT_FOR(f, f->backend.requests == 4);
  f->backend.is_mute = false;
  say_goaway(f, 1);
  assert_failed(unseen, 502, "upstream_reset_before_response_started{remote_goaway");
  assert_int_equal(unseen->failure.flag, GW_FLAG_UPSTREAM_TERMINATION);
  assert_true(unseen->failure.retry_ok);
  assert_failed(begun, 502, "remote_goaway");
  assert_true(begun->failure.retry_ok); /* by who still has its body */
  assert_answered(again, 200, "hello");
  assert_int_equal(seen->failed, 0);
  h2_backend_hello(h2_backend_first_stream(&f->backend));
  assert_answered(seen, 200, "hello");
}

static void test_refused_stream_may_be_tried_again(void **state) {
  struct fixture *f = *state;
  f->backend.refuse = 1;
  struct try *it = prepare(f, "POST", "/ok", GW_LENGTH_NONE);
  assert_true(try_start(it, false));
  assert_failed(it, 502, "remote_refused_stream_reset");
  assert_int_equal(it->failure.flag, GW_FLAG_UPSTREAM_REMOTE_RESET);
  assert_true(it->failure.retry_ok);
  f->backend.refuse = 1;
  it = prepare(f, "POST", "/ok", GW_LENGTH_NONE);
  it->starts_again = true;
  assert_true(try_start(it, false));
  assert_answered(it, 200, "hello");
}

static void test_other_reset_may_not_and_leaves_the_others_alone(void **state) {
  struct fixture *f = *state;
  struct try *it = prepare(f, "POST", "/slow", GW_LENGTH_NONE);
  assert_true(try_start(it, false));
  struct try *other = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 2);
  struct h2_backend_stream *stream = h2_backend_first_stream(&f->backend);
  gw_h2_stream_detach(&stream->h2, GW_H2_INTERNAL_ERROR);
  h2_backend_stream_free(stream);
  assert_failed(it, 502, "upstream_reset_before_response_started{remote_reset,http2_error_2");
  assert_false(it->failure.retry_ok);
  h2_backend_hello(h2_backend_first_stream(&f->backend));
  assert_answered(other, 200, "hello");
}

static void test_answer_cut_short_by_a_reset_fails_after_what_came(void **state) {
  struct fixture *f = *state;
  struct try *it = get(f, "/partial");
  WAIT_FOR(f, it->body.len == 10);
  struct h2_backend_stream *stream = h2_backend_first_stream(&f->backend);
  gw_h2_stream_detach(&stream->h2, GW_H2_CANCEL);
  h2_backend_stream_free(stream);
  assert_failed(it, 502, "upstream_reset_after_response_started{remote_reset,http2_error_8");
}

static void test_early_answer_is_taken_and_the_rest_not_sent(void **state) {
  struct fixture *f = *state;
  struct try *it = post(f, "/early");
  assert_answered(it, 413, "big");
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 1);
}

/* ---- connections that break, or never stand ---- */

static void test_connection_that_breaks_fails_all_its_attempts(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  struct try *idempotent = get(f, "/slow");
  struct try *post_it = prepare(f, "POST", "/slow", GW_LENGTH_NONE);
  assert_true(try_start(post_it, false));
  struct try *answered = get(f, "/partial");
  WAIT_FOR(f, answered->body.len == 10 && f->backend.requests == 4);
  h2_backend_drop_connections(&f->backend);
  assert_failed(idempotent, 502, "connection_termination,reused");
  assert_true(idempotent->failure.retry_ok);
  assert_failed(post_it, 502, "connection_termination,reused");
  assert_false(post_it->failure.retry_ok);
  assert_failed(answered, 502, "upstream_reset_after_response_started{connection_termination");
  assert_int_equal(f->counts.connections_active, 0);
}

static void test_connection_that_is_refused_fails_all_who_wait_for_it(void **state) {
  struct fixture *f = *state;
  f->options.address.v4.sin_port = htons(1);
  new_pool(f);
  struct try *tries[3];
  for (size_t i = 0; i < GW_ARRAY_LEN(tries); i++)
    tries[i] = get(f, "/ok");
  for (size_t i = 0; i < GW_ARRAY_LEN(tries); i++) {
    assert_failed(tries[i], 503, "Connection_refused");
    assert_true(tries[i]->failure.retry_ok);
    assert_int_equal(tries[i]->connected, 0);
  }
  assert_int_equal(f->counts.connect_failures_total, 1);
}

static void test_cancelled_attempts_leave_the_connection_to_the_others(void **state) {
  struct fixture *f = *state;
  struct try *first = get(f, "/slow");
  struct try *second = get(f, "/ok");
  gw_attempt_cancel(&first->attempt); /* before it is connected */
  assert_answered(second, 200, "hello");
  assert_int_equal(f->backend.requests, 1);
  struct try *third = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 2);
  gw_attempt_cancel(&third->attempt);
  WAIT_FOR(f, gw_list_is_empty(&f->backend.streams));
  assert_int_equal(f->pool->idle_count, 1);
  /* All of them, while it connects. */
  new_pool(f);
  gw_attempt_cancel(&get(f, "/slow")->attempt);
  gw_attempt_cancel(&get(f, "/slow")->attempt);
  turn_for(f, 20);
  assert_int_equal(f->backend.requests, 2);
}

static void test_idle_connection_is_closed_in_time(void **state) {
  struct fixture *f = *state;
  f->options.idle_timeout_ms = 20;
  new_pool(f);
  assert_answered(get(f, "/ok"), 200, "hello");
  struct try *slow = get(f, "/slow");
  turn_for(f, 60);
  assert_int_equal(f->counts.connections_active, 1); /* not while something runs */
  gw_attempt_cancel(&slow->attempt);
  WAIT_FOR(f, f->counts.connections_active == 0);
}

static void test_pool_that_is_freed_lives_until_its_last_attempt(void **state) {
  struct fixture *f = *state;
  struct try *slow = get(f, "/slow");
  struct try *other = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 2);
  gw_upstream_pool_free(f->pool);
  f->pool = NULL;
  h2_backend_hello(h2_backend_first_stream(&f->backend));
  assert_answered(slow, 200, "hello");
  assert_int_equal(f->counts.connections_active, 1);
  gw_attempt_cancel(&other->attempt);
  WAIT_FOR(f, f->counts.connections_active == 0);
}

/* ---- back-pressure ---- */

static void test_paused_attempt_holds_little_and_does_not_stop_the_others(void **state) {
  struct fixture *f = *state;
  const size_t size = 8u << 20;
  struct try *big = get(f, "/big/8388608");
  WAIT_FOR(f, big->body.len > 0);
  gw_attempt_set_paused(&big->attempt, true);
  size_t before = big->body.len;
  turn_for(f, 30);
  assert_int_equal(big->body.len, before);
  assert_true(big->attempt.h2.stream.held.len <= 65535);
  for (int i = 0; i < 20; i++) {
    struct try *other = get(f, "/big/1000000"); /* many windows of the connection */
    WAIT_FOR(f, other->ended == 1);
    assert_int_equal(other->body.len, 1000000);
  }
  gw_attempt_set_paused(&big->attempt, false);
  WAIT_FOR(f, big->ended == 1);
  assert_int_equal(big->body.len, size);
  assert_int_equal(f->backend.accepted, 1);
}

static void test_attempt_that_is_paused_at_its_end_is_told_later(void **state) {
  struct fixture *f = *state;
  struct try *it = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 1);
  gw_attempt_set_paused(&it->attempt, true);
  h2_backend_respond(h2_backend_first_stream(&f->backend), 200, GW_LENGTH_UNKNOWN, "hello");
  WAIT_FOR(f, it->heads == 1);
  gw_h2_stream_send_end(&h2_backend_first_stream(&f->backend)->h2, NULL);
  turn_for(f, 20);
  gw_attempt_set_paused(&it->attempt, false);
  gw_attempt_set_paused(&it->attempt, true);
  gw_attempt_set_paused(&it->attempt, false);
  assert_answered(it, 200, "hello");
}

static void test_slow_service_is_felt_by_its_attempt_alone(void **state) {
  struct fixture *f = *state;
  static char data[64 * 1024];
  f->backend.is_paused = true;
  struct try *upload = post(f, "/ok");
  WAIT_FOR(f, upload->connected > 0);
  bool may_go_on = true;
  for (int i = 0; i < 100 && may_go_on; i++) {
    may_go_on = gw_attempt_send_body(&upload->attempt, (struct gw_str){data, sizeof(data)});
    gw_loop_run_once(f->loop, 0);
  }
  assert_false(may_go_on);
  assert_true(upload->attempt.body_bytes < 1024 * 1024);
  f->backend.is_paused = false; /* others are read */
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(upload->drained, 0);
  h2_backend_resume(&f->backend);
  WAIT_FOR(f, upload->drained > 0);
  gw_attempt_send_end(&upload->attempt, NULL);
  assert_answered(upload, 200, "hello");
  assert_int_equal(f->backend.body_bytes, upload->attempt.body_bytes);
}

/* ---- services that break the rules ---- */

static void test_interim_answers_are_skipped_but_not_without_end(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/interim"), 200, "hello");
  struct try *it = get(f, "/slow");
  struct try *other = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 3);
  struct h2_backend_stream *stream = h2_backend_first_stream(&f->backend);
  for (int i = 0; i < 17; i++) {
    struct gw_response_head head = h2_backend_head(stream, 103, GW_LENGTH_NONE);
    gw_h2_stream_respond(&stream->h2, &head, false);
  }
  assert_failed(it, 502, "too_many_interim_answers");
  WAIT_FOR(f, h2_backend_first_stream(&f->backend) != stream); /* it was reset */
  h2_backend_hello(h2_backend_first_stream(&f->backend));
  assert_answered(other, 200, "hello");
}

static void test_head_beyond_the_limit_fails_its_attempt_only(void **state) {
  struct fixture *f = *state;
  struct try *it = get(f, "/slow");
  struct try *other = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 2);
  struct h2_backend_stream *stream = h2_backend_first_stream(&f->backend);
  struct gw_response_head head = h2_backend_head(stream, 200, GW_LENGTH_UNKNOWN);
  for (int i = 0; i < 300; i++)
    gw_headers_add(&head.headers, &stream->arena, GW_HEADER_OTHER, GW_STR("x-many"), GW_STR("1"));
  gw_h2_stream_respond(&stream->h2, &head, true);
  assert_failed(it, 502, "head_too_large");
  WAIT_FOR(f, h2_backend_first_stream(&f->backend) != stream);
  h2_backend_hello(h2_backend_first_stream(&f->backend));
  assert_answered(other, 200, "hello");
}

static void test_broken_protocol_fails_all_and_is_told(void **state) {
  struct fixture *f = *state;
  struct try *tries[3];
  for (size_t i = 0; i < GW_ARRAY_LEN(tries); i++)
    tries[i] = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 3);
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x0, 0, 99, GW_STR("data on a stream that is not there"));
  h2_backend_send_raw(&f->backend, &bytes);
  for (size_t i = 0; i < GW_ARRAY_LEN(tries); i++) {
    assert_failed(tries[i], 502, "protocol_error,http2");
    assert_false(tries[i]->failure.retry_ok);
  }
  WAIT_FOR(f, f->counts.connections_active == 0);
}

static void test_broken_protocol_on_an_idle_connection_takes_it_out_of_the_pool(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->pool->idle_count, 1);
  struct gw_strbuf bytes = {0};
  put_frame(&bytes, 0x1, 0x4, 2, GW_STR("\x88")); /* nobody asked on stream 2 */
  put_frame(&bytes, 0x6, 0, 0, GW_STR("short"));
  h2_backend_send_raw(&f->backend, &bytes);
  /* In whatever turn it is seen, the pool can be freed. */
  while (f->pool->idle_count > 0 && !gw_list_is_empty(&f->pool->idle))
    gw_loop_run_once(f->loop, 5);
  assert_int_equal(f->pool->idle_count, 0);
  new_pool(f);
  WAIT_FOR(f, f->counts.connections_active == 0);
}

static void test_connection_on_which_the_rules_were_broken_takes_no_more(void **state) {
  struct fixture *f = *state;
  struct try *it = get(f, "/slow");
  struct try *other = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 2);
  struct h2_backend_stream *stream = GW_LIST_ITEM(h2_backend_first_stream(&f->backend)->node.next, struct h2_backend_stream, node);
  struct gw_strbuf bytes = {0};
  const char block[] = {(char)0x88, 0, 1, 'U', 1, 'x'}; /* a name in upper case */
  put_frame(&bytes, 0x1, 0x5, 1, (struct gw_str){block, sizeof(block)});
  h2_backend_send_raw(&f->backend, &bytes);
  assert_failed(it, 502, "protocol_error,http2");
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
  assert_int_equal(f->counts.connections_active, 2);
  h2_backend_hello(stream);
  assert_answered(other, 200, "hello");
  WAIT_FOR(f, f->counts.connections_active == 1);
}

static void test_connection_ends_with_the_attempt_on_which_the_rules_were_broken(void **state) {
  struct fixture *f = *state;
  struct try *it = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 1);
  struct gw_strbuf bytes = {0};
  const char block[] = {(char)0x88, 0, 1, 'U', 1, 'x'};
  put_frame(&bytes, 0x1, 0x5, 1, (struct gw_str){block, sizeof(block)});
  h2_backend_send_raw(&f->backend, &bytes);
  assert_failed(it, 502, "protocol_error,http2");
  WAIT_FOR(f, f->counts.connections_active == 0);
}

static void test_connection_that_answers_nobody_takes_no_more_after_a_timeout(void **state) {
  struct fixture *f = *state;
  assert_answered(get(f, "/ok"), 200, "hello");
  struct try *slow = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 2);
  gw_attempt_cancel(&slow->attempt); /* by its client: no reason for suspicion */
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 1);
  slow = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 4);
  assert_answered(get(f, "/ok"), 200, "hello");
  gw_attempt_time_out(&slow->attempt); /* others were answered meanwhile */
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 1);
  slow = get(f, "/slow");
  WAIT_FOR(f, f->backend.requests == 7);
  gw_attempt_time_out(&slow->attempt);
  assert_answered(get(f, "/ok"), 200, "hello");
  assert_int_equal(f->backend.accepted, 2);
  WAIT_FOR(f, f->counts.connections_active == 1);
}

static void test_service_that_is_not_http2_fails(void **state) {
  struct fixture *f = *state;
  struct try *it = get(f, "/ok");
  WAIT_FOR(f, f->backend.accepted == 1);
  struct h2_backend_connection *connection = h2_backend_last(&f->backend);
  gw_task_cancel(&connection->pack_task);
  assert_int_equal(send(connection->fd, "SSH-2.0-OpenSSH_9.2\r\n", 21, MSG_NOSIGNAL), 21);
  assert_failed(it, 502, "protocol_error,http2");
  WAIT_FOR(f, f->counts.connections_active == 0);
}

/* What has no body has none, whatever frame the end comes in. */
static void test_answers_that_can_have_no_body_have_none(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *method;
    const char *path;
    int64_t declared;
  } rows[] = {{"HEAD", "/ok", 5},
              {"HEAD", "/unsized", GW_LENGTH_NONE},
              {"GET", "/empty/204", GW_LENGTH_NONE},
              {"GET", "/empty/304", GW_LENGTH_NONE}};
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    struct try *it = prepare(f, rows[i].method, rows[i].path, GW_LENGTH_NONE);
    assert_true(try_start(it, false));
    WAIT_FOR(f, it->heads + it->failed > 0);
    assert_int_equal(it->failed, 0);
    assert_int_equal(it->attempt.response.content_length, GW_LENGTH_NONE);
    assert_int_equal(it->attempt.response.declared_length, rows[i].declared);
    WAIT_FOR(f, it->ended == 1);
  }
}

/* ---- tunnels (RFC 8441) ---- */

static struct try *tunnel(struct fixture *f, const char *path) {
  struct try *it = prepare(f, "GET", path, GW_LENGTH_NONE);
  it->head.upgrade = GW_STR("websocket");
  gw_headers_add(&it->head.headers, &it->arena, GW_HEADER_OTHER, GW_STR("Sec-WebSocket-Key"), GW_STR("dGhlIHNhbXBsZSBub25jZQ=="));
  assert_true(try_start(it, false));
  return it;
}

static void test_tunnel_is_a_switch_of_protocols_with_an_answer_to_the_key(void **state) {
  struct fixture *f = *state;
  struct try *it = tunnel(f, "/chat");
  WAIT_FOR(f, it->heads == 1);
  assert_int_equal(it->attempt.response.status, 101);
  assert_true(it->attempt.is_tunnel);
  const struct gw_header *accept = gw_headers_find_name(&it->attempt.response.headers, GW_STR("sec-websocket-accept"));
  assert_non_null(accept);
  assert_true(gw_str_equal(accept->value, GW_STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
  assert_null(gw_headers_find_name(&h2_backend_first_stream(&f->backend)->h2.request.headers, GW_STR("sec-websocket-key")));
  gw_attempt_send_body(&it->attempt, GW_STR("ping"));
  WAIT_FOR(f, it->body.len == 4);
  gw_attempt_send_end(&it->attempt, NULL);
  WAIT_FOR(f, it->ended == 1);
  assert_true(gw_str_equal(gw_strbuf_str(&it->body), GW_STR("ping[end]")));
}

static void test_tunnel_that_is_denied_is_an_answer(void **state) {
  struct fixture *f = *state;
  struct try *it = tunnel(f, "/deny");
  assert_answered(it, 403, "denied");
  assert_false(it->attempt.is_tunnel);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_attempts_share_a_connection_that_is_being_opened),
      TEST(test_more_attempts_than_the_service_takes_open_another_connection),
      TEST(test_idle_connection_that_takes_no_more_is_not_used),
      TEST(test_idle_age_is_told_of_who_was_idle),
      TEST(test_body_and_trailers_pass_both_ways),
      TEST(test_goaway_on_an_idle_connection_closes_it),
      TEST(test_goaway_lets_what_runs_end_and_takes_no_more),
      TEST(test_connection_that_ends_after_its_cluster_still_counts),
      TEST(test_goaway_says_which_may_be_tried_again),
      TEST(test_refused_stream_may_be_tried_again),
      TEST(test_other_reset_may_not_and_leaves_the_others_alone),
      TEST(test_answer_cut_short_by_a_reset_fails_after_what_came),
      TEST(test_early_answer_is_taken_and_the_rest_not_sent),
      TEST(test_connection_that_breaks_fails_all_its_attempts),
      TEST(test_connection_that_is_refused_fails_all_who_wait_for_it),
      TEST(test_cancelled_attempts_leave_the_connection_to_the_others),
      TEST(test_idle_connection_is_closed_in_time),
      TEST(test_pool_that_is_freed_lives_until_its_last_attempt),
      TEST(test_paused_attempt_holds_little_and_does_not_stop_the_others),
      TEST(test_attempt_that_is_paused_at_its_end_is_told_later),
      TEST(test_slow_service_is_felt_by_its_attempt_alone),
      TEST(test_interim_answers_are_skipped_but_not_without_end),
      TEST(test_head_beyond_the_limit_fails_its_attempt_only),
      TEST(test_broken_protocol_fails_all_and_is_told),
      TEST(test_connection_on_which_the_rules_were_broken_takes_no_more),
      TEST(test_connection_that_answers_nobody_takes_no_more_after_a_timeout),
      TEST(test_connection_ends_with_the_attempt_on_which_the_rules_were_broken),
      TEST(test_broken_protocol_on_an_idle_connection_takes_it_out_of_the_pool),
      TEST(test_service_that_is_not_http2_fails),
      TEST(test_answers_that_can_have_no_body_have_none),
      TEST(test_tunnel_is_a_switch_of_protocols_with_an_answer_to_the_key),
      TEST(test_tunnel_that_is_denied_is_an_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
