#include "controlplane/policy/yaml_simple.h"

#define KEY_MAX 256u /* libyaml takes 1024 */

enum character {
  IN_WORD = 1,      /* stands anywhere in a key or a plain scalar in brackets, and begins one */
  IN_TAIL = 2,      /* as above, but begins none */
  BEGINS_PLAIN = 4, /* a plain scalar outside of brackets; within it all printable ones may stand, but for "# " and ": " */
};

static uint8_t character_class(char c) {
  bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/';
  bool is_tail = c == '-' || c == '.';
  bool is_indicator = strchr("-?:,[]{}#&*!|>'\"%@`", c) != NULL;
  return (uint8_t)((is_word ? IN_WORD | IN_TAIL : 0) | (is_tail ? IN_TAIL : 0) | (c > ' ' && c <= '~' && !is_indicator ? BEGINS_PLAIN : 0));
}

/* A collection by indentation. */
struct level {
  enum gw_yaml_kind kind;
  uint32_t indent; /* the column of its keys or dashes, from 0 */
};

struct simple {
  struct gw_yaml_tree *tree;
  const char *at;
  const char *end;        /* of the text */
  const char *line_begin; /* of the current line */
  const char *line_end;   /* without the line feed, and without a comment that is not ASCII */
  const char *next_line;
  uint32_t line;
  struct level levels[GW_YAML_DEPTH_MAX];
  uint32_t depth;
  bool is_pending; /* the innermost level is a mapping whose last key has no value yet */
  uint8_t classes[256];
};

static bool is(const struct simple *s, char c, enum character class) {
  return (s->classes[(unsigned char)c] & class) != 0;
}

static struct gw_yaml_mark here(const struct simple *s) {
  return (struct gw_yaml_mark){s->line, (uint32_t)(s->at - s->line_begin) + 1};
}

static void skip_spaces(struct simple *s) {
  while (s->at < s->line_end && *s->at == ' ')
    s->at++;
}

/* Nothing more in this line but a comment, which needs a space before it. */
static bool is_line_over(struct simple *s) {
  const char *before = s->at;
  skip_spaces(s);
  return s->at == s->line_end || (*s->at == '#' && s->at > before);
}

static bool is_space_or_end(const struct simple *s, const char *at) {
  return at == s->line_end || *at == ' ';
}

/* ---- on one line ---- */

static bool read_quoted(struct simple *s) {
  struct gw_yaml_mark mark = here(s);
  char quote = *s->at++;
  const char *begin = s->at;
  while (s->at < s->line_end && *s->at != quote) {
    if (quote == '"' && *s->at == '\\') return false;
    s->at++;
  }
  if (s->at == s->line_end) return false;
  const char *end = s->at++;
  if (s->at < s->line_end && *s->at == quote) return false; /* '' */
  gw_yaml_tree_add_scalar(s->tree, mark, (struct gw_str){begin, (size_t)(end - begin)}, false);
  return true;
}

/* To the end of the line, or a comment. */
static bool read_plain(struct simple *s) {
  struct gw_yaml_mark mark = here(s);
  const char *begin = s->at, *end = begin;
  for (; s->at < s->line_end; s->at++) {
    if (*s->at == ' ') continue;
    if (*s->at == '#' && s->at[-1] == ' ') break;
    if (*s->at == ':' && is_space_or_end(s, s->at + 1)) return false;
    end = s->at + 1;
  }
  s->at = s->line_end;
  gw_yaml_tree_add_scalar(s->tree, mark, (struct gw_str){begin, (size_t)(end - begin)}, true);
  return true;
}

/* A word; a key or an item in brackets. */
static bool read_word(struct simple *s) {
  const char *begin = s->at;
  struct gw_yaml_mark mark = here(s);
  if (begin == s->line_end || !is(s, *begin, IN_WORD)) return false;
  while (s->at < s->line_end && is(s, *s->at, IN_TAIL))
    s->at++;
  if ((size_t)(s->at - begin) > KEY_MAX) return false;
  gw_yaml_tree_add_scalar(s->tree, mark, (struct gw_str){begin, (size_t)(s->at - begin)}, true);
  return true;
}

static bool read_brackets(struct simple *s, uint32_t depth);

static bool read_in_brackets(struct simple *s, uint32_t depth) {
  if (s->at == s->line_end) return false;
  if (*s->at == '"' || *s->at == '\'') return read_quoted(s);
  if (*s->at == '[' || *s->at == '{') return read_brackets(s, depth + 1);
  return read_word(s);
}

/* "key: value" in brackets. */
static bool read_pair_in_brackets(struct simple *s, uint32_t depth) {
  if (!read_word(s) || s->line_end - s->at < 2 || s->at[0] != ':' || s->at[1] != ' ') return false;
  s->at++;
  skip_spaces(s);
  return read_in_brackets(s, depth);
}

static bool read_brackets(struct simple *s, uint32_t depth) {
  if (s->depth + depth >= GW_YAML_DEPTH_MAX) return false;
  enum gw_yaml_kind kind = *s->at == '[' ? GW_YAML_SEQUENCE : GW_YAML_MAPPING;
  char closing = kind == GW_YAML_SEQUENCE ? ']' : '}';
  gw_yaml_tree_begin(s->tree, here(s), kind);
  s->at++;
  skip_spaces(s);
  bool is_empty = s->at < s->line_end && *s->at == closing;
  while (!is_empty) {
    if (!(kind == GW_YAML_SEQUENCE ? read_in_brackets(s, depth) : read_pair_in_brackets(s, depth))) return false;
    skip_spaces(s);
    if (s->at == s->line_end || (*s->at != ',' && *s->at != closing)) return false;
    if (*s->at == closing) break;
    s->at++;
    skip_spaces(s);
  }
  s->at++;
  gw_yaml_tree_end(s->tree);
  return true;
}

/* A value that begins and ends on this line. */
static bool read_value(struct simple *s) {
  char c = *s->at;
  if (c == '"' || c == '\'') return read_quoted(s) && is_line_over(s);
  if (c == '[' || c == '{') return read_brackets(s, 1) && is_line_over(s);
  return is(s, c, BEGINS_PLAIN) && read_plain(s);
}

/* ---- line by line ---- */

static bool open_level(struct simple *s, enum gw_yaml_kind kind, uint32_t indent) {
  if (s->depth == GW_YAML_DEPTH_MAX) return false;
  gw_yaml_tree_begin(s->tree, here(s), kind);
  s->levels[s->depth++] = (struct level){kind, indent};
  s->is_pending = false;
  return true;
}

static void close_level(struct simple *s) {
  gw_yaml_tree_end(s->tree);
  s->depth--;
}

/* Whether a key stands here: a word, a colon, and a space or the line's end. */
static bool is_key(const struct simple *s) {
  const char *at = s->at;
  if (!is(s, *at, IN_WORD)) return false;
  while (at < s->line_end && is(s, *at, IN_TAIL))
    at++;
  return at < s->line_end && *at == ':' && is_space_or_end(s, at + 1);
}

/* "key: value", or "key:" with the value below; the level is open. */
static bool read_pair(struct simple *s) {
  if (!read_word(s)) return false;
  s->at++;
  s->is_pending = is_line_over(s);
  return s->is_pending || read_value(s);
}

static bool read_key_line(struct simple *s, uint32_t indent) {
  struct level *top = s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
  if (top != NULL && top->kind == GW_YAML_SEQUENCE && top->indent == indent) {
    close_level(s); /* a list that stands as far left as the key that it is the value of */
    top = s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
  }
  bool is_next = top != NULL && top->kind == GW_YAML_MAPPING && top->indent == indent && !s->is_pending;
  bool is_below = top == NULL ? indent == 0 && s->tree->node_count == 0 : s->is_pending && indent > top->indent;
  if (!is_next && !(is_below && open_level(s, GW_YAML_MAPPING, indent))) return false;
  return read_pair(s);
}

static bool read_item_line(struct simple *s, uint32_t indent) {
  const struct level *top = s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
  bool is_next = top != NULL && top->kind == GW_YAML_SEQUENCE && top->indent == indent;
  bool is_below = top != NULL && s->is_pending && indent >= top->indent;
  if (!is_next && !(is_below && open_level(s, GW_YAML_SEQUENCE, indent))) return false;
  s->at++;
  if (is_line_over(s)) return false;
  if (!is_key(s)) return read_value(s);
  return open_level(s, GW_YAML_MAPPING, (uint32_t)(s->at - s->line_begin)) && read_pair(s);
}

static bool read_line(struct simple *s) {
  s->at = s->line_begin;
  skip_spaces(s);
  if (s->at == s->line_end || *s->at == '#') return true;
  uint32_t indent = (uint32_t)(s->at - s->line_begin);
  while (s->depth > 0 && s->levels[s->depth - 1].indent > indent) {
    if (s->is_pending) return false;
    close_level(s);
  }
  if (*s->at == '-' && s->line_end - s->at > 1 && s->at[1] == ' ') return read_item_line(s, indent);
  return is_key(s) && read_key_line(s, indent);
}

/* Where the characters beyond ASCII from `at` on end; NULL: one of them ends a line for libyaml, or it takes none such. */
static const char *skip_wide(const char *at, const char *end) {
  while (at < end && (unsigned char)*at >= 0x80) {
    size_t len = gw_str_utf8_len((struct gw_str){at, (size_t)(end - at)});
    bool is_control = len == 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
    bool is_break = len == 3 && memcmp(at, "\xe2\x80", 2) == 0; /* U+2028 and others */
    bool is_special = len == 3 && (unsigned char)at[0] == 0xef; /* U+FEFF, U+FFFE and others */
    if (len == 0 || is_control || is_break || is_special) return NULL;
    at += len;
  }
  return at;
}

/* The comment that begins before `end`; where that is in a text in quotes or in brackets, they are open at its beginning. */
static const char *find_comment(const struct simple *s, const char *end) {
  for (const char *at = s->line_begin; at < end; at++)
    if (*at == '#' && (at == s->line_begin || at[-1] == ' ')) return at;
  return NULL;
}

/* The line that begins at line_begin; false where something else than printable ASCII is in it, comments apart. */
static bool find_line_end(struct simple *s) {
  const char *at = s->line_begin, *wide = NULL;
  while (at != NULL && at < s->end && *at != '\n') {
    if ((unsigned char)*at >= 0x80) {
      if (wide == NULL) wide = at;
      at = skip_wide(at, s->end);
    } else {
      at = *at >= ' ' && *at <= '~' ? at + 1 : NULL;
    }
  }
  if (at == NULL) return false;
  s->next_line = at + 1;
  s->line_end = wide == NULL ? at : find_comment(s, wide);
  return s->line_end != NULL;
}

bool gw_yaml_read_simple(struct gw_yaml_tree *tree, struct gw_str text) {
  struct simple s = {.tree = tree, .end = text.data + text.len, .line_begin = text.data};
  for (int c = 1; c < 128; c++)
    s.classes[c] = character_class((char)c);
  size_t errors_before = tree->errors->error_count;
  while (s.line_begin < s.end) {
    s.line++;
    if (!find_line_end(&s) || !read_line(&s) || tree->errors->error_count > errors_before) return false;
    s.line_begin = s.next_line;
  }
  if (s.is_pending || s.depth == 0) return false;
  while (s.depth > 0)
    close_level(&s);
  return tree->errors->error_count == errors_before;
}
