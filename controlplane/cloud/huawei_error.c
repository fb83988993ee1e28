#include "controlplane/cloud/huawei_error.h"

#include <stdio.h>
#include <time.h>

#include "common/base/mem.h"

#define DEPTH_MAX 2u
#define MESSAGE_MAX 500u
#define SKEW_MIN_S 600

static struct gw_str scalar_text(const struct gw_json_value *value, struct gw_arena *arena) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  struct gw_str copy = GW_STR("");
  if (value != NULL && gw_json_append_scalar(&text, value)) copy = gw_arena_copy(arena, gw_strbuf_str(&text));
  gw_strbuf_done(&text);
  return copy;
}

static bool find_flat(const struct gw_json_value *body, struct gw_arena *arena, struct gw_huawei_error *ret_error) {
  static const struct {
    struct gw_str code, message;
  } forms[] = {{GW_STR("error_code"), GW_STR("error_msg")}, {GW_STR("errorCode"), GW_STR("errorMsg")}, {GW_STR("code"), GW_STR("message")}};
  for (size_t i = 0; i < GW_ARRAY_LEN(forms); i++) {
    struct gw_str message = scalar_text(gw_json_find(body, forms[i].message), arena);
    if (message.len == 0) continue;
    *ret_error = (struct gw_huawei_error){.code = scalar_text(gw_json_find(body, forms[i].code), arena), .message = message};
    return true;
  }
  return false;
}

static bool find_within(const struct gw_json_value *body, uint32_t depth, struct gw_arena *arena, struct gw_huawei_error *ret_error) {
  if (body == NULL || body->kind != GW_JSON_OBJECT) return false;
  if (find_flat(body, arena, ret_error)) return true;
  for (uint32_t i = 0; depth > 0 && i < body->count; i++)
    if (find_within(&body->members[i].value, depth - 1, arena, ret_error)) return true;
  return false;
}

bool gw_huawei_error_find(const struct gw_json_value *body, struct gw_arena *arena, struct gw_huawei_error *ret_error) {
  return find_within(body, DEPTH_MAX, arena, ret_error);
}

static const char *opening(uint32_t status) {
  switch (status) {
  case 401: return "the cloud does not accept the credentials";
  case 403: return "the cloud says that these credentials may not do that";
  case 404: return "the cloud knows nothing of that name";
  case 409: return "the cloud says that something else stands against it";
  case 429: return "the cloud throttles our requests";
  default: return status >= 500 ? "the cloud has a fault" : "the cloud refuses it";
  }
}

/* On one line: it goes into logs and terminals. */
static void append_message(struct gw_strbuf *out, struct gw_str message) {
  bool is_cut = message.len > MESSAGE_MAX;
  if (is_cut) message.len = MESSAGE_MAX;
  while (message.len > 0 && (message.data[message.len - 1] == '.' || message.data[message.len - 1] == ' '))
    message.len--;
  while (message.len > 0) {
    size_t len = gw_str_utf8_len(message);
    if (len > 1 || (len == 1 && (unsigned char)message.data[0] >= ' ' && message.data[0] != 0x7f))
      gw_strbuf_append(out, message.data, len);
    else if (len == 1)
      gw_strbuf_append_char(out, ' ');
    message = gw_str_skip(message, len > 0 ? len : 1); /* a character that was cut is left out */
  }
  if (is_cut) gw_strbuf_append_str(out, GW_STR("…"));
}

void gw_huawei_error_append_words(struct gw_strbuf *out, uint32_t status, const struct gw_huawei_error *error, struct gw_str request_id) {
  gw_strbuf_printf(out, "%s", opening(status));
  if (error != NULL && error->message.len > 0) {
    gw_strbuf_append_str(out, GW_STR(": "));
    append_message(out, error->message);
  }
  char number[16];
  snprintf(number, sizeof(number), "%u", status);
  gw_strbuf_printf(out, " (%s", number);
  if (error != NULL && error->code.len > 0 && error->code.len <= 100 && !gw_str_equal(error->code, gw_str_from(number))) {
    gw_strbuf_append_char(out, ' ');
    append_message(out, error->code);
  }
  if (request_id.len > 0 && request_id.len <= 100) {
    gw_strbuf_append_str(out, GW_STR(", request "));
    append_message(out, request_id);
  }
  gw_strbuf_append_char(out, ')');
}

void gw_huawei_error_append_clock(struct gw_strbuf *out, struct gw_str date, uint64_t wall_us) {
  char text[64];
  struct tm tm = {0};
  if (date.len == 0 || date.len >= sizeof(text)) return;
  memcpy(text, date.data, date.len);
  text[date.len] = '\0';
  const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  if (end == NULL || *end != '\0') return;
  int64_t ahead_s = (int64_t)(wall_us / 1000000u) - (int64_t)timegm(&tm);
  int64_t apart_s = ahead_s < 0 ? -ahead_s : ahead_s;
  if (apart_s < SKEW_MIN_S) return;
  gw_strbuf_printf(out, "; this machine's clock is %lld minutes %s the cloud's", (long long)(apart_s / 60),
                   ahead_s > 0 ? "ahead of" : "behind");
}
