/* An exporter and a collector of few lines on one loop. */
#include "common/otlp/exporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/socket.h"
#include "common/otlp/span.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest Request;

#define CONNECTIONS_MAX 8

/* Answers each POST with the next of `answers`, the last one for ever. */
struct collector {
  struct gw_loop *loop;
  int fd;
  char target[32];
  struct gw_io *io;
  struct connection {
    struct collector *collector;
    int fd;
    struct gw_io *io;
    struct gw_strbuf in;
  } connections[CONNECTIONS_MAX];
  uint32_t connection_count;
  const char *const *answers;
  uint32_t request_count;
  size_t span_count; /* of all requests */
  char head[1024];   /* of the last one */
  char service[64];  /* service.name of the last one */
};

struct stage {
  struct gw_loop *loop;
  struct gw_mailbox *mailbox;
  struct gw_resolver *resolver;
  struct gw_span_budget budget;
  struct gw_otlp_counts counts;
  struct gw_span_sink *sink;
  struct gw_otlp_exporter *exporter;
  struct collector collector;
  uint32_t done_count;
};

#define WAIT_FOR(loop, condition)                                                                                                          \
  do {                                                                                                                                     \
    uint64_t wait_until_us = gw_clock_monotonic_us() + 20u * 1000000u;                                                                     \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > wait_until_us) fail_msg("never: %s", #condition);                                                      \
      gw_loop_run_once(loop, 50);                                                                                                          \
    }                                                                                                                                      \
  } while (0)

/* ---- the collector ---- */

static void read_request(struct collector *collector, struct gw_str body) {
  Request *request =
      opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(NULL, body.len, (const uint8_t *)body.data);
  assert_non_null(request);
  assert_int_equal(request->n_resource_spans, 1);
  const Opentelemetry__Proto__Trace__V1__ResourceSpans *spans = request->resource_spans[0];
  assert_int_equal(spans->n_scope_spans, 1);
  assert_string_equal(spans->scope_spans[0]->scope->name, "gateway");
  collector->span_count += spans->scope_spans[0]->n_spans;
  assert_string_equal(spans->resource->attributes[0]->key, "service.name");
  snprintf(collector->service, sizeof(collector->service), "%s", spans->resource->attributes[0]->value->string_value);
  opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(request, NULL);
}

static void close_connection(struct connection *connection) {
  gw_io_free(connection->io);
  connection->io = NULL;
  gw_strbuf_done(&connection->in);
  close(connection->fd);
}

static void on_connection(void *arg, unsigned ready) {
  (void)ready;
  struct connection *connection = arg;
  struct collector *collector = connection->collector;
  char bytes[4096];
  ssize_t got = read(connection->fd, bytes, sizeof(bytes));
  if (got <= 0) {
    close_connection(connection);
    return;
  }
  gw_strbuf_append(&connection->in, bytes, (size_t)got);
  const char *end = strstr(connection->in.data, "\r\n\r\n"), *length = strcasestr(connection->in.data, "content-length:");
  if (end == NULL || length == NULL) return;
  size_t head_len = (size_t)(end + 4 - connection->in.data), body_len = strtoul(length + 15, NULL, 10);
  if (connection->in.len < head_len + body_len) return;
  snprintf(collector->head, sizeof(collector->head), "%.*s", (int)head_len, connection->in.data);
  const char *answer = *collector->answers;
  if (collector->answers[1] != NULL) collector->answers++;
  collector->request_count++;
  if (strstr(answer, " 200 ") != NULL) read_request(collector, (struct gw_str){connection->in.data + head_len, body_len});
  gw_strbuf_clear(&connection->in);
  if (write(connection->fd, answer, strlen(answer)) < 0 || strstr(answer, "Connection: close") != NULL || answer[0] == '\0')
    close_connection(connection);
}

static void on_accept(void *arg, unsigned ready) {
  (void)ready;
  struct collector *collector = arg;
  struct gw_address peer;
  int fd;
  if (gw_socket_accept(collector->fd, &peer, &fd) != GW_OK) return;
  assert_true(collector->connection_count < CONNECTIONS_MAX);
  struct connection *connection = &collector->connections[collector->connection_count++];
  *connection = (struct connection){.collector = collector, .fd = fd};
  gw_strbuf_init(&connection->in);
  connection->io = gw_io_new(collector->loop, fd, on_connection, connection);
  gw_io_set(connection->io, GW_IO_READ);
}

static void start_collector(struct collector *collector, struct gw_loop *loop, const char *const *answers) {
  struct gw_address address;
  *collector = (struct collector){.loop = loop, .answers = answers};
  gw_address_parse(GW_STR("127.0.0.1:0"), &address);
  assert_int_equal(gw_socket_listen(&address, false, 8, &collector->fd), GW_OK);
  gw_socket_local_address(collector->fd, &address);
  snprintf(collector->target, sizeof(collector->target), "127.0.0.1:%u", gw_address_port(&address));
  collector->io = gw_io_new(loop, collector->fd, on_accept, collector);
  gw_io_set(collector->io, GW_IO_READ);
}

static void stop_collector(struct collector *collector) {
  for (uint32_t i = 0; i < collector->connection_count; i++)
    if (collector->connections[i].io != NULL) close_connection(&collector->connections[i]);
  gw_io_free(collector->io);
  close(collector->fd);
}

/* ---- the stage ---- */

static void on_batch(void *arg, struct gw_mail *mail) {
  struct stage *stage = arg;
  gw_otlp_exporter_add(stage->exporter, GW_CONTAINER_OF(mail, struct gw_span_batch, mail));
}

static void start(struct stage *stage, const char *const *answers, const struct gw_str *targets, uint32_t target_count) {
  static const struct gw_otlp_pair headers[] = {{{"x-key", 5}, {"secret", 6}}}, resource[] = {{{"service.name", 12}, {"edge", 4}}};
  *stage = (struct stage){.loop = gw_loop_new()};
  stage->resolver = gw_resolver_new(stage->loop, 1);
  stage->mailbox = gw_mailbox_new(stage->loop, on_batch, stage);
  gw_span_budget_init(&stage->budget, 4 * GW_SPAN_BATCH_BYTES);
  stage->sink = gw_span_sink_new(stage->loop, stage->mailbox, &stage->budget);
  start_collector(&stage->collector, stage->loop, answers);
  struct gw_str own = gw_str_from(stage->collector.target);
  struct gw_otlp_runtime runtime = {.loop = stage->loop, .resolver = stage->resolver, .budget = &stage->budget, .counts = &stage->counts};
  struct gw_otlp_options options = {.protocol = GW_OTLP_HTTP,
                                    .targets = targets != NULL ? targets : &own,
                                    .target_count = targets != NULL ? target_count : 1,
                                    .path = GW_STR("/v1/traces"),
                                    .headers = headers,
                                    .header_count = 1,
                                    .resource = resource,
                                    .resource_count = 1,
                                    .timeout_ms = 5000};
  struct gw_errors errors;
  gw_errors_init(&errors);
  stage->exporter = gw_otlp_exporter_new(&runtime, &options, "test", &errors);
  assert_non_null(stage->exporter);
  gw_errors_done(&errors);
}

static void end(struct stage *stage) {
  gw_span_sink_free(stage->sink);
  gw_mailbox_free(stage->mailbox);
  gw_otlp_exporter_free(stage->exporter);
  assert_int_equal(atomic_load(&stage->budget.used_bytes), 0);
  stop_collector(&stage->collector);
  gw_resolver_free(stage->resolver);
  gw_loop_free(stage->loop);
}

static void add_spans(struct stage *stage, uint32_t count, uint64_t destination) {
  static const uint8_t id[GW_TRACE_ID_BYTES] = {1};
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_span span = {.trace_id = id, .span_id = id, .name = GW_STR("GET"), .kind = GW_SPAN_SERVER, .start_us = 1, .end_us = 2};
  for (uint32_t i = 0; i < count; i++) {
    struct gw_span_writer writer = gw_span_begin(&text, &span);
    gw_span_end(&writer);
  }
  gw_span_sink_add(stage->sink, destination, gw_strbuf_str(&text), count);
  gw_strbuf_done(&text);
}

#define ANSWER(status, more) "HTTP/1.1 " status " X\r\nContent-Length: 0\r\n" more "\r\n"

/* ---- tests ---- */

static void test_spans_arrive_with_their_resource_on_one_connection(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 3, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 3);
  add_spans(&stage, 2, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 5);
  assert_int_equal(stage.collector.span_count, 5);
  assert_int_equal(stage.collector.connection_count, 1);
  assert_string_equal(stage.collector.service, "edge");
  assert_non_null(strstr(stage.collector.head, "POST /v1/traces HTTP/1.1\r\n"));
  assert_non_null(strcasestr(stage.collector.head, "content-type: application/x-protobuf\r\n"));
  assert_non_null(strcasestr(stage.collector.head, "x-key: secret\r\n"));
  end(&stage);
}

static void test_collector_that_is_busy_is_asked_again(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("503", ""), ANSWER("429", "Retry-After: 1\r\n"), ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 1, 1);
  WAIT_FOR(stage.loop, stage.collector.request_count == 2);
  uint64_t asked_us = gw_clock_monotonic_us();
  WAIT_FOR(stage.loop, stage.counts.sent_total == 1);
  assert_true(gw_clock_monotonic_us() - asked_us >= 900000);
  assert_int_equal(stage.counts.failed_total, 0);
  end(&stage);
}

static void test_refused_request_is_counted_and_the_next_one_goes(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("400", ""), ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 2, 1);
  WAIT_FOR(stage.loop, stage.counts.failed_total == 2);
  add_spans(&stage, 1, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 1);
  end(&stage);
}

static void test_rejected_spans_of_a_taken_request_are_counted(void **state) {
  (void)state;
  /* partial_success { rejected_spans: 2 } */
  static const char *const answers[] = {"HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\n\x0a\x02\x08\x02", NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 3, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total + stage.counts.failed_total == 3);
  assert_int_equal(stage.counts.failed_total, 2);
  end(&stage);
}

static void test_connection_that_was_closed_meanwhile_is_no_failure(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("200", "Connection: close\r\n"), "", ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 1, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 1);
  add_spans(&stage, 1, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 2);
  end(&stage);
}

static void test_another_target_is_tried_when_one_is_away(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("200", ""), NULL};
  struct stage stage;
  struct collector other;
  struct gw_loop *loop = gw_loop_new();
  start_collector(&other, loop, answers); /* takes a port that is closed a moment later */
  char away[32];
  memcpy(away, other.target, sizeof(away));
  stop_collector(&other);
  gw_loop_free(loop);
  start(&stage, answers, NULL, 0);
  gw_otlp_exporter_free(stage.exporter);
  struct gw_str targets[] = {gw_str_from(away), gw_str_from(stage.collector.target)};
  struct gw_otlp_runtime runtime = {.loop = stage.loop, .resolver = stage.resolver, .budget = &stage.budget, .counts = &stage.counts};
  static const struct gw_otlp_pair resource[] = {{{"service.name", 12}, {"edge", 4}}};
  struct gw_otlp_options options = {.protocol = GW_OTLP_HTTP,
                                    .targets = targets,
                                    .target_count = 2,
                                    .path = GW_STR("/"),
                                    .resource = resource,
                                    .resource_count = 1,
                                    .timeout_ms = 5000};
  stage.exporter = gw_otlp_exporter_new(&runtime, &options, "test", NULL);
  add_spans(&stage, 1, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 1);
  end(&stage);
}

static void test_beyond_the_budget_spans_are_dropped_and_counted(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  for (uint64_t destination = 1; destination <= 6; destination++)
    add_spans(&stage, 1, destination);
  assert_int_equal(atomic_load(&stage.budget.used_bytes), 4 * GW_SPAN_BATCH_BYTES);
  assert_int_equal(atomic_load(&stage.budget.dropped_total), 2);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 4);
  assert_int_equal(atomic_load(&stage.budget.used_bytes), 0);
  end(&stage);
}

static void test_full_batch_goes_at_once(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  uint64_t started_us = gw_clock_monotonic_us();
  for (uint32_t i = 0; i < 1500; i++)
    add_spans(&stage, 1, 1);
  WAIT_FOR(stage.loop, stage.counts.sent_total > 0);
  assert_true(gw_clock_monotonic_us() - started_us < GW_SPAN_BATCH_DELAY_MS * 1000);
  WAIT_FOR(stage.loop, stage.counts.sent_total == 1500);
  end(&stage);
}

static void on_done(void *arg) {
  struct stage *stage = arg;
  stage->done_count++;
  stage->exporter = NULL;
}

static void test_finishing_sends_what_is_there(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("200", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 2, 1);
  gw_span_sink_free(stage.sink);
  stage.sink = NULL;
  WAIT_FOR(stage.loop, atomic_load(&stage.budget.used_bytes) == 0 || stage.collector.connection_count > 0);
  gw_otlp_exporter_finish(stage.exporter, 5000, on_done, &stage);
  WAIT_FOR(stage.loop, stage.done_count == 1);
  assert_int_equal(stage.counts.sent_total, 2);
  end(&stage);
}

static void test_finishing_has_an_end_when_nobody_answers(void **state) {
  (void)state;
  static const char *const answers[] = {ANSWER("503", ""), NULL};
  struct stage stage;
  start(&stage, answers, NULL, 0);
  add_spans(&stage, 2, 1);
  WAIT_FOR(stage.loop, stage.collector.request_count > 0);
  gw_otlp_exporter_finish(stage.exporter, 100, on_done, &stage);
  WAIT_FOR(stage.loop, stage.done_count == 1);
  assert_int_equal(stage.counts.failed_total, 2);
  end(&stage);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spans_arrive_with_their_resource_on_one_connection),
      cmocka_unit_test(test_collector_that_is_busy_is_asked_again),
      cmocka_unit_test(test_refused_request_is_counted_and_the_next_one_goes),
      cmocka_unit_test(test_rejected_spans_of_a_taken_request_are_counted),
      cmocka_unit_test(test_connection_that_was_closed_meanwhile_is_no_failure),
      cmocka_unit_test(test_another_target_is_tried_when_one_is_away),
      cmocka_unit_test(test_beyond_the_budget_spans_are_dropped_and_counted),
      cmocka_unit_test(test_full_batch_goes_at_once),
      cmocka_unit_test(test_finishing_sends_what_is_there),
      cmocka_unit_test(test_finishing_has_an_end_when_nobody_answers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
