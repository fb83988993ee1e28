#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/message/headers.h"

static struct gw_arena arena;
static struct gw_headers headers;

static int setup(void **state) {
  (void)state;
  gw_arena_init(&arena, 4096);
  gw_headers_init(&headers, &arena, 2);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  gw_arena_done(&arena);
  return 0;
}

static void add(const char *name, const char *value) {
  gw_headers_add(&headers, &arena, GW_HEADER_OTHER, gw_str_from(name), gw_str_from(value));
}

/* "a=1 b=2" */
static void assert_headers(const char *expected) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_append(&text, "", 0);
  for (uint32_t i = 0; i < headers.count; i++) {
    const struct gw_header *header = &headers.items[i];
    gw_strbuf_printf(&text, "%s%.*s=%.*s", i > 0 ? " " : "", GW_STR_ARG(header->name), GW_STR_ARG(header->value));
  }
  assert_string_equal(text.data, expected);
  gw_strbuf_done(&text);
}

static void test_id_find_knows_every_name_in_any_case(void **state) {
  (void)state;
  for (unsigned id = GW_HEADER_OTHER + 1; id < GW_HEADER_ID_COUNT; id++) {
    struct gw_str name = gw_header_id_name((enum gw_header_id)id);
    char upper[32];
    for (size_t i = 0; i < name.len; i++)
      upper[i] = (char)toupper(name.data[i]);
    assert_true(name.len > 0);
    assert_int_equal(gw_header_id_find(name), id);
    assert_int_equal(gw_header_id_find((struct gw_str){upper, name.len}), id);
    upper[0] = '!';
    assert_int_equal(gw_header_id_find((struct gw_str){upper, name.len}), GW_HEADER_OTHER);
  }
}

static void test_id_find_of_other_names_is_other(void **state) {
  (void)state;
  const char *others[] = {"",
                          "x",
                          "hos",
                          "hostt",
                          "h\x0fst",
                          "content_length",
                          "content\rlength",
                          "x-forwarded-port",
                          "accept",
                          "a-name-that-is-longer-than-all-we-know"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
    assert_int_equal(gw_header_id_find(gw_str_from(others[i])), GW_HEADER_OTHER);
}

static void test_add_grows_and_interns(void **state) {
  (void)state;
  for (int i = 0; i < 40; i++)
    add(i % 2 == 0 ? "X-Other" : "Content-Type", "v");
  assert_int_equal(headers.count, 40);
  assert_int_equal(headers.items[39].id, GW_HEADER_CONTENT_TYPE);
  assert_int_equal(headers.items[38].id, GW_HEADER_OTHER);
}

static void test_find_takes_the_first_in_any_case(void **state) {
  (void)state;
  add("X-A", "1");
  add("x-a", "2");
  add("COOKIE", "3");
  assert_ptr_equal(gw_headers_find_name(&headers, GW_STR("x-A")), &headers.items[0]);
  assert_ptr_equal(gw_headers_find_name(&headers, GW_STR("cookie")), &headers.items[2]);
  assert_ptr_equal(gw_headers_find(&headers, GW_HEADER_COOKIE), &headers.items[2]);
  assert_null(gw_headers_find(&headers, GW_HEADER_DATE));
  assert_null(gw_headers_find_name(&headers, GW_STR("x-b")));
}

static void test_remove_takes_all_and_keeps_the_order(void **state) {
  (void)state;
  add("a", "1");
  add("Cookie", "x");
  add("b", "2");
  add("cookie", "y");
  add("A", "3");
  gw_headers_remove(&headers, GW_HEADER_COOKIE);
  assert_headers("a=1 b=2 A=3");
  gw_headers_remove_name(&headers, GW_STR("A"));
  assert_headers("b=2");
  add("Cookie", "z");
  gw_headers_remove_name(&headers, GW_STR("cookie"));
  assert_headers("b=2");
}

static void test_what_was_removed_is_found_again_once_added(void **state) {
  (void)state;
  add("Cookie", "x");
  gw_headers_remove(&headers, GW_HEADER_COOKIE);
  assert_null(gw_headers_find(&headers, GW_HEADER_COOKIE));
  add("cookie", "y");
  assert_ptr_equal(gw_headers_find(&headers, GW_HEADER_COOKIE), &headers.items[0]);
}

static void test_copy_is_apart_from_what_it_was_made_of(void **state) {
  (void)state;
  add("a", "1");
  add("Cookie", "x");
  struct gw_headers copy = gw_headers_copy(&headers, &arena, 1);
  assert_int_equal(copy.cap, 3);
  assert_ptr_equal(gw_headers_find(&copy, GW_HEADER_COOKIE), &copy.items[1]);
  gw_headers_remove(&copy, GW_HEADER_COOKIE);
  gw_headers_add(&copy, &arena, GW_HEADER_DATE, GW_STR("date"), GW_STR("d"));
  assert_headers("a=1 Cookie=x");
  assert_int_equal(copy.count, 2);
  assert_null(gw_headers_find(&headers, GW_HEADER_DATE));
}

static void test_set_replaces_the_first_and_removes_the_rest(void **state) {
  (void)state;
  gw_headers_set(&headers, &arena, GW_HEADER_SERVER, GW_STR("one"));
  add("a", "1");
  add("Server", "two");
  add("b", "2");
  gw_headers_set(&headers, &arena, GW_HEADER_SERVER, GW_STR("three"));
  assert_headers("server=three a=1 b=2");
}

static void test_hop_by_hop_leaves_what_is_end_to_end(void **state) {
  (void)state;
  add("Accept", "*/*");
  add("Trailer", "x-sum");
  gw_headers_remove_hop_by_hop(&headers);
  assert_headers("Accept=*/* Trailer=x-sum");
}

static void test_hop_by_hop_removes_all_of_the_kind(void **state) {
  (void)state;
  const char *names[] = {"Connection",          "Keep-Alive",        "Proxy-Connection", "Proxy-Authenticate",
                         "Proxy-Authorization", "Transfer-Encoding", "Upgrade",          "HTTP2-Settings"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    add(names[i], "keep-alive");
    add("X-Stays", "1");
  }
  add("TE", "gzip");
  gw_headers_remove_hop_by_hop(&headers);
  assert_headers("X-Stays=1 X-Stays=1 X-Stays=1 X-Stays=1 X-Stays=1 X-Stays=1 X-Stays=1 X-Stays=1");
}

static void test_hop_by_hop_removes_what_connection_names(void **state) {
  (void)state;
  add("X-One", "1");
  add("Connection", "close, x-one ,, X-Three");
  add("X-Two", "2");
  add("x-three", "3");
  add("connection", "x-four");
  add("X-Four", "4");
  gw_headers_remove_hop_by_hop(&headers);
  assert_headers("X-Two=2");
}

static void test_hop_by_hop_ignores_harmful_nominations(void **state) {
  (void)state;
  add("Connection", "close, authorization, X-Forwarded-For, x-forwarded-port, cookie, Forwarded, cache-control, via, x-real-ip, trailer");
  add("Authorization", "a");
  add("X-Forwarded-For", "b");
  add("X-Forwarded-Port", "c");
  add("Cookie", "d");
  add("Forwarded", "e");
  add("Cache-Control", "f");
  add("Via", "g");
  add("X-Real-IP", "h");
  add("Trailer", "i");
  gw_headers_remove_hop_by_hop(&headers);
  assert_headers("Authorization=a X-Forwarded-For=b X-Forwarded-Port=c Cookie=d Forwarded=e Cache-Control=f Via=g X-Real-IP=h Trailer=i");
}

static void test_hop_by_hop_keeps_te_trailers_alone(void **state) {
  (void)state;
  add("TE", "gzip;q=0.5, Trailers");
  add("Connection", "TE");
  gw_headers_remove_hop_by_hop(&headers);
  assert_headers("TE=trailers");
}

static void test_name_and_value_validity(void **state) {
  (void)state;
  assert_true(gw_header_name_is_valid(GW_STR("X-A_b.c~1")));
  assert_false(gw_header_name_is_valid(GW_STR("")));
  assert_false(gw_header_name_is_valid(GW_STR("a b")));
  assert_false(gw_header_name_is_valid(GW_STR("a:")));
  assert_false(gw_header_name_is_valid(GW_STR("\xc3\xa4")));
  assert_true(gw_header_value_is_valid(GW_STR("")));
  assert_true(gw_header_value_is_valid((struct gw_str){NULL, 0}));
  assert_true(gw_header_value_is_valid(GW_STR("a\tb \xc3\xa4")));
  assert_false(gw_header_value_is_valid(GW_STR("a\r\nb")));
  assert_false(gw_header_value_is_valid(GW_STR("a\0b")));
  assert_false(gw_header_value_is_valid(GW_STR("a long value with a delete at its very end\x7f")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_id_find_knows_every_name_in_any_case),
      TEST(test_id_find_of_other_names_is_other),
      TEST(test_add_grows_and_interns),
      TEST(test_find_takes_the_first_in_any_case),
      TEST(test_remove_takes_all_and_keeps_the_order),
      TEST(test_what_was_removed_is_found_again_once_added),
      TEST(test_copy_is_apart_from_what_it_was_made_of),
      TEST(test_set_replaces_the_first_and_removes_the_rest),
      TEST(test_hop_by_hop_leaves_what_is_end_to_end),
      TEST(test_hop_by_hop_removes_all_of_the_kind),
      TEST(test_hop_by_hop_removes_what_connection_names),
      TEST(test_hop_by_hop_ignores_harmful_nominations),
      TEST(test_hop_by_hop_keeps_te_trailers_alone),
      TEST(test_name_and_value_validity),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
