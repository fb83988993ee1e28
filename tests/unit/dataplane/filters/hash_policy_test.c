/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/xxh64.h"
#include "dataplane/filters/hash_policy.h"

/* As much of a stream as is looked at. */
struct request {
  struct gw_pipeline pipeline;
  struct gw_stream stream;
  struct gw_headers cookies;
};

static struct request *request_new(const char *path, const char *const (*headers)[2], uint32_t count) {
  struct request *r = gw_calloc(1, sizeof(*r));
  gw_random_init(&r->pipeline.random, 7);
  r->stream.pipeline = &r->pipeline;
  gw_arena_init(&r->stream.arena, 1024);
  r->stream.request.path = gw_str_from(path);
  r->stream.request.authority = GW_STR("shop.example:8000");
  assert_int_equal(gw_address_parse_ip(GW_STR("2001:db8::7"), 1234, &r->stream.remote), GW_OK);
  for (uint32_t i = 0; i < count; i++)
    gw_headers_add(&r->stream.request.headers, &r->stream.arena, GW_HEADER_OTHER, gw_str_from(headers[i][0]), gw_str_from(headers[i][1]));
  return r;
}

static void request_free(struct request *r) {
  gw_arena_done(&r->stream.arena);
  free(r);
}

static struct gw_balancer_key key_of(struct request *r, const struct gw_hash_policy *policies, uint32_t count) {
  struct gw_route_forward forward = {.hash_policies = policies, .hash_policy_count = count};
  return gw_hash_policy_key(&r->stream, &forward, &r->cookies);
}

static uint64_t hash(const char *text) {
  return gw_xxh64(gw_str_from(text), 0);
}

static const char *const headers[][2] = {{"X-User", "alice"},
                                         {"Cookie", "a=1; sid=\"abc\"; sid=no"},
                                         {"x-two", "b"},
                                         {"X-Two", "a"},
                                         {"cookie", "late=7; empty="}};

static void test_each_kind_finds_its_value(void **state) {
  (void)state;
  const struct {
    struct gw_hash_policy policy;
    bool has_hash;
    uint64_t hash;
  } cases[] = {
      {{.kind = GW_HASH_HEADER, .name = GW_STR("x-user")}, true, hash("alice")},
      {{.kind = GW_HASH_HEADER, .name = GW_STR("x-nobody")}, false, 0},
      {{.kind = GW_HASH_HEADER, .name = GW_STR("host")}, true, hash("shop.example:8000")},
      {{.kind = GW_HASH_HEADER, .name = GW_STR("x-two")}, true, gw_xxh64(GW_STR("b"), hash("a"))}, /* sorted */
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("sid")}, true, hash("abc")},
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("SID")}, false, 0},
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("si")}, false, 0},
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("late")}, true, hash("7")},
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("empty")}, false, 0},
      {{.kind = GW_HASH_QUERY, .name = GW_STR("q")}, true, hash("x%20y")},
      {{.kind = GW_HASH_QUERY, .name = GW_STR("e")}, true, hash("")},
      {{.kind = GW_HASH_QUERY, .name = GW_STR("path")}, false, 0},
      {{.kind = GW_HASH_CLIENT}, true, hash("2001:db8::7")},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct request *r = request_new("/path?qq=1&q=x%20y&q=2&e", headers, GW_ARRAY_LEN(headers));
    struct gw_balancer_key key = key_of(r, &cases[i].policy, 1);
    if (key.has_hash != cases[i].has_hash || key.hash != cases[i].hash) fail_msg("case %zu", i);
    assert_int_equal(r->cookies.count, 0);
    request_free(r);
  }
}

static void test_cookie_with_a_ttl_is_made_up(void **state) {
  (void)state;
  static const struct {
    struct gw_hash_policy policy;
    const char *rest;
  } cases[] = {
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("c"), .has_cookie_ttl = true}, "; HttpOnly"},
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("c"), .has_cookie_ttl = true, .cookie_ttl_ms = 1500}, "; Max-Age=2; HttpOnly"},
      {{.kind = GW_HASH_COOKIE, .name = GW_STR("c"), .has_cookie_ttl = true, .cookie_ttl_ms = 60000, .cookie_path = GW_STR("/p")},
       "; Max-Age=60; Path=/p; HttpOnly"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct request *r = request_new("/", NULL, 0);
    struct gw_balancer_key key = key_of(r, &cases[i].policy, 1);
    assert_true(key.has_hash);
    assert_int_equal(r->cookies.count, 1);
    struct gw_str text = r->cookies.items[0].value;
    assert_true(gw_str_has_prefix(text, GW_STR("c=")));
    assert_int_equal(key.hash, gw_xxh64((struct gw_str){text.data + 2, 16}, 0));
    assert_true(gw_str_equal(gw_str_skip(text, 18), gw_str_from(cases[i].rest)));
    request_free(r);
  }
}

static void test_policies_count_together_up_to_a_terminal_one(void **state) {
  (void)state;
  struct gw_hash_policy policies[] = {{.kind = GW_HASH_HEADER, .name = GW_STR("x-nobody"), .is_terminal = true},
                                      {.kind = GW_HASH_HEADER, .name = GW_STR("x-user")},
                                      {.kind = GW_HASH_CLIENT, .is_terminal = true},
                                      {.kind = GW_HASH_COOKIE, .name = GW_STR("new"), .has_cookie_ttl = true}};
  struct request *r = request_new("/", headers, GW_ARRAY_LEN(headers));
  struct gw_balancer_key key = key_of(r, policies, 4);
  uint64_t first = hash("alice");
  assert_int_equal(key.hash, ((first << 1) | (first >> 63)) ^ hash("2001:db8::7"));
  assert_int_equal(r->cookies.count, 0); /* not reached */
  /* Equal ones don't cancel each other out. */
  policies[0] = policies[1];
  key = key_of(r, policies, 2);
  assert_int_not_equal(key.hash, 0);
  request_free(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_kind_finds_its_value),
      cmocka_unit_test(test_cookie_with_a_ttl_is_made_up),
      cmocka_unit_test(test_policies_count_together_up_to_a_terminal_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
