#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "controlplane/cloud/huawei_sign.h"

/* Taken from the cloud's own SDK. */
static const struct gw_huawei_pair vector_query[] = {{GW_STR("tags"), GW_STR("role=orders")},
                                                     {GW_STR("limit"), GW_STR("50")},
                                                     {GW_STR("offset"), GW_STR("1")},
                                                     {GW_STR("name"), GW_STR("gw a~b")}};
static const struct gw_huawei_pair vector_headers[] = {{GW_STR("Host"), GW_STR("ecs.cn-north-4.myhuaweicloud.com")},
                                                       {GW_STR("X-Project-Id"), GW_STR("proj123")},
                                                       {GW_STR("Content-Type"), GW_STR("application/json")},
                                                       {GW_STR("X-Sdk-Date"), GW_STR("20191115T033655Z")}};

static struct gw_huawei_request vector_request(void) {
  return (struct gw_huawei_request){.method = GW_STR("GET"),
                                    .path = GW_STR("/v1/proj123/cloudservers/detail"),
                                    .query = vector_query,
                                    .query_count = GW_ARRAY_LEN(vector_query),
                                    .headers = vector_headers,
                                    .header_count = GW_ARRAY_LEN(vector_headers),
                                    .body = GW_STR("")};
}

static char *sign(const struct gw_huawei_request *request) {
  struct gw_hmac *key = gw_hmac_new(GW_HASH_SHA256, GW_STR("SKTEST"));
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  assert_int_equal(gw_huawei_sign(request, GW_STR("AKTEST"), key, &out), GW_OK);
  gw_hmac_free(key);
  return gw_strbuf_take(&out);
}

static void test_sign_of_the_sdks_vector_is_the_sdks_signature(void **state) {
  (void)state;
  const struct gw_huawei_request request = vector_request();
  GW_CLEANUP(gw_free_ptr) char *authorization = sign(&request);
  assert_string_equal(authorization, "SDK-HMAC-SHA256 Access=AKTEST, SignedHeaders=content-type;host;x-project-id;x-sdk-date, "
                                     "Signature=f532448eba80fafe6e6be66ddde640f8e490a758c5bb5f2e42188bc1af02cb97");
}

static void test_sign_leaves_out_headers_with_underscores(void **state) {
  (void)state;
  struct gw_huawei_pair headers[5];
  memcpy(headers, vector_headers, sizeof(vector_headers));
  headers[4] = (struct gw_huawei_pair){GW_STR("x_dropped"), GW_STR("by proxies")};
  struct gw_huawei_request request = vector_request();
  GW_CLEANUP(gw_free_ptr) char *without = sign(&request);
  request.headers = headers;
  request.header_count = 5;
  GW_CLEANUP(gw_free_ptr) char *with = sign(&request);
  assert_string_equal(with, without);
}

static void test_sign_differs_with_each_part(void **state) {
  (void)state;
  struct gw_huawei_request request = vector_request();
  GW_CLEANUP(gw_free_ptr) char *before = sign(&request);
  request.body = GW_STR("{}");
  GW_CLEANUP(gw_free_ptr) char *with_body = sign(&request);
  assert_string_not_equal(with_body, before);
  request = vector_request();
  request.method = GW_STR("POST");
  GW_CLEANUP(gw_free_ptr) char *posted = sign(&request);
  assert_string_not_equal(posted, before);
  request = vector_request();
  request.query_count--;
  GW_CLEANUP(gw_free_ptr) char *asked_less = sign(&request);
  assert_string_not_equal(asked_less, before);
}

static void test_sign_without_a_date_is_invalid(void **state) {
  (void)state;
  struct gw_huawei_request request = vector_request();
  request.header_count--;
  struct gw_hmac *key = gw_hmac_new(GW_HASH_SHA256, GW_STR("SKTEST"));
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  assert_int_equal(gw_huawei_sign(&request, GW_STR("AKTEST"), key, &out), GW_ERR_INVALID);
  assert_int_equal(out.len, 0);
  gw_strbuf_done(&out);
  gw_hmac_free(key);
}

static void test_append_query_sorts_and_encodes(void **state) {
  (void)state;
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  gw_huawei_append_query(&out, vector_query, GW_ARRAY_LEN(vector_query));
  assert_string_equal(out.data, "limit=50&name=gw%20a~b&offset=1&tags=role%3Dorders");
  gw_strbuf_done(&out);
}

static void test_format_date_is_the_clouds_form(void **state) {
  (void)state;
  char date[GW_HUAWEI_DATE_SIZE];
  gw_huawei_format_date(UINT64_C(1573789015) * 1000000 + 999999, date);
  assert_string_equal(date, "20191115T033655Z");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sign_of_the_sdks_vector_is_the_sdks_signature),
      cmocka_unit_test(test_sign_leaves_out_headers_with_underscores),
      cmocka_unit_test(test_sign_differs_with_each_part),
      cmocka_unit_test(test_sign_without_a_date_is_invalid),
      cmocka_unit_test(test_append_query_sorts_and_encodes),
      cmocka_unit_test(test_format_date_is_the_clouds_form),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
