#include "controlplane/ctl/yaml_output.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json.h"

#define INDENT 2u

/* ---- values ---- */

/* YAML 1.1 takes these for truth values or null, in any case. */
static bool is_reserved(struct gw_str text) {
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (gw_str_equal_nocase(text, gw_str_from(words[i]))) return true;
  return false;
}

/* What begins with a letter or '/', and has nothing in it that YAML looks at. */
static bool is_plain(struct gw_str text) {
  if (text.len == 0 || !(isalpha((unsigned char)text.data[0]) || text.data[0] == '/') || is_reserved(text)) return false;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (!isalnum(c) && strchr("_./-@+ ", c) == NULL) return false;
  }
  return text.data[text.len - 1] != ' ';
}

/* JSON's quoted strings are YAML's, but for DEL. */
static void append_string(struct gw_strbuf *out, struct gw_str text) {
  if (is_plain(text)) {
    gw_strbuf_append_str(out, text);
    return;
  }
  struct gw_strbuf quoted = {0};
  gw_json_append_string(&quoted, text);
  for (size_t i = 0; i < quoted.len; i++) {
    if (quoted.data[i] == 0x7f)
      gw_strbuf_append_str(out, GW_STR("\\x7f"));
    else
      gw_strbuf_append_char(out, quoted.data[i]);
  }
  gw_strbuf_done(&quoted);
}

static void append_indent(struct gw_strbuf *out, uint32_t indent) {
  for (uint32_t i = 0; i < indent; i++)
    gw_strbuf_append_char(out, ' ');
}

static void append(struct gw_strbuf *out, const struct gw_json_value *value, uint32_t indent, bool is_in_line);

static void append_member(struct gw_strbuf *out, const struct gw_json_member *member, uint32_t indent) {
  const struct gw_json_value *value = &member->value;
  bool is_nested = (value->kind == GW_JSON_ARRAY || value->kind == GW_JSON_OBJECT) && value->count > 0;
  append_string(out, member->name);
  gw_strbuf_append_char(out, ':');
  gw_strbuf_append_char(out, is_nested ? '\n' : ' ');
  append(out, value, is_nested ? indent + INDENT : indent, false);
}

static void append_members(struct gw_strbuf *out, const struct gw_json_value *value, uint32_t indent, bool is_in_line) {
  for (uint32_t i = 0; i < value->count; i++) {
    if (i > 0 || !is_in_line) append_indent(out, indent);
    append_member(out, &value->members[i], indent);
  }
}

static void append_items(struct gw_strbuf *out, const struct gw_json_value *value, uint32_t indent, bool is_in_line) {
  for (uint32_t i = 0; i < value->count; i++) {
    if (i > 0 || !is_in_line) append_indent(out, indent);
    gw_strbuf_append_str(out, GW_STR("- "));
    append(out, &value->items[i], indent + INDENT, true);
  }
}

/* `is_in_line`: something stands before it, as far in as `indent`. */
static void append(struct gw_strbuf *out, const struct gw_json_value *value, uint32_t indent, bool is_in_line) {
  if (value->kind == GW_JSON_OBJECT && value->count > 0) {
    append_members(out, value, indent, is_in_line);
    return;
  }
  if (value->kind == GW_JSON_ARRAY && value->count > 0) {
    append_items(out, value, indent, is_in_line);
    return;
  }
  if (value->kind == GW_JSON_STRING)
    append_string(out, value->string);
  else
    gw_json_append_value(out, value); /* numbers, truth values, null, [] and {} are written alike */
  gw_strbuf_append_char(out, '\n');
}

void gw_yaml_append_value(struct gw_strbuf *out, const struct gw_json_value *value) {
  append(out, value, 0, false);
}

/* ---- a verb's output ---- */

/* JSON that we can't read (a number beyond 64 bits) is YAML as it is. */
static void append_line(struct gw_strbuf *out, struct gw_str line, uint32_t *documents) {
  static const struct gw_json_limits limits = {.bytes_max = SIZE_MAX, .depth_max = GW_JSON_DEPTH_MAX, .values_max = UINT32_MAX};
  const struct gw_json_value *value;
  struct gw_arena arena;
  gw_arena_init(&arena, 65536);
  if (gw_json_parse(line, &limits, &arena, &value) == GW_OK) {
    if ((*documents)++ > 0) gw_strbuf_append_str(out, GW_STR("---\n"));
    gw_yaml_append_value(out, value);
  } else {
    gw_strbuf_append_str(out, line);
    gw_strbuf_append_char(out, '\n');
  }
  gw_arena_wipe(&arena);
  gw_arena_done(&arena);
}

static void print_as_yaml(int file) {
  struct stat status;
  if (fstat(file, &status) != 0 || status.st_size == 0) return;
  size_t size = (size_t)status.st_size;
  char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (text == MAP_FAILED) return;
  struct gw_str rest = {text, size}, line;
  struct gw_strbuf out = {0};
  uint32_t documents = 0;
  while (gw_str_split_next(&rest, '\n', &line))
    if (line.len > 0) append_line(&out, line, &documents);
  fwrite(out.data, 1, out.len, stdout);
  gw_strbuf_wipe(&out);
  munmap(text, size);
}

int gw_ctl_run_for_yaml(const struct gw_ctl *ctl, int (*run)(const struct gw_ctl *ctl)) {
  int kept = dup(STDOUT_FILENO), file = memfd_create("output", MFD_CLOEXEC);
  if (kept < 0 || file < 0 || fflush(stdout) != 0 || dup2(file, STDOUT_FILENO) < 0) {
    fputs("gatewayctl: there are no file descriptors left for -o yaml\n", stderr);
    return GW_CTL_SYSTEM;
  }
  int exit_code = run(ctl);
  fflush(stdout);
  dup2(kept, STDOUT_FILENO);
  print_as_yaml(file);
  close(kept);
  close(file);
  return exit_code;
}
