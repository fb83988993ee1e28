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
#define GW_CTL_FINDINGS 79  /* validate --strict: warnings */

/* What may be asked of a verb beside the global options. */
enum gw_ctl_flag {
  GW_CTL_FLAG_ROUTES = 1u << 0,
  GW_CTL_FLAG_SERVICES = 1u << 1,
  GW_CTL_FLAG_ENV_FILE = 1u << 2,
  GW_CTL_FLAG_STRICT = 1u << 3,
  GW_CTL_FLAG_OUTPUT = 1u << 4,
  GW_CTL_FLAG_DIR = 1u << 5,
  GW_CTL_FLAG_DOMAIN = 1u << 6,
  GW_CTL_FLAG_CONTROL_PLANE = 1u << 7,
  GW_CTL_FLAG_HOST = 1u << 8,
  GW_CTL_FLAG_NODE = 1u << 9,
  GW_CTL_FLAG_ADMIN_CLIENT = 1u << 10,
  GW_CTL_FLAG_DAYS = 1u << 11,
  GW_CTL_FLAG_REPLACE = 1u << 12,
  GW_CTL_FLAG_BITS = 1u << 13,
  GW_CTL_FLAG_CURVE = 1u << 14,
  GW_CTL_FLAG_KEY = 1u << 15,
  GW_CTL_FLAG_ALG = 1u << 16,
  GW_CTL_FLAG_KID = 1u << 17,
  GW_CTL_FLAG_ISS = 1u << 18,
  GW_CTL_FLAG_SUB = 1u << 19,
  GW_CTL_FLAG_AUD = 1u << 20,
  GW_CTL_FLAG_CLAIM = 1u << 21,
  GW_CTL_FLAG_TTL = 1u << 22,
  GW_CTL_FLAG_OWNER = 1u << 23,
  GW_CTL_FLAG_NAME = 1u << 24,
  GW_CTL_FLAG_ROLE = 1u << 25,
  GW_CTL_FLAG_PERMISSION = 1u << 26,
  GW_CTL_FLAG_PLAN = 1u << 27,
  GW_CTL_FLAG_EXPIRES = 1u << 28,
  GW_CTL_FLAG_GRACE = 1u << 29,
  GW_CTL_FLAG_ENDED = 1u << 30,
};

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
  unsigned given;     /* of enum gw_ctl_flag */
  const char **words; /* behind the verb */
  int word_count;
};

struct gw_ctl_verb {
  const char *name;
  const char *words; /* for the usage line: "routes|services|endpoints|nodes"; "" for none */
  const char *summary;
  unsigned flags; /* of enum gw_ctl_flag: others are refused */
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
int gw_ctl_audit(const struct gw_ctl *ctl);
int gw_ctl_completion(const struct gw_ctl *ctl);

#endif
