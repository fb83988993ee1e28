#include "pki_fixture.h"

struct fixture {
  struct gw_pki_pair ca;
  struct gw_pki_pair leaf;
  struct gw_arena arena;
  struct gw_certificate seen;
};

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof *f);
  f->ca = pki_make_ca("the CA");
  gw_arena_init(&f->arena, 1024);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  gw_pki_pair_done(&f->ca);
  gw_pki_pair_done(&f->leaf);
  gw_arena_done(&f->arena);
  free(f);
  return 0;
}

static void test_ca_is_one_and_signs_itself(void **state) {
  struct fixture *f = *state;
  assert_int_equal(gw_certificate_parse(gw_str_from(f->ca.certificate), &f->arena, &f->seen), GW_OK);
  assert_true(f->seen.is_ca);
  assert_string_equal(f->seen.subject.data, "CN=the CA");
  assert_string_equal(f->seen.issuer.data, "CN=the CA");
  assert_true(gw_certificate_match_key(gw_str_from(f->ca.certificate), gw_str_from(f->ca.key)) == GW_OK);
}

static void test_issued_certificate_has_its_names_in_order(void **state) {
  struct fixture *f = *state;
  const char *const names[] = {"spiffe://d/gateway/edge/node-1", "cp.example", "127.0.0.1", "::1", "a,DNS:b.example"};
  f->leaf = pki_issue_for(&f->ca, "node-1", names, GW_ARRAY_LEN(names), 1000000000, 2000000000);
  assert_int_equal(gw_certificate_parse(gw_str_from(f->leaf.certificate), &f->arena, &f->seen), GW_OK);
  static const enum gw_certificate_name_kind kinds[] = {GW_CERTIFICATE_URI, GW_CERTIFICATE_DNS, GW_CERTIFICATE_IP, GW_CERTIFICATE_IP,
                                                        GW_CERTIFICATE_DNS};
  assert_int_equal(f->seen.name_count, GW_ARRAY_LEN(names));
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    assert_int_equal(f->seen.names[i].kind, kinds[i]);
    assert_true(gw_str_equal(f->seen.names[i].value, gw_str_from(names[i])));
  }
  assert_false(f->seen.is_ca);
  assert_string_equal(f->seen.issuer.data, "CN=the CA");
  assert_int_equal(f->seen.not_before_s, 1000000000);
  assert_int_equal(f->seen.not_after_s, 2000000000);
}

static void test_key_of_another_certificate_does_not_fit(void **state) {
  struct fixture *f = *state;
  f->leaf = pki_issue(&f->ca, "leaf", NULL);
  assert_true(gw_certificate_match_key(gw_str_from(f->leaf.certificate), gw_str_from(f->leaf.key)) == GW_OK);
  assert_false(gw_certificate_match_key(gw_str_from(f->leaf.certificate), gw_str_from(f->ca.key)) == GW_OK);
  assert_false(gw_certificate_match_key(gw_str_from(f->leaf.certificate), GW_STR("no key")) == GW_OK);
  assert_false(gw_certificate_match_key(GW_STR("no certificate"), gw_str_from(f->leaf.key)) == GW_OK);
}

static void test_certificates_of_one_name_have_keys_and_serials_of_their_own(void **state) {
  struct fixture *f = *state;
  f->leaf = pki_issue(&f->ca, "leaf", NULL);
  struct gw_pki_pair other = pki_issue(&f->ca, "leaf", NULL);
  assert_string_not_equal(f->leaf.key, other.key);
  assert_string_not_equal(f->leaf.certificate, other.certificate);
  gw_pki_pair_done(&other);
}

static void test_issuer_whose_key_is_another_is_refused(void **state) {
  struct fixture *f = *state;
  struct gw_pki_pair other = pki_make_ca("another");
  struct gw_pki_pair mixed = {.certificate = f->ca.certificate, .key = other.key};
  struct gw_pki_request request = {.common_name = "x", .not_after_s = pki_now_s()};
  assert_int_equal(gw_pki_issue(&request, &mixed, &f->leaf), GW_ERR_INVALID);
  assert_null(f->leaf.key);
  gw_pki_pair_done(&other);
}

static void test_names_that_a_certificate_cannot_hold_are_refused(void **state) {
  struct fixture *f = *state;
  static const struct gw_certificate_name bad[] = {
      {GW_CERTIFICATE_IP, GW_STR("300.1.1.1")},
      {GW_CERTIFICATE_DNS, GW_STR("")},
      {GW_CERTIFICATE_DNS, GW_STR("a b")},
      {GW_CERTIFICATE_URI, GW_STR("spiffe://d/\xc3\xa9")},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(bad); i++) {
    struct gw_pki_request request = {.common_name = "x", .names = &bad[i], .name_count = 1, .not_after_s = pki_now_s()};
    assert_int_equal(gw_pki_issue(&request, &f->ca, &f->leaf), GW_ERR_INVALID);
  }
  struct gw_pki_request nameless = {.common_name = "", .not_after_s = pki_now_s()};
  assert_int_equal(gw_pki_issue(&nameless, &f->ca, &f->leaf), GW_ERR_INVALID);
}

#define PKI_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      PKI_TEST(test_ca_is_one_and_signs_itself),
      PKI_TEST(test_issued_certificate_has_its_names_in_order),
      PKI_TEST(test_key_of_another_certificate_does_not_fit),
      PKI_TEST(test_certificates_of_one_name_have_keys_and_serials_of_their_own),
      PKI_TEST(test_issuer_whose_key_is_another_is_refused),
      PKI_TEST(test_names_that_a_certificate_cannot_hold_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
