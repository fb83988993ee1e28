/* Why: the field lines of an HTTP message, in order, with well-known names interned so that filters compare numbers.
 * Life: the array lives in an arena; names and values point into memory that lives as long (the stream's arena).
 * Thread: one at a time. */
#ifndef GW_COMMON_MESSAGE_HEADERS_H
#define GW_COMMON_MESSAGE_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/str.h"

/* Names that the proxy itself looks at. headers.c holds the table; the order is this one. */
enum gw_header_id {
  GW_HEADER_OTHER = 0,
  GW_HEADER_HOST,
  GW_HEADER_CONNECTION,
  GW_HEADER_CONTENT_LENGTH,
  GW_HEADER_TRANSFER_ENCODING,
  GW_HEADER_TE,
  GW_HEADER_TRAILER,
  GW_HEADER_UPGRADE,
  GW_HEADER_KEEP_ALIVE,
  GW_HEADER_PROXY_CONNECTION,
  GW_HEADER_PROXY_AUTHENTICATE,
  GW_HEADER_PROXY_AUTHORIZATION,
  GW_HEADER_HTTP2_SETTINGS,
  GW_HEADER_EXPECT,
  GW_HEADER_DATE,
  GW_HEADER_SERVER,
  GW_HEADER_CONTENT_TYPE,
  GW_HEADER_CONTENT_ENCODING,
  GW_HEADER_ACCEPT_ENCODING,
  GW_HEADER_AUTHORIZATION,
  GW_HEADER_COOKIE,
  GW_HEADER_USER_AGENT,
  GW_HEADER_REFERER,
  GW_HEADER_ORIGIN,
  GW_HEADER_ALLOW,
  GW_HEADER_LOCATION,
  GW_HEADER_RETRY_AFTER,
  GW_HEADER_X_REQUEST_ID,
  GW_HEADER_X_FORWARDED_FOR,
  GW_HEADER_X_FORWARDED_PROTO,
  GW_HEADER_X_FORWARDED_HOST,
  GW_HEADER_X_API_KEY,
  GW_HEADER_TRACEPARENT,
  GW_HEADER_TRACESTATE,
  GW_HEADER_X_TRACE_ID,
  GW_HEADER_X_SPAN_ID,
  GW_HEADER_GRPC_STATUS,
  GW_HEADER_GRPC_MESSAGE,
  GW_HEADER_GRPC_TIMEOUT,
  GW_HEADER_ID_COUNT,
};

/* The id of a name in any case; GW_HEADER_OTHER when it is none of the table's. */
enum gw_header_id gw_header_id_find(struct gw_str name);
/* Lower case. Not for GW_HEADER_OTHER. */
struct gw_str gw_header_id_name(enum gw_header_id id);

struct gw_header {
  struct gw_str name; /* as received or written; compare without case */
  struct gw_str value;
  enum gw_header_id id;
  bool is_received; /* both point into a line of a received HTTP/1 head, which CR LF ends: the encoder may look there */
};

#define GW_HEADER_BIT(id) (UINT64_C(1) << (id))

struct gw_headers {
  uint64_t ids; /* a GW_HEADER_BIT for each id that is there, or was: what is not there, as most is not, is not looked for */
  struct gw_header *items;
  uint32_t count;
  uint32_t cap;
};

void gw_headers_init(struct gw_headers *headers, struct gw_arena *arena, uint32_t cap);
/* The same fields in an array of its own, with room for `spare` more. */
struct gw_headers gw_headers_copy(const struct gw_headers *headers, struct gw_arena *arena, uint32_t spare);
/* Name and value are not copied. GW_HEADER_OTHER: the name is looked up, so that what is well known always has its id. */
void gw_headers_add(struct gw_headers *headers, struct gw_arena *arena, enum gw_header_id id, struct gw_str name, struct gw_str value);
/* The first of that id, or NULL. */
struct gw_header *gw_headers_find(const struct gw_headers *headers, enum gw_header_id id);
/* The first of that name in any case, or NULL. */
struct gw_header *gw_headers_find_name(const struct gw_headers *headers, struct gw_str name);
/* Removes all of that id, or name in any case; keeps the order of the rest. */
void gw_headers_remove(struct gw_headers *headers, enum gw_header_id id);
void gw_headers_remove_name(struct gw_headers *headers, struct gw_str name);
/* Replaces the first of that id and removes the others, or adds it. */
void gw_headers_set(struct gw_headers *headers, struct gw_arena *arena, enum gw_header_id id, struct gw_str value);
/* Removes what is meant for one connection only: Connection and what it names, Keep-Alive, Proxy-Connection, Proxy-Authenticate,
 * Proxy-Authorization, TE (but "trailers"), Transfer-Encoding, Upgrade, HTTP2-Settings (RFC 9110 section 7.6.1). Trailer is kept.
 * Connection cannot name fields that end-to-end meaning depends on: every name with an id but those above, X-Forwarded-*, Forwarded,
 * X-Real-IP, Via and Cache-Control. Such a nomination is ignored. */
void gw_headers_remove_hop_by_hop(struct gw_headers *headers);

/* Whether the field holds what lets its bearer in (credentials, cookies): nothing of it is ever logged. In any case. */
bool gw_header_is_credential(enum gw_header_id id, struct gw_str name);

/* RFC 9110 section 5.1 and 5.5: token; and no CTL but HTAB. */
bool gw_header_name_is_valid(struct gw_str name);
bool gw_header_value_is_valid(struct gw_str value);

#endif
