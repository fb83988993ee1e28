/* Why: the static discovery source: the instances that services.yaml lists.
 * Life: gw_static_source_new … gw_static_source_free.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_DISCOVERY_STATIC_SOURCE_H
#define GW_CONTROLPLANE_DISCOVERY_STATIC_SOURCE_H

#include "common/model/endpoint.h"
#include "controlplane/catalog/catalog.h"

struct gw_static_source;

struct gw_static_source *gw_static_source_new(struct gw_catalog *catalog);
void gw_static_source_free(struct gw_static_source *source);
/* Replaces all that this source said before; services that are gone are removed from the catalog. */
void gw_static_source_set(struct gw_static_source *source, const struct gw_endpoints *endpoints, uint32_t count);

#endif
