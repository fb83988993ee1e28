/* The state machine alone, step by step: no stream, no order over types. */
#include "controlplane/ads/delta_subscription.h"

#include "../snapshot/snapshot_fixture.h"

#define ROOM 16

struct bench {
  struct gw_snapshot_cache *cache;
  struct gw_name_sets *sets;
  struct gw_subscription clusters;
  uint64_t nonce;
};

static int setup(void **state) {
  struct bench *b = gw_calloc(1, sizeof *b);
  b->cache = gw_snapshot_cache_new();
  b->sets = gw_name_sets_new(b->cache);
  gw_subscription_init(&b->clusters, GW_RESOURCE_CLUSTER, true);
  *state = b;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  gw_subscription_done(&b->clusters);
  gw_name_sets_free(b->sets);
  gw_snapshot_cache_free(b->cache);
  free(b);
  return 0;
}

static uint32_t split(const char *words, struct gw_str list[ROOM]) {
  struct gw_str rest = gw_str_from(words);
  uint32_t count = 0;
  while (rest.len > 0 && gw_str_split_next(&rest, ' ', &list[count]))
    count += list[count].len > 0;
  return count;
}

/* One step: what is served (NULL: as before), what the client says, what it was, and what is to be sent then ("a -b", "" for an empty
 * response, NULL for none; an answered nonce is that of the last response). */
struct step {
  const char *serve;
  const char *more;
  const char *fewer;
  const char *held; /* versions are "x" */
  const char *error;
  const char *sent;
  enum gw_request_kind kind;
  bool answers;
  bool says_nothing; /* only what is served changes */
};

static void describe(const struct bench *b, const struct gw_resource_set *target, char *text, size_t size) {
  text[0] = '\0';
  for (struct gw_resource_step step = {0}; gw_resource_set_next_step(target, b->clusters.has, &step);) {
    const struct gw_resource *resource = step.now != NULL ? step.now : step.before;
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s%s%.*s", len > 0 ? " " : "", step.now != NULL ? "" : "-", GW_STR_ARG(resource->name));
  }
  struct gw_str absent[ROOM];
  uint32_t count = gw_delta_subscription_absent(&b->clusters, target, absent);
  for (uint32_t i = 0; i < count; i++) {
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s-%.*s", len > 0 ? " " : "", GW_STR_ARG(absent[i]));
  }
}

static void take(struct bench *b, const struct step *step, size_t index) {
  if (step->serve != NULL) {
    struct gw_snapshot *snapshot = make_snapshot(&(struct snapshot_plan){.clusters = step->serve, .routes = ""}, NULL);
    gw_snapshot_cache_set(b->cache, snapshot, 0);
    gw_snapshot_unref(snapshot);
  }
  struct gw_str more[ROOM], fewer[ROOM], held[ROOM], versions[ROOM];
  char nonce[24] = "";
  if (step->answers) snprintf(nonce, sizeof nonce, "%llu", (unsigned long long)b->nonce);
  struct gw_delta_request request = {.subscribe = more,
                                     .subscribe_count = split(step->more, more),
                                     .unsubscribe = fewer,
                                     .unsubscribe_count = split(step->fewer, fewer),
                                     .held_names = held,
                                     .held_versions = versions,
                                     .held_count = split(step->held, held),
                                     .response_nonce = gw_str_from(nonce),
                                     .has_error = step->error != NULL,
                                     .error_message = gw_str_from(step->error)};
  for (uint32_t i = 0; i < request.held_count; i++)
    versions[i] = GW_STR("x");
  if (!step->says_nothing && gw_delta_subscription_on_request(&b->clusters, b->sets, &request, 0) != step->kind)
    fail_msg("step %zu: not that kind of request", index);

  struct gw_resource_set *target = gw_delta_subscription_without_refused(&b->clusters, gw_name_set_select(b->clusters.names));
  char text[200];
  describe(b, target, text, sizeof text);
  bool wants = gw_subscription_wants(&b->clusters, target);
  if (wants != (step->sent != NULL) || (wants && strcmp(text, step->sent) != 0))
    fail_msg("step %zu: %s \"%s\"", index, wants ? "sends" : "is silent about", text);
  if (wants) gw_subscription_on_sent(&b->clusters, target, ++b->nonce, 0);
  gw_resource_set_unref(target);
}

#define TAKE(b, ...)                                                                                                                       \
  do {                                                                                                                                     \
    const struct step steps[] = {__VA_ARGS__};                                                                                             \
    for (size_t i = 0; i < GW_ARRAY_LEN(steps); i++)                                                                                       \
      take(b, &steps[i], i);                                                                                                               \
  } while (0)
#define ASKS .kind = GW_REQUEST_ASKS
#define ACK .kind = GW_REQUEST_ACK, .answers = true
#define NACK(text) .kind = GW_REQUEST_NACK, .answers = true, .error = text

static void test_names_come_and_go(void **state) {
  TAKE(*state, {.serve = "a b c", ASKS, .more = "b a a", .sent = "a b"}, {ACK}, {ASKS}, {ASKS, .more = "c", .sent = "c"}, {ACK},
       {ASKS, .fewer = "a nobody"}, {.serve = "b c", .says_nothing = true}, {ASKS, .more = "a", .sent = "-a"}, {ACK},
       {.serve = "a b", .says_nothing = true, .sent = "a -c"}, {ACK});
}

static void test_wildcards(void **state) {
  /* The legacy one, a name beside it, which then is told for itself, and its end. */
  TAKE(*state, {.serve = "a b", ASKS, .sent = "a b"}, {ACK}, {ASKS, .more = "a", .sent = "a"}, {ACK}, {ASKS, .fewer = "a", .sent = "a"},
       {ACK}, {ASKS, .fewer = "*", .sent = "-a -b"}, {ACK}, {ASKS, .more = "*", .sent = "a b"}, {ACK});
}

static void test_first_wildcard_is_always_answered(void **state) {
  TAKE(*state, {.serve = "", ASKS, .sent = ""}, {ACK}, {ASKS});
}

static void test_first_request_with_names_that_it_holds(void **state) {
  /* Versions of others are none of ours; what is not asked for any more is not told. */
  TAKE(*state, {.serve = "a b", ASKS, .more = "a gone", .held = "a gone other a", .sent = "a -gone"}, {ACK});
}

static void test_an_answer_counts_once_and_for_the_newest(void **state) {
  TAKE(*state, {.serve = "a", ASKS, .sent = "a"}, {ACK}, {.answers = true, ASKS}, {.answers = true, ASKS, .error = "too late"});
  struct bench *b = *state;
  assert_null(gw_subscription_find_refusal(&b->clusters, b->clusters.accepted));
}

static void test_refused_by_name(void **state) {
  TAKE(*state, {.serve = "a", ASKS, .sent = "a"}, {ACK}, {.serve = "a bad worse", .says_nothing = true, .sent = "bad worse"},
       {NACK("bad: no"), .sent = "worse"}, {ACK}, {ASKS}, {.serve = "a worse", .says_nothing = true},
       {.serve = "a bad worse", .says_nothing = true},
       /* It insists on hearing of it: it is not there for this client. */
       {ASKS, .more = "bad", .sent = "-bad"}, {ACK});
}

static void test_names_are_found_in_what_clients_say(void **state) {
  /* Of "a", "b" and "c" this blames b alone: the other letters are parts of words. */
  TAKE(*state, {.serve = "a b c", ASKS, .sent = "a b c"}, {NACK("Error adding/updating cluster(s) b: a bad cluster"), .sent = "a c"},
       {ACK});
}

static void test_refused_without_a_name(void **state) {
  TAKE(*state, {.serve = "a b", ASKS, .sent = "a b"}, {NACK("no")}, {ASKS}, {.serve = "a b c", .says_nothing = true, .sent = "a b c"},
       {ACK}, {ASKS});
}

static void test_refused_removal_counts_as_done(void **state) {
  TAKE(*state, {.serve = "a b", ASKS, .sent = "a b"}, {ACK}, {.serve = "a", .says_nothing = true, .sent = "-b"},
       {.kind = GW_REQUEST_ACK, .answers = true, .error = "b: is in use"}, {ASKS});
}

static void on_names(struct bench *b, const struct gw_str *names, uint32_t count) {
  struct gw_delta_request request = {.subscribe = names, .subscribe_count = count};
  gw_delta_subscription_on_request(&b->clusters, b->sets, &request, 0);
}

static void test_bytes_of_names_have_a_bound(void **state) {
  struct bench *b = *state;
  enum { LEN = 1024 * 1024 };
  char *text = gw_malloc(LEN);
  memset(text, 'x', LEN);
  for (int i = 0; i < 16; i++) {
    text[0] = (char)('a' + i);
    on_names(b, &(struct gw_str){text, LEN}, 1);
    assert_false(gw_delta_subscription_is_too_big(&b->clusters));
  }
  on_names(b, &GW_STR("y"), 1);
  assert_true(gw_delta_subscription_is_too_big(&b->clusters));
  free(text);
}

/* Of a returning client that has some of what is served, the rest is a claim; of one that has all of it nothing is. */
static void test_held_as_it_is_served_is_known(void **state) {
  struct bench *b = *state;
  struct gw_snapshot *snapshot = make_snapshot(&(struct snapshot_plan){.clusters = "a b", .routes = ""}, NULL);
  gw_snapshot_cache_set(b->cache, snapshot, 0);
  const struct gw_resource_list *list = &snapshot->lists[GW_RESOURCE_CLUSTER];
  for (int turn = 0; turn < 2; turn++) {
    struct gw_str names[] = {list->items[0]->name, list->items[1]->name};
    struct gw_str versions[] = {gw_str_from(list->items[0]->version), turn == 0 ? GW_STR("x") : gw_str_from(list->items[1]->version)};
    struct gw_delta_request request = {.held_names = names, .held_versions = versions, .held_count = 2};
    gw_subscription_done(&b->clusters);
    gw_subscription_init(&b->clusters, GW_RESOURCE_CLUSTER, true);
    gw_delta_subscription_on_request(&b->clusters, b->sets, &request, 0);
    const struct gw_resource_list *has = gw_resource_set_list(b->clusters.has);
    assert_ptr_equal(has->items[0], list->items[0]);
    assert_int_equal(gw_resource_set_has_unknown(b->clusters.has), turn == 0);
    assert_int_equal(gw_subscription_wants(&b->clusters, gw_name_set_select(b->clusters.names)), turn == 0);
  }
  gw_snapshot_unref(snapshot);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_names_come_and_go),
      TEST(test_wildcards),
      TEST(test_first_wildcard_is_always_answered),
      TEST(test_first_request_with_names_that_it_holds),
      TEST(test_an_answer_counts_once_and_for_the_newest),
      TEST(test_refused_by_name),
      TEST(test_names_are_found_in_what_clients_say),
      TEST(test_refused_without_a_name),
      TEST(test_refused_removal_counts_as_done),
      TEST(test_bytes_of_names_have_a_bound),
      TEST(test_held_as_it_is_served_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
