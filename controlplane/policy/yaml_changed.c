/* An edit of a long file changes one place of it, and libyaml would take longer for the rest than everybody else. So only the items of the
 * root's list that the edit touches are parsed, in a small text of their own, and the others are copied from the tree before. It is the
 * same tree, since a block sequence's items stand for themselves: what begins on a line with the list's dash ends before the next such
 * line, unless something in it is left open, and then the small text does not parse. */
#include "common/base/mem.h"
#include "controlplane/policy/yaml.h"

/* What the small text begins with, so that the items are as deep in it as in the file. */
#define LIST_KEY "list:\n"
#define LIST_KEY_LINES 1u

/* The texts, and what they begin and end with alike. */
struct difference {
  struct gw_str before, now;
  size_t prefix, suffix;
};

/* The items of a list that the edit touches. */
struct region {
  uint32_t pair;           /* of the root: the list */
  uint32_t first, end;     /* items before the edit: from first up to end */
  size_t begin_at, end_at; /* where they stand in the text before */
};

struct items {
  const struct gw_yaml_node *const *nodes;
  uint32_t count;
};

static size_t count_lines(struct gw_str text) {
  size_t count = 0;
  for (const char *at = text.data, *end = text.data + text.len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
    count++;
  return count;
}

/* Begins with one of libyaml's other line ends: a carriage return alone, NEL, LS or PS. */
static bool is_other_line_end(struct gw_str text) {
  if (*text.data == '\r') return !gw_str_has_prefix(text, GW_STR("\r\n"));
  return gw_str_has_prefix(text, GW_STR("\xc2\x85")) || gw_str_has_prefix(text, GW_STR("\xe2\x80\xa8")) ||
         gw_str_has_prefix(text, GW_STR("\xe2\x80\xa9"));
}

/* Where they are, lines can't be counted by newlines. */
static bool has_other_line_ends(struct gw_str text) {
  static const char first_bytes[] = {'\r', '\xc2', '\xe2'};
  for (size_t i = 0; i < sizeof first_bytes; i++) {
    const char *end = text.data + text.len;
    for (const char *at = text.data; (at = memchr(at, first_bytes[i], (size_t)(end - at))) != NULL; at++)
      if (is_other_line_end((struct gw_str){at, (size_t)(end - at)})) return true;
  }
  return false;
}

#define COMPARED_AT_ONCE 64u

static struct difference find_difference(struct gw_str before, struct gw_str now) {
  struct difference d = {.before = before, .now = now};
  size_t shorter = before.len < now.len ? before.len : now.len;
  const char *before_end = before.data + before.len, *now_end = now.data + now.len;
  while (d.prefix + COMPARED_AT_ONCE <= shorter && memcmp(before.data + d.prefix, now.data + d.prefix, COMPARED_AT_ONCE) == 0)
    d.prefix += COMPARED_AT_ONCE;
  while (d.prefix < shorter && before.data[d.prefix] == now.data[d.prefix])
    d.prefix++;
  size_t rest = shorter - d.prefix;
  while (d.suffix + COMPARED_AT_ONCE <= rest &&
         memcmp(before_end - d.suffix - COMPARED_AT_ONCE, now_end - d.suffix - COMPARED_AT_ONCE, COMPARED_AT_ONCE) == 0)
    d.suffix += COMPARED_AT_ONCE;
  while (d.suffix < rest && before_end[-1 - (ptrdiff_t)d.suffix] == now_end[-1 - (ptrdiff_t)d.suffix])
    d.suffix++;
  return d;
}

/* Both texts have a line that begins where they begin to be alike again. */
static bool suffix_is_line(const struct difference *d) {
  size_t before = d->before.len - d->suffix, now = d->now.len - d->suffix;
  return before > 0 && now > 0 && d->before.data[before - 1] == '\n' && d->now.data[now - 1] == '\n';
}

/* Where the line begins that is so many behind the one which begins at `at`. */
static size_t skip_lines(struct gw_str text, size_t at, size_t lines) {
  for (; lines > 0; lines--) {
    const char *end = memchr(text.data + at, '\n', text.len - at);
    if (end == NULL) return text.len;
    at = (size_t)(end + 1 - text.data);
  }
  return at;
}

/* "  - key: …", the first key right behind the dash, as indented as the list's other items. */
static bool begins_item(struct gw_str text, size_t at, const struct gw_yaml_node *item, uint32_t column) {
  if (item->kind != GW_YAML_MAPPING || item->column != column || column < 3 || text.len - at < column) return false;
  for (uint32_t i = 0; i + 3 < column; i++)
    if (text.data[at + i] != ' ') return false;
  return text.data[at + column - 3] == '-' && text.data[at + column - 2] == ' ';
}

/* The root's list that stands around this line; the edit has to begin behind the first line of its first item. */
static enum gw_err find_list(const struct gw_yaml_node *root, size_t line, uint32_t *ret_pair) {
  uint32_t pair = root->count;
  for (uint32_t i = 0; i < root->count && root->pairs[i].key->line < line; i++)
    pair = i;
  if (pair == root->count) return GW_ERR_UNSUPPORTED;
  const struct gw_yaml_node *list = root->pairs[pair].value;
  if (list->kind != GW_YAML_SEQUENCE || list->count == 0 || list->items[0]->line >= line) return GW_ERR_UNSUPPORTED;
  *ret_pair = pair;
  return GW_OK;
}

static enum gw_err find_region(const struct difference *d, const struct gw_yaml_node *root, struct region *region) {
  /* What is on lines before the one, and from the other on, is the same in both texts. */
  size_t begin_line = 1 + count_lines((struct gw_str){d->before.data, d->prefix});
  size_t end_line = begin_line + count_lines((struct gw_str){d->before.data + d->prefix, d->before.len - d->suffix - d->prefix});
  if (!suffix_is_line(d)) end_line++;
  enum gw_err err = find_list(root, begin_line, &region->pair);
  if (err != GW_OK) return err;
  const struct gw_yaml_node *list = root->pairs[region->pair].value;
  while (region->first + 1 < list->count && list->items[region->first + 1]->line < begin_line)
    region->first++;
  region->end = region->first + 1;
  while (region->end < list->count && list->items[region->end]->line < end_line)
    region->end++;
  const struct gw_yaml_node *item = list->items[region->first];
  uint32_t column = list->items[0]->column;
  region->begin_at = skip_lines(d->before, 0, item->line - 1);
  if (!begins_item(d->before, region->begin_at, item, column)) return GW_ERR_UNSUPPORTED;
  if (region->end < list->count) {
    region->end_at = skip_lines(d->before, region->begin_at, list->items[region->end]->line - item->line);
    return begins_item(d->before, region->end_at, list->items[region->end], column) ? GW_OK : GW_ERR_UNSUPPORTED;
  }
  region->end_at = d->before.len;
  if (region->pair + 1 == root->count) return GW_OK;
  const struct gw_yaml_node *next = root->pairs[region->pair + 1].key;
  if (next->column != 1 || next->line < end_line) return GW_ERR_UNSUPPORTED;
  region->end_at = skip_lines(d->before, region->begin_at, next->line - item->line);
  return GW_OK;
}

/* Documents begin and end with such lines, which the small text would not know of. */
static bool has_document_marks(struct gw_str text) {
  for (size_t at = 0; at < text.len; at = skip_lines(text, at, 1)) {
    struct gw_str rest = gw_str_skip(text, at);
    if (gw_str_has_prefix(rest, GW_STR("---")) || gw_str_has_prefix(rest, GW_STR("..."))) return true;
  }
  return false;
}

/* What the small text ends with where another item follows: it ends the items in the same place. */
#define NEXT_ITEM "- next\n"

/* The items that stand there now; `next_indent`: of the dash that follows, -1: none does. */
static enum gw_err parse_items(struct gw_str text, int next_indent, struct gw_arena *arena, struct items *ret_items) {
  if (has_document_marks(text)) return GW_ERR_UNSUPPORTED;
  struct gw_strbuf small;
  struct gw_errors told_by_all; /* whoever parses the whole text */
  const struct gw_yaml_node *root = NULL;
  gw_strbuf_init(&small);
  gw_errors_init(&told_by_all);
  gw_strbuf_append_str(&small, GW_STR(LIST_KEY));
  gw_strbuf_append_str(&small, text);
  if (next_indent >= 0) gw_strbuf_printf(&small, "%*s" NEXT_ITEM, next_indent, "");
  enum gw_err err = gw_yaml_parse("", gw_strbuf_str(&small), arena, &told_by_all, &root);
  gw_errors_done(&told_by_all);
  gw_strbuf_done(&small);
  if (err != GW_OK || root->kind != GW_YAML_MAPPING || root->count != 1 || root->pairs[0].value->kind != GW_YAML_SEQUENCE)
    return GW_ERR_UNSUPPORTED;
  const struct gw_yaml_node *list = root->pairs[0].value;
  *ret_items = (struct items){.nodes = list->items, .count = list->count - (next_indent >= 0)};
  return GW_OK;
}

/* Where copies go, and how many there may still be, beside the list and the root. */
struct copying {
  struct gw_arena *arena;
  uint32_t left;
};

static struct gw_yaml_node *copy_node(struct copying *copying, const struct gw_yaml_node *from, uint32_t lines_down);

static void copy_children(struct copying *copying, const struct gw_yaml_node *from, uint32_t lines_down, struct gw_yaml_node *to) {
  if (from->kind == GW_YAML_SEQUENCE) {
    const struct gw_yaml_node **items = gw_arena_alloc(copying->arena, from->count * sizeof(const struct gw_yaml_node *));
    for (uint32_t i = 0; i < from->count; i++)
      items[i] = copy_node(copying, from->items[i], lines_down);
    to->items = items;
  } else {
    struct gw_yaml_pair *pairs = gw_arena_alloc(copying->arena, from->count * sizeof(*pairs));
    for (uint32_t i = 0; i < from->count; i++)
      pairs[i] = (struct gw_yaml_pair){.key = copy_node(copying, from->pairs[i].key, lines_down),
                                       .value = copy_node(copying, from->pairs[i].value, lines_down)};
    to->pairs = pairs;
  }
}

/* `lines_down` is taken modulo 2^32, and so may be up. */
static struct gw_yaml_node *copy_node(struct copying *copying, const struct gw_yaml_node *from, uint32_t lines_down) {
  struct gw_yaml_node *to = gw_arena_alloc(copying->arena, sizeof(*to));
  *to = *from;
  to->line += lines_down;
  if (copying->left > 0) copying->left--;
  if (from->kind == GW_YAML_SCALAR) {
    to->text = gw_arena_copy(copying->arena, from->text);
  } else {
    copy_children(copying, from, lines_down, to);
  }
  return to;
}

/* The list with `fresh` in place of the items of the region, which begin on the line `line`. */
static struct gw_yaml_node *splice_list(struct copying *copying, const struct gw_yaml_node *list, const struct region *region,
                                        const struct items *fresh, uint32_t lines_down) {
  uint32_t count = list->count - (region->end - region->first) + fresh->count, used = 0;
  uint32_t line = list->items[region->first]->line;
  const struct gw_yaml_node **items = gw_arena_alloc(copying->arena, count * sizeof(const struct gw_yaml_node *));
  for (uint32_t i = 0; i < region->first; i++)
    items[used++] = copy_node(copying, list->items[i], 0);
  for (uint32_t i = 0; i < fresh->count; i++)
    items[used++] = copy_node(copying, fresh->nodes[i], line - 1 - LIST_KEY_LINES);
  for (uint32_t i = region->end; i < list->count; i++)
    items[used++] = copy_node(copying, list->items[i], lines_down);
  struct gw_yaml_node *spliced = gw_arena_alloc(copying->arena, sizeof(*spliced));
  *spliced = *list;
  spliced->items = items;
  spliced->count = count;
  gw_yaml_hash_children(spliced);
  return spliced;
}

static struct gw_yaml_node *splice_root(struct copying *copying, const struct gw_yaml_node *root, const struct region *region,
                                        const struct items *fresh, uint32_t lines_down) {
  struct gw_yaml_pair *pairs = gw_arena_alloc(copying->arena, root->count * sizeof(*pairs));
  for (uint32_t i = 0; i < root->count; i++) {
    uint32_t down = i > region->pair ? lines_down : 0;
    pairs[i].key = copy_node(copying, root->pairs[i].key, down);
    pairs[i].value = i == region->pair ? splice_list(copying, root->pairs[i].value, region, fresh, lines_down)
                                       : copy_node(copying, root->pairs[i].value, down);
  }
  struct gw_yaml_node *spliced = gw_arena_alloc(copying->arena, sizeof(*spliced));
  *spliced = *root;
  spliced->pairs = pairs;
  gw_yaml_hash_children(spliced);
  return spliced;
}

enum gw_err gw_yaml_splice(const struct gw_yaml_document *before, struct gw_str text, struct gw_arena *arena,
                           const struct gw_yaml_node **ret_root) {
  const struct gw_yaml_node *root = before->root;
  struct copying copying = {.arena = arena, .left = GW_YAML_NODES_MAX - 2};
  struct region region = {0};
  if (root == NULL || root->kind != GW_YAML_MAPPING || root->column != 1) return GW_ERR_UNSUPPORTED;
  if (gw_str_equal(before->text, text)) {
    *ret_root = copy_node(&copying, root, 0);
    return GW_OK;
  }
  if (has_other_line_ends(before->text) || has_other_line_ends(text)) return GW_ERR_UNSUPPORTED;
  struct difference d = find_difference(before->text, text);
  enum gw_err err = find_region(&d, root, &region);
  if (err != GW_OK) return err;
  size_t behind = before->text.len - region.end_at;
  struct gw_str now = {text.data + region.begin_at, text.len - behind - region.begin_at};
  struct gw_str then = {before->text.data + region.begin_at, region.end_at - region.begin_at};
  struct gw_arena small;
  gw_arena_init(&small, 4096);
  const struct gw_yaml_node *list = root->pairs[region.pair].value;
  int next_indent = region.end < list->count ? (int)list->items[region.end]->column - (int)strlen("- ") - 1 : -1;
  struct items fresh;
  err = parse_items(now, next_indent, &small, &fresh);
  if (err == GW_OK) {
    struct gw_yaml_node *spliced = splice_root(&copying, root, &region, &fresh, (uint32_t)(count_lines(now) - count_lines(then)));
    if (copying.left > 0)
      *ret_root = spliced;
    else
      err = GW_ERR_UNSUPPORTED; /* perhaps too many */
  }
  gw_arena_done(&small);
  return err;
}

enum gw_err gw_yaml_parse_changed(const struct gw_yaml_document *before, const char *name, struct gw_str text, struct gw_arena *arena,
                                  struct gw_errors *errors, const struct gw_yaml_node **ret_root) {
  if (before != NULL && gw_yaml_splice(before, text, arena, ret_root) == GW_OK) return GW_OK;
  return gw_yaml_parse(name, text, arena, errors, ret_root);
}
