/* Requests that two routes would both take, were there no others: few, but so that each other route which might take one of them takes all.
 */
#include "common/base/mem.h"
#include "controlplane/policy/loosening_internal.h"
#include "controlplane/policy/regex_sample.h"

/* What free places are: nobody's word. A number is tried, too, since a route for numbers and one for everything else are told apart. */
static const struct gw_str free_words[] = {{"~", 1}, {"1", 1}};
#define PATHS_MAX 32u

struct paths {
  struct gw_str items[PATHS_MAX];
  uint32_t count;
};

/* ---- paths ---- */

enum segment { SEGMENT_LITERAL, SEGMENT_ONE, SEGMENT_REST };

static enum segment segment_kind(struct gw_str segment) {
  if (gw_str_equal(segment, GW_STR("**")) || gw_str_has_suffix(segment, GW_STR("=**}"))) return SEGMENT_REST;
  bool is_variable = segment.len > 0 && (segment.data[0] == '{' || segment.data[0] == '*');
  return is_variable ? SEGMENT_ONE : SEGMENT_LITERAL;
}

/* How the free places of a pattern are filled. */
struct filling {
  struct gw_str word;
  uint32_t depth;       /* how many words the rest is */
  struct gw_str sample; /* whose segments come before the word, place by place; may be empty */
};

/* `rest`, which is behind the slash, filled. */
static void append_filled(struct gw_strbuf *path, struct gw_str rest, const struct filling *filling) {
  struct gw_str segment, sample = filling->sample, given;
  while (gw_str_split_next(&rest, '/', &segment)) {
    struct gw_str sample_rest = sample;
    bool has_given = gw_str_split_next(&sample, '/', &given);
    switch (segment_kind(segment)) {
    case SEGMENT_LITERAL: gw_strbuf_printf(path, "/%.*s", GW_STR_ARG(segment)); break;
    case SEGMENT_ONE: gw_strbuf_printf(path, "/%.*s", GW_STR_ARG(has_given ? given : filling->word)); break;
    case SEGMENT_REST:
      if (has_given) gw_strbuf_printf(path, "/%.*s", GW_STR_ARG(sample_rest));
      for (uint32_t i = 0; !has_given && i < filling->depth; i++)
        gw_strbuf_printf(path, "/%.*s", GW_STR_ARG(filling->word));
      break;
    }
  }
}

/* One of two patterns that are walked together. */
struct pattern {
  struct gw_str at; /* behind a slash: what is left */
  struct gw_str segment;
  struct gw_str before; /* what was left with the segment */
  bool has_segment;
  enum segment kind;
};

static void step(struct pattern *pattern) {
  pattern->before = pattern->at;
  pattern->has_segment = gw_str_split_next(&pattern->at, '/', &pattern->segment);
  pattern->kind = pattern->has_segment ? segment_kind(pattern->segment) : SEGMENT_LITERAL;
}

static struct pattern begin(struct gw_str text) {
  struct pattern pattern = {.at = text};
  step(&pattern); /* nothing stands before the first slash */
  return pattern;
}

/* Of two segments of which neither is the rest; NULL: no segment is both. */
static const struct gw_str *shared_segment(const struct pattern *a, const struct pattern *b, const struct filling *filling) {
  if (a->kind == SEGMENT_ONE && b->kind == SEGMENT_ONE) return &filling->word;
  if (a->kind == SEGMENT_ONE) return &b->segment;
  return b->kind == SEGMENT_ONE || gw_str_equal(a->segment, b->segment) ? &a->segment : NULL;
}

/* Both patterns segment by segment, what is free in both filled. False: no path is of both. */
static bool merge_patterns(struct gw_str text_a, struct gw_str text_b, const struct filling *filling, struct gw_strbuf *path) {
  struct pattern a = begin(text_a), b = begin(text_b);
  for (step(&a), step(&b); a.has_segment || b.has_segment; step(&a), step(&b)) {
    const struct pattern *rest = a.kind == SEGMENT_REST ? &a : b.kind == SEGMENT_REST ? &b : NULL, *other = rest == &a ? &b : &a;
    if (rest != NULL) { /* it takes all that is left of the other one */
      append_filled(path, other->has_segment ? other->before : rest->before, filling);
      return true;
    }
    const struct gw_str *segment = a.has_segment && b.has_segment ? shared_segment(&a, &b, filling) : NULL;
    if (segment == NULL) return false;
    gw_strbuf_printf(path, "/%.*s", GW_STR_ARG(*segment));
  }
  return true;
}

/* Whether a literal segment of one is another one of the other: most pairs are told apart by that, and quickly. */
static bool differ(const struct gw_route_entry *route_a, const struct gw_route_entry *route_b) {
  if (route_a->path.is_regex || route_b->path.is_regex) return false;
  struct pattern a = begin(route_a->path.text), b = begin(route_b->path.text);
  for (step(&a), step(&b); a.has_segment && b.has_segment; step(&a), step(&b)) {
    if (a.kind == SEGMENT_REST || b.kind == SEGMENT_REST) return false;
    if (a.kind == SEGMENT_LITERAL && b.kind == SEGMENT_LITERAL && !gw_str_equal(a.segment, b.segment)) return true;
  }
  return false;
}

static void add_path(struct paths *paths, struct gw_str path, struct gw_arena *arena) {
  for (uint32_t i = 0; i < paths->count; i++)
    if (gw_str_equal(paths->items[i], path)) return;
  if (paths->count < PATHS_MAX) paths->items[paths->count++] = gw_arena_copy(arena, path.len > 0 ? path : GW_STR("/"));
}

/* The rest is of each length that another pattern may have, and of one that none has. */
static void add_merged(struct paths *paths, struct gw_str a, struct gw_str b, uint32_t depth_max, struct gw_arena *arena) {
  struct gw_strbuf path;
  gw_strbuf_init(&path);
  bool is_one = true;
  for (size_t i = 0; i < GW_ARRAY_LEN(free_words) && is_one; i++)
    for (struct filling filling = {.word = free_words[i]}; filling.depth <= depth_max && is_one; filling.depth++) {
      gw_strbuf_clear(&path);
      is_one = merge_patterns(a, b, &filling, &path);
      if (is_one) add_path(paths, gw_strbuf_str(&path), arena);
    }
  gw_strbuf_done(&path);
}

/* A sample of an expression: as it is for another expression, else in the places that a pattern leaves free. */
static void add_sample(struct paths *paths, struct gw_str sample, const struct gw_route_entry *other, struct gw_arena *arena) {
  if (other->path.is_regex) {
    add_path(paths, sample, arena);
    return;
  }
  struct gw_strbuf path;
  gw_strbuf_init(&path);
  const struct filling filling = {.word = free_words[0], .depth = 1, .sample = gw_str_skip(sample, 1)};
  append_filled(&path, gw_str_skip(other->path.text, 1), &filling);
  add_path(paths, gw_strbuf_str(&path), arena);
  gw_strbuf_done(&path);
}

/* Samples of the expression, and longer ones, since `.*` goes over segments. */
static void add_of_regex(struct paths *paths, const struct gw_route_entry *regex, const struct gw_route_entry *other, uint32_t depth_max,
                         struct gw_arena *arena) {
  struct gw_str pattern = gw_str_skip(regex->path.text, 1); /* behind the ~ */
  struct gw_strbuf sample;
  gw_strbuf_init(&sample);
  for (uint32_t variant = 0; variant < GW_REGEX_SAMPLES; variant++) {
    if (!gw_regex_sample(pattern, variant, &sample) || sample.len == 0 || sample.data[0] != '/') continue;
    add_sample(paths, gw_strbuf_str(&sample), other, arena);
    for (uint32_t i = 0; i < depth_max; i++)
      gw_strbuf_printf(&sample, "/%.*s", GW_STR_ARG(free_words[0]));
    add_sample(paths, gw_strbuf_str(&sample), other, arena);
  }
  gw_strbuf_done(&sample);
}

static void share_paths(const struct gw_route_entry *a, const struct gw_route_entry *b, uint32_t depth_max, struct gw_arena *arena,
                        struct paths *paths) {
  if (a->path.is_regex) add_of_regex(paths, a, b, depth_max, arena);
  if (b->path.is_regex) add_of_regex(paths, b, a, depth_max, arena);
  if (!a->path.is_regex && !b->path.is_regex) add_merged(paths, a->path.text, b->path.text, depth_max, arena);
  if (a->path.is_regex != b->path.is_regex) { /* what the other is by itself may be a path of the expression */
    const struct gw_route_entry *plain = a->path.is_regex ? b : a;
    add_merged(paths, plain->path.text, plain->path.text, depth_max, arena);
  }
}

/* ---- conditions ---- */

/* What either route wants of one field, parameter or cookie. */
struct demand {
  enum gw_condition_kind kind;
  struct gw_str name;  /* of a cookie the expression that its whole field is matched by */
  bool is_left_out;    /* it must not be there, or not be something */
  bool is_there;       /* it must be something, or just be there */
  struct gw_str exact; /* data NULL: none */
  struct gw_str regex; /* the same */
  struct gw_str prefix, infix, suffix;
};

#define DEMANDS_MAX 32u
struct demands {
  struct demand items[DEMANDS_MAX];
  uint32_t count;
};

static struct demand *find_demand(struct demands *demands, enum gw_condition_kind kind, struct gw_str name) {
  for (uint32_t i = 0; i < demands->count; i++)
    if (demands->items[i].kind == kind && gw_str_equal(demands->items[i].name, name)) return &demands->items[i];
  return NULL;
}

static void fill_demand(struct demand *demand, enum gw_string_match_kind kind, struct gw_str value) {
  demand->is_there = true;
  switch (kind) {
  case GW_STRING_MATCH_EXACT: demand->exact = value; return;
  case GW_STRING_MATCH_REGEX: demand->regex = value; return;
  case GW_STRING_MATCH_PREFIX: demand->prefix = value; return;
  case GW_STRING_MATCH_SUFFIX: demand->suffix = value; return;
  case GW_STRING_MATCH_CONTAINS: demand->infix = value; return;
  case GW_STRING_MATCH_PRESENT: return;
  }
}

static void add_demand(struct demands *demands, const struct gw_loosening_condition *condition) {
  struct demand *demand = find_demand(demands, condition->kind, condition->name);
  if (demand == NULL && demands->count == DEMANDS_MAX) return;
  if (demand == NULL) {
    demand = &demands->items[demands->count++];
    *demand = (struct demand){.kind = condition->kind, .name = condition->name};
  }
  if (condition->is_inverted)
    demand->is_left_out = true;
  else
    fill_demand(demand, condition->match, condition->value);
}

uint32_t gw_loosening_list_conditions(const struct gw_route_conditions *conditions, struct gw_loosening_condition *ret_list) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < conditions->header_count && count < GW_LOOSENING_CONDITIONS_MAX; i++) {
    const struct gw_header_match *match = &conditions->headers[i];
    bool is_cookie = gw_str_equal(match->name, GW_STR("cookie"));
    ret_list[count++] = (struct gw_loosening_condition){.kind = is_cookie ? GW_CONDITION_COOKIE : GW_CONDITION_HEADER,
                                                        .name = is_cookie ? match->value : match->name,
                                                        .match = match->kind,
                                                        .is_inverted = match->invert,
                                                        .value = match->value};
  }
  for (uint32_t i = 0; i < conditions->query_count && count < GW_LOOSENING_CONDITIONS_MAX; i++) {
    const struct gw_query_match *match = &conditions->queries[i];
    ret_list[count++] = (struct gw_loosening_condition){.kind = GW_CONDITION_QUERY,
                                                        .name = match->name,
                                                        .match = match->kind,
                                                        .is_inverted = match->invert,
                                                        .value = match->value};
  }
  return count;
}

static void add_demands(struct demands *demands, const struct gw_route_entry *route) {
  struct gw_loosening_condition conditions[GW_LOOSENING_CONDITIONS_MAX];
  uint32_t count = gw_loosening_list_conditions(&route->conditions, conditions);
  for (uint32_t i = 0; i < count; i++)
    add_demand(demands, &conditions[i]);
}

/* A value that suits what is wanted of it, as far as one can be told. */
static struct gw_str value_for(const struct demand *demand, uint32_t variant, struct gw_arena *arena) {
  if (demand->exact.data != NULL) return demand->exact;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  if (demand->regex.data != NULL)
    gw_regex_sample(demand->regex, variant, &text);
  else /* more than what is asked for, since just that may be what the other one does not want */
    gw_strbuf_printf(&text, "%.*s~%.*s~%.*s", GW_STR_ARG(demand->prefix), GW_STR_ARG(demand->infix), GW_STR_ARG(demand->suffix));
  struct gw_str value = text.len > 0 ? gw_arena_copy(arena, gw_strbuf_str(&text)) : free_words[0];
  gw_strbuf_done(&text);
  return value;
}

/* ---- requests ---- */

struct making {
  const struct gw_loosening_space *space;
  const struct gw_route_entry *a, *b;
  struct demands demands;
  struct gw_arena *arena;
  gw_loosening_request_fn fn;
  void *arg;
};

/* One request in the making. */
struct draft {
  struct gw_headers headers;
  struct gw_strbuf query;
  struct gw_strbuf cookies;
};

static void put(const struct making *making, struct draft *draft, const struct demand *demand, uint32_t variant) {
  struct gw_str value = value_for(demand, variant, making->arena);
  switch (demand->kind) {
  case GW_CONDITION_HEADER: gw_headers_add(&draft->headers, making->arena, gw_header_id_find(demand->name), demand->name, value); return;
  case GW_CONDITION_QUERY:
    gw_strbuf_printf(&draft->query, "%c%.*s=%.*s", draft->query.len == 0 ? '?' : '&', GW_STR_ARG(demand->name), GW_STR_ARG(value));
    return;
  case GW_CONDITION_COOKIE: gw_strbuf_printf(&draft->cookies, "%s%.*s", draft->cookies.len > 0 ? "; " : "", GW_STR_ARG(value)); return;
  }
}

/* Whose turn is over for all of its name goes on with the last of them. */
static bool is_its_turn(const struct gw_loosening_space *space, uint32_t index, uint32_t turn) {
  const struct gw_loosening_condition *it = &space->left_out[index];
  if (turn == 0 || it->turn + 1 >= turn) return it->turn + 1 == turn;
  for (uint32_t i = index + 1; i < space->left_out_count; i++)
    if (space->left_out[i].kind == it->kind && gw_str_equal(space->left_out[i].name, it->name)) return false;
  return true;
}

/* What meets the condition that is inverted. */
static struct demand opposite_of(const struct gw_loosening_condition *condition) {
  struct demand opposite = {.kind = condition->kind, .name = condition->name};
  fill_demand(&opposite, condition->match, condition->value);
  return opposite;
}

/* How one of several requests meets the conditions of both. */
struct form {
  uint32_t variant; /* of samples */
  /* With all that some route wants not to be there, or not to be something, so that it does not take the request; of each name one after
   * the other. 0: without. */
  uint32_t turn;
  bool is_instead; /* … also in place of what the two want to be something else of that name */
};

static void put_all(struct making *making, struct draft *draft, const struct form *form) {
  const struct gw_loosening_space *space = making->space;
  bool is_given[DEMANDS_MAX] = {false};
  for (uint32_t i = 0; i < space->left_out_count; i++) {
    if (!is_its_turn(space, i, form->turn)) continue;
    struct demand opposite = opposite_of(&space->left_out[i]), *demand = find_demand(&making->demands, opposite.kind, opposite.name);
    if (demand != NULL && (!form->is_instead || !demand->is_there || demand->exact.data != NULL)) continue;
    put(making, draft, &opposite, form->variant);
    if (demand != NULL) is_given[demand - making->demands.items] = true;
  }
  for (uint32_t i = 0; i < making->demands.count; i++)
    if (making->demands.items[i].is_there && !is_given[i]) put(making, draft, &making->demands.items[i], form->variant);
  struct gw_str cookie = GW_STR("cookie");
  if (draft->cookies.len > 0)
    gw_headers_add(&draft->headers, making->arena, gw_header_id_find(cookie), cookie,
                   gw_arena_copy(making->arena, gw_strbuf_str(&draft->cookies)));
}

static bool takes(const struct gw_route_entry *route, struct gw_str method) {
  return route->method_count == 0 || gw_loosening_has_word(route->methods, route->method_count, method);
}

static void ask(struct making *making, struct gw_str host, struct gw_str path, const struct form *form) {
  struct draft draft;
  gw_headers_init(&draft.headers, making->arena, 8);
  gw_strbuf_init(&draft.query);
  gw_strbuf_init(&draft.cookies);
  put_all(making, &draft, form);
  struct gw_str query = gw_strbuf_str(&draft.query);
  struct gw_request_head head = {.path = gw_str_from(gw_arena_printf(making->arena, "%.*s%.*s", GW_STR_ARG(path), GW_STR_ARG(query))),
                                 .authority = host,
                                 .scheme = GW_STR("http"),
                                 .version = GW_HTTP_1_1,
                                 .content_length = GW_LENGTH_NONE,
                                 .headers = draft.headers};
  for (uint32_t i = 0; i < making->space->method_count; i++) {
    struct gw_str method = making->space->methods[i];
    if (!takes(making->a, method) || !takes(making->b, method)) continue;
    head.method = gw_method_find(method);
    head.method_name = method;
    making->fn(making->arg, &head);
  }
  gw_strbuf_done(&draft.query);
  gw_strbuf_done(&draft.cookies);
}

static bool has_regex(const struct demands *demands) {
  for (uint32_t i = 0; i < demands->count; i++)
    if (demands->items[i].regex.data != NULL) return true;
  return false;
}

void gw_loosening_make_requests(const struct gw_loosening_space *space, const struct gw_route_entry *a, const struct gw_route_entry *b,
                                struct gw_arena *arena, gw_loosening_request_fn fn, void *arg) {
  if (differ(a, b)) return;
  struct paths paths = {.count = 0};
  struct gw_str host = gw_loosening_shared_host(a, b, arena);
  if (host.len == 0) return;
  share_paths(a, b, space->depth_max, arena, &paths);
  if (paths.count == 0) return;
  struct making making = {.space = space, .a = a, .b = b, .arena = arena, .fn = fn, .arg = arg};
  making.demands.count = 0;
  add_demands(&making.demands, a);
  add_demands(&making.demands, b);
  uint32_t variants = has_regex(&making.demands) ? 2 : 1;
  for (uint32_t i = 0; i < paths.count; i++)
    for (struct form form = {.variant = 0}; form.variant < variants; form.variant++)
      for (form.turn = 0; form.turn <= space->turn_count; form.turn++) {
        form.is_instead = false;
        ask(&making, host, paths.items[i], &form);
        form.is_instead = form.turn > 0;
        if (form.is_instead) ask(&making, host, paths.items[i], &form);
      }
}

bool gw_loosening_may_meet(const struct gw_route_entry *a, const struct gw_route_entry *b, struct gw_arena *arena) {
  bool share_a_method = a->method_count == 0 || b->method_count == 0;
  for (uint32_t i = 0; i < a->method_count && !share_a_method; i++)
    share_a_method = takes(b, a->methods[i]);
  if (!share_a_method || gw_loosening_shared_host(a, b, arena).len == 0) return false;
  if (a->path.is_regex || b->path.is_regex) return true;
  struct paths paths = {.count = 0};
  add_merged(&paths, a->path.text, b->path.text, 1, arena);
  return paths.count > 0;
}
