/* Why: says whether a response may be accepted: every resource decodes, is valid alone, and stands there once. All mistakes show at once.
 * Life: no objects kept.
 * Thread: one at a time. */
#ifndef GW_DATAPLANE_XDS_CLIENT_RESPONSE_CHECK_H
#define GW_DATAPLANE_XDS_CLIENT_RESPONSE_CHECK_H

#include "common/xds/discovery.h"
#include "dataplane/xds_client/assembler.h"
#include "dataplane/xds_client/refusals.h"

#define GW_RESPONSE_RESOURCES_MAX 100000 /* in one response; of a type in all */
#define GW_RESPONSE_KEYS_MAX 1000000     /* the same of API keys */

struct gw_response_check {
  const struct gw_assembler *assembler; /* whose resources are reused where the bytes are the same */
  /* Of a type in all, where responses add to each other. What would go beyond is refused; what the response removes makes room for the
   * next one. */
  uint32_t held_max;
  size_t held_bytes_max;                                                                     /* encoded */
  void (*on_check)(void *arg, const struct gw_resource *resource, struct gw_errors *errors); /* may be NULL */
  void *arg;
};

/* GW_OK: *ret_resources (freed by the caller with free()) holds one reference each. GW_ERR_INVALID: the mistakes are in `refusals` and,
 * bounded, in `reason`; nothing is made. Of an incremental response each resource stands for itself: then, too, *ret_resources is made,
 * with NULL for each that is refused, unless there are too many of them to be looked at. */
enum gw_err gw_response_check(const struct gw_response_check *check, enum gw_resource_type type,
                              const struct gw_discovery_response *response, struct gw_refusals *refusals, struct gw_strbuf *reason,
                              struct gw_resource ***ret_resources);

#endif
