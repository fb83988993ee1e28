/* OTLP/HTTP with protobuf: POSTs on one connection that is kept while the collector keeps it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/http/h1_codec.h"
#include "common/net/socket.h"
#include "common/net/transport.h"
#include "common/otlp/exporter_internal.h"

#define ANSWER_MAX ((size_t)65536)
#define WAIT_MAX_MS 60000u /* of Retry-After */

struct http_way {
  struct gw_otlp_exporter *exporter;
  const struct gw_otlp_runtime *runtime;
  const struct gw_otlp_options *options;
  struct gw_tls_context *tls; /* NULL: plaintext */
  struct gw_timer timeout;    /* runs while a request is under way */
  /* The connection; io NULL: there is none. */
  struct gw_io *io;
  struct gw_transport transport;
  struct gw_out_queue out;
  uint32_t target; /* that it leads to */
  bool is_connected;
  bool was_used; /* an answer has come on it: the collector may close it any time */
  struct gw_resolver_query *query;
  /* The request. */
  uint32_t wanted; /* target */
  struct gw_bytes *const *parts;
  size_t part_count;
  struct gw_arena arena; /* of its head and the answer's */
  struct gw_strbuf in;
  size_t scanned;
  bool has_head;
  bool keeps_alive;
  struct gw_response_head head;
  struct gw_h1_body body;
  struct gw_strbuf text; /* of the body */
};

/* ---- the end of a request ---- */

static void close_connection(struct http_way *way) {
  if (way->query != NULL) gw_resolver_cancel(way->query);
  way->query = NULL;
  if (way->io == NULL) return;
  gw_io_free(way->io);
  way->io = NULL;
  gw_transport_done(&way->transport);
  gw_out_queue_done(&way->out);
  close(way->transport.fd);
}

static void answer(struct http_way *way, const struct otlp_answer *what) {
  gw_timer_stop(&way->timeout);
  way->parts = NULL;
  otlp_exporter_on_answer(way->exporter, what);
}

static void connect_to_target(struct http_way *way);

/* Nothing of an answer came. A connection that had served before was perhaps closed in good order meanwhile: that is no failure. */
static void fail(struct http_way *way, const char *reason) {
  bool is_race = way->was_used && way->in.len == 0 && !way->has_head;
  close_connection(way);
  if (way->parts == NULL) return; /* it was idle */
  if (is_race) {
    connect_to_target(way);
    return;
  }
  answer(way, &(struct otlp_answer){.outcome = OTLP_RETRY, .reason = gw_str_from(reason)});
}

static void on_timeout(struct gw_timer *timer) {
  struct http_way *way = GW_CONTAINER_OF(timer, struct http_way, timeout);
  way->was_used = false;
  fail(way, "no answer in time");
}

/* Seconds; a date is taken for none. */
static uint64_t retry_after_ms(const struct gw_response_head *head) {
  const struct gw_header *field = gw_headers_find(&head->headers, GW_HEADER_RETRY_AFTER);
  uint64_t seconds = 0;
  if (field == NULL || gw_str_parse_u64(field->value, &seconds) != GW_OK) return 0;
  return seconds < WAIT_MAX_MS / 1000 ? seconds * 1000 : WAIT_MAX_MS;
}

static void on_answered(struct http_way *way) {
  uint32_t status = way->head.status;
  struct otlp_answer what = {.outcome = OTLP_REFUSED, .reason = GW_STR("no answer that can be read")};
  char sentence[32];
  way->was_used = true;
  if (!way->keeps_alive) close_connection(way);
  if (status == 200) {
    otlp_answer_parse(gw_strbuf_str(&way->text), &what);
  } else {
    bool may_retry = status == 429 || status == 502 || status == 503 || status == 504;
    snprintf(sentence, sizeof(sentence), "HTTP status %u", status);
    what = (struct otlp_answer){.outcome = may_retry ? OTLP_RETRY : OTLP_REFUSED,
                                .wait_ms = retry_after_ms(&way->head),
                                .reason = gw_str_from(sentence)};
  }
  answer(way, &what);
}

/* ---- receiving ---- */

/* GW_ERR_AGAIN: more is needed. */
static enum gw_err take_head(struct http_way *way) {
  static const struct gw_h1_limits limits = {.head_bytes = 16384, .header_count = 100};
  size_t len;
  struct gw_str detail;
  enum gw_err err = gw_h1_find_head(way->in.data, way->in.len, &limits, &way->scanned, &len);
  if (err != GW_OK) return err;
  struct gw_str bytes = gw_arena_copy(&way->arena, (struct gw_str){way->in.data, len});
  err = gw_h1_parse_response(bytes, &limits, GW_METHOD_POST, &way->arena, &way->head, &way->keeps_alive, &detail);
  if (err != GW_OK) return err;
  memmove(way->in.data, way->in.data + len, way->in.len - len);
  way->in.len -= len;
  way->scanned = 0;
  if (way->head.status >= 100 && way->head.status < 200) return take_head(way);
  gw_h1_body_init(&way->body, way->head.content_length, way->head.is_chunked);
  way->has_head = true;
  return GW_OK;
}

static enum gw_err take_body(struct http_way *way) {
  struct gw_str input = gw_strbuf_str(&way->in), data;
  size_t used = 1;
  enum gw_err err = GW_OK;
  while (err == GW_OK && used > 0 && !way->body.is_complete) {
    err = gw_h1_body_decode(&way->body, input, &data, &used);
    if (err != GW_OK) break;
    if (way->text.len + data.len > ANSWER_MAX) return GW_ERR_LIMIT;
    gw_strbuf_append_str(&way->text, data);
    input = gw_str_skip(input, used);
  }
  gw_strbuf_clear(&way->in);
  return err;
}

static void take_input(struct http_way *way, struct gw_str input) {
  if (way->parts == NULL) { /* nobody asked */
    close_connection(way);
    return;
  }
  gw_strbuf_append_str(&way->in, input);
  enum gw_err err = way->has_head ? GW_OK : take_head(way);
  if (err == GW_OK) err = take_body(way);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    fail(way, "an answer that is no HTTP/1.1, or too long");
  } else if (err == GW_OK && way->body.is_complete) {
    on_answered(way);
  }
}

/* ---- the connection ---- */

static void update_interest(struct http_way *way) {
  unsigned interest = GW_IO_READ | gw_transport_interest(&way->transport, &way->out);
  gw_io_set(way->io, way->is_connected ? interest : interest | GW_IO_WRITE);
}

static const char *failure_of(const struct http_way *way, enum gw_err err) {
  if (way->transport.tls != NULL && gw_tls_failure(way->transport.tls).len > 0) return gw_tls_failure(way->transport.tls).data;
  return err == GW_ERR_CLOSED ? "the connection was closed" : strerror(errno);
}

static void flush(struct http_way *way) {
  size_t sent = 0;
  enum gw_err err = gw_transport_flush(&way->transport, way->runtime->loop, &way->out, &sent);
  if (err == GW_OK || err == GW_ERR_AGAIN) {
    update_interest(way);
  } else {
    fail(way, failure_of(way, err));
  }
}

static void on_readable(struct http_way *way) {
  char *scratch = gw_loop_scratch(way->runtime->loop);
  size_t got = 0;
  enum gw_err err = gw_transport_read(&way->transport, way->runtime->loop, scratch, GW_LOOP_SCRATCH_SIZE, &got);
  if (err == GW_ERR_CLOSED && way->has_head && way->body.kind == GW_H1_BODY_UNTIL_CLOSE) {
    way->keeps_alive = false;
    on_answered(way);
  } else if (err != GW_OK && err != GW_ERR_AGAIN) {
    fail(way, failure_of(way, err));
  } else if (err == GW_OK) {
    take_input(way, (struct gw_str){scratch, got});
  }
}

static void on_io(void *arg, unsigned ready) {
  struct http_way *way = arg;
  if (!way->is_connected) {
    int error_number = gw_socket_take_error(way->transport.fd);
    if (error_number != 0) {
      fail(way, strerror(error_number));
      return;
    }
    way->is_connected = true;
    ready |= GW_IO_WRITE;
  }
  if ((ready & GW_IO_READ) != 0) on_readable(way);
  if (way->io != NULL) flush(way);
}

static void queue_request(struct http_way *way) {
  const struct gw_otlp_options *options = way->options;
  size_t body_len = 0;
  for (size_t i = 0; i < way->part_count; i++)
    body_len += way->parts[i]->len;
  struct gw_request_head head = {.method = GW_METHOD_POST,
                                 .method_name = GW_STR("POST"),
                                 .path = options->path,
                                 .authority = options->authority.len > 0 ? options->authority : options->targets[way->wanted],
                                 .version = GW_HTTP_1_1,
                                 .content_length = (int64_t)body_len};
  gw_headers_init(&head.headers, &way->arena, options->header_count + 2);
  gw_headers_add(&head.headers, &way->arena, GW_HEADER_CONTENT_TYPE, GW_STR("content-type"), GW_STR("application/x-protobuf"));
  gw_headers_add(&head.headers, &way->arena, GW_HEADER_USER_AGENT, GW_STR("user-agent"), GW_STR("gateway"));
  for (uint32_t i = 0; i < options->header_count; i++)
    gw_headers_add(&head.headers, &way->arena, GW_HEADER_OTHER, options->headers[i].key, options->headers[i].value);
  gw_out_queue_add(&way->out, gw_h1_encode_request(&head, &way->arena));
  for (size_t i = 0; i < way->part_count; i++)
    gw_out_queue_add(&way->out, gw_bytes_str(way->parts[i]));
}

static void reset_answer(struct http_way *way) {
  gw_arena_reset(&way->arena);
  gw_strbuf_clear(&way->in);
  gw_strbuf_clear(&way->text);
  way->scanned = 0;
  way->has_head = false;
}

static void connect_to(struct http_way *way, const struct gw_address *address) {
  int fd;
  way->was_used = false;
  if (gw_socket_connect(address, &fd) != GW_OK) {
    fail(way, strerror(errno));
    return;
  }
  struct gw_str host = {NULL, 0};
  uint16_t port;
  gw_address_split(way->options->targets[way->wanted], &host, &port);
  if (way->tls != NULL) {
    if (way->options->tls->host.len > 0) host = way->options->tls->host;
    gw_transport_init_client(&way->transport, fd, way->runtime->loop, way->tls, host, NULL);
  } else {
    gw_transport_init(&way->transport, fd);
  }
  gw_out_queue_init(&way->out);
  way->io = gw_io_new(way->runtime->loop, fd, on_io, way);
  way->target = way->wanted;
  way->is_connected = false;
  reset_answer(way);
  queue_request(way);
  gw_out_queue_keep(&way->out);
  update_interest(way);
}

static void on_resolved(void *arg, enum gw_err err, const struct gw_address *addresses, uint32_t count, const char *reason) {
  struct http_way *way = arg;
  (void)count;
  way->query = NULL;
  if (err != GW_OK) {
    fail(way, reason);
  } else {
    connect_to(way, &addresses[0]);
  }
}

static void connect_to_target(struct http_way *way) {
  struct gw_str host;
  uint16_t port = 0;
  struct gw_address address;
  if (gw_address_parse(way->options->targets[way->wanted], &address) == GW_OK) {
    connect_to(way, &address);
  } else if (gw_address_split(way->options->targets[way->wanted], &host, &port) == GW_OK) {
    way->query = gw_resolver_resolve(way->runtime->resolver, host, port, on_resolved, way);
  } else {
    fail(way, "this is no HOST:PORT");
  }
}

static void send_request(void *state, uint32_t target, struct gw_bytes *const *parts, size_t part_count) {
  struct http_way *way = state;
  way->wanted = target;
  way->parts = parts;
  way->part_count = part_count;
  gw_timer_start(way->runtime->loop, &way->timeout, way->options->timeout_ms);
  if (way->io != NULL && way->target != target) close_connection(way);
  if (way->io == NULL) {
    connect_to_target(way);
    return;
  }
  reset_answer(way);
  queue_request(way);
  flush(way);
}

/* ---- life ---- */

static void free_way(void *state) {
  struct http_way *way = state;
  gw_timer_stop(&way->timeout);
  close_connection(way);
  gw_tls_context_unref(way->tls);
  gw_arena_done(&way->arena);
  gw_strbuf_done(&way->in);
  gw_strbuf_done(&way->text);
  free(way);
}

static void *new_way(struct gw_otlp_exporter *exporter, const struct gw_otlp_runtime *runtime, const struct gw_otlp_options *options,
                     const char *place, struct gw_errors *errors) {
  struct http_way *way = gw_calloc(1, sizeof(*way));
  way->exporter = exporter;
  way->runtime = runtime;
  way->options = options;
  gw_arena_init(&way->arena, 2048);
  gw_strbuf_init(&way->in);
  gw_strbuf_init(&way->text);
  gw_timer_init(&way->timeout, on_timeout);
  if (options->tls == NULL) return way;
  struct gw_tls_key_pair pair = {.name = GW_STR("certificate"), .certificate_chain = options->tls->cert, .private_key = options->tls->key};
  struct gw_tls_client_options tls = {.common = {.trusted_ca = options->tls->ca, .certificates = &pair}, .checks_host = true};
  tls.common.certificate_count = options->tls->cert.len > 0;
  way->tls = gw_tls_context_new_client(&tls, place, errors);
  if (way->tls != NULL) return way;
  free_way(way);
  return NULL;
}

const struct otlp_way otlp_http = {.new = new_way, .free = free_way, .send = send_request};
