/* Why: protections that a change loosens, as a table.
 * Life: no objects kept.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_LOOSENINGS_H
#define GW_CONTROLPLANE_CTL_LOOSENINGS_H

#include <gateway/admin/v1/admin.pb-c.h>

void gw_loosenings_print(Gateway__Admin__V1__Loosening *const *items, size_t count);

#endif
