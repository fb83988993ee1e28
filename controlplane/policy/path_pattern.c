#include "controlplane/policy/path_pattern.h"

#include "common/message/uri.h"
#include "common/routing/path_template.h"
#include "common/routing/regex.h"
#include "common/routing/route_table.h"

/* So that its regular expression stays below what a regular expression may have, with every byte escaped. */
#define PATH_MAX_BYTES 1024u
#define SEGMENTS_MAX 128u
#define SCRATCH_SIZE 4096 /* a path and its normal form, mostly */

struct segment {
  enum gw_path_segment_kind kind;
  struct gw_str text; /* of a literal; empty behind a trailing slash */
  struct gw_str name; /* of a variable; empty for `*` and `**` */
};

static bool is_name(struct gw_str name) {
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!is_letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return name.len > 0;
}

/* "{…}": a variable, with or without "=*" or "=**". */
static enum gw_err parse_variable(struct gw_str inside, struct segment *segment, const char **ret_why) {
  segment->kind = GW_PATH_SEGMENT_ONE;
  if (gw_str_has_suffix(inside, GW_STR("=**"))) {
    segment->kind = GW_PATH_SEGMENT_REST;
    inside.len -= 3;
  } else if (gw_str_has_suffix(inside, GW_STR("=*"))) {
    inside.len -= 2;
  }
  if (!is_name(inside)) {
    *ret_why = "a variable is {name} or {name=**}, its name letters, digits and _, a letter or _ first";
    return GW_ERR_INVALID;
  }
  segment->name = inside;
  return GW_OK;
}

static enum gw_err parse_segment(struct gw_str text, struct segment *segment, const char **ret_why) {
  if (gw_str_equal(text, GW_STR("*"))) {
    segment->kind = GW_PATH_SEGMENT_ONE;
    return GW_OK;
  }
  if (gw_str_equal(text, GW_STR("**"))) {
    segment->kind = GW_PATH_SEGMENT_REST;
    return GW_OK;
  }
  if (text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}')
    return parse_variable((struct gw_str){text.data + 1, text.len - 2}, segment, ret_why);
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] != '*' && text.data[i] != '{' && text.data[i] != '}') continue;
    *ret_why = "*, ** and {name} stand for whole segments; nothing else may be in theirs";
    return GW_ERR_INVALID;
  }
  segment->kind = GW_PATH_SEGMENT_LITERAL;
  segment->text = text;
  return GW_OK;
}

/* Fills `plain` with the text, its wildcards taken out. */
static void take_out_wildcards(struct gw_str text, char *plain) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    plain[i] = c;
    if (c == '{' || c == '}' || c == '*' || c == '=') plain[i] = '_';
  }
}

/* The literal parts must be what a request's path is when it is matched, which is normalised. */
static enum gw_err check_normal(struct gw_str text, struct gw_arena *scratch, struct gw_arena *arena, const char **ret_why) {
  char *bytes = gw_arena_alloc_bytes(scratch, text.len);
  take_out_wildcards(text, bytes);
  struct gw_str plain = {bytes, text.len}, normal;
  struct gw_uri_rules rules = {.normalize_path = true, .merge_slashes = true, .escaped_slashes = GW_URI_ESCAPED_SLASHES_REJECT};
  bool must_redirect;
  if (gw_str_find_char(plain, '?') >= 0 || gw_uri_normalize(plain, &rules, scratch, &normal, &must_redirect) != GW_OK) {
    *ret_why = "a path begins with / and has no query, no space, no byte outside ASCII and no %2F or %5C";
    return GW_ERR_INVALID;
  }
  if (!gw_str_equal(normal, plain)) {
    *ret_why = gw_arena_printf(arena, "no request can have this path, since paths are normalised first (to %.*s); write it that way",
                               GW_STR_ARG(normal));
    return GW_ERR_INVALID;
  }
  return GW_OK;
}

static enum gw_err check_is_normal(struct gw_str text, struct gw_arena *arena, const char **ret_why) {
  _Alignas(16) unsigned char fixed[SCRATCH_SIZE];
  struct gw_arena scratch;
  gw_arena_init_fixed(&scratch, fixed, sizeof fixed, SCRATCH_SIZE);
  enum gw_err err = check_normal(text, &scratch, arena, ret_why);
  gw_arena_done(&scratch);
  return err;
}

static enum gw_err check_names(const struct segment *segments, uint32_t count, const char **ret_why) {
  for (uint32_t i = 0; i < count; i++) {
    if (segments[i].kind == GW_PATH_SEGMENT_REST && i + 1 < count) {
      *ret_why = "** (or {name=**}) may only be the last segment";
      return GW_ERR_INVALID;
    }
    for (uint32_t k = 0; k < i; k++) {
      if (segments[i].name.len > 0 && gw_str_equal(segments[i].name, segments[k].name)) {
        *ret_why = "two variables have one name";
        return GW_ERR_INVALID;
      }
    }
  }
  return GW_OK;
}

/* A segment is its kind, its text and a NUL, which no text holds: so that a segment is less than any that it begins. Thousands of
 * patterns are sorted, and one comparison of bytes each is what makes that quick. */
static struct gw_str make_rank(size_t text_len, const struct segment *segments, uint32_t count, struct gw_arena *arena) {
  char *rank = gw_arena_alloc_bytes(arena, text_len + 2 * (size_t)count);
  size_t len = 0;
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_str text = segments[i].text;
    rank[len++] = (char)(1 + (int)segments[i].kind);
    if (text.len > 0) memcpy(rank + len, text.data, text.len);
    len += text.len;
    rank[len++] = '\0';
  }
  return (struct gw_str){rank, len};
}

static enum gw_err parse_segments(struct gw_str text, struct segment *segments, uint32_t count, const char **ret_why) {
  struct gw_str rest = gw_str_skip(text, 1);
  for (uint32_t i = 0; i < count; i++) {
    ptrdiff_t slash = gw_str_find_char(rest, '/');
    struct gw_str segment = {rest.data, slash < 0 ? rest.len : (size_t)slash};
    segments[i] = (struct segment){0};
    enum gw_err err = parse_segment(segment, &segments[i], ret_why);
    if (err != GW_OK) return err;
    rest = gw_str_skip(rest, slash < 0 ? rest.len : (size_t)slash + 1);
  }
  return GW_OK;
}

enum gw_err gw_path_pattern_parse(struct gw_str text, struct gw_arena *arena, struct gw_path_pattern *ret_pattern, const char **ret_why) {
  if (text.len == 0 || text.data[0] != '/' || text.len > PATH_MAX_BYTES) {
    *ret_why = "a path begins with / and has at most 1024 bytes";
    return GW_ERR_INVALID;
  }
  enum gw_err err = check_is_normal(text, arena, ret_why);
  if (err != GW_OK) return err;
  struct gw_path_pattern pattern = {.text = text};
  for (size_t i = 0; i < text.len; i++)
    pattern.count += text.data[i] == '/';
  if (pattern.count > SEGMENTS_MAX) {
    *ret_why = "a path has at most 128 segments";
    return GW_ERR_INVALID;
  }
  struct segment segments[SEGMENTS_MAX];
  err = parse_segments(text, segments, pattern.count, ret_why);
  if (err != GW_OK) return err;
  for (uint32_t i = 0; i < pattern.count; i++)
    pattern.variable_count += segments[i].kind != GW_PATH_SEGMENT_LITERAL;
  if (pattern.variable_count > GW_ROUTE_VARIABLES_MAX) {
    *ret_why = "a path has at most 16 variables";
    return GW_ERR_INVALID;
  }
  err = check_names(segments, pattern.count, ret_why);
  if (err != GW_OK) return err;
  pattern.rank = make_rank(text.len, segments, pattern.count, arena);
  *ret_pattern = pattern;
  return GW_OK;
}

enum gw_err gw_path_pattern_parse_regex(struct gw_str text, uint32_t ordinal, struct gw_arena *arena, struct gw_path_pattern *ret_pattern,
                                        const char **ret_why) {
  if (text.len > PATH_MAX_BYTES) {
    *ret_why = "a path_regex has at most 1024 bytes";
    return GW_ERR_INVALID;
  }
  struct gw_str beginning = gw_regex_literal_prefix(text, arena);
  if (beginning.len > 0 && beginning.data[0] != '/') {
    *ret_why = "it matches no path, since they all begin with /";
    return GW_ERR_INVALID;
  }
  uint32_t count = 0;
  for (size_t i = 0; i < beginning.len; i++)
    count += beginning.data[i] == '/';
  struct segment segments[SEGMENTS_MAX] = {{0}};
  struct gw_str rest = beginning.len > 0 ? gw_str_skip(beginning, 1) : beginning, piece;
  uint32_t whole = count > 0 ? count - 1 : 0; /* the last one goes on in the expression */
  if (whole >= SEGMENTS_MAX) whole = SEGMENTS_MAX - 1;
  for (uint32_t i = 0; i < whole && gw_str_split_next(&rest, '/', &piece); i++)
    segments[i] = (struct segment){.kind = GW_PATH_SEGMENT_LITERAL, .text = piece};
  segments[whole] = (struct segment){.kind = GW_PATH_SEGMENT_REGEX, .text = gw_str_from(gw_arena_printf(arena, "%08x", ordinal))};
  *ret_pattern = (struct gw_path_pattern){.text = gw_str_from(gw_arena_printf(arena, "~%.*s", GW_STR_ARG(text))),
                                          .rank = make_rank(beginning.len + 8, segments, whole + 1, arena),
                                          .count = whole + 1,
                                          .is_regex = true};
  return GW_OK;
}

int gw_path_pattern_compare(const struct gw_path_pattern *a, const struct gw_path_pattern *b) {
  return gw_str_compare(a->rank, b->rank);
}

static void append_literal(struct gw_strbuf *buf, struct gw_str text) {
  for (size_t i = 0; i < text.len; i++) {
    if (strchr(".+$()[]|^?\\{}*", text.data[i]) != NULL) gw_strbuf_append_char(buf, '\\');
    gw_strbuf_append_char(buf, text.data[i]);
  }
}

struct gw_str gw_path_pattern_beginning(const struct gw_path_pattern *pattern) {
  struct gw_str text = pattern->text;
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] == '{' || text.data[i] == '*') return (struct gw_str){text.data, i - 1};
  return text;
}

struct gw_str gw_path_pattern_beginning_regex(const struct gw_path_pattern *pattern, struct gw_arena *arena) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_strbuf_append_char(&buf, '^');
  append_literal(&buf, gw_path_pattern_beginning(pattern));
  gw_strbuf_append_char(&buf, '/');
  struct gw_str regex = gw_arena_copy(arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return regex;
}

/* The number of the variable of that name, from 1; 0: there is none. */
static uint32_t find_variable(const struct gw_path_pattern *pattern, struct gw_str name) {
  struct gw_str rest = pattern->text, text;
  uint32_t number = 0;
  while (!pattern->is_regex && gw_str_split_next(&rest, '/', &text)) {
    struct segment segment = {0};
    const char *why;
    if (parse_segment(text, &segment, &why) != GW_OK || segment.kind == GW_PATH_SEGMENT_LITERAL) continue;
    number++;
    if (segment.name.len > 0 && gw_str_equal(segment.name, name)) return number;
  }
  return 0;
}

enum gw_err gw_path_pattern_substitute(const struct gw_path_pattern *pattern, struct gw_str target, struct gw_arena *arena,
                                       struct gw_str *ret_substitution, const char **ret_why) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  *ret_why = NULL;
  while (target.len > 0 && *ret_why == NULL) {
    if (target.data[0] != '{') {
      gw_strbuf_append_char(&buf, target.data[0]);
      target = gw_str_skip(target, 1);
      continue;
    }
    ptrdiff_t end = gw_str_find_char(target, '}');
    struct gw_str name = {target.data + 1, end > 0 ? (size_t)end - 1 : 0};
    uint32_t number = find_variable(pattern, name);
    if (number == 0) *ret_why = gw_arena_printf(arena, "{%.*s} is no variable of the route's path", GW_STR_ARG(name));
    if (number >= GW_REGEX_GROUPS_MAX) *ret_why = "only the first nine variables of a path can be used";
    gw_strbuf_printf(&buf, "\\%u", number);
    target = gw_str_skip(target, (size_t)end + 1);
  }
  *ret_substitution = gw_arena_copy(arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return *ret_why == NULL ? GW_OK : GW_ERR_INVALID;
}

/* The rank says it all. */
static struct gw_str format_regex(const struct gw_path_pattern *pattern, struct gw_arena *arena) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct gw_str rest = pattern->rank, segment;
  while (rest.len > 0 && gw_str_split_next(&rest, '\0', &segment)) {
    gw_strbuf_append_char(&buf, '/');
    switch ((enum gw_path_segment_kind)(segment.data[0] - 1)) {
    case GW_PATH_SEGMENT_LITERAL: append_literal(&buf, gw_str_skip(segment, 1)); break;
    case GW_PATH_SEGMENT_ONE: gw_strbuf_append_str(&buf, GW_STR("([" GW_PATH_TEMPLATE_CLASS "]+)")); break;
    case GW_PATH_SEGMENT_REGEX: break; /* not here */
    case GW_PATH_SEGMENT_REST: gw_strbuf_append_str(&buf, GW_STR("([/" GW_PATH_TEMPLATE_CLASS "]*)")); break;
    }
  }
  struct gw_str regex = gw_arena_copy(arena, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
  return regex;
}

struct gw_str gw_path_pattern_regex(const struct gw_path_pattern *pattern, struct gw_arena *arena) {
  return gw_str_from(gw_arena_printf(arena, "^%.*s$", GW_STR_ARG(format_regex(pattern, arena))));
}

void gw_path_pattern_to_match(const struct gw_path_pattern *pattern, struct gw_arena *arena, struct gw_route_match *ret_match) {
  if (pattern->is_regex) {
    *ret_match = (struct gw_route_match){.kind = GW_PATH_MATCH_REGEX, .path = gw_str_skip(pattern->text, 1)};
    return;
  }
  *ret_match = (struct gw_route_match){.kind = GW_PATH_MATCH_EXACT, .path = pattern->text};
  if (pattern->variable_count == 0) return;
  struct gw_path_template parsed;
  const char *why;
  if (gw_path_template_parse(pattern->text, &parsed, &why) == GW_OK && parsed.is_plain) {
    ret_match->kind = GW_PATH_MATCH_TEMPLATE;
    return;
  }
  ret_match->kind = GW_PATH_MATCH_REGEX;
  ret_match->path = format_regex(pattern, arena);
}
