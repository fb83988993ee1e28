/* nacos_push with gunzip and nacos_datagram: what comes over a loopback socket. */
#include "controlplane/discovery/nacos_push.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/net/socket.h"
#include "controlplane/discovery/gunzip.h"
#include "controlplane/discovery/nacos_datagram.h"

static const char change_text[] =
    "{\"type\":\"dom\",\"data\":\"{\\\"name\\\":\\\"G@@orders\\\",\\\"hosts\\\":[]}\",\"lastRefTime\":1234567}";

struct fixture {
  struct gw_loop *loop;
  struct gw_nacos_push *push;
  int sender;
  uint32_t calls;
  char name[64];
};

static void on_change(void *arg, struct gw_str name) {
  struct fixture *fixture = arg;
  fixture->calls++;
  assert_true(name.len < sizeof(fixture->name));
  memcpy(fixture->name, name.data != NULL ? name.data : "", name.len);
  fixture->name[name.len] = '\0';
}

static int set_up(void **state) {
  struct fixture *fixture = gw_calloc(1, sizeof(*fixture));
  struct gw_address loopback;
  assert_int_equal(gw_address_parse(GW_STR("127.0.0.1:0"), &loopback), GW_OK);
  fixture->loop = gw_loop_new();
  assert_int_equal(gw_nacos_push_new(fixture->loop, &loopback, on_change, fixture, &fixture->push), GW_OK);
  assert_int_equal(gw_socket_bind_udp(&loopback, &fixture->sender), GW_OK);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  gw_nacos_push_free(fixture->push);
  gw_loop_free(fixture->loop);
  close(fixture->sender);
  free(fixture);
  return 0;
}

/* Until the socket has told of all that was sent. */
static void send_datagram(struct fixture *fixture, struct gw_str datagram) {
  const struct gw_address *to = gw_nacos_push_address(fixture->push);
  uint64_t before = gw_nacos_push_stats(fixture->push)->received;
  assert_int_equal(sendto(fixture->sender, datagram.data, datagram.len, 0, &to->any, gw_address_len(to)), (ssize_t)datagram.len);
  for (int i = 0; i < 1000 && gw_nacos_push_stats(fixture->push)->received == before; i++)
    gw_loop_run_once(fixture->loop, 10);
  assert_int_equal(gw_nacos_push_stats(fixture->push)->received, before + 1);
}

static struct gw_strbuf pack(struct gw_str text) {
  struct gw_strbuf packed;
  z_stream stream = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.len};
  assert_int_equal(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  gw_strbuf_init(&packed);
  size_t bound = deflateBound(&stream, text.len);
  gw_strbuf_reserve(&packed, bound);
  stream.next_out = (Bytef *)packed.data;
  stream.avail_out = (uInt)bound;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.len = bound - stream.avail_out;
  deflateEnd(&stream);
  return packed;
}

static void test_push_names_the_service_and_is_acknowledged(void **state) {
  struct fixture *fixture = *state;
  struct gw_strbuf packed = pack(gw_str_from(change_text));
  send_datagram(fixture, gw_strbuf_str(&packed));
  gw_strbuf_done(&packed);
  assert_int_equal(fixture->calls, 1);
  assert_string_equal(fixture->name, "G@@orders");
  char ack[256];
  ssize_t len = recv(fixture->sender, ack, sizeof(ack), 0);
  assert_true(len > 0);
  assert_true(gw_str_equal((struct gw_str){ack, (size_t)len}, GW_STR("{\"type\":\"push-ack\",\"lastRefTime\":\"1234567\",\"data\":\"\"}")));
}

static void test_push_without_gzip_is_understood(void **state) {
  struct fixture *fixture = *state;
  send_datagram(fixture, gw_str_from(change_text));
  assert_string_equal(fixture->name, "G@@orders");
}

static void test_push_of_nonsense_is_counted_and_not_answered(void **state) {
  struct fixture *fixture = *state;
  static const char *const texts[] = {"",
                                      "x",
                                      "{}",
                                      "[]",
                                      "\x1f\x8b",
                                      "\x1f\x8b\x08\x00nonsense",
                                      "{\"type\":\"dump\",\"data\":\"\",\"lastRefTime\":1}",
                                      "{\"type\":\"dom\",\"data\":{\"name\":\"a@@b\"},\"lastRefTime\":1}",
                                      "{\"type\":\"dom\",\"data\":\"{\\\"name\\\":7}\",\"lastRefTime\":1}",
                                      "{\"type\":\"dom\",\"data\":\"{\\\"name\\\":\\\"\\\"}\",\"lastRefTime\":1}",
                                      "{\"type\":\"dom\",\"data\":\"{\\\"name\\\":\\\"a\\\"}\"}",
                                      "{\"type\":\"dom\",\"data\":\"{\\\"name\\\":\\\"a\\\"}\",\"lastRefTime\":-1}"};
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++)
    send_datagram(fixture, gw_str_from(texts[i]));
  char ack[16];
  assert_int_equal(fixture->calls, 0);
  assert_int_equal(gw_nacos_push_stats(fixture->push)->invalid, GW_ARRAY_LEN(texts));
  assert_int_equal(recv(fixture->sender, ack, sizeof(ack), 0), -1);
  assert_int_equal(errno, EAGAIN);
}

/* 40 MB in 40 KB: it is not unpacked, but some service has changed. */
static void test_push_that_unpacks_to_too_much_names_no_service(void **state) {
  struct fixture *fixture = *state;
  size_t len = (size_t)40 << 20;
  char *zeros = gw_calloc(1, len);
  struct gw_strbuf packed = pack((struct gw_str){zeros, len});
  free(zeros);
  assert_true(packed.len < GW_NACOS_DATAGRAM_MAX);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  assert_int_equal(gw_gunzip(gw_strbuf_str(&packed), 100000, &text), GW_ERR_LIMIT);
  assert_true(text.len <= 100000);
  gw_strbuf_done(&text);
  send_datagram(fixture, gw_strbuf_str(&packed));
  gw_strbuf_done(&packed);
  assert_int_equal(fixture->calls, 1);
  assert_string_equal(fixture->name, "");
}

static void test_push_beyond_what_is_looked_at_is_dropped(void **state) {
  struct fixture *fixture = *state;
  for (uint32_t i = 0; i < GW_NACOS_PUSHES_PER_S_MAX * 3; i++)
    send_datagram(fixture, gw_str_from(change_text));
  const struct gw_nacos_push_stats *stats = gw_nacos_push_stats(fixture->push);
  assert_true(fixture->calls >= GW_NACOS_PUSHES_PER_S_MAX);
  assert_int_equal(fixture->calls + stats->dropped, stats->received);
}

static void test_gunzip_wants_all_of_it_and_nothing_behind(void **state) {
  (void)state;
  struct gw_strbuf packed = pack(GW_STR("hello, hello, hello")), text;
  gw_strbuf_init(&text);
  assert_true(gw_gunzip_is_packed(gw_strbuf_str(&packed)));
  assert_int_equal(gw_gunzip(gw_strbuf_str(&packed), 19, &text), GW_OK);
  assert_true(gw_str_equal(gw_strbuf_str(&text), GW_STR("hello, hello, hello")));
  for (size_t len = 0; len < packed.len; len++)
    assert_int_equal(gw_gunzip((struct gw_str){packed.data, len}, 100, &text), GW_ERR_INVALID);
  gw_strbuf_append_char(&packed, 'x');
  assert_int_equal(gw_gunzip(gw_strbuf_str(&packed), 100, &text), GW_ERR_INVALID);
  assert_int_equal(gw_gunzip((struct gw_str){packed.data, packed.len - 1}, 18, &text), GW_ERR_LIMIT);
  gw_strbuf_done(&packed);
  gw_strbuf_done(&text);
}

static void test_parse_of_mutated_datagrams_ends_with_a_name_or_not(void **state) {
  (void)state;
  struct gw_strbuf packed = pack(gw_str_from(change_text));
  struct gw_random random;
  gw_random_init(&random, 11);
  for (int round = 0; round < 20000; round++) {
    bool is_packed = round % 2 == 0;
    struct gw_str good = is_packed ? gw_strbuf_str(&packed) : gw_str_from(change_text);
    char *bytes = gw_strndup("", 0);
    bytes = gw_realloc_array(bytes, good.len, 1); /* of its very size, so that the sanitizer sees a byte too far */
    memcpy(bytes, good.data, good.len);
    for (uint64_t i = gw_random_below(&random, 4) + 1; i > 0; i--)
      bytes[gw_random_below(&random, good.len)] = (char)gw_random_below(&random, 256);
    struct gw_arena arena;
    struct gw_nacos_change change;
    gw_arena_init(&arena, 1024);
    if (gw_nacos_datagram_parse((struct gw_str){bytes, good.len}, &arena, &change) == GW_OK)
      assert_true(change.name.len > 0 && change.last_ref_time.len > 0);
    gw_arena_done(&arena);
    free(bytes);
  }
  gw_strbuf_done(&packed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_push_names_the_service_and_is_acknowledged, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_push_without_gzip_is_understood, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_push_of_nonsense_is_counted_and_not_answered, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_push_that_unpacks_to_too_much_names_no_service, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_push_beyond_what_is_looked_at_is_dropped, set_up, tear_down),
      cmocka_unit_test(test_gunzip_wants_all_of_it_and_nothing_behind),
      cmocka_unit_test(test_parse_of_mutated_datagrams_ends_with_a_name_or_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
