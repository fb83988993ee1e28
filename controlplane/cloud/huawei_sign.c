#include "controlplane/cloud/huawei_sign.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/digest.h"
#include "controlplane/fetch/fetch.h"

#define ALGORITHM "SDK-HMAC-SHA256"

void gw_huawei_format_date(uint64_t wall_us, char ret_date[GW_HUAWEI_DATE_SIZE]) {
  char text[GW_CLOCK_RFC3339_SIZE];
  size_t len = 0;
  gw_clock_format_rfc3339(wall_us, text);
  for (const char *at = text; *at != '.'; at++)
    if (*at != '-' && *at != ':') ret_date[len++] = *at;
  ret_date[len++] = 'Z';
  ret_date[len] = '\0';
}

static int compare_str(struct gw_str a, struct gw_str b) {
  size_t len = a.len < b.len ? a.len : b.len;
  int order = len > 0 ? memcmp(a.data, b.data, len) : 0;
  return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *a, const void *b) {
  const struct gw_huawei_pair *first = a, *second = b;
  int order = compare_str(first->name, second->name);
  return order != 0 ? order : compare_str(first->value, second->value);
}

static struct gw_huawei_pair *sort(const struct gw_huawei_pair *pairs, uint32_t count) {
  struct gw_huawei_pair *sorted = gw_calloc(count + 1u, sizeof(*sorted));
  if (count > 0) memcpy(sorted, pairs, count * sizeof(*sorted));
  qsort(sorted, count, sizeof(*sorted), compare_pairs);
  return sorted;
}

void gw_huawei_append_query(struct gw_strbuf *out, const struct gw_huawei_pair *query, uint32_t count) {
  GW_CLEANUP(gw_free_ptr) struct gw_huawei_pair *sorted = sort(query, count);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_char(out, '&');
    gw_fetch_append_encoded(out, sorted[i].name);
    gw_strbuf_append_char(out, '=');
    gw_fetch_append_encoded(out, sorted[i].value);
  }
}

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decoded, each segment encoded anew, and ending in '/'. */
static void append_path(struct gw_strbuf *out, struct gw_str path) {
  struct gw_strbuf decoded;
  gw_strbuf_init(&decoded);
  for (size_t i = 0; i < path.len; i++) {
    int high = i + 2 < path.len && path.data[i] == '%' ? hex_digit(path.data[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(path.data[i + 2]) : -1;
    unsigned char byte = low >= 0 ? (unsigned char)(high * 16 + low) : (unsigned char)path.data[i];
    gw_strbuf_append(&decoded, &byte, 1);
    if (low >= 0) i += 2;
  }
  struct gw_str rest = gw_strbuf_str(&decoded), segment;
  bool is_first = true;
  while (gw_str_split_next(&rest, '/', &segment)) {
    if (!is_first) gw_strbuf_append_char(out, '/');
    is_first = false;
    gw_fetch_append_encoded(out, segment);
  }
  if (decoded.len == 0 || out->data[out->len - 1] != '/') gw_strbuf_append_char(out, '/');
  gw_strbuf_done(&decoded);
}

static char lower(char c) {
  if (c >= 'A' && c <= 'Z') return (char)(c | 0x20);
  return c;
}

/* What is signed of the headers: names in lower case, values trimmed, sorted; one block of memory holds them and their names. */
static struct gw_huawei_pair *normalize_headers(const struct gw_huawei_request *request, uint32_t *ret_count) {
  size_t bytes = 0;
  for (uint32_t i = 0; i < request->header_count; i++)
    bytes += request->headers[i].name.len;
  struct gw_huawei_pair *headers = gw_malloc((request->header_count + 1u) * sizeof(*headers) + bytes);
  char *names = (char *)(headers + request->header_count + 1);
  uint32_t count = 0;
  for (uint32_t i = 0; i < request->header_count; i++) {
    struct gw_str name = request->headers[i].name;
    if (gw_str_find_char(name, '_') >= 0) continue;
    for (size_t j = 0; j < name.len; j++)
      names[j] = lower(name.data[j]);
    headers[count++] = (struct gw_huawei_pair){{names, name.len}, gw_str_trim(request->headers[i].value)};
    names += name.len;
  }
  qsort(headers, count, sizeof(*headers), compare_pairs);
  *ret_count = count;
  return headers;
}

static void append_names(struct gw_strbuf *out, const struct gw_huawei_pair *headers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_char(out, ';');
    gw_strbuf_append_str(out, headers[i].name);
  }
}

static void append_hex(struct gw_strbuf *out, const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    gw_strbuf_printf(out, "%02x", bytes[i]);
}

static void append_digest(struct gw_strbuf *out, struct gw_str data) {
  uint8_t digest[GW_SHA256_SIZE];
  gw_digest_sha256(data, digest);
  append_hex(out, digest, sizeof(digest));
}

static const struct gw_str *find(const struct gw_huawei_pair *headers, uint32_t count, struct gw_str name) {
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(headers[i].name, name)) return &headers[i].value;
  return NULL;
}

static void append_canonical(struct gw_strbuf *out, const struct gw_huawei_request *request, const struct gw_huawei_pair *headers,
                             uint32_t count) {
  gw_strbuf_append_str(out, request->method);
  gw_strbuf_append_char(out, '\n');
  append_path(out, request->path);
  gw_strbuf_append_char(out, '\n');
  gw_huawei_append_query(out, request->query, request->query_count);
  gw_strbuf_append_char(out, '\n');
  for (uint32_t i = 0; i < count; i++)
    gw_strbuf_printf(out, "%.*s:%.*s\n", GW_STR_ARG(headers[i].name), GW_STR_ARG(headers[i].value));
  gw_strbuf_append_char(out, '\n');
  append_names(out, headers, count);
  gw_strbuf_append_char(out, '\n');
  const struct gw_str *said = find(headers, count, GW_STR("x-sdk-content-sha256"));
  if (said != NULL && request->body.len > 0)
    gw_strbuf_append_str(out, *said);
  else
    append_digest(out, request->body);
}

/* No less than it takes. */
static size_t canonical_size(const struct gw_huawei_request *request) {
  size_t size = 1024 + request->method.len + 3 * request->path.len;
  for (uint32_t i = 0; i < request->query_count; i++)
    size += 3 * (request->query[i].name.len + request->query[i].value.len) + 2;
  for (uint32_t i = 0; i < request->header_count; i++)
    size += 2 * request->headers[i].name.len + request->headers[i].value.len + 3;
  return size;
}

enum gw_err gw_huawei_sign(const struct gw_huawei_request *request, struct gw_str access_key, const struct gw_hmac *secret_key,
                           struct gw_strbuf *ret_authorization) {
  uint32_t count;
  GW_CLEANUP(gw_free_ptr) struct gw_huawei_pair *headers = normalize_headers(request, &count);
  const struct gw_str *date = find(headers, count, GW_STR("x-sdk-date"));
  if (date == NULL) return GW_ERR_INVALID;
  struct gw_strbuf canonical, to_sign;
  gw_strbuf_init(&canonical);
  gw_strbuf_init(&to_sign);
  gw_strbuf_reserve(&canonical, canonical_size(request));
  append_canonical(&canonical, request, headers, count);
  gw_strbuf_printf(&to_sign, ALGORITHM "\n%.*s\n", GW_STR_ARG(*date));
  append_digest(&to_sign, gw_strbuf_str(&canonical));
  uint8_t mac[GW_HASH_SIZE_MAX];
  gw_hmac_compute(secret_key, gw_strbuf_str(&to_sign), mac);
  gw_strbuf_printf(ret_authorization, ALGORITHM " Access=%.*s, SignedHeaders=", GW_STR_ARG(access_key));
  append_names(ret_authorization, headers, count);
  gw_strbuf_printf(ret_authorization, ", Signature=");
  append_hex(ret_authorization, mac, GW_SHA256_SIZE);
  gw_strbuf_wipe(&canonical); /* a security token may be in it */
  gw_strbuf_done(&to_sign);
  return GW_OK;
}
