#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/ctl/verb_keys.h"

#define NOW_S 1000000

static void test_expiry_is_a_duration_a_day_or_a_time(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t expires_at_s; /* -1: refused */
  } cases[] = {
      {"never", 0},
      {"90", NOW_S + 90},
      {"720h", NOW_S + 720 * 3600},
      {"1500ms", NOW_S + 2},
      {"2027-01-31", 1801353600},
      {"2027-01-31T12:00:01Z", 1801396801},
      {"", -1},
      {"0", -1},
      {"soon", -1},
      {"2027-13-01", -1},
      {"2027-01-31 12:00", -1},
      {"1960-01-01", -1},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    int64_t got = -1;
    enum gw_err err = gw_ctl_parse_expiry(gw_str_from(cases[i].text), NOW_S, &got);
    assert_int_equal(err, cases[i].expires_at_s < 0 ? GW_ERR_INVALID : GW_OK);
    if (err == GW_OK) assert_int_equal(got, cases[i].expires_at_s);
  }
}

struct fixture {
  struct gw_arena arena;
  struct gw_errors errors;
  Gateway__Admin__V1__ImportedApiKey **keys;
  size_t count;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  gw_arena_init(&f->arena, 1024);
  gw_errors_init(&f->errors);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_arena_done(&f->arena);
  gw_errors_done(&f->errors);
  free(f);
  return 0;
}

static enum gw_err read_text(struct fixture *f, const char *text) {
  return gw_ctl_read_imports(gw_str_from(text), "keys.txt", NOW_S, &f->arena, &f->errors, &f->keys, &f->count);
}

static void test_a_line_is_a_key_its_owner_and_what_else_there_is(void **state) {
  struct fixture *f = *state;
  assert_int_equal(
      read_text(f, "# comment\n\n  key-1\tann  name=nightly roles=admin,viewer permissions=a:*\tplan=gold expires=90\r\nkey-2 bob"), GW_OK);
  assert_int_equal(f->count, 2);
  const Gateway__Admin__V1__ImportedApiKey *key = f->keys[0];
  assert_string_equal(key->secret, "key-1");
  assert_string_equal(key->owner, "ann");
  assert_string_equal(key->name, "nightly");
  assert_int_equal(key->n_roles, 2);
  assert_string_equal(key->roles[1], "viewer");
  assert_int_equal(key->n_permissions, 1);
  assert_string_equal(key->plan, "gold");
  assert_int_equal(key->expires_at_s, NOW_S + 90);
  assert_string_equal(f->keys[1]->owner, "bob");
  assert_int_equal(f->keys[1]->n_roles, 0);
}

static void test_hash_stands_in_place_of_a_key(void **state) {
  struct fixture *f = *state;
  assert_int_equal(read_text(f, "hmac:00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00FF ann"), GW_OK);
  assert_int_equal(f->keys[0]->hash.len, 32);
  assert_int_equal(f->keys[0]->hash.data[31], 0xff);
  assert_string_equal(f->keys[0]->secret, "");
}

static void test_mistakes_are_told_by_line_and_without_the_key(void **state) {
  struct fixture *f = *state;
  assert_int_equal(read_text(f, "secret-1\nsecret-2 ann what\nhmac:zz ann\nsecret-4 ann colour=red\nsecret-5 ann expires=soon\nok ann\n"),
                   GW_ERR_INVALID);
  GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format(&f->errors);
  assert_int_equal(f->errors.error_count, 5);
  assert_null(strstr(text, "secret-"));
  for (char line = '1'; line <= '5'; line++) {
    char place[] = "keys.txt:?: ";
    place[9] = line;
    assert_non_null(strstr(text, place));
  }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_expiry_is_a_duration_a_day_or_a_time),
      CASE(test_a_line_is_a_key_its_owner_and_what_else_there_is),
      CASE(test_hash_stands_in_place_of_a_key),
      CASE(test_mistakes_are_told_by_line_and_without_the_key),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
