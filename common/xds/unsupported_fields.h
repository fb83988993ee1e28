/* Why: the names of upstream fields that we don't declare, so that a received one is refused by its name, or may be ignored.
 * Life: constant.
 * Thread: any. */
#ifndef GW_COMMON_XDS_UNSUPPORTED_FIELDS_H
#define GW_COMMON_XDS_UNSUPPORTED_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_xds_unsupported_field {
  const char *name;
  uint32_t number;
  bool is_ignored; /* leaving it out changes no answer and loosens nothing: names and remarks for people, statistics */
};

struct gw_xds_unsupported_message {
  const char *name; /* full: "envoy.config.route.v3.Route" */
  const struct gw_xds_unsupported_field *fields;
  size_t field_count;
};

struct gw_xds_unsupported_table {
  const struct gw_xds_unsupported_message *messages;
  size_t message_count;
};

/* NULL: not a field of upstream's message as of Envoy 1.40. */
const struct gw_xds_unsupported_field *gw_xds_unsupported_field_find(const char *message, uint32_t number);

/* What it looks in: one file a table, by what the messages are about. Made from the descriptors of PyPI xds-protos 1.85 (Envoy 1.40), and
 * held to them by tests/conformance/test_protos.py. */
extern const struct gw_xds_unsupported_table gw_xds_unsupported_listener_fields;
extern const struct gw_xds_unsupported_table gw_xds_unsupported_filter_fields;
extern const struct gw_xds_unsupported_table gw_xds_unsupported_route_fields;
extern const struct gw_xds_unsupported_table gw_xds_unsupported_cluster_fields;
extern const struct gw_xds_unsupported_table gw_xds_unsupported_tls_fields;
extern const struct gw_xds_unsupported_table gw_xds_unsupported_core_fields;

#endif
