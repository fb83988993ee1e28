/* Why: which fields of a head may be changed by a route, and what their values may say in Envoy's format language: one answer for both
 * planes.
 * Life: results lie in the arena given, or are constants.
 * Thread: any. */
#ifndef GW_COMMON_MODEL_HEADER_FORMAT_H
#define GW_COMMON_MODEL_HEADER_FORMAT_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* `name`: lower case. NULL, or why nobody but the gateway itself may add or remove it: "frames the body", …. */
const char *gw_header_change_refusal(struct gw_str name, bool is_response);

/* A value: "%%" is a percent sign, "%NAME%" one of GW_HEADER_OPERATORS (and, of answers, GW_HEADER_RESPONSE_OPERATORS).
 * *ret_is_format: it has operators, and *ret_value is the text as it came; else *ret_value is what goes out. GW_ERR_INVALID: *ret_why says
 * what is wrong with it and what is allowed. */
#define GW_HEADER_OPERATORS                                                                                                                \
  "REQ(NAME), DOWNSTREAM_REMOTE_ADDRESS, DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, PROTOCOL, ROUTE_NAME, UPSTREAM_CLUSTER, START_TIME"
#define GW_HEADER_RESPONSE_OPERATORS "RESP(NAME), UPSTREAM_HOST, RESPONSE_CODE, RESPONSE_CODE_DETAILS, RESPONSE_FLAGS"
enum gw_err gw_header_format_parse(struct gw_str text, bool is_response, struct gw_arena *arena, struct gw_str *ret_value,
                                   bool *ret_is_format, const char **ret_why);

#endif
