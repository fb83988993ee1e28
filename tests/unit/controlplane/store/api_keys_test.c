#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/crypto/api_key.h"
#include "common/crypto/hmac.h"
#include "controlplane/store/api_keys.h"
#include "store_bench.h"

#define WAIT_US 10000000u
#define PEPPER "0123456789abcdef0123456789abcdef"

struct fixture {
  struct store_folder folder;
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_store *store;
  struct gw_api_keys *keys;
  struct gw_resource_list live;
  uint32_t published;
  /* the last outcome */
  uint32_t answers;
  enum gw_err err;
  char *words;
  char text[GW_API_KEY_SIZE];
  char id[32];
  uint32_t count;
};

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t until_us = gw_clock_monotonic_us() + WAIT_US;                                                                                 \
    while (!(condition) && gw_clock_monotonic_us() < until_us)                                                                             \
      gw_loop_run_once((f)->loop, 50);                                                                                                     \
    assert_true(condition);                                                                                                                \
  } while (0)

static void on_live(void *arg, const struct gw_resource_list *live) {
  struct fixture *f = arg;
  gw_resource_list_unref(&f->live);
  f->live = gw_resource_list_ref(live);
  f->published++;
}

static void open_all(struct fixture *f) {
  struct gw_store_options store = {.loop = f->loop, .target = &f->folder.target};
  f->store = gw_store_new(&store);
  struct gw_api_keys_options options = {.loop = f->loop, .log = f->log, .store = f->store, .on_live = on_live, .arg = f};
  f->keys = gw_api_keys_new(&options);
  gw_store_start(f->store);
}

static void close_all(struct fixture *f) {
  gw_store_free(f->store);
  gw_api_keys_free(f->keys);
  gw_resource_list_unref(&f->live);
  f->published = 0;
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  store_folder_init(&f->folder);
  f->loop = gw_loop_new();
  GW_CLEANUP(gw_free_ptr) char *log = gw_asprintf("%s/log", f->folder.folder);
  assert_int_equal(gw_log_new("test", GW_LOG_TEXT, GW_LOG_DEBUG, log, &f->log), GW_OK);
  open_all(f);
  gw_api_keys_set_pepper(f->keys, GW_STR(PEPPER));
  WAIT_FOR(f, gw_api_keys_are_known(f->keys));
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  close_all(f);
  gw_log_free(f->log);
  gw_loop_free(f->loop);
  store_folder_done(&f->folder);
  free(f->words);
  free(f);
  return 0;
}

static void on_done(void *arg, const struct gw_api_keys_outcome *outcome) {
  struct fixture *f = arg;
  f->answers++;
  f->err = outcome->err;
  f->count = outcome->count;
  free(f->words);
  f->words = outcome->words != NULL ? gw_strdup(outcome->words) : NULL;
  assert_true((outcome->err == GW_OK) == (outcome->words == NULL));
  if (outcome->text != NULL) snprintf(f->text, sizeof(f->text), "%s", outcome->text);
  if (outcome->count > 0) snprintf(f->id, sizeof(f->id), "%.*s", GW_STR_ARG(outcome->keys[0]->name));
}

/* The outcome of the call before. */
static enum gw_err outcome(struct fixture *f) {
  WAIT_FOR(f, f->answers == 1);
  f->answers = 0;
  return f->err;
}

static struct gw_api_key wish(void) {
  static const struct gw_str roles[] = {{"admin", 5}, {"viewer", 6}};
  return (struct gw_api_key){.owner = GW_STR("ann"), .plan = GW_STR("gold"), .roles = roles, .role_count = 2};
}

/* As a data plane would: by id, then by the hash under the pepper. */
static const struct gw_api_key *verify(struct fixture *f, const char *text) {
  struct gw_str id;
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER));
  assert_true(gw_api_key_parse(gw_str_from(text), &id));
  struct gw_resource *resource = gw_resource_list_find(&f->live, id);
  const struct gw_api_key *key = resource != NULL ? resource->api_key : NULL;
  bool is_it = gw_api_key_verify(pepper, gw_str_from(text), key != NULL ? key->hash : NULL);
  gw_hmac_free(pepper);
  return is_it ? key : NULL;
}

/* And is live when this returns. */
static enum gw_err create(struct fixture *f) {
  struct gw_api_key key = wish();
  gw_api_keys_create(f->keys, &key, on_done, f);
  enum gw_err err = outcome(f);
  if (err == GW_OK) WAIT_FOR(f, verify(f, f->text) != NULL);
  return err;
}

static void test_created_key_is_live_and_its_text_is_nowhere(void **state) {
  struct fixture *f = *state;
  assert_int_equal(f->live.count, 0);
  assert_int_equal(create(f), GW_OK);
  assert_int_equal(f->live.count, 1);
  const struct gw_api_key *key = verify(f, f->text);
  assert_non_null(key);
  assert_true(gw_str_equal(key->owner, GW_STR("ann")));
  assert_int_equal(key->role_count, 2);
  assert_true(key->created_at_s > 0);
  /* Neither in the database, nor in the log: not even the secret's last characters. */
  static const char *const files[] = {"gateway.db", "gateway.db-wal", "log"};
  const char *secret = f->text + GW_API_KEY_LEN - 20;
  for (size_t i = 0; i < GW_ARRAY_LEN(files); i++) {
    GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/%s", f->folder.folder, files[i]);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    GW_CLEANUP(gw_free_ptr) char *bytes = gw_calloc(1 << 20, 1);
    size_t len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    assert_null(memmem(bytes, len, secret, strlen(secret)));
  }
}

static void test_keys_are_there_after_a_restart(void **state) {
  struct fixture *f = *state;
  assert_int_equal(create(f), GW_OK);
  close_all(f);
  open_all(f);
  WAIT_FOR(f, gw_api_keys_are_known(f->keys));
  assert_int_equal(f->published, 1);
  assert_int_equal(f->live.count, 1);
  assert_non_null(verify(f, f->text));
}

static void test_revoked_key_is_kept_but_not_live(void **state) {
  struct fixture *f = *state;
  assert_int_equal(create(f), GW_OK);
  struct gw_str ids[] = {gw_str_from(f->id), gw_str_from(f->id)};
  gw_api_keys_revoke(f->keys, ids, 2, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
  assert_int_equal(f->count, 1);
  WAIT_FOR(f, f->live.count == 0);
  assert_int_equal(gw_api_keys_all(f->keys)->count, 1);
  assert_true(gw_api_keys_all(f->keys)->items[0]->api_key->revoked_at_s > 0);
  gw_api_keys_revoke(f->keys, ids, 1, on_done, f); /* again: it is so already */
  assert_int_equal(outcome(f), GW_OK);
  assert_int_equal(f->count, 0);
  gw_api_keys_expire(f->keys, ids[0], 0, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_INVALID);
  gw_api_keys_rotate(f->keys, ids[0], 0, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_INVALID);
}

static void test_rotation_gives_another_key_and_ends_the_old_one_later(void **state) {
  struct fixture *f = *state;
  assert_int_equal(create(f), GW_OK);
  GW_CLEANUP(gw_free_ptr) char *old_id = gw_strdup(f->id), *old_text = gw_strdup(f->text);
  gw_api_keys_rotate(f->keys, gw_str_from(old_id), 3600, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
  assert_string_not_equal(f->text, old_text);
  WAIT_FOR(f, f->live.count == 2);
  const struct gw_api_key *fresh = verify(f, f->text), *old = verify(f, old_text);
  assert_true(fresh != NULL && old != NULL);
  assert_true(gw_str_equal(fresh->owner, old->owner));
  assert_true(gw_str_equal(fresh->plan, old->plan));
  assert_int_equal(fresh->role_count, 2);
  assert_int_equal(fresh->expires_at_s, 0);
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000u);
  assert_true(old->expires_at_s > now_s + 3500 && old->expires_at_s <= now_s + 3600);
  gw_api_keys_rotate(f->keys, fresh->id, 0, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
  WAIT_FOR(f, gw_api_keys_all(f->keys)->count == 3);
  assert_int_equal(f->live.count, 2); /* the newest, and the oldest for an hour */
}

static void test_expiry_is_set_and_taken_away(void **state) {
  struct fixture *f = *state;
  assert_int_equal(create(f), GW_OK);
  gw_api_keys_expire(f->keys, gw_str_from(f->id), 4000000000, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
  WAIT_FOR(f, f->live.items[0]->api_key->expires_at_s == 4000000000);
  gw_api_keys_expire(f->keys, gw_str_from(f->id), 0, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
  WAIT_FOR(f, f->live.items[0]->api_key->expires_at_s == 0);
}

static void test_imported_keys_are_found_by_their_hash_and_only_once(void **state) {
  struct fixture *f = *state;
  struct gw_api_keys_import imports[] = {{.text = GW_STR("old-key-of-ann"), .key = wish()}, {.key = wish()}};
  memset(imports[1].key.hash, 7, sizeof(imports[1].key.hash));
  gw_api_keys_import(f->keys, imports, 2, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
  WAIT_FOR(f, f->live.count == 2);
  struct gw_hmac *pepper = gw_api_key_pepper_new(GW_STR(PEPPER));
  uint32_t found = 0;
  for (uint32_t i = 0; i < 2; i++) {
    const struct gw_api_key *key = f->live.items[i]->api_key;
    assert_true(key->is_imported && gw_api_key_is_id(key->id));
    found += gw_api_key_verify(pepper, GW_STR("old-key-of-ann"), key->hash);
  }
  gw_hmac_free(pepper);
  assert_int_equal(found, 1);
  gw_api_keys_import(f->keys, imports, 1, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_AGAIN);
  assert_non_null(strstr(f->words, "is there already"));
  assert_null(strstr(f->words, "old-key-of-ann"));
  struct gw_api_keys_import twice[] = {{.text = GW_STR("x"), .key = wish()}, {.text = GW_STR("x"), .key = wish()}};
  gw_api_keys_import(f->keys, twice, 2, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_INVALID);
  assert_int_equal(create(f), GW_OK);
  struct gw_api_keys_import ours = {.text = gw_str_from(f->text), .key = wish()};
  gw_api_keys_import(f->keys, &ours, 1, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_INVALID);
}

static void test_wrong_wishes_are_refused_with_words(void **state) {
  struct fixture *f = *state;
  static const struct gw_str comma[] = {{"a,b", 3}}, line[] = {{"a\nb", 3}};
  const struct {
    struct gw_api_key key;
    const char *words;
  } cases[] = {
      {{.name = GW_STR("x")}, "owner"},
      {{.owner = GW_STR("a\r\nX-Evil: 1")}, "control character"},
      {{.owner = GW_STR("ann"), .roles = comma, .role_count = 1}, "comma"},
      {{.owner = GW_STR("ann"), .permissions = line, .permission_count = 1}, "control character"},
      {{.owner = GW_STR("ann"), .expires_at_s = 1}, "passed"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    gw_api_keys_create(f->keys, &cases[i].key, on_done, f);
    assert_int_equal(outcome(f), GW_ERR_INVALID);
    assert_non_null(strstr(f->words, cases[i].words));
  }
  gw_api_keys_expire(f->keys, GW_STR("nobody"), 0, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_NOT_FOUND);
  struct gw_str none = GW_STR("nobody");
  gw_api_keys_revoke(f->keys, &none, 1, on_done, f);
  assert_int_equal(outcome(f), GW_ERR_NOT_FOUND);
}

static void test_without_a_pepper_no_key_is_made_and_those_that_are_there_can_be_revoked(void **state) {
  struct fixture *f = *state;
  assert_int_equal(create(f), GW_OK);
  GW_CLEANUP(gw_free_ptr) char *id = gw_strdup(f->id);
  gw_api_keys_set_pepper(f->keys, GW_STR("short"));
  assert_int_equal(create(f), GW_ERR_DENIED);
  assert_non_null(strstr(f->words, "GATEWAY_API_KEY_PEPPER"));
  struct gw_str ids[] = {gw_str_from(id)};
  gw_api_keys_revoke(f->keys, ids, 1, on_done, f);
  assert_int_equal(outcome(f), GW_OK);
}

static void test_many_changes_are_published_together(void **state) {
  struct fixture *f = *state;
  enum { COUNT = 200 };
  uint32_t before = f->published;
  for (int i = 0; i < COUNT; i++) {
    struct gw_api_key key = wish();
    gw_api_keys_create(f->keys, &key, on_done, f);
  }
  WAIT_FOR(f, f->answers == COUNT && f->live.count == COUNT);
  assert_true(f->published - before < COUNT / 2);
}

static void test_record_that_is_no_key_harms_nobody(void **state) {
  struct fixture *f = *state;
  assert_int_equal(create(f), GW_OK);
  const struct gw_store_write write = {GW_STR(GW_API_KEYS_KIND), GW_STR("rubbish"), 0, GW_STR("\xff\xff")};
  assert_int_equal(gw_store_write(f->store, &write, 1, NULL, NULL), GW_OK);
  assert_int_equal(create(f), GW_OK);
  WAIT_FOR(f, f->live.count == 2);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(test_created_key_is_live_and_its_text_is_nowhere),
      CASE(test_keys_are_there_after_a_restart),
      CASE(test_revoked_key_is_kept_but_not_live),
      CASE(test_rotation_gives_another_key_and_ends_the_old_one_later),
      CASE(test_expiry_is_set_and_taken_away),
      CASE(test_imported_keys_are_found_by_their_hash_and_only_once),
      CASE(test_wrong_wishes_are_refused_with_words),
      CASE(test_without_a_pepper_no_key_is_made_and_those_that_are_there_can_be_revoked),
      CASE(test_many_changes_are_published_together),
      CASE(test_record_that_is_no_key_harms_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
