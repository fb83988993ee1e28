#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>

#include "tests/unit/common/net/tls_pair.h"

/* What is agreed and what is refused: certificates by name, protocols, versions, both sides' verification. */

static struct issued ca;
static struct issued other_ca;
static struct issued a_leaf;    /* a.example, ECDSA */
static struct issued a_rsa;     /* a.example and r.example, RSA */
static struct issued wild_leaf; /* *.b.example */
static struct issued cn_leaf;   /* no names but a CN */
static struct issued client_leaf;

static int setup(void **state) {
  (void)state;
  ca = issue(&(struct issue){.common_name = "CA", .is_authority = true});
  other_ca = issue(&(struct issue){.common_name = "Other CA", .is_authority = true});
  a_leaf = issue(&(struct issue){.names = "DNS:a.example,IP:127.0.0.1,URI:spiffe://example/server", .issuer = &ca});
  a_rsa = issue(&(struct issue){.names = "DNS:a.example,DNS:r.example", .issuer = &ca, .is_rsa = true});
  wild_leaf = issue(&(struct issue){.names = "DNS:*.b.example,DNS:x.a.example", .issuer = &ca});
  cn_leaf = issue(&(struct issue){.common_name = "Only.Common.Name", .issuer = &ca});
  client_leaf = issue(&(struct issue){.common_name = "client",
                                      .names = "URI:spiffe://example/ns/web,DNS:web.example,URI:spiffe://example/second",
                                      .issuer = &ca});
  return 0;
}

static int teardown(void **state) {
  (void)state;
  struct issued *all[] = {&ca, &other_ca, &a_leaf, &a_rsa, &wild_leaf, &cn_leaf, &client_leaf};
  for (size_t i = 0; i < GW_ARRAY_LEN(all); i++)
    issued_done(all[i]);
  return 0;
}

/* Runs a handshake and a request; the pair is left for the test to look at. */
static void meet(struct pair *pair, const struct gw_tls_server_options *server_options, const struct gw_tls_client_options *client_options,
                 const char *sni) {
  struct gw_tls_context *server = server_of(server_options);
  struct gw_tls_context *client = client_of(client_options);
  pair_open(pair, client, server, sni, NULL);
  gw_tls_context_unref(client);
  gw_tls_context_unref(server);
  end_send(&pair->client, pair->loop, GW_STR("request"));
  pair_run(pair);
}

static const char *server_failure(const struct pair *pair) {
  struct gw_str failure = gw_tls_failure(pair->server.transport.tls);
  return failure.len > 0 ? failure.data : "";
}

static const char *client_failure(const struct pair *pair) {
  struct gw_str failure = gw_tls_failure(pair->client.transport.tls);
  return failure.len > 0 ? failure.data : "";
}

static void assert_met(const struct pair *pair) {
  assert_string_equal(server_failure(pair), "");
  assert_string_equal(client_failure(pair), "");
  assert_int_equal(pair->server.received.len, 7);
}

static void assert_refused(const struct pair *pair, const char *by_server, const char *by_client) {
  assert_string_equal(server_failure(pair), by_server);
  assert_string_equal(client_failure(pair), by_client);
  assert_int_equal(pair->server.received.len, 0);
}

static struct gw_tls_server_options server_with(const struct gw_tls_key_pair *pairs, uint32_t count) {
  return (struct gw_tls_server_options){.common = {.certificates = pairs, .certificate_count = count}, .has_no_tickets = true};
}

static struct gw_tls_client_options trusting_client(void) {
  return (struct gw_tls_client_options){.common = {.trusted_ca = gw_str_from(ca.chain)}, .checks_host = true};
}

static const struct gw_tls_client_options unverified = {.is_unverified = true};

/* Which certificate a client that asks for `sni` is shown, by its hash. */
static void assert_shown(const struct gw_tls_server_options *server, const struct gw_tls_client_options *client, const char *sni,
                         const struct issued *expected) {
  struct pair pair;
  struct gw_arena arena;
  struct gw_certificate shown;
  struct gw_certificate wanted;
  gw_arena_init(&arena, 1024);
  meet(&pair, server, client, sni);
  assert_met(&pair);
  assert_int_equal(gw_tls_peer_certificate(pair.client.transport.tls, &arena, &shown), GW_OK);
  assert_int_equal(gw_certificate_parse(gw_str_from(expected->chain), &arena, &wanted), GW_OK);
  if (!gw_str_equal(shown.sha256_hex, wanted.sha256_hex)) fail_msg("\"%s\" is shown %s", sni, shown.subject.data);
  pair_close(&pair);
  gw_arena_done(&arena);
}

static void test_certificate_is_picked_by_name(void **state) {
  (void)state;
  struct gw_tls_key_pair pairs[] = {pair_of(&a_leaf), pair_of(&wild_leaf), pair_of(&cn_leaf)};
  struct gw_tls_server_options server = server_with(pairs, 3);
  static const struct {
    const char *sni;
    const struct issued *expected;
  } cases[] = {
      {"a.example", &a_leaf},        {"A.EXAMPLE", &a_leaf},         {"a.example.", &a_leaf},        {"one.b.example", &wild_leaf},
      {"ONE.B.Example", &wild_leaf}, {"x.a.example", &wild_leaf},    {"two.one.b.example", &a_leaf}, {"b.example", &a_leaf},
      {".b.example", &a_leaf},       {"only.common.name", &cn_leaf}, {"unknown.example", &a_leaf},   {"", &a_leaf},
      {"127.0.0.1", &a_leaf},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    assert_shown(&server, &unverified, cases[i].sni, cases[i].expected);
}

static void test_exact_name_wins_over_a_wildcard_that_comes_first(void **state) {
  (void)state;
  struct issued exact = issue(&(struct issue){.names = "DNS:one.b.example", .issuer = &ca});
  struct gw_tls_key_pair pairs[] = {pair_of(&wild_leaf), pair_of(&exact)};
  struct gw_tls_server_options server = server_with(pairs, 2);
  assert_shown(&server, &unverified, "one.b.example", &exact);
  assert_shown(&server, &unverified, "other.b.example", &wild_leaf);
  issued_done(&exact);
}

static void test_of_two_kinds_of_key_the_client_gets_what_it_can_check(void **state) {
  (void)state;
  struct gw_tls_key_pair pairs[] = {pair_of(&wild_leaf), pair_of(&a_rsa), pair_of(&a_leaf)};
  struct gw_tls_server_options server = server_with(pairs, 3);
  struct gw_tls_client_options rsa_only = {.common = {.cipher_suites = GW_STR("ECDHE-RSA-AES128-GCM-SHA256"),
                                                      .max_version = GW_TLS_VERSION_1_2},
                                           .is_unverified = true};
  struct gw_tls_client_options ecdsa_only = {.common = {.cipher_suites = GW_STR("ECDHE-ECDSA-AES128-GCM-SHA256"),
                                                        .max_version = GW_TLS_VERSION_1_2},
                                             .is_unverified = true};
  assert_shown(&server, &rsa_only, "a.example", &a_rsa);
  assert_shown(&server, &ecdsa_only, "a.example", &a_leaf);
  assert_shown(&server, &unverified, "a.example", &a_leaf); /* the cheaper one for who can do both */
  assert_shown(&server, &unverified, "r.example", &a_rsa);
  struct gw_tls_key_pair rsa_first[] = {pair_of(&a_rsa), pair_of(&a_leaf)};
  server = server_with(rsa_first, 2);
  assert_shown(&server, &ecdsa_only, "", &a_leaf); /* no name: the first one's companions count */
  struct pair pair;
  struct gw_tls_key_pair ecdsa[] = {pair_of(&a_leaf)};
  server = server_with(ecdsa, 1);
  meet(&pair, &server, &rsa_only, "a.example");
  assert_refused(&pair, "no shared cipher", "the peer says: handshake failure");
  pair_close(&pair);
}

static void test_protocol_is_ours_in_our_order_or_refused(void **state) {
  (void)state;
  static const struct gw_str ours[] = {GW_STR("h2"), GW_STR("http/1.1")};
  static const struct gw_str reversed[] = {GW_STR("http/1.1"), GW_STR("h2")};
  static const struct gw_str old[] = {GW_STR("http/1.0"), GW_STR("http/1.1")};
  static const struct gw_str foreign[] = {GW_STR("spdy/3"), GW_STR("h")};
  static const struct {
    const struct gw_str *server;
    const struct gw_str *client;
    const char *chosen; /* NULL: refused */
  } cases[] = {{ours, reversed, "h2"}, {ours, old, "http/1.1"}, {ours, NULL, ""}, {NULL, ours, ""}, {ours, foreign, NULL}};
  static const uint32_t versions[] = {GW_TLS_VERSION_1_2, GW_TLS_VERSION_1_3};
  struct gw_tls_key_pair key_pair = pair_of(&a_leaf);
  for (size_t i = 0; i < 2 * GW_ARRAY_LEN(cases); i++) {
    struct pair pair;
    struct gw_tls_server_options server = server_with(&key_pair, 1);
    struct gw_tls_client_options client = trusting_client();
    server.common.alpn = cases[i / 2].server;
    server.common.alpn_count = cases[i / 2].server == NULL ? 0 : 2;
    server.common.max_version = versions[i % 2];
    client.common.alpn = cases[i / 2].client;
    client.common.alpn_count = cases[i / 2].client == NULL ? 0 : 2;
    meet(&pair, &server, &client, "a.example");
    if (cases[i / 2].chosen == NULL) {
      assert_refused(&pair, "no common application protocol (ALPN)", "the peer says: no application protocol");
    } else {
      assert_met(&pair);
      assert_true(gw_str_equal(gw_tls_alpn(pair.server.transport.tls), gw_str_from(cases[i / 2].chosen)));
      assert_true(gw_str_equal(gw_tls_alpn(pair.client.transport.tls), gw_str_from(cases[i / 2].chosen)));
    }
    pair_close(&pair);
  }
}

static void test_versions_meet_or_are_refused(void **state) {
  (void)state;
  struct pair pair;
  struct gw_tls_key_pair key_pair = pair_of(&a_leaf);
  struct gw_tls_server_options server = server_with(&key_pair, 1);
  struct gw_tls_client_options client = trusting_client();
  server.common.max_version = client.common.max_version = GW_TLS_VERSION_1_2;
  meet(&pair, &server, &client, "a.example");
  assert_met(&pair);
  assert_string_equal(gw_tls_version(pair.server.transport.tls).data, "TLSv1.2");
  assert_string_equal(gw_tls_cipher(pair.server.transport.tls).data, "ECDHE-ECDSA-AES128-GCM-SHA256");
  pair_close(&pair);
  client.common.max_version = 0;
  server.common.max_version = 0;
  meet(&pair, &server, &client, "a.example");
  assert_string_equal(gw_tls_version(pair.server.transport.tls).data, "TLSv1.3");
  assert_string_equal(gw_tls_version(pair.client.transport.tls).data, "TLSv1.3");
  assert_string_equal(gw_tls_cipher(pair.server.transport.tls).data, "TLS_AES_128_GCM_SHA256");
  assert_true(gw_str_equal(gw_tls_sni(pair.server.transport.tls), GW_STR("a.example")));
  pair_close(&pair);
  client.common.max_version = GW_TLS_VERSION_1_2;
  server.common.min_version = GW_TLS_VERSION_1_3;
  meet(&pair, &server, &client, "a.example");
  assert_refused(&pair, "no common version of TLS", "the peer says: version not supported");
  pair_close(&pair);
}

static void test_clients_check_of_the_server(void **state) {
  (void)state;
  struct issued expired = issue(&(struct issue){.names = "DNS:a.example", .issuer = &ca, .from_days = -10, .to_days = -1});
  struct issued stranger = issue(&(struct issue){.names = "DNS:a.example", .issuer = &other_ca});
  struct issued self_signed = issue(&(struct issue){.names = "DNS:a.example"});
  const struct {
    const struct issued *server;
    const char *sni;
    const char *failure; /* NULL: none */
  } cases[] = {
      {&a_leaf, "a.example", NULL},
      {&a_leaf, "A.Example", NULL},
      {&a_leaf, "127.0.0.1", NULL},
      {&a_leaf, "127.0.0.2", "certificate has none of the expected names"},
      {&a_leaf, "b.example", "certificate has none of the expected names"},
      {&a_leaf, "", "certificate has none of the expected names"},
      {&wild_leaf, "one.b.example", NULL},
      {&wild_leaf, "two.one.b.example", "certificate has none of the expected names"},
      {&wild_leaf, "b.example", "certificate has none of the expected names"},
      {&cn_leaf, "only.common.name", "certificate has none of the expected names"}, /* a CN is no name */
      {&stranger, "a.example", "unknown ca"},
      {&self_signed, "a.example", "unknown ca (self-signed)"},
      {&expired, "a.example", "certificate expired"},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct pair pair;
    struct gw_tls_key_pair key_pair = pair_of(cases[i].server);
    struct gw_tls_server_options server = server_with(&key_pair, 1);
    struct gw_tls_client_options client = trusting_client();
    meet(&pair, &server, &client, cases[i].sni);
    if (cases[i].failure == NULL) {
      assert_met(&pair);
    } else {
      assert_string_equal(client_failure(&pair), cases[i].failure);
      assert_int_equal(pair.client.last_read, GW_ERR_INVALID);
      assert_int_equal(pair.server.received.len, 0);
      assert_int_equal(pair.client.sent, 0);
    }
    pair_close(&pair);
  }
  issued_done(&expired);
  issued_done(&stranger);
  issued_done(&self_signed);
}

static void test_expected_names_of_a_server(void **state) {
  (void)state;
  static const struct {
    struct gw_tls_san_match match;
    bool fits;
  } cases[] = {
      {{GW_TLS_SAN_DNS, GW_TLS_SAN_EXACT, GW_STR("one.b.example")}, true}, /* by the wildcard */
      {{GW_TLS_SAN_DNS, GW_TLS_SAN_EXACT, GW_STR("X.A.example")}, true},
      {{GW_TLS_SAN_DNS, GW_TLS_SAN_EXACT, GW_STR("a.example")}, false},
      {{GW_TLS_SAN_DNS, GW_TLS_SAN_SUFFIX, GW_STR(".A.EXAMPLE")}, true},
      {{GW_TLS_SAN_DNS, GW_TLS_SAN_PREFIX, GW_STR("x.a.")}, true},
      {{GW_TLS_SAN_DNS, GW_TLS_SAN_PREFIX, GW_STR("a.")}, false},
      {{GW_TLS_SAN_URI, GW_TLS_SAN_EXACT, GW_STR("x.a.example")}, false},
      {{GW_TLS_SAN_IP, GW_TLS_SAN_EXACT, GW_STR("127.0.0.1")}, false},
  };
  struct gw_tls_key_pair key_pair = pair_of(&wild_leaf);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct pair pair;
    struct gw_tls_server_options server = server_with(&key_pair, 1);
    struct gw_tls_client_options client = trusting_client();
    client.checks_host = false;
    client.common.sans = &cases[i].match;
    client.common.san_count = 1;
    meet(&pair, &server, &client, "whatever.example");
    assert_string_equal(client_failure(&pair), cases[i].fits ? "" : "certificate has none of the expected names");
    pair_close(&pair);
  }
}

struct client_case {
  const struct issued *client; /* NULL: no certificate */
  const struct gw_tls_san_match *san;
  bool is_required;
  const char *by_server; /* "": accepted */
  const char *by_client;
};

static void check_client_case(const struct client_case *at, uint32_t version) {
  struct pair pair;
  struct gw_tls_key_pair key_pair = pair_of(&a_leaf);
  struct gw_tls_key_pair own = at->client != NULL ? pair_of(at->client) : (struct gw_tls_key_pair){.name = GW_STR("")};
  struct gw_tls_server_options server = server_with(&key_pair, 1);
  struct gw_tls_client_options client = trusting_client();
  server.common.trusted_ca = gw_str_from(ca.chain);
  server.common.max_version = version;
  server.requires_client_certificate = at->is_required;
  server.common.sans = at->san;
  server.common.san_count = at->san != NULL ? 1 : 0;
  client.common.certificates = &own;
  client.common.certificate_count = at->client != NULL ? 1 : 0;
  meet(&pair, &server, &client, "a.example");
  assert_string_equal(server_failure(&pair), at->by_server);
  assert_string_equal(client_failure(&pair), at->by_client);
  assert_int_equal(pair.server.received.len, at->by_server[0] == '\0' ? 7 : 0);
  assert_int_equal(gw_tls_has_peer_certificate(pair.server.transport.tls), at->client != NULL && at->by_server[0] == '\0');
  pair_close(&pair);
}

static void test_servers_check_of_clients(void **state) {
  (void)state;
  struct issued expired = issue(&(struct issue){.common_name = "old", .issuer = &ca, .from_days = -10, .to_days = -1});
  struct issued stranger = issue(&(struct issue){.common_name = "stranger", .issuer = &other_ca});
  static const struct gw_tls_san_match web = {GW_TLS_SAN_URI, GW_TLS_SAN_PREFIX, GW_STR("spiffe://example/ns/")};
  static const struct gw_tls_san_match ops = {GW_TLS_SAN_URI, GW_TLS_SAN_EXACT, GW_STR("spiffe://example/ns/ops")};
  const struct client_case cases[] = {
      {&client_leaf, NULL, true, "", ""},
      {&client_leaf, NULL, false, "", ""},
      {NULL, NULL, false, "", ""},
      {NULL, NULL, true, "certificate required", "the peer says: certificate required"},
      {&stranger, NULL, true, "unknown ca", "the peer says: unknown ca"},
      {&stranger, NULL, false, "unknown ca", "the peer says: unknown ca"},
      {&expired, NULL, true, "certificate expired", "the peer says: certificate expired"},
      {&client_leaf, &web, true, "", ""},
      {&client_leaf, &ops, true, "certificate has none of the expected names", "the peer says: bad certificate"},
      {&client_leaf, &ops, false, "certificate has none of the expected names", "the peer says: bad certificate"},
      {NULL, &ops, false, "", ""},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++)
    check_client_case(&cases[i], GW_TLS_VERSION_1_3);
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct client_case at = cases[i];
    if (strcmp(at.by_client, "the peer says: certificate required") == 0) at.by_client = "the peer says: handshake failure"; /* 1.2 */
    check_client_case(&at, GW_TLS_VERSION_1_2);
  }
  issued_done(&expired);
  issued_done(&stranger);
}

static void test_peer_certificate_tells_what_headers_need(void **state) {
  (void)state;
  static const uint32_t versions[] = {GW_TLS_VERSION_1_2, GW_TLS_VERSION_1_3};
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct pair pair;
    struct gw_arena arena;
    struct gw_certificate peer;
    struct gw_tls_key_pair key_pair = pair_of(&a_leaf);
    struct gw_tls_key_pair own = pair_of(&client_leaf);
    struct gw_tls_server_options server = server_with(&key_pair, 1);
    struct gw_tls_client_options client = trusting_client();
    server.common.trusted_ca = gw_str_from(ca.chain);
    server.common.max_version = versions[v];
    client.common.certificates = &own;
    client.common.certificate_count = 1;
    gw_arena_init(&arena, 1024);
    meet(&pair, &server, &client, "a.example");
    assert_int_equal(gw_tls_peer_certificate(pair.server.transport.tls, &arena, &peer), GW_OK);
    assert_string_equal(peer.subject.data, "O=Example,CN=client");
    assert_int_equal(peer.sha256_hex.len, 64);
    assert_int_equal(peer.name_count, 3);
    assert_int_equal(peer.names[0].kind, GW_CERTIFICATE_URI);
    assert_string_equal(peer.names[0].value.data, "spiffe://example/ns/web");
    assert_int_equal(peer.names[1].kind, GW_CERTIFICATE_DNS);
    assert_string_equal(peer.names[1].value.data, "web.example");
    assert_true(gw_str_equal(gw_tls_local_uri(pair.server.transport.tls), GW_STR("spiffe://example/server")));
    assert_true(gw_str_equal(gw_tls_local_uri(pair.client.transport.tls), GW_STR("spiffe://example/ns/web")));
    pair_close(&pair);
    gw_arena_done(&arena);
  }
}

static void test_trusted_intermediate_is_an_anchor(void **state) {
  (void)state;
  struct issued intermediate = issue(&(struct issue){.common_name = "Intermediate", .issuer = &ca, .is_authority = true});
  struct issued below = issue(&(struct issue){.names = "DNS:a.example", .issuer = &intermediate});
  char *chain = gw_asprintf("%s%s", below.chain, intermediate.chain);
  struct gw_tls_key_pair key_pair = {.certificate_chain = gw_str_from(chain), .private_key = gw_str_from(below.key)};
  struct gw_tls_server_options server = server_with(&key_pair, 1);
  struct gw_tls_client_options client = trusting_client();
  struct pair pair;
  meet(&pair, &server, &client, "a.example"); /* by the root, over the chain that the server sends */
  assert_met(&pair);
  pair_close(&pair);
  client.common.trusted_ca = gw_str_from(intermediate.chain);
  meet(&pair, &server, &client, "a.example");
  assert_met(&pair);
  pair_close(&pair);
  free(chain);
  issued_done(&intermediate);
  issued_done(&below);
}

/* All at once, each with its place. */
static void test_mistakes_are_all_told(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_tls_key_pair pairs[] = {
      {.name = GW_STR("one"), .certificate_chain = gw_str_from(a_leaf.chain), .private_key = gw_str_from(a_rsa.key)},
      {.name = GW_STR("two"), .certificate_chain = GW_STR("nothing"), .private_key = gw_str_from(a_rsa.key)},
  };
  struct gw_tls_server_options options = server_with(pairs, 2);
  options.common.min_version = 0x0301;
  options.common.cipher_suites = GW_STR("NO-SUCH-CIPHER");
  options.common.curves = GW_STR("no-such-curve");
  options.requires_client_certificate = true;
  options.has_no_tickets = false;
  assert_null(gw_tls_context_new_server(&options, "listener", &errors));
  char *text = gw_errors_format(&errors);
  static const char *const expected[] = {
      "listener: TLS versions",
      "listener: cipher suites \"NO-SUCH-CIPHER\"",
      "listener: curves \"no-such-curve\"",
      "certificate \"one\": the private key is not that of the first certificate",
      "certificate \"two\": certificate chain: no certificate there",
      "client certificates are required, but there is no CA",
      "listener: tickets need a key",
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(expected); i++)
    if (strstr(text, expected[i]) == NULL) fail_msg("\"%s\" is not told:\n%s", expected[i], text);
  free(text);
  gw_errors_done(&errors);
}

static void test_client_without_a_ca_must_say_so(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_tls_client_options options = {.checks_host = true};
  assert_null(gw_tls_context_new_client(&options, "cluster", &errors));
  assert_int_equal(errors.error_count, 1);
  gw_errors_done(&errors);
}

static void test_server_without_a_certificate_is_a_mistake(void **state) {
  (void)state;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_tls_server_options options = server_with(NULL, 0);
  assert_null(gw_tls_context_new_server(&options, "listener", &errors));
  assert_int_equal(errors.error_count, 1);
  gw_errors_done(&errors);
}

#define THREADS 4
#define VISITS 5

struct visitor {
  struct gw_tls_context *client;
  struct gw_tls_context *server;
  unsigned met;
};

static void *run_visits(void *arg) {
  struct visitor *visitor = arg;
  for (int i = 0; i < VISITS; i++) {
    struct pair pair;
    pair_open(&pair, visitor->client, visitor->server, i % 2 == 0 ? "a.example" : "one.b.example", NULL);
    end_send(&pair.client, pair.loop, GW_STR("request"));
    pair_run(&pair);
    if (pair.server.received.len == 7 && gw_tls_has_peer_certificate(pair.server.transport.tls)) visitor->met++;
    pair_close(&pair);
  }
  gw_tls_context_unref(visitor->client);
  gw_tls_context_unref(visitor->server);
  return NULL;
}

/* Each thread has a loop and connections of its own; the contexts are common, and freed by whoever is last. */
static void test_contexts_are_shared_by_threads(void **state) {
  (void)state;
  static const char key_bytes[GW_TLS_TICKET_KEY_BYTES] = "a key";
  struct gw_str key = {key_bytes, sizeof(key_bytes)};
  struct gw_tls_key_pair pairs[] = {pair_of(&a_leaf), pair_of(&wild_leaf)};
  struct gw_tls_key_pair own = pair_of(&client_leaf);
  struct gw_tls_server_options server_options = server_with(pairs, 2);
  struct gw_tls_client_options client_options = trusting_client();
  server_options.has_no_tickets = false;
  server_options.ticket_keys = &key;
  server_options.ticket_key_count = 1;
  server_options.common.trusted_ca = gw_str_from(ca.chain);
  client_options.common.certificates = &own;
  client_options.common.certificate_count = 1;
  struct gw_tls_context *server = server_of(&server_options);
  struct gw_tls_context *client = client_of(&client_options);
  pthread_t threads[THREADS];
  struct visitor visitors[THREADS];
  for (size_t i = 0; i < THREADS; i++) {
    visitors[i] = (struct visitor){.client = gw_tls_context_ref(client), .server = gw_tls_context_ref(server)};
    assert_int_equal(pthread_create(&threads[i], NULL, run_visits, &visitors[i]), 0);
  }
  gw_tls_context_unref(server);
  gw_tls_context_unref(client);
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(visitors[i].met, VISITS);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_certificate_is_picked_by_name),
      cmocka_unit_test(test_exact_name_wins_over_a_wildcard_that_comes_first),
      cmocka_unit_test(test_of_two_kinds_of_key_the_client_gets_what_it_can_check),
      cmocka_unit_test(test_protocol_is_ours_in_our_order_or_refused),
      cmocka_unit_test(test_versions_meet_or_are_refused),
      cmocka_unit_test(test_clients_check_of_the_server),
      cmocka_unit_test(test_expected_names_of_a_server),
      cmocka_unit_test(test_servers_check_of_clients),
      cmocka_unit_test(test_peer_certificate_tells_what_headers_need),
      cmocka_unit_test(test_trusted_intermediate_is_an_anchor),
      cmocka_unit_test(test_mistakes_are_all_told),
      cmocka_unit_test(test_client_without_a_ca_must_say_so),
      cmocka_unit_test(test_server_without_a_certificate_is_a_mistake),
      cmocka_unit_test(test_contexts_are_shared_by_threads),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
