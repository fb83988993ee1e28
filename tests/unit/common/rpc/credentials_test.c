/* TLS of servers and channels: who is let in, who is who, and how files are taken up while all of it runs. */
#include "tls_fixture.h"

/* ---- who is let in, and who is who ---- */

static void test_mutual_tls_tells_the_client_s_uris_in_order(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct gw_rpc_stream *stream = tls_expect_in(f, 0);
  assert_int_equal(gw_rpc_stream_security(stream), GW_RPC_MUTUAL_TLS);
  struct gw_str uri;
  assert_true(gw_rpc_stream_peer_uri(stream, 0, &uri));
  assert_true(gw_str_equal(uri, GW_STR("spiffe://d/gateway/edge/a")));
  assert_true(gw_rpc_stream_peer_uri(stream, 1, &uri));
  assert_true(gw_str_equal(uri, GW_STR("spiffe://d/gateway/core/*")));
  assert_false(gw_rpc_stream_peer_uri(stream, 2, &uri));
}

static void test_server_is_known_by_its_name(void **state) {
  struct tls_fixture *f = *state;
  tls_put_issued(f, "server", &f->ca, tls_server_names, 1);
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "localhost", f->client.credentials);
  tls_expect_in(f, 0);
}

static void test_server_is_known_by_its_ipv6_address(void **state) {
  struct tls_fixture *f = *state;
  tls_put_issued(f, "server", &f->ca, tls_server_names + 2, 1);
  tls_serve_at(f, "[::1]:0", true);
  tls_load(f, &f->client, true);
  tls_connect(f, "[::1]", f->client.credentials);
  tls_expect_in(f, 0);
}

static void test_server_with_another_name_is_not_believed(void **state) {
  struct tls_fixture *f = *state;
  tls_put_issued(f, "server", &f->ca, tls_server_names, 1);
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  char *words;
  tls_expect_out(f, 0, true, &words);
  assert_string_equal(words, "its certificate is not for 127.0.0.1");
  free(words);
}

static void test_server_of_another_ca_is_not_believed(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  pki_put(f->folder, "client-ca.crt", f->other_ca.certificate, 0644);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  char *words;
  tls_expect_out(f, 0, true, &words);
  assert_non_null(strstr(words, "not signed by a CA of ours"));
  free(words);
}

static void test_client_without_certificate_is_refused_where_it_is_required(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, false);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  char *words;
  tls_expect_out(f, 0, true, &words);
  assert_non_null(strstr(words, "its log says why"));
  free(words);
  WAIT_FOR(f->base.loop, f->failure_count > 0);
  assert_string_equal(f->failure, "the client has shown no certificate");
}

static void test_client_of_another_ca_is_refused_also_where_none_is_required(void **state) {
  struct tls_fixture *f = *state;
  tls_serve_at(f, "127.0.0.1:0", false);
  tls_put_issued(f, "client", &f->other_ca, tls_client_names, GW_ARRAY_LEN(tls_client_names));
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  char *words;
  tls_expect_out(f, 0, true, &words);
  free(words);
  WAIT_FOR(f->base.loop, f->failure_count > 0);
  assert_non_null(strstr(f->failure, "not signed by a CA of ours"));
}

static void test_client_with_an_expired_certificate_is_refused(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  struct gw_pki_pair old = pki_issue_for(&f->ca, "client", tls_client_names, 1, 1000000000, 1500000000);
  tls_put_pair(f, "client", &old);
  gw_pki_pair_done(&old);
  tls_load(f, &f->client, true); /* nothing better is there, and it may be exchanged while we run */
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(f->client.credentials, &status);
  assert_non_null(strstr(status.problem, "expired"));
  assert_non_null(strstr(f->client.problem, "expired"));
  tls_connect(f, "127.0.0.1", f->client.credentials);
  char *words;
  tls_expect_out(f, 0, true, &words);
  free(words);
}

static void test_client_without_certificate_is_nobody_where_none_is_required(void **state) {
  struct tls_fixture *f = *state;
  tls_serve_at(f, "127.0.0.1:0", false);
  tls_load(f, &f->client, false);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct gw_rpc_stream *stream = tls_expect_in(f, 0);
  assert_int_equal(gw_rpc_stream_security(stream), GW_RPC_TLS);
  struct gw_str uri;
  assert_false(gw_rpc_stream_peer_uri(stream, 0, &uri));
}

static void test_plaintext_client_is_refused_and_told_of(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_connect(f, "127.0.0.1", NULL);
  char *words;
  tls_expect_out(f, 0, false, &words);
  assert_non_null(strstr(words, "it may want TLS"));
  free(words);
  WAIT_FOR(f->base.loop, f->failure_count > 0);
  assert_string_equal(f->failure, "the other side does not speak TLS");
}

static void test_plaintext_stream_has_no_identity(void **state) {
  struct tls_fixture *f = *state;
  assert_int_equal(fixture_serve(&f->base, 0, &f->base.server), GW_OK);
  tls_connect(f, "127.0.0.1", NULL);
  struct gw_rpc_stream *stream = tls_expect_in(f, 0);
  assert_int_equal(gw_rpc_stream_security(stream), GW_RPC_PLAINTEXT);
  struct gw_str uri;
  assert_false(gw_rpc_stream_peer_uri(stream, 0, &uri));
}

/* ---- files that change ---- */

static bool has_taken(const struct tls_end *end, const char *subject) {
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(end->credentials, &status);
  return strcmp(status.subject, subject) == 0 && status.problem == NULL;
}

static void test_new_client_certificate_is_shown_by_the_next_channel(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct seen *old = &f->base.opened[0];
  tls_expect_in(f, 0);
  static const char *const renamed[] = {"spiffe://d/gateway/edge/b"};
  tls_put_issued(f, "client", &f->ca, renamed, 1);
  WAIT_FOR(f->base.loop, f->client.taken == 1);
  struct gw_rpc_channel *before = f->base.channel;
  f->base.channel = NULL;
  tls_connect(f, "127.0.0.1", f->client.credentials);
  struct gw_str uri;
  assert_true(gw_rpc_stream_peer_uri(tls_expect_in(f, 1), 0, &uri));
  assert_true(gw_str_equal(uri, GW_STR("spiffe://d/gateway/edge/b")));
  /* The one before goes on. */
  send_text(f->base.accepted[0].stream, "still here");
  WAIT_FOR(f->base.loop, old->messages == 1);
  assert_int_equal(old->closes, 0);
  gw_rpc_channel_free(before);
}

/* All three of the server at once: an open stream goes on, who trusts the new CA gets in, who trusts the old one does not. */
static void test_new_server_files_count_for_the_next_connection(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, true);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  tls_expect_in(f, 0);
  struct seen *old = &f->base.opened[0];
  pki_put(f->folder, "server-ca.crt", f->other_ca.certificate, 0644);
  tls_put_issued(f, "server:second", &f->other_ca, tls_server_names, GW_ARRAY_LEN(tls_server_names));
  WAIT_FOR(f->base.loop, has_taken(&f->server, "CN=second"));
  struct gw_rpc_channel *before = f->base.channel;
  f->base.channel = NULL;
  tls_connect(f, "127.0.0.1", f->client.credentials);
  char *words;
  tls_expect_out(f, 1, true, &words);
  free(words);
  pki_put(f->folder, "client-ca.crt", f->other_ca.certificate, 0644);
  tls_put_issued(f, "client:second", &f->other_ca, tls_client_names, 1);
  WAIT_FOR(f->base.loop, has_taken(&f->client, "CN=second"));
  tls_connect(f, "127.0.0.1", f->client.credentials);
  tls_expect_in(f, 2);
  send_text(old->stream, "still here");
  WAIT_FOR(f->base.loop, f->base.accepted[0].messages == 1);
  assert_int_equal(old->closes, 0);
  gw_rpc_channel_free(before);
}

static void test_bad_files_are_kept_out_and_told_of_once(void **state) {
  struct tls_fixture *f = *state;
  tls_serve(f);
  tls_load(f, &f->client, true);
  pki_put(f->folder, "server.key", f->ca.key, 0600);
  WAIT_FOR(f->base.loop, f->server.problem[0] != '\0');
  assert_non_null(strstr(f->server.problem, "does not belong to"));
  gw_rpc_credentials_reload(f->server.credentials);
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(f->server.credentials, &status);
  assert_string_equal(status.problem, f->server.problem);
  assert_int_equal(status.errors_total, 1);
  assert_int_equal(status.reloads_total, 0);
  tls_connect(f, "127.0.0.1", f->client.credentials);
  tls_expect_in(f, 0); /* with what was good before */
  tls_put_issued(f, "server:second", &f->ca, tls_server_names, GW_ARRAY_LEN(tls_server_names));
  WAIT_FOR(f->base.loop, has_taken(&f->server, "CN=second"));
  assert_int_equal(f->server.taken, 1);
}

static void test_files_that_have_lapsed_do_not_replace_good_ones(void **state) {
  struct tls_fixture *f = *state;
  tls_load(f, &f->server, true);
  struct gw_pki_pair old = pki_issue_for(&f->ca, "server", tls_server_names, 2, 1000000000, 1500000000);
  tls_put_pair(f, "server", &old);
  gw_pki_pair_done(&old);
  WAIT_FOR(f->base.loop, strstr(f->server.problem, "expired") != NULL);
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(f->server.credentials, &status);
  assert_true(status.not_after_s > pki_now_s());
  assert_int_equal(status.reloads_total, 0);
}

static void test_bad_files_at_the_start_are_refused(void **state) {
  struct tls_fixture *f = *state;
  struct gw_rpc_credentials_options options = {.paths = {.ca = "/nowhere/at/all", .cert = f->server.cert, .key = f->server.key}};
  char *reason = NULL;
  assert_int_equal(gw_rpc_credentials_new(f->base.loop, &options, &f->server.credentials, &reason), GW_ERR_IO);
  assert_non_null(strstr(reason, "/nowhere/at/all"));
  assert_null(f->server.credentials);
  free(reason);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TLS_TEST(test_mutual_tls_tells_the_client_s_uris_in_order),
      TLS_TEST(test_server_is_known_by_its_name),
      TLS_TEST(test_server_is_known_by_its_ipv6_address),
      TLS_TEST(test_server_with_another_name_is_not_believed),
      TLS_TEST(test_server_of_another_ca_is_not_believed),
      TLS_TEST(test_client_without_certificate_is_refused_where_it_is_required),
      TLS_TEST(test_client_of_another_ca_is_refused_also_where_none_is_required),
      TLS_TEST(test_client_with_an_expired_certificate_is_refused),
      TLS_TEST(test_client_without_certificate_is_nobody_where_none_is_required),
      TLS_TEST(test_plaintext_client_is_refused_and_told_of),
      TLS_TEST(test_plaintext_stream_has_no_identity),
      TLS_TEST(test_new_client_certificate_is_shown_by_the_next_channel),
      TLS_TEST(test_new_server_files_count_for_the_next_connection),
      TLS_TEST(test_bad_files_are_kept_out_and_told_of_once),
      TLS_TEST(test_files_that_have_lapsed_do_not_replace_good_ones),
      TLS_TEST(test_bad_files_at_the_start_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
