#include "common/otlp/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "opentelemetry/proto/trace/v1/trace.pb-c.h"

typedef Opentelemetry__Proto__Trace__V1__ScopeSpans ScopeSpans;
typedef Opentelemetry__Proto__Trace__V1__Span Span;

static const uint8_t trace_id[GW_TRACE_ID_BYTES] = {1, 2, 3, [15] = 0xff};
static const uint8_t span_id[GW_SPAN_ID_BYTES] = {7, [7] = 8};
static const uint8_t parent_id[GW_SPAN_ID_BYTES] = {9, [7] = 9};

/* As generated code reads them. */
static ScopeSpans *read_back(const struct gw_strbuf *text) {
  ScopeSpans *spans = opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, text->len, (const uint8_t *)text->data);
  assert_non_null(spans);
  assert_int_equal(spans->base.n_unknown_fields, 0);
  return spans;
}

static struct gw_span plain_span(void) {
  return (struct gw_span){.trace_id = trace_id,
                          .span_id = span_id,
                          .name = GW_STR("GET"),
                          .kind = GW_SPAN_CLIENT,
                          .start_us = 1000,
                          .end_us = 2500};
}

static void test_span_is_read_back_by_generated_code(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_span span = plain_span();
  span.parent_id = parent_id;
  struct gw_span_writer writer = gw_span_begin(&text, &span);
  gw_span_put_str(&writer, GW_STR("http.request.method"), GW_STR("GET"));
  gw_span_put_int(&writer, GW_STR("http.response.status_code"), 503);
  gw_span_put_int(&writer, GW_STR("negative"), -1);
  gw_span_put_bool(&writer, GW_STR("reused"), true);
  gw_span_put_str(&writer, GW_STR("empty"), (struct gw_str){NULL, 0});
  gw_span_put_link(&writer, trace_id, parent_id);
  gw_span_put_error(&writer, GW_STR("no_healthy_upstream"));
  gw_span_end(&writer);
  ScopeSpans *spans = read_back(&text);
  assert_int_equal(spans->n_spans, 1);
  const Span *read = spans->spans[0];
  assert_int_equal(read->base.n_unknown_fields, 0);
  assert_int_equal(read->trace_id.len, sizeof(trace_id));
  assert_memory_equal(read->trace_id.data, trace_id, sizeof(trace_id));
  assert_memory_equal(read->span_id.data, span_id, sizeof(span_id));
  assert_memory_equal(read->parent_span_id.data, parent_id, sizeof(parent_id));
  assert_string_equal(read->name, "GET");
  assert_int_equal(read->kind, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CLIENT);
  assert_int_equal(read->start_time_unix_nano, 1000000);
  assert_int_equal(read->end_time_unix_nano, 2500000);
  assert_int_equal(read->n_attributes, 5);
  assert_string_equal(read->attributes[0]->key, "http.request.method");
  assert_string_equal(read->attributes[0]->value->string_value, "GET");
  assert_int_equal(read->attributes[1]->value->int_value, 503);
  assert_int_equal(read->attributes[2]->value->int_value, -1);
  assert_int_equal(read->attributes[3]->value->bool_value, 1);
  assert_string_equal(read->attributes[4]->value->string_value, "");
  assert_int_equal(read->n_links, 1);
  assert_memory_equal(read->links[0]->span_id.data, parent_id, sizeof(parent_id));
  assert_int_equal(read->status->code, OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR);
  assert_string_equal(read->status->message, "no_healthy_upstream");
  opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
  gw_strbuf_done(&text);
}

static void test_spans_behind_one_another_are_a_list(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_span span = plain_span();
  for (int i = 0; i < 3; i++) {
    struct gw_span_writer writer = gw_span_begin(&text, &span);
    gw_span_end(&writer);
  }
  ScopeSpans *spans = read_back(&text);
  assert_int_equal(spans->n_spans, 3);
  assert_int_equal(spans->spans[2]->parent_span_id.len, 0);
  assert_null(spans->spans[2]->status);
  opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
  gw_strbuf_done(&text);
}

static void test_value_that_is_not_utf8_becomes_question_marks(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_span span = plain_span();
  struct gw_span_writer writer = gw_span_begin(&text, &span);
  gw_span_put_str(&writer, GW_STR("url.path"), GW_STR("/\xc3\xa4/\xff\xfe/\xe2\x82"));
  gw_span_end(&writer);
  ScopeSpans *spans = read_back(&text);
  assert_string_equal(spans->spans[0]->attributes[0]->value->string_value, "/\xc3\xa4/?\?/??");
  opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
  gw_strbuf_done(&text);
}

/* A length below 128 is one byte, and short texts are copied in steps. */
static void test_texts_of_all_lengths_are_read_back(void **state) {
  (void)state;
  char key[201], value[201];
  memset(key, 'k', sizeof(key));
  memset(value, 'v', sizeof(value));
  for (size_t key_len = 1; key_len <= 200; key_len += key_len < 10 ? 9 : 19)
    for (size_t len = 0; len <= 200; len++) {
      struct gw_strbuf text;
      gw_strbuf_init(&text);
      struct gw_span span = plain_span();
      struct gw_span_writer writer = gw_span_begin(&text, &span);
      value[len / 2] = len % 2 == 0 ? 'v' : (char)0xff;
      gw_span_put_str(&writer, (struct gw_str){key, key_len}, (struct gw_str){value, len});
      gw_span_put_bool(&writer, GW_STR("after"), true);
      gw_span_end(&writer);
      ScopeSpans *spans = read_back(&text);
      const char *read = spans->spans[0]->attributes[0]->value->string_value;
      if (len % 2 == 1) value[len / 2] = '?';
      assert_int_equal(spans->spans[0]->n_attributes, 2);
      assert_int_equal(strlen(spans->spans[0]->attributes[0]->key), key_len);
      assert_int_equal(strlen(read), len);
      assert_memory_equal(read, value, len);
      value[len / 2] = 'v';
      opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
      gw_strbuf_done(&text);
    }
}

static void test_long_value_is_cut_off(void **state) {
  (void)state;
  struct gw_strbuf text;
  struct gw_str value = {malloc(5000), 5000};
  memset((char *)(uintptr_t)value.data, 'x', value.len);
  gw_strbuf_init(&text);
  struct gw_span span = plain_span();
  struct gw_span_writer writer = gw_span_begin(&text, &span);
  gw_span_put_str(&writer, GW_STR("user_agent.original"), value);
  gw_span_put_int(&writer, GW_STR("after"), 1);
  gw_span_end(&writer);
  ScopeSpans *spans = read_back(&text);
  assert_int_equal(strlen(spans->spans[0]->attributes[0]->value->string_value), GW_SPAN_VALUE_MAX);
  assert_int_equal(spans->spans[0]->attributes[1]->value->int_value, 1);
  opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
  gw_strbuf_done(&text);
  free((char *)(uintptr_t)value.data);
}

static void test_end_before_start_is_the_start(void **state) {
  (void)state;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_span span = plain_span();
  span.end_us = 1;
  struct gw_span_writer writer = gw_span_begin(&text, &span);
  gw_span_end(&writer);
  ScopeSpans *spans = read_back(&text);
  assert_int_equal(spans->spans[0]->end_time_unix_nano, spans->spans[0]->start_time_unix_nano);
  opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
  gw_strbuf_done(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_span_is_read_back_by_generated_code),
      cmocka_unit_test(test_spans_behind_one_another_are_a_list),
      cmocka_unit_test(test_value_that_is_not_utf8_becomes_question_marks),
      cmocka_unit_test(test_texts_of_all_lengths_are_read_back),
      cmocka_unit_test(test_long_value_is_cut_off),
      cmocka_unit_test(test_end_before_start_is_the_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
