#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/net/out_queue.h"

static int fds[2];
static struct gw_out_queue queue;

static int setup(void **state) {
  (void)state;
  gw_out_queue_init(&queue);
  int size = 4096;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) return -1;
  return setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int teardown(void **state) {
  (void)state;
  gw_out_queue_done(&queue);
  close(fds[0]);
  if (fds[1] >= 0) close(fds[1]);
  return 0;
}

/* Reads what is there behind what was read. */
static void drain(struct gw_strbuf *received) {
  char bytes[65536];
  ssize_t len;
  while ((len = read(fds[1], bytes, sizeof(bytes))) > 0)
    gw_strbuf_append(received, bytes, (size_t)len);
}

static void assert_received(const char *expected) {
  struct gw_strbuf received;
  gw_strbuf_init(&received);
  gw_strbuf_append(&received, "", 0);
  drain(&received);
  assert_string_equal(received.data, expected);
  gw_strbuf_done(&received);
}

static void test_flush_of_an_empty_queue_sends_nothing(void **state) {
  (void)state;
  size_t sent = 1;
  gw_out_queue_add(&queue, GW_STR(""));
  gw_out_queue_add_copy(&queue, GW_STR(""));
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], &sent), GW_OK);
  assert_int_equal(sent, 0);
  assert_received("");
}

static void test_flush_sends_pieces_and_copies_in_order(void **state) {
  (void)state;
  size_t sent;
  char small[] = "two ";
  gw_out_queue_add(&queue, GW_STR("one "));
  gw_out_queue_add_copy(&queue, gw_str_from(small));
  memset(small, '#', 4);
  gw_out_queue_add(&queue, GW_STR("three"));
  assert_int_equal(queue.len, 13);
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], &sent), GW_OK);
  assert_int_equal(sent, 13);
  assert_int_equal(queue.len, 0);
  assert_received("one two three");
}

static void test_more_than_fits_inside_keeps_the_order(void **state) {
  (void)state;
  struct gw_strbuf expected;
  gw_strbuf_init(&expected);
  for (int i = 0; i < 1000; i++) {
    char copied[64];
    size_t len = (size_t)snprintf(copied, sizeof(copied), "%0*d", 1 + i % 60, i);
    gw_out_queue_add_copy(&queue, (struct gw_str){copied, len});
    gw_strbuf_append(&expected, copied, len);
    for (int j = 0; j < i % 4; j++) {
      gw_out_queue_add(&queue, GW_STR("borrowed"));
      gw_strbuf_append_str(&expected, GW_STR("borrowed"));
    }
  }
  assert_int_equal(queue.len, expected.len);
  struct gw_strbuf received;
  gw_strbuf_init(&received);
  while (gw_out_queue_flush(&queue, fds[0], NULL) == GW_ERR_AGAIN)
    drain(&received);
  drain(&received);
  assert_string_equal(received.data, expected.data);
  gw_strbuf_done(&received);
  gw_strbuf_done(&expected);
}

static void fill_random(char *bytes, size_t len, struct gw_random *random) {
  for (size_t i = 0; i < len; i++)
    bytes[i] = (char)gw_random_next(random);
}

/* Borrowed bytes are overwritten after each flush, as those of a loop's scratch buffer are. */
static void test_a_slow_reader_gets_every_byte(void **state) {
  (void)state;
  struct gw_random random;
  struct gw_strbuf expected;
  struct gw_strbuf received;
  char *bytes = gw_malloc(100000);
  gw_random_init(&random, 7);
  gw_strbuf_init(&expected);
  gw_strbuf_init(&received);
  bool was_blocked = false;
  for (int round = 0; round < 200; round++) {
    size_t before = queue.len;
    size_t sent;
    size_t at = 0;
    for (uint64_t i = gw_random_below(&random, 14); i > 0; i--) {
      size_t len = (size_t)gw_random_below(&random, 7000);
      fill_random(bytes + at, len, &random);
      gw_strbuf_append(&expected, bytes + at, len);
      if (len % 3 == 0) {
        gw_out_queue_add_copy(&queue, (struct gw_str){bytes + at, len});
        memset(bytes + at, 0, len);
      } else {
        gw_out_queue_add(&queue, (struct gw_str){bytes + at, len});
        at += len;
      }
    }
    size_t waiting = queue.len;
    assert_true(waiting >= before);
    enum gw_err err = gw_out_queue_flush(&queue, fds[0], &sent);
    assert_int_equal(err, queue.len > 0 ? GW_ERR_AGAIN : GW_OK);
    assert_int_equal(waiting - sent, queue.len);
    assert_int_equal(queue.piece_count, 0);
    was_blocked |= err == GW_ERR_AGAIN;
    memset(bytes, 0, 100000);
    if (round % 5 == 0) drain(&received);
  }
  while (queue.len > 0) {
    drain(&received);
    gw_out_queue_flush(&queue, fds[0], NULL);
  }
  drain(&received);
  assert_true(was_blocked);
  assert_int_equal(received.len, expected.len);
  assert_memory_equal(received.data, expected.data, expected.len);
  gw_strbuf_done(&expected);
  gw_strbuf_done(&received);
  free(bytes);
}

static void test_flush_to_a_closed_peer_is_closed_and_empties(void **state) {
  (void)state;
  close(fds[1]);
  fds[1] = -1;
  gw_out_queue_add(&queue, GW_STR("one"));
  gw_out_queue_add_copy(&queue, GW_STR("two"));
  size_t sent = 1;
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], &sent), GW_ERR_CLOSED);
  assert_int_equal(sent, 0);
  assert_int_equal(queue.len, 0);
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], &sent), GW_OK);
}

static void test_flush_to_a_bad_descriptor_is_an_io_error(void **state) {
  (void)state;
  gw_out_queue_add(&queue, GW_STR("one"));
  assert_int_equal(gw_out_queue_flush(&queue, -1, NULL), GW_ERR_IO);
}

static void test_done_frees_what_waits(void **state) {
  (void)state;
  char *bytes = gw_calloc(1, 4u << 20);
  gw_out_queue_add(&queue, (struct gw_str){bytes, 4u << 20});
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], NULL), GW_ERR_AGAIN);
  free(bytes);
  assert_true(queue.len > 0);
  gw_out_queue_done(&queue);
  assert_int_equal(queue.len, 0);
  gw_out_queue_done(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static void test_spans_are_limited_and_dropped_from_the_front(void **state) {
  (void)state;
  struct iovec spans[4];
  size_t len;
  gw_out_queue_add(&queue, GW_STR("owned "));
  gw_out_queue_keep(&queue);
  gw_out_queue_add(&queue, GW_STR("one "));
  gw_out_queue_add(&queue, GW_STR("two "));
  gw_out_queue_add(&queue, GW_STR("three"));
  assert_int_equal(gw_out_queue_spans(&queue, SIZE_MAX, spans, 4, &len), 4);
  assert_int_equal(len, 19);
  assert_int_equal(gw_out_queue_spans(&queue, 8, spans, 4, &len), 2);
  assert_int_equal(len, 8);
  assert_memory_equal(spans[1].iov_base, "on", 2);
  assert_int_equal(spans[1].iov_len, 2);
  assert_int_equal(gw_out_queue_spans(&queue, SIZE_MAX, spans, 1, &len), 1);
  assert_int_equal(len, 6);
  gw_out_queue_drop(&queue, 3);
  gw_out_queue_drop(&queue, 5);
  assert_int_equal(queue.len, 11);
  assert_int_equal(gw_out_queue_spans(&queue, SIZE_MAX, spans, 4, &len), 3);
  assert_memory_equal(spans[0].iov_base, "e ", 2);
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], &len), GW_OK);
  assert_int_equal(len, 11);
  assert_received("e two three");
  gw_out_queue_drop(&queue, 0);
  assert_int_equal(gw_out_queue_spans(&queue, SIZE_MAX, spans, 4, NULL), 0);
}

static void test_small_copies_find_room_again_after_a_drop(void **state) {
  (void)state;
  char bytes[GW_OUT_QUEUE_SMALL];
  memset(bytes, 'x', sizeof(bytes));
  gw_out_queue_add_copy(&queue, (struct gw_str){bytes, sizeof(bytes)});
  gw_out_queue_drop(&queue, sizeof(bytes));
  gw_out_queue_add_copy(&queue, GW_STR("again"));
  assert_null(queue.first); /* no allocation */
  assert_int_equal(gw_out_queue_flush(&queue, fds[0], NULL), GW_OK);
  assert_received("again");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_flush_of_an_empty_queue_sends_nothing),
      TEST(test_flush_sends_pieces_and_copies_in_order),
      TEST(test_more_than_fits_inside_keeps_the_order),
      TEST(test_a_slow_reader_gets_every_byte),
      TEST(test_flush_to_a_closed_peer_is_closed_and_empties),
      TEST(test_flush_to_a_bad_descriptor_is_an_io_error),
      TEST(test_done_frees_what_waits),
      TEST(test_spans_are_limited_and_dropped_from_the_front),
      TEST(test_small_copies_find_room_again_after_a_drop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
