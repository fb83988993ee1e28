#include "common/crypto/tls_files.h"

#include "pki_fixture.h"

struct fixture {
  char folder[64];
  char *ca, *cert, *key;
  struct gw_tls_paths paths;
  struct gw_pki_pair authority, leaf;
  struct gw_tls_material material;
  char *reason;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof *f);
  pki_make_folder(f->folder);
  f->authority = pki_make_ca("a CA");
  f->leaf = pki_issue(&f->authority, "leaf", "spiffe://d/gateway/c/n");
  pki_put(f->folder, "ca.crt", f->authority.certificate, 0644);
  pki_put(f->folder, "leaf.crt", f->leaf.certificate, 0644);
  pki_put(f->folder, "leaf.key", f->leaf.key, 0600);
  f->ca = gw_asprintf("%s/ca.crt", f->folder);
  f->cert = gw_asprintf("%s/leaf.crt", f->folder);
  f->key = gw_asprintf("%s/leaf.key", f->folder);
  f->paths = (struct gw_tls_paths){f->ca, f->cert, f->key};
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  pki_remove_folder(f->folder);
  gw_pki_pair_done(&f->authority);
  gw_pki_pair_done(&f->leaf);
  gw_tls_material_done(&f->material);
  free(f->ca);
  free(f->cert);
  free(f->key);
  free(f->reason);
  free(f);
  return 0;
}

static void expect_refusal(struct fixture *f, enum gw_err err, const char *file, const char *words) {
  free(f->reason);
  f->reason = NULL;
  assert_int_equal(gw_tls_material_read(&f->paths, &f->material, &f->reason), err);
  assert_non_null(strstr(f->reason, file));
  assert_non_null(strstr(f->reason, words));
  assert_null(strstr(f->reason, "PRIVATE KEY"));
  assert_null(f->material.ca);
}

static void test_three_good_files_are_read(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_tls_material_read(&f->paths, &f->material, &f->reason), GW_OK);
  assert_string_equal(f->material.ca, f->authority.certificate);
  assert_string_equal(f->material.key, f->leaf.key);
  assert_string_equal(f->material.subject, "CN=leaf");
  assert_true(f->material.not_after_s > pki_now_s());
}

static void test_ca_alone_is_enough_for_a_client(void **state) {
  struct fixture *f = *state;
  f->paths.cert = f->paths.key = NULL;
  assert_int_equal(gw_tls_material_read(&f->paths, &f->material, &f->reason), GW_OK);
  assert_null(f->material.cert);
  assert_null(gw_tls_material_find_lapse(&f->material, 0));
}

static void test_absent_file_is_named(void **state) {
  struct fixture *f = *state;
  unlink(f->key);
  expect_refusal(f, GW_ERR_IO, f->key, "No such file");
  unlink(f->ca);
  expect_refusal(f, GW_ERR_IO, f->ca, "No such file");
}

static void test_key_that_others_can_read_is_refused(void **state) {
  struct fixture *f = *state;
  static const mode_t refused[] = {0644, 0604, 0602, 0620};
  for (size_t i = 0; i < GW_ARRAY_LEN(refused); i++) {
    assert_int_equal(chmod(f->key, refused[i]), 0);
    expect_refusal(f, GW_ERR_DENIED, f->key, "chmod 600");
  }
  assert_int_equal(chmod(f->key, 0640), 0);
  assert_int_equal(gw_tls_material_read(&f->paths, &f->material, &f->reason), GW_OK);
}

static void test_key_of_another_certificate_is_refused_with_both_files(void **state) {
  struct fixture *f = *state;
  pki_put(f->folder, "leaf.key", f->authority.key, 0600);
  expect_refusal(f, GW_ERR_INVALID, f->key, "does not belong to the certificate in");
  assert_non_null(strstr(f->reason, f->cert));
}

static void test_half_written_files_are_refused(void **state) {
  struct fixture *f = *state;
  char *half = gw_strndup(f->leaf.certificate, strlen(f->leaf.certificate) / 2);
  pki_put(f->folder, "leaf.crt", half, 0644);
  expect_refusal(f, GW_ERR_INVALID, f->cert, "not whole");
  free(half);
  pki_put(f->folder, "leaf.crt", f->leaf.certificate, 0644);
  pki_put(f->folder, "leaf.key", "", 0600);
  expect_refusal(f, GW_ERR_INVALID, f->key, "no private key");
  pki_put(f->folder, "ca.crt", "", 0644);
  expect_refusal(f, GW_ERR_INVALID, f->ca, "no certificates");
}

static void test_folder_in_place_of_a_file_is_refused(void **state) {
  struct fixture *f = *state;
  f->paths.ca = f->folder;
  expect_refusal(f, GW_ERR_INVALID, f->folder, "is not a file");
}

static void test_lapse_says_when(void **state) {
  struct fixture *f = *state;
  gw_pki_pair_done(&f->leaf);
  f->leaf = pki_issue_for(&f->authority, "old", NULL, 0, 1000000000, 1500000000);
  pki_put(f->folder, "leaf.crt", f->leaf.certificate, 0644);
  pki_put(f->folder, "leaf.key", f->leaf.key, 0600);
  assert_int_equal(gw_tls_material_read(&f->paths, &f->material, &f->reason), GW_OK);
  assert_null(gw_tls_material_find_lapse(&f->material, 1000000000));
  assert_null(gw_tls_material_find_lapse(&f->material, 1500000000));
  char *late = gw_tls_material_find_lapse(&f->material, 1500000001), *early = gw_tls_material_find_lapse(&f->material, 999999999);
  assert_string_equal(late, "the certificate of CN=old expired at 2017-07-14T02:40:00Z");
  assert_string_equal(early, "the certificate of CN=old is not valid before 2001-09-09T01:46:40Z");
  free(late);
  free(early);
}

static void test_gap_says_what_is_missing(void **state) {
  (void)state;
  static const struct {
    struct gw_tls_paths paths;
    const char *gap;
  } cases[] = {
      {{NULL, NULL, NULL}, NULL},
      {{"a", "b", "c"}, NULL},
      {{"a", NULL, NULL}, "--xds-tls-ca given without --xds-tls-cert and --xds-tls-key"},
      {{NULL, "b", "c"}, "--xds-tls-cert and --xds-tls-key given without --xds-tls-ca"},
      {{"a", "b", NULL}, "--xds-tls-ca and --xds-tls-cert given without --xds-tls-key"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *gap = gw_tls_paths_find_gap(&cases[i].paths, "xds-tls");
    if (cases[i].gap == NULL)
      assert_null(gap);
    else
      assert_string_equal(gap, cases[i].gap);
    free(gap);
  }
}

#define FILES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      FILES_TEST(test_three_good_files_are_read),
      FILES_TEST(test_ca_alone_is_enough_for_a_client),
      FILES_TEST(test_absent_file_is_named),
      FILES_TEST(test_key_that_others_can_read_is_refused),
      FILES_TEST(test_key_of_another_certificate_is_refused_with_both_files),
      FILES_TEST(test_half_written_files_are_refused),
      FILES_TEST(test_folder_in_place_of_a_file_is_refused),
      FILES_TEST(test_lapse_says_when),
      cmocka_unit_test(test_gap_says_what_is_missing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
