/* Why: gatewayctl's options: one row each in one table, from which reading, help and completion come.
 * Life: what is taken borrows from argv.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_OPTIONS_H
#define GW_CONTROLPLANE_CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* What may be asked of a verb beside the global options: sets of these, uint64_t. */
#define GW_CTL_FLAG_ROUTES (UINT64_C(1) << 0)
#define GW_CTL_FLAG_SERVICES (UINT64_C(1) << 1)
#define GW_CTL_FLAG_ENV_FILE (UINT64_C(1) << 2)
#define GW_CTL_FLAG_STRICT (UINT64_C(1) << 3)
#define GW_CTL_FLAG_OUTPUT (UINT64_C(1) << 4)
#define GW_CTL_FLAG_DIR (UINT64_C(1) << 5)
#define GW_CTL_FLAG_DOMAIN (UINT64_C(1) << 6)
#define GW_CTL_FLAG_CONTROL_PLANE (UINT64_C(1) << 7)
#define GW_CTL_FLAG_HOST (UINT64_C(1) << 8)
#define GW_CTL_FLAG_NODE (UINT64_C(1) << 9)
#define GW_CTL_FLAG_ADMIN_CLIENT (UINT64_C(1) << 10)
#define GW_CTL_FLAG_DAYS (UINT64_C(1) << 11)
#define GW_CTL_FLAG_REPLACE (UINT64_C(1) << 12)
#define GW_CTL_FLAG_BITS (UINT64_C(1) << 13)
#define GW_CTL_FLAG_CURVE (UINT64_C(1) << 14)
#define GW_CTL_FLAG_KEY (UINT64_C(1) << 15)
#define GW_CTL_FLAG_ALG (UINT64_C(1) << 16)
#define GW_CTL_FLAG_KID (UINT64_C(1) << 17)
#define GW_CTL_FLAG_ISS (UINT64_C(1) << 18)
#define GW_CTL_FLAG_SUB (UINT64_C(1) << 19)
#define GW_CTL_FLAG_AUD (UINT64_C(1) << 20)
#define GW_CTL_FLAG_CLAIM (UINT64_C(1) << 21)
#define GW_CTL_FLAG_TTL (UINT64_C(1) << 22)
#define GW_CTL_FLAG_OWNER (UINT64_C(1) << 23)
#define GW_CTL_FLAG_NAME (UINT64_C(1) << 24)
#define GW_CTL_FLAG_ROLE (UINT64_C(1) << 25)
#define GW_CTL_FLAG_PERMISSION (UINT64_C(1) << 26)
#define GW_CTL_FLAG_PLAN (UINT64_C(1) << 27)
#define GW_CTL_FLAG_EXPIRES (UINT64_C(1) << 28)
#define GW_CTL_FLAG_GRACE (UINT64_C(1) << 29)
#define GW_CTL_FLAG_ENDED (UINT64_C(1) << 30)
#define GW_CTL_FLAG_REGISTRY (UINT64_C(1) << 31)
#define GW_CTL_FLAG_WEIGHT (UINT64_C(1) << 32)
#define GW_CTL_FLAG_INSTANCE_ID (UINT64_C(1) << 33)
#define GW_CTL_FLAG_TAG (UINT64_C(1) << 34)
#define GW_CTL_FLAG_GROUP (UINT64_C(1) << 35)
#define GW_CTL_FLAG_NAMESPACE (UINT64_C(1) << 36)
#define GW_CTL_FLAG_REGISTRY_CLUSTER (UINT64_C(1) << 37)
#define GW_CTL_FLAG_META (UINT64_C(1) << 38)
#define GW_CTL_FLAG_FILE (UINT64_C(1) << 39)
#define GW_CTL_FLAG_WAIT (UINT64_C(1) << 40)
#define GW_CTL_FLAG_DRY_RUN (UINT64_C(1) << 41)
#define GW_CTL_FLAG_MESSAGE (UINT64_C(1) << 42)
#define GW_CTL_FLAG_IF_REVISION (UINT64_C(1) << 43)
#define GW_CTL_FLAG_ALLOW_LOOSENING (UINT64_C(1) << 44)
#define GW_CTL_FLAG_TIMEOUT (UINT64_C(1) << 45)
#define GW_CTL_FLAG_LIMIT (UINT64_C(1) << 46)
#define GW_CTL_FLAG_STATUS (UINT64_C(1) << 47)
#define GW_CTL_FLAG_COUNT (UINT64_C(1) << 48)
#define GW_CTL_FLAG_WITH_ADDRESSES (UINT64_C(1) << 49)
#define GW_CTL_FLAG_WITH_VOLUMES (UINT64_C(1) << 50)
#define GW_CTL_FLAG_HEADER (UINT64_C(1) << 51)
#define GW_CTL_FLAG_IDENTITY (UINT64_C(1) << 52)
#define GW_CTL_FLAG_API_KEY (UINT64_C(1) << 53)
#define GW_CTL_FLAG_CLIENT (UINT64_C(1) << 54)
#define GW_CTL_FLAG_LISTENER (UINT64_C(1) << 55)
#define GW_CTL_FLAG_INTERVAL (UINT64_C(1) << 56)
#define GW_CTL_FLAG_ROWS (UINT64_C(1) << 57)
#define GW_CTL_FLAG_REVISION (UINT64_C(1) << 58)
#define GW_CTL_FLAG_NODE_CLUSTER (UINT64_C(1) << 59)

#define GW_CTL_NAMES_MAX 32

/* What `pki` is asked for. */
struct gw_ctl_pki {
  const char *dir;
  const char *domain;
  const char *hosts[GW_CTL_NAMES_MAX];
  uint32_t host_count;
  const char *nodes[GW_CTL_NAMES_MAX]; /* "CLUSTER/NODE" */
  uint32_t node_count;
  uint32_t days; /* 0: the default */
};

/* What `keygen` and `token` are asked for. */
struct gw_ctl_token {
  uint32_t bits;     /* of RSA; 0: the default */
  const char *curve; /* NULL: the default */
  const char *key;   /* file; NULL: JWT_SECRET_KEY */
  const char *alg;   /* NULL: JWT_ALGORITHM, or HS256 */
  const char *kid;
  const char *iss;
  const char *sub;
  const char *auds[GW_CTL_NAMES_MAX];
  uint32_t aud_count;
  const char *claims[GW_CTL_NAMES_MAX]; /* "NAME=VALUE" */
  uint32_t claim_count;
  uint64_t ttl_ms; /* 0: the default */
};

/* What `keys` is asked for. */
struct gw_ctl_keys {
  const char *owner;
  const char *name;
  const char *plan;
  const char *roles[GW_CTL_NAMES_MAX];
  uint32_t role_count;
  const char *permissions[GW_CTL_NAMES_MAX];
  uint32_t permission_count;
  int64_t expires_at_s;
  uint32_t grace_s;
  bool shows_ended;
};

/* What `services` is asked for, beside tags. */
struct gw_ctl_registry {
  const char *registry; /* NULL: the first of SERVICE_DISCOVERY_TYPE */
  const char *id;
  const char *group;
  const char *namespace;
  const char *cluster;
  double weight;                       /* 0: the default */
  const char *metas[GW_CTL_NAMES_MAX]; /* "NAME=VALUE" */
  uint32_t meta_count;
};

/* What `apply`, `rollback` and `history` are asked for, and `ecs` and `explain` of it. */
#define GW_CTL_FILES_MAX 2
struct gw_ctl_change {
  const char *files[GW_CTL_FILES_MAX];
  uint32_t file_count;
  const char *message; /* NULL: none */
  uint64_t if_revision;
  uint64_t timeout_ms; /* 0: the default */
  uint32_t limit;      /* 0: the default */
  bool is_dry;
  bool does_not_wait;
  bool allows_loosening;
};

/* What `explain` is asked for, beside roles, permissions and plan of `keys` and the node of `pki`. */
struct gw_ctl_explain {
  const char *headers[GW_CTL_NAMES_MAX]; /* "NAME: VALUE" */
  uint32_t header_count;
  const char *identity; /* JSON, or whom a token is for */
  const char *client;
  const char *listener;
  const char *node_cluster; /* NULL: nodes of no group */
  uint64_t revision;        /* 0: what is served */
  bool is_api_key;
};

/* What `top` is asked for, beside a count; 0: the default. */
struct gw_ctl_top {
  uint64_t interval_ms;
  uint32_t rows;
};

struct gw_ctl;
struct gw_ctl_verb;

/* Reads all options; *ret_first is the first word behind them (argc: there is none), and getopt has moved words behind options. Returns 0
 * or the exit code, with what is wrong on standard error. */
int gw_ctl_take_options(struct gw_ctl *ctl, int argc, char **argv, int *ret_first);
/* Refuses options that the verb does not take. 0 or the exit code. */
int gw_ctl_check_options(const struct gw_ctl *ctl, const struct gw_ctl_verb *verb);

/* Options of verbs as the help has them, a line each: 0, 1, … until NULL; and those that every verb takes, with what else is said of all.
 */
const char *gw_ctl_flag_help(uint32_t index, uint64_t *ret_flag);
const char *gw_ctl_global_help(void);

#endif
