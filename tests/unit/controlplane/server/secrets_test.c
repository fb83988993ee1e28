/* Secrets of files: the last good content of each, new versions of what changed, and what is told of the rest. */
#include "controlplane/server/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/pki.h"

struct fixture {
  char folder[32];
  char *paths[4]; /* crt, key, ca, tickets */
  struct gw_policy_secret sources[3];
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog *catalog;
  struct gw_secrets *secrets;
  uint32_t news;
  struct gw_pki_pair pair;
};

/* Self-signed, valid from `from_s` to `to_s` seconds from now. */
static struct gw_pki_pair make_pair(const char *name, int64_t from_s, int64_t to_s) {
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000);
  struct gw_pki_request request = {.common_name = name, .for_servers = true, .not_before_s = now_s + from_s, .not_after_s = now_s + to_s};
  struct gw_pki_pair pair;
  assert_int_equal(gw_pki_issue(&request, NULL, &pair), GW_OK);
  return pair;
}

static void write_file(const char *path, const char *text, size_t len) {
  char *beside = gw_asprintf("%s.new", path);
  FILE *file = fopen(beside, "w");
  assert_non_null(file);
  fwrite(text, 1, len, file);
  fclose(file);
  assert_int_equal(rename(beside, path), 0);
  free(beside);
}

static void write_text(const char *path, const char *text) {
  write_file(path, text, strlen(text));
}

static void on_news(void *arg) {
  ((struct fixture *)arg)->news++;
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  static const char *const names[] = {"site.crt", "site.key", "ca.pem", "tickets.key"};
  snprintf(f->folder, sizeof(f->folder), "/tmp/gw-secrets-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  for (size_t i = 0; i < 4; i++)
    f->paths[i] = gw_asprintf("%s/%s", f->folder, names[i]);
  f->sources[0] =
      (struct gw_policy_secret){GW_STR("site"), GW_SECRET_CERTIFICATE, (const char *const *)f->paths, 2, "routes.yaml:3:5", NULL};
  f->sources[1] =
      (struct gw_policy_secret){GW_STR("ca"), GW_SECRET_VALIDATION, (const char *const *)&f->paths[2], 1, "routes.yaml:4:5", NULL};
  f->sources[2] =
      (struct gw_policy_secret){GW_STR("tickets"), GW_SECRET_TICKET_KEYS, (const char *const *)&f->paths[3], 1, "routes.yaml:5:5", NULL};
  f->pair = make_pair("site", -100, 1000);
  f->loop = gw_loop_new();
  f->cache = gw_snapshot_cache_new();
  f->catalog = gw_catalog_new(f->loop, f->cache);
  struct gw_errors errors;
  gw_errors_init(&errors);
  assert_int_equal(gw_catalog_set_policy(f->catalog, &(struct gw_catalog_policy){0}, &errors), GW_OK);
  f->secrets = gw_secrets_new(f->loop, NULL, f->catalog, on_news, f);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_catalog_free(f->catalog);
  gw_secrets_free(f->secrets);
  gw_snapshot_cache_free(f->cache);
  gw_loop_free(f->loop);
  for (size_t i = 0; i < 4; i++) {
    unlink(f->paths[i]);
    free(f->paths[i]);
  }
  rmdir(f->folder);
  gw_pki_pair_done(&f->pair);
  free(f);
  return 0;
}

static void write_good_files(struct fixture *f) {
  char ticket[GW_TICKET_KEY_BYTES] = {1, 2, 3};
  write_text(f->paths[0], f->pair.certificate);
  write_text(f->paths[1], f->pair.key);
  write_text(f->paths[2], f->pair.certificate);
  write_file(f->paths[3], ticket, sizeof(ticket));
}

static void follow(struct fixture *f) {
  gw_secrets_follow(f->secrets, f->sources, 3);
  gw_catalog_publish(f->catalog);
}

/* What is served; NULL: nothing. */
static const struct gw_secret *served(const struct fixture *f, const char *name) {
  const struct gw_resource *resource = gw_snapshot_find(gw_snapshot_cache_current(f->cache), GW_RESOURCE_SECRET, gw_str_from(name));
  return resource != NULL ? resource->secret : NULL;
}

static void assert_warned(const struct fixture *f, const char *words) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  gw_secrets_append_warnings(f->secrets, &errors);
  char *text = gw_errors_format(&errors);
  if (words == NULL ? *text != '\0' : strstr(text, words) == NULL) fail_msg("says \"%s\", not \"%s\"", text, words != NULL ? words : "");
  assert_null(strstr(text, "PRIVATE KEY"));
  free(text);
  gw_errors_done(&errors);
}

#define WAIT_FOR(f, condition)                                                                                                             \
  do {                                                                                                                                     \
    uint64_t wait_until_us = gw_clock_monotonic_us() + 20u * 1000000u;                                                                     \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > wait_until_us) fail_msg("never: %s", #condition);                                                      \
      gw_loop_run_once((f)->loop, 20);                                                                                                     \
    }                                                                                                                                      \
  } while (0)

static void test_good_files_are_served(void **state) {
  struct fixture *f = *state;
  write_good_files(f);
  follow(f);
  assert_true(gw_str_equal(served(f, "site")->certificate_chain, gw_str_from(f->pair.certificate)));
  assert_true(gw_str_equal(served(f, "site")->private_key, gw_str_from(f->pair.key)));
  assert_true(gw_str_equal(served(f, "ca")->trusted_ca, gw_str_from(f->pair.certificate)));
  assert_int_equal(served(f, "tickets")->ticket_key_count, 1);
  assert_warned(f, NULL);
}

static void test_missing_file_takes_only_its_secret_and_comes_when_it_is_there(void **state) {
  struct fixture *f = *state;
  write_good_files(f);
  unlink(f->paths[1]);
  follow(f);
  gw_secrets_watch(f->secrets);
  assert_null(served(f, "site"));
  assert_non_null(served(f, "ca"));
  assert_warned(f, "routes.yaml:3:5: ");
  assert_warned(f, "site.key cannot be read: No such file or directory: what needs it stays closed");
  write_text(f->paths[1], f->pair.key);
  WAIT_FOR(f, served(f, "site") != NULL);
  assert_warned(f, NULL);
  assert_true(f->news > 0);
}

static void test_rotation_half_way_is_held_until_the_key_has_come(void **state) {
  struct fixture *f = *state;
  write_good_files(f);
  follow(f);
  gw_secrets_watch(f->secrets);
  char version[17];
  memcpy(version, gw_snapshot_cache_current(f->cache)->version, sizeof(version));
  struct gw_pki_pair next = make_pair("site", -50, 2000);
  write_text(f->paths[0], next.certificate);
  WAIT_FOR(f, gw_secrets_stats(f->secrets)->failures_total > 0);
  assert_true(gw_str_equal(served(f, "site")->certificate_chain, gw_str_from(f->pair.certificate)));
  assert_string_equal(gw_snapshot_cache_current(f->cache)->version, version);
  assert_warned(f, "site.key is not the key of ");
  write_text(f->paths[1], next.key);
  WAIT_FOR(f, strcmp(gw_snapshot_cache_current(f->cache)->version, version) != 0);
  assert_true(gw_str_equal(served(f, "site")->private_key, gw_str_from(next.key)));
  assert_int_equal(gw_secrets_stats(f->secrets)->rotations_total, 1);
  assert_warned(f, NULL);
  gw_pki_pair_done(&next);
}

static void test_damaged_file_keeps_the_last_good_content_also_over_a_load(void **state) {
  struct fixture *f = *state;
  write_good_files(f);
  follow(f);
  write_text(f->paths[2], "no certificate\n");
  write_text(f->paths[3], "short");
  follow(f);
  assert_true(gw_str_equal(served(f, "ca")->trusted_ca, gw_str_from(f->pair.certificate)));
  assert_non_null(served(f, "tickets"));
  assert_warned(f, "ca.pem has no certificate (PEM)\n");
  assert_warned(f, "tickets.key has 5 bytes; a ticket key has 80 (openssl rand 80)\n");
}

static void test_secret_of_other_files_is_another(void **state) {
  struct fixture *f = *state;
  write_good_files(f);
  follow(f);
  const char *nowhere[] = {"/nowhere/ca.pem"};
  f->sources[1].paths = nowhere;
  follow(f);
  assert_null(served(f, "ca"));
  assert_non_null(served(f, "site"));
}

static void test_expired_certificate_is_served_and_told(void **state) {
  struct fixture *f = *state;
  write_good_files(f);
  struct gw_pki_pair old = make_pair("old", -1000, -100);
  write_text(f->paths[0], old.certificate);
  write_text(f->paths[1], old.key);
  follow(f);
  assert_non_null(served(f, "site"));
  assert_warned(f, "site.crt has expired at 20");
  gw_pki_pair_done(&old);
}

/* As Kubernetes mounts Secrets: ..data is swapped, the files are links through it. */
static void test_swap_of_a_symlink_is_one_rotation(void **state) {
  struct fixture *f = *state;
  struct gw_pki_pair next = make_pair("site", -50, 2000);
  write_good_files(f);
  const struct gw_pki_pair *const pairs[] = {&f->pair, &next};
  char *folders[2], *data = gw_asprintf("%s/..data", f->folder), *swap = gw_asprintf("%s/..swap", f->folder);
  for (int i = 0; i < 2; i++) {
    folders[i] = gw_asprintf("%s/..version-%d", f->folder, i);
    assert_int_equal(mkdir(folders[i], 0700), 0);
    char *certificate = gw_asprintf("%s/site.crt", folders[i]), *key = gw_asprintf("%s/site.key", folders[i]);
    write_text(certificate, pairs[i]->certificate);
    write_text(key, pairs[i]->key);
    free(certificate);
    free(key);
  }
  assert_int_equal(symlink(folders[0], data), 0);
  unlink(f->paths[0]);
  unlink(f->paths[1]);
  assert_int_equal(symlink("..data/site.crt", f->paths[0]), 0);
  assert_int_equal(symlink("..data/site.key", f->paths[1]), 0);
  follow(f);
  gw_secrets_watch(f->secrets);
  assert_int_equal(symlink(folders[1], swap), 0);
  assert_int_equal(rename(swap, data), 0);
  WAIT_FOR(f, gw_str_equal(served(f, "site")->certificate_chain, gw_str_from(next.certificate)));
  assert_true(gw_str_equal(served(f, "site")->private_key, gw_str_from(next.key)));
  assert_int_equal(gw_secrets_stats(f->secrets)->rotations_total, 1);
  assert_int_equal(gw_secrets_stats(f->secrets)->failures_total, 0);
  unlink(data);
  for (int i = 0; i < 2; i++) {
    char *certificate = gw_asprintf("%s/site.crt", folders[i]), *key = gw_asprintf("%s/site.key", folders[i]);
    unlink(certificate);
    unlink(key);
    rmdir(folders[i]);
    free(certificate);
    free(key);
    free(folders[i]);
  }
  free(data);
  free(swap);
  gw_pki_pair_done(&next);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_good_files_are_served),
      TEST(test_missing_file_takes_only_its_secret_and_comes_when_it_is_there),
      TEST(test_rotation_half_way_is_held_until_the_key_has_come),
      TEST(test_damaged_file_keeps_the_last_good_content_also_over_a_load),
      TEST(test_secret_of_other_files_is_another),
      TEST(test_expired_certificate_is_served_and_told),
      TEST(test_swap_of_a_symlink_is_one_rotation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
