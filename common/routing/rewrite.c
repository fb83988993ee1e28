#include "common/routing/rewrite.h"

const char *gw_rewrite_check_substitution(struct gw_str substitution, size_t group_count) {
  if (substitution.len > GW_REWRITE_SUBSTITUTION_MAX) return "is longer than 1024 bytes";
  for (size_t i = 0; i < substitution.len; i++) {
    if (substitution.data[i] != '\\') continue;
    if (++i == substitution.len) return "ends in a single \\";
    char c = substitution.data[i];
    if (c == '\\') continue;
    if (c < '0' || c > '9') return "has a \\ that neither a digit nor a \\ follows";
    if ((size_t)(c - '0') > group_count) return "names a group that the pattern lacks";
  }
  return NULL;
}

/* before + after, in the arena. */
static struct gw_str join(struct gw_str before, struct gw_str after, struct gw_arena *arena) {
  char *bytes = gw_arena_alloc_bytes(arena, before.len + after.len + 1);
  if (before.len > 0) memcpy(bytes, before.data, before.len);
  if (after.len > 0) memcpy(bytes + before.len, after.data, after.len);
  return (struct gw_str){bytes, before.len + after.len};
}

/* A prefix match loses its prefix; every other kind has matched the whole path (Envoy's rule). */
static size_t matched_len(const struct gw_route_match *match, size_t path_len) {
  bool is_prefix = match->kind == GW_PATH_MATCH_PREFIX || match->kind == GW_PATH_MATCH_SEPARATED_PREFIX;
  return is_prefix && match->path.len < path_len ? match->path.len : path_len;
}

struct gw_str gw_rewrite_prefix(const struct gw_route_match *match, struct gw_str replacement, struct gw_str path, struct gw_arena *arena) {
  size_t path_len = gw_path_without_query(path).len;
  return join(replacement, gw_str_skip(path, matched_len(match, path_len)), arena);
}

/* Checked at build: each backslash has a digit of a group or a backslash behind it. */
static void append_substitution(struct gw_strbuf *out, struct gw_str substitution, const struct gw_str groups[GW_REGEX_GROUPS_MAX]) {
  for (size_t i = 0; i < substitution.len; i++) {
    char c = substitution.data[i];
    if (c == '\\' && substitution.data[++i] != '\\')
      gw_strbuf_append_str(out, groups[substitution.data[i] - '0']);
    else
      gw_strbuf_append_char(out, c);
  }
}

/* RE2::GlobalReplace: all matches from left to right; an empty one right behind another does not count. */
static struct gw_str rewrite_regex(const struct gw_regex *regex, struct gw_str substitution, struct gw_str path, struct gw_arena *arena) {
  struct gw_str groups[GW_REGEX_GROUPS_MAX];
  struct gw_strbuf out;
  gw_strbuf_init(&out);
  size_t at = 0;
  const char *last_end = NULL;
  while (at <= path.len && out.len <= path.len + GW_REWRITE_GROWTH_MAX && gw_regex_match_groups(regex, path, at, arena, groups)) {
    const char *from = path.data + at;
    gw_strbuf_append(&out, from, (size_t)(groups[0].data - from));
    at = (size_t)(groups[0].data - path.data);
    if (groups[0].len == 0 && groups[0].data == last_end) {
      if (at < path.len) gw_strbuf_append_char(&out, path.data[at]);
      at++;
      continue;
    }
    append_substitution(&out, substitution, groups);
    at += groups[0].len;
    last_end = path.data + at;
  }
  struct gw_str result = path;
  if (last_end != NULL) result = join(gw_strbuf_str(&out), at < path.len ? gw_str_skip(path, at) : (struct gw_str){NULL, 0}, arena);
  gw_strbuf_done(&out);
  return result;
}

struct gw_str gw_rewrite_path(const struct gw_route *route, const struct gw_route_rule *rule, struct gw_str path, struct gw_arena *arena) {
  if (route->action == GW_ROUTE_DIRECT_RESPONSE) return path;
  bool is_forward = route->action == GW_ROUTE_FORWARD;
  struct gw_str without_query = gw_path_without_query(path);
  struct gw_str query = gw_str_skip(path, without_query.len); /* with its '?' */
  if (is_forward && route->forward.prefix_rewrite.len > 0)
    return gw_rewrite_prefix(&route->match, route->forward.prefix_rewrite, path, arena);
  if (rule == NULL) return path;
  struct gw_str substitution = is_forward ? route->forward.regex_rewrite_substitution : route->redirect->regex_rewrite_substitution;
  if (rule->rewrite_prefix.data != NULL) {
    if (!gw_str_has_prefix(without_query, rule->rewrite_prefix)) return path;
    return join(substitution, gw_str_skip(path, rule->rewrite_prefix.len), arena);
  }
  if (rule->rewrite == NULL) return path;
  struct gw_str rewritten = rewrite_regex(rule->rewrite, substitution, without_query, arena);
  if (rewritten.data == without_query.data) return path;
  return join(rewritten, query, arena);
}
