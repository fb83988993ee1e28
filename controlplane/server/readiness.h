/* Why: what /ready says: whether this control plane serves, and how what it depends on does.
 * Life: no objects kept.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_READINESS_H
#define GW_CONTROLPLANE_SERVER_READINESS_H

#include "controlplane/server/status_http.h"

/* {"status", "version", "age_seconds", "errors", "nodes", "store": {…}, "sources": [{…}]} of: "ready"; "degraded": it serves, but files
 * have mistakes, or the store or a source is away; "starting"; "stopping". true: it is ready, degraded or not. */
bool gw_readiness_write(const struct gw_status_http_options *options, bool is_stopping, struct gw_strbuf *body);

#endif
