/* Why: aligned columns for people.
 * Life: gw_table_init … gw_table_done; cells are copied.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_TABLE_H
#define GW_CONTROLPLANE_CTL_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "common/base/str.h"

#define GW_TABLE_COLUMNS_MAX 12

struct gw_table {
  uint32_t column_count;
  uint32_t widths[GW_TABLE_COLUMNS_MAX]; /* characters */
  char **cells;                          /* row by row, the heads first */
  size_t cell_count;
};

void gw_table_init(struct gw_table *table, const char *const *heads, uint32_t column_count);
void gw_table_done(struct gw_table *table);
/* The next cell, from the left, row by row. Cleaned as terminal_text.h says. Empty and NULL: "-". */
void gw_table_add(struct gw_table *table, const char *text);
void gw_table_printf(struct gw_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "350ms", "12s", "3m 4s", "2h 5m", "3d 4h". */
void gw_table_add_duration(struct gw_table *table, uint64_t ms);
void gw_table_print(const struct gw_table *table, FILE *out);

#define GW_DURATION_TEXT_SIZE 32
const char *gw_duration_format(uint64_t ms, char ret_text[GW_DURATION_TEXT_SIZE]);

#endif
