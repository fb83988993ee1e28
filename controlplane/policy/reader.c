#include "controlplane/policy/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/policy/duration.h"

static const char *format_sentence(const struct gw_reader *reader, const char *format, va_list arguments) {
  char *text = NULL;
  if (vasprintf(&text, format, arguments) < 0) GW_PANIC("out of memory");
  const char *copy = gw_arena_strdup(reader->arena, text);
  free(text);
  return copy;
}

void gw_reader_mistake(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *sentence = format_sentence(reader, format, arguments);
  va_end(arguments);
  gw_errors_add(reader->errors, gw_yaml_place(reader->name, node, reader->arena), "%s", sentence);
}

void gw_reader_warn(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *sentence = format_sentence(reader, format, arguments);
  va_end(arguments);
  gw_errors_warn(reader->errors, gw_yaml_place(reader->name, node, reader->arena), "%s", sentence);
}

#define WORD_MAX 32u

/* Levenshtein's distance; words are cut at WORD_MAX. */
static size_t distance(struct gw_str a, struct gw_str b) {
  size_t row[WORD_MAX + 1];
  if (a.len > WORD_MAX) a.len = WORD_MAX;
  if (b.len > WORD_MAX) b.len = WORD_MAX;
  for (size_t k = 0; k <= b.len; k++)
    row[k] = k;
  for (size_t i = 0; i < a.len; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t k = 0; k < b.len; k++) {
      size_t cost = diagonal + (a.data[i] != b.data[k]);
      diagonal = row[k + 1];
      if (row[k] + 1 < cost) cost = row[k] + 1;
      if (diagonal + 1 < cost) cost = diagonal + 1;
      row[k + 1] = cost;
    }
  }
  return row[b.len];
}

static void unknown_key(const struct gw_reader *reader, const struct gw_yaml_node *key, const char *what, const char *const *keys) {
  struct gw_strbuf allowed;
  gw_strbuf_init(&allowed);
  const char *nearest = NULL;
  size_t nearest_distance = 3; /* further away it would be a guess */
  for (size_t i = 0; keys[i] != NULL; i++) {
    gw_strbuf_printf(&allowed, "%s%s", i == 0 ? "" : ", ", keys[i]);
    size_t far = distance(key->text, gw_str_from(keys[i]));
    if (far < nearest_distance) {
      nearest = keys[i];
      nearest_distance = far;
    }
  }
  gw_reader_mistake(reader, key, "%s has no key %.*s%s%s%s; allowed: %s", what, GW_STR_ARG(key->text), nearest != NULL ? " (" : "",
                    nearest != NULL ? nearest : "", nearest != NULL ? "?)" : "", allowed.data);
  gw_strbuf_done(&allowed);
}

bool gw_reader_is_mapping(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, const char *const *keys) {
  if (node->kind != GW_YAML_MAPPING) {
    gw_reader_mistake(reader, node, "%s is a mapping (key: value), not %s", what, gw_yaml_kind_name(node->kind));
    return false;
  }
  for (uint32_t i = 0; keys != NULL && i < node->count; i++) {
    bool is_known = false;
    for (size_t k = 0; keys[k] != NULL; k++)
      is_known = is_known || gw_str_equal(node->pairs[i].key->text, gw_str_from(keys[k]));
    if (!is_known) unknown_key(reader, node->pairs[i].key, what, keys);
  }
  return true;
}

bool gw_reader_is_list(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what) {
  if (node->kind == GW_YAML_SEQUENCE) return true;
  gw_reader_mistake(reader, node, "%s is a list (- … or [ … ]), not %s", what, gw_yaml_kind_name(node->kind));
  return false;
}

bool gw_reader_text(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_value) {
  if (node->kind != GW_YAML_SCALAR || gw_yaml_is_null(node) || node->text.len == 0) {
    gw_reader_mistake(reader, node, "%s is text that is not empty, not %s", what,
                      node->kind == GW_YAML_SCALAR ? "nothing" : gw_yaml_kind_name(node->kind));
    return false;
  }
  *ret_value = node->text;
  return true;
}

bool gw_reader_bool(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, bool *ret_value) {
  bool is_word = node->kind == GW_YAML_SCALAR && node->is_plain;
  bool is_true = is_word && (gw_str_equal(node->text, GW_STR("true")) || gw_str_equal(node->text, GW_STR("True")));
  bool is_false = is_word && (gw_str_equal(node->text, GW_STR("false")) || gw_str_equal(node->text, GW_STR("False")));
  if (!is_true && !is_false) {
    gw_reader_mistake(reader, node, "%s is true or false", what);
    return false;
  }
  *ret_value = is_true;
  return true;
}

bool gw_reader_u32(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint32_t min, uint32_t max,
                   uint32_t *ret_value) {
  uint64_t value;
  if (node->kind != GW_YAML_SCALAR || !node->is_plain || gw_str_parse_u64(node->text, &value) != GW_OK || value < min || value > max) {
    gw_reader_mistake(reader, node, "%s is a whole number from %u to %u", what, min, max);
    return false;
  }
  *ret_value = (uint32_t)value;
  return true;
}

bool gw_reader_duration(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint64_t *ret_ms) {
  uint64_t ms;
  if (node->kind != GW_YAML_SCALAR || gw_duration_parse(node->text, &ms) != GW_OK) {
    gw_reader_mistake(reader, node, "%s is %s", what, GW_DURATION_ALLOWED);
    return false;
  }
  *ret_ms = ms;
  return true;
}
