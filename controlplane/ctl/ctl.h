/* Why: gatewayctl's frame: options that every verb shares, and the table of verbs. A verb is one file and one row in ctl.c.
 * Life: one command line.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_CTL_H
#define GW_CONTROLPLANE_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/crypto/tls_files.h"

#define GW_CTL_OK 0
#define GW_CTL_USAGE 64
#define GW_CTL_INVALID 65   /* configuration with mistakes */
#define GW_CTL_NOT_FOUND 66 /* what was asked for is not there */
#define GW_CTL_UNREACHED 69 /* the control plane was not reached */
#define GW_CTL_FAILED 70    /* the control plane answered with an error */
#define GW_CTL_SYSTEM 71    /* the system refuses: a file that can't be written */
#define GW_CTL_TIMEOUT 75   /* no answer in time: what happened is not known */
#define GW_CTL_DENIED 77    /* the token is missing or wrong */
#define GW_CTL_FINDINGS 79  /* validate --strict: warnings; apply: protections would be loosened */
#define GW_CTL_REFUSED 80   /* a node has refused the revision */
#define GW_CTL_BEHIND 81    /* a node does not run it in time */

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
#define GW_CTL_FLAG_FILE (UINT64_C(1) << 31)
#define GW_CTL_FLAG_WAIT (UINT64_C(1) << 32)
#define GW_CTL_FLAG_DRY_RUN (UINT64_C(1) << 33)
#define GW_CTL_FLAG_MESSAGE (UINT64_C(1) << 34)
#define GW_CTL_FLAG_IF_REVISION (UINT64_C(1) << 35)
#define GW_CTL_FLAG_ALLOW_LOOSENING (UINT64_C(1) << 36)
#define GW_CTL_FLAG_TIMEOUT (UINT64_C(1) << 37)
#define GW_CTL_FLAG_LIMIT (UINT64_C(1) << 38)

/* What `pki` is asked for. */
#define GW_CTL_NAMES_MAX 32
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

/* What `apply`, `rollback` and `history` are asked for. */
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

struct gw_ctl {
  const char *admin;       /* HOST:PORT */
  const char *token_file;  /* NULL: the default */
  struct gw_tls_paths tls; /* of the admin API; all NULL: plaintext */
  bool is_insecure;        /* the token may go in plaintext beyond loopback */
  bool is_json;            /* -o json */
  const char *routes;
  const char *services;
  const char *env_file; /* NULL: none named */
  bool is_strict;
  struct gw_ctl_pki pki;
  struct gw_ctl_token token;
  struct gw_ctl_keys keys;
  struct gw_ctl_change change;
  uint64_t given;     /* GW_CTL_FLAG_… */
  const char **words; /* behind the verb */
  int word_count;
};

struct gw_ctl_verb {
  const char *name;
  const char *words; /* for the usage line: "routes|services|endpoints|nodes"; "" for none */
  const char *summary;
  uint64_t flags; /* GW_CTL_FLAG_…: others are refused */
  int words_min;
  int words_max;
  int (*run)(const struct gw_ctl *ctl); /* returns the exit code */
};

extern const struct gw_ctl_verb gw_ctl_verbs[];
extern const uint32_t gw_ctl_verb_count;

int gw_ctl_run(int argc, char **argv);
/* Says it on standard error, with a hint at --help; returns GW_CTL_USAGE. */
int gw_ctl_fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

int gw_ctl_validate(const struct gw_ctl *ctl);
int gw_ctl_status(const struct gw_ctl *ctl);
int gw_ctl_get(const struct gw_ctl *ctl);
int gw_ctl_why(const struct gw_ctl *ctl);
int gw_ctl_version(const struct gw_ctl *ctl);
int gw_ctl_pki(const struct gw_ctl *ctl);
int gw_ctl_keygen(const struct gw_ctl *ctl);
int gw_ctl_token(const struct gw_ctl *ctl);
int gw_ctl_keys(const struct gw_ctl *ctl);
int gw_ctl_apply(const struct gw_ctl *ctl);
int gw_ctl_rollback(const struct gw_ctl *ctl);
int gw_ctl_history(const struct gw_ctl *ctl);
int gw_ctl_diff(const struct gw_ctl *ctl);
int gw_ctl_completion(const struct gw_ctl *ctl);

#endif
