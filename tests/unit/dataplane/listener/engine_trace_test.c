/* A request as part of a trace, through a whole engine: what the service and the client are told, and which spans are left. */
#include "common/model/tracing.h"
#include "common/observe/trace.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/unit/dataplane/engine_fixture.h"

typedef Opentelemetry__Proto__Trace__V1__ScopeSpans ScopeSpans;
typedef Opentelemetry__Proto__Trace__V1__Span Span;

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: shop.example\r\n" more "\r\n"

static const struct gw_retry_policy retry = {.on = GW_RETRY_5XX, .count = 2, .backoff_base_ms = 1, .backoff_max_ms = 1};
static const struct fixture_route routes[] = {{.prefix = "/retried", .cluster = "backend", .retry = &retry},
                                              {.prefix = "/nowhere", .cluster = "nowhere"},
                                              {.prefix = "/", .cluster = "backend"}};

static struct gw_tracing tracing;

static void set_tracing(struct gw_http_connection_manager *http) {
  http->tracing = &tracing;
}

static struct fixture *start(uint32_t millionths) {
  static struct fixture fixture;
  tracing = (struct gw_tracing){.cluster = GW_STR("otlp"),
                                .service_name = GW_STR("edge"),
                                .heeds_parent = true,
                                .sampled_millionths = millionths,
                                .samples_errors = true,
                                .has_attempt_spans = true,
                                .max_path_len = 256,
                                .propagation = GW_PROPAGATE_W3C,
                                .tells_client = true};
  fixture_start(&fixture);
  fixture_serve(&fixture, routes, GW_ARRAY_LEN(routes), set_tracing);
  return &fixture;
}

static void ask(struct fixture *fixture, const char *request, const char *answer) {
  struct client *client = client_new(fixture);
  client_send(client, request);
  client_wait(client, answer);
  client_free(client);
  fixture_turn_for(fixture, 5);
}

/* All that were written, once so many have come; freed by the caller. */
static ScopeSpans *spans_of(struct fixture *fixture, uint32_t count) {
  FIXTURE_UNTIL(fixture, fixture->span_count >= count);
  ScopeSpans *spans =
      opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, fixture->span_text.len, (const uint8_t *)fixture->span_text.data);
  assert_non_null(spans);
  assert_int_equal(spans->n_spans, count);
  return spans;
}

static void done(ScopeSpans *spans) {
  opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
}

static const char *hex(ProtobufCBinaryData bytes) {
  static char text[64];
  for (size_t i = 0; i < bytes.len; i++)
    snprintf(text + 2 * i, 3, "%02x", bytes.data[i]);
  return text;
}

/* NULL: it has none of that name. */
static const Opentelemetry__Proto__Common__V1__AnyValue *attribute(const Span *span, const char *key) {
  for (size_t i = 0; i < span->n_attributes; i++)
    if (strcmp(span->attributes[i]->key, key) == 0) return span->attributes[i]->value;
  return NULL;
}

static void test_request_and_its_try_are_spans_and_everybody_is_told(void **state) {
  (void)state;
  struct fixture *fixture = start(GW_TRACING_ALL);
  ask(fixture, GET("/orders?secret=1", "traceparent: 00-" TRACE "-" PARENT "-01\r\ntracestate: a=1\r\n"), "x-trace-id: " TRACE);
  ScopeSpans *spans = spans_of(fixture, 2);
  const Span *request = spans->spans[0], *attempt = spans->spans[1];
  assert_string_equal(hex(request->trace_id), TRACE);
  assert_string_equal(hex(request->parent_span_id), PARENT);
  assert_string_equal(request->name, "GET route:/");
  assert_string_equal(attribute(request, "url.path")->string_value, "/orders");
  assert_string_equal(attribute(request, "server.address")->string_value, "shop.example");
  assert_int_equal(attribute(request, "http.response.status_code")->int_value, 200);
  assert_null(request->status);
  assert_memory_equal(attempt->parent_span_id.data, request->span_id.data, GW_SPAN_ID_BYTES);
  assert_int_equal(attempt->kind, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CLIENT);
  assert_true(attempt->start_time_unix_nano >= request->start_time_unix_nano && attempt->end_time_unix_nano <= request->end_time_unix_nano);
  GW_CLEANUP(gw_free_ptr) char *told = gw_asprintf("traceparent: 00-" TRACE "-%s-01\r\n", hex(attempt->span_id));
  assert_non_null(strcasestr(fixture->backend.last_head, told));
  assert_non_null(strcasestr(fixture->backend.last_head, "tracestate: a=1\r\n"));
  done(spans);
  fixture_stop(fixture, NULL);
}

static void test_who_is_not_sampled_is_told_so_and_leaves_nothing(void **state) {
  (void)state;
  struct fixture *fixture = start(0);
  ask(fixture, GET("/", ""), "x-span-id: ");
  assert_non_null(strcasestr(fixture->backend.last_head, "-00\r\n"));
  ask(fixture, GET("/", "traceparent: 00-" TRACE "-" PARENT "-00\r\n"), "x-trace-id: " TRACE);
  assert_int_equal(atomic_load(&fixture->span_budget.used_bytes), 0);
  fixture_stop(fixture, NULL);
}

static void test_failure_is_kept_whatever_the_sampler_says(void **state) {
  (void)state;
  struct fixture *fixture = start(0);
  ask(fixture, GET("/nowhere", ""), "503 Service Unavailable");
  ScopeSpans *spans = spans_of(fixture, 1);
  assert_int_equal(spans->spans[0]->status->code, OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR);
  assert_string_equal(spans->spans[0]->status->message, "no_healthy_upstream");
  assert_string_equal(attribute(spans->spans[0], "error.type")->string_value, "503");
  assert_string_equal(attribute(spans->spans[0], "gateway.response_flags")->string_value, "UH");
  done(spans);
  fixture_stop(fixture, NULL);
}

static void test_each_try_is_a_span(void **state) {
  (void)state;
  struct fixture *fixture = start(GW_TRACING_ALL);
  fixture->backend.failures_left = 1;
  fixture->backend.failure = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
  ask(fixture, GET("/retried", ""), "200 OK");
  ScopeSpans *spans = spans_of(fixture, 3);
  const Span *first = spans->spans[1], *second = spans->spans[2];
  assert_int_equal(attribute(first, "http.response.status_code")->int_value, 503);
  assert_non_null(first->status);
  assert_null(attribute(first, "http.request.resend_count"));
  assert_int_equal(attribute(second, "http.request.resend_count")->int_value, 1);
  assert_int_equal(attribute(second, "gateway.attempt")->int_value, 2);
  assert_null(second->status);
  assert_non_null(strcasestr(fixture->backend.last_head, hex(second->span_id)));
  done(spans);
  fixture_stop(fixture, NULL);
}

static void test_b3_is_answered_in_kind(void **state) {
  (void)state;
  struct fixture *fixture = start(GW_TRACING_ALL);
  ask(fixture, GET("/", "X-B3-TraceId: " TRACE "\r\nX-B3-SpanId: " PARENT "\r\nX-B3-Sampled: 1\r\nX-B3-ParentSpanId: " PARENT "\r\n"),
      "x-trace-id: " TRACE);
  ScopeSpans *spans = spans_of(fixture, 2);
  const char *head = fixture->backend.last_head;
  GW_CLEANUP(gw_free_ptr) char *told = gw_asprintf("x-b3-spanid: %s\r\n", hex(spans->spans[1]->span_id));
  assert_non_null(strcasestr(head, "x-b3-traceid: " TRACE "\r\n"));
  assert_non_null(strcasestr(head, told));
  assert_null(strcasestr(head, "parentspanid"));
  assert_null(strcasestr(head, PARENT));
  done(spans);
  fixture_stop(fixture, NULL);
}

static void test_request_alone_is_a_span_where_tries_are_not_wanted(void **state) {
  (void)state;
  struct fixture *fixture = start(GW_TRACING_ALL);
  tracing.has_attempt_spans = tracing.tells_client = false;
  ask(fixture, GET("/", "traceparent: 00-" TRACE "-" PARENT "-01\r\n"), "200 OK");
  ScopeSpans *spans = spans_of(fixture, 1);
  assert_non_null(strcasestr(fixture->backend.last_head, hex(spans->spans[0]->span_id)));
  done(spans);
  fixture_stop(fixture, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request_and_its_try_are_spans_and_everybody_is_told),
      cmocka_unit_test(test_who_is_not_sampled_is_told_so_and_leaves_nothing),
      cmocka_unit_test(test_failure_is_kept_whatever_the_sampler_says),
      cmocka_unit_test(test_each_try_is_a_span),
      cmocka_unit_test(test_b3_is_answered_in_kind),
      cmocka_unit_test(test_request_alone_is_a_span_where_tries_are_not_wanted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
