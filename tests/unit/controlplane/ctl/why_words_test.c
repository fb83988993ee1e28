#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/message/failure.h"
#include "common/model/circuit_breaker.h"
#include "controlplane/ctl/why_words.h"

#define BEFORE "upstream_reset_before_response_started"
#define AFTER "upstream_reset_after_response_started"

static void assert_means(const char *detail, const char *wanted) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  if (!gw_why_append_detail(&out, gw_str_from(detail))) fail_msg("no words for %s", detail);
  assert_string_equal(out.data, wanted);
  gw_strbuf_done(&out);
}

static void assert_is_shown_as_it_is(const char *detail) {
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, GW_STR(">"));
  if (gw_why_append_detail(&out, gw_str_from(detail))) fail_msg("words for %s", detail);
  assert_string_equal(out.data + 1, detail);
  gw_strbuf_done(&out);
}

/* The limits joined by "; ". */
static void assert_limits(const char *flags, const char *detail, const char *wanted) {
  struct gw_why_limits limits = {.count = 0};
  gw_why_add_limits(&limits, gw_str_from(flags), gw_str_from(detail));
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_strbuf_append_str(&out, GW_STR(">"));
  for (uint32_t i = 0; i < limits.count; i++)
    gw_strbuf_printf(&out, "%s%s", i > 0 ? "; " : "", limits.items[i]);
  assert_string_equal(out.data + 1, wanted);
  gw_strbuf_done(&out);
}

static void test_every_flag_has_words(void **state) {
  (void)state;
  for (uint32_t flag = GW_FLAG_NO_ROUTE; flag <= GW_FLAG_CIRCUIT_BREAKER; flag <<= 1) {
    char text[64];
    struct gw_str name = gw_response_flags_format(flag, text);
    if (gw_why_flag(name) == NULL) fail_msg("no words for %s", text);
  }
  assert_string_equal(gw_why_flag(GW_STR("UC")), "the connection to the instance ended before its answer was complete");
}

static void test_unknown_flag_has_none(void **state) {
  (void)state;
  assert_null(gw_why_flag(GW_STR("XX")));
  assert_null(gw_why_flag(GW_STR("-")));
  assert_null(gw_why_flag(GW_STR("")));
  assert_null(gw_why_flag(GW_STR("U")));
}

static void test_plain_details_have_words(void **state) {
  (void)state;
  assert_means("route_not_found", "no route matches its host, path, method and conditions");
  assert_means("circuit_breaker_open", "the service had failed too often, so its circuit breaker let nothing through to it");
  assert_means("upstream_per_try_timeout", "the instance did not begin to answer within the time of one try");
  assert_means("downstream_remote_disconnect", "the client left before it had its answer");
  assert_means("rbac_access_denied_matched_policy[none]", "no access rule of the route allows it to who asked");
  assert_means("rbac_access_denied_matched_policy[no-guests]", "the access rule no-guests denies it");
}

static void test_connections_that_were_not_made_tell_the_cause(void **state) {
  (void)state;
  assert_means(BEFORE "{remote_connection_failure,Connection_refused}", "no connection could be made: Connection refused");
  assert_means(BEFORE "{remote_connection_failure}", "no connection could be made");
  assert_means(BEFORE "{connection_timeout}", "no connection stood in time");
  assert_means(BEFORE "{tls,the_certificate_has_expired,_2020}", "TLS with the instance failed: the certificate has expired, 2020");
}

static void test_broken_connections_tell_how_far_the_answer_was(void **state) {
  (void)state;
  assert_means(BEFORE "{connection_termination}", "the instance closed the connection before it had answered");
  assert_means(AFTER "{connection_termination}", "the instance closed the connection in the middle of its answer");
  assert_means(BEFORE "{remote_reset,reused,idle_ms=12}", "the instance reset the connection before it had answered");
  assert_means(AFTER "{connection_termination,reused,idle_ms=3}", "the instance closed the connection in the middle of its answer");
  assert_means(BEFORE "{remote_goaway,reused,idle_ms=3}",
               "the instance closed the connection to new requests (GOAWAY), this one among them");
  assert_means(BEFORE "{protocol_changed,reused,idle_ms=3}", "the instance speaks another version of HTTP than it did before");
}

static void test_reset_streams_tell_the_error(void **state) {
  (void)state;
  assert_means(BEFORE "{remote_reset,http2_error_8}",
               "the instance reset the request's stream, with HTTP/2's error CANCEL, before it had answered");
  assert_means(BEFORE "{remote_reset,http2_error_99,reused,idle_ms=1}",
               "the instance reset the request's stream, with HTTP/2's error 99, before it had answered");
  assert_means(BEFORE "{remote_refused_stream_reset,reused,idle_ms=1}",
               "the instance refused the request's stream without having looked at it");
}

static void test_protocol_errors_tell_what_is_wrong(void **state) {
  (void)state;
  assert_means(BEFORE "{protocol_error,http1.bad_status_line}",
               "what the instance answered was not valid HTTP: the answer does not begin with HTTP/1 and a status");
  assert_means(AFTER "{protocol_error,bad_chunk,reused,idle_ms=0}",
               "what the instance answered was not valid HTTP: a chunk or trailer that is not valid");
  assert_means(BEFORE "{protocol_error,from_the_future}", "what the instance answered was not valid HTTP: from_the_future");
  assert_means("http1.host_differs",
               "what the client sent was not valid HTTP, or not as it is taken here: the target names another host than Host");
}

static void test_every_limit_of_a_service_has_words_and_its_key(void **state) {
  (void)state;
  static const enum gw_concurrency all[] = {GW_CONCURRENCY_CONNECTIONS, GW_CONCURRENCY_PENDING, GW_CONCURRENCY_REQUESTS};
  for (size_t i = 0; i < GW_ARRAY_LEN(all); i++) {
    const char *name = gw_concurrency_name(all[i]);
    char *detail = gw_asprintf(BEFORE "{overflow,%s}", name), *limit = gw_asprintf("limits: %s of the service", name);
    struct gw_strbuf out;
    gw_strbuf_init(&out);
    if (!gw_why_append_detail(&out, gw_str_from(detail))) fail_msg("no words for %s", detail);
    assert_limits("UO", detail, limit);
    gw_strbuf_done(&out);
    free(detail);
    free(limit);
  }
}

static void test_unknown_details_are_shown_as_they_are(void **state) {
  (void)state;
  static const char *const details[] = {"",
                                        "from_the_future",
                                        "http3.no_such_thing",
                                        "http1.no_such_thing",
                                        BEFORE,
                                        BEFORE "{",
                                        BEFORE "{}",
                                        BEFORE "{from_the_future,reused,idle_ms=1}",
                                        BEFORE "{overflow}",
                                        BEFORE "{overflow,max_cars}",
                                        BEFORE "{connection_termination"};
  for (size_t i = 0; i < GW_ARRAY_LEN(details); i++)
    assert_is_shown_as_it_is(details[i]);
}

static void test_limits_are_told_once_each(void **state) {
  (void)state;
  assert_limits("-", "via_upstream", "");
  assert_limits("", "", "");
  assert_limits("UF,URX", BEFORE "{connection_timeout}",
                "timeouts: connect of the service (GATEWAY_CONNECT_TIMEOUT); retries: attempts (GATEWAY_RETRY_ATTEMPTS)");
  assert_limits("UF,UO", BEFORE "{remote_connection_failure,closed}", "retry_budget of the service (GATEWAY_RETRY_BUDGET_PERCENT)");
  assert_limits("-", "request_payload_too_large", "max_request_body of the route (GATEWAY_MAX_REQUEST_BODY)");
  assert_limits("DPE", "http1.too_many_headers", "the number of a request's header fields (GATEWAY_MAX_HEADERS_COUNT)");
  struct gw_why_limits limits = {.count = 0};
  for (int i = 0; i < 20; i++)
    gw_why_add_limits(&limits, GW_STR("UT"), GW_STR("upstream_per_try_timeout"));
  assert_int_equal(limits.count, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_flag_has_words),
      cmocka_unit_test(test_unknown_flag_has_none),
      cmocka_unit_test(test_plain_details_have_words),
      cmocka_unit_test(test_connections_that_were_not_made_tell_the_cause),
      cmocka_unit_test(test_broken_connections_tell_how_far_the_answer_was),
      cmocka_unit_test(test_reset_streams_tell_the_error),
      cmocka_unit_test(test_protocol_errors_tell_what_is_wrong),
      cmocka_unit_test(test_every_limit_of_a_service_has_words_and_its_key),
      cmocka_unit_test(test_unknown_details_are_shown_as_they_are),
      cmocka_unit_test(test_limits_are_told_once_each),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
