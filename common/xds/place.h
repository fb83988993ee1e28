/* Why: where in a resource a mistake is, as a path of fields. Built on the stack on the way down and spelled out only for mistakes.
 * Life: a place lives in its function's frame and points to its parent's.
 * Thread: any. */
#ifndef GW_COMMON_XDS_PLACE_H
#define GW_COMMON_XDS_PLACE_H

#include <stdarg.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define GW_XDS_NO_INDEX UINT32_MAX

struct gw_xds_place {
  const struct gw_xds_place *parent; /* NULL: the resource itself */
  const char *field;
  uint32_t index; /* of a repeated field; else GW_XDS_NO_INDEX */
};

/* Compound literals: they live as long as the block that they stand in. */
#define GW_XDS_FIELD(parent, name) (&(struct gw_xds_place){(parent), (name), GW_XDS_NO_INDEX})
#define GW_XDS_ITEM(parent, name, index) (&(struct gw_xds_place){(parent), (name), (uint32_t)(index)})

/* "virtual_hosts[0].routes[3].match"; nothing for NULL. */
void gw_xds_place_format(const struct gw_xds_place *place, struct gw_strbuf *text);
/* Adds a mistake at that place. `errors` may be NULL. */
void gw_xds_place_refuse(const struct gw_xds_place *place, struct gw_errors *errors, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
