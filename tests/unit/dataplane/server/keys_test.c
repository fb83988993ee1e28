#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "dataplane/server/keys.h"

struct fixture {
  struct gw_loop *loop;
  struct gw_keys *keys;
  struct gw_xds_key_calls calls;
  struct gw_key_table *table; /* as workers have it */
  uint32_t published;
  uint64_t unknown;
  bool is_deaf; /* the control plane is away */
  struct gw_strbuf told;
};

static void publish(void *arg, struct gw_key_table *table) {
  struct fixture *f = arg;
  gw_key_table_unref(f->table);
  f->table = gw_key_table_ref(table);
  f->published++;
}

static uint64_t count_unknown(void *arg) {
  return ((struct fixture *)arg)->unknown;
}

static bool tell(void *arg, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown) {
  struct fixture *f = arg;
  if (f->is_deaf) return false;
  for (uint32_t i = 0; i < count; i++)
    gw_strbuf_printf(&f->told, "%.*s ", GW_STR_ARG(uses[i].id));
  gw_strbuf_printf(&f->told, "+%u ", unknown);
  return true;
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  f->loop = gw_loop_new();
  struct gw_keys_options options = {f->loop, publish, count_unknown, tell, f};
  f->keys = gw_keys_new(&options);
  f->calls = gw_keys_calls(f->keys);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_keys_free(f->keys);
  gw_key_table_unref(f->table);
  gw_strbuf_done(&f->told);
  gw_loop_free(f->loop);
  free(f);
  return 0;
}

/* "ID=OWNER …"; an ID without an owner was refused; `removed` NULL: none. */
static void take(struct fixture *f, bool is_whole, const char *words, const char *removed) {
  struct gw_resource *resources[16];
  struct gw_str versions[16], gone = gw_str_from(removed), rest = gw_str_from(words), word, id;
  uint32_t count = 0;
  while (rest.len > 0 && gw_str_split_next(&rest, ' ', &word)) {
    assert_true(gw_str_split_next(&word, '=', &id));
    struct gw_api_key key = {.id = id, .owner = word};
    resources[count] = word.len > 0 ? gw_xds_encode_api_key(&key) : NULL;
    versions[count++] = GW_STR("0000000000000007");
  }
  struct gw_xds_key_changes changes = {.is_whole = is_whole,
                                       .resources = resources,
                                       .versions = is_whole ? NULL : versions,
                                       .count = count,
                                       .removed = &gone,
                                       .removed_count = removed != NULL};
  f->calls.take(f->calls.arg, &changes);
  for (uint32_t i = 0; i < count; i++)
    gw_resource_unref(resources[i]);
}

static const char *owner(struct fixture *f, const char *id) {
  const struct gw_key *key = gw_key_table_find(f->table, gw_str_from(id));
  return key != NULL ? key->identity.user_id.data : NULL;
}

static void test_changes_are_published_one_by_one(void **state) {
  struct fixture *f = *state;
  assert_false(gw_keys_are_known(f->keys));
  take(f, false, "k1=ann k2=bob", NULL);
  assert_true(gw_keys_are_known(f->keys));
  assert_string_equal(owner(f, "k1"), "ann");
  struct gw_key_table *before = gw_key_table_ref(f->table);
  take(f, false, "k2=carl", "k1");
  assert_null(owner(f, "k1"));
  assert_string_equal(owner(f, "k2"), "carl");
  assert_int_equal(gw_keys_count(f->keys), 1);
  assert_non_null(gw_key_table_find(before, GW_STR("k1"))); /* a worker that has not looked yet */
  gw_key_table_unref(before);
  take(f, false, "", "nobody");
  assert_int_equal(f->published, 3);
}

static void test_refused_key_leaves_the_one_before(void **state) {
  struct fixture *f = *state;
  take(f, false, "k1=ann", NULL);
  take(f, false, "k1= k2=bob", NULL);
  assert_string_equal(owner(f, "k1"), "ann");
  assert_string_equal(owner(f, "k2"), "bob");
}

static void test_state_of_the_world_takes_away_what_it_lacks(void **state) {
  struct fixture *f = *state;
  take(f, true, "k1=ann k2=bob", NULL);
  take(f, true, "k2=bob k3=carl", NULL);
  assert_null(owner(f, "k1"));
  assert_string_equal(owner(f, "k3"), "carl");
  assert_int_equal(gw_keys_count(f->keys), 2);
}

static void test_what_is_held_has_the_servers_versions(void **state) {
  struct fixture *f = *state;
  take(f, false, "k1=ann", NULL);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  const struct gw_str *names, *versions;
  assert_int_equal(f->calls.held(f->calls.arg, &arena, &names, &versions), 1);
  assert_true(gw_str_equal(names[0], GW_STR("k1")));
  assert_true(gw_str_equal(versions[0], GW_STR("0000000000000007")));
  gw_arena_done(&arena);
}

static void use(struct fixture *f, const char *id, uint64_t at_s) {
  atomic_store(&gw_key_table_find(f->table, gw_str_from(id))->used_s, at_s);
}

static void test_uses_are_told_once_and_survive_a_change_of_the_key(void **state) {
  struct fixture *f = *state;
  take(f, false, "k1=ann k2=bob", NULL);
  gw_keys_tell_now(f->keys);
  assert_null(f->told.data); /* nothing to tell */
  use(f, "k1", 1000);
  f->unknown = 3;
  gw_keys_tell_now(f->keys);
  assert_string_equal(f->told.data, "k1 +3 ");
  gw_keys_tell_now(f->keys);
  assert_string_equal(f->told.data, "k1 +3 ");
  use(f, "k1", 1001);
  take(f, false, "k1=carl", NULL);
  gw_keys_tell_now(f->keys);
  assert_string_equal(f->told.data, "k1 +3 k1 +0 ");
}

static void test_what_could_not_be_told_is_told_later(void **state) {
  struct fixture *f = *state;
  take(f, false, "k1=ann", NULL);
  use(f, "k1", 1000);
  f->unknown = 2;
  f->is_deaf = true;
  gw_keys_tell_now(f->keys);
  f->is_deaf = false;
  gw_keys_tell_now(f->keys);
  assert_string_equal(f->told.data, "k1 +2 ");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_changes_are_published_one_by_one),
      CASE(test_refused_key_leaves_the_one_before),
      CASE(test_state_of_the_world_takes_away_what_it_lacks),
      CASE(test_what_is_held_has_the_servers_versions),
      CASE(test_uses_are_told_once_and_survive_a_change_of_the_key),
      CASE(test_what_could_not_be_told_is_told_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
