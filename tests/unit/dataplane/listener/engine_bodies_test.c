/* Bodies through the engine: framings, back-pressure on both sides, answers that come early. */
#include <malloc.h>

#include "tests/unit/dataplane/engine_fixture.h"

static const struct fixture_route routes[] = {
    {.prefix = "/direct", .status = 403, .body = "no"},
    {.prefix = "/", .cluster = "backend"},
};

static struct fixture fixture;

static int start(void **state) {
  *state = &fixture;
  fixture_start(&fixture);
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), NULL);
  return 0;
}

static int stop(void **state) {
  (void)state;
  fixture_stop(&fixture, NULL);
  return 0;
}

static void test_chunked_request_arrives_chunked(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  gw_loop_run_once(fixture.loop, 20);
  client_send(client, "4;x=y\r\ndefg\r\n0\r\nTrailer: x\r\n\r\nGET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "hello");
  FIXTURE_HAS(client->in.data, "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"); /* as the backend saw it */
  client_free(client);
}

static void test_download_waits_for_a_slow_client_in_constant_memory(void **state) {
  (void)state;
  const uint64_t size = 64u << 20;
  struct client *client = client_new(&fixture);
  char request[128];
  client->is_counting = true;
  snprintf(request, sizeof(request), "GET /big/%llu HTTP/1.1\r\nHost: a\r\n\r\n", (unsigned long long)size);
  client_send(client, request);
  FIXTURE_UNTIL(&fixture, client->received > 0);
  gw_io_set(client->io, 0);
  struct backend_connection *connection = GW_LIST_ITEM(fixture.backend.connections.next, struct backend_connection, node);
  uint64_t left;
  /* Until nothing moves any more. */
  do {
    left = connection->fill_left;
    gw_loop_run_once(fixture.loop, 50);
  } while (connection->fill_left != left);
  assert_true(left > size / 4); /* what sockets hold, and 256 KiB of ours */
  gw_io_set(client->io, GW_IO_READ);
  FIXTURE_UNTIL(&fixture, client->received > size);
  assert_true(gw_list_is_linked(&connection->node));
  client_free(client);
}

/* Keeps the socket full. */
struct uploader {
  struct client *client;
  struct gw_io *io;
  uint64_t left;
  uint64_t sent;
};

static void on_writable(void *arg, unsigned ready) {
  (void)ready;
  struct uploader *uploader = arg;
  static char filler[65536];
  size_t piece = uploader->left < sizeof(filler) ? (size_t)uploader->left : sizeof(filler);
  ssize_t sent = send(uploader->client->fd, filler, piece, MSG_NOSIGNAL);
  if (sent <= 0) return;
  uploader->left -= (uint64_t)sent;
  uploader->sent += (uint64_t)sent;
  if (uploader->left == 0) gw_io_set(uploader->io, 0);
}

static void upload_start(struct uploader *uploader, struct client *client, const char *path, uint64_t size) {
  char head[256];
  snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %llu\r\n\r\n", path, (unsigned long long)size);
  client_send(client, head);
  /* The same socket is watched twice, so by a duplicate. */
  *uploader = (struct uploader){.client = client, .left = size};
  uploader->io = gw_io_new(fixture.loop, dup(client->fd), on_writable, uploader);
  gw_io_set(uploader->io, GW_IO_WRITE);
}

static void upload_stop(struct uploader *uploader, int fd) {
  gw_io_free(uploader->io);
  close(fd);
}

static void test_upload_waits_for_a_slow_service(void **state) {
  (void)state;
  const uint64_t size = 64u << 20;
  struct client *client = client_new(&fixture);
  struct uploader uploader;
  int next_fd = dup(client->fd);
  close(next_fd); /* the number that upload_start gets */
  fixture.backend.is_paused = true;
  upload_start(&uploader, client, "/ok", size);
  uint64_t sent;
  do {
    sent = uploader.sent;
    gw_loop_run_once(fixture.loop, 50);
    gw_loop_run_once(fixture.loop, 50);
  } while (uploader.sent != sent || sent == 0);
  assert_true(uploader.left > size / 4);
  backend_resume(&fixture.backend);
  client_wait(client, "hello");
  assert_int_equal(fixture.backend.body_bytes, size);
  upload_stop(&uploader, next_fd);
  client_free(client);
}

static void test_early_answer_reaches_a_client_that_still_sends(void **state) {
  (void)state;
  static const char *const paths[] = {"/direct", "/early"};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++) {
    struct client *client = client_new(&fixture);
    struct uploader uploader;
    int next_fd = dup(client->fd);
    close(next_fd);
    upload_start(&uploader, client, paths[i], 8u << 20);
    client_wait_closed(client);
    assert_int_equal(client->error, 0);
    assert_non_null(strcasestr(client->in.data, "connection: close"));
    FIXTURE_HAS(client->in.data, i == 0 ? "403 Forbidden" : "413 ");
    upload_stop(&uploader, next_fd);
    client_free(client);
  }
}

static void test_small_rest_of_a_body_is_thrown_away_and_the_connection_kept(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /direct HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
  client_wait(client, "403 Forbidden");
  FIXTURE_LACKS(client->in.data, "connection: close");
  client_send(client, "56789GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "hello");
  client_clear(client);
  client_send(client, "POST /direct HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
  client_wait(client, "403 Forbidden");
  client_send(client, "abc");
  gw_loop_run_once(fixture.loop, 20);
  client_clear(client);
  client_send(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
  client_wait(client, "hello");
  client_free(client);
}

static void test_bad_chunk_in_a_request_is_400(void **state) {
  (void)state;
  struct client *client = client_new(&fixture);
  client_send(client, "POST /ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  client_wait_closed(client);
  FIXTURE_HAS(client->in.data, "400 Bad Request");
  client_free(client);
  FIXTURE_UNTIL(&fixture, gw_list_is_empty(&fixture.backend.connections));
}

static void test_idle_connections_hold_little_memory(void **state) {
  (void)state;
  enum { COUNT = 400 };
  struct client *clients[COUNT];
  for (int i = 0; i < COUNT; i++) {
    clients[i] = client_new(&fixture);
    client_send(clients[i], "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
    client_wait(clients[i], "hello");
    gw_strbuf_done(&clients[i]->in);
  }
  assert_int_equal(gw_engine_connection_count(fixture.engine), COUNT);
#ifndef __SANITIZE_ADDRESS__
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < COUNT; i++)
    shutdown(clients[i]->fd, SHUT_WR);
  FIXTURE_UNTIL(&fixture, gw_engine_connection_count(fixture.engine) == 0);
  size_t each = (before - mallinfo2().uordblks) / COUNT;
  if (each > 512) fail_msg("an idle connection holds %zu bytes", each);
#endif
  for (int i = 0; i < COUNT; i++)
    client_free(clients[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_chunked_request_arrives_chunked, start, stop),
      cmocka_unit_test_setup_teardown(test_download_waits_for_a_slow_client_in_constant_memory, start, stop),
      cmocka_unit_test_setup_teardown(test_upload_waits_for_a_slow_service, start, stop),
      cmocka_unit_test_setup_teardown(test_early_answer_reaches_a_client_that_still_sends, start, stop),
      cmocka_unit_test_setup_teardown(test_small_rest_of_a_body_is_thrown_away_and_the_connection_kept, start, stop),
      cmocka_unit_test_setup_teardown(test_bad_chunk_in_a_request_is_400, start, stop),
      cmocka_unit_test_setup_teardown(test_idle_connections_hold_little_memory, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
