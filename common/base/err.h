/* Why: the one vocabulary of failure: result codes, the collector of configuration mistakes, and panic.
 * Life: struct gw_errors belongs to its creator (init/done); the strings in it are its own copies.
 * Thread: any; a struct gw_errors is used by one thread at a time. */
#ifndef GW_COMMON_BASE_ERR_H
#define GW_COMMON_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

enum gw_err {
  GW_OK = 0,
  GW_ERR_INVALID,     /* the input is wrong; asking again will not help */
  GW_ERR_UNSUPPORTED, /* well-formed, but not available here */
  GW_ERR_LIMIT,       /* a bound was reached */
  GW_ERR_NOT_FOUND,
  GW_ERR_IO,    /* the system refused: errno says why where a function says so */
  GW_ERR_AGAIN, /* would block, or more bytes are needed */
  GW_ERR_TIMEOUT,
  GW_ERR_CLOSED, /* the other side is gone */
  GW_ERR_DENIED, /* credentials are missing or wrong */
};

/* "invalid", "not found", …: for logs and messages. */
const char *gw_err_name(enum gw_err err);

enum gw_severity { GW_SEVERITY_ERROR, GW_SEVERITY_WARNING };

/* One mistake: where ("routes.yaml:3:5" or "virtual_hosts[0].routes[3].match") and a sentence that says what is wrong and what is
 * allowed. */
struct gw_mistake {
  enum gw_severity severity;
  char *place;
  char *sentence;
};

/* Collects mistakes so that all show at once. At most GW_ERRORS_MAX are kept; the rest are counted. */
#define GW_ERRORS_MAX 200
struct gw_errors {
  struct gw_mistake *items;
  size_t count;       /* kept */
  size_t error_count; /* errors seen, kept or not: 0 means the input is good */
  size_t warning_count;
};

void gw_errors_init(struct gw_errors *errors);
void gw_errors_done(struct gw_errors *errors);
void gw_errors_add(struct gw_errors *errors, const char *place, const char *format, ...) __attribute__((format(printf, 3, 4)));
void gw_errors_warn(struct gw_errors *errors, const char *place, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Appends copies of all of `from`, each place prefixed with `prefix` (may be ""). */
void gw_errors_append(struct gw_errors *errors, const char *prefix, const struct gw_errors *from);
/* "place: sentence" a line, errors before warnings, sorted by place's order of addition; the caller frees with free(). */
char *gw_errors_format(const struct gw_errors *errors);
/* The same on one line, for a log: "; " stands between them. */
char *gw_errors_format_line(const struct gw_errors *errors);

/* Broken invariant or out of memory: writes the message to standard error and aborts. */
_Noreturn void gw_panic(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define GW_PANIC(...) gw_panic(__FILE__, __LINE__, __VA_ARGS__)
#define GW_ASSERT(condition) ((condition) ? (void)0 : gw_panic(__FILE__, __LINE__, "broken invariant: %s", #condition))

#endif
