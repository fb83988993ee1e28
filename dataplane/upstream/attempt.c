#include "dataplane/upstream/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/upstream/connection.h"

/* A server that sends interim answers without end is broken. */
#define INTERIM_MAX 16

/* Generous: what an own backend may send, not what a stranger may. */
static const struct gw_h1_limits response_limits = {.head_bytes = (size_t)64 * 1024, .header_count = 256};

/* Takes the connection away; the caller keeps or frees it. */
static struct gw_upstream_connection *detach(struct gw_attempt *attempt) {
  struct gw_upstream_connection *connection = attempt->connection;
  attempt->connection = NULL;
  connection->attempt = NULL;
  connection->pool->counts->requests_active--;
  return connection;
}

/* RFC 9110 section 9.2.2. */
static bool is_idempotent(enum gw_method method) {
  switch (method) {
  case GW_METHOD_GET:
  case GW_METHOD_HEAD:
  case GW_METHOD_PUT:
  case GW_METHOD_DELETE:
  case GW_METHOD_OPTIONS: return true;
  default: return false;
  }
}

/* A connection that was closed while idle takes the next request down unread. The request may go again when the server can't have acted
 * on it: it is idempotent, or what left was not yet a whole request. What was streamed is gone, so a body forbids it. */
static bool may_retry(const struct gw_attempt *attempt) {
  if (!attempt->is_reused || attempt->received_bytes > 0 || attempt->body_bytes > 0) return false;
  return is_idempotent(attempt->method) || !attempt->has_request_ended || attempt->sent_bytes == 0;
}

static void fail(struct gw_attempt *attempt, const struct gw_failure *failure) {
  const struct gw_attempt_calls *calls = attempt->calls;
  void *arg = attempt->arg;
  gw_upstream_connection_free(detach(attempt));
  calls->on_failure(arg, failure);
}

/* "connection_termination", and for a reused connection how long it had been idle: tells a keep-alive race from a crash. */
static struct gw_str reset_detail(const struct gw_attempt *attempt, const char *reason) {
  const char *phase = attempt->is_head_done ? "after" : "before";
  if (!attempt->is_reused) {
    return gw_str_from(gw_arena_printf(attempt->arena, "upstream_reset_%s_response_started{%s}", phase, reason));
  }
  return gw_str_from(gw_arena_printf(attempt->arena, "upstream_reset_%s_response_started{%s,reused,idle_ms=%llu}", phase, reason,
                                     (unsigned long long)attempt->idle_age_ms));
}

/* "connection refused" → "connection_refused": a machine word. */
static struct gw_str connect_detail(struct gw_arena *arena, const char *reason) {
  char *text = gw_arena_printf(arena, "upstream_reset_before_response_started{remote_connection_failure,%s}", reason);
  for (char *c = text; *c != '\0'; c++)
    if (*c == ' ') *c = '_';
  return gw_str_from(text);
}

static struct gw_failure connect_failure(struct gw_arena *arena, const char *reason) {
  return (struct gw_failure){.status = 503,
                             .side = GW_FAILURE_UPSTREAM,
                             .flag = GW_FLAG_UPSTREAM_CONNECT_FAILURE,
                             .detail = connect_detail(arena, reason),
                             .message = GW_STR("the service could not be connected to")};
}

void gw_attempt_on_connect_timeout(struct gw_attempt *attempt) {
  attempt->connection->pool->counts->connect_failures_total++;
  struct gw_failure failure = connect_failure(attempt->arena, "connect timeout");
  failure.retry_ok = attempt->body_bytes == 0;
  fail(attempt, &failure);
}

static void fail_protocol(struct gw_attempt *attempt, const char *reason) {
  struct gw_failure failure = {.status = 502,
                               .side = GW_FAILURE_UPSTREAM,
                               .flag = GW_FLAG_UPSTREAM_PROTOCOL_ERROR,
                               .detail = reset_detail(attempt, gw_arena_printf(attempt->arena, "protocol_error,%s", reason)),
                               .message = GW_STR("the service's answer could not be understood")};
  fail(attempt, &failure);
}

static void finish(struct gw_attempt *attempt, bool has_rest) {
  const struct gw_attempt_calls *calls = attempt->calls;
  void *arg = attempt->arg;
  struct gw_upstream_connection *connection = detach(attempt);
  if (attempt->may_keep && !has_rest && attempt->has_request_ended && !connection->is_write_broken && connection->out.len == 0) {
    gw_upstream_pool_put(connection->pool, connection);
  } else {
    gw_upstream_connection_free(connection);
  }
  calls->on_end(arg);
}

void gw_attempt_on_broken(struct gw_attempt *attempt, int error_number) {
  struct gw_upstream_connection *connection = attempt->connection;
  if (!connection->is_connected) {
    connection->pool->counts->connect_failures_total++;
    struct gw_failure failure = connect_failure(attempt->arena, error_number == 0 ? "closed" : strerror(error_number));
    failure.retry_ok = attempt->body_bytes == 0;
    fail(attempt, &failure);
    return;
  }
  if (error_number == 0 && attempt->is_head_done && attempt->body.kind == GW_H1_BODY_UNTIL_CLOSE) {
    attempt->may_keep = false;
    finish(attempt, false);
    return;
  }
  struct gw_failure failure = {.status = 502,
                               .side = GW_FAILURE_UPSTREAM,
                               .flag = GW_FLAG_UPSTREAM_TERMINATION,
                               .retry_ok = may_retry(attempt),
                               .detail = reset_detail(attempt, error_number == 0 ? "connection_termination" : "remote_reset"),
                               .message = GW_STR("the service closed the connection before it had answered")};
  fail(attempt, &failure);
}

void gw_attempt_on_connected(struct gw_attempt *attempt) {
  attempt->calls->on_connected(attempt->arg);
}

void gw_attempt_on_sent(struct gw_attempt *attempt, size_t sent) {
  attempt->sent_bytes += sent;
  if (attempt->is_above_watermark && attempt->connection->out.len < GW_ATTEMPT_LOW_WATERMARK) {
    attempt->is_above_watermark = false;
    attempt->calls->on_drained(attempt->arg);
  }
}

bool gw_attempt_wants_input(const struct gw_attempt *attempt) {
  return !attempt->is_paused;
}

/* The bytes of a whole head, in the stream's arena: what came earlier and the beginning of *input, which is cut off. GW_ERR_AGAIN: the
 * head is not whole, and *input is used up. */
static enum gw_err take_head_bytes(struct gw_attempt *attempt, struct gw_str *input, struct gw_str *ret_bytes) {
  struct gw_upstream_connection *connection = attempt->connection;
  size_t head_len = 0;
  if (connection->head == NULL) {
    size_t scanned = 0;
    enum gw_err err = gw_h1_find_head(input->data, input->len, &response_limits, &scanned, &head_len);
    if (err == GW_OK) {
      *ret_bytes = gw_arena_copy(attempt->arena, (struct gw_str){input->data, head_len});
      *input = gw_str_skip(*input, head_len);
      return GW_OK;
    }
    if (err != GW_ERR_AGAIN) return err;
    connection->head_scanned = scanned;
  }
  size_t old_len = connection->head_len;
  connection->head = gw_realloc_array(connection->head, old_len + input->len, 1);
  memcpy(connection->head + old_len, input->data, input->len);
  connection->head_len += input->len;
  enum gw_err err = gw_h1_find_head(connection->head, connection->head_len, &response_limits, &connection->head_scanned, &head_len);
  if (err == GW_ERR_AGAIN) *input = gw_str_skip(*input, input->len);
  if (err != GW_OK) return err;
  *ret_bytes = gw_arena_copy(attempt->arena, (struct gw_str){connection->head, head_len});
  *input = gw_str_skip(*input, head_len - old_len);
  free(connection->head);
  connection->head = NULL;
  connection->head_len = connection->head_scanned = 0;
  return GW_OK;
}

/* GW_OK: a head is there (final or interim). GW_ERR_AGAIN: wait. Else the attempt has failed. */
static enum gw_err take_head(struct gw_attempt *attempt, struct gw_str *input) {
  struct gw_str bytes;
  struct gw_str detail = GW_STR("head_too_large");
  enum gw_err err = take_head_bytes(attempt, input, &bytes);
  if (err == GW_ERR_AGAIN) return err;
  if (err == GW_OK) {
    err = gw_h1_parse_response(bytes, &response_limits, attempt->method, attempt->arena, &attempt->response, &attempt->may_keep, &detail);
  }
  if (err == GW_OK && attempt->response.status == 101) {
    detail = GW_STR("unrequested_upgrade");
    err = GW_ERR_INVALID;
  }
  bool is_interim = err == GW_OK && attempt->response.status < 200;
  if (is_interim && ++attempt->interim_count > INTERIM_MAX) {
    detail = GW_STR("too_many_interim_answers");
    err = GW_ERR_LIMIT;
  }
  if (err != GW_OK) {
    fail_protocol(attempt, gw_arena_printf(attempt->arena, "%.*s", GW_STR_ARG(detail)));
    return err;
  }
  attempt->is_head_done = !is_interim;
  return GW_OK;
}

static void take_body(struct gw_attempt *attempt, struct gw_str input) {
  while (!attempt->body.is_complete && input.len > 0) {
    struct gw_str data;
    size_t used;
    if (gw_h1_body_decode(&attempt->body, input, &data, &used) != GW_OK) {
      fail_protocol(attempt, "bad_chunk");
      return;
    }
    input = gw_str_skip(input, used);
    if (data.len > 0) {
      attempt->calls->on_body(attempt->arg, data);
      if (attempt->connection == NULL) return;
    } else if (used == 0) {
      break;
    }
  }
  if (attempt->body.is_complete) finish(attempt, input.len > 0);
}

void gw_attempt_on_input(struct gw_attempt *attempt, struct gw_str input) {
  attempt->received_bytes += input.len;
  while (!attempt->is_head_done) {
    if (input.len == 0) return;
    if (take_head(attempt, &input) != GW_OK) return;
    if (!attempt->is_head_done) continue;
    int64_t length = attempt->response.content_length;
    gw_h1_body_init(&attempt->body, length, attempt->response.is_chunked);
    attempt->calls->on_head(attempt->arg);
    if (attempt->connection == NULL) return;
  }
  take_body(attempt, input);
}

bool gw_attempt_start(struct gw_attempt *attempt, struct gw_upstream_pool *pool, bool is_new, const struct gw_request_head *head,
                      struct gw_arena *arena, const struct gw_attempt_calls *calls, void *arg, struct gw_failure *ret_failure) {
  struct gw_upstream_connection *connection = is_new ? NULL : gw_upstream_pool_take(pool);
  memset(attempt, 0, offsetof(struct gw_attempt, response));
  attempt->calls = calls;
  attempt->arg = arg;
  attempt->arena = arena;
  attempt->method = head->method;
  attempt->is_request_chunked = head->content_length == GW_LENGTH_UNKNOWN;
  if (connection != NULL) {
    attempt->is_reused = true;
    attempt->idle_age_ms = gw_loop_now_ms(pool->loop) - connection->idle_since_ms;
  } else if (gw_upstream_connection_new(pool, &connection) != GW_OK) {
    pool->counts->connections_total++;
    pool->counts->connect_failures_total++;
    *ret_failure = connect_failure(arena, strerror(errno));
    ret_failure->retry_ok = true;
    return false;
  }
  attempt->connection = connection;
  connection->attempt = attempt;
  pool->counts->requests_active++;
  gw_out_queue_add(&connection->out, gw_h1_encode_request(head, arena));
  gw_upstream_connection_flush_soon(connection);
  return true;
}

static void add_chunk_head(struct gw_out_queue *out, uint64_t len) {
  char text[GW_H1_CHUNK_HEAD_MAX];
  gw_out_queue_add_copy(out, gw_h1_encode_chunk_head(len, text));
}

bool gw_attempt_send_body(struct gw_attempt *attempt, struct gw_str data) {
  struct gw_upstream_connection *connection = attempt->connection;
  attempt->body_bytes += data.len;
  if (connection->is_write_broken || data.len == 0) return true;
  if (attempt->is_request_chunked) add_chunk_head(&connection->out, data.len);
  gw_out_queue_add(&connection->out, data);
  if (attempt->is_request_chunked) gw_out_queue_add(&connection->out, GW_STR("\r\n"));
  gw_upstream_connection_flush_soon(connection);
  /* What this callback adds, a read's worth, is on its way yet; only what the socket refused counts. */
  attempt->is_above_watermark = connection->out.len > GW_ATTEMPT_HIGH_WATERMARK;
  return !attempt->is_above_watermark;
}

void gw_attempt_send_end(struct gw_attempt *attempt) {
  struct gw_upstream_connection *connection = attempt->connection;
  attempt->has_request_ended = true;
  if (!attempt->is_request_chunked || connection->is_write_broken) return;
  gw_out_queue_add(&connection->out, GW_STR("0\r\n\r\n"));
  gw_upstream_connection_flush_soon(connection);
}

void gw_attempt_set_paused(struct gw_attempt *attempt, bool is_paused) {
  if (attempt->is_paused == is_paused) return;
  attempt->is_paused = is_paused;
  if (attempt->connection != NULL) gw_upstream_connection_update_interest(attempt->connection);
}

void gw_attempt_cancel(struct gw_attempt *attempt) {
  if (attempt->connection != NULL) gw_upstream_connection_free(detach(attempt));
}

bool gw_attempt_is_connected(const struct gw_attempt *attempt) {
  return attempt->connection != NULL && attempt->connection->is_connected;
}
