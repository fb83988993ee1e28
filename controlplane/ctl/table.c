#include "controlplane/ctl/table.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/ctl/terminal_text.h"

#define GAP 2

const char *gw_duration_format(uint64_t ms, char ret_text[GW_DURATION_TEXT_SIZE]) {
  unsigned long long s = ms / 1000;
  if (ms < 1000) {
    snprintf(ret_text, GW_DURATION_TEXT_SIZE, "%llums", (unsigned long long)ms);
  } else if (s < 60) {
    snprintf(ret_text, GW_DURATION_TEXT_SIZE, "%llus", s);
  } else if (s < 3600) {
    snprintf(ret_text, GW_DURATION_TEXT_SIZE, "%llum %llus", s / 60, s % 60);
  } else if (s < 86400) {
    snprintf(ret_text, GW_DURATION_TEXT_SIZE, "%lluh %llum", s / 3600, s % 3600 / 60);
  } else {
    snprintf(ret_text, GW_DURATION_TEXT_SIZE, "%llud %lluh", s / 86400, s % 86400 / 3600);
  }
  return ret_text;
}

/* Characters of UTF-8 text. */
static uint32_t width_of(const char *text) {
  uint32_t width = 0;
  for (; *text != '\0'; text++)
    width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

void gw_table_init(struct gw_table *table, const char *const *heads, uint32_t column_count) {
  GW_ASSERT(column_count <= GW_TABLE_COLUMNS_MAX);
  *table = (struct gw_table){.column_count = column_count};
  for (uint32_t i = 0; i < column_count; i++)
    gw_table_add(table, heads[i]);
}

void gw_table_done(struct gw_table *table) {
  for (size_t i = 0; i < table->cell_count; i++)
    free(table->cells[i]);
  free(table->cells);
  *table = (struct gw_table){0};
}

void gw_table_add(struct gw_table *table, const char *text) {
  struct gw_strbuf cleaned;
  gw_strbuf_init(&cleaned);
  gw_terminal_text_append(&cleaned, gw_str_from(text != NULL && text[0] != '\0' ? text : "-"));
  char *cell = gw_strbuf_take(&cleaned);
  uint32_t *width = &table->widths[table->cell_count % table->column_count];
  uint32_t wanted = width_of(cell);
  if (wanted > *width) *width = wanted;
  table->cells = gw_realloc_array(table->cells, table->cell_count + 1, sizeof(*table->cells));
  table->cells[table->cell_count++] = cell;
}

void gw_table_printf(struct gw_table *table, const char *format, ...) {
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  va_list args;
  va_start(args, format);
  gw_strbuf_vprintf(&buf, format, args);
  va_end(args);
  gw_table_add(table, buf.data);
  gw_strbuf_done(&buf);
}

void gw_table_add_duration(struct gw_table *table, uint64_t ms) {
  char text[GW_DURATION_TEXT_SIZE];
  gw_table_add(table, gw_duration_format(ms, text));
}

void gw_table_print(const struct gw_table *table, FILE *out) {
  for (size_t i = 0; i < table->cell_count; i++) {
    uint32_t column = (uint32_t)(i % table->column_count);
    fputs(table->cells[i], out);
    if (column + 1 == table->column_count) {
      fputc('\n', out);
    } else {
      fprintf(out, "%*s", (int)(table->widths[column] - width_of(table->cells[i]) + GAP), "");
    }
  }
}
