/* Why: what nodes get that are not our data planes, stock Envoy above all: the same configuration without our own filters, and with 501 in
 * the place of every route that has a protection which only those enforce. It never gets a route that has lost a protection.
 * Life: gw_foreign_new … free; holds references on what it made, so that what did not change stays the very resource.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SNAPSHOT_FOREIGN_H
#define GW_CONTROLPLANE_SNAPSHOT_FOREIGN_H

#include "common/model/listener.h"
#include "common/model/snapshot.h"

struct gw_foreign;

struct gw_foreign *gw_foreign_new(void);
void gw_foreign_free(struct gw_foreign *foreign);
/* Their snapshot in place of this one: one reference. */
struct gw_snapshot *gw_foreign_make(struct gw_foreign *foreign, const struct gw_snapshot *snapshot);
/* Of the newest one: lines such as "3 routes answer 501: only our data planes enforce API keys". Empty: none. Borrowed until the next. */
struct gw_str gw_foreign_words(const struct gw_foreign *foreign);

/* What of a route only our data planes enforce, as "API keys"; NULL: nothing. `http`: of a listener that serves it. */
const char *gw_foreign_route_fault(const struct gw_http_connection_manager *http, const struct gw_route *route);

#endif
