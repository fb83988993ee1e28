/* Why: the names of upstream fields that we don't declare, so that a received one is refused by its name, or may be ignored.
 * Life: constant.
 * Thread: any. */
#ifndef GW_COMMON_XDS_UNSUPPORTED_FIELDS_H
#define GW_COMMON_XDS_UNSUPPORTED_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct gw_xds_unsupported_field {
  const char *name;
  uint32_t number;
  bool is_ignored; /* leaving it out changes no answer and loosens nothing: names and remarks for people, statistics */
};

/* `message`: full name, "envoy.config.route.v3.Route". NULL: not a field of upstream's message as of Envoy 1.40. */
const struct gw_xds_unsupported_field *gw_xds_unsupported_field_find(const char *message, uint32_t number);

/* The same, of a part of the messages only: unsupported_access_fields.c. */
const struct gw_xds_unsupported_field *gw_xds_unsupported_access_field_find(const char *message, uint32_t number);

#endif
