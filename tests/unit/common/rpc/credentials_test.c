/* TLS of servers and channels: who is let in, who is who, and how files are taken up while all of it runs. */
#include "common/rpc/credentials.h"

#include "rpc_fixture.h"
#include "tests/unit/common/crypto/pki_fixture.h"

/* Files of one end, and their credentials. */
struct end {
  char *ca, *cert, *key;
  struct gw_rpc_credentials *credentials;
  uint32_t taken;
  char problem[512];
};

struct tls_fixture {
  struct fixture base; /* its server and channel are made by each test */
  char folder[64];
  struct gw_pki_pair ca, other_ca;
  struct end server, client;
  char failure[256];
  uint64_t failure_count;
};

static void on_change(void *arg, const char *problem) {
  struct end *end = arg;
  if (problem == NULL) end->taken++;
  snprintf(end->problem, sizeof end->problem, "%s", problem != NULL ? problem : "");
}

static void on_failure(void *arg, const char *reason, uint64_t count) {
  struct tls_fixture *f = arg;
  snprintf(f->failure, sizeof f->failure, "%s", reason);
  f->failure_count += count;
}

static void name_files(struct tls_fixture *f, struct end *end, const char *name) {
  end->ca = gw_asprintf("%s/%s-ca.crt", f->folder, name);
  end->cert = gw_asprintf("%s/%s.crt", f->folder, name);
  end->key = gw_asprintf("%s/%s.key", f->folder, name);
}

static void put_pair(struct tls_fixture *f, const char *name, const struct gw_pki_pair *pair) {
  char file[64];
  snprintf(file, sizeof file, "%s.key", name);
  pki_put(f->folder, file, pair->key, 0600);
  snprintf(file, sizeof file, "%s.crt", name);
  pki_put(f->folder, file, pair->certificate, 0644);
}

/* The common name is "server", or what stands behind the colon in "server:second". */
static void put_issued(struct tls_fixture *f, const char *name_and_common, const struct gw_pki_pair *ca, const char *const *names,
                       size_t count) {
  char name[32];
  snprintf(name, sizeof name, "%s", name_and_common);
  char *colon = strchr(name, ':');
  if (colon != NULL) *colon = '\0';
  struct gw_pki_pair pair =
      pki_issue_for(ca, colon != NULL ? colon + 1 : name, names, count, pki_now_s() - PKI_HOUR_S, pki_now_s() + PKI_HOUR_S);
  put_pair(f, name, &pair);
  gw_pki_pair_done(&pair);
}

static const char *const server_names[] = {"localhost", "127.0.0.1", "::1"};
static const char *const client_names[] = {"spiffe://d/gateway/edge/a", "client.example", "spiffe://d/gateway/core/*"};

static int setup(void **state) {
  struct tls_fixture *f = gw_calloc(1, sizeof *f);
  f->base.loop = gw_loop_new();
  f->base.rpc = gw_rpc_new(f->base.loop);
  gw_rpc_on_handshake_failure(f->base.rpc, on_failure, f);
  pki_make_folder(f->folder);
  f->ca = pki_make_ca("one CA");
  f->other_ca = pki_make_ca("another CA");
  name_files(f, &f->server, "server");
  name_files(f, &f->client, "client");
  pki_put(f->folder, "server-ca.crt", f->ca.certificate, 0644);
  pki_put(f->folder, "client-ca.crt", f->ca.certificate, 0644);
  put_issued(f, "server", &f->ca, server_names, GW_ARRAY_LEN(server_names));
  put_issued(f, "client", &f->ca, client_names, GW_ARRAY_LEN(client_names));
  *state = f;
  return 0;
}

static void end_done(struct end *end) {
  gw_rpc_credentials_free(end->credentials);
  free(end->ca);
  free(end->cert);
  free(end->key);
}

static int teardown(void **state) {
  struct tls_fixture *f = *state;
  gw_rpc_channel_free(f->base.channel);
  fixture_stop_server(&f->base, 0);
  gw_rpc_free(f->base.rpc);
  end_done(&f->server);
  end_done(&f->client);
  pki_remove_folder(f->folder);
  gw_pki_pair_done(&f->ca);
  gw_pki_pair_done(&f->other_ca);
  gw_loop_free(f->base.loop);
  free(f);
  return 0;
}

static void load(struct tls_fixture *f, struct end *end, bool has_certificate) {
  struct gw_rpc_credentials_options options = {
      .paths = {.ca = end->ca, .cert = has_certificate ? end->cert : NULL, .key = has_certificate ? end->key : NULL},
      .on_change = on_change,
      .arg = end,
  };
  char *reason = NULL;
  assert_int_equal(gw_rpc_credentials_new(f->base.loop, &options, &end->credentials, &reason), GW_OK);
}

static void serve_at(struct tls_fixture *f, const char *listen, bool requires_certificate) {
  load(f, &f->server, true);
  struct gw_rpc_server_options options = {.listen = gw_str_from(listen),
                                          .max_message_bytes = FIXTURE_MESSAGE_MAX,
                                          .max_streams_per_connection = 100,
                                          .credentials = f->server.credentials,
                                          .requires_client_certificate = requires_certificate};
  assert_int_equal(gw_rpc_server_new(f->base.rpc, &options, fixture_methods, GW_ARRAY_LEN(fixture_methods), &f->base, &f->base.server),
                   GW_OK);
}

static void serve(struct tls_fixture *f) {
  serve_at(f, "127.0.0.1:0", true);
}

static void connect_to(struct tls_fixture *f, const char *host, struct gw_rpc_credentials *credentials) {
  gw_rpc_channel_free(f->base.channel);
  char target[64];
  snprintf(target, sizeof target, "%s:%u", host, gw_rpc_server_port(f->base.server));
  struct gw_rpc_channel_options options = {.target = gw_str_from(target), .credentials = credentials};
  f->base.channel = gw_rpc_channel_new(f->base.rpc, &options);
}

/* A call that does not wait for better times: what it ends with. The server's side, if it came so far, is accepted[…count - 1]. */
static struct seen *open_once(struct tls_fixture *f, uint32_t at) {
  struct seen *seen = &f->base.opened[at];
  *seen = (struct seen){0};
  seen->stream = gw_rpc_channel_open(f->base.channel, "/test.Test/Watch", 0, false, NULL, 0, &seen_events, seen);
  return seen;
}

static struct gw_rpc_stream *expect_in(struct tls_fixture *f, uint32_t at) {
  uint32_t before = f->base.accepted_count;
  struct seen *seen = open_once(f, at);
  WAIT_FOR(f->base.loop, f->base.accepted_count > before || seen->closes > 0);
  if (seen->closes > 0) fail_msg("refused: %d %s", seen->code, seen->reason);
  return f->base.accepted[before].stream;
}

/* *ret_words: what the client can say of it; freed by the caller. */
static void expect_out(struct tls_fixture *f, uint32_t at, bool has_tls, char **ret_words) {
  uint32_t before = f->base.accepted_count;
  struct seen *seen = open_once(f, at);
  WAIT_FOR(f->base.loop, seen->closes > 0 || f->base.accepted_count > before);
  assert_int_equal(f->base.accepted_count, before);
  assert_int_equal(seen->code, GW_RPC_UNAVAILABLE);
  *ret_words = gw_rpc_explain_unavailable(gw_str_from(seen->reason), has_tls);
}

/* ---- who is let in, and who is who ---- */

static void test_mutual_tls_tells_the_client_s_uris_in_order(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  load(f, &f->client, true);
  connect_to(f, "127.0.0.1", f->client.credentials);
  struct gw_rpc_stream *stream = expect_in(f, 0);
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
  put_issued(f, "server", &f->ca, server_names, 1);
  serve(f);
  load(f, &f->client, true);
  connect_to(f, "localhost", f->client.credentials);
  expect_in(f, 0);
}

static void test_server_is_known_by_its_ipv6_address(void **state) {
  struct tls_fixture *f = *state;
  put_issued(f, "server", &f->ca, server_names + 2, 1);
  serve_at(f, "[::1]:0", true);
  load(f, &f->client, true);
  connect_to(f, "[::1]", f->client.credentials);
  expect_in(f, 0);
}

static void test_server_with_another_name_is_not_believed(void **state) {
  struct tls_fixture *f = *state;
  put_issued(f, "server", &f->ca, server_names, 1);
  serve(f);
  load(f, &f->client, true);
  connect_to(f, "127.0.0.1", f->client.credentials);
  char *words;
  expect_out(f, 0, true, &words);
  assert_string_equal(words, "its certificate is not for 127.0.0.1");
  free(words);
}

static void test_server_of_another_ca_is_not_believed(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  pki_put(f->folder, "client-ca.crt", f->other_ca.certificate, 0644);
  load(f, &f->client, true);
  connect_to(f, "127.0.0.1", f->client.credentials);
  char *words;
  expect_out(f, 0, true, &words);
  assert_non_null(strstr(words, "not signed by a CA of ours"));
  free(words);
}

static void test_client_without_certificate_is_refused_where_it_is_required(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  load(f, &f->client, false);
  connect_to(f, "127.0.0.1", f->client.credentials);
  char *words;
  expect_out(f, 0, true, &words);
  assert_non_null(strstr(words, "its log says why"));
  free(words);
  WAIT_FOR(f->base.loop, f->failure_count > 0);
  assert_string_equal(f->failure, "the client has shown no certificate");
}

static void test_client_of_another_ca_is_refused_also_where_none_is_required(void **state) {
  struct tls_fixture *f = *state;
  serve_at(f, "127.0.0.1:0", false);
  put_issued(f, "client", &f->other_ca, client_names, GW_ARRAY_LEN(client_names));
  load(f, &f->client, true);
  connect_to(f, "127.0.0.1", f->client.credentials);
  char *words;
  expect_out(f, 0, true, &words);
  free(words);
  WAIT_FOR(f->base.loop, f->failure_count > 0);
  assert_non_null(strstr(f->failure, "not signed by a CA of ours"));
}

static void test_client_with_an_expired_certificate_is_refused(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  struct gw_pki_pair old = pki_issue_for(&f->ca, "client", client_names, 1, 1000000000, 1500000000);
  put_pair(f, "client", &old);
  gw_pki_pair_done(&old);
  load(f, &f->client, true); /* nothing better is there, and it may be exchanged while we run */
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(f->client.credentials, &status);
  assert_non_null(strstr(status.problem, "expired"));
  assert_non_null(strstr(f->client.problem, "expired"));
  connect_to(f, "127.0.0.1", f->client.credentials);
  char *words;
  expect_out(f, 0, true, &words);
  free(words);
}

static void test_client_without_certificate_is_nobody_where_none_is_required(void **state) {
  struct tls_fixture *f = *state;
  serve_at(f, "127.0.0.1:0", false);
  load(f, &f->client, false);
  connect_to(f, "127.0.0.1", f->client.credentials);
  struct gw_rpc_stream *stream = expect_in(f, 0);
  assert_int_equal(gw_rpc_stream_security(stream), GW_RPC_TLS);
  struct gw_str uri;
  assert_false(gw_rpc_stream_peer_uri(stream, 0, &uri));
}

static void test_plaintext_client_is_refused_and_told_of(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  connect_to(f, "127.0.0.1", NULL);
  char *words;
  expect_out(f, 0, false, &words);
  assert_non_null(strstr(words, "it may want TLS"));
  free(words);
  WAIT_FOR(f->base.loop, f->failure_count > 0);
  assert_string_equal(f->failure, "the other side does not speak TLS");
}

static void test_plaintext_stream_has_no_identity(void **state) {
  struct tls_fixture *f = *state;
  assert_int_equal(fixture_serve(&f->base, 0, &f->base.server), GW_OK);
  connect_to(f, "127.0.0.1", NULL);
  struct gw_rpc_stream *stream = expect_in(f, 0);
  assert_int_equal(gw_rpc_stream_security(stream), GW_RPC_PLAINTEXT);
  struct gw_str uri;
  assert_false(gw_rpc_stream_peer_uri(stream, 0, &uri));
}

/* ---- files that change ---- */

static bool has_taken(const struct end *end, const char *subject) {
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(end->credentials, &status);
  return strcmp(status.subject, subject) == 0 && status.problem == NULL;
}

static void test_new_client_certificate_is_shown_by_the_next_channel(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  load(f, &f->client, true);
  connect_to(f, "127.0.0.1", f->client.credentials);
  struct seen *old = &f->base.opened[0];
  expect_in(f, 0);
  static const char *const renamed[] = {"spiffe://d/gateway/edge/b"};
  put_issued(f, "client", &f->ca, renamed, 1);
  WAIT_FOR(f->base.loop, f->client.taken == 1);
  struct gw_rpc_channel *before = f->base.channel;
  f->base.channel = NULL;
  connect_to(f, "127.0.0.1", f->client.credentials);
  struct gw_str uri;
  assert_true(gw_rpc_stream_peer_uri(expect_in(f, 1), 0, &uri));
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
  serve(f);
  load(f, &f->client, true);
  connect_to(f, "127.0.0.1", f->client.credentials);
  expect_in(f, 0);
  struct seen *old = &f->base.opened[0];
  pki_put(f->folder, "server-ca.crt", f->other_ca.certificate, 0644);
  put_issued(f, "server:second", &f->other_ca, server_names, GW_ARRAY_LEN(server_names));
  WAIT_FOR(f->base.loop, has_taken(&f->server, "CN=second"));
  struct gw_rpc_channel *before = f->base.channel;
  f->base.channel = NULL;
  connect_to(f, "127.0.0.1", f->client.credentials);
  char *words;
  expect_out(f, 1, true, &words);
  free(words);
  pki_put(f->folder, "client-ca.crt", f->other_ca.certificate, 0644);
  put_issued(f, "client:second", &f->other_ca, client_names, 1);
  WAIT_FOR(f->base.loop, has_taken(&f->client, "CN=second"));
  connect_to(f, "127.0.0.1", f->client.credentials);
  expect_in(f, 2);
  send_text(old->stream, "still here");
  WAIT_FOR(f->base.loop, f->base.accepted[0].messages == 1);
  assert_int_equal(old->closes, 0);
  gw_rpc_channel_free(before);
}

static void test_bad_files_are_kept_out_and_told_of_once(void **state) {
  struct tls_fixture *f = *state;
  serve(f);
  load(f, &f->client, true);
  pki_put(f->folder, "server.key", f->ca.key, 0600);
  WAIT_FOR(f->base.loop, f->server.problem[0] != '\0');
  assert_non_null(strstr(f->server.problem, "does not belong to"));
  gw_rpc_credentials_reload(f->server.credentials);
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(f->server.credentials, &status);
  assert_string_equal(status.problem, f->server.problem);
  assert_int_equal(status.errors_total, 1);
  assert_int_equal(status.reloads_total, 0);
  connect_to(f, "127.0.0.1", f->client.credentials);
  expect_in(f, 0); /* with what was good before */
  put_issued(f, "server:second", &f->ca, server_names, GW_ARRAY_LEN(server_names));
  WAIT_FOR(f->base.loop, has_taken(&f->server, "CN=second"));
  assert_int_equal(f->server.taken, 1);
}

static void test_files_that_have_lapsed_do_not_replace_good_ones(void **state) {
  struct tls_fixture *f = *state;
  load(f, &f->server, true);
  struct gw_pki_pair old = pki_issue_for(&f->ca, "server", server_names, 2, 1000000000, 1500000000);
  put_pair(f, "server", &old);
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

#define TLS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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
