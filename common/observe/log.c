#include "common/observe/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/visible_text.h"
#include "common/observe/log_ring.h"

#define RING_SIZE ((size_t)256 * 1024)

struct gw_log {
  char *program;
  char *path; /* NULL: standard error */
  enum gw_log_format format;
  atomic_int level;             /* of gw_log_level: workers read it while main sets it */
  int fd;                       /* stays the same number when the file is opened anew, so that no writer can hold a closed one */
  struct gw_log_writer *writer; /* NULL: who logs writes */
  struct gw_log_ring *ring;     /* with `lock`, since it is made for one producer */
  pthread_mutex_t lock;
};

static const char *const level_names[] =
    {[GW_LOG_DEBUG] = "DEBUG", [GW_LOG_INFO] = "INFO", [GW_LOG_WARNING] = "WARNING", [GW_LOG_ERROR] = "ERROR"};

static int open_file(const char *path) {
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

enum gw_err gw_log_new(const char *program, enum gw_log_format format, enum gw_log_level level, const char *path, struct gw_log **ret_log) {
  int fd = path == NULL ? STDERR_FILENO : open_file(path);
  if (fd < 0) return GW_ERR_IO;
  struct gw_log *log = gw_calloc(1, sizeof(*log));
  log->program = gw_strdup(program);
  log->path = path == NULL ? NULL : gw_strdup(path);
  log->format = format;
  atomic_init(&log->level, (int)level);
  log->fd = fd;
  pthread_mutex_init(&log->lock, NULL);
  *ret_log = log;
  return GW_OK;
}

enum gw_err gw_log_start_writer(struct gw_log *log) {
  if (gw_log_writer_new_fd(log->fd, &log->writer) != GW_OK) return GW_ERR_IO;
  log->ring = gw_log_writer_add_ring(log->writer, RING_SIZE);
  return GW_OK;
}

uint64_t gw_log_lost(const struct gw_log *log) {
  return log->writer != NULL ? gw_log_writer_lost(log->writer) : 0;
}

void gw_log_free(struct gw_log *log) {
  if (log == NULL) return;
  gw_log_writer_free(log->writer);
  pthread_mutex_destroy(&log->lock);
  if (log->path != NULL) close(log->fd);
  free(log->path);
  free(log->program);
  free(log);
}

enum gw_err gw_log_reopen(struct gw_log *log) {
  if (log == NULL || log->path == NULL) return GW_OK;
  int fd = open_file(log->path);
  if (fd < 0) return GW_ERR_IO;
  int replaced = dup3(fd, log->fd, O_CLOEXEC);
  int reason = errno;
  close(fd);
  errno = reason;
  return replaced < 0 ? GW_ERR_IO : GW_OK;
}

static void format_text(const struct gw_log *log, const char *time, const char *level, struct gw_str message, struct gw_strbuf *line) {
  gw_strbuf_printf(line, "%s %s %s: ", time, level, log->program);
  gw_visible_text_append(line, message, false);
}

static void format_json(const struct gw_log *log, const char *time, const char *level, struct gw_str message, struct gw_strbuf *line) {
  struct gw_json_writer json;
  gw_json_writer_init(&json, line);
  gw_json_object_begin(&json);
  gw_json_key(&json, "time");
  gw_json_string(&json, gw_str_from(time));
  gw_json_key(&json, "level");
  gw_json_string(&json, gw_str_from(level));
  gw_json_key(&json, "program");
  gw_json_string(&json, gw_str_from(log->program));
  gw_json_key(&json, "message");
  gw_json_string(&json, message);
  gw_json_object_end(&json);
}

static void queue_line(struct gw_log *log, struct gw_str line) {
  pthread_mutex_lock(&log->lock);
  (void)gw_log_ring_append(log->ring, line); /* a loss is counted there */
  pthread_mutex_unlock(&log->lock);
  gw_log_writer_hurry(log->writer);
}

/* One write a line; the rest of a short one follows. A descriptor that takes nothing loses the line: there is nobody to tell. */
static void write_line(int fd, struct gw_str line) {
  while (line.len > 0) {
    ssize_t n = write(fd, line.data, line.len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line = gw_str_skip(line, (size_t)n);
  }
}

void gw_log_write(struct gw_log *log, enum gw_log_level level, const char *format, ...) {
  if (log == NULL || (int)level < atomic_load_explicit(&log->level, memory_order_relaxed)) return;
  int before = errno; /* who logs a failure may look at it afterwards */
  struct gw_strbuf message;
  struct gw_strbuf line;
  gw_strbuf_init(&message);
  gw_strbuf_init(&line);
  va_list args;
  va_start(args, format);
  gw_strbuf_vprintf(&message, format, args);
  va_end(args);
  char time[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339(gw_clock_wall_us(), time);
  if (log->format == GW_LOG_JSON) {
    format_json(log, time, level_names[level], gw_strbuf_str(&message), &line);
  } else {
    format_text(log, time, level_names[level], gw_strbuf_str(&message), &line);
  }
  gw_strbuf_append_char(&line, '\n');
  if (log->ring != NULL)
    queue_line(log, gw_strbuf_str(&line));
  else
    write_line(log->fd, gw_strbuf_str(&line));
  gw_strbuf_done(&line);
  gw_strbuf_done(&message);
  errno = before;
}

void gw_log_set_level(struct gw_log *log, enum gw_log_level level) {
  if (log != NULL) atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

enum gw_log_level gw_log_level(const struct gw_log *log) {
  return (enum gw_log_level)atomic_load_explicit(&log->level, memory_order_relaxed);
}

const char *gw_log_level_name(enum gw_log_level level) {
  static const char *const names[] =
      {[GW_LOG_DEBUG] = "debug", [GW_LOG_INFO] = "info", [GW_LOG_WARNING] = "warning", [GW_LOG_ERROR] = "error"};
  return names[level];
}

enum gw_err gw_log_parse_level(struct gw_str name, enum gw_log_level *ret_level) {
  for (size_t i = 0; i < GW_ARRAY_LEN(level_names); i++) {
    if (!gw_str_equal_nocase(name, gw_str_from(level_names[i]))) continue;
    *ret_level = (enum gw_log_level)i;
    return GW_OK;
  }
  return GW_ERR_INVALID;
}

enum gw_err gw_log_parse_format(struct gw_str name, enum gw_log_format *ret_format) {
  bool is_json = gw_str_equal_nocase(name, GW_STR("json"));
  if (!is_json && !gw_str_equal_nocase(name, GW_STR("text"))) return GW_ERR_INVALID;
  *ret_format = is_json ? GW_LOG_JSON : GW_LOG_TEXT;
  return GW_OK;
}
