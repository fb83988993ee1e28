#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/base/random.h"
#include "tests/unit/common/net/tls_pair.h"

/* Our server's transport against an OpenSSL client that does what ours never does. */

static struct issued leaf;
static char ticket_key_bytes[GW_TLS_TICKET_KEY_BYTES];

struct meeting {
  struct gw_loop *loop;
  struct gw_tls_context *context;
  struct end server;
  SSL_CTX *ssl_ctx;
  SSL *stranger;
  int stranger_err; /* SSL_get_error of what can't go on */
};

static int setup(void **state) {
  (void)state;
  leaf = issue(&(struct issue){.names = "DNS:a.example"});
  gw_random_secure(ticket_key_bytes, sizeof(ticket_key_bytes));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  issued_done(&leaf);
  return 0;
}

static void meeting_open(struct meeting *meeting) {
  struct gw_str ticket_key = {ticket_key_bytes, sizeof(ticket_key_bytes)};
  struct gw_tls_key_pair key_pair = pair_of(&leaf);
  *meeting = (struct meeting){.loop = gw_loop_new()};
  meeting->context = server_of(&(struct gw_tls_server_options){.common = {.certificates = &key_pair, .certificate_count = 1},
                                                               .ticket_keys = &ticket_key,
                                                               .ticket_key_count = 1});
  end_open(&meeting->server);
  gw_transport_init_server(&meeting->server.transport, meeting->server.fd, meeting->loop, meeting->context);
  meeting->ssl_ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_session_cache_mode(meeting->ssl_ctx, SSL_SESS_CACHE_CLIENT);
}

/* After the test has set up ssl_ctx. */
static void meeting_connect(struct meeting *meeting) {
  meeting->stranger = SSL_new(meeting->ssl_ctx);
  assert_int_equal(SSL_set_fd(meeting->stranger, meeting->server.relay_fd), 1);
  SSL_set_connect_state(meeting->stranger);
}

static void meeting_close(struct meeting *meeting) {
  SSL_free(meeting->stranger);
  SSL_CTX_free(meeting->ssl_ctx);
  end_close(&meeting->server);
  gw_tls_context_unref(meeting->context);
  gw_loop_free(meeting->loop);
}

/* The stranger's turn, until it has to wait; what it reads goes to ret_text. */
static void stranger_step(struct meeting *meeting, struct gw_strbuf *ret_text) {
  char bytes[4096];
  int got;
  if (meeting->stranger_err == SSL_ERROR_SSL) return;
  ERR_clear_error();
  while ((got = SSL_read(meeting->stranger, bytes, sizeof(bytes))) > 0)
    gw_strbuf_append(ret_text, bytes, (size_t)got);
  meeting->stranger_err = SSL_get_error(meeting->stranger, got);
}

/* Both in turn, a bounded number of times. */
static void meeting_run(struct meeting *meeting, struct gw_strbuf *ret_text) {
  for (int i = 0; i < 10; i++) {
    stranger_step(meeting, ret_text);
    end_step(&meeting->server, meeting->loop);
  }
}

static void assert_server_received(const struct meeting *meeting, const char *text) {
  assert_int_equal(meeting->server.received.len, strlen(text));
  assert_memory_equal(meeting->server.received.data, text, strlen(text));
}

static void test_key_updates_both_ways_are_followed(void **state) {
  (void)state;
  struct meeting meeting;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  meeting_open(&meeting);
  meeting_connect(&meeting);
  meeting_run(&meeting, &text);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(SSL_key_update(meeting.stranger, i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    assert_int_equal(SSL_write(meeting.stranger, "ping ", 5), 5);
    meeting_run(&meeting, &text);
    end_send(&meeting.server, meeting.loop, GW_STR("pong "));
    meeting_run(&meeting, &text);
  }
  assert_server_received(&meeting, "ping ping ping ping ping ");
  assert_string_equal(text.data, "pong pong pong pong pong ");
  meeting_close(&meeting);
  gw_strbuf_done(&text);
}

static void test_each_suite_of_a_client_is_spoken(void **state) {
  (void)state;
  static const struct {
    const char *offered;
    const char *agreed;
  } cases[] = {
      {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
      {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
      {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
      {"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
      {"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}, /* no AES in hardware */
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct meeting meeting;
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    meeting_open(&meeting);
    assert_int_equal(SSL_CTX_set_ciphersuites(meeting.ssl_ctx, cases[i].offered), 1);
    meeting_connect(&meeting);
    meeting_run(&meeting, &text);
    assert_int_equal(SSL_write(meeting.stranger, "request", 7), 7);
    end_step(&meeting.server, meeting.loop);
    end_send(&meeting.server, meeting.loop, GW_STR("answer"));
    meeting_run(&meeting, &text);
    assert_server_received(&meeting, "request");
    assert_string_equal(text.data, "answer");
    assert_string_equal(gw_tls_cipher(meeting.server.transport.tls).data, cases[i].agreed);
    meeting_close(&meeting);
    gw_strbuf_done(&text);
  }
}

/* A client whose key share is of a group that we don't have is asked for another (HelloRetryRequest). */
static void test_second_hello_with_another_group_is_answered(void **state) {
  (void)state;
  struct meeting meeting;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  meeting_open(&meeting);
  assert_int_equal(SSL_CTX_set1_groups_list(meeting.ssl_ctx, "P-521:P-384"), 1);
  meeting_connect(&meeting);
  meeting_run(&meeting, &text);
  assert_int_equal(SSL_write(meeting.stranger, "request", 7), 7);
  end_step(&meeting.server, meeting.loop);
  assert_server_received(&meeting, "request");
  meeting_close(&meeting);
  gw_strbuf_done(&text);
}

static void test_renegotiation_is_refused(void **state) {
  (void)state;
  struct meeting meeting;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  meeting_open(&meeting);
  SSL_CTX_set_max_proto_version(meeting.ssl_ctx, TLS1_2_VERSION);
  meeting_connect(&meeting);
  meeting_run(&meeting, &text);
  assert_true(gw_transport_is_ready(&meeting.server.transport));
  assert_int_equal(SSL_renegotiate(meeting.stranger), 1);
  meeting_run(&meeting, &text);
  assert_int_equal(meeting.stranger_err, SSL_ERROR_SSL); /* no_renegotiation */
  meeting_close(&meeting);
  gw_strbuf_done(&text);
}

/* 40 key updates in a row: it ends after 32. */
static void test_flood_of_records_without_data_ends_the_connection(void **state) {
  (void)state;
  struct meeting meeting;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  meeting_open(&meeting);
  meeting_connect(&meeting);
  meeting_run(&meeting, &text);
  for (int i = 0; i < 40; i++) {
    assert_int_equal(SSL_key_update(meeting.stranger, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(meeting.stranger), 1);
  }
  end_step(&meeting.server, meeting.loop);
  assert_int_equal(meeting.server.last_read, GW_ERR_INVALID);
  assert_string_equal(gw_tls_failure(meeting.server.transport.tls).data, "too many records without data");
  meeting_close(&meeting);
  gw_strbuf_done(&text);
}

/* A ticket of ours is never good for 0-RTT, and a client that tries all the same gets its data ignored, not taken. */
static void test_early_data_is_never_taken(void **state) {
  (void)state;
  struct meeting meeting;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  meeting_open(&meeting);
  meeting_connect(&meeting);
  meeting_run(&meeting, &text);
  SSL_SESSION *session = SSL_get1_session(meeting.stranger);
  assert_int_equal(SSL_SESSION_is_resumable(session), 1);
  assert_int_equal(SSL_SESSION_set_max_early_data(session, 1000), 1);            /* as a client that does not listen would */
  SSL_set_shutdown(meeting.stranger, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or the session would count as broken */
  SSL_free(meeting.stranger);
  end_close(&meeting.server);
  end_open(&meeting.server);
  gw_transport_init_server(&meeting.server.transport, meeting.server.fd, meeting.loop, meeting.context);
  meeting_connect(&meeting);
  SSL_set_session(meeting.stranger, session);
  SSL_SESSION_free(session);
  size_t written = 0;
  assert_int_equal(SSL_write_early_data(meeting.stranger, "early", 5, &written), 1);
  meeting_run(&meeting, &text);
  assert_int_equal(SSL_get_early_data_status(meeting.stranger), SSL_EARLY_DATA_REJECTED);
  assert_int_equal(SSL_write(meeting.stranger, "late", 4), 4);
  end_step(&meeting.server, meeting.loop);
  assert_server_received(&meeting, "late");
  assert_true(gw_tls_is_resumed(meeting.server.transport.tls));
  meeting_close(&meeting);
  gw_strbuf_done(&text);
}

static void test_clients_close_notify_is_an_end_in_order(void **state) {
  (void)state;
  struct meeting meeting;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  meeting_open(&meeting);
  meeting_connect(&meeting);
  meeting_run(&meeting, &text);
  assert_int_equal(SSL_shutdown(meeting.stranger), 0);
  end_step(&meeting.server, meeting.loop);
  assert_int_equal(meeting.server.last_read, GW_ERR_CLOSED);
  gw_transport_shutdown(&meeting.server.transport, meeting.loop);
  stranger_step(&meeting, &text);
  assert_int_equal(meeting.stranger_err, SSL_ERROR_ZERO_RETURN);
  meeting_close(&meeting);
  gw_strbuf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_key_updates_both_ways_are_followed),
      cmocka_unit_test(test_each_suite_of_a_client_is_spoken),
      cmocka_unit_test(test_second_hello_with_another_group_is_answered),
      cmocka_unit_test(test_renegotiation_is_refused),
      cmocka_unit_test(test_flood_of_records_without_data_ends_the_connection),
      cmocka_unit_test(test_early_data_is_never_taken),
      cmocka_unit_test(test_clients_close_notify_is_an_end_in_order),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
