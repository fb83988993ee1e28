#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "common/xds/decode.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"
#include "tests/unit/common/xds/samples.h"

#define ROUTES_MAX 64

/* A configuration with the samples' hosts, the routes of which are changed. */
struct fixture {
  struct gw_route routes[2][ROUTES_MAX];
  struct gw_virtual_host hosts[2];
  struct gw_route_config config;
};

static void init(struct fixture *f) {
  f->config = sample_route_config;
  f->config.virtual_hosts = f->hosts;
  for (int h = 0; h < 2; h++) {
    f->hosts[h] = sample_hosts[h];
    memcpy(f->routes[h], sample_hosts[h].routes, sample_hosts[h].route_count * sizeof(struct gw_route));
    f->hosts[h].routes = f->routes[h];
  }
}

static void renumber(struct fixture *f) {
  f->config.route_count = 0;
  for (int h = 0; h < 2; h++)
    for (uint32_t i = 0; i < f->hosts[h].route_count; i++)
      f->routes[h][i].index = f->config.route_count++;
}

static struct gw_bytes *encode(const struct fixture *f) {
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  Google__Protobuf__Any *any = gw_xds_encode_any(&arena, &gw_xds_encode_route_config_message(&arena, &f->config)->base);
  struct gw_bytes *bytes = gw_wire_pack(&any->base);
  gw_arena_done(&arena);
  return bytes;
}

/* NULL: refused, as *ret_told says. */
static struct gw_resource *decode(const struct gw_resource *before, struct gw_bytes *any, char **ret_told) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_resource *resource = NULL;
  if (gw_xds_decode_changed_resource(before, GW_RESOURCE_ROUTE_CONFIG, any, &errors, NULL, NULL, &resource) != GW_OK) assert_null(resource);
  *ret_told = gw_errors_format(&errors);
  gw_errors_done(&errors);
  return resource;
}

static void assert_same(const struct gw_resource *got, const struct gw_resource *want) {
  assert_string_equal(got->version, want->version);
  assert_int_equal(got->route_config->route_count, want->route_config->route_count);
  assert_int_equal(got->route_config->virtual_host_count, want->route_config->virtual_host_count);
  struct gw_bytes *a = gw_xds_pack_route_config(got->route_config, NULL), *b = gw_xds_pack_route_config(want->route_config, NULL);
  assert_int_equal(a->len, b->len);
  assert_memory_equal(a->data, b->data, b->len);
  gw_bytes_unref(a);
  gw_bytes_unref(b);
  for (uint32_t h = 0; h < want->route_config->virtual_host_count; h++) {
    const struct gw_virtual_host *x = &got->route_config->virtual_hosts[h], *y = &want->route_config->virtual_hosts[h];
    assert_int_equal(x->route_count, y->route_count);
    for (uint32_t i = 0; i < y->route_count; i++) {
      assert_int_equal(x->routes[i].index, y->routes[i].index);
      assert_int_equal(x->routes[i].forward.retry == x->retry, y->routes[i].forward.retry == y->retry);
      assert_int_equal(x->routes[i].forward.tells_attempt_count, y->routes[i].forward.tells_attempt_count);
    }
  }
}

/* Whether what is the same was copied. */
static bool is_short_way(const struct gw_resource *before, struct gw_bytes *any) {
  enum { ANY_VALUE = 2 };
  struct gw_arena arena, scratch;
  gw_arena_init(&arena, 1024);
  gw_arena_init(&scratch, 1024);
  struct gw_xds_decoder decoder = {.arena = &arena, .scratch = &scratch};
  struct gw_str value = {0}, value_before = {0};
  gw_wire_find(gw_bytes_str(any), ANY_VALUE, &value);
  gw_wire_find(gw_bytes_str(before->any), ANY_VALUE, &value_before);
  bool is_short = gw_xds_decode_changed_route_config(&decoder, value, before->route_config, value_before) != NULL;
  gw_arena_done(&arena);
  gw_arena_done(&scratch);
  return is_short;
}

/* From one configuration to another is what the other alone gives, mistakes included; and the first may go then. Returns whether the way
 * was short. */
static bool check_step(struct gw_bytes *from, struct gw_bytes *to) {
  char *told, *told_whole;
  struct gw_resource *before = decode(NULL, from, &told);
  assert_non_null(before);
  free(told);
  struct gw_resource *whole = decode(NULL, to, &told_whole), *changed = decode(before, to, &told);
  bool is_short = is_short_way(before, to);
  gw_resource_unref(before);
  assert_string_equal(told, told_whole);
  assert_int_equal(changed != NULL, whole != NULL);
  if (whole != NULL) assert_same(changed, whole);
  gw_resource_unref(changed);
  gw_resource_unref(whole);
  free(told);
  free(told_whole);
  return is_short;
}

static void assert_both_steps(const struct fixture *a, const struct fixture *b, bool is_short) {
  struct gw_bytes *x = encode(a), *y = encode(b);
  assert_int_equal(check_step(x, y), is_short);
  assert_int_equal(check_step(y, x), is_short);
  gw_bytes_unref(x);
  gw_bytes_unref(y);
}

static void test_routes_come_go_and_change(void **state) {
  (void)state;
  struct fixture all, other;
  init(&all);
  assert_both_steps(&all, &all, true);
  for (int h = 0; h < 2; h++) {
    for (uint32_t i = 0; i < all.hosts[h].route_count; i++) {
      init(&other);
      memmove(&other.routes[h][i], &other.routes[h][i + 1], (--other.hosts[h].route_count - i) * sizeof(struct gw_route));
      renumber(&other);
      assert_both_steps(&all, &other, true);
      init(&other);
      other.routes[h][i].name = GW_STR("another");
      assert_both_steps(&all, &other, true);
    }
  }
}

static void test_many_routes_change_places(void **state) {
  (void)state;
  struct fixture all, other;
  init(&all);
  for (uint32_t i = all.hosts[1].route_count; i < ROUTES_MAX; i++) {
    all.routes[1][i] = all.routes[1][0];
    all.routes[1][i].name = gw_str_skip(GW_STR("0123456789012345678901234567890123456789012345678901234567890123"), i);
    all.hosts[1].route_count++;
  }
  renumber(&all);
  other = all;
  other.hosts[0].routes = other.routes[0];
  other.hosts[1].routes = other.routes[1];
  other.config.virtual_hosts = other.hosts;
  for (uint32_t i = 0; i < ROUTES_MAX; i++)
    other.routes[1][i] = all.routes[1][(i + 29) % ROUTES_MAX];
  renumber(&other);
  assert_both_steps(&all, &other, true);
  for (uint32_t i = 0; i < ROUTES_MAX; i++)
    other.routes[1][i] = all.routes[1][ROUTES_MAX - 1 - i];
  renumber(&other);
  assert_both_steps(&all, &other, true);
}

static void test_what_else_changes_goes_the_long_way(void **state) {
  (void)state;
  static const struct gw_str domain[] = {GW_STR("other.test")};
  struct fixture all, other;
  init(&all);
  init(&other);
  other.hosts[1].domains = domain;
  assert_both_steps(&all, &other, false);
  init(&other);
  other.hosts[0].tells_attempt_count = false;
  assert_both_steps(&all, &other, false);
  init(&other);
  other.config.virtual_host_count = 1;
  other.config.route_count = other.hosts[0].route_count;
  assert_both_steps(&all, &other, false);
  init(&other);
  other.config.ignores_port = !other.config.ignores_port;
  assert_both_steps(&all, &other, false);
}

static void test_mistakes_are_told_as_ever(void **state) {
  (void)state;
  struct fixture all, other;
  init(&all);
  init(&other);
  other.routes[1][1].match.path = GW_STR("");
  other.routes[1][1].match.kind = GW_PATH_MATCH_REGEX;
  other.routes[0][0].forward.cluster = GW_STR("");
  struct gw_bytes *good = encode(&all), *bad = encode(&other);
  assert_false(check_step(good, bad));
  char *told;
  assert_null(decode(NULL, bad, &told));
  free(told);
  /* Cut short, wherever. */
  for (size_t len = 0; len < good->len; len += 7) {
    struct gw_bytes *part = gw_bytes_new(good->data, len);
    assert_false(check_step(good, part));
    gw_bytes_unref(part);
  }
  /* Any one byte is another one. */
  for (size_t at = 0; at < good->len; at += 3) {
    struct gw_bytes *odd = gw_bytes_new(good->data, good->len);
    odd->data[at] = (char)(odd->data[at] ^ 0x15);
    check_step(good, odd);
    gw_bytes_unref(odd);
  }
  gw_bytes_unref(good);
  gw_bytes_unref(bad);
}

static void set_made_from(struct fixture *f, uint64_t first) {
  for (int h = 0; h < 2; h++)
    for (uint32_t i = 0; i < f->hosts[h].route_count; i++)
      f->routes[h][i].made_from = first + 100 * (uint64_t)h + i;
}

/* That it is the bytes of before which are taken shows where they say something else. */
static void test_what_was_made_from_the_same_is_not_encoded_again(void **state) {
  (void)state;
  struct fixture before, now;
  init(&before);
  init(&now);
  set_made_from(&before, 1);
  struct gw_resource *resource = gw_xds_encode_route_config(&before.config);
  now.routes[0][0].name = GW_STR("another");
  struct gw_bytes *fresh = gw_xds_pack_route_config(&now.config, NULL), *unknown = gw_xds_pack_route_config(&now.config, resource);
  assert_true(gw_str_equal(gw_bytes_str(fresh), gw_bytes_str(unknown)));
  set_made_from(&now, 1);
  struct gw_bytes *same = gw_xds_pack_route_config(&now.config, resource);
  assert_true(gw_str_equal(gw_bytes_str(same), gw_bytes_str(resource->any)));
  now.routes[0][0].made_from = 1000;
  struct gw_bytes *changed = gw_xds_pack_route_config(&now.config, resource);
  assert_true(gw_str_equal(gw_bytes_str(changed), gw_bytes_str(fresh)));
  struct gw_bytes *all[] = {fresh, unknown, same, changed};
  for (size_t i = 0; i < GW_ARRAY_LEN(all); i++)
    gw_bytes_unref(all[i]);
  gw_resource_unref(resource);
}

/* Routes and hosts come and go between those that stay. */
static void test_packing_goes_on_behind_what_came_and_went(void **state) {
  (void)state;
  struct fixture before, now;
  init(&before);
  set_made_from(&before, 1);
  struct gw_resource *resource = gw_xds_encode_route_config(&before.config);
  init(&now);
  set_made_from(&now, 1);
  for (uint32_t i = 1; i < now.hosts[0].route_count; i++)
    now.routes[0][i - 1] = now.routes[0][i];
  now.hosts[0].route_count--;
  struct gw_virtual_host hosts[3] = {now.hosts[0], now.hosts[1], now.hosts[1]};
  hosts[1].name = GW_STR("between");
  now.config.virtual_hosts = hosts;
  now.config.virtual_host_count = 3;
  struct gw_bytes *quick = gw_xds_pack_route_config(&now.config, resource), *anew = gw_xds_pack_route_config(&now.config, NULL);
  assert_true(gw_str_equal(gw_bytes_str(quick), gw_bytes_str(anew)));
  gw_bytes_unref(quick);
  gw_bytes_unref(anew);
  gw_resource_unref(resource);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_routes_come_go_and_change),
      cmocka_unit_test(test_many_routes_change_places),
      cmocka_unit_test(test_what_else_changes_goes_the_long_way),
      cmocka_unit_test(test_mistakes_are_told_as_ever),
      cmocka_unit_test(test_what_was_made_from_the_same_is_not_encoded_again),
      cmocka_unit_test(test_packing_goes_on_behind_what_came_and_went),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
