#include "controlplane/policy/regex_sample.h"

#define DEPTH_MAX 8u /* each level is walked twice */
#define TEXT_MAX 1024u
#define REPEAT_MAX 64u

struct walk {
  struct gw_str rest;
  uint32_t variant;
  uint32_t depth;
  struct gw_strbuf *out;
};

static bool is_next(const struct walk *walk, char c) {
  return walk->rest.len > 0 && walk->rest.data[0] == c;
}

static bool take(struct walk *walk, char c) {
  if (!is_next(walk, c)) return false;
  walk->rest = gw_str_skip(walk->rest, 1);
  return true;
}

static char take_any(struct walk *walk) {
  char c = walk->rest.data[0];
  walk->rest = gw_str_skip(walk->rest, 1);
  return c;
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* ---- one character ---- */

/* What `\c` stands for; 0: this does not know. */
static char of_escape(char c) {
  switch (c) {
  case 'd': return '1';
  case 'w':
  case 'S':
  case 'D': return 'a';
  case 's': return ' ';
  case 'W': return '-';
  default: break;
  }
  if (is_word(c)) return '\0';
  return c;
}

static bool escape_has(char escape, char c) {
  bool is_digit = c >= '0' && c <= '9';
  switch (escape) {
  case 'd': return is_digit;
  case 'D': return !is_digit;
  case 'w': return is_word(c);
  case 'W': return !is_word(c);
  case 's': return c == ' ' || c == '\t';
  case 'S': return c != ' ' && c != '\t';
  default: return c == escape;
  }
}

/* `members`: between the brackets, without `^`. */
static bool class_has(struct gw_str members, char c) {
  for (size_t i = 0; i < members.len; i++) {
    if (members.data[i] == '\\' && i + 1 < members.len) {
      if (escape_has(members.data[++i], c)) return true;
    } else if (i + 2 < members.len && members.data[i + 1] == '-') {
      if (c >= members.data[i] && c <= members.data[i + 2]) return true;
      i += 2;
    } else if (members.data[i] == c) {
      return true;
    }
  }
  return false;
}

/* Behind '['. */
static bool emit_class(struct walk *walk) {
  static const char usual[] = "a1Zb0_-~.!/ ";
  char found = '\0';
  bool is_negated = take(walk, '^');
  size_t end = is_next(walk, ']') ? 1 : 0;
  while (end < walk->rest.len && walk->rest.data[end] != ']') {
    if (walk->rest.data[end] == '[') return false; /* [:alpha:] */
    end += walk->rest.data[end] == '\\' ? 2 : 1;
  }
  if (end >= walk->rest.len) return false;
  struct gw_str members = {walk->rest.data, end};
  walk->rest = gw_str_skip(walk->rest, end + 1);
  for (const char *c = usual; *c != '\0' && found == '\0'; c++)
    if (class_has(members, *c) != is_negated) found = *c;
  for (char c = '!'; c <= '~' && found == '\0'; c++)
    if (class_has(members, c) != is_negated) found = c;
  if (found != '\0') gw_strbuf_append_char(walk->out, found);
  return found != '\0';
}

/* ---- more of them ---- */

static bool emit_branches(struct walk *walk);

/* Behind '('. */
static bool emit_group(struct walk *walk) {
  if (take(walk, '?')) {
    bool is_named = take(walk, 'P') ? take(walk, '<') : is_next(walk, '<');
    if (is_named) {
      ptrdiff_t end = gw_str_find_char(walk->rest, '>');
      if (end < 0 || gw_str_find_char(walk->rest, '=') == 1 || gw_str_find_char(walk->rest, '!') == 1) return false; /* look-behind */
      walk->rest = gw_str_skip(walk->rest, (size_t)end + 1);
    } else {
      take(walk, 'i'); /* what is written is of either case */
      if (!take(walk, ':')) return false;
    }
  }
  return emit_branches(walk) && take(walk, ')');
}

static bool emit_atom(struct walk *walk) {
  static const char anything[] = "~a1"; /* nobody's word, somebody's, and a number */
  char c = take_any(walk);
  switch (c) {
  case '(': return emit_group(walk);
  case '[': return emit_class(walk);
  case '.': gw_strbuf_append_char(walk->out, anything[walk->variant / 2 % (sizeof(anything) - 1)]); return true;
  case '^':
  case '$': return true;
  case '*':
  case '+':
  case '?':
  case '{': return false;
  case '\\': {
    char meant = '\0';
    if (walk->rest.len > 0) meant = of_escape(take_any(walk));
    if (meant != '\0') gw_strbuf_append_char(walk->out, meant);
    return meant != '\0';
  }
  default: gw_strbuf_append_char(walk->out, c); return true;
  }
}

/* "{2,5}" and the like, behind '{'. */
static bool read_bounds(struct walk *walk, uint64_t *ret_least, uint64_t *ret_most) {
  struct gw_str bounds, least;
  if (gw_str_find_char(walk->rest, '}') < 0) return false;
  gw_str_split_next(&walk->rest, '}', &bounds);
  bool has_comma = gw_str_find_char(bounds, ',') >= 0;
  gw_str_split_next(&bounds, ',', &least);
  if (gw_str_parse_u64(least, ret_least) != GW_OK || *ret_least > REPEAT_MAX) return false;
  *ret_most = has_comma ? UINT64_MAX : *ret_least;
  return bounds.len == 0 || gw_str_parse_u64(bounds, ret_most) == GW_OK;
}

static bool read_repeat(struct walk *walk, uint64_t *ret_times) {
  uint64_t least = 1, most = 1;
  if (take(walk, '*')) {
    least = 0, most = UINT64_MAX;
  } else if (take(walk, '+')) {
    most = UINT64_MAX;
  } else if (take(walk, '?')) {
    least = 0;
  } else if (take(walk, '{')) {
    if (!read_bounds(walk, &least, &most)) return false;
  } else {
    *ret_times = 1;
    return true;
  }
  if (!take(walk, '?')) take(walk, '+'); /* how greedy it is makes no difference */
  *ret_times = walk->variant % 2 == 1 && least < most ? least + 1 : least;
  return true;
}

/* One branch, up to '|', ')' or the end. */
static bool emit_branch(struct walk *walk) {
  while (walk->rest.len > 0 && !is_next(walk, '|') && !is_next(walk, ')')) {
    size_t begin = walk->out->len;
    uint64_t times;
    if (!emit_atom(walk) || !read_repeat(walk, &times)) return false;
    size_t len = walk->out->len - begin;
    if (times == 0) walk->out->len = begin;
    if (len * times > TEXT_MAX || walk->out->len > TEXT_MAX) return false;
    for (uint64_t i = 1; i < times; i++) {
      gw_strbuf_reserve(walk->out, len); /* what is appended lies in it */
      gw_strbuf_append(walk->out, walk->out->data + begin, len);
    }
  }
  return true;
}

/* All of them are walked, and what one of them gives stays. */
static bool emit_branches(struct walk *walk) {
  uint32_t count = 1;
  size_t begin = walk->out->len;
  if (++walk->depth > DEPTH_MAX) return false;
  struct walk ahead = *walk;
  bool is_good = emit_branch(&ahead);
  for (; is_good && take(&ahead, '|'); count++)
    is_good = emit_branch(&ahead);
  walk->out->len = begin;
  for (uint32_t i = 0; is_good && i < count; i++) {
    size_t at = walk->out->len;
    if (i > 0) take(walk, '|');
    is_good = emit_branch(walk);
    if (i != walk->variant % count) walk->out->len = at;
  }
  walk->depth--;
  return is_good;
}

bool gw_regex_sample(struct gw_str pattern, uint32_t variant, struct gw_strbuf *ret_text) {
  struct walk walk = {.rest = pattern, .variant = variant, .out = ret_text};
  gw_strbuf_clear(ret_text);
  bool is_good = emit_branches(&walk) && walk.rest.len == 0;
  if (!is_good) gw_strbuf_clear(ret_text);
  gw_strbuf_append(ret_text, "", 0); /* it ends where it was cut */
  return is_good;
}
