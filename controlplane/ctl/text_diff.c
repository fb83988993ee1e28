#include "controlplane/ctl/text_diff.h"

#include <stdlib.h>

#include "common/base/mem.h"

#define CONTEXT 3u
#define EDITS_MAX 3000u /* memory grows with its square: 36 MB */

struct lines {
  struct gw_str *items; /* with their line ends */
  uint32_t count;
};

/* One line of the result: of both, or of one side. */
enum mark { MARK_SAME = ' ', MARK_GONE = '-', MARK_NEW = '+' };
struct step {
  enum mark mark;
  uint32_t before; /* index of the line, and of the next one where it is of the other side */
  uint32_t after;
};

struct steps {
  struct step *items;
  uint32_t count;
  uint32_t cap;
};

static struct lines cut(struct gw_str text) {
  uint32_t count = 0;
  for (size_t i = 0; i < text.len; i++)
    count += text.data[i] == '\n';
  struct lines lines = {gw_calloc(count + 1u, sizeof(struct gw_str)), 0};
  for (size_t at = 0; at < text.len;) {
    const char *end = memchr(text.data + at, '\n', text.len - at);
    size_t len = end != NULL ? (size_t)(end - (text.data + at)) + 1 : text.len - at;
    lines.items[lines.count++] = (struct gw_str){text.data + at, len};
    at += len;
  }
  return lines;
}

static void add(struct steps *steps, enum mark mark, uint32_t before, uint32_t after) {
  if (steps->count == steps->cap) {
    steps->cap = steps->cap > 0 ? 2 * steps->cap : 256;
    steps->items = gw_realloc_array(steps->items, steps->cap, sizeof(*steps->items));
  }
  steps->items[steps->count++] = (struct step){mark, before, after};
}

/* The part that is looked at: lines [a, a_end) of before, [b, b_end) of after. */
struct part {
  const struct lines *before;
  const struct lines *after;
  uint32_t a, a_end, b, b_end;
};

static bool is_same(const struct part *part, uint32_t x, uint32_t y) {
  return gw_str_equal(part->before->items[part->a + x], part->after->items[part->b + y]);
}

/* Myers' greedy search: reached[d] says how far along each diagonal d edits lead. False: more edits than are looked for. */
struct search {
  int32_t *reached[EDITS_MAX + 1]; /* of 2 d + 1 diagonals each, from -d on */
  uint32_t edits;
};

/* How far so many edits lead along that diagonal, before what is the same on both sides; -1: nowhere. */
static int32_t come_to(const struct search *search, uint32_t d, int32_t diagonal) {
  if (d == 0) return 0;
  const int32_t *last = search->reached[d - 1];
  int32_t edge = (int32_t)d - 1;
  bool has_below = diagonal - 1 >= -edge && last[diagonal - 1 + edge] >= 0,
       has_above = diagonal + 1 <= edge && last[diagonal + 1 + edge] >= 0;
  int32_t gone = has_below ? last[diagonal - 1 + edge] + 1 : -1, added = has_above ? last[diagonal + 1 + edge] : -1;
  return gone > added ? gone : added;
}

static bool is_end(const struct part *part, int32_t x, int32_t y) {
  return x >= (int32_t)(part->a_end - part->a) && y >= (int32_t)(part->b_end - part->b);
}

static bool find_edits(const struct part *part, struct search *search) {
  int32_t a_count = (int32_t)(part->a_end - part->a), b_count = (int32_t)(part->b_end - part->b);
  for (uint32_t d = 0; d <= EDITS_MAX; d++) {
    int32_t edge = (int32_t)d;
    search->reached[d] = gw_calloc(2 * d + 1u, sizeof(int32_t));
    search->edits = d;
    for (int32_t i = 0; i <= 2 * edge; i++)
      search->reached[d][i] = -1;
    for (int32_t diagonal = -edge; diagonal <= edge; diagonal += 2) {
      int32_t x = come_to(search, d, diagonal), y = x - diagonal;
      if (x < 0 || x > a_count || y > b_count || y < 0) continue; /* outside; the diagonals beside it go on */
      while (x < a_count && y < b_count && is_same(part, (uint32_t)x, (uint32_t)y)) {
        x++;
        y++;
      }
      search->reached[d][diagonal + edge] = x;
      if (is_end(part, x, y)) return true;
    }
  }
  return false;
}

/* From the end back to the beginning: `ret_steps` is in reverse. */
static void walk_back(const struct part *part, const struct search *search, struct steps *steps) {
  int32_t x = (int32_t)(part->a_end - part->a), y = (int32_t)(part->b_end - part->b);
  for (uint32_t d = search->edits; d > 0; d--) {
    int32_t diagonal = x - y, edge = (int32_t)d - 1, begin_x = come_to(search, d, diagonal), begin_y = begin_x - diagonal;
    while (x > begin_x && y > begin_y) {
      x--;
      y--;
      add(steps, MARK_SAME, part->a + (uint32_t)x, part->b + (uint32_t)y);
    }
    /* Of two ways the one that ends with a new line: so what is gone stands before what is new. */
    bool is_gone = diagonal + 1 > edge || search->reached[d - 1][diagonal + 1 + edge] != begin_x;
    if (is_gone)
      x--;
    else
      y--;
    add(steps, is_gone ? MARK_GONE : MARK_NEW, part->a + (uint32_t)x, part->b + (uint32_t)y);
  }
  while (x > 0) {
    x--;
    y--;
    add(steps, MARK_SAME, part->a + (uint32_t)x, part->b + (uint32_t)y);
  }
}

static void add_middle(const struct part *part, struct steps *steps) {
  struct search *search = gw_calloc(1, sizeof(*search));
  if (find_edits(part, search)) {
    struct steps back = {0};
    walk_back(part, search, &back);
    for (uint32_t i = back.count; i > 0; i--)
      add(steps, back.items[i - 1].mark, back.items[i - 1].before, back.items[i - 1].after);
    free(back.items);
  } else {
    for (uint32_t i = part->a; i < part->a_end; i++)
      add(steps, MARK_GONE, i, part->b);
    for (uint32_t i = part->b; i < part->b_end; i++)
      add(steps, MARK_NEW, part->a_end, i);
  }
  for (uint32_t d = 0; d <= EDITS_MAX && search->reached[d] != NULL; d++)
    free(search->reached[d]);
  free(search);
}

/* ---- writing ---- */

static void write_line(struct gw_strbuf *out, enum mark mark, struct gw_str line) {
  gw_strbuf_append_char(out, (char)mark);
  gw_strbuf_append_str(out, line);
  if (line.len == 0 || line.data[line.len - 1] != '\n') gw_strbuf_append_str(out, GW_STR("\n\\ No newline at end of file\n"));
}

/* "12,3"; of an empty range the line before it. */
static void write_range(struct gw_strbuf *out, uint32_t first, uint32_t count) {
  gw_strbuf_printf(out, "%u", count > 0 ? first + 1 : first);
  if (count != 1) gw_strbuf_printf(out, ",%u", count);
}

static void write_hunk(const struct steps *steps, uint32_t begin, uint32_t end, const struct lines *before, const struct lines *after,
                       struct gw_strbuf *out) {
  uint32_t gone = 0, added = 0;
  for (uint32_t i = begin; i < end; i++) {
    gone += steps->items[i].mark != MARK_NEW;
    added += steps->items[i].mark != MARK_GONE;
  }
  gw_strbuf_append_str(out, GW_STR("@@ -"));
  write_range(out, steps->items[begin].before, gone);
  gw_strbuf_append_str(out, GW_STR(" +"));
  write_range(out, steps->items[begin].after, added);
  gw_strbuf_append_str(out, GW_STR(" @@\n"));
  for (uint32_t i = begin; i < end; i++) {
    const struct step *step = &steps->items[i];
    write_line(out, step->mark, step->mark == MARK_NEW ? after->items[step->after] : before->items[step->before]);
  }
}

static void write_hunks(const struct steps *steps, const struct lines *before, const struct lines *after, struct gw_strbuf *out) {
  for (uint32_t at = 0; at < steps->count;) {
    while (at < steps->count && steps->items[at].mark == MARK_SAME)
      at++;
    if (at == steps->count) return;
    uint32_t begin = at > CONTEXT ? at - CONTEXT : 0, last = at;
    for (uint32_t i = at; i < steps->count && i - last <= 2 * CONTEXT; i++)
      if (steps->items[i].mark != MARK_SAME) last = i;
    uint32_t end = last + 1 + CONTEXT < steps->count ? last + 1 + CONTEXT : steps->count;
    write_hunk(steps, begin, end, before, after, out);
    at = end;
  }
}

void gw_text_diff(struct gw_str before, struct gw_str after, const char *before_name, const char *after_name, struct gw_strbuf *out) {
  if (gw_str_equal(before, after)) return;
  struct lines a = cut(before), b = cut(after);
  struct part part = {.before = &a, .after = &b, .a_end = a.count, .b_end = b.count};
  while (part.a < part.a_end && part.b < part.b_end && is_same(&part, 0, 0)) {
    part.a++;
    part.b++;
  }
  while (part.a < part.a_end && part.b < part.b_end && gw_str_equal(a.items[part.a_end - 1], b.items[part.b_end - 1])) {
    part.a_end--;
    part.b_end--;
  }
  struct steps steps = {0};
  for (uint32_t i = 0; i < part.a; i++)
    add(&steps, MARK_SAME, i, i);
  add_middle(&part, &steps);
  for (uint32_t i = 0; part.a_end + i < a.count; i++)
    add(&steps, MARK_SAME, part.a_end + i, part.b_end + i);
  gw_strbuf_printf(out, "--- %s\n+++ %s\n", before_name, after_name);
  write_hunks(&steps, &a, &b, out);
  free(steps.items);
  free(a.items);
  free(b.items);
}
