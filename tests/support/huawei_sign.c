/* Signs requests as the control plane does, for tests with the cloud's own SDK.
 * Input: a line of JSON each: "access", "secret", "method", "path", "query" and "headers" (lists of pairs), "body". Output: a line each:
 * Authorization, a tab, and the query as it is sent. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "controlplane/cloud/huawei_sign.h"

#define LINE_BYTES_MAX ((size_t)1024 * 1024)

static struct gw_str text_of(const struct gw_json_value *request, const char *name) {
  const struct gw_json_value *value = gw_json_find(request, gw_str_from(name));
  return value != NULL && value->kind == GW_JSON_STRING ? value->string : (struct gw_str){"", 0};
}

static const struct gw_huawei_pair *pairs_of(const struct gw_json_value *request, const char *name, struct gw_arena *arena,
                                             uint32_t *ret_count) {
  const struct gw_json_value *list = gw_json_find(request, gw_str_from(name));
  uint32_t count = list != NULL && list->kind == GW_JSON_ARRAY ? list->count : 0;
  struct gw_huawei_pair *pairs = gw_arena_calloc(arena, count, sizeof(*pairs));
  for (uint32_t i = 0; i < count; i++)
    pairs[i] = (struct gw_huawei_pair){list->items[i].items[0].string, list->items[i].items[1].string};
  *ret_count = count;
  return pairs;
}

static void answer(const struct gw_json_value *value, struct gw_arena *arena) {
  struct gw_huawei_request request = {.method = text_of(value, "method"), .path = text_of(value, "path"), .body = text_of(value, "body")};
  request.query = pairs_of(value, "query", arena, &request.query_count);
  request.headers = pairs_of(value, "headers", arena, &request.header_count);
  struct gw_hmac *key = gw_hmac_new(GW_HASH_SHA256, text_of(value, "secret"));
  struct gw_strbuf authorization, query;
  gw_strbuf_init(&authorization);
  gw_strbuf_init(&query);
  gw_huawei_append_query(&query, request.query, request.query_count);
  bool is_signed = gw_huawei_sign(&request, text_of(value, "access"), key, &authorization) == GW_OK;
  printf("%s\t%s\n", is_signed ? authorization.data : "no X-Sdk-Date", query.len > 0 ? query.data : "");
  gw_strbuf_done(&authorization);
  gw_strbuf_done(&query);
  gw_hmac_free(key);
}

int main(void) {
  const struct gw_json_limits limits = {LINE_BYTES_MAX, 8, 10000};
  char *line = NULL;
  size_t size = 0;
  ssize_t len;
  while ((len = getline(&line, &size, stdin)) > 0) {
    struct gw_arena arena;
    const struct gw_json_value *value;
    gw_arena_init(&arena, 16384);
    if (gw_json_parse((struct gw_str){line, (size_t)len}, &limits, &arena, &value) == GW_OK)
      answer(value, &arena);
    else
      puts("no JSON");
    gw_arena_done(&arena);
  }
  free(line);
  return 0;
}
