/* JSON text into values. By hand, since a token's two texts are on the way of a request: what jansson does in 9 µs takes 1 here, and
 * nothing is allocated but in the arena. tests/fuzz compares the two. */
#include <math.h>
#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/map.h"
#include "common/base/mem.h"

#define STACK_FIXED 48       /* values of arrays and objects that are still open, before the heap is needed */
#define FEW_MEMBERS 12       /* so many are compared one by one */
#define NUMBER_LEN_MAX 1024u /* longer ones are of no use, and costly to convert */

struct parser {
  const char *at;
  const char *end;
  struct gw_arena *arena;
  enum gw_err err; /* GW_OK until something is wrong */
  uint32_t depth_left;
  uint32_t values_left;
  /* Items and members of what is still open: their number is known at its end, and they leave in one piece. */
  struct gw_json_member *stack;
  struct gw_json_member *heap; /* NULL: the stack is the fixed one */
  size_t stack_len;
  size_t stack_cap;
};

static bool fail(struct parser *parser, enum gw_err err) {
  parser->err = err;
  return false;
}

static void skip_space(struct parser *parser) {
  while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n' || *parser->at == '\r'))
    parser->at++;
}

static bool is_next(const struct parser *parser, char c) {
  return parser->at < parser->end && *parser->at == c;
}

static bool take(struct parser *parser, char c) {
  if (!is_next(parser, c)) return false;
  parser->at++;
  return true;
}

static bool take_word(struct parser *parser, struct gw_str word) {
  if ((size_t)(parser->end - parser->at) < word.len || memcmp(parser->at, word.data, word.len) != 0) return fail(parser, GW_ERR_INVALID);
  parser->at += word.len;
  return true;
}

/* ---- strings ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four digits behind "\u". */
static bool take_code_unit(struct parser *parser, uint32_t *ret_unit) {
  if (parser->end - parser->at < 4) return false;
  uint32_t unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*parser->at++);
    if (digit < 0) return false;
    unit = unit << 4 | (uint32_t)digit;
  }
  *ret_unit = unit;
  return true;
}

/* RFC 8259 section 7: beyond the basic plane a pair of surrogates, never half of one. */
static bool take_code_point(struct parser *parser, uint32_t *ret_point) {
  uint32_t high, low;
  if (!take_code_unit(parser, &high) || high == 0 || (high >= 0xdc00 && high <= 0xdfff)) return false;
  *ret_point = high;
  if (high < 0xd800 || high > 0xdbff) return true;
  if (!take(parser, '\\') || !take(parser, 'u') || !take_code_unit(parser, &low) || low < 0xdc00 || low > 0xdfff) return false;
  *ret_point = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
  return true;
}

static char *append_utf8(char *out, uint32_t point) {
  if (point < 0x80) {
    *out++ = (char)point;
  } else if (point < 0x800) {
    *out++ = (char)(0xc0 | point >> 6);
    *out++ = (char)(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    *out++ = (char)(0xe0 | point >> 12);
    *out++ = (char)(0x80 | (point >> 6 & 0x3f));
    *out++ = (char)(0x80 | (point & 0x3f));
  } else {
    *out++ = (char)(0xf0 | point >> 18);
    *out++ = (char)(0x80 | (point >> 12 & 0x3f));
    *out++ = (char)(0x80 | (point >> 6 & 0x3f));
    *out++ = (char)(0x80 | (point & 0x3f));
  }
  return out;
}

/* Behind the backslash; writes at *out, never more than it takes. */
static bool take_escape(struct parser *parser, char **out) {
  static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (parser->at == parser->end) return false;
  char letter = *parser->at++;
  const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
  if (found != NULL) {
    *(*out)++ = values[found - letters];
    return true;
  }
  uint32_t point;
  if (letter != 'u' || !take_code_point(parser, &point)) return false;
  *out = append_utf8(*out, point);
  return true;
}

/* Copies characters that stand for themselves, in one piece. */
static void take_plain(struct parser *parser, const char *quote, char **out) {
  const char *at = parser->at;
  while (at < quote && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '\\')
    at++;
  size_t len = (size_t)(at - parser->at);
  memcpy(*out, parser->at, len);
  *out += len;
  parser->at = at;
}

/* Where the string ends: the quote that is not escaped; NULL: nowhere. */
static const char *find_quote(const struct parser *parser) {
  const char *at = parser->at;
  while (at < parser->end && *at != '"')
    at += *at == '\\' ? 2 : 1;
  return at < parser->end ? at : NULL;
}

/* Behind the opening quote. */
static bool take_string(struct parser *parser, struct gw_str *ret_text) {
  const char *quote = find_quote(parser);
  if (quote == NULL) return fail(parser, GW_ERR_INVALID);
  char *text = gw_arena_alloc_bytes(parser->arena, (size_t)(quote - parser->at) + 1), *out = text;
  for (take_plain(parser, quote, &out); parser->at < quote; take_plain(parser, quote, &out)) {
    if (take(parser, '\\')) {
      if (!take_escape(parser, &out)) return fail(parser, GW_ERR_INVALID);
      continue;
    }
    size_t len = gw_str_utf8_len((struct gw_str){parser->at, (size_t)(quote - parser->at)});
    if (len < 2) return fail(parser, GW_ERR_INVALID); /* a control character, or not UTF-8 */
    memcpy(out, parser->at, len);
    out += len;
    parser->at += len;
  }
  if (parser->at != quote) return fail(parser, GW_ERR_INVALID);
  parser->at++;
  *out = '\0';
  *ret_text = (struct gw_str){text, (size_t)(out - text)};
  return true;
}

/* ---- numbers ---- */

static const char *skip_digits(const char *at, const char *end) {
  while (at < end && *at >= '0' && *at <= '9')
    at++;
  return at;
}

/* RFC 8259 section 6; NULL: no number. */
static const char *find_number_end(const struct parser *parser, bool *ret_is_integer) {
  const char *at = parser->at, *end = parser->end;
  *ret_is_integer = true;
  if (at < end && *at == '-') at++;
  const char *digits = at;
  at = skip_digits(at, end);
  if (at == digits || (*digits == '0' && at - digits > 1)) return NULL;
  if (at < end && *at == '.') {
    *ret_is_integer = false;
    digits = ++at;
    at = skip_digits(at, end);
    if (at == digits) return NULL;
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    *ret_is_integer = false;
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    digits = at;
    at = skip_digits(at, end);
    if (at == digits) return NULL;
  }
  return at;
}

static bool parse_integer(struct gw_str text, int64_t *ret_value) {
  bool is_negative = text.data[0] == '-';
  int64_t value = 0;
  for (size_t i = is_negative ? 1 : 0; i < text.len; i++) {
    int64_t digit = text.data[i] - '0';
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, is_negative ? -digit : digit, &value)) return false;
  }
  *ret_value = value;
  return true;
}

static bool take_number(struct parser *parser, struct gw_json_value *ret_value) {
  bool is_integer;
  const char *end = find_number_end(parser, &is_integer);
  if (end == NULL) return fail(parser, GW_ERR_INVALID);
  struct gw_str text = {parser->at, (size_t)(end - parser->at)};
  if (text.len > NUMBER_LEN_MAX) return fail(parser, GW_ERR_LIMIT);
  parser->at = end;
  if (is_integer) {
    *ret_value = (struct gw_json_value){.kind = GW_JSON_INTEGER};
    return parse_integer(text, &ret_value->integer) || fail(parser, GW_ERR_INVALID);
  }
  char copy[NUMBER_LEN_MAX + 1];
  memcpy(copy, text.data, text.len);
  copy[text.len] = '\0';
  *ret_value = (struct gw_json_value){.kind = GW_JSON_REAL, .real = strtod(copy, NULL)};
  return isfinite(ret_value->real) || fail(parser, GW_ERR_INVALID);
}

/* ---- arrays and objects ---- */

static bool take_value(struct parser *parser, struct gw_json_value *ret_value);

static void push(struct parser *parser, const struct gw_json_member *member) {
  if (parser->stack_len == parser->stack_cap) {
    bool is_fixed = parser->heap == NULL;
    parser->stack_cap *= 2;
    parser->heap = gw_realloc_array(parser->heap, parser->stack_cap, sizeof(*parser->heap));
    if (is_fixed) memcpy(parser->heap, parser->stack, parser->stack_len * sizeof(*parser->stack));
    parser->stack = parser->heap;
  }
  parser->stack[parser->stack_len++] = *member;
}

static bool begin(struct parser *parser) {
  if (parser->depth_left == 0) return fail(parser, GW_ERR_LIMIT);
  parser->depth_left--;
  parser->at++;
  skip_space(parser);
  return true;
}

/* Behind an item: ',' goes on, `close` ends. */
static bool take_separator(struct parser *parser, char close, bool *ret_is_end) {
  skip_space(parser);
  *ret_is_end = take(parser, close);
  if (*ret_is_end) return true;
  if (!take(parser, ',')) return fail(parser, GW_ERR_INVALID);
  skip_space(parser);
  return true;
}

static bool take_array(struct parser *parser, struct gw_json_value *ret_value) {
  size_t first = parser->stack_len;
  struct gw_json_member item = {{NULL, 0}, {.kind = GW_JSON_NULL}};
  if (!begin(parser)) return false;
  for (bool is_end = take(parser, ']'); !is_end;) {
    if (!take_value(parser, &item.value)) return false;
    push(parser, &item);
    if (!take_separator(parser, ']', &is_end)) return false;
  }
  size_t count = parser->stack_len - first;
  struct gw_json_value *items = gw_arena_alloc(parser->arena, count * sizeof(*items));
  for (size_t i = 0; i < count; i++)
    items[i] = parser->stack[first + i].value;
  parser->stack_len = first;
  parser->depth_left++;
  *ret_value = (struct gw_json_value){.kind = GW_JSON_ARRAY, .count = (uint32_t)count, .items = items};
  return true;
}

/* With many names by hash, since strangers choose how many there are. */
static bool has_duplicate_of_many(const struct gw_json_member *members, size_t count) {
  size_t mask = 1;
  while (mask < count * 2)
    mask *= 2;
  GW_CLEANUP(gw_free_ptr) uint32_t *places = gw_calloc(mask, sizeof(*places)); /* index + 1 */
  mask--;
  for (size_t i = 0; i < count; i++) {
    size_t place = gw_hash_keyed(members[i].name.data, members[i].name.len) & mask;
    for (; places[place] != 0; place = (place + 1) & mask) {
      if (gw_str_equal(members[places[place] - 1].name, members[i].name)) return true;
    }
    places[place] = (uint32_t)i + 1;
  }
  return false;
}

static bool has_duplicate(const struct gw_json_member *members, size_t count) {
  if (count > FEW_MEMBERS) return has_duplicate_of_many(members, count);
  for (size_t i = 1; i < count; i++) {
    for (size_t j = 0; j < i; j++) {
      if (gw_str_equal(members[i].name, members[j].name)) return true;
    }
  }
  return false;
}

static bool take_member(struct parser *parser, struct gw_json_member *ret_member) {
  if (!take(parser, '"')) return fail(parser, GW_ERR_INVALID);
  if (!take_string(parser, &ret_member->name)) return false;
  skip_space(parser);
  if (!take(parser, ':')) return fail(parser, GW_ERR_INVALID);
  skip_space(parser);
  return take_value(parser, &ret_member->value);
}

static bool take_object(struct parser *parser, struct gw_json_value *ret_value) {
  size_t first = parser->stack_len;
  struct gw_json_member member;
  if (!begin(parser)) return false;
  for (bool is_end = take(parser, '}'); !is_end;) {
    if (!take_member(parser, &member)) return false;
    push(parser, &member);
    if (!take_separator(parser, '}', &is_end)) return false;
  }
  size_t count = parser->stack_len - first;
  struct gw_json_member *members = gw_arena_alloc(parser->arena, count * sizeof(*members));
  memcpy(members, parser->stack + first, count * sizeof(*members));
  parser->stack_len = first;
  parser->depth_left++;
  if (has_duplicate(members, count)) return fail(parser, GW_ERR_INVALID);
  *ret_value = (struct gw_json_value){.kind = GW_JSON_OBJECT, .count = (uint32_t)count, .members = members};
  return true;
}

/* ---- the whole ---- */

/* At its first character. */
static bool take_value(struct parser *parser, struct gw_json_value *ret_value) {
  if (parser->at == parser->end) return fail(parser, GW_ERR_INVALID);
  if (parser->values_left == 0) return fail(parser, GW_ERR_LIMIT);
  parser->values_left--;
  switch (*parser->at) {
  case '{': return take_object(parser, ret_value);
  case '[': return take_array(parser, ret_value);
  case '"':
    parser->at++;
    *ret_value = (struct gw_json_value){.kind = GW_JSON_STRING};
    return take_string(parser, &ret_value->string);
  case 't': *ret_value = (struct gw_json_value){.kind = GW_JSON_BOOL, .boolean = true}; return take_word(parser, GW_STR("true"));
  case 'f': *ret_value = (struct gw_json_value){.kind = GW_JSON_BOOL, .boolean = false}; return take_word(parser, GW_STR("false"));
  case 'n': *ret_value = (struct gw_json_value){.kind = GW_JSON_NULL}; return take_word(parser, GW_STR("null"));
  default: return take_number(parser, ret_value);
  }
}

enum gw_err gw_json_parse(struct gw_str text, const struct gw_json_limits *limits, struct gw_arena *arena,
                          const struct gw_json_value **ret_value) {
  GW_ASSERT(limits->depth_max <= GW_JSON_DEPTH_MAX);
  if (text.len > limits->bytes_max) return GW_ERR_LIMIT;
  if (text.len == 0) return GW_ERR_INVALID;
  struct gw_json_member fixed[STACK_FIXED];
  struct parser parser = {.at = text.data,
                          .end = text.data + text.len,
                          .arena = arena,
                          .depth_left = limits->depth_max,
                          .values_left = limits->values_max,
                          .stack = fixed,
                          .stack_cap = STACK_FIXED};
  struct gw_json_value *value = gw_arena_alloc(arena, sizeof(*value));
  skip_space(&parser);
  if (take_value(&parser, value)) {
    skip_space(&parser);
    if (parser.at != parser.end) parser.err = GW_ERR_INVALID;
  }
  free(parser.heap);
  if (parser.err == GW_OK) *ret_value = value;
  return parser.err;
}
