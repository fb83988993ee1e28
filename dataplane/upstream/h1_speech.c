/* HTTP/1.1 on an upstream connection: one attempt at a time. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/message/upgrade.h"
#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/handshake.h"

/* A server that sends interim answers without end is broken. */
#define INTERIM_MAX 16

/* Generous: what an own backend may send, not what a stranger may. */
static const struct gw_h1_limits response_limits = {.head_bytes = (size_t)64 * 1024, .header_count = 256};

static void init(struct gw_upstream_connection *connection) {
  memset(&connection->h1, 0, sizeof(connection->h1));
}

static void done(struct gw_upstream_connection *connection) {
  free(connection->h1.head);
  connection->h1.head = NULL;
}

static void on_connected(struct gw_upstream_connection *connection) {
  struct gw_attempt *attempt = connection->h1.attempt;
  if (attempt != NULL) gw_attempt_on_connected(attempt);
}

static void fail_protocol(struct gw_upstream_connection *connection, const char *reason) {
  struct gw_attempt *attempt = connection->h1.attempt;
  connection->h1.attempt = NULL;
  gw_upstream_connection_free(connection);
  gw_attempt_fail_protocol(attempt, reason);
}

static void finish(struct gw_upstream_connection *connection, bool has_rest) {
  struct gw_attempt *attempt = connection->h1.attempt;
  connection->h1.attempt = NULL;
  if (attempt->may_keep && !has_rest && attempt->has_request_ended && !connection->is_write_broken &&
      !gw_upstream_connection_has_output(connection)) {
    gw_upstream_pool_put(connection->pool, connection);
  } else {
    gw_upstream_connection_free(connection);
  }
  gw_attempt_finish(attempt);
}

/* The bytes of a whole head, in the stream's arena: what came earlier and the beginning of *input, which is cut off. GW_ERR_AGAIN: the
 * head is not whole, and *input is used up. */
static enum gw_err take_head_bytes(struct gw_upstream_connection *connection, struct gw_str *input, struct gw_str *ret_bytes) {
  struct gw_upstream_h1_state *h1 = &connection->h1;
  struct gw_arena *arena = h1->attempt->arena;
  size_t head_len = 0;
  if (h1->head == NULL) {
    size_t scanned = 0;
    enum gw_err err = gw_h1_find_head(input->data, input->len, &response_limits, &scanned, &head_len);
    if (err == GW_OK) {
      *ret_bytes = gw_arena_copy(arena, (struct gw_str){input->data, head_len});
      *input = gw_str_skip(*input, head_len);
      return GW_OK;
    }
    if (err != GW_ERR_AGAIN) return err;
    h1->head_scanned = scanned;
  }
  size_t old_len = h1->head_len;
  h1->head = gw_realloc_array(h1->head, old_len + input->len, 1);
  memcpy(h1->head + old_len, input->data, input->len);
  h1->head_len += input->len;
  enum gw_err err = gw_h1_find_head(h1->head, h1->head_len, &response_limits, &h1->head_scanned, &head_len);
  if (err == GW_ERR_AGAIN) *input = gw_str_skip(*input, input->len);
  if (err != GW_OK) return err;
  *ret_bytes = gw_arena_copy(arena, (struct gw_str){h1->head, head_len});
  *input = gw_str_skip(*input, head_len - old_len);
  done(connection);
  h1->head_len = h1->head_scanned = 0;
  return GW_OK;
}

/* What 101 means: the tunnel that was asked for, or nonsense. */
static enum gw_err check_switch(struct gw_attempt *attempt, struct gw_str *ret_detail) {
  *ret_detail = GW_STR("unrequested_upgrade");
  if (attempt->head->upgrade.len == 0 || !gw_upgrade_is_accepted(&attempt->response)) return GW_ERR_INVALID;
  *ret_detail = GW_STR("bad_websocket_accept");
  if (attempt->h1.websocket_key.len > 0 && !gw_handshake_take_answer(&attempt->response, attempt->h1.websocket_key)) return GW_ERR_INVALID;
  attempt->is_tunnel = true;
  attempt->may_keep = false;
  attempt->response.content_length = GW_LENGTH_UNKNOWN;
  return GW_OK;
}

/* GW_OK: a head is there (final or interim). GW_ERR_AGAIN: wait. Else the attempt has failed. */
static enum gw_err take_head(struct gw_upstream_connection *connection, struct gw_str *input) {
  struct gw_attempt *attempt = connection->h1.attempt;
  struct gw_str bytes;
  struct gw_str detail = GW_STR("head_too_large");
  enum gw_err err = take_head_bytes(connection, input, &bytes);
  if (err == GW_ERR_AGAIN) return err;
  if (err == GW_OK) {
    enum gw_method method = attempt->head->method;
    err = gw_h1_parse_response(bytes, &response_limits, method, attempt->arena, &attempt->response, &attempt->may_keep, &detail);
  }
  if (err == GW_OK && attempt->response.status == 101) err = check_switch(attempt, &detail);
  bool is_interim = err == GW_OK && attempt->response.status < 200 && !attempt->is_tunnel;
  if (is_interim && ++attempt->interim_count > INTERIM_MAX) {
    detail = GW_STR("too_many_interim_answers");
    err = GW_ERR_LIMIT;
  }
  if (err != GW_OK) {
    fail_protocol(connection, gw_arena_printf(attempt->arena, "%.*s", GW_STR_ARG(detail)));
    return err;
  }
  attempt->is_head_done = !is_interim;
  return GW_OK;
}

static void take_body(struct gw_upstream_connection *connection, struct gw_str input) {
  struct gw_attempt *attempt = connection->h1.attempt;
  struct gw_h1_body *body = &attempt->h1.body;
  while (!body->is_complete && input.len > 0) {
    struct gw_str data;
    size_t used;
    if (gw_h1_body_decode(body, input, &data, &used) != GW_OK) {
      fail_protocol(connection, "bad_chunk");
      return;
    }
    input = gw_str_skip(input, used);
    if (data.len > 0) {
      attempt->calls->on_body(attempt->arg, data);
      if (connection->h1.attempt == NULL) return;
    } else if (used == 0) {
      break;
    }
  }
  if (!body->is_complete) return;
  attempt->trailers = body->trailers;
  finish(connection, input.len > 0);
}

static void on_input(struct gw_upstream_connection *connection, struct gw_str input) {
  struct gw_attempt *attempt = connection->h1.attempt;
  if (attempt == NULL) {
    /* An answer that nobody asked for. */
    gw_upstream_connection_free(connection);
    return;
  }
  attempt->received_bytes += input.len;
  while (!attempt->is_head_done) {
    if (input.len == 0) return;
    if (take_head(connection, &input) != GW_OK) return;
    if (!attempt->is_head_done) continue;
    gw_h1_body_init(&attempt->h1.body, attempt->response.content_length, attempt->response.is_chunked);
    gw_h1_body_collect_trailers(&attempt->h1.body, attempt->arena);
    gw_attempt_give_head(attempt);
    if (connection->h1.attempt == NULL) return;
  }
  take_body(connection, input);
}

static void on_flushed(struct gw_upstream_connection *connection, size_t sent) {
  struct gw_attempt *attempt = connection->h1.attempt;
  if (attempt == NULL) return;
  attempt->sent_bytes += sent;
  if (connection->h1.ends_after_flush && !gw_upstream_connection_has_output(connection)) {
    connection->h1.ends_after_flush = gw_transport_shutdown(&connection->transport, connection->pool->options.loop) == GW_ERR_AGAIN;
  }
  if (attempt->is_above_watermark && connection->out.len < GW_ATTEMPT_LOW_WATERMARK) {
    attempt->is_above_watermark = false;
    attempt->calls->on_drained(attempt->arg);
  }
}

static void on_broken(struct gw_upstream_connection *connection, const struct gw_upstream_break *why) {
  struct gw_attempt *attempt = connection->h1.attempt;
  if (attempt == NULL) return;
  bool is_end = why->error_number == 0 && !why->is_timeout && attempt->is_head_done && attempt->h1.body.kind == GW_H1_BODY_UNTIL_CLOSE;
  if (connection->is_connected && is_end) {
    attempt->may_keep = false;
    finish(connection, false);
    return;
  }
  connection->h1.attempt = NULL;
  bool is_connected = connection->is_connected;
  gw_upstream_connection_free(connection);
  if (is_connected) {
    gw_attempt_fail_reset(attempt, why->error_number == 0 ? "connection_termination" : "remote_reset", false);
  } else {
    gw_attempt_fail_connect(attempt, why);
  }
}

static bool wants_input(const struct gw_upstream_connection *connection) {
  return connection->h1.attempt == NULL || !connection->h1.attempt->is_paused;
}

/* ---- the attempt's side ---- */

static enum gw_err begin(struct gw_attempt *attempt, struct gw_upstream_connection *connection, const struct gw_request_head *head) {
  connection->h1.attempt = attempt;
  connection->can_wait = attempt->can_wait;
  attempt->h1.is_request_chunked = head->content_length == GW_LENGTH_UNKNOWN;
  if (head->upgrade.len > 0) {
    struct gw_request_head with = gw_handshake_with_key(head, attempt->arena, connection->pool->options.random, &attempt->h1.websocket_key);
    gw_out_queue_add(&connection->out, gw_h1_encode_request(&with, attempt->arena));
  } else {
    gw_out_queue_add(&connection->out, gw_h1_encode_request(head, attempt->arena));
  }
  gw_upstream_connection_flush_soon(connection);
  return GW_OK;
}

static void add_chunk_head(struct gw_out_queue *out, uint64_t len) {
  char text[GW_H1_CHUNK_HEAD_MAX];
  gw_out_queue_add_copy(out, gw_h1_encode_chunk_head(len, text));
}

static bool send_body(struct gw_attempt *attempt, struct gw_str data) {
  struct gw_upstream_connection *connection = attempt->connection;
  if (connection->is_write_broken) return true;
  if (attempt->h1.is_request_chunked) add_chunk_head(&connection->out, data.len);
  gw_out_queue_add(&connection->out, data);
  if (attempt->h1.is_request_chunked) gw_out_queue_add(&connection->out, GW_STR("\r\n"));
  gw_upstream_connection_flush_soon(connection);
  /* What this callback adds, a read's worth, is on its way yet; only what the socket refused counts. */
  attempt->is_above_watermark = connection->out.len > GW_ATTEMPT_HIGH_WATERMARK;
  return !attempt->is_above_watermark;
}

static void send_end(struct gw_attempt *attempt, const struct gw_headers *trailers) {
  struct gw_upstream_connection *connection = attempt->connection;
  if (connection->is_write_broken) return;
  connection->h1.ends_after_flush = attempt->is_tunnel;
  if (attempt->h1.is_request_chunked) gw_out_queue_add(&connection->out, gw_h1_encode_last_chunk(trailers, attempt->arena));
  if (attempt->h1.is_request_chunked || attempt->is_tunnel) gw_upstream_connection_flush_soon(connection);
}

static void set_paused(struct gw_attempt *attempt, bool is_paused) {
  (void)is_paused;
  gw_upstream_connection_update_interest(attempt->connection);
}

/* An answer may be on its way, whole or in part: nothing else can follow it here. */
static void cancel(struct gw_attempt *attempt, struct gw_upstream_connection *connection) {
  (void)attempt;
  connection->h1.attempt = NULL;
  gw_upstream_connection_free(connection);
}

const struct gw_upstream_speech gw_upstream_h1 = {
    .init = init,
    .done = done,
    .on_connected = on_connected,
    .on_input = on_input,
    .on_flushed = on_flushed,
    .on_broken = on_broken,
    .wants_input = wants_input,
    .begin = begin,
    .send_body = send_body,
    .send_end = send_end,
    .set_paused = set_paused,
    .cancel = cancel,
};
