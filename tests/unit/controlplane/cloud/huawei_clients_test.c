#include "controlplane/cloud/huawei_clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"

struct fixture {
  struct gw_loop *loop;
  struct gw_huawei_clients *clients;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  f->loop = gw_loop_new();
  f->clients = gw_huawei_clients_new(f->loop);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_huawei_clients_free(f->clients);
  gw_loop_free(f->loop);
  free(f);
  return 0;
}

/* Nobody is asked: the address is one where nobody listens, and a call is given up before the loop turns. */
static struct gw_settings settings_of(const char *access_key) {
  return (struct gw_settings){.huawei_region = "cn-north-4",
                              .huawei_project_id = "p",
                              .huawei_access_key = access_key,
                              .huawei_secret_key = access_key,
                              .huawei_security_token = "",
                              .huawei_user = "",
                              .huawei_password = "",
                              .huawei_domain = "",
                              .huawei_credentials_file = "",
                              .huawei_ecs_endpoint = "http://127.0.0.1:1",
                              .huawei_iam_endpoint = "http://127.0.0.1:1",
                              .huawei_timeout_ms = 1000,
                              .ca_file = ""};
}

static struct gw_huawei *find(struct fixture *f, const char *access_key) {
  const struct gw_settings settings = settings_of(access_key);
  return gw_huawei_clients_find(f->clients, &settings);
}

static bool is_of(const struct gw_huawei *huawei, const char *access_key) {
  const struct gw_settings settings = settings_of(access_key);
  return gw_huawei_has(huawei, &settings);
}

static void on_answer(void *arg, const struct gw_huawei_answer *answer) {
  (void)arg;
  (void)answer;
  fail();
}

static void test_find_with_the_same_settings_is_the_same_client(void **state) {
  struct fixture *f = *state;
  struct gw_huawei *one = find(f, "A");
  assert_non_null(one);
  gw_huawei_hold(one);
  assert_ptr_equal(find(f, "A"), one);
  struct gw_huawei *other = find(f, "B");
  assert_ptr_not_equal(other, one);
  assert_ptr_equal(find(f, "A"), one);
  gw_huawei_let_go(one);
}

static void test_find_without_credentials_is_none(void **state) {
  assert_null(find(*state, ""));
}

static void test_a_client_that_is_held_outlives_other_settings(void **state) {
  struct fixture *f = *state;
  struct gw_huawei *one = find(f, "A");
  gw_huawei_hold(one);
  find(f, "B");
  find(f, "C");
  assert_true(is_of(one, "A")); /* else it is memory that was freed */
  gw_huawei_let_go(one);
}

static void test_a_client_with_a_call_under_way_outlives_other_settings(void **state) {
  struct fixture *f = *state;
  struct gw_huawei *one = find(f, "A");
  const struct gw_huawei_ask ask = {.service = GW_HUAWEI_ECS, .path = "/v1/" GW_HUAWEI_PROJECT "/cloudservers/detail"};
  struct gw_huawei_call *call = gw_huawei_call_start(one, &ask, on_answer, f);
  find(f, "B");
  assert_true(is_of(one, "A"));
  gw_huawei_call_cancel(call);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_find_with_the_same_settings_is_the_same_client, setup, teardown),
      cmocka_unit_test_setup_teardown(test_find_without_credentials_is_none, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_client_that_is_held_outlives_other_settings, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_client_with_a_call_under_way_outlives_other_settings, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
