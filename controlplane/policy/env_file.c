#include "controlplane/policy/env_file.h"

#include "common/base/mem.h"

struct parse {
  const char *name;
  struct gw_arena *arena;
  struct gw_errors *errors;
  uint32_t line;
  const char *line_start;
};

static void mistake(struct parse *parse, const char *at, const char *sentence) {
  const char *place = gw_arena_printf(parse->arena, "%s:%u:%u", parse->name, parse->line, (unsigned)(at - parse->line_start) + 1);
  gw_errors_add(parse->errors, place, "%s", sentence);
}

static bool is_name_char(char c, bool is_first) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!is_first && c >= '0' && c <= '9');
}

/* `rest` begins with a quote. */
static enum gw_err parse_quoted(struct parse *parse, struct gw_str rest, struct gw_str *ret_value) {
  char quote = rest.data[0], *out = gw_arena_alloc_bytes(parse->arena, rest.len + 1);
  size_t len = 0, i = 1;
  for (; i < rest.len && rest.data[i] != quote; i++) {
    char c = rest.data[i];
    if (quote == '"' && c == '\\' && i + 1 < rest.len) {
      c = rest.data[++i];
      if (c == 'n') c = '\n';
    }
    out[len++] = c;
  }
  if (i == rest.len) {
    mistake(parse, rest.data, "the quote is never closed");
    return GW_ERR_INVALID;
  }
  struct gw_str after = gw_str_trim(gw_str_skip(rest, i + 1));
  if (after.len > 0 && after.data[0] != '#') {
    mistake(parse, after.data, "nothing but a comment may follow the closing quote");
    return GW_ERR_INVALID;
  }
  out[len] = '\0';
  *ret_value = (struct gw_str){out, len};
  return GW_OK;
}

static struct gw_str without_comment(struct gw_str value) {
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] == '#' && (i == 0 || value.data[i - 1] == ' ' || value.data[i - 1] == '\t')) {
      value.len = i;
      break;
    }
  }
  return gw_str_trim(value);
}

/* GW_ERR_NOT_FOUND: an empty line or a comment. */
static enum gw_err parse_line(struct parse *parse, struct gw_str line, struct gw_env_entry *ret_entry) {
  line = gw_str_trim(line);
  if (line.len == 0 || line.data[0] == '#') return GW_ERR_NOT_FOUND;
  if (gw_str_has_prefix(line, GW_STR("export "))) line = gw_str_trim(gw_str_skip(line, 7));
  size_t len = 0;
  while (len < line.len && is_name_char(line.data[len], len == 0))
    len++;
  struct gw_str rest = gw_str_trim(gw_str_skip(line, len));
  if (len == 0 || rest.len == 0 || rest.data[0] != '=') {
    mistake(parse, line.data, "a line is NAME=VALUE, a # comment, or empty");
    return GW_ERR_INVALID;
  }
  struct gw_str value = gw_str_trim(gw_str_skip(rest, 1));
  *ret_entry = (struct gw_env_entry){.name = gw_arena_copy(parse->arena, (struct gw_str){line.data, len}), .line = parse->line};
  ret_entry->column = (uint32_t)(value.data - parse->line_start) + 1;
  if (value.len > 0 && (value.data[0] == '"' || value.data[0] == '\'')) return parse_quoted(parse, value, &ret_entry->value);
  ret_entry->value = gw_arena_copy(parse->arena, without_comment(value));
  return GW_OK;
}

static void add(struct parse *parse, struct gw_env_file *file, const struct gw_env_entry *entry) {
  for (uint32_t i = 0; i < file->count; i++) {
    if (!gw_str_equal(file->items[i].name, entry->name)) continue;
    gw_errors_add(parse->errors, gw_arena_printf(parse->arena, "%s:%u:1", parse->name, parse->line),
                  "%.*s stands here twice; the first is in line %u", GW_STR_ARG(entry->name), file->items[i].line);
    return;
  }
  if (file->count == GW_ENV_FILE_MAX) {
    gw_errors_add(parse->errors, gw_arena_printf(parse->arena, "%s:%u:1", parse->name, parse->line), "too many settings; %u are allowed",
                  GW_ENV_FILE_MAX);
    return;
  }
  file->items[file->count++] = *entry;
}

enum gw_err gw_env_file_parse(const char *name, struct gw_str text, struct gw_arena *arena, struct gw_errors *errors,
                              struct gw_env_file *ret_file) {
  struct parse parse = {.name = name, .arena = arena, .errors = errors};
  size_t errors_before = errors->error_count;
  struct gw_env_file file = {.items = gw_arena_calloc(arena, GW_ENV_FILE_MAX, sizeof(*file.items))};
  struct gw_str rest = text, line;
  while (gw_str_split_next(&rest, '\n', &line)) {
    parse.line++;
    parse.line_start = line.data;
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    struct gw_env_entry entry;
    if (parse_line(&parse, line, &entry) == GW_OK) add(&parse, &file, &entry);
  }
  if (errors->error_count != errors_before) return GW_ERR_INVALID;
  *ret_file = file;
  return GW_OK;
}
