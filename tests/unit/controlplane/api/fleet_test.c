/* Control planes of one store, each with nodes of its own, that know of each other by records in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../store/store_bench.h"
#include "common/base/clock.h"
#include "controlplane/api/fleet.h"

#define WAIT_US 20000000u

struct side {
  struct gw_store *store;
  struct gw_node_table *nodes;
  struct gw_snapshot_cache *cache;
  struct gw_fleet *fleet;
  uint64_t revision;
};

struct fixture {
  struct store_folder folder;
  struct gw_loop *loop;
  struct side sides[2];
  uint32_t records; /* that were read */
};

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_US;                                                                                 \
    while (!(condition) && gw_clock_monotonic_us() < until_us)                                                                             \
      gw_loop_run_once((f)->loop, 20);                                                                                                     \
    assert_true(condition);                                                                                                                \
  } while (0)

static uint64_t revision_of(void *arg) {
  return ((const struct side *)arg)->revision;
}

static void open_side(struct fixture *f, struct side *side, const char *name) {
  const struct gw_store_options store = {.loop = f->loop, .target = &f->folder.target};
  side->store = gw_store_new(&store);
  side->nodes = gw_node_table_new();
  side->cache = gw_snapshot_cache_new();
  const struct gw_fleet_options options =
      {.loop = f->loop, .store = side->store, .nodes = side->nodes, .cache = side->cache, .revision = revision_of, .arg = side};
  side->fleet = gw_fleet_new(&options);
  gw_store_start(side->store);
  gw_fleet_join(side->fleet, name);
}

static void close_side(struct side *side) {
  gw_store_free(side->store);
  gw_fleet_free(side->fleet);
  gw_node_table_free(side->nodes);
  gw_snapshot_cache_free(side->cache);
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  store_folder_init(&f->folder);
  f->loop = gw_loop_new();
  open_side(f, &f->sides[0], "one:1");
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  for (size_t i = 0; i < 2 && f->sides[i].store != NULL; i++)
    close_side(&f->sides[i]);
  gw_loop_free(f->loop);
  store_folder_done(&f->folder);
  free(f);
  return 0;
}

static void add_node(struct side *side, const char *id, const char *instance_id) {
  struct gw_node *node = gw_node_table_get(side->nodes, gw_str_from(id), GW_STR("edge"), gw_str_from(instance_id), 1);
  node->agent_streams++; /* it stays until the table goes */
}

/* The other one as it is known here; a record of NULL: not at all. */
static struct gw_fleet_member other_of(const struct side *side) {
  struct gw_fleet_member members[GW_FLEET_MEMBERS_MAX] = {{.record = NULL}};
  gw_fleet_list(side->fleet, members);
  return members[0];
}

static const Gateway__Admin__V1__NodeStatus *find_node(const struct gw_fleet_member *member, const char *id) {
  for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++)
    for (size_t i = 0; member->buckets[b] != NULL && i < member->buckets[b]->n_nodes; i++)
      if (strcmp(member->buckets[b]->nodes[i]->id, id) == 0) return member->buckets[b]->nodes[i];
  return NULL;
}

static void test_each_knows_the_nodes_of_the_other(void **state) {
  struct fixture *f = *state;
  add_node(&f->sides[0], "n1", "i1");
  open_side(f, &f->sides[1], "two:2");
  add_node(&f->sides[1], "n2", "i2");
  add_node(&f->sides[1], "n3", "i3");
  WAIT_FOR(f, gw_fleet_others(f->sides[0].fleet) == 2 && gw_fleet_others(f->sides[1].fleet) == 1);
  struct gw_fleet_member two = other_of(&f->sides[0]), one = other_of(&f->sides[1]);
  assert_string_equal(two.record->name, "two:2");
  assert_int_equal(two.record->nodes, 2);
  assert_non_null(find_node(&two, "n3"));
  assert_null(find_node(&two, "n1"));
  assert_string_equal(find_node(&one, "n1")->cluster, "edge");
}

static void test_node_that_is_connected_here_is_none_of_the_others(void **state) {
  struct fixture *f = *state;
  open_side(f, &f->sides[1], "two:2");
  add_node(&f->sides[1], "n1", "i1");
  add_node(&f->sides[1], "n2", "i2");
  WAIT_FOR(f, gw_fleet_others(f->sides[0].fleet) == 2);
  add_node(&f->sides[0], "n1", "i1");      /* it has moved */
  add_node(&f->sides[0], "n2", "another"); /* only a namesake */
  WAIT_FOR(f, gw_fleet_others(f->sides[0].fleet) == 1);
}

/* What is still asked when the store closes is answered with an error. */
static void on_records(void *arg, enum gw_err err, const char *words, const struct gw_store_record *records, uint32_t count) {
  (void)words, (void)records;
  if (err == GW_OK) ((struct fixture *)arg)->records = count;
}

static void test_who_is_alone_writes_of_itself_only(void **state) {
  struct fixture *f = *state;
  add_node(&f->sides[0], "n1", "i1");
  for (uint64_t until_us = gw_clock_monotonic_us() + WAIT_US; f->records == 0 && gw_clock_monotonic_us() < until_us;) {
    gw_store_read(f->sides[0].store, GW_STR(GW_FLEET_KIND), GW_STR("0"), GW_STR("9"), on_records, f);
    gw_loop_run_once(f->loop, 20);
  }
  assert_int_equal(f->records, 1);
  assert_null(other_of(&f->sides[0]).record);
}

static void test_revision_in_force_is_told_though_nothing_else_is_new(void **state) {
  struct fixture *f = *state;
  open_side(f, &f->sides[1], "two:2");
  WAIT_FOR(f, other_of(&f->sides[0]).record != NULL);
  assert_int_equal(other_of(&f->sides[0]).record->revision, 0);
  f->sides[1].revision = 7;
  uint64_t begun_us = gw_clock_monotonic_us();
  WAIT_FOR(f, other_of(&f->sides[0]).record->revision == 7);
  assert_true(gw_clock_monotonic_us() - begun_us < GW_FLEET_BEAT_MS * UINT64_C(1000)); /* not with the next sign of life */
}

static void test_who_leaves_counts_no_more_at_once(void **state) {
  struct fixture *f = *state;
  open_side(f, &f->sides[1], "two:2");
  add_node(&f->sides[1], "n2", "i2");
  WAIT_FOR(f, gw_fleet_others(f->sides[0].fleet) == 1);
  gw_fleet_leave(f->sides[1].fleet);
  uint64_t begun_us = gw_clock_monotonic_us();
  WAIT_FOR(f, other_of(&f->sides[0]).record == NULL && gw_fleet_others(f->sides[0].fleet) == 0);
  assert_true(gw_clock_monotonic_us() - begun_us < GW_FLEET_DEAD_MS * UINT64_C(1000));
}

#define FLEET_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FLEET_TEST(test_each_knows_the_nodes_of_the_other),  FLEET_TEST(test_node_that_is_connected_here_is_none_of_the_others),
      FLEET_TEST(test_who_is_alone_writes_of_itself_only), FLEET_TEST(test_revision_in_force_is_told_though_nothing_else_is_new),
      FLEET_TEST(test_who_leaves_counts_no_more_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
