/* Why: what the admin API asks for when configurations are changed: the composition root answers, which alone knows texts, policy and
 * store. Life: what is asked is copied before a call returns; answers are lent. Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_API_ADMIN_CHANGES_H
#define GW_CONTROLPLANE_API_ADMIN_CHANGES_H

#include "common/base/arena.h"
#include "common/model/resource.h"
#include "controlplane/store/revisions.h"

/* One protection of one route that is less than before: as on the wire. */
struct gw_admin_loosening {
  const char *kind;
  struct gw_str route;
  const char *words;
  const char *place; /* "": no route answers any more */
};

struct gw_admin_change {
  struct gw_revision_texts texts; /* of what is given */
  bool has_routes;                /* what is not given stays as it is in force */
  bool has_services;
  uint64_t rollback_to; /* instead of texts: a revision's; 0: not */
  bool is_dry;
  bool allows_loosening;
  bool checks_revision; /* only if the newest is … */
  uint64_t if_revision;
  struct gw_str author;
  struct gw_str message;
  struct gw_str request_id; /* empty: none */
};

enum gw_admin_outcome {
  GW_ADMIN_ACCEPTED,
  GW_ADMIN_UNCHANGED,
  GW_ADMIN_VALID,
  GW_ADMIN_INVALID,
  GW_ADMIN_LOOSENS,
};

struct gw_admin_changed {
  /* GW_OK; GW_ERR_INVALID: what is asked makes no sense; GW_ERR_DENIED: files are the source of truth; GW_ERR_CLOSED: the database is away;
   * GW_ERR_LIMIT; GW_ERR_AGAIN: another revision came before; GW_ERR_NOT_FOUND: no such revision. */
  enum gw_err err;
  const char *words; /* NULL with GW_OK */
  enum gw_admin_outcome outcome;
  const struct gw_errors *mistakes;   /* NULL: none */
  const struct gw_revision *revision; /* the newest; NULL: there is none */
  const struct gw_admin_loosening *loosenings;
  uint32_t loosening_count;
};
typedef void (*gw_admin_changed_fn)(void *arg, const struct gw_admin_changed *changed);

struct gw_admin_comparison {
  enum gw_err err;
  const char *words; /* NULL with GW_OK */
  const struct gw_revision *from;
  const struct gw_revision *to;
  const struct gw_revision_texts *from_texts;
  const struct gw_revision_texts *to_texts;
  const struct gw_admin_loosening *loosenings;
  uint32_t loosening_count;
  const char *problem; /* NULL: none */
};
typedef void (*gw_admin_compared_fn)(void *arg, const struct gw_admin_comparison *comparison);

struct gw_admin_changes {
  void *arg;
  struct gw_revisions *revisions;
  const char *source_name;        /* "files", "api" */
  uint64_t (*current)(void *arg); /* the revision in force here; 0: none */
  /* Each answers once, before or after it returns. */
  void (*change)(void *arg, const struct gw_admin_change *change, gw_admin_changed_fn fn, void *fn_arg);
  void (*compare)(void *arg, uint64_t from, uint64_t to, gw_admin_compared_fn fn, void *fn_arg);
  /* "FILE:LINE:COLUMN" of what the refusal of that type by a node of that cluster names; NULL: nothing that is written. */
  const char *(*find_place)(void *arg, enum gw_resource_type type, struct gw_str cluster, struct gw_str refusal, struct gw_arena *arena);
};

#endif
