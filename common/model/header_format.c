#include "common/model/header_format.h"

#include <string.h>

#include "common/base/mem.h"

struct refusal {
  const char *name;
  const char *why;
};

/* What is meant for one connection, or says where a message ends: a copy of it on another connection is how requests are smuggled. */
static const struct refusal refusals[] = {
    {"connection", "is for one connection only"},
    {"keep-alive", "is for one connection only"},
    {"proxy-connection", "is for one connection only"},
    {"proxy-authenticate", "is for one connection only"},
    {"proxy-authorization", "is for one connection only"},
    {"te", "is for one connection only"},
    {"upgrade", "is for one connection only"},
    {"http2-settings", "is for one connection only"},
    {"content-length", "says where the body ends"},
    {"transfer-encoding", "says where the body ends"},
    {"trailer", "says where the body ends"},
    {"host", "is changed by rewriting the host"},
};

const char *gw_header_change_refusal(struct gw_str name, bool is_response) {
  if (name.len > 0 && name.data[0] == ':') return "is no field of a head";
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++)
    if (gw_str_equal(name, gw_str_from(refusals[i].name))) return refusals[i].why;
  return !is_response && gw_str_equal(name, GW_STR("expect")) ? "is answered by the gateway" : NULL;
}

/* ---- values ---- */

static const char *const operators[] = {
    "DOWNSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "PROTOCOL", "ROUTE_NAME", "UPSTREAM_CLUSTER", "START_TIME",
};
static const char *const response_operators[] = {"UPSTREAM_HOST", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "RESPONSE_FLAGS"};
static const char *const pseudo_headers[] = {":method", ":path", ":authority", ":scheme"};

static bool is_one_of(struct gw_str text, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (gw_str_equal_nocase(text, gw_str_from(words[i]))) return true;
  return false;
}

static bool is_name(struct gw_str name, bool is_request) {
  if (is_request && is_one_of(name, pseudo_headers, GW_ARRAY_LEN(pseudo_headers))) return true;
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_alnum && c != '-' && c != '_' && c != '.') return false;
  }
  return name.len > 0;
}

/* "NAME", "NAME?ALTERNATIVE", either with ":LENGTH" behind the parenthesis. */
static bool is_field(struct gw_str argument, struct gw_str length, bool is_request) {
  ptrdiff_t question = gw_str_find_char(argument, '?');
  if (question >= 0 && !is_name(gw_str_skip(argument, (size_t)question + 1), is_request)) return false;
  if (!is_name(question >= 0 ? (struct gw_str){argument.data, (size_t)question} : argument, is_request)) return false;
  uint64_t number;
  return length.len == 0 || (length.data[0] == ':' && gw_str_parse_u64(gw_str_skip(length, 1), &number) == GW_OK);
}

static bool is_operator(struct gw_str text, bool is_response) {
  ptrdiff_t open = gw_str_find_char(text, '('), close = gw_str_find_char(text, ')');
  if (open < 0)
    return is_one_of(text, operators, GW_ARRAY_LEN(operators)) ||
           (is_response && is_one_of(text, response_operators, GW_ARRAY_LEN(response_operators)));
  if (close < open) return false;
  struct gw_str name = {text.data, (size_t)open}, argument = {text.data + open + 1, (size_t)(close - open - 1)};
  struct gw_str length = gw_str_skip(text, (size_t)close + 1);
  if (gw_str_equal(name, GW_STR("REQ"))) return is_field(argument, length, true);
  return is_response && gw_str_equal(name, GW_STR("RESP")) && is_field(argument, length, false);
}

static enum gw_err refuse_operator(struct gw_str text, bool is_response, struct gw_arena *arena, const char **ret_why) {
  *ret_why = gw_arena_printf(arena, "%%%.*s%% is not supported; allowed are " GW_HEADER_OPERATORS "%s, and %%%% for a percent sign",
                             GW_STR_ARG(text), is_response ? ", " GW_HEADER_RESPONSE_OPERATORS : "");
  return GW_ERR_INVALID;
}

enum gw_err gw_header_format_parse(struct gw_str text, bool is_response, struct gw_arena *arena, struct gw_str *ret_value,
                                   bool *ret_is_format, const char **ret_why) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if ((c >= 0x20 && c != 0x7f) || c == '\t') continue;
    *ret_why = "holds a control character";
    return GW_ERR_INVALID;
  }
  char *literal = gw_arena_alloc_bytes(arena, text.len + 1);
  size_t len = 0;
  bool is_format = false;
  for (struct gw_str rest = text; rest.len > 0;) {
    if (rest.data[0] != '%') {
      literal[len++] = rest.data[0];
      rest = gw_str_skip(rest, 1);
      continue;
    }
    rest = gw_str_skip(rest, 1);
    ptrdiff_t end = gw_str_find_char(rest, '%');
    struct gw_str name = {rest.data, end < 0 ? rest.len : (size_t)end};
    if (end != 0 && (end < 0 || !is_operator(name, is_response))) return refuse_operator(name, is_response, arena, ret_why);
    if (end == 0) literal[len++] = '%';
    is_format = is_format || end > 0;
    rest = gw_str_skip(rest, (size_t)end + 1);
  }
  literal[len] = '\0';
  *ret_is_format = is_format;
  *ret_value = is_format ? text : (struct gw_str){literal, len};
  return GW_OK;
}
