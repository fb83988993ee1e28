#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/str.h"

const char *gw_err_name(enum gw_err err) {
  switch (err) {
  case GW_OK: return "ok";
  case GW_ERR_INVALID: return "invalid";
  case GW_ERR_UNSUPPORTED: return "not supported";
  case GW_ERR_LIMIT: return "limit reached";
  case GW_ERR_NOT_FOUND: return "not found";
  case GW_ERR_IO: return "input/output error";
  case GW_ERR_AGAIN: return "try again";
  case GW_ERR_TIMEOUT: return "timed out";
  case GW_ERR_CLOSED: return "closed";
  case GW_ERR_DENIED: return "denied";
  }
  return "unknown";
}

void gw_errors_init(struct gw_errors *errors) {
  *errors = (struct gw_errors){0};
}

void gw_errors_done(struct gw_errors *errors) {
  if (errors == NULL) return;
  for (size_t i = 0; i < errors->count; i++) {
    free(errors->items[i].place);
    free(errors->items[i].sentence);
  }
  free(errors->items);
  *errors = (struct gw_errors){0};
}

/* When all places are taken an error still pushes out the last warning: what stops a configuration must not be hidden by advice. */
static bool make_room_for_error(struct gw_errors *errors) {
  for (size_t i = errors->count; i-- > 0;) {
    if (errors->items[i].severity != GW_SEVERITY_WARNING) continue;
    free(errors->items[i].place);
    free(errors->items[i].sentence);
    memmove(&errors->items[i], &errors->items[i + 1], (errors->count - i - 1) * sizeof(errors->items[0]));
    errors->count--;
    return true;
  }
  return false;
}

/* Takes over both strings. */
static void keep(struct gw_errors *errors, enum gw_severity severity, char *place, char *sentence) {
  if (severity == GW_SEVERITY_ERROR) {
    errors->error_count++;
  } else {
    errors->warning_count++;
  }
  if (errors->count == GW_ERRORS_MAX && (severity == GW_SEVERITY_WARNING || !make_room_for_error(errors))) {
    free(place);
    free(sentence);
    return;
  }
  if ((errors->count & (errors->count - 1)) == 0) {
    errors->items = gw_realloc_array(errors->items, errors->count == 0 ? 1 : errors->count * 2, sizeof(errors->items[0]));
  }
  errors->items[errors->count++] = (struct gw_mistake){severity, place, sentence};
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args) {
  char *text = NULL;
  if (vasprintf(&text, format, args) < 0) GW_PANIC("out of memory");
  return text;
}

void gw_errors_add(struct gw_errors *errors, const char *place, const char *format, ...) {
  va_list args;
  va_start(args, format);
  keep(errors, GW_SEVERITY_ERROR, gw_strdup(place), format_text(format, args));
  va_end(args);
}

void gw_errors_warn(struct gw_errors *errors, const char *place, const char *format, ...) {
  if (errors->count == GW_ERRORS_MAX) { /* 10,000 routes may well have the same to say */
    errors->warning_count++;
    return;
  }
  va_list args;
  va_start(args, format);
  keep(errors, GW_SEVERITY_WARNING, gw_strdup(place), format_text(format, args));
  va_end(args);
}

void gw_errors_append(struct gw_errors *errors, const char *prefix, const struct gw_errors *from) {
  size_t kept_errors = 0;
  for (size_t i = 0; i < from->count; i++) {
    const struct gw_mistake *mistake = &from->items[i];
    kept_errors += mistake->severity == GW_SEVERITY_ERROR;
    keep(errors, mistake->severity, gw_asprintf("%s%s", prefix, mistake->place), gw_strdup(mistake->sentence));
  }
  errors->error_count += from->error_count - kept_errors;
  errors->warning_count += from->warning_count - (from->count - kept_errors);
}

static void format_severity(const struct gw_errors *errors, enum gw_severity severity, const char *end, struct gw_strbuf *buf) {
  for (size_t i = 0; i < errors->count; i++) {
    const struct gw_mistake *mistake = &errors->items[i];
    if (mistake->severity != severity) continue;
    if (mistake->place[0] != '\0') gw_strbuf_printf(buf, "%s: ", mistake->place);
    gw_strbuf_printf(buf, "%s%s", mistake->sentence, end);
  }
}

static void format_all(const struct gw_errors *errors, const char *end, struct gw_strbuf *buf) {
  gw_strbuf_init(buf);
  format_severity(errors, GW_SEVERITY_ERROR, end, buf);
  format_severity(errors, GW_SEVERITY_WARNING, end, buf);
  size_t left_out = errors->error_count + errors->warning_count - errors->count;
  if (left_out > 0) gw_strbuf_printf(buf, "and %zu more%s", left_out, end);
}

char *gw_errors_format(const struct gw_errors *errors) {
  struct gw_strbuf buf;
  format_all(errors, "\n", &buf);
  return gw_strbuf_take(&buf);
}

char *gw_errors_format_line(const struct gw_errors *errors) {
  static const char between[] = "; ";
  struct gw_strbuf buf;
  format_all(errors, between, &buf);
  size_t len = buf.len;
  char *line = gw_strbuf_take(&buf);
  if (len > 0) line[len - strlen(between)] = '\0';
  return line;
}

void gw_panic(const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s:%d: ", file, line);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  abort();
}
