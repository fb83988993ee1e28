#include "common/routing/regex_syntax.h"

#include "common/routing/regex.h"

#define REPEAT_MAX 1000 /* RE2's */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* `c` follows a backslash. */
static const char *check_escape(char c) {
  if (is_digit(c)) return "a backreference or octal escape";
  if (c == 'k' || c == 'g') return "a backreference";
  if (c == 'p' || c == 'P') return "a Unicode class";
  if (is_letter(c) && strchr("abdfnrstwxzABDEQSW", c) == NULL) return "an escape that RE2 lacks or reads otherwise";
  return NULL;
}

/* `rest` follows "(". */
static const char *check_group(struct gw_str rest) {
  if (rest.len > 0 && rest.data[0] == '*') return "a verb";
  if (rest.len < 2 || rest.data[0] != '?') return NULL;
  rest = gw_str_skip(rest, 1);
  static const struct {
    const char *begin;
    const char *what;
  } foreign[] = {{"=", "lookaround"},      {"!", "lookaround"},       {"<=", "lookaround"},    {"<!", "lookaround"},
                 {">", "an atomic group"}, {"#", "a comment"},        {"R", "recursion"},      {"&", "recursion"},
                 {"P>", "recursion"},      {"P=", "a backreference"}, {"|", "a branch reset"}, {"(", "a condition"}};
  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    if (gw_str_has_prefix(rest, gw_str_from(foreign[i].begin))) return foreign[i].what;
  }
  char c = rest.data[0];
  if (c == ':' || c == '<' || c == 'P') return NULL;
  for (size_t i = 0; i < rest.len && rest.data[i] != ')' && rest.data[i] != ':'; i++) {
    if (strchr("imsU-", rest.data[i]) == NULL || rest.data[i] == '\0') return "a group that RE2 lacks";
  }
  return NULL;
}

/* The length of "{n}", "{n,}" or "{n,m}" that `rest` begins with; 0 when it begins with none: then the brace is a letter. */
static size_t repeat_len(struct gw_str rest, bool *ret_is_too_large) {
  unsigned largest = 0, number = 0;
  bool has_digit = false, has_comma = false;
  for (size_t i = 1; i < rest.len; i++) {
    char c = rest.data[i];
    if (is_digit(c)) {
      has_digit = true;
      if (number <= REPEAT_MAX) number = number * 10 + (unsigned)(c - '0');
      if (number > largest) largest = number;
    } else if (c == ',' && has_digit && !has_comma) {
      has_comma = true;
      number = 0;
    } else {
      if (c != '}' || !has_digit) return 0;
      *ret_is_too_large = largest > REPEAT_MAX;
      return i + 1;
    }
  }
  return 0;
}

/* The length of the class "[…]" that `rest` begins with (all of it when it does not end). */
static size_t class_len(struct gw_str rest, const char **ret_foreign) {
  size_t i = 1;
  if (i < rest.len && rest.data[i] == '^') i++;
  if (i < rest.len && rest.data[i] == ']') i++;
  for (; i < rest.len && rest.data[i] != ']'; i++) {
    if (rest.data[i] == '\\' && i + 1 < rest.len) {
      const char *foreign = check_escape(rest.data[++i]);
      if (foreign != NULL) *ret_foreign = foreign;
    } else if (rest.data[i] == '[' && i + 1 < rest.len && rest.data[i + 1] == ':') {
      while (i + 1 < rest.len && rest.data[i + 1] != ']')
        i++;
      i++;
    }
  }
  return i < rest.len ? i + 1 : rest.len;
}

/* The length of the quantifier that `rest` begins with, without what makes it lazy or possessive; 0: none. */
static size_t quantifier_len(struct gw_str rest, bool *ret_is_too_large) {
  char c = rest.data[0];
  if (c == '*' || c == '+' || c == '?') return 1;
  return c == '{' ? repeat_len(rest, ret_is_too_large) : 0;
}

/* Handles one quantifier at the start of *rest, if there is one. */
static const char *skip_quantifier(struct gw_str *rest) {
  bool is_too_large = false;
  size_t len = quantifier_len(*rest, &is_too_large);
  if (is_too_large) return "a repetition of more than 1000";
  if (len == 0) return NULL;
  *rest = gw_str_skip(*rest, len);
  if (rest->len > 0 && rest->data[0] == '+') return "a possessive quantifier";
  if (rest->len > 0 && rest->data[0] == '?') *rest = gw_str_skip(*rest, 1);
  return NULL;
}

const char *gw_regex_syntax_find_foreign(struct gw_str pattern) {
  const char *foreign = NULL;
  struct gw_str rest = pattern;
  while (rest.len > 0 && foreign == NULL) {
    size_t len = 1;
    if (rest.data[0] == '\\' && rest.len > 1) {
      foreign = check_escape(rest.data[1]);
      len = 2;
    } else if (rest.data[0] == '[') {
      len = class_len(rest, &foreign);
    } else if (rest.data[0] == '(') {
      foreign = check_group(gw_str_skip(rest, 1));
      /* The question mark of "(?" is no quantifier. */
      if (rest.len > 1 && rest.data[1] == '?') len = 2;
    }
    rest = gw_str_skip(rest, len);
    if (rest.len > 0 && foreign == NULL && len > 0) foreign = skip_quantifier(&rest);
  }
  return foreign;
}

/* Whether "a|b" may stand outside parentheses; says yes when in doubt. */
static bool has_outer_choice(struct gw_str pattern) {
  size_t depth = 0;
  for (size_t i = 0; i < pattern.len; i++) {
    char c = pattern.data[i];
    const char *unused = NULL;
    if (c == '\\') {
      if (i + 1 < pattern.len && pattern.data[i + 1] == 'Q') return true;
      i++;
    } else if (c == '[') {
      i += class_len(gw_str_skip(pattern, i), &unused) - 1;
    } else if (c == '(') {
      depth++;
    } else if (c == ')') {
      depth -= depth > 0;
    } else if (c == '|' && depth == 0) {
      return true;
    }
  }
  return false;
}

struct gw_str gw_regex_literal_prefix(struct gw_str pattern, struct gw_arena *arena) {
  struct gw_str prefix = {gw_arena_alloc_bytes(arena, pattern.len + 1), 0};
  char *out = (char *)prefix.data;
  if (has_outer_choice(pattern)) return prefix;
  size_t i = pattern.len > 0 && pattern.data[0] == '^' ? 1 : 0;
  while (i < pattern.len) {
    char c = pattern.data[i];
    size_t len = 1;
    if (c == '\\' && i + 1 < pattern.len && !is_letter(pattern.data[i + 1]) && !is_digit(pattern.data[i + 1])) {
      c = pattern.data[i + 1];
      len = 2;
    } else if (strchr("\\^$.[]|()?*+{}", c) != NULL || c == '\0') {
      break;
    }
    /* A quantifier behind it may mean that it is not there. */
    const char *next = i + len < pattern.len ? &pattern.data[i + len] : "";
    if (*next == '*' || *next == '?' || *next == '{') break;
    out[prefix.len++] = c;
    i += len;
  }
  return prefix;
}
