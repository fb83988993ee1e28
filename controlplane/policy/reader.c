#include "controlplane/policy/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/byte_count.h"
#include "common/base/duration.h"
#include "common/base/mem.h"

__attribute__((format(printf, 2, 0))) static const char *format_sentence(const struct gw_reader *reader, const char *format,
                                                                         va_list arguments) {
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

const char *gw_reader_find_nearest(struct gw_str text, const char *const *words, size_t count) {
  const char *nearest = NULL;
  size_t nearest_distance = 3; /* further away it would be a guess */
  for (size_t i = 0; i < count; i++) {
    struct gw_str word = gw_str_from(words[i]);
    size_t far = distance(text, word);
    if (far >= nearest_distance || far * 2 > word.len) continue;
    nearest = words[i];
    nearest_distance = far;
  }
  return nearest;
}

static void unknown_key(const struct gw_reader *reader, const struct gw_yaml_node *key, const char *what, const char *const *keys) {
  struct gw_strbuf allowed;
  gw_strbuf_init(&allowed);
  size_t count = 0;
  for (; keys[count] != NULL; count++)
    gw_strbuf_printf(&allowed, "%s%s", count == 0 ? "" : ", ", keys[count]);
  const char *nearest = gw_reader_find_nearest(key->text, keys, count);
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

const struct gw_yaml_node *gw_reader_find_root(const struct gw_reader *reader, const struct gw_yaml_node *root, const char *const *keys,
                                               const char *empty) {
  const char *key = keys[0];
  static const struct gw_yaml_node start = {.kind = GW_YAML_SCALAR, .is_plain = true, .line = 1, .column = 1};
  if (root == NULL || gw_yaml_is_null(root)) {
    gw_reader_mistake(reader, &start, "the file is empty; write \"%s: %s\" for none", key, empty);
    return NULL;
  }
  if (!gw_reader_is_mapping(reader, root, "the file", keys)) return NULL;
  const struct gw_yaml_node *value = gw_yaml_find(root, key);
  if (value != NULL && !gw_yaml_is_null(value)) return value;
  gw_reader_mistake(reader, value != NULL ? value : root, "%s is %s; write \"%s: %s\" for none", key, value != NULL ? "empty" : "missing",
                    key, empty);
  return NULL;
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
  /* YAML 1.1's words, which the origin's parser took. */
  static const struct {
    const char *word;
    bool value;
  } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false}};
  for (size_t i = 0; i < GW_ARRAY_LEN(words) && node->kind == GW_YAML_SCALAR && node->is_plain; i++) {
    if (!gw_str_equal_nocase(node->text, gw_str_from(words[i].word))) continue;
    *ret_value = words[i].value;
    return true;
  }
  gw_reader_mistake(reader, node, "%s is true or false", what);
  return false;
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
  if (node->kind != GW_YAML_SCALAR || gw_duration_parse(node->text, &ms) != GW_OK || ms == 0) {
    gw_reader_mistake(reader, node, "%s is more than 0 and at most a year: %s", what, GW_DURATION_ALLOWED);
    return false;
  }
  *ret_ms = ms;
  return true;
}

bool gw_reader_bytes(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint64_t *ret_value) {
  if (node->kind == GW_YAML_SCALAR && gw_byte_count_parse(node->text, ret_value) == GW_OK) return true;
  gw_reader_mistake(reader, node, "%s is a number of bytes, such as 65536, 64KiB or 100MiB; 0: no limit", what);
  return false;
}
