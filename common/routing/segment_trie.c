#include "common/routing/segment_trie.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"

struct gw_segment_trie_builder {
  struct gw_trie_node *nodes;
  struct gw_trie_edge *edges;
  uint32_t *table;
  uint32_t table_mask;
  uint32_t node_count;
  uint32_t edge_count;
  uint32_t depth;
  struct gw_arena labels;
};

static uint32_t hash_edge(uint32_t parent, uint32_t label_hash) {
  uint32_t hash = (label_hash ^ parent) * 0x9e3779b1u;
  return hash ^ hash >> 15;
}

static uint32_t hash_label(struct gw_str label) {
  return (uint32_t)gw_hash_keyed(label.data, label.len);
}

/* Where the edge's number is, or the free place where it belongs. */
static uint32_t find_place(const uint32_t *table, uint32_t mask, const struct gw_trie_edge *edges, uint32_t parent, struct gw_str label,
                           uint32_t hash) {
  for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
    if (table[at] == 0) return at;
    const struct gw_trie_edge *edge = &edges[table[at] - 1];
    bool is_same = edge->hash == hash && edge->parent == parent && edge->label_len == label.len;
    if (is_same && memcmp(edge->label, label.data, label.len) == 0) return at;
  }
}

/* --- build --- */

static uint32_t table_size(uint32_t edge_count) {
  uint32_t size = 4;
  while (size < 2 * edge_count)
    size *= 2;
  return size;
}

static uint32_t add_node(struct gw_segment_trie_builder *builder) {
  builder->nodes[builder->node_count] = (struct gw_trie_node){GW_ROUTE_NONE, 0, 0, GW_ROUTE_NONE, GW_ROUTE_NONE, GW_ROUTE_NONE};
  return builder->node_count++;
}

struct gw_segment_trie_builder *gw_segment_trie_builder_new(uint32_t segment_count) {
  struct gw_segment_trie_builder *builder = gw_calloc(1, sizeof *builder);
  builder->nodes = gw_calloc((size_t)segment_count + 1, sizeof *builder->nodes);
  builder->edges = gw_calloc((size_t)segment_count + 1, sizeof *builder->edges);
  uint32_t size = table_size(segment_count);
  builder->table = gw_calloc(size, sizeof *builder->table);
  builder->table_mask = size - 1;
  gw_arena_init(&builder->labels, 4096);
  add_node(builder);
  return builder;
}

static uint32_t add_literal(struct gw_segment_trie_builder *builder, uint32_t parent, struct gw_str label) {
  uint32_t hash = hash_edge(parent, hash_label(label));
  uint32_t place = find_place(builder->table, builder->table_mask, builder->edges, parent, label, hash);
  if (builder->table[place] != 0) return builder->edges[builder->table[place] - 1].child;
  uint32_t child = add_node(builder);
  const char *copy = gw_arena_copy(&builder->labels, label).data;
  builder->edges[builder->edge_count++] = (struct gw_trie_edge){copy, (uint32_t)label.len, hash, parent, child};
  builder->table[place] = builder->edge_count;
  builder->nodes[parent].literals++;
  return child;
}

static uint32_t add_wildcard(struct gw_segment_trie_builder *builder, uint32_t parent) {
  if (builder->nodes[parent].wildcard == 0) {
    uint32_t child = add_node(builder);
    builder->nodes[parent].wildcard = child;
  }
  return builder->nodes[parent].wildcard;
}

static void push(uint32_t *first, struct gw_route_slot *slots, uint32_t at) {
  slots[at].next = *first;
  *first = at;
}

/* The node behind the segments of `rest`, made where it is not there. With wildcards `*` is one, and a last `**` is left off. */
static uint32_t walk_down(struct gw_segment_trie_builder *builder, struct gw_str rest, bool has_wildcards, uint32_t at) {
  uint32_t node = 0, depth = 0;
  struct gw_str segment;
  builder->nodes[0].smallest = at;
  while (gw_str_split_next(&rest, '/', &segment)) {
    if (has_wildcards && gw_str_equal(segment, GW_STR("**"))) break;
    bool is_wildcard = has_wildcards && gw_str_equal(segment, GW_STR("*"));
    node = is_wildcard ? add_wildcard(builder, node) : add_literal(builder, node, segment);
    builder->nodes[node].smallest = at;
    depth++;
  }
  if (depth > builder->depth) builder->depth = depth;
  return node;
}

void gw_segment_trie_builder_add_template(struct gw_segment_trie_builder *builder, const struct gw_path_template *template,
                                          struct gw_route_slot *slots, uint32_t at) {
  /* Written out once more with bare wildcards: a literal can't hold '*'. */
  char text[GW_PATH_TEMPLATE_MAX + 2 * GW_PATH_TEMPLATE_PIECES_MAX];
  struct gw_str rest = {text, 0};
  for (uint32_t i = 0; i < template->piece_count; i++) {
    const struct gw_path_piece *piece = &template->pieces[i];
    static const struct gw_str wildcards[] = {[GW_PATH_PIECE_SEGMENT] = GW_STR("*"), [GW_PATH_PIECE_REST] = GW_STR("**")};
    struct gw_str part = piece->kind == GW_PATH_PIECE_LITERAL ? piece->text : wildcards[piece->kind];
    if (part.len > 0) memcpy(text + rest.len, part.data, part.len);
    rest.len += part.len;
  }
  struct gw_trie_node *node = &builder->nodes[walk_down(builder, gw_str_skip(rest, 1), true, at)];
  bool has_rest = template->pieces[template->piece_count - 1].kind == GW_PATH_PIECE_REST;
  push(has_rest ? &node->first_rest : &node->first_end, slots, at);
}

void gw_segment_trie_builder_add_prefix(struct gw_segment_trie_builder *builder, struct gw_str prefix, struct gw_route_slot *slots,
                                        uint32_t at) {
  push(&builder->nodes[walk_down(builder, gw_str_skip(prefix, 1), false, at)].first_prefix, slots, at);
}

void gw_segment_trie_builder_freeze(struct gw_segment_trie_builder *builder, struct gw_arena *arena, struct gw_segment_trie *ret_trie) {
  *ret_trie = (struct gw_segment_trie){.depth = builder->depth};
  if (builder->nodes[0].smallest != GW_ROUTE_NONE) {
    struct gw_trie_node *nodes = gw_arena_alloc(arena, builder->node_count * sizeof *nodes);
    memcpy(nodes, builder->nodes, builder->node_count * sizeof *nodes);
    struct gw_trie_edge *edges = gw_arena_calloc(arena, builder->edge_count + 1, sizeof *edges);
    uint32_t size = table_size(builder->edge_count);
    uint32_t *table = gw_arena_calloc(arena, size, sizeof *table);
    for (uint32_t i = 0; i < builder->edge_count; i++) {
      edges[i] = builder->edges[i];
      struct gw_str label = {edges[i].label, edges[i].label_len};
      edges[i].label = gw_arena_copy(arena, label).data;
      table[find_place(table, size - 1, edges, edges[i].parent, label, edges[i].hash)] = i + 1;
    }
    *ret_trie = (struct gw_segment_trie){nodes, edges, table, size - 1, builder->depth};
  }
  gw_arena_done(&builder->labels);
  free(builder->nodes);
  free(builder->edges);
  free(builder->table);
  free(builder);
}

/* --- search --- */

struct path_segment {
  struct gw_str text;
  uint32_t hash;
  bool has_hash;
  bool is_taken; /* by `*` */
};
struct walk {
  const struct gw_segment_trie *trie;
  struct gw_route_search *search;
  const char *rest_begins; /* from here on every byte is one that `**` takes */
  uint32_t count;          /* of the path, but no more than are of use */
  struct path_segment segments[GW_SEGMENT_TRIE_DEPTH_MAX + 1];
};

static uint32_t find_literal(struct walk *walk, uint32_t node, struct path_segment *segment) {
  const struct gw_segment_trie *trie = walk->trie;
  if (!segment->has_hash) segment->hash = hash_label(segment->text);
  segment->has_hash = true;
  uint32_t hash = hash_edge(node, segment->hash);
  uint32_t number = trie->table[find_place(trie->table, trie->table_mask, trie->edges, node, segment->text, hash)];
  return number == 0 ? 0 : trie->edges[number - 1].child;
}

/* `depth` segments lie behind. Recursion goes as deep as the trie at most. */
static void visit(struct walk *walk, uint32_t number, uint32_t depth) {
  const struct gw_trie_node *node = &walk->trie->nodes[number];
  struct gw_route_search *search = walk->search;
  if (node->smallest >= search->best) return;
  gw_route_search_chain(search, node->first_prefix);
  if (depth == walk->count) {
    gw_route_search_chain(search, node->first_end);
    return;
  }
  struct path_segment *segment = &walk->segments[depth];
  if (segment->text.data >= walk->rest_begins) gw_route_search_chain(search, node->first_rest);
  if (node->literals > 0) {
    uint32_t child = find_literal(walk, number, segment);
    if (child != 0) visit(walk, child, depth + 1);
  }
  if (node->wildcard != 0 && segment->is_taken) visit(walk, node->wildcard, depth + 1);
}

static void split(struct walk *walk, struct gw_str path) {
  const char *end = path.data + path.len;
  struct path_segment *segment = NULL;
  walk->count = 0;
  walk->rest_begins = path.data;
  for (const char *at = path.data; at < end; at++) {
    if (*at == '/') {
      if (walk->count > walk->trie->depth)
        segment = NULL;
      else
        segment = &walk->segments[walk->count++];
      if (segment != NULL) *segment = (struct path_segment){.text = {at + 1, 0}, .is_taken = true};
      continue;
    }
    bool is_taken = gw_path_template_takes(*at);
    if (!is_taken) walk->rest_begins = at + 1;
    if (segment == NULL) continue;
    segment->text.len++;
    segment->is_taken &= is_taken;
  }
  for (uint32_t i = 0; i < walk->count; i++)
    walk->segments[i].is_taken &= walk->segments[i].text.len > 0;
}

void gw_segment_trie_search(const struct gw_segment_trie *trie, struct gw_route_search *search) {
  if (trie->nodes == NULL || search->path.len == 0 || search->path.data[0] != '/') return;
  struct walk walk;
  walk.trie = trie;
  walk.search = search;
  split(&walk, search->path);
  visit(&walk, 0, 0);
}
