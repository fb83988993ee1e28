#include "dataplane/xds_client/cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "tests/unit/dataplane/xds_client/samples.h"

#define NOW_US 1700000000000000ull
#define HOUR_US 3600000000ull

static struct gw_snapshot *sample_snapshot(void) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, sample_cluster("a", 1000));
  gw_snapshot_builder_add(builder, sample_endpoints("a", 80));
  gw_snapshot_builder_add(builder, sample_listener("gateway", "routes"));
  gw_snapshot_builder_add(builder, sample_routes("routes", "a"));
  return gw_snapshot_builder_freeze(builder);
}

static struct gw_cache plain_cache(void) {
  return (struct gw_cache){.directory = "", .node_id = "node-1", .node_cluster = "default", .max_age_ms = 24 * 3600000ull};
}

static struct gw_cache sealed_cache(const char *secret) {
  struct gw_cache cache = plain_cache();
  assert_int_equal(gw_seal_derive_key(gw_str_from(secret), GW_CACHE_KEY_PURPOSE, cache.key), GW_OK);
  cache.has_key = true;
  return cache;
}

static const char secret_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char secret_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void encode(const struct gw_cache *cache, struct gw_strbuf *buf) {
  struct gw_snapshot *snapshot = sample_snapshot();
  gw_strbuf_init(buf);
  gw_cache_encode(cache, snapshot, NOW_US, buf);
  gw_snapshot_unref(snapshot);
}

static void assert_decodes(const struct gw_cache *cache, struct gw_str bytes) {
  struct gw_snapshot *want = sample_snapshot(), *got;
  uint64_t saved_us;
  char *reason = NULL;
  assert_int_equal(gw_cache_decode(cache, bytes, NOW_US + HOUR_US, &got, &saved_us, &reason), GW_OK);
  assert_string_equal(got->version, want->version);
  assert_int_equal(saved_us, NOW_US);
  gw_snapshot_unref(got);
  gw_snapshot_unref(want);
}

static void assert_refused(const struct gw_cache *cache, struct gw_str bytes, uint64_t now_us, enum gw_err want, const char *words) {
  struct gw_snapshot *snapshot;
  uint64_t saved_us;
  char *reason = NULL;
  assert_int_equal(gw_cache_decode(cache, bytes, now_us, &snapshot, &saved_us, &reason), want);
  assert_non_null(reason);
  if (words != NULL) assert_non_null(strstr(reason, words));
  free(reason);
}

static void test_decode_gives_back_what_was_encoded(void **state) {
  (void)state;
  struct gw_cache caches[] = {plain_cache(), sealed_cache(secret_a)};
  for (size_t i = 0; i < GW_ARRAY_LEN(caches); i++) {
    struct gw_strbuf buf;
    encode(&caches[i], &buf);
    assert_decodes(&caches[i], gw_strbuf_str(&buf));
    gw_strbuf_done(&buf);
  }
}

static void test_secrets_are_kept_only_with_a_key(void **state) {
  (void)state;
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  gw_snapshot_builder_add(builder, sample_tls_listener("gateway", "site"));
  gw_snapshot_builder_add(builder, sample_certificate("site", "KEY-MATERIAL"));
  struct gw_api_key key = {.id = GW_STR("k1"), .owner = GW_STR("OWNER-OF-A-KEY")};
  gw_snapshot_builder_add(builder, gw_xds_encode_api_key(&key));
  struct gw_snapshot *snapshot = gw_snapshot_builder_freeze(builder);
  struct gw_cache caches[] = {plain_cache(), sealed_cache(secret_a)};
  for (size_t i = 0; i < GW_ARRAY_LEN(caches); i++) {
    struct gw_strbuf buf;
    gw_strbuf_init(&buf);
    gw_cache_encode(&caches[i], snapshot, NOW_US, &buf);
    assert_null(memmem(buf.data, buf.len, "KEY-MATERIAL", 12));
    assert_null(memmem(buf.data, buf.len, "OWNER-OF-A-KEY", 14));
    struct gw_snapshot *got;
    uint64_t saved_us;
    char *reason = NULL;
    assert_int_equal(gw_cache_decode(&caches[i], gw_strbuf_str(&buf), NOW_US, &got, &saved_us, &reason), GW_OK);
    assert_int_equal(got->lists[GW_RESOURCE_SECRET].count, caches[i].has_key);
    assert_int_equal(got->lists[GW_RESOURCE_API_KEY].count, caches[i].has_key);
    assert_int_equal(got->lists[GW_RESOURCE_LISTENER].count, 1);
    gw_snapshot_unref(got);
    gw_strbuf_done(&buf);
  }
  gw_snapshot_unref(snapshot);
}

static void test_encode_with_a_key_hides_the_content(void **state) {
  (void)state;
  struct gw_cache cache = sealed_cache(secret_a);
  struct gw_strbuf buf;
  encode(&cache, &buf);
  assert_null(memmem(buf.data, buf.len, "gateway", 7));
  assert_null(memmem(buf.data, buf.len, "node-1", 6));
  gw_strbuf_done(&buf);
}

static void test_decode_of_any_changed_byte_is_refused(void **state) {
  (void)state;
  struct gw_cache caches[] = {plain_cache(), sealed_cache(secret_a)};
  for (size_t i = 0; i < GW_ARRAY_LEN(caches); i++) {
    struct gw_strbuf buf;
    encode(&caches[i], &buf);
    for (size_t at = 0; at < buf.len; at++) {
      buf.data[at] = (char)(buf.data[at] ^ 0x10);
      struct gw_snapshot *snapshot;
      uint64_t saved_us;
      char *reason = NULL;
      assert_int_not_equal(gw_cache_decode(&caches[i], gw_strbuf_str(&buf), NOW_US, &snapshot, &saved_us, &reason), GW_OK);
      free(reason);
      buf.data[at] = (char)(buf.data[at] ^ 0x10);
    }
    gw_strbuf_done(&buf);
  }
}

static void test_decode_of_every_shorter_file_is_refused(void **state) {
  (void)state;
  struct gw_cache caches[] = {plain_cache(), sealed_cache(secret_a)};
  for (size_t i = 0; i < GW_ARRAY_LEN(caches); i++) {
    struct gw_strbuf buf;
    encode(&caches[i], &buf);
    for (size_t len = 0; len < buf.len; len++) {
      char *cut = gw_malloc(len + 1); /* on the heap, so that a read beyond the end is seen */
      memcpy(cut, buf.data, len);
      struct gw_snapshot *snapshot;
      uint64_t saved_us;
      char *reason = NULL;
      assert_int_not_equal(gw_cache_decode(&caches[i], (struct gw_str){cut, len}, NOW_US, &snapshot, &saved_us, &reason), GW_OK);
      free(reason);
      free(cut);
    }
    gw_strbuf_done(&buf);
  }
}

static void test_decode_with_another_key_or_none_is_denied(void **state) {
  (void)state;
  struct gw_cache plain = plain_cache(), sealed = sealed_cache(secret_a), other = sealed_cache(secret_b);
  struct gw_strbuf buf;
  encode(&sealed, &buf);
  assert_refused(&other, gw_strbuf_str(&buf), NOW_US, GW_ERR_DENIED, "another key");
  assert_refused(&plain, gw_strbuf_str(&buf), NOW_US, GW_ERR_DENIED, "no --cache-key-file");
  gw_strbuf_done(&buf);
  encode(&plain, &buf);
  assert_refused(&sealed, gw_strbuf_str(&buf), NOW_US, GW_ERR_DENIED, "not encrypted");
  gw_strbuf_done(&buf);
}

static void test_decode_of_an_old_or_future_file_is_refused(void **state) {
  (void)state;
  struct gw_cache cache = plain_cache();
  struct gw_strbuf buf;
  encode(&cache, &buf);
  assert_refused(&cache, gw_strbuf_str(&buf), NOW_US + 24 * HOUR_US + 1000, GW_ERR_TIMEOUT, "too old");
  assert_refused(&cache, gw_strbuf_str(&buf), NOW_US - HOUR_US, GW_ERR_TIMEOUT, "future");
  assert_decodes(&cache, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
}

static void test_decode_of_another_nodes_file_is_refused(void **state) {
  (void)state;
  struct gw_cache cache = plain_cache();
  struct gw_strbuf buf;
  encode(&cache, &buf);
  cache.node_id = "node-2";
  assert_refused(&cache, gw_strbuf_str(&buf), NOW_US, GW_ERR_NOT_FOUND, "node-1");
  cache.node_id = "node-1";
  cache.node_cluster = "other";
  assert_refused(&cache, gw_strbuf_str(&buf), NOW_US, GW_ERR_NOT_FOUND, "default");
  gw_strbuf_done(&buf);
}

static void test_save_and_load_leave_one_private_file(void **state) {
  (void)state;
  char directory[] = "/tmp/gw-cache-XXXXXX";
  assert_non_null(mkdtemp(directory));
  struct gw_cache cache = sealed_cache(secret_a);
  cache.directory = directory;
  struct gw_snapshot *snapshot = sample_snapshot(), *got;
  uint64_t saved_us;
  char *reason;
  assert_int_equal(gw_cache_load(&cache, NOW_US, &got, &saved_us, &reason), GW_ERR_NOT_FOUND);
  assert_null(reason);
  for (int i = 0; i < 2; i++)
    assert_int_equal(gw_cache_save(&cache, snapshot, NOW_US), GW_OK);
  assert_int_equal(gw_cache_load(&cache, NOW_US, &got, &saved_us, &reason), GW_OK);
  assert_string_equal(got->version, snapshot->version);
  char path[128];
  snprintf(path, sizeof(path), "%s/%s", directory, GW_CACHE_FILE_NAME);
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(directory), 0); /* nothing else is left there */
  gw_snapshot_unref(got);
  gw_snapshot_unref(snapshot);
}

static void test_save_into_a_missing_directory_says_io(void **state) {
  (void)state;
  struct gw_cache cache = plain_cache();
  cache.directory = "/nonexistent/gateway";
  struct gw_snapshot *snapshot = sample_snapshot();
  assert_int_equal(gw_cache_save(&cache, snapshot, NOW_US), GW_ERR_IO);
  gw_snapshot_unref(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_decode_gives_back_what_was_encoded),         cmocka_unit_test(test_encode_with_a_key_hides_the_content),
      cmocka_unit_test(test_secrets_are_kept_only_with_a_key),           cmocka_unit_test(test_decode_of_any_changed_byte_is_refused),
      cmocka_unit_test(test_decode_of_every_shorter_file_is_refused),    cmocka_unit_test(test_decode_with_another_key_or_none_is_denied),
      cmocka_unit_test(test_decode_of_an_old_or_future_file_is_refused), cmocka_unit_test(test_decode_of_another_nodes_file_is_refused),
      cmocka_unit_test(test_save_and_load_leave_one_private_file),       cmocka_unit_test(test_save_into_a_missing_directory_says_io),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
