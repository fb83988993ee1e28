/* Why: what browsers are told: which other origins may use a route (cors), and what they must not do with its answers (security_headers).
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_BROWSER_YAML_H
#define GW_CONTROLPLANE_POLICY_BROWSER_YAML_H

#include "common/model/access.h"
#include "controlplane/policy/reader.h"

/* What routes have that say nothing. */
struct gw_browser_defaults {
  const struct gw_cors_route *cors;                 /* NULL: none */
  const struct gw_header_changes *security_headers; /* NULL: none */
};

/* cors and security_headers of the whole file. */
void gw_browser_read_defaults(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_browser_defaults *ret_defaults);
/* Of a route; `cors: false` and `security_headers: off` do without the defaults. */
const struct gw_cors_route *gw_cors_read(const struct gw_reader *reader, const struct gw_yaml_node *route,
                                         const struct gw_browser_defaults *defaults);
/* With the route's own response_headers behind them (`own` may be NULL), which say the last word. */
const struct gw_header_changes *gw_security_headers_read(const struct gw_reader *reader, const struct gw_yaml_node *route,
                                                         const struct gw_browser_defaults *defaults, const struct gw_header_changes *own);

#endif
