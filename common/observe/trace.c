#include "common/observe/trace.h"

#include <string.h>

#include "common/base/hex.h"

#define TRACE_HEX ((size_t)2 * GW_TRACE_ID_BYTES)
#define SPAN_HEX ((size_t)2 * GW_SPAN_ID_BYTES)
#define SHORT_TRACE_HEX ((size_t)16) /* B3 */
#define STATE_MEMBERS_MAX 32u
#define STATE_KEY_MAX 256u
#define STATE_VALUE_MAX 256u
#define FLAG_SAMPLED 1u

/* ---- ids ---- */

static bool is_zero(const uint8_t *id, size_t bytes) {
  uint8_t any = 0;
  for (size_t i = 0; i < bytes; i++)
    any |= id[i];
  return any == 0;
}

void gw_trace_new_id(struct gw_random *random, uint8_t ret_id[GW_TRACE_ID_BYTES]) {
  uint64_t halves[2];
  do {
    halves[0] = gw_random_next(random);
    halves[1] = gw_random_next(random);
  } while ((halves[0] | halves[1]) == 0);
  memcpy(ret_id, halves, GW_TRACE_ID_BYTES);
}

void gw_trace_new_span_id(struct gw_random *random, uint8_t ret_id[GW_SPAN_ID_BYTES]) {
  uint64_t id;
  do
    id = gw_random_next(random);
  while (id == 0);
  memcpy(ret_id, &id, GW_SPAN_ID_BYTES);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower case alone, as both say. */
static bool parse_hex(const char *text, size_t bytes, uint8_t *ret_bytes) {
  for (size_t i = 0; i < bytes; i++) {
    int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    ret_bytes[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

void gw_trace_format_id(const uint8_t *id, size_t bytes, char *ret_text) {
  for (size_t at = 0; at < bytes; at += 8)
    gw_hex_format_8(id + at, ret_text + 2 * at);
}

/* ---- W3C ---- */

bool gw_trace_parse_traceparent(struct gw_str value, struct gw_trace_context *ret_context) {
  struct gw_trace_context context;
  uint8_t version, flags;
  if (value.len < GW_TRACEPARENT_LEN) return false;
  const char *text = value.data;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!parse_hex(text, 1, &version) || version == 0xff || !parse_hex(text + 53, 1, &flags)) return false;
  if (value.len > GW_TRACEPARENT_LEN && (version == 0 || text[GW_TRACEPARENT_LEN] != '-')) return false;
  if (!parse_hex(text + 3, GW_TRACE_ID_BYTES, context.trace_id) || is_zero(context.trace_id, GW_TRACE_ID_BYTES)) return false;
  if (!parse_hex(text + 36, GW_SPAN_ID_BYTES, context.span_id) || is_zero(context.span_id, GW_SPAN_ID_BYTES)) return false;
  context.decision = (flags & FLAG_SAMPLED) != 0 ? GW_TRACE_SAMPLED : GW_TRACE_NOT_SAMPLED;
  *ret_context = context;
  return true;
}

void gw_trace_format_traceparent(const struct gw_trace_context *context, char ret_text[GW_TRACEPARENT_LEN]) {
  ret_text[0] = ret_text[1] = '0';
  ret_text[2] = '-';
  gw_trace_format_id(context->trace_id, GW_TRACE_ID_BYTES, ret_text + 3);
  ret_text[35] = '-';
  gw_trace_format_id(context->span_id, GW_SPAN_ID_BYTES, ret_text + 36);
  ret_text[52] = '-';
  ret_text[53] = '0';
  ret_text[54] = context->decision == GW_TRACE_SAMPLED ? '1' : '0';
}

static bool is_lower_alpha(char c) {
  return c >= 'a' && c <= 'z';
}

static bool is_key_char(char c) {
  return is_lower_alpha(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' || c == '/';
}

/* simple-key, or tenant-id "@" system-id. */
static bool is_state_key(struct gw_str key) {
  ptrdiff_t at = gw_str_find_char(key, '@');
  if (key.len == 0 || key.len > STATE_KEY_MAX) return false;
  if (at >= 0) {
    struct gw_str system = gw_str_skip(key, (size_t)at + 1);
    if (at == 0 || at > 241 || system.len == 0 || system.len > 14 || !is_lower_alpha(system.data[0])) return false;
  } else if (!is_lower_alpha(key.data[0])) {
    return false;
  }
  for (size_t i = 0; i < key.len; i++)
    if (!is_key_char(key.data[i]) && (ptrdiff_t)i != at) return false;
  return at < 0 || is_lower_alpha(key.data[0]) || (key.data[0] >= '0' && key.data[0] <= '9');
}

static bool is_state_value(struct gw_str value) {
  if (value.len == 0 || value.len > STATE_VALUE_MAX || value.data[value.len - 1] == ' ') return false;
  for (size_t i = 0; i < value.len; i++)
    if (value.data[i] < ' ' || value.data[i] > '~' || value.data[i] == ',' || value.data[i] == '=') return false;
  return true;
}

bool gw_trace_state_is_valid(struct gw_str value, uint32_t *members) {
  struct gw_str member;
  while (gw_str_split_next(&value, ',', &member)) {
    member = gw_str_trim(member);
    if (member.len == 0) continue; /* empty members are allowed, and don't count */
    ptrdiff_t equals = gw_str_find_char(member, '=');
    if (equals < 0 || ++*members > STATE_MEMBERS_MAX) return false;
    if (!is_state_key((struct gw_str){member.data, (size_t)equals}) || !is_state_value(gw_str_skip(member, (size_t)equals + 1)))
      return false;
  }
  return true;
}

/* ---- B3 ---- */

static bool parse_b3_ids(struct gw_str trace_id, struct gw_str span_id, struct gw_trace_context *context) {
  size_t missing = TRACE_HEX - trace_id.len;
  if ((trace_id.len != TRACE_HEX && trace_id.len != SHORT_TRACE_HEX) || span_id.len != SPAN_HEX) return false;
  memset(context->trace_id, 0, sizeof(context->trace_id));
  return parse_hex(trace_id.data, trace_id.len / 2, context->trace_id + missing / 2) && !is_zero(context->trace_id, GW_TRACE_ID_BYTES) &&
         parse_hex(span_id.data, GW_SPAN_ID_BYTES, context->span_id) && !is_zero(context->span_id, GW_SPAN_ID_BYTES);
}

static bool parse_b3_decision(struct gw_str text, enum gw_trace_decision *ret_decision) {
  if (text.len != 1 || (text.data[0] != '0' && text.data[0] != '1' && text.data[0] != 'd')) return false;
  *ret_decision = text.data[0] == '0' ? GW_TRACE_NOT_SAMPLED : GW_TRACE_SAMPLED;
  return true;
}

enum gw_trace_b3 gw_trace_parse_b3(struct gw_str value, struct gw_trace_context *ret_context) {
  struct gw_trace_context context = {.decision = GW_TRACE_UNDECIDED};
  struct gw_str trace_id, span_id, decision, parent_id;
  uint8_t parent[GW_SPAN_ID_BYTES];
  if (value.len == 1) {
    if (!parse_b3_decision(value, &context.decision)) return GW_TRACE_B3_NONE;
    *ret_context = context;
    return GW_TRACE_B3_DECISION;
  }
  if (!gw_str_split_next(&value, '-', &trace_id) || !gw_str_split_next(&value, '-', &span_id)) return GW_TRACE_B3_NONE;
  if (!parse_b3_ids(trace_id, span_id, &context)) return GW_TRACE_B3_NONE;
  if (gw_str_split_next(&value, '-', &decision) && !parse_b3_decision(decision, &context.decision)) return GW_TRACE_B3_NONE;
  if (gw_str_split_next(&value, '-', &parent_id) && (parent_id.len != SPAN_HEX || !parse_hex(parent_id.data, sizeof(parent), parent)))
    return GW_TRACE_B3_NONE;
  if (value.len > 0) return GW_TRACE_B3_NONE;
  *ret_context = context;
  return GW_TRACE_B3_CONTEXT;
}

enum gw_trace_b3 gw_trace_parse_b3_multi(struct gw_str trace_id, struct gw_str span_id, struct gw_str sampled, struct gw_str flags,
                                         struct gw_trace_context *ret_context) {
  struct gw_trace_context context = {.decision = GW_TRACE_UNDECIDED};
  bool is_decided = true;
  if (gw_str_equal(flags, GW_STR("1")) || gw_str_equal(sampled, GW_STR("true"))) {
    context.decision = GW_TRACE_SAMPLED;
  } else if (gw_str_equal(sampled, GW_STR("false"))) {
    context.decision = GW_TRACE_NOT_SAMPLED;
  } else {
    is_decided = parse_b3_decision(sampled, &context.decision);
  }
  if (parse_b3_ids(trace_id, span_id, &context)) {
    *ret_context = context;
    return GW_TRACE_B3_CONTEXT;
  }
  if (!is_decided || trace_id.len > 0 || span_id.len > 0) return GW_TRACE_B3_NONE;
  *ret_context = context;
  return GW_TRACE_B3_DECISION;
}

void gw_trace_format_b3(const struct gw_trace_context *context, char ret_text[GW_TRACE_B3_LEN]) {
  gw_trace_format_id(context->trace_id, GW_TRACE_ID_BYTES, ret_text);
  ret_text[TRACE_HEX] = '-';
  gw_trace_format_id(context->span_id, GW_SPAN_ID_BYTES, ret_text + TRACE_HEX + 1);
  ret_text[TRACE_HEX + 1 + SPAN_HEX] = '-';
  ret_text[TRACE_HEX + 2 + SPAN_HEX] = context->decision == GW_TRACE_SAMPLED ? '1' : '0';
}
