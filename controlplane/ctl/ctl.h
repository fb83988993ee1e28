/* Why: gatewayctl's frame: options that every verb shares, and the table of verbs. A verb is one file and one row in ctl.c.
 * Life: one command line.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_CTL_H
#define GW_CONTROLPLANE_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/crypto/tls_files.h"
#include "controlplane/ctl/options.h"

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

struct gw_ctl {
  const char *admin;       /* HOST:PORT */
  const char *token_file;  /* NULL: the default */
  struct gw_tls_paths tls; /* of the admin API; all NULL: plaintext */
  bool is_insecure;        /* the token may go in plaintext beyond loopback */
  bool is_json;            /* -o json, or yaml, which is made of it */
  bool is_yaml;            /* -o yaml */
  bool wants_help;
  bool wants_version;
  const char *routes;
  const char *services;
  const char *env_file; /* NULL: none named */
  bool is_strict;
  struct gw_ctl_pki pki;
  struct gw_ctl_token token;
  struct gw_ctl_keys keys;
  struct gw_ctl_registry registry;
  struct gw_ctl_change change;
  const char *ecs_status; /* NULL: any */
  const char *tags[GW_CTL_NAMES_MAX];
  uint32_t tag_count;
  uint32_t count; /* 0: the default */
  struct gw_ctl_explain explain;
  struct gw_ctl_top top;
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

/* What comes behind a verb that does several things: "list" of `keys list`. */
struct gw_ctl_word {
  const char *name;
  int words_min; /* with its own */
  int words_max;
  const char *wants; /* "an ID" */
  int (*run)(const struct gw_ctl *ctl, struct gw_arena *arena);
  uint64_t flags; /* that it takes, beside GW_CTL_FLAG_OUTPUT */
};
#define GW_CTL_ANY_WORDS 1001

/* Runs the one that ctl->words[0] names, with an arena that is wiped after it, since keys are among what it has to print. */
int gw_ctl_run_word(const struct gw_ctl *ctl, const char *verb, const struct gw_ctl_word *words, size_t count);

extern const struct gw_ctl_verb gw_ctl_verbs[];
extern const uint32_t gw_ctl_verb_count;

int gw_ctl_run(int argc, char **argv);
/* Says it on standard error, with a hint at --help; returns GW_CTL_USAGE. */
int gw_ctl_fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

int gw_ctl_validate(const struct gw_ctl *ctl);
int gw_ctl_status(const struct gw_ctl *ctl);
int gw_ctl_get(const struct gw_ctl *ctl);
int gw_ctl_services(const struct gw_ctl *ctl);
int gw_ctl_why(const struct gw_ctl *ctl);
int gw_ctl_explain(const struct gw_ctl *ctl);
int gw_ctl_node(const struct gw_ctl *ctl);
int gw_ctl_top(const struct gw_ctl *ctl);
int gw_ctl_log_level(const struct gw_ctl *ctl);
int gw_ctl_version(const struct gw_ctl *ctl);
int gw_ctl_pki(const struct gw_ctl *ctl);
int gw_ctl_keygen(const struct gw_ctl *ctl);
int gw_ctl_token(const struct gw_ctl *ctl);
int gw_ctl_keys(const struct gw_ctl *ctl);
int gw_ctl_ecs(const struct gw_ctl *ctl);
int gw_ctl_apply(const struct gw_ctl *ctl);
int gw_ctl_rollback(const struct gw_ctl *ctl);
int gw_ctl_history(const struct gw_ctl *ctl);
int gw_ctl_diff(const struct gw_ctl *ctl);
int gw_ctl_audit(const struct gw_ctl *ctl);
int gw_ctl_completion(const struct gw_ctl *ctl);

#endif
