/* Why: the compiled form of access rules, shared by access_build.c, which makes it, and access.c, which judges by it.
 * Life: in the arena of gw_access_build.
 * Thread: frozen after build. */
#ifndef GW_COMMON_ROUTING_ACCESS_RULES_H
#define GW_COMMON_ROUTING_ACCESS_RULES_H

#include "common/net/cidr_set.h"
#include "common/routing/access.h"
#include "common/routing/claim_rule.h"

struct gw_access_claim {
  const struct gw_str *path;
  uint32_t path_count;
  bool invert;
  struct gw_value_rule value;
};

struct gw_access_rule {
  enum gw_rbac_rule_kind kind;
  uint32_t child_count; /* AND, OR, NOT */
  union {
    const struct gw_access_rule *children;
    const struct gw_header_rule *header;
    const struct gw_text_rule *text;     /* PATH, AUTHENTICATED; NULL: any TLS connection */
    const struct gw_cidr_set *ranges;    /* REMOTE_IP, DIRECT_REMOTE_IP: all of an OR together */
    const struct gw_access_claim *claim; /* all of an OR on the same claim together */
    const struct gw_parameter_match *parameter;
  };
};

struct gw_access_policy {
  struct gw_str name;
  const struct gw_rbac_policy *model;
  struct gw_access_rule permissions;
  struct gw_access_rule principals;
};

struct gw_access {
  bool allows; /* what is matched; else it denies that */
  unsigned needs;
  uint32_t policy_count;
  const struct gw_access_policy *policies; /* by name */
  struct gw_regex_list *regexes;
};

#endif
