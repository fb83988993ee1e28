#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "tests/unit/common/net/tls_pair.h"

/* What an idle TLS connection costs: a thousand of them, whose clients run first and are done with. */

#define CONNECTIONS 1000
/* With the allocator's own; a connection of OpenSSL alone has 14 KiB. */
#define BYTES_MAX_1_3 4096u
#define BYTES_MAX_1_2 16384u

static struct issued ca;
static struct issued leaf;
static char ticket_key_bytes[GW_TLS_TICKET_KEY_BYTES];

static int setup(void **state) {
  (void)state;
  ca = issue(&(struct issue){.common_name = "CA", .is_authority = true});
  leaf = issue(&(struct issue){.names = "DNS:a.example", .issuer = &ca});
  gw_random_secure(ticket_key_bytes, sizeof(ticket_key_bytes));
  return 0;
}

static int teardown(void **state) {
  (void)state;
  issued_done(&ca);
  issued_done(&leaf);
  return 0;
}

static size_t resident_bytes(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%*u %zu", &pages), 1);
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A request and an answer, then the client is taken away without a word: the server's transport is as idle as can be. */
static void make_idle(struct pair *pair) {
  end_send(&pair->client, pair->loop, GW_STR("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"));
  pair_run(pair);
  end_send(&pair->server, pair->loop, GW_STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  pair_run(pair);
  assert_true(pair_is_ready(pair));
}

static size_t bytes_per_connection(uint32_t version) {
  struct gw_str ticket_key = {ticket_key_bytes, sizeof(ticket_key_bytes)};
  struct gw_tls_key_pair key_pair = pair_of(&leaf);
  struct gw_tls_context *server =
      server_of(&(struct gw_tls_server_options){.common = {.certificates = &key_pair, .certificate_count = 1, .max_version = version},
                                                .ticket_keys = &ticket_key,
                                                .ticket_key_count = 1});
  struct gw_tls_context *client = client_of(&(struct gw_tls_client_options){.common = {.trusted_ca = gw_str_from(ca.chain)}});
  struct gw_transport *idle = gw_calloc(CONNECTIONS, sizeof(*idle));
  struct gw_loop *loop = gw_loop_new();
  size_t before = 0;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    if (i == CONNECTIONS / 10) before = resident_bytes(); /* what is there once has come by now */
    struct pair pair = {.loop = loop};
    end_open(&pair.client);
    end_open(&pair.server);
    gw_transport_init_client(&pair.client.transport, pair.client.fd, loop, client, GW_STR("a.example"), NULL);
    gw_transport_init_server(&pair.server.transport, pair.server.fd, loop, server);
    make_idle(&pair);
    idle[i] = pair.server.transport;
    pair.server.transport.tls = NULL;
    end_close(&pair.client);
    end_close(&pair.server);
    gw_strbuf_done(&pair.to_server);
    gw_strbuf_done(&pair.to_client);
  }
  size_t bytes = (resident_bytes() - before) / (CONNECTIONS - CONNECTIONS / 10);
  for (size_t i = 0; i < CONNECTIONS; i++)
    gw_transport_done(&idle[i]);
  free(idle);
  gw_loop_free(loop);
  gw_tls_context_unref(client);
  gw_tls_context_unref(server);
  malloc_trim(0);
  return bytes;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define IS_SANITIZED false
#endif

static void check(const char *version_name, uint32_t version, size_t bytes_max) {
  if (IS_SANITIZED) skip(); /* the sanitizer's own memory would be measured */
  size_t bytes = bytes_per_connection(version);
  print_message("resident bytes of an idle %s server connection: %zu\n", version_name, bytes);
  assert_true(bytes <= bytes_max);
}

static void test_idle_connection_of_tls_1_3_costs_little(void **state) {
  (void)state;
  check("TLS 1.3", GW_TLS_VERSION_1_3, BYTES_MAX_1_3);
}

static void test_idle_connection_of_tls_1_2_costs_what_openssl_keeps(void **state) {
  (void)state;
  check("TLS 1.2", GW_TLS_VERSION_1_2, BYTES_MAX_1_2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_idle_connection_of_tls_1_3_costs_little),
      cmocka_unit_test(test_idle_connection_of_tls_1_2_costs_what_openssl_keeps),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
