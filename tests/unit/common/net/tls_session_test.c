#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/net/tls_internal.h"
#include "tests/unit/common/net/tls_pair.h"

/* Which sessions are resumed, and which must not be. */

static struct issued ca;
static struct issued other_ca;
static struct issued leaf;
static struct issued client_leaf;
static char key_bytes[2][GW_TLS_TICKET_KEY_BYTES];
static const struct gw_str keys_a[] = {{key_bytes[0], GW_TLS_TICKET_KEY_BYTES}};
static const struct gw_str keys_b[] = {{key_bytes[1], GW_TLS_TICKET_KEY_BYTES}};
static const struct gw_str keys_b_then_a[] = {{key_bytes[1], GW_TLS_TICKET_KEY_BYTES}, {key_bytes[0], GW_TLS_TICKET_KEY_BYTES}};
static const uint32_t versions[] = {GW_TLS_VERSION_1_2, GW_TLS_VERSION_1_3};

static int setup(void **state) {
  (void)state;
  ca = issue(&(struct issue){.common_name = "CA", .is_authority = true});
  other_ca = issue(&(struct issue){.common_name = "Other CA", .is_authority = true});
  leaf = issue(&(struct issue){.names = "DNS:a.example,DNS:b.example", .issuer = &ca});
  client_leaf = issue(&(struct issue){.common_name = "client", .issuer = &ca});
  gw_random_secure(key_bytes, sizeof(key_bytes));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  issued_done(&ca);
  issued_done(&other_ca);
  issued_done(&leaf);
  issued_done(&client_leaf);
  return 0;
}

static struct gw_tls_key_pair leaf_pair;
static struct gw_tls_key_pair client_pair;

static struct gw_tls_server_options server_options(uint32_t version) {
  leaf_pair = pair_of(&leaf);
  return (struct gw_tls_server_options){
      .common = {.certificates = &leaf_pair, .certificate_count = 1, .max_version = version},
      .ticket_keys = keys_a,
      .ticket_key_count = 1,
      .binding = GW_STR("listener"),
  };
}

static struct gw_tls_client_options client_options(void) {
  client_pair = pair_of(&client_leaf);
  return (struct gw_tls_client_options){
      .common = {.trusted_ca = gw_str_from(ca.chain), .certificates = &client_pair, .certificate_count = 1},
      .checks_host = true,
  };
}

/* A connection with contexts of its own; whether the session of the slot was resumed, as both sides say. */
static bool visit_as(struct gw_tls_context *server, const struct gw_tls_client_options *options, const char *sni,
                     struct gw_tls_session_slot *slot, bool is_mutual) {
  struct pair pair;
  struct gw_tls_context *client = client_of(options);
  pair_open(&pair, client, server, sni, slot);
  gw_tls_context_unref(client);
  end_send(&pair.client, pair.loop, GW_STR("request"));
  pair_run(&pair);
  end_send(&pair.server, pair.loop, GW_STR("answer"));
  pair_run(&pair);
  assert_int_equal(pair.server.received.len, 7);
  assert_int_equal(pair.client.received.len, 6);
  bool is_resumed = gw_tls_is_resumed(pair.server.transport.tls);
  assert_int_equal(is_resumed, gw_tls_is_resumed(pair.client.transport.tls));
  assert_int_equal(gw_tls_has_peer_certificate(pair.server.transport.tls), is_mutual);
  assert_true(gw_tls_has_peer_certificate(pair.client.transport.tls));
  assert_true(gw_str_equal(gw_tls_sni(pair.server.transport.tls), gw_str_from(sni)));
  pair_close(&pair);
  return is_resumed;
}

static bool visit(const struct gw_tls_server_options *server, const struct gw_tls_client_options *client,
                  struct gw_tls_session_slot *slot) {
  struct gw_tls_context *context = server_of(server);
  bool is_resumed = visit_as(context, client, "a.example", slot, server->common.trusted_ca.len > 0);
  gw_tls_context_unref(context);
  return is_resumed;
}

/* A visit to `first` that is new, then one to `second`. */
static bool is_resumed_between(const struct gw_tls_server_options *first, const struct gw_tls_server_options *second) {
  struct gw_tls_session_slot slot;
  struct gw_tls_client_options client = client_options();
  gw_tls_session_slot_init(&slot);
  assert_false(visit(first, &client, &slot));
  bool is_resumed = visit(second, &client, &slot);
  gw_tls_session_slot_done(&slot);
  return is_resumed;
}

static void test_ticket_of_an_older_context_with_the_same_keys_is_resumed(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_session_slot slot;
    struct gw_tls_server_options server = server_options(versions[v]);
    struct gw_tls_client_options client = client_options();
    gw_tls_session_slot_init(&slot);
    assert_false(visit(&server, &client, &slot));
    for (int i = 0; i < 3; i++)
      assert_true(visit(&server, &client, &slot));
    assert_int_equal(SSL_SESSION_get_max_early_data(slot.session), 0); /* no 0-RTT */
    gw_tls_session_slot_done(&slot);
  }
}

static void test_rotated_keys_still_open_what_the_old_one_sealed(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_server_options old = server_options(versions[v]);
    struct gw_tls_server_options rotated = old;
    rotated.ticket_keys = keys_b_then_a;
    rotated.ticket_key_count = 2;
    assert_true(is_resumed_between(&old, &rotated));
    assert_false(is_resumed_between(&rotated, &old)); /* sealed by the new one */
  }
}

static void test_other_keys_mean_a_full_handshake(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_server_options first = server_options(versions[v]);
    struct gw_tls_server_options second = first;
    second.ticket_keys = keys_b;
    assert_false(is_resumed_between(&first, &second));
  }
}

static void test_session_is_bound_to_the_listener(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_server_options first = server_options(versions[v]);
    struct gw_tls_server_options second = first;
    second.binding = GW_STR("other listener");
    assert_false(is_resumed_between(&first, &second));
  }
}

/* Or a ticket from where nobody is checked would open where everybody must be. */
static void test_session_is_bound_to_the_checks_of_clients(void **state) {
  (void)state;
  static const struct gw_tls_san_match any = {GW_TLS_SAN_URI, GW_TLS_SAN_PREFIX, GW_STR("spiffe:")};
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_server_options open = server_options(versions[v]);
    struct gw_tls_server_options optional = open;
    char *both = gw_asprintf("%s%s", ca.chain, other_ca.chain);
    optional.common.trusted_ca = gw_str_from(ca.chain);
    struct gw_tls_server_options required = optional;
    required.requires_client_certificate = true;
    struct gw_tls_server_options wider = required;
    wider.common.trusted_ca = gw_str_from(both);
    assert_false(is_resumed_between(&open, &required));
    assert_false(is_resumed_between(&open, &optional));
    assert_false(is_resumed_between(&optional, &required));
    assert_false(is_resumed_between(&wider, &required));
    assert_true(is_resumed_between(&required, &required)); /* and the certificate is still known */
    assert_true(is_resumed_between(&optional, &optional));
    struct pair pair;
    struct gw_tls_session_slot slot;
    struct gw_tls_client_options client_of_both = client_options();
    gw_tls_session_slot_init(&slot);
    assert_false(visit(&required, &client_of_both, &slot));
    required.common.sans = &any; /* which the client's certificate hasn't got */
    required.common.san_count = 1;
    struct gw_tls_context *server = server_of(&required);
    struct gw_tls_context *client = client_of(&client_of_both);
    pair_open(&pair, client, server, "a.example", &slot);
    end_send(&pair.client, pair.loop, GW_STR("request"));
    pair_run(&pair);
    assert_int_equal(pair.server.received.len, 0);
    assert_string_equal(gw_tls_failure(pair.server.transport.tls).data, "certificate has none of the expected names");
    pair_close(&pair);
    gw_tls_context_unref(client);
    gw_tls_context_unref(server);
    gw_tls_session_slot_done(&slot);
    free(both);
  }
}

static int accept_all(X509_STORE_CTX *store_ctx, void *arg) {
  (void)arg;
  X509_STORE_CTX_set_error(store_ctx, X509_V_OK);
  return 1;
}

/* The first server takes an expired certificate (its check is replaced), as if it had expired since. */
static void test_ticket_of_a_certificate_that_has_expired_is_not_resumed(void **state) {
  (void)state;
  struct issued expired = issue(&(struct issue){.common_name = "old", .issuer = &ca, .from_days = -10, .to_days = -1});
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_session_slot slot;
    struct gw_tls_server_options options = server_options(versions[v]);
    struct gw_tls_client_options client = client_options();
    client_pair = pair_of(&expired);
    options.common.trusted_ca = gw_str_from(ca.chain);
    gw_tls_session_slot_init(&slot);
    struct gw_tls_context *server = server_of(&options);
    SSL_CTX_set_cert_verify_callback(server->ssl_ctx, accept_all, NULL);
    assert_false(visit_as(server, &client, "a.example", &slot, true));
    assert_false(visit_as(server, &client, "a.example", &slot, true));
    gw_tls_context_unref(server);
    gw_tls_session_slot_done(&slot);
  }
  issued_done(&expired);
}

static void test_without_tickets_nothing_is_resumed(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_server_options server = server_options(versions[v]);
    server.has_no_tickets = true;
    assert_false(is_resumed_between(&server, &server));
  }
}

/* The server would resume; the client must not ask, since it would not look at the certificate again. */
static void test_client_offers_a_session_only_for_the_same_name_and_checks(void **state) {
  (void)state;
  for (size_t v = 0; v < GW_ARRAY_LEN(versions); v++) {
    struct gw_tls_session_slot slot;
    struct gw_tls_server_options options = server_options(versions[v]);
    struct gw_tls_client_options client = client_options();
    struct gw_tls_context *server = server_of(&options);
    char *both = gw_asprintf("%s%s", ca.chain, other_ca.chain);
    gw_tls_session_slot_init(&slot);
    assert_false(visit_as(server, &client, "a.example", &slot, false));
    assert_false(visit_as(server, &client, "b.example", &slot, false));
    assert_true(visit_as(server, &client, "b.example", &slot, false));
    client.common.trusted_ca = gw_str_from(both);
    assert_false(visit_as(server, &client, "b.example", &slot, false));
    client.checks_host = false;
    assert_false(visit_as(server, &client, "b.example", &slot, false));
    client.is_unverified = true;
    assert_false(visit_as(server, &client, "b.example", &slot, false));
    assert_true(visit_as(server, &client, "b.example", &slot, false));
    client.is_unverified = false;
    assert_false(visit_as(server, &client, "b.example", &slot, false));
    free(both);
    gw_tls_context_unref(server);
    gw_tls_session_slot_done(&slot);
  }
}

static void test_ticket_keys_of_a_wrong_size_are_a_mistake(void **state) {
  (void)state;
  static const struct gw_str small = {key_bytes[0], 48};
  struct gw_errors errors;
  struct gw_tls_server_options options = server_options(0);
  options.ticket_keys = &small;
  gw_errors_init(&errors);
  assert_null(gw_tls_context_new_server(&options, "listener", &errors));
  assert_int_equal(errors.error_count, 1);
  assert_string_equal(errors.items[0].sentence, "ticket key 1 has 48 bytes; 80 are wanted");
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ticket_of_an_older_context_with_the_same_keys_is_resumed),
      cmocka_unit_test(test_rotated_keys_still_open_what_the_old_one_sealed),
      cmocka_unit_test(test_other_keys_mean_a_full_handshake),
      cmocka_unit_test(test_session_is_bound_to_the_listener),
      cmocka_unit_test(test_session_is_bound_to_the_checks_of_clients),
      cmocka_unit_test(test_ticket_of_a_certificate_that_has_expired_is_not_resumed),
      cmocka_unit_test(test_without_tickets_nothing_is_resumed),
      cmocka_unit_test(test_client_offers_a_session_only_for_the_same_name_and_checks),
      cmocka_unit_test(test_ticket_keys_of_a_wrong_size_are_a_mistake),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
