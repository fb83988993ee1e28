/* Why: the control plane's HTTP client (libcurl), for what others publish: GET, bounded in time and size, on the control plane's own loop.
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

struct gw_fetch_request {
  const char *url;     /* http or https */
  const char *ca_file; /* PEM: whom https is checked against */
  uint64_t timeout_ms; /* of the whole of it */
  size_t bytes_max;    /* of the body; beyond, it failed */
};

/* Borrowed until the callback's end. */
struct gw_fetch_result {
  bool is_good;       /* 200, whole */
  struct gw_str body; /* NUL-terminated */
  bool has_max_age;   /* Cache-Control said how long it is fresh (RFC 9111 section 5.2.2.1) */
  uint64_t max_age_s;
  const char *words; /* why it failed: a sentence without the URL; "" */
};
typedef void (*gw_fetch_fn)(void *arg, const struct gw_fetch_result *result);

/* Redirects are followed three times, on the same scheme, host and port only: who was trusted is who answers. The callback comes later. */
struct gw_fetch *gw_fetch_start(struct gw_fetcher *fetcher, const struct gw_fetch_request *request, gw_fetch_fn fn, void *arg);
/* Without a callback; NULL is accepted. */
void gw_fetch_cancel(struct gw_fetch *fetch);

/* "https://host:443" of a URL: up to the path. For who may point where. */
struct gw_str gw_fetch_origin(struct gw_str url);

#endif
