/* Node permission on real connections: who has secrets, who is turned away, and what they are told. */
#include "controlplane/snapshot/node_permission.h"
#include "tests/unit/common/rpc/tls_fixture.h"

struct verdict {
  enum gw_err err;
  bool may_have_secrets;
  char *reason;
};

static struct verdict check(const struct gw_rpc_stream *stream, const char *id, const char *cluster) {
  struct verdict verdict = {.may_have_secrets = false};
  verdict.err = gw_node_permission_check(stream, gw_str_from(id), gw_str_from(cluster), &verdict.may_have_secrets, &verdict.reason);
  return verdict;
}

static void test_plaintext_is_anybody_without_secrets(void **state) {
  struct tls_fixture *f = *state;
  assert_int_equal(fixture_serve(&f->base, 0, &f->base.server), GW_OK);
  tls_connect(f, "127.0.0.1", NULL);
  struct verdict verdict = check(tls_expect_in(f, 0), "a", "edge");
  assert_int_equal(verdict.err, GW_OK);
  assert_false(verdict.may_have_secrets);
}

static void test_certificate_permits_by_any_of_its_names(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct gw_rpc_stream *stream = tls_expect_in(f, 0);
  static const char *const permitted[][2] = {{"a", "edge"}, {"anything", "core"}};
  for (size_t i = 0; i < GW_ARRAY_LEN(permitted); i++) {
    struct verdict verdict = check(stream, permitted[i][0], permitted[i][1]);
    assert_int_equal(verdict.err, GW_OK);
    assert_true(verdict.may_have_secrets);
  }
}

static void test_other_node_is_denied_with_what_is_there_and_what_is_wanted(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct verdict verdict = check(tls_expect_in(f, 0), "b\n", "");
  assert_int_equal(verdict.err, GW_ERR_DENIED);
  assert_false(verdict.may_have_secrets);
  assert_string_equal(verdict.reason,
                      "its certificate does not permit node b? of cluster (none): it has the URI names spiffe://d/gateway/edge/a, "
                      "spiffe://d/gateway/core/*, and spiffe://DOMAIN/gateway/*/b? is wanted, with any DOMAIN; * may stand "
                      "for cluster or node");
  free(verdict.reason);
}

static void test_certificate_without_uri_names_is_denied(void **state) {
  struct tls_fixture *f = *state;
  tls_put_issued(f, "client", &f->ca, NULL, 0);
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct verdict verdict = check(tls_expect_in(f, 0), "a", "edge");
  assert_int_equal(verdict.err, GW_ERR_DENIED);
  assert_non_null(strstr(verdict.reason, "it has no URI name"));
  free(verdict.reason);
}

static void test_tls_without_a_certificate_is_denied(void **state) {
  struct tls_fixture *f = *state;
  tls_serve_at(f, "127.0.0.1:0", false);
  tls_load(f, &f->client, false);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct verdict verdict = check(tls_expect_in(f, 0), "a", "edge");
  assert_int_equal(verdict.err, GW_ERR_DENIED);
  assert_false(verdict.may_have_secrets);
  free(verdict.reason);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TLS_TEST(test_plaintext_is_anybody_without_secrets),
      TLS_TEST(test_certificate_permits_by_any_of_its_names),
      TLS_TEST(test_other_node_is_denied_with_what_is_there_and_what_is_wanted),
      TLS_TEST(test_certificate_without_uri_names_is_denied),
      TLS_TEST(test_tls_without_a_certificate_is_denied),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
