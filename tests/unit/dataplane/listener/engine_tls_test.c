/* TLS through the engine: clients with either protocol, services that are learnt by ALPN, secrets that are missing or change. */
#include "common/model/secret.h"
#include "tests/unit/common/net/tls_pair.h"
#include "tests/unit/dataplane/h2_backend.h"
#include "tests/unit/dataplane/h2_client.h"

static const struct fixture_route routes[] = {
    {.prefix = "/auto/", .cluster = "auto", .prefix_rewrite = "/"},
    {.prefix = "/strange/", .cluster = "strange", .prefix_rewrite = "/"},
    {.prefix = "/", .cluster = "backend"},
};

static const struct gw_str alpn[] = {{"h2", 2}, {"http/1.1", 8}};
static const struct gw_str certificate_name = {"cert", 4};

static struct fixture fixture;
static struct h2_backend service; /* with TLS */
static struct issued authority;
static struct issued leaf;
static struct issued next_leaf;
static const struct issued *served; /* by the listener; NULL: its secret is missing */
static unsigned secret_version;

static int make_certificates(void **state) {
  (void)state;
  authority = issue(&(struct issue){.common_name = "authority", .is_authority = true});
  leaf = issue(&(struct issue){.common_name = "one", .names = "DNS:a.example", .issuer = &authority});
  next_leaf = issue(&(struct issue){.common_name = "two", .names = "DNS:a.example", .issuer = &authority});
  return 0;
}

static int drop_certificates(void **state) {
  (void)state;
  issued_done(&next_leaf);
  issued_done(&leaf);
  issued_done(&authority);
  return 0;
}

static struct gw_resource *new_secret(const char *name, unsigned version, const struct gw_secret *secret) {
  struct gw_resource *resource = fixture_resource(GW_RESOURCE_SECRET, name, version);
  struct gw_secret *copy = gw_arena_calloc(&resource->arena, 1, sizeof(*copy));
  *copy = *secret;
  copy->name = resource->name;
  resource->secret = copy;
  return resource;
}

static struct gw_resource *tls_cluster(const char *name, const char *sni) {
  struct fixture_endpoint endpoint = {.address = "127.0.0.1", .port = service.port};
  struct gw_resource *resource = fixture_cluster(name, 1, GW_CLUSTER_STATIC, &endpoint, 1);
  struct gw_upstream_tls *tls = gw_arena_calloc(&resource->arena, 1, sizeof(*tls));
  struct gw_san_match *san = gw_arena_calloc(&resource->arena, 1, sizeof(*san));
  struct gw_cluster *cluster = (struct gw_cluster *)(uintptr_t)resource->cluster;
  *san = (struct gw_san_match){.kind = GW_SAN_DNS, .match = GW_STRING_MATCH_EXACT, .value = gw_str_from(sni)};
  tls->params =
      (struct gw_tls_params){.min_version = GW_TLS_1_2, .max_version = GW_TLS_1_3, .validation = GW_STR("ca"), .sans = san, .san_count = 1};
  tls->sni = gw_str_from(gw_arena_strdup(&resource->arena, sni));
  cluster->tls = tls;
  cluster->protocol = GW_UPSTREAM_AUTO;
  cluster->http2 = fixture_http2();
  return resource;
}

static void add_resources(struct fixture *f, struct gw_resource **resources) {
  (void)f;
  resources[0] = tls_cluster("auto", "a.example");
  resources[1] = tls_cluster("strange", "b.example");
  resources[2] = new_secret("ca", 1, &(struct gw_secret){.kind = GW_SECRET_VALIDATION, .trusted_ca = gw_str_from(authority.chain)});
  if (served == NULL) return;
  resources[3] = new_secret("cert", secret_version,
                            &(struct gw_secret){.kind = GW_SECRET_CERTIFICATE,
                                                .certificate_chain = gw_str_from(served->chain),
                                                .private_key = gw_str_from(served->key)});
}

static void with_tls(struct gw_http_connection_manager *http) {
  static const struct gw_downstream_tls tls = {
      .params = {.min_version = GW_TLS_1_2, .max_version = GW_TLS_1_3, .certificates = &certificate_name, .certificate_count = 1}};
  GW_CONTAINER_OF(http, struct gw_listener, http)->tls = &tls;
}

static void serve(const struct issued *certificate) {
  served = certificate;
  secret_version++;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), with_tls);
}

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  h2_backend_start(&service, fixture.loop);
  struct gw_tls_key_pair pair = pair_of(&leaf);
  service.tls =
      server_of(&(struct gw_tls_server_options){.common = {.certificates = &pair, .certificate_count = 1, .alpn = alpn, .alpn_count = 2},
                                                .has_no_tickets = true});
  fixture.add_resources = add_resources;
  serve(&leaf);
  return 0;
}

static int stop(void **state) {
  (void)state;
  h2_backend_stop(&service);
  gw_tls_context_unref(service.tls);
  fixture_stop(&fixture, NULL);
  return 0;
}

static struct gw_tls_context *client_context(bool speaks_h2) {
  return client_of(&(struct gw_tls_client_options){.common = {.trusted_ca = gw_str_from(authority.chain),
                                                              .alpn = speaks_h2 ? alpn : alpn + 1,
                                                              .alpn_count = 1},
                                                   .checks_host = true});
}

/* HTTP/2 over TLS. */
static struct h2_client *tls_client(void) {
  struct gw_h2_options options = h2_client_options();
  struct gw_tls_context *context = client_context(true);
  struct h2_client *client = h2_client_new_with(&fixture, &options, context);
  gw_tls_context_unref(context);
  return client;
}

/* ---- HTTP/1.1 over TLS ---- */

struct text_client {
  int fd;
  struct gw_io *io;
  struct gw_transport transport;
  struct gw_out_queue out;
  struct gw_strbuf in;
  bool is_closed;
};

static void text_on_io(void *arg, unsigned ready) {
  struct text_client *client = arg;
  struct gw_loop *loop = fixture.loop;
  size_t got = 0;
  enum gw_err err = GW_ERR_AGAIN;
  if ((ready & GW_IO_READ) != 0) err = gw_transport_read(&client->transport, loop, gw_loop_scratch(loop), GW_LOOP_SCRATCH_SIZE, &got);
  if (err == GW_OK) gw_strbuf_append(&client->in, gw_loop_scratch(loop), got);
  client->is_closed = err != GW_OK && err != GW_ERR_AGAIN;
  if (!client->is_closed) gw_transport_flush(&client->transport, loop, &client->out, NULL);
  gw_io_set(client->io, client->is_closed ? 0 : GW_IO_READ | gw_transport_interest(&client->transport, &client->out));
}

static struct text_client *text_new(const char *request) {
  struct text_client *client = gw_calloc(1, sizeof(*client));
  struct gw_tls_context *context = client_context(false);
  assert_int_equal(gw_socket_connect(&fixture.address, &client->fd), GW_OK);
  gw_transport_init_client(&client->transport, client->fd, fixture.loop, context, GW_STR("a.example"), NULL);
  gw_tls_context_unref(context);
  gw_out_queue_init(&client->out);
  gw_out_queue_add(&client->out, gw_str_from(request));
  client->io = gw_io_new(fixture.loop, client->fd, text_on_io, client);
  gw_io_set(client->io, GW_IO_READ | GW_IO_WRITE);
  return client;
}

static bool text_has(const struct text_client *client, const char *text) {
  return client->in.len > 0 && memmem(client->in.data, client->in.len, text, strlen(text)) != NULL;
}

static void text_free(struct text_client *client) {
  gw_io_free(client->io);
  gw_transport_done(&client->transport);
  gw_out_queue_done(&client->out);
  gw_strbuf_done(&client->in);
  close(client->fd);
  free(client);
}

/* ---- clients ---- */

static void test_alpn_decides_what_a_client_speaks(void **state) {
  (void)state;
  struct h2_client *h2 = tls_client();
  h2_assert_answer(h2_get(h2, "/ok"), 200, "hello");
  assert_non_null(strcasestr(fixture.backend.last_head, "x-forwarded-proto: https\r\n"));
  struct text_client *h1 = text_new("GET /ok HTTP/1.1\r\nHost: a.example\r\n\r\n");
  FIXTURE_UNTIL(&fixture, text_has(h1, "hello"));
  assert_true(text_has(h1, "HTTP/1.1 200 OK"));
  assert_non_null(strcasestr(fixture.backend.last_head, "x-forwarded-proto: https\r\n"));
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->tls_handshakes_total, 2);
  assert_int_equal(stats->tls_failures_total, 0);
  gw_stats_free(stats);
  text_free(h1);
  h2_client_free(h2);
}

static void test_big_bodies_pass_both_ways(void **state) {
  (void)state;
  static char filler[4 << 20];
  struct h2_client *client = tls_client();
  client->is_counting = true;
  struct h2_stream *download = h2_get(client, "/big/20000000");
  struct h2_stream *upload = h2_send(h2_stream_new(client, "POST", "/ok", sizeof(filler)));
  gw_h2_stream_send_body(&upload->h2, (struct gw_str){filler, sizeof(filler)});
  h2_end(upload);
  h2_wait_ended(download);
  h2_wait_ended(upload);
  assert_int_equal(download->received, 20000000);
  assert_int_equal(fixture.backend.body_bytes, sizeof(filler));
  h2_client_free(client);
}

static void test_plaintext_on_a_tls_port_is_refused_and_counted(void **state) {
  (void)state;
  static const char *const words[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", GW_H2_PREFACE};
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++) {
    struct client *client = client_new(&fixture);
    client_send(client, words[i]);
    client_wait_closed(client);
    if (client->in.len > 0) assert_null(memmem(client->in.data, client->in.len, "HTTP/", 5));
    client_free(client);
  }
  struct gw_stats *stats = gw_engine_copy_stats(fixture.engine);
  assert_int_equal(stats->tls_failures_total, 2);
  assert_int_equal(stats->requests_total, 0);
  assert_int_equal(stats->connections_active, 0);
  gw_stats_free(stats);
}

static void quick(struct gw_http_connection_manager *http) {
  with_tls(http);
  http->request_headers_timeout_ms = 30;
}

static void test_handshake_that_does_not_go_on_is_closed(void **state) {
  (void)state;
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), quick);
  struct client *client = client_new(&fixture);
  client_send(client, "\x16\x03\x01");
  client_wait_closed(client);
  client_free(client);
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
}

static void test_listener_without_its_secret_takes_no_connection(void **state) {
  (void)state;
  serve(NULL);
  struct client *client = client_new(&fixture);
  client_wait_closed(client);
  assert_int_equal(client->in.len, 0);
  client_free(client);
  serve(&leaf); /* it comes */
  struct h2_client *h2 = tls_client();
  h2_assert_answer(h2_get(h2, "/ok"), 200, "hello");
  h2_client_free(h2);
}

static struct gw_str subject_of(const struct h2_client *client, struct gw_arena *arena) {
  struct gw_certificate certificate;
  assert_int_equal(gw_tls_peer_certificate(client->transport.tls, arena, &certificate), GW_OK);
  return certificate.subject;
}

static void test_new_certificate_drops_no_connection(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct h2_client *before = tls_client();
  struct h2_stream *slow = h2_post(before, "/echo");
  h2_say(slow, "begun");
  FIXTURE_UNTIL(&fixture, fixture.backend.body_bytes > 0);
  serve(&next_leaf);
  struct h2_client *after = tls_client();
  h2_assert_answer(h2_get(after, "/ok"), 200, "hello");
  h2_end(slow);
  h2_assert_answer(slow, 200, "begun");
  h2_assert_answer(h2_get(before, "/ok"), 200, "hello");
  struct gw_str old = subject_of(before, &arena);
  struct gw_str new = subject_of(after, &arena);
  assert_non_null(memmem(old.data, old.len, "one", 3));
  assert_non_null(memmem(new.data, new.len, "two", 3));
  h2_client_free(before);
  h2_client_free(after);
  gw_arena_done(&arena);
}

/* ---- services ---- */

static void test_service_is_learnt_while_a_body_waits(void **state) {
  (void)state;
  struct text_client *h1 = text_new("POST /auto/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  struct h2_client *h2 = tls_client();
  struct h2_stream *stream = h2_send(h2_stream_new(h2, "POST", "/auto/echo", 5));
  h2_say(stream, "hello");
  h2_end(stream);
  h2_assert_answer(stream, 200, "hello");
  FIXTURE_UNTIL(&fixture, text_has(h1, "hello"));
  assert_true(text_has(h1, "200 OK"));
  text_free(h1);
  /* Chunks that wait come whole, and in order. */
  h2_backend_drop_connections(&service);
  serve(&next_leaf);
  h1 = text_new("POST /auto/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  FIXTURE_UNTIL(&fixture, text_has(h1, "abcdef"));
  text_free(h1);
  h2_client_free(h2);
}

static void test_service_that_is_somebody_else_is_503(void **state) {
  (void)state;
  struct h2_client *client = tls_client();
  struct h2_stream *stream = h2_get(client, "/strange/ok");
  h2_assert_answer(stream, 503, "could not be connected to");
  assert_int_equal(service.requests, 0);
  h2_client_free(client);
}

static void test_pool_outlives_the_configuration_that_it_was_made_for(void **state) {
  (void)state;
  struct h2_client *client = tls_client();
  h2_assert_answer(h2_get(client, "/auto/ok"), 200, "hello");
  for (int i = 0; i < 3; i++) {
    serve(&leaf);
    h2_backend_drop_connections(&service);
    h2_settle(&fixture);
    h2_assert_answer(h2_get(client, "/auto/ok"), 200, "hello");
  }
  h2_client_free(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_alpn_decides_what_a_client_speaks),
      TEST(test_big_bodies_pass_both_ways),
      TEST(test_plaintext_on_a_tls_port_is_refused_and_counted),
      TEST(test_handshake_that_does_not_go_on_is_closed),
      TEST(test_listener_without_its_secret_takes_no_connection),
      TEST(test_new_certificate_drops_no_connection),
      TEST(test_service_is_learnt_while_a_body_waits),
      TEST(test_service_that_is_somebody_else_is_503),
      TEST(test_pool_outlives_the_configuration_that_it_was_made_for),
  };
  return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
