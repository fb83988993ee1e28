#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "tests/unit/common/net/tls_pair.h"

/* The transport over TLS of each version; certificates and names are tls_context_test's. */

static struct issued ca;
static struct issued leaf;
static struct gw_str ticket_key;
static char ticket_key_bytes[GW_TLS_TICKET_KEY_BYTES];

static int setup(void **state) {
  (void)state;
  ca = issue(&(struct issue){.common_name = "CA", .is_authority = true});
  leaf = issue(&(struct issue){.names = "DNS:a.example", .issuer = &ca});
  gw_random_secure(ticket_key_bytes, sizeof(ticket_key_bytes));
  ticket_key = (struct gw_str){ticket_key_bytes, sizeof(ticket_key_bytes)};
  return 0;
}

static int teardown(void **state) {
  (void)state;
  issued_done(&ca);
  issued_done(&leaf);
  return 0;
}

static const uint32_t versions[] = {GW_TLS_VERSION_1_2, GW_TLS_VERSION_1_3};

static void open_pair_with(struct pair *pair, uint32_t version, struct gw_tls_session_slot *slot) {
  struct gw_tls_key_pair key_pair = pair_of(&leaf);
  struct gw_tls_context *server =
      server_of(&(struct gw_tls_server_options){.common = {.certificates = &key_pair, .certificate_count = 1, .max_version = version},
                                                .ticket_keys = &ticket_key,
                                                .ticket_key_count = 1});
  struct gw_tls_context *client = client_of(
      &(struct gw_tls_client_options){.common = {.trusted_ca = gw_str_from(ca.chain), .min_version = version}, .checks_host = true});
  pair_open(pair, client, server, "a.example", slot);
  gw_tls_context_unref(client);
  gw_tls_context_unref(server);
}

static void open_pair(struct pair *pair, uint32_t version) {
  open_pair_with(pair, version, NULL);
}

static void assert_received(const struct end *end, const char *text) {
  assert_int_equal(end->received.len, strlen(text));
  assert_memory_equal(end->received.data, text, strlen(text));
}

static void test_plaintext_reads_and_flushes_as_the_socket_does(void **state) {
  (void)state;
  struct end end;
  char buf[64];
  size_t len;
  end_open(&end);
  struct gw_loop *loop = gw_loop_new();
  gw_transport_init(&end.transport, end.fd);
  assert_true(gw_transport_is_ready(&end.transport));
  assert_int_equal(gw_transport_read(&end.transport, loop, buf, sizeof(buf), &len), GW_ERR_AGAIN);
  assert_int_equal(send(end.relay_fd, "hello", 5, 0), 5);
  assert_int_equal(gw_transport_read(&end.transport, loop, buf, sizeof(buf), &len), GW_OK);
  assert_int_equal(len, 5);
  gw_out_queue_add(&end.queue, GW_STR("answer"));
  assert_int_equal(gw_transport_interest(&end.transport, &end.queue), GW_IO_WRITE);
  assert_int_equal(gw_transport_flush(&end.transport, loop, &end.queue, &len), GW_OK);
  assert_int_equal(len, 6);
  assert_int_equal(gw_transport_interest(&end.transport, &end.queue), 0);
  gw_transport_shutdown(&end.transport, loop);
  assert_int_equal(recv(end.relay_fd, buf, sizeof(buf), 0), 6);
  assert_int_equal(recv(end.relay_fd, buf, sizeof(buf), 0), 0);
  close(end.relay_fd);
  end.relay_fd = -1;
  assert_int_equal(gw_transport_read(&end.transport, loop, buf, sizeof(buf), &len), GW_ERR_CLOSED);
  end_close(&end);
  gw_loop_free(loop);
}

static void test_request_and_answer_pass_in_any_pieces(void **state) {
  (void)state;
  static const size_t pieces[] = {0, 1, 2, 7, 100};
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    for (size_t p = 0; p < GW_ARRAY_LEN(pieces); p++) {
      struct pair pair;
      open_pair(&pair, versions[v]);
      pair.piece = pieces[p];
      end_send(&pair.client, pair.loop, GW_STR("GET /"));
      assert_int_equal(pair.client.last_flush, GW_ERR_AGAIN);
      assert_false(gw_transport_is_ready(&pair.client.transport));
      pair_run(&pair);
      assert_true(pair_is_ready(&pair));
      assert_received(&pair.server, "GET /");
      gw_out_queue_add(&pair.server.queue, GW_STR("head "));
      end_send(&pair.server, pair.loop, GW_STR("body"));
      assert_int_equal(pair.server.last_flush, GW_OK);
      assert_int_equal(pair.server.sent, 9);
      pair_run(&pair);
      assert_received(&pair.client, "head body");
      assert_int_equal(pair.client.last_read, GW_ERR_AGAIN);
      assert_int_equal(pair.server.last_read, GW_ERR_AGAIN);
      pair_close(&pair);
    }
  }
}

static size_t count_records(const struct gw_strbuf *bytes, size_t from) {
  size_t count = 0;
  for (size_t at = from; at < bytes->len; count++)
    at += 5 + ((size_t)(unsigned char)bytes->data[at + 3] << 8 | (unsigned char)bytes->data[at + 4]);
  return count;
}

static void test_pieces_of_one_flush_are_one_record(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    end_send(&pair.server, pair.loop, GW_STR("first answer"));
    pair_run(&pair);
    size_t before = pair.to_client.len;
    for (int i = 0; i < 6; i++)
      gw_out_queue_add(&pair.server.queue, GW_STR("piece "));
    end_send(&pair.server, pair.loop, GW_STR("last"));
    pair_run(&pair);
    assert_int_equal(count_records(&pair.to_client, before), 1);
    assert_received(&pair.client, "first answerpiece piece piece piece piece piece last");
    pair_close(&pair);
  }
}

/* 1 MiB each way at once, through sockets that take little. */
static void test_large_data_passes_both_ways_with_partial_sends(void **state) {
  (void)state;
  static char big[1024 * 1024];
  struct gw_random random;
  gw_random_init(&random, 42);
  for (size_t i = 0; i < sizeof(big); i++)
    big[i] = (char)gw_random_next(&random);
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    int size = 4096;
    open_pair(&pair, versions[v]);
    setsockopt(pair.client.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(pair.server.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    end_send(&pair.client, pair.loop, (struct gw_str){big, sizeof(big)});
    assert_int_equal(pair.client.last_flush, GW_ERR_AGAIN);
    end_send(&pair.server, pair.loop, (struct gw_str){big, sizeof(big)});
    assert_int_equal(pair.server.last_flush, GW_ERR_AGAIN);
    pair.piece = 5000;
    pair_run(&pair);
    assert_int_equal(pair.client.sent, sizeof(big));
    assert_int_equal(pair.server.sent, sizeof(big));
    assert_int_equal(pair.client.received.len, sizeof(big));
    assert_int_equal(pair.server.received.len, sizeof(big));
    assert_memory_equal(pair.client.received.data, big, sizeof(big));
    assert_memory_equal(pair.server.received.data, big, sizeof(big));
    pair_close(&pair);
  }
}

static void test_flush_into_a_full_socket_says_again_and_keeps_little(void **state) {
  (void)state;
  static char big[1024 * 1024];
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    int size = 4096;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    setsockopt(pair.server.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    end_send(&pair.server, pair.loop, (struct gw_str){big, sizeof(big)});
    assert_int_equal(pair.server.last_flush, GW_ERR_AGAIN);
    size_t left = pair.server.queue.len;
    assert_true(sizeof(big) - left <= GW_LOOP_SCRATCH_SIZE + 16384);
    assert_true(pair.server.sent < sizeof(big) - left); /* what is kept has not left */
    assert_int_equal(gw_transport_interest(&pair.server.transport, &pair.server.queue), GW_IO_WRITE);
    end_send(&pair.server, pair.loop, GW_STR(""));
    assert_int_equal(pair.server.queue.len, left); /* nothing more is sealed while the socket is full */
    pair_close(&pair);
  }
}

static void test_ciphertext_that_waits_is_output_though_the_queue_is_empty(void **state) {
  (void)state;
  static char body[60000];
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    int size = 4096;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    setsockopt(pair.server.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    end_send(&pair.server, pair.loop, (struct gw_str){body, sizeof(body)});
    assert_int_equal(pair.server.last_flush, GW_ERR_AGAIN);
    assert_int_equal(pair.server.queue.len, 0);
    assert_true(gw_transport_has_output(&pair.server.transport, &pair.server.queue));
    assert_true(pair.server.sent < sizeof(body));
    pair_run(&pair);
    assert_false(gw_transport_has_output(&pair.server.transport, &pair.server.queue));
    assert_int_equal(pair.server.sent, sizeof(body));
    assert_int_equal(pair.client.received.len, sizeof(body));
    pair_close(&pair);
  }
}

static void test_close_notify_is_an_end_in_order(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    end_send(&pair.server, pair.loop, GW_STR("all of it"));
    gw_transport_shutdown(&pair.server.transport, pair.loop);
    pair_run(&pair);
    assert_received(&pair.client, "all of it");
    assert_int_equal(pair.client.last_read, GW_ERR_CLOSED);
    end_send(&pair.client, pair.loop, GW_STR("more")); /* the other direction is still open */
    assert_int_equal(pair.client.last_flush, GW_OK);
    pair_run(&pair);
    assert_received(&pair.server, "xmore");
    pair_close(&pair);
  }
}

static void test_close_notify_waits_for_a_full_socket(void **state) {
  (void)state;
  static char bytes[4096];
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    size_t filled = 0;
    ssize_t len;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    end_send(&pair.server, pair.loop, GW_STR("all of it"));
    pair_run(&pair);
    while ((len = send(pair.server.fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
      filled += (size_t)len;
    assert_int_equal(gw_transport_shutdown(&pair.server.transport, pair.loop), GW_ERR_AGAIN);
    assert_true(gw_transport_has_output(&pair.server.transport, &pair.server.queue));
    while (filled > 0 && (len = recv(pair.server.relay_fd, bytes, filled < sizeof(bytes) ? filled : sizeof(bytes), 0)) > 0)
      filled -= (size_t)len;
    end_send(&pair.server, pair.loop, GW_STR(""));
    assert_false(gw_transport_has_output(&pair.server.transport, &pair.server.queue));
    assert_int_equal(gw_transport_shutdown(&pair.server.transport, pair.loop), GW_OK);
    pair_run(&pair);
    assert_received(&pair.client, "all of it");
    assert_int_equal(pair.client.last_read, GW_ERR_CLOSED);
    pair_close(&pair);
  }
}

/* Data and close_notify in one read: the data comes first, and the socket stays readable, so that an event tells of the end. */
static void test_end_that_comes_with_data_shows_as_readable(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    size_t len;
    char byte;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    end_send(&pair.server, pair.loop, GW_STR("data"));
    gw_transport_shutdown(&pair.server.transport, pair.loop);
    while (relay_some(pair.server.relay_fd, pair.client.relay_fd, 0, &pair.to_client))
      ;
    char *buf = gw_loop_scratch(pair.loop);
    assert_int_equal(gw_transport_read(&pair.client.transport, pair.loop, buf, GW_LOOP_SCRATCH_SIZE, &len), GW_OK);
    assert_int_equal(len, 4);
    assert_int_equal(recv(pair.client.fd, &byte, 1, MSG_PEEK), 0);
    assert_int_equal(gw_transport_read(&pair.client.transport, pair.loop, buf, GW_LOOP_SCRATCH_SIZE, &len), GW_ERR_CLOSED);
    pair_close(&pair);
  }
}

static void test_end_without_close_notify_is_told_from_one_in_order(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    end_send(&pair.server, pair.loop, GW_STR("half of"));
    pair_run(&pair);
    shutdown(pair.client.relay_fd, SHUT_WR);
    pair_run(&pair);
    assert_received(&pair.client, "half of");
    assert_int_equal(pair.client.last_read, GW_ERR_IO);
    assert_int_equal(pair.client.last_errno, ECONNRESET);
    assert_string_equal(gw_tls_failure(pair.client.transport.tls).data, "closed without close_notify");
    pair_close(&pair);
  }
}

static void test_changed_byte_ends_the_connection(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    char bytes[256];
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    end_send(&pair.client, pair.loop, GW_STR("transfer 1 coin"));
    ssize_t len = recv(pair.client.relay_fd, bytes, sizeof(bytes), 0);
    assert_true(len > 15);
    bytes[len - 20] ^= 1;
    assert_int_equal(send(pair.server.relay_fd, bytes, (size_t)len, 0), len);
    pair_run(&pair);
    assert_received(&pair.server, "x");
    assert_int_equal(pair.server.last_read, GW_ERR_INVALID);
    assert_string_equal(gw_tls_failure(pair.server.transport.tls).data, "a record that is not authentic");
    assert_int_equal(pair.client.last_read, GW_ERR_INVALID); /* it was told */
    assert_string_equal(gw_tls_failure(pair.client.transport.tls).data, "the peer says: bad record");
    end_send(&pair.server, pair.loop, GW_STR("y"));
    assert_int_equal(pair.server.last_flush, GW_ERR_INVALID);
    assert_int_equal(pair.server.queue.len, 0);
    pair_close(&pair);
  }
}

static void test_garbage_in_place_of_a_hello_is_refused_with_words(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    const char *failure;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "plain HTTP on a TLS port"},
      {"POST /x HTTP/1.1\r\nHost: a.example\r\n\r\n", "plain HTTP on a TLS port"},
      {"CONNECT a:443 HTTP/1.1\r\n\r\n", "plain HTTP (CONNECT) on a TLS port"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "not TLS"},
      {"\x16\x03\x01\x02\x00\x02 that is no hello", NULL},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct pair pair;
    open_pair(&pair, GW_TLS_VERSION_1_3);
    send(pair.server.relay_fd, cases[i].bytes, strlen(cases[i].bytes), 0);
    end_step(&pair.server, pair.loop);
    if (cases[i].failure == NULL) { /* more of it could still make sense */
      assert_int_equal(pair.server.last_read, GW_ERR_AGAIN);
      shutdown(pair.server.relay_fd, SHUT_WR);
      end_step(&pair.server, pair.loop);
      assert_int_equal(pair.server.last_read, GW_ERR_IO);
      assert_string_equal(gw_tls_failure(pair.server.transport.tls).data, "closed during the handshake");
    } else {
      assert_int_equal(pair.server.last_read, GW_ERR_INVALID);
      assert_string_equal(gw_tls_failure(pair.server.transport.tls).data, cases[i].failure);
    }
    pair_close(&pair);
  }
}

static void test_interest_follows_the_handshake(void **state) {
  (void)state;
  struct pair pair;
  open_pair(&pair, GW_TLS_VERSION_1_3);
  struct gw_transport *client = &pair.client.transport;
  struct gw_transport *server = &pair.server.transport;
  assert_int_equal(gw_transport_interest(client, &pair.client.queue), GW_IO_READ | GW_IO_WRITE); /* a flush begins */
  assert_int_equal(gw_transport_interest(server, &pair.server.queue), GW_IO_READ);
  end_send(&pair.client, pair.loop, GW_STR("queued"));
  assert_int_equal(gw_transport_interest(client, &pair.client.queue), GW_IO_READ); /* it waits for the server */
  pair_run(&pair);
  assert_int_equal(gw_transport_interest(client, &pair.client.queue), 0);
  assert_int_equal(gw_transport_interest(server, &pair.server.queue), 0);
  pair_close(&pair);
}

/* TLS 1.3: the client's last words leave with its request, the server's ticket with its answer. */
static void test_last_words_of_a_handshake_need_no_send_of_their_own(void **state) {
  (void)state;
  struct pair pair;
  size_t len;
  open_pair(&pair, GW_TLS_VERSION_1_3);
  char *buf = gw_loop_scratch(pair.loop);
  end_send(&pair.client, pair.loop, GW_STR("request"));
  relay_some(pair.client.relay_fd, pair.server.relay_fd, 0, &pair.to_server);
  end_step(&pair.server, pair.loop);
  relay_some(pair.server.relay_fd, pair.client.relay_fd, 0, &pair.to_client);
  assert_int_equal(gw_transport_read(&pair.client.transport, pair.loop, buf, GW_LOOP_SCRATCH_SIZE, &len), GW_ERR_AGAIN);
  assert_true(gw_transport_is_ready(&pair.client.transport));
  assert_int_equal(gw_transport_interest(&pair.client.transport, &pair.client.queue), GW_IO_WRITE);
  assert_false(relay_some(pair.client.relay_fd, pair.server.relay_fd, 0, &pair.to_server));
  end_send(&pair.client, pair.loop, GW_STR(""));
  assert_int_equal(pair.client.last_flush, GW_OK);
  assert_true(relay_some(pair.client.relay_fd, pair.server.relay_fd, 0, &pair.to_server));
  size_t before = pair.to_client.len;
  end_step(&pair.server, pair.loop);
  assert_received(&pair.server, "request");
  assert_int_equal(gw_transport_interest(&pair.server.transport, &pair.server.queue), 0);
  assert_false(relay_some(pair.server.relay_fd, pair.client.relay_fd, 0, &pair.to_client));
  end_send(&pair.server, pair.loop, GW_STR("answer"));
  assert_true(relay_some(pair.server.relay_fd, pair.client.relay_fd, 0, &pair.to_client));
  assert_int_equal(count_records(&pair.to_client, before), 2);
  pair_run(&pair);
  assert_received(&pair.client, "answer");
  pair_close(&pair);
}

/* A client that says nothing yet gets its ticket at once. */
static void test_ticket_is_not_held_back_from_a_silent_client(void **state) {
  (void)state;
  struct pair pair;
  struct gw_tls_session_slot slot;
  gw_tls_session_slot_init(&slot);
  open_pair_with(&pair, GW_TLS_VERSION_1_3, &slot);
  pair_run(&pair);
  assert_true(pair_is_ready(&pair));
  assert_non_null(slot.session);
  pair_close(&pair);
  gw_tls_session_slot_done(&slot);
}

static void test_peer_that_is_gone_shows_when_flushing(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    open_pair(&pair, versions[v]);
    end_send(&pair.client, pair.loop, GW_STR("x"));
    pair_run(&pair);
    close(pair.server.relay_fd);
    pair.server.relay_fd = -1;
    end_send(&pair.server, pair.loop, GW_STR("y"));
    assert_int_equal(pair.server.last_flush, GW_ERR_CLOSED);
    assert_int_equal(pair.server.queue.len, 0);
    end_send(&pair.server, pair.loop, GW_STR("y"));
    assert_int_equal(pair.server.last_flush, GW_ERR_CLOSED);
    assert_int_equal(gw_transport_interest(&pair.server.transport, &pair.server.queue), 0);
    pair_close(&pair);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plaintext_reads_and_flushes_as_the_socket_does),
      cmocka_unit_test(test_request_and_answer_pass_in_any_pieces),
      cmocka_unit_test(test_pieces_of_one_flush_are_one_record),
      cmocka_unit_test(test_large_data_passes_both_ways_with_partial_sends),
      cmocka_unit_test(test_flush_into_a_full_socket_says_again_and_keeps_little),
      cmocka_unit_test(test_ciphertext_that_waits_is_output_though_the_queue_is_empty),
      cmocka_unit_test(test_close_notify_is_an_end_in_order),
      cmocka_unit_test(test_close_notify_waits_for_a_full_socket),
      cmocka_unit_test(test_end_that_comes_with_data_shows_as_readable),
      cmocka_unit_test(test_end_without_close_notify_is_told_from_one_in_order),
      cmocka_unit_test(test_changed_byte_ends_the_connection),
      cmocka_unit_test(test_garbage_in_place_of_a_hello_is_refused_with_words),
      cmocka_unit_test(test_interest_follows_the_handshake),
      cmocka_unit_test(test_last_words_of_a_handshake_need_no_send_of_their_own),
      cmocka_unit_test(test_ticket_is_not_held_back_from_a_silent_client),
      cmocka_unit_test(test_peer_that_is_gone_shows_when_flushing),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
