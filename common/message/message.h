/* Why: the head of an HTTP request and response, whatever version it came by.
 * Life: everything points into the stream's arena.
 * Thread: one at a time. */
#ifndef GW_COMMON_MESSAGE_MESSAGE_H
#define GW_COMMON_MESSAGE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/message/headers.h"

enum gw_method {
  GW_METHOD_OTHER = 0,
  GW_METHOD_GET,
  GW_METHOD_HEAD,
  GW_METHOD_POST,
  GW_METHOD_PUT,
  GW_METHOD_DELETE,
  GW_METHOD_PATCH,
  GW_METHOD_OPTIONS,
  GW_METHOD_CONNECT,
  GW_METHOD_TRACE,
  GW_METHOD_COUNT,
};

/* Case-sensitive (RFC 9110 section 9.1). */
enum gw_method gw_method_find(struct gw_str name);
struct gw_str gw_method_name(enum gw_method method);
/* RFC 9110 section 9.2.2: twice is as once. */
bool gw_method_is_idempotent(enum gw_method method);

enum gw_http_version { GW_HTTP_1_0, GW_HTTP_1_1, GW_HTTP_2 };
/* "HTTP/1.1" … as Envoy's %PROTOCOL% says it. */
struct gw_str gw_http_version_name(enum gw_http_version version);

#define GW_LENGTH_NONE ((int64_t)-1)    /* no body */
#define GW_LENGTH_UNKNOWN ((int64_t)-2) /* chunked, or until close, or until END_STREAM */

struct gw_request_head {
  enum gw_method method;
  struct gw_str method_name;
  struct gw_str path;      /* with query; starts with '/' (or "*" for OPTIONS); what is forwarded */
  struct gw_str authority; /* Host or :authority, as sent, without default port games; lower-cased copies are the router's affair */
  struct gw_str scheme;    /* "http" or "https": of the client's connection */
  enum gw_http_version version;
  int64_t content_length; /* bytes, GW_LENGTH_NONE or GW_LENGTH_UNKNOWN */
  bool expects_continue;  /* Expect: 100-continue */
  /* "websocket": the connection is to become one, whatever version asked for it (gw_upgrade_find, or :protocol of RFC 8441). Empty: no
   * upgrade. Set by the session, for Upgrade and Connection are hop-by-hop and leave the fields: codecs write them anew. */
  struct gw_str upgrade;
  struct gw_headers headers; /* without Host, Content-Length and Transfer-Encoding: codecs read and write those */
};

struct gw_response_head {
  uint32_t status;
  enum gw_http_version version;
  int64_t content_length;    /* of the body that follows; HEAD and 304 answers: see declared_length */
  bool is_chunked;           /* how a body of GW_LENGTH_UNKNOWN came by HTTP/1: chunked, or until the connection closes */
  struct gw_headers headers; /* without Content-Length and Transfer-Encoding */
  /* Content-Length of an answer that has no body here (HEAD, 304), or GW_LENGTH_NONE. */
  int64_t declared_length;
};

/* The part before '?'. */
struct gw_str gw_path_without_query(struct gw_str path);

#endif
