/* Why: what tests of TLS share: a server and a channel on loopback whose files lie in a folder of the test's own.
 * Life: tls_setup and tls_teardown of each test; server and channel are made in the test.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_COMMON_RPC_TLS_FIXTURE_H
#define GW_TESTS_UNIT_COMMON_RPC_TLS_FIXTURE_H

#include "common/rpc/credentials.h"
#include "tests/unit/common/crypto/pki_fixture.h"
#include "tests/unit/common/rpc/rpc_fixture.h"

/* Files of one end, and their credentials. */
struct tls_end {
  char *ca, *cert, *key;
  struct gw_rpc_credentials *credentials;
  uint32_t taken;
  char problem[512];
};

struct tls_fixture {
  struct fixture base; /* its server and channel are made by each test */
  char folder[64];
  struct gw_pki_pair ca, other_ca;
  struct tls_end server, client;
  char failure[256];
  uint64_t failure_count;
};

static inline void tls_on_change(void *arg, const char *problem) {
  struct tls_end *end = arg;
  if (problem == NULL) end->taken++;
  snprintf(end->problem, sizeof end->problem, "%s", problem != NULL ? problem : "");
}

static inline void tls_on_failure(void *arg, const char *reason, uint64_t count) {
  struct tls_fixture *f = arg;
  snprintf(f->failure, sizeof f->failure, "%s", reason);
  f->failure_count += count;
}

static inline void tls_name_files(struct tls_fixture *f, struct tls_end *end, const char *name) {
  end->ca = gw_asprintf("%s/%s-ca.crt", f->folder, name);
  end->cert = gw_asprintf("%s/%s.crt", f->folder, name);
  end->key = gw_asprintf("%s/%s.key", f->folder, name);
}

static inline void tls_put_pair(struct tls_fixture *f, const char *name, const struct gw_pki_pair *pair) {
  char file[64];
  snprintf(file, sizeof file, "%s.key", name);
  pki_put(f->folder, file, pair->key, 0600);
  snprintf(file, sizeof file, "%s.crt", name);
  pki_put(f->folder, file, pair->certificate, 0644);
}

/* The common name is "server", or what stands behind the colon in "server:second". */
static inline void tls_put_issued(struct tls_fixture *f, const char *name_and_common, const struct gw_pki_pair *ca,
                                  const char *const *names, size_t count) {
  char name[32];
  snprintf(name, sizeof name, "%s", name_and_common);
  char *colon = strchr(name, ':');
  if (colon != NULL) *colon = '\0';
  struct gw_pki_pair pair =
      pki_issue_for(ca, colon != NULL ? colon + 1 : name, names, count, pki_now_s() - PKI_HOUR_S, pki_now_s() + PKI_HOUR_S);
  tls_put_pair(f, name, &pair);
  gw_pki_pair_done(&pair);
}

static const char *const tls_server_names[] = {"localhost", "127.0.0.1", "::1"};
static const char *const tls_client_names[] = {"spiffe://d/gateway/edge/a", "client.example", "spiffe://d/gateway/core/*"};

static inline int tls_setup(void **state) {
  struct tls_fixture *f = gw_calloc(1, sizeof *f);
  f->base.loop = gw_loop_new();
  f->base.rpc = gw_rpc_new(f->base.loop);
  gw_rpc_on_handshake_failure(f->base.rpc, tls_on_failure, f);
  pki_make_folder(f->folder);
  f->ca = pki_make_ca("one CA");
  f->other_ca = pki_make_ca("another CA");
  tls_name_files(f, &f->server, "server");
  tls_name_files(f, &f->client, "client");
  pki_put(f->folder, "server-ca.crt", f->ca.certificate, 0644);
  pki_put(f->folder, "client-ca.crt", f->ca.certificate, 0644);
  tls_put_issued(f, "server", &f->ca, tls_server_names, GW_ARRAY_LEN(tls_server_names));
  tls_put_issued(f, "client", &f->ca, tls_client_names, GW_ARRAY_LEN(tls_client_names));
  *state = f;
  return 0;
}

static inline void tls_end_done(struct tls_end *end) {
  gw_rpc_credentials_free(end->credentials);
  free(end->ca);
  free(end->cert);
  free(end->key);
}

static inline int tls_teardown(void **state) {
  struct tls_fixture *f = *state;
  gw_rpc_channel_free(f->base.channel);
  fixture_stop_server(&f->base, 0);
  gw_rpc_free(f->base.rpc);
  tls_end_done(&f->server);
  tls_end_done(&f->client);
  pki_remove_folder(f->folder);
  gw_pki_pair_done(&f->ca);
  gw_pki_pair_done(&f->other_ca);
  gw_loop_free(f->base.loop);
  free(f);
  return 0;
}

static inline void tls_load(struct tls_fixture *f, struct tls_end *end, bool has_certificate) {
  struct gw_rpc_credentials_options options = {
      .paths = {.ca = end->ca, .cert = has_certificate ? end->cert : NULL, .key = has_certificate ? end->key : NULL},
      .on_change = tls_on_change,
      .arg = end,
  };
  char *reason = NULL;
  assert_int_equal(gw_rpc_credentials_new(f->base.loop, &options, &end->credentials, &reason), GW_OK);
}

static inline void tls_serve_at(struct tls_fixture *f, const char *listen, bool requires_certificate) {
  tls_load(f, &f->server, true);
  struct gw_rpc_server_options options = {.listen = gw_str_from(listen),
                                          .max_message_bytes = FIXTURE_MESSAGE_MAX,
                                          .max_streams_per_connection = 100,
                                          .credentials = f->server.credentials,
                                          .requires_client_certificate = requires_certificate};
  assert_int_equal(gw_rpc_server_new(f->base.rpc, &options, fixture_methods, GW_ARRAY_LEN(fixture_methods), &f->base, &f->base.server),
                   GW_OK);
}

static inline void tls_serve(struct tls_fixture *f) {
  tls_serve_at(f, "127.0.0.1:0", true);
}

static inline void tls_connect(struct tls_fixture *f, const char *host, struct gw_rpc_credentials *credentials) {
  gw_rpc_channel_free(f->base.channel);
  char target[64];
  snprintf(target, sizeof target, "%s:%u", host, gw_rpc_server_port(f->base.server));
  struct gw_rpc_channel_options options = {.target = gw_str_from(target), .credentials = credentials};
  f->base.channel = gw_rpc_channel_new(f->base.rpc, &options);
}

/* A call that does not wait for better times: what it ends with. The server's side, if it came so far, is accepted[…count - 1]. */
static inline struct seen *tls_open_once(struct tls_fixture *f, uint32_t at) {
  struct seen *seen = &f->base.opened[at];
  *seen = (struct seen){0};
  seen->stream = gw_rpc_channel_open(f->base.channel, "/test.Test/Watch", 0, false, NULL, 0, &seen_events, seen);
  return seen;
}

static inline struct gw_rpc_stream *tls_expect_in(struct tls_fixture *f, uint32_t at) {
  uint32_t before = f->base.accepted_count;
  struct seen *seen = tls_open_once(f, at);
  WAIT_FOR(f->base.loop, f->base.accepted_count > before || seen->closes > 0);
  if (seen->closes > 0) fail_msg("refused: %d %s", seen->code, seen->reason);
  return f->base.accepted[before].stream;
}

/* *ret_words: what the client can say of it; freed by the caller. */
static inline void tls_expect_out(struct tls_fixture *f, uint32_t at, bool has_tls, char **ret_words) {
  uint32_t before = f->base.accepted_count;
  struct seen *seen = tls_open_once(f, at);
  WAIT_FOR(f->base.loop, seen->closes > 0 || f->base.accepted_count > before);
  assert_int_equal(f->base.accepted_count, before);
  assert_int_equal(seen->code, GW_RPC_UNAVAILABLE);
  *ret_words = gw_rpc_explain_unavailable(gw_str_from(seen->reason), has_tls, false);
}

#define TLS_TEST(test) cmocka_unit_test_setup_teardown(test, tls_setup, tls_teardown)

#endif
