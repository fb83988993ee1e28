/* Why: says whether a request may pass, and which policy decided: envoy.config.rbac.v3.RBAC, compiled. Pure functions, the proxy's and
 * explain's alike.
 * Life: gw_access_build … gw_access_free; its memory is the arena's. Borrows the model, which must live as long.
 * Thread: frozen after build; any number of threads judge at once. */
#ifndef GW_COMMON_ROUTING_ACCESS_H
#define GW_COMMON_ROUTING_ACCESS_H

#include "common/base/json_value.h"
#include "common/model/rbac.h"
#include "common/net/address.h"
#include "common/routing/route_table.h"

struct gw_access;

/* A mistake at `place` for each regular expression and CIDR that is none; then GW_ERR_INVALID, and nothing is made. */
enum gw_err gw_access_build(const struct gw_rbac *model, const char *place, struct gw_arena *arena, struct gw_errors *errors,
                            const struct gw_access **ret_access);
void gw_access_free(const struct gw_access *access);

/* What of a request is dear to find out and may be left out when no rule asks for it. */
#define GW_ACCESS_NEEDS_CERTIFICATE 1u
#define GW_ACCESS_NEEDS_VARIABLES 2u
unsigned gw_access_needs(const struct gw_access *access);

/* What a client's certificate says. */
struct gw_access_certificate {
  const struct gw_str *uris;
  const struct gw_str *dns_names;
  uint32_t uri_count;
  uint32_t dns_name_count;
  struct gw_str subject; /* RFC 2253 */
};

struct gw_access_request {
  const struct gw_request_head *head; /* the path in its normal form */
  const struct gw_address *remote;    /* as far as it can be trusted */
  const struct gw_address *peer;
  bool is_tls;
  const struct gw_access_certificate *certificate; /* NULL: none */
  const struct gw_json_value *claims;              /* an object; NULL: nobody is known */
  struct gw_str claims_key;                        /* where metadata has them; empty: GW_CLAIMS_KEY */
  const struct gw_route_variable *variables;       /* of the route's path */
  uint32_t variable_count;
};

struct gw_access_decision {
  bool is_allowed;
  bool is_undecided;    /* a regular expression ran into its limits: not allowed, whatever the rules say */
  struct gw_str policy; /* the first that matches, by name; empty: none does */
};

void gw_access_decide(const struct gw_access *access, const struct gw_access_request *request, struct gw_arena *scratch,
                      struct gw_access_decision *ret_decision);
/* Of who may not pass: Envoy's word, which has no spaces. */
struct gw_str gw_access_detail(const struct gw_access_decision *decision, struct gw_arena *arena);

/* Rule by rule, for explain: how each policy, in the order in which they are asked, takes to a request. */
struct gw_access_trace {
  const struct gw_rbac_policy *policy;
  bool matches;
  const struct gw_rbac_rule *failing; /* the condition that is not met: the first, where all have to be; NULL with `matches` */
};
uint32_t gw_access_policy_count(const struct gw_access *access);
void gw_access_trace(const struct gw_access *access, uint32_t index, const struct gw_access_request *request, struct gw_arena *scratch,
                     struct gw_access_trace *ret_trace);

#endif
