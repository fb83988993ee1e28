#include "common/routing/path_template.h"

static const bool takes[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true, ['.'] = true,  ['_'] = true, ['~'] = true,
    ['%'] = true,         ['!'] = true,         ['$'] = true,         ['&'] = true, ['\''] = true, ['('] = true, [')'] = true,
    ['+'] = true,         [','] = true,         [';'] = true,         [':'] = true, ['@'] = true,  ['='] = true, ['*'] = true,
};

bool gw_path_template_takes(char c) {
  return takes[(unsigned char)c];
}

struct parser {
  struct gw_path_template *template;
  struct gw_str text;
  struct gw_str rest;
  const char *why; /* NULL: good so far */
  bool has_rest;
  /* Of the segment that is being read: */
  bool has_literal;
  bool has_wildcard;
  bool has_bare_suffix; /* `*` or `**` with bytes behind it: last segment only */
};

static bool is_at_segment_start(const struct parser *p) {
  return p->rest.data == p->text.data || p->rest.data[-1] == '/';
}

static void refuse(struct parser *p, const char *why) {
  if (p->why == NULL) p->why = why;
  p->rest.len = 0;
}

static void add_piece(struct parser *p, enum gw_path_piece_kind kind, struct gw_str text) {
  struct gw_path_template *t = p->template;
  if (t->piece_count == GW_PATH_TEMPLATE_PIECES_MAX) {
    refuse(p, "has too many parts");
    return;
  }
  if (kind != GW_PATH_PIECE_LITERAL) {
    if (p->has_rest) refuse(p, "has a wildcard behind **");
    p->has_rest = kind == GW_PATH_PIECE_REST;
  }
  t->pieces[t->piece_count++] = (struct gw_path_piece){kind, text};
}

/* At "*": takes "*" or "**". */
static void parse_wildcard(struct parser *p) {
  if (!is_at_segment_start(p)) {
    refuse(p, "has a * inside a segment");
    return;
  }
  p->has_wildcard = true;
  bool is_rest = p->rest.len > 1 && p->rest.data[1] == '*';
  p->rest = gw_str_skip(p->rest, is_rest ? 2 : 1);
  add_piece(p, is_rest ? GW_PATH_PIECE_REST : GW_PATH_PIECE_SEGMENT, (struct gw_str){NULL, 0});
}

/* At the '/' that is `at` bytes ahead. */
static bool begin_segment(struct parser *p, size_t at) {
  bool is_last = at + 1 == p->rest.len;
  if (!is_last && p->rest.data[at + 1] == '/')
    refuse(p, "has an empty segment");
  else if (p->has_bare_suffix)
    refuse(p, "has bytes behind a * that is not in the last segment");
  p->has_wildcard = p->has_literal = false;
  return p->why == NULL;
}

/* Takes literal bytes, with '/' between segments, up to a wildcard or variable. */
static void parse_literal(struct parser *p) {
  size_t len = 0;
  bool is_literal = takes[(unsigned char)p->rest.data[0]] && p->rest.data[0] != '*';
  if (is_literal && p->rest.data > p->text.data && p->rest.data[-1] == '*') p->has_bare_suffix = true;
  for (; len < p->rest.len; len++) {
    size_t begin = len;
    while (len < p->rest.len && takes[(unsigned char)p->rest.data[len]] && p->rest.data[len] != '*')
      len++;
    p->has_literal = p->has_literal || len > begin;
    if (len == p->rest.len || p->rest.data[len] == '{' || p->rest.data[len] == '*') break;
    char c = p->rest.data[len];
    if (c != '/') {
      refuse(p, c == '}' ? "has a } without {" : "has a byte that is not allowed in a path");
      return;
    }
    if (!begin_segment(p, len)) return;
  }
  add_piece(p, GW_PATH_PIECE_LITERAL, (struct gw_str){p->rest.data, len});
  p->rest = gw_str_skip(p->rest, len);
}

static bool is_name(struct gw_str name) {
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool is_other = (c >= '0' && c <= '9') || c == '_';
    if (!is_letter && !(is_other && i > 0)) return false;
  }
  return name.len > 0;
}

/* The pieces of "{name=…}": segments of literals and wildcards. */
static void parse_variable_pattern(struct parser *p, struct gw_str pattern) {
  bool is_whole = pattern.len > 0 && pattern.data[0] != '/' && pattern.data[pattern.len - 1] != '/';
  if (!is_whole) refuse(p, "has a variable with an empty segment");
  if (p->has_literal && gw_str_find_char(pattern, '/') >= 0) refuse(p, "has a variable of several segments behind other bytes");
  struct parser inner = {.template = p->template, .text = pattern, .rest = pattern, .why = p->why, .has_rest = p->has_rest};
  while (inner.rest.len > 0 && inner.why == NULL) {
    if (inner.rest.data[0] == '{')
      refuse(&inner, "has a variable inside a variable");
    else if (inner.rest.data[0] == '*')
      parse_wildcard(&inner);
    else
      parse_literal(&inner);
    if (inner.has_bare_suffix) refuse(&inner, "has a * inside a segment of a variable");
  }
  if (inner.why != NULL) refuse(p, inner.why);
  p->has_rest = inner.has_rest;
}

/* At "{". */
static void parse_variable(struct parser *p) {
  ptrdiff_t end = gw_str_find_char(p->rest, '}');
  if (end < 0) {
    refuse(p, "has a { without }");
    return;
  }
  struct gw_path_template *t = p->template;
  struct gw_str inside = {p->rest.data + 1, (size_t)end - 1};
  p->rest = gw_str_skip(p->rest, (size_t)end + 1);
  ptrdiff_t equals = gw_str_find_char(inside, '=');
  struct gw_str name = equals < 0 ? inside : (struct gw_str){inside.data, (size_t)equals};
  if (!is_name(name)) refuse(p, "has a variable whose name is not letters, digits and _, a letter first");
  if (name.len > GW_PATH_TEMPLATE_NAME_MAX) refuse(p, "has a variable name of more than 16 characters");
  if (t->variable_count == GW_PATH_TEMPLATE_VARIABLES_MAX) refuse(p, "has more than 5 variables");
  for (uint32_t i = 0; i < t->variable_count; i++) {
    if (gw_str_equal(t->variables[i].name, name)) refuse(p, "has two variables of the same name");
  }
  if (p->has_wildcard) refuse(p, "has two variables or wildcards in a segment");
  if (p->why != NULL) return;
  struct gw_path_variable *variable = &t->variables[t->variable_count++];
  variable->name = name;
  variable->first_piece = t->piece_count;
  if (equals < 0)
    add_piece(p, GW_PATH_PIECE_SEGMENT, (struct gw_str){NULL, 0});
  else
    parse_variable_pattern(p, gw_str_skip(inside, (size_t)equals + 1));
  variable->end_piece = t->piece_count;
  p->has_wildcard = true;
}

/* Whether the piece begins (ends) where a segment does. */
static bool begins_segment(const struct gw_path_template *t, uint32_t piece) {
  if (piece == 0) return false;
  const struct gw_path_piece *before = &t->pieces[piece - 1];
  return before->kind == GW_PATH_PIECE_LITERAL && before->text.data[before->text.len - 1] == '/';
}

static bool ends_segment(const struct gw_path_template *t, uint32_t piece) {
  if (piece + 1 == t->piece_count) return true;
  const struct gw_path_piece *after = &t->pieces[piece + 1];
  return after->kind == GW_PATH_PIECE_LITERAL && after->text.data[0] == '/';
}

static bool is_plain(const struct gw_path_template *t) {
  for (uint32_t i = 0; i < t->piece_count; i++) {
    if (t->pieces[i].kind == GW_PATH_PIECE_LITERAL) continue;
    if (!begins_segment(t, i) || !ends_segment(t, i)) return false;
    if (t->pieces[i].kind == GW_PATH_PIECE_REST && i + 1 < t->piece_count) return false;
  }
  return true;
}

enum gw_err gw_path_template_parse(struct gw_str text, struct gw_path_template *ret_template, const char **ret_why) {
  struct parser p = {.template = ret_template, .text = text, .rest = text};
  ret_template->piece_count = ret_template->variable_count = 0;
  if (text.len == 0 || text.data[0] != '/') refuse(&p, "does not begin with /");
  if (text.len > GW_PATH_TEMPLATE_MAX) refuse(&p, "is longer than 256 bytes");
  while (p.rest.len > 0) {
    if (p.rest.data[0] == '{')
      parse_variable(&p);
    else if (p.rest.data[0] == '*')
      parse_wildcard(&p);
    else
      parse_literal(&p);
  }
  if (p.why != NULL) {
    *ret_why = p.why;
    return GW_ERR_INVALID;
  }
  ret_template->is_plain = is_plain(ret_template);
  return GW_OK;
}

static size_t run_len(struct gw_str path, size_t at, bool with_slash) {
  size_t end = at;
  while (end < path.len && (gw_path_template_takes(path.data[end]) || (with_slash && path.data[end] == '/')))
    end++;
  return end - at;
}

bool gw_path_template_match_plain(const struct gw_path_template *template, struct gw_str path,
                                  uint32_t ret_ends[GW_PATH_TEMPLATE_PIECES_MAX]) {
  size_t at = 0;
  for (uint32_t i = 0; i < template->piece_count; i++) {
    const struct gw_path_piece *piece = &template->pieces[i];
    if (piece->kind == GW_PATH_PIECE_LITERAL) {
      if (!gw_str_has_prefix(gw_str_skip(path, at), piece->text)) return false;
      at += piece->text.len;
    } else {
      size_t len = run_len(path, at, piece->kind == GW_PATH_PIECE_REST);
      if (len == 0 && piece->kind == GW_PATH_PIECE_SEGMENT) return false;
      at += len;
    }
    if (ret_ends != NULL) ret_ends[i] = (uint32_t)at;
  }
  return at == path.len;
}

static void format_piece(const struct gw_path_piece *piece, struct gw_strbuf *out) {
  if (piece->kind == GW_PATH_PIECE_SEGMENT) gw_strbuf_append_str(out, GW_STR("[" GW_PATH_TEMPLATE_CLASS "]+"));
  if (piece->kind == GW_PATH_PIECE_REST) gw_strbuf_append_str(out, GW_STR("[" GW_PATH_TEMPLATE_CLASS "/]*"));
  for (size_t i = 0; i < piece->text.len; i++) {
    if (strchr("$()+.", piece->text.data[i]) != NULL) gw_strbuf_append_char(out, '\\');
    gw_strbuf_append_char(out, piece->text.data[i]);
  }
}

void gw_path_template_format_regex(const struct gw_path_template *template, struct gw_strbuf *out) {
  uint32_t variable = 0;
  for (uint32_t i = 0; i < template->piece_count; i++) {
    const struct gw_path_variable *v = variable < template->variable_count ? &template->variables[variable] : NULL;
    if (v != NULL && v->first_piece == i) gw_strbuf_append_char(out, '(');
    format_piece(&template->pieces[i], out);
    if (v != NULL && v->end_piece == i + 1) {
      gw_strbuf_append_char(out, ')');
      variable++;
    }
  }
}
