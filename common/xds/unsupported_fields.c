#include "common/xds/unsupported_fields.h"

#include <string.h>

#include "common/base/mem.h"

static const struct gw_xds_unsupported_field *find_field(const struct gw_xds_unsupported_message *message, uint32_t number) {
  for (size_t i = 0; i < message->field_count; i++)
    if (message->fields[i].number == number) return &message->fields[i];
  return NULL;
}

const struct gw_xds_unsupported_field *gw_xds_unsupported_field_find(const char *message, uint32_t number) {
  static const struct gw_xds_unsupported_table *const tables[] = {&gw_xds_unsupported_listener_fields, &gw_xds_unsupported_filter_fields,
                                                                  &gw_xds_unsupported_route_fields,    &gw_xds_unsupported_cluster_fields,
                                                                  &gw_xds_unsupported_tls_fields,      &gw_xds_unsupported_core_fields};
  for (size_t i = 0; i < GW_ARRAY_LEN(tables); i++)
    for (size_t k = 0; k < tables[i]->message_count; k++)
      if (strcmp(tables[i]->messages[k].name, message) == 0) return find_field(&tables[i]->messages[k], number);
  return NULL;
}
