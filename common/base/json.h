/* Why: writes JSON text (RFC 8259) straight into a builder: logs, local replies, status pages.
 * Life: the writer is embedded and borrows the builder.
 * Thread: one at a time. */
#ifndef GW_COMMON_BASE_JSON_H
#define GW_COMMON_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

/* Copies the string to `ret_bytes`, s.len of them. false: it does not stand for itself between quotation marks, as ASCII does that needs no
 * escaping; then the copy is of no use. */
bool gw_json_copy_plain(struct gw_str s, char *ret_bytes);
/* Appends the string quoted and escaped; bytes that are not UTF-8 become U+FFFD. */
void gw_json_append_string(struct gw_strbuf *buf, struct gw_str s);
/* The same without the quotation marks. */
void gw_json_append_escaped(struct gw_strbuf *buf, struct gw_str s);

struct gw_json_writer {
  struct gw_strbuf *buf;
  bool needs_comma;
};

void gw_json_writer_init(struct gw_json_writer *writer, struct gw_strbuf *buf);
void gw_json_object_begin(struct gw_json_writer *writer);
void gw_json_object_end(struct gw_json_writer *writer);
void gw_json_array_begin(struct gw_json_writer *writer);
void gw_json_array_end(struct gw_json_writer *writer);
/* Before each value of an object. */
void gw_json_key(struct gw_json_writer *writer, const char *key);
void gw_json_string(struct gw_json_writer *writer, struct gw_str value);
void gw_json_u64(struct gw_json_writer *writer, uint64_t value);
void gw_json_i64(struct gw_json_writer *writer, int64_t value);
void gw_json_double(struct gw_json_writer *writer, double value);
void gw_json_bool(struct gw_json_writer *writer, bool value);
void gw_json_null(struct gw_json_writer *writer);

#endif
