/* Why: the control plane's HTTP client (libcurl), for what others publish and registries know: bounded in time and size, on the control
 * plane's own loop. A long poll is a request whose time is long.
 * Life: gw_fetcher_new … free, which ends what is under way without a word; a fetch ends with its callback or gw_fetch_cancel.
 * Thread: the loop's; names are resolved on threads of libcurl's. */
#ifndef GW_CONTROLPLANE_FETCH_FETCH_H
#define GW_CONTROLPLANE_FETCH_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/event/loop.h"

struct gw_fetcher;
struct gw_fetch;

struct gw_fetcher *gw_fetcher_new(struct gw_loop *loop);
void gw_fetcher_free(struct gw_fetcher *fetcher);

/* Copied, all of it. Files of TLS are read when the connection is made. */
struct gw_fetch_request {
  const char *url;     /* http or https */
  const char *ca_file; /* PEM: whom https is checked against; NULL: the system's */
  uint64_t timeout_ms; /* of the whole of it */
  size_t bytes_max;    /* of the body; beyond, it failed */
  /* What follows may be zero. */
  const char *method;         /* "PUT"; NULL: GET, or POST with a body */
  struct gw_str body;         /* data NULL: none */
  const char *const *headers; /* "Name: value". They may be secrets: they are told to nobody else, and wiped */
  uint32_t header_count;
  const char *cert_file; /* PEM: what we show to who asks for a certificate, with its key */
  const char *key_file;
  bool takes_any_status; /* the caller looks at the status itself */
};

/* Borrowed until the callback's end. */
struct gw_fetch_result {
  bool is_good;           /* whole, and 200 (or takes_any_status) */
  uint32_t status;        /* 0: there was no answer */
  struct gw_str body;     /* NUL-terminated */
  struct gw_str header;   /* the lines of it: gw_fetch_find_header */
  struct gw_str local_ip; /* our end of the connection, numeric; empty: there was none */
  bool has_max_age;       /* Cache-Control said how long it is fresh (RFC 9111 section 5.2.2.1) */
  uint64_t max_age_s;
  const char *words; /* why it failed: a sentence without the URL; "" */
};
typedef void (*gw_fetch_fn)(void *arg, const struct gw_fetch_result *result);

/* Redirects of GET are followed three times, on the same scheme, host and port only: who was trusted is who answers. The callback comes
 * later, never from inside of gw_fetch_start. */
struct gw_fetch *gw_fetch_start(struct gw_fetcher *fetcher, const struct gw_fetch_request *request, gw_fetch_fn fn, void *arg);
/* Without a callback; NULL is accepted. */
void gw_fetch_cancel(struct gw_fetch *fetch);

/* The value of the first field of that name, trimmed; empty: there is none. */
struct gw_str gw_fetch_find_header(const struct gw_fetch_result *result, struct gw_str name);

/* Appends `text` as one segment, or one value, of a URL: what is not unreserved (RFC 3986 section 2.3) as %XX. */
void gw_fetch_append_encoded(struct gw_strbuf *url, struct gw_str text);

/* "https://host:443" of a URL: up to the path. For who may point where. */
struct gw_str gw_fetch_origin(struct gw_str url);

#endif
