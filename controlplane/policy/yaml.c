#include "controlplane/policy/yaml.h"

#include <yaml.h>

#include "controlplane/policy/yaml_simple.h"

struct parse {
  struct gw_yaml_tree tree;
  yaml_parser_t parser;
  uint32_t documents;
};

static struct gw_yaml_mark mark_of(yaml_mark_t mark) {
  return (struct gw_yaml_mark){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static void refuse_tag(struct parse *parse, const yaml_event_t *event, const yaml_char_t *tag) {
  if (tag != NULL)
    gw_yaml_tree_mistake(&parse->tree, mark_of(event->start_mark), "tags (!…) are not supported; write the value without one");
}

static void on_scalar(struct parse *parse, const yaml_event_t *event) {
  struct gw_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
  gw_yaml_tree_add_scalar(&parse->tree, mark_of(event->start_mark), text, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
  refuse_tag(parse, event, event->data.scalar.tag);
}

static void on_begin(struct parse *parse, const yaml_event_t *event, enum gw_yaml_kind kind, const yaml_char_t *tag) {
  gw_yaml_tree_begin(&parse->tree, mark_of(event->start_mark), kind);
  if (!parse->tree.is_broken) refuse_tag(parse, event, tag);
}

static void stop_at(struct parse *parse, yaml_mark_t mark, const char *sentence) {
  gw_yaml_tree_stop(&parse->tree, mark_of(mark), sentence);
}

static void on_event(struct parse *parse, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_SCALAR_EVENT: on_scalar(parse, event); break;
  case YAML_SEQUENCE_START_EVENT: on_begin(parse, event, GW_YAML_SEQUENCE, event->data.sequence_start.tag); break;
  case YAML_MAPPING_START_EVENT: on_begin(parse, event, GW_YAML_MAPPING, event->data.mapping_start.tag); break;
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: gw_yaml_tree_end(&parse->tree); break;
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
                             ? gw_arena_printf(parse->tree.arena, "not YAML: %s at byte %zu", problem, parser->problem_offset)
                             : gw_arena_printf(parse->tree.arena, "not YAML: %s%s%s", problem, *context != '\0' ? " " : "", context);
  stop_at(parse, mark, sentence);
}

static void read_with_libyaml(struct parse *parse, struct gw_str text) {
  if (yaml_parser_initialize(&parse->parser) == 0) GW_PANIC("out of memory");
  yaml_parser_set_encoding(&parse->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parse->parser, (const unsigned char *)(text.data != NULL ? text.data : ""), text.len);
  for (bool is_done = false; !is_done && !parse->tree.is_broken;) {
    yaml_event_t event;
    if (yaml_parser_parse(&parse->parser, &event) == 0) {
      on_syntax_error(parse);
      break;
    }
    on_event(parse, &event);
    is_done = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parse->parser);
}

/* Not one mistake is told by it: of those libyaml knows more. */
static bool read_simple(struct gw_yaml_tree *tree, const char *name, struct gw_str text, struct gw_arena *arena) {
  struct gw_errors untold;
  gw_errors_init(&untold);
  gw_yaml_tree_init(tree, name, arena, &untold);
  bool is_read = gw_yaml_read_simple(tree, text);
  if (!is_read) gw_yaml_tree_done(tree);
  gw_errors_done(&untold);
  return is_read;
}

enum gw_err gw_yaml_parse(const char *name, struct gw_str text, struct gw_arena *arena, struct gw_errors *errors,
                          const struct gw_yaml_node **ret_root) {
  struct parse parse;
  size_t errors_before = errors->error_count;
  /* libyaml would count a byte order mark as a column. */
  if (gw_str_has_prefix(text, GW_STR("\xef\xbb\xbf"))) text = gw_str_skip(text, 3);
  if (!read_simple(&parse.tree, name, text, arena)) {
    gw_yaml_tree_init(&parse.tree, name, arena, errors);
    parse.documents = 0;
    read_with_libyaml(&parse, text);
  }
  enum gw_err err = errors->error_count == errors_before ? GW_OK : GW_ERR_INVALID;
  if (err == GW_OK) *ret_root = parse.tree.node_count > 0 ? parse.tree.nodes[0] : NULL;
  gw_yaml_tree_done(&parse.tree);
  return err;
}

const struct gw_yaml_node *gw_yaml_find_key(const struct gw_yaml_node *mapping, struct gw_str wanted) {
  if (mapping == NULL || mapping->kind != GW_YAML_MAPPING) return NULL;
  for (uint32_t i = 0; i < mapping->count; i++)
    if (gw_str_equal(mapping->pairs[i].key->text, wanted)) return mapping->pairs[i].value;
  return NULL;
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
