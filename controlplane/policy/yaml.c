#include "controlplane/policy/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "common/base/map.h"
#include "common/base/mem.h"

/* A collection whose end has not come yet: its children stand on the parser's stack of nodes from `first`. */
struct open_collection {
  struct gw_yaml_node *node;
  size_t first;
};

struct parse {
  const char *name;
  struct gw_arena *arena;
  struct gw_errors *errors;
  yaml_parser_t parser;
  const struct gw_yaml_node **nodes; /* complete, not yet in a collection */
  size_t node_count;
  size_t node_cap;
  struct open_collection open[GW_YAML_DEPTH_MAX];
  uint32_t depth;
  uint32_t total;
  uint32_t documents;
  bool is_broken; /* a mistake after which the rest says nothing */
};

static void mistake_at(struct parse *parse, yaml_mark_t mark, const char *sentence) {
  const char *place = gw_arena_printf(parse->arena, "%s:%zu:%zu", parse->name, mark.line + 1, mark.column + 1);
  gw_errors_add(parse->errors, place, "%s", sentence);
}

static void stop_at(struct parse *parse, yaml_mark_t mark, const char *sentence) {
  mistake_at(parse, mark, sentence);
  parse->is_broken = true;
}

static struct gw_yaml_node *new_node(struct parse *parse, enum gw_yaml_kind kind, yaml_mark_t mark) {
  struct gw_yaml_node *node = gw_arena_calloc(parse->arena, 1, sizeof(*node));
  node->kind = kind;
  node->line = (uint32_t)mark.line + 1;
  node->column = (uint32_t)mark.column + 1;
  if (++parse->total > GW_YAML_NODES_MAX) stop_at(parse, mark, "too many values in one file (4000000 at most)");
  return node;
}

static void push(struct parse *parse, const struct gw_yaml_node *node) {
  if (parse->node_count == parse->node_cap) {
    parse->node_cap = parse->node_cap == 0 ? 256 : parse->node_cap * 2;
    parse->nodes = gw_realloc_array(parse->nodes, parse->node_cap, sizeof(const struct gw_yaml_node *));
  }
  parse->nodes[parse->node_count++] = node;
}

static void on_scalar(struct parse *parse, const yaml_event_t *event) {
  struct gw_yaml_node *node = new_node(parse, GW_YAML_SCALAR, event->start_mark);
  node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  node->text = gw_arena_copy(parse->arena, (struct gw_str){(const char *)event->data.scalar.value, event->data.scalar.length});
  node->hash = gw_hash_keyed(node->text.data, node->text.len) ^ (node->is_plain ? 1 : 0);
  if (event->data.scalar.tag != NULL) mistake_at(parse, event->start_mark, "tags (!…) are not supported; write the value without one");
  push(parse, node);
}

static void on_begin(struct parse *parse, const yaml_event_t *event, enum gw_yaml_kind kind, const yaml_char_t *tag) {
  if (parse->depth == GW_YAML_DEPTH_MAX) {
    stop_at(parse, event->start_mark, "nested too deeply (32 levels at most)");
    return;
  }
  if (tag != NULL) mistake_at(parse, event->start_mark, "tags (!…) are not supported; write the value without one");
  parse->open[parse->depth++] = (struct open_collection){.node = new_node(parse, kind, event->start_mark), .first = parse->node_count};
}

/* Few keys are compared one with the other, many through a map. */
#define PAIRS_COMPARED 16u

static void check_duplicates(struct parse *parse, const struct gw_yaml_node *mapping) {
  struct gw_map *seen = mapping->count > PAIRS_COMPARED ? gw_map_new() : NULL;
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct gw_yaml_node *key = mapping->pairs[i].key, *earlier = NULL;
    if (seen != NULL) {
      earlier = gw_map_find(seen, key->text);
      if (earlier == NULL) gw_map_put(seen, key->text, (void *)(uintptr_t)key);
    }
    for (uint32_t k = 0; seen == NULL && k < i && earlier == NULL; k++)
      if (gw_str_equal(mapping->pairs[k].key->text, key->text)) earlier = mapping->pairs[k].key;
    if (earlier != NULL) {
      gw_errors_add(parse->errors, gw_yaml_place(parse->name, key, parse->arena), "key %.*s stands here twice; the first is in line %u",
                    GW_STR_ARG(key->text), earlier->line);
    }
  }
  gw_map_free(seen);
}

static void fill_mapping(struct parse *parse, struct gw_yaml_node *node, const struct gw_yaml_node **children, size_t count) {
  struct gw_yaml_pair *pairs = gw_arena_calloc(parse->arena, count / 2, sizeof(*pairs));
  for (size_t i = 0; i + 1 < count; i += 2) {
    if (children[i]->kind != GW_YAML_SCALAR) {
      gw_errors_add(parse->errors, gw_yaml_place(parse->name, children[i], parse->arena), "a key must be a plain word, not %s",
                    gw_yaml_kind_name(children[i]->kind));
      continue;
    }
    pairs[node->count++] = (struct gw_yaml_pair){.key = children[i], .value = children[i + 1]};
  }
  node->pairs = pairs;
  check_duplicates(parse, node);
}

void gw_yaml_hash_children(struct gw_yaml_node *node) {
  node->hash = (uint64_t)node->kind;
  for (uint32_t i = 0; i < node->count; i++) {
    bool is_mapping = node->kind == GW_YAML_MAPPING;
    const uint64_t words[] = {node->hash, is_mapping ? node->pairs[i].key->hash : 0,
                              is_mapping ? node->pairs[i].value->hash : node->items[i]->hash};
    node->hash = gw_hash_keyed(words, sizeof(words));
  }
}

static void on_end(struct parse *parse) {
  struct open_collection *open = &parse->open[--parse->depth];
  const struct gw_yaml_node **children = parse->nodes + open->first;
  size_t count = parse->node_count - open->first;
  if (open->node->kind == GW_YAML_SEQUENCE) {
    const struct gw_yaml_node **items = gw_arena_calloc(parse->arena, count, sizeof(const struct gw_yaml_node *));
    for (size_t i = 0; i < count; i++)
      items[i] = children[i];
    open->node->items = items;
    open->node->count = (uint32_t)count;
  } else {
    fill_mapping(parse, open->node, children, count);
  }
  gw_yaml_hash_children(open->node);
  parse->node_count = open->first;
  push(parse, open->node);
}

static void on_event(struct parse *parse, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_SCALAR_EVENT: on_scalar(parse, event); break;
  case YAML_SEQUENCE_START_EVENT: on_begin(parse, event, GW_YAML_SEQUENCE, event->data.sequence_start.tag); break;
  case YAML_MAPPING_START_EVENT: on_begin(parse, event, GW_YAML_MAPPING, event->data.mapping_start.tag); break;
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: on_end(parse); break;
  case YAML_ALIAS_EVENT: stop_at(parse, event->start_mark, "aliases (*…) are not supported; write the value out"); break;
  case YAML_DOCUMENT_START_EVENT:
    if (++parse->documents > 1) stop_at(parse, event->start_mark, "a second document (---) is not allowed");
    break;
  default: break;
  }
}

static void on_syntax_error(struct parse *parse) {
  const yaml_parser_t *parser = &parse->parser;
  yaml_mark_t mark = parser->problem_mark;
  const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
  const char *context = parser->context != NULL ? parser->context : "";
  const char *sentence = parser->error == YAML_READER_ERROR
                             ? gw_arena_printf(parse->arena, "not YAML: %s at byte %zu", problem, parser->problem_offset)
                             : gw_arena_printf(parse->arena, "not YAML: %s%s%s", problem, *context != '\0' ? " " : "", context);
  stop_at(parse, mark, sentence);
}

enum gw_err gw_yaml_parse(const char *name, struct gw_str text, struct gw_arena *arena, struct gw_errors *errors,
                          const struct gw_yaml_node **ret_root) {
  struct parse parse = {.name = name, .arena = arena, .errors = errors};
  size_t errors_before = errors->error_count;
  /* libyaml would count a byte order mark as a column. */
  if (gw_str_has_prefix(text, GW_STR("\xef\xbb\xbf"))) text = gw_str_skip(text, 3);
  if (yaml_parser_initialize(&parse.parser) == 0) GW_PANIC("out of memory");
  yaml_parser_set_encoding(&parse.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parse.parser, (const unsigned char *)(text.data != NULL ? text.data : ""), text.len);
  for (bool is_done = false; !is_done && !parse.is_broken;) {
    yaml_event_t event;
    if (yaml_parser_parse(&parse.parser, &event) == 0) {
      on_syntax_error(&parse);
      break;
    }
    on_event(&parse, &event);
    is_done = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parse.parser);
  enum gw_err err = errors->error_count == errors_before ? GW_OK : GW_ERR_INVALID;
  if (err == GW_OK) *ret_root = parse.node_count > 0 ? parse.nodes[0] : NULL;
  free(parse.nodes);
  return err;
}

const char *gw_yaml_place(const char *name, const struct gw_yaml_node *node, struct gw_arena *arena) {
  return gw_arena_printf(arena, "%s:%u:%u", name, node->line, node->column);
}

bool gw_yaml_is_null(const struct gw_yaml_node *node) {
  if (node->kind != GW_YAML_SCALAR || !node->is_plain) return false;
  return node->text.len == 0 || gw_str_equal(node->text, GW_STR("~")) || gw_str_equal(node->text, GW_STR("null")) ||
         gw_str_equal(node->text, GW_STR("Null")) || gw_str_equal(node->text, GW_STR("NULL"));
}

const char *gw_yaml_kind_name(enum gw_yaml_kind kind) {
  switch (kind) {
  case GW_YAML_SCALAR: return "a single value";
  case GW_YAML_SEQUENCE: return "a list";
  case GW_YAML_MAPPING: return "a mapping";
  }
  return "";
}
