#include "controlplane/policy/translate_methods.h"

void gw_method_sets_init(struct gw_method_sets *sets, struct gw_arena *arena) {
  *sets = (struct gw_method_sets){.arena = arena, .sets = gw_map_new()};
  gw_strbuf_init(&sets->words);
}

void gw_method_sets_done(struct gw_method_sets *sets) {
  gw_map_free(sets->sets);
  gw_strbuf_done(&sets->words);
}

/* Into sets->words. */
static struct gw_str join(struct gw_method_sets *sets, const struct gw_str *methods, uint32_t count, struct gw_str separator) {
  gw_strbuf_clear(&sets->words);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_str(&sets->words, separator);
    gw_strbuf_append_str(&sets->words, methods[i]);
  }
  return gw_strbuf_str(&sets->words);
}

/* Into sets->words. A method is a token: some of its characters mean something in a regular expression. */
static struct gw_str format_regex(struct gw_method_sets *sets, const struct gw_str *methods, uint32_t count) {
  gw_strbuf_clear(&sets->words);
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) gw_strbuf_append_char(&sets->words, '|');
    for (size_t k = 0; k < methods[i].len; k++) {
      if (strchr("*+.^|$", methods[i].data[k]) != NULL) gw_strbuf_append_char(&sets->words, '\\');
      gw_strbuf_append_char(&sets->words, methods[i].data[k]);
    }
  }
  return gw_strbuf_str(&sets->words);
}

static const struct gw_header_match *make_match(struct gw_method_sets *sets, const struct gw_str *methods, uint32_t count) {
  struct gw_header_match *match = gw_arena_calloc(sets->arena, 1, sizeof(*match));
  match->name = GW_STR(":method");
  match->kind = count == 1 ? GW_STRING_MATCH_EXACT : GW_STRING_MATCH_REGEX;
  match->value = count == 1 ? methods[0] : gw_arena_copy(sets->arena, format_regex(sets, methods, count));
  return match;
}

static const struct gw_header_changes *make_allow(struct gw_method_sets *sets, const struct gw_str *methods, uint32_t count) {
  struct gw_header_option *allow = gw_arena_calloc(sets->arena, 1, sizeof(*allow));
  *allow = (struct gw_header_option){.name = GW_STR("Allow"),
                                     .value = gw_arena_copy(sets->arena, join(sets, methods, count, GW_STR(", "))),
                                     .action = GW_HEADER_OVERWRITE};
  struct gw_header_changes *changes = gw_arena_calloc(sets->arena, 1, sizeof(*changes));
  *changes = (struct gw_header_changes){.add_count = 1, .add = allow};
  return changes;
}

const struct gw_method_set *gw_method_sets_get(struct gw_method_sets *sets, const struct gw_str *methods, uint32_t count) {
  struct gw_str list = join(sets, methods, count, GW_STR(","));
  struct gw_method_set *set = gw_map_find(sets->sets, list);
  if (set != NULL) return set;
  set = gw_arena_calloc(sets->arena, 1, sizeof(*set));
  set->list = gw_arena_copy(sets->arena, list);
  set->match = make_match(sets, methods, count);
  set->allow = make_allow(sets, methods, count);
  gw_map_put(sets->sets, set->list, set);
  return set;
}
