/* Why: the process's own log (not the access log): one line a record, text or JSON, to a descriptor or file.
 * Life: one sink a process, made in main before threads start, freed last. Records are copied.
 * Thread: any may log. Until gw_log_start_writer a line is written with one write(2), afterwards by a thread of its own. */
#ifndef GW_COMMON_OBSERVE_LOG_H
#define GW_COMMON_OBSERVE_LOG_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

enum gw_log_level { GW_LOG_DEBUG, GW_LOG_INFO, GW_LOG_WARNING, GW_LOG_ERROR };
enum gw_log_format { GW_LOG_TEXT, GW_LOG_JSON };

struct gw_log;

/* To standard error when path is NULL. errno on GW_ERR_IO. `program` is named in every record. */
enum gw_err gw_log_new(const char *program, enum gw_log_format format, enum gw_log_level level, const char *path, struct gw_log **ret_log);
void gw_log_free(struct gw_log *log);
/* From here on nobody who logs waits for a disk or a reader: a thread writes, and lines that find no room are lost and counted. errno on
 * GW_ERR_IO. */
enum gw_err gw_log_start_writer(struct gw_log *log);
/* Lines lost so far. */
uint64_t gw_log_lost(const struct gw_log *log);
/* Opens the file anew (log rotation). errno on GW_ERR_IO; the old one stays. */
enum gw_err gw_log_reopen(struct gw_log *log);
/* A NULL log drops records, so that libraries' users may go without. */
void gw_log_write(struct gw_log *log, enum gw_log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Any thread. */
void gw_log_set_level(struct gw_log *log, enum gw_log_level level);
enum gw_log_level gw_log_level(const struct gw_log *log);
/* "debug", … */
const char *gw_log_level_name(enum gw_log_level level);
/* "debug", "info", "warning", "error" and "text", "json", in any case. GW_ERR_INVALID. */
enum gw_err gw_log_parse_level(struct gw_str name, enum gw_log_level *ret_level);
enum gw_err gw_log_parse_format(struct gw_str name, enum gw_log_format *ret_format);

#define GW_LOG_DEBUG(log, ...) gw_log_write(log, GW_LOG_DEBUG, __VA_ARGS__)
#define GW_LOG_INFO(log, ...) gw_log_write(log, GW_LOG_INFO, __VA_ARGS__)
#define GW_LOG_WARNING(log, ...) gw_log_write(log, GW_LOG_WARNING, __VA_ARGS__)
#define GW_LOG_ERROR(log, ...) gw_log_write(log, GW_LOG_ERROR, __VA_ARGS__)

#endif
