/* Why: the one place where time is read.
 * Life: no objects.
 * Thread: any. On a loop prefer gw_loop_now_us, which reads once a turn. */
#ifndef GW_COMMON_BASE_CLOCK_H
#define GW_COMMON_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds since an arbitrary start; never goes back. */
uint64_t gw_clock_monotonic_us(void);
/* Microseconds since 1970-01-01 UTC. */
uint64_t gw_clock_wall_us(void);
/* "2026-11-24T01:02:03.456Z" of `wall_us` (RFC 3339, 24 characters and NUL). */
#define GW_CLOCK_RFC3339_SIZE 25
void gw_clock_format_rfc3339(uint64_t wall_us, char ret_text[GW_CLOCK_RFC3339_SIZE]);
/* "Tue, 24 Nov 2026 01:02:03 GMT" (IMF-fixdate, RFC 9110 section 5.6.7; 29 characters and NUL). */
#define GW_CLOCK_HTTP_DATE_SIZE 30
void gw_clock_format_http_date(uint64_t wall_us, char ret_text[GW_CLOCK_HTTP_DATE_SIZE]);

#endif
