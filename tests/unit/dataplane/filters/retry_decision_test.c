/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "common/base/mem.h"
#include "dataplane/filters/retry_decision.h"

static struct gw_response_head answer(uint32_t status) {
  return (struct gw_response_head){.status = status};
}

static void test_each_word_wants_its_answers_only(void **state) {
  (void)state;
  static const uint32_t codes[] = {418, 503};
  const struct {
    uint32_t on;
    uint32_t wanted[8];
  } cases[] = {
      {GW_RETRY_5XX, {500, 501, 502, 503, 504, 599}}, {GW_RETRY_GATEWAY_ERROR, {502, 503, 504}},    {GW_RETRY_RETRIABLE_4XX, {409}},
      {GW_RETRY_RETRIABLE_STATUS_CODES, {418, 503}},  {GW_RETRY_ALWAYS_SAFE | GW_RETRY_RESET, {0}},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_retry_policy policy = {.on = cases[i].on, .status_codes = codes, .status_code_count = 2};
    for (uint32_t status = 100; status < 600; status++) {
      bool is_wanted = false;
      if (cases[i].on == GW_RETRY_5XX) is_wanted = status >= 500;
      for (size_t k = 0; k < GW_ARRAY_LEN(cases[i].wanted); k++)
        is_wanted = is_wanted || cases[i].wanted[k] == status;
      struct gw_response_head response = answer(status);
      if (gw_retry_wants_answer(&policy, &response) != is_wanted) fail_msg("case %zu, status %u", i, status);
    }
  }
}

static void test_codes_without_their_word_mean_nothing(void **state) {
  (void)state;
  static const uint32_t codes[] = {418};
  struct gw_retry_policy policy = {.on = GW_RETRY_5XX, .status_codes = codes, .status_code_count = 1};
  struct gw_response_head response = answer(418);
  assert_false(gw_retry_wants_answer(&policy, &response));
}

static void test_grpc_status_of_a_head_is_wanted_by_its_word(void **state) {
  (void)state;
  const struct {
    const char *code;
    uint32_t bit;
  } cases[] = {{"1", GW_RETRY_GRPC_CANCELLED},
               {"4", GW_RETRY_GRPC_DEADLINE_EXCEEDED},
               {"8", GW_RETRY_GRPC_RESOURCE_EXHAUSTED},
               {"13", GW_RETRY_GRPC_INTERNAL},
               {"14", GW_RETRY_GRPC_UNAVAILABLE},
               {"0", 0},
               {"2", 0},
               {"x", 0},
               {"99999999999999999999", 0}};
  uint32_t all = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    all |= cases[i].bit;
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_response_head response = answer(200);
    gw_headers_init(&response.headers, &arena, 1);
    gw_headers_add(&response.headers, &arena, GW_HEADER_GRPC_STATUS, GW_STR("grpc-status"), gw_str_from(cases[i].code));
    struct gw_retry_policy only = {.on = cases[i].bit}, others = {.on = all & ~cases[i].bit};
    assert_int_equal(gw_retry_wants_answer(&only, &response), cases[i].bit != 0);
    assert_false(gw_retry_wants_answer(&others, &response));
  }
  gw_arena_done(&arena);
}

/* Rows: what can go wrong. Columns: the words. */
static void test_each_word_wants_its_failures_only(void **state) {
  (void)state;
  const struct gw_failure refused = {.side = GW_FAILURE_UPSTREAM, .flag = GW_FLAG_UPSTREAM_CONNECT_FAILURE, .retry_ok = true};
  const struct gw_failure unseen = {.side = GW_FAILURE_UPSTREAM, .flag = GW_FLAG_UPSTREAM_REMOTE_RESET, .retry_ok = true};
  const struct gw_failure dead = {.side = GW_FAILURE_UPSTREAM, .flag = GW_FLAG_UPSTREAM_TERMINATION, .retry_ok = true};
  const struct gw_failure reset = {.side = GW_FAILURE_UPSTREAM, .flag = GW_FLAG_UPSTREAM_REMOTE_RESET};
  const struct gw_failure late = {.side = GW_FAILURE_UPSTREAM, .flag = GW_FLAG_UPSTREAM_TIMEOUT};
  const struct gw_failure own = {.side = GW_FAILURE_GATEWAY, .flag = GW_FLAG_UPSTREAM_OVERFLOW, .retry_ok = true};
  const struct {
    const struct gw_failure *failure;
    uint32_t wanted_by;
  } cases[] = {
      {&refused, GW_RETRY_CONNECT_FAILURE | GW_RETRY_RESET_BEFORE_REQUEST},
      {&unseen, GW_RETRY_REFUSED_STREAM | GW_RETRY_RESET_BEFORE_REQUEST},
      {&dead, GW_RETRY_RESET_BEFORE_REQUEST},
      {&reset, 0},
      {&late, 0},
  };
  const uint32_t any = GW_RETRY_5XX | GW_RETRY_GATEWAY_ERROR | GW_RETRY_RESET;
  for (uint32_t i = 0; i < GW_RETRY_ON_COUNT; i++) {
    struct gw_retry_policy policy = {.on = 1u << i};
    for (size_t k = 0; k < GW_ARRAY_LEN(cases); k++) {
      bool is_wanted = (policy.on & (any | cases[k].wanted_by)) != 0;
      if (gw_retry_wants_failure(&policy, cases[k].failure) != is_wanted) fail_msg("%s, case %zu", gw_retry_on_name(policy.on), k);
    }
    assert_false(gw_retry_wants_failure(&policy, &own));
  }
}

static void test_backoff_is_below_its_bound_and_uses_all_of_it(void **state) {
  (void)state;
  struct gw_random random;
  gw_random_init(&random, 5);
  struct gw_retry_policy policy = {.backoff_base_ms = 20, .backoff_max_ms = 100};
  const uint64_t bounds[] = {20, 40, 80, 100, 100};
  for (uint32_t number = 1; number <= GW_ARRAY_LEN(bounds); number++) {
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 5000; i++) {
      uint64_t wait_ms = gw_retry_backoff_ms(&policy, number, &random);
      if (wait_ms < least) least = wait_ms;
      if (wait_ms > most) most = wait_ms;
    }
    assert_int_equal(least, 0);
    assert_int_equal(most, bounds[number - 1] - 1);
  }
  policy.backoff_max_ms = UINT64_MAX / 2; /* no overflow however many there were */
  assert_true(gw_retry_backoff_ms(&policy, UINT32_MAX, &random) < policy.backoff_max_ms);
}

static void test_words_are_found_and_named(void **state) {
  (void)state;
  for (uint32_t i = 0; i < GW_RETRY_ON_COUNT; i++)
    assert_int_equal(gw_retry_on_find(gw_str_from(gw_retry_on_name(1u << i))), 1u << i);
  assert_int_equal(gw_retry_on_find(GW_STR("5XX")), 0);
  assert_int_equal(gw_retry_on_find(GW_STR("")), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_word_wants_its_answers_only),
      cmocka_unit_test(test_codes_without_their_word_mean_nothing),
      cmocka_unit_test(test_grpc_status_of_a_head_is_wanted_by_its_word),
      cmocka_unit_test(test_each_word_wants_its_failures_only),
      cmocka_unit_test(test_backoff_is_below_its_bound_and_uses_all_of_it),
      cmocka_unit_test(test_words_are_found_and_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
