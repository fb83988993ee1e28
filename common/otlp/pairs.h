/* Why: OpenTelemetry's settings write lists as "name=value,name=value", percent-encoded: headers of exports, attributes of a resource.
 * Life: in the arena.
 * Thread: any. */
#ifndef GW_COMMON_OTLP_PAIRS_H
#define GW_COMMON_OTLP_PAIRS_H

#include "common/base/arena.h"
#include "common/otlp/exporter.h"

/* Spaces around names and values go, empty members are passed over. GW_ERR_INVALID: a member without "=" or name, an escape that is none,
 * a control character, or what is not UTF-8. */
enum gw_err gw_otlp_pairs_parse(struct gw_str text, struct gw_arena *arena, const struct gw_otlp_pair **ret_pairs, uint32_t *ret_count);

#endif
