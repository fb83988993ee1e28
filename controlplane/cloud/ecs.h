/* Why: Huawei Cloud's servers (ECS): list them, make some, delete some, and see how far a job is.
 * Life: an operation ends with its callback or its cancel; what a callback gets is borrowed until its end.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CLOUD_ECS_H
#define GW_CONTROLPLANE_CLOUD_ECS_H

#include "controlplane/cloud/huawei.h"

struct gw_ecs_address {
  struct gw_str ip; /* numeric, v4 or v6 */
  bool is_v6;
  bool is_floating; /* an elastic public address; else one of its networks' own */
};

struct gw_ecs_server {
  struct gw_str id;
  struct gw_str name;
  struct gw_str status; /* "ACTIVE", "SHUTOFF", "BUILD", "ERROR", … */
  struct gw_str flavor;
  struct gw_str zone;
  struct gw_str created;                  /* "2026-11-26T02:30:00Z" */
  const struct gw_ecs_address *addresses; /* the main card's first, where the cloud tells which that is */
  uint32_t address_count;
  const struct gw_str *tags; /* "key=value", or "key" */
  uint32_t tag_count;
};

/* The first address of that kind, v4 before v6; NULL: it has none. */
const struct gw_ecs_address *gw_ecs_find_address(const struct gw_ecs_server *server, bool is_floating);

/* What is empty says nothing. */
struct gw_ecs_filter {
  struct gw_str name;   /* whole, or what it begins with, when it ends in '*' */
  struct gw_str tag;    /* "key=value"; "key": whatever its value */
  struct gw_str status; /* whole */
};
bool gw_ecs_matches(const struct gw_ecs_server *server, const struct gw_ecs_filter *filter);

struct gw_ecs_servers {
  enum gw_err err; /* as gw_huawei_answer has them; GW_ERR_LIMIT also: more than GW_ECS_SERVERS_MAX */
  const char *words;
  const struct gw_ecs_server *items; /* in the cloud's order, none twice */
  uint32_t count;
};
typedef void (*gw_ecs_servers_fn)(void *arg, const struct gw_ecs_servers *servers);

#define GW_ECS_SERVERS_MAX 20000u
#define GW_ECS_PAGE 200u

/* All that match, over as many pages as it takes. When servers come or go meanwhile it begins anew. */
struct gw_ecs_list;
struct gw_ecs_list *gw_ecs_list_start(struct gw_huawei *huawei, const struct gw_ecs_filter *filter, gw_ecs_servers_fn fn, void *arg);
void gw_ecs_list_cancel(struct gw_ecs_list *list);

/* ---- what is made and deleted ---- */

enum gw_ecs_job_state { GW_ECS_JOB_RUNNING, GW_ECS_JOB_SUCCESS, GW_ECS_JOB_FAILED };

struct gw_ecs_job {
  enum gw_err err;   /* of asking; the job's own failure is its state */
  const char *words; /* why the job, or asking for it, failed; "" */
  struct gw_str id;
  struct gw_str type;         /* "createServer" */
  struct gw_str cloud_status; /* "INIT", "RUNNING", "SUCCESS", "FAIL" */
  enum gw_ecs_job_state state;
  uint32_t done_count; /* of its servers */
  uint32_t total_count;
  uint32_t failed_count;
  const struct gw_str *server_ids; /* those that are known */
  uint32_t server_count;
};
typedef void (*gw_ecs_job_fn)(void *arg, const struct gw_ecs_job *job);

struct gw_ecs_call;
void gw_ecs_call_cancel(struct gw_ecs_call *call);

struct gw_ecs_create {
  struct gw_str server; /* JSON: {"server": {…}} as the cloud's API has it, or what is in there alone */
  /* In place of what stands there; empty, 0: that stays. */
  struct gw_str name;
  uint32_t count;
  const struct gw_str *tags; /* "key=value"; beside those that stand there */
  uint32_t tag_count;
  bool is_dry_run; /* the cloud checks it, and does nothing */
};
/* NULL: it can't be asked; *ret_words is a sentence, freed with free(). A job without an id: a dry run that was good, or an order. */
struct gw_ecs_call *gw_ecs_create_start(struct gw_huawei *huawei, const struct gw_ecs_create *create, gw_ecs_job_fn fn, void *arg,
                                        char **ret_words);

struct gw_ecs_delete {
  const struct gw_str *ids;
  uint32_t id_count;   /* 1 to GW_ECS_DELETE_MAX */
  bool with_addresses; /* elastic ones that are bound to them, too */
  bool with_volumes;   /* and data disks */
};
#define GW_ECS_DELETE_MAX 1000u
struct gw_ecs_call *gw_ecs_delete_start(struct gw_huawei *huawei, const struct gw_ecs_delete *request, gw_ecs_job_fn fn, void *arg,
                                        char **ret_words);

struct gw_ecs_call *gw_ecs_job_start(struct gw_huawei *huawei, struct gw_str id, gw_ecs_job_fn fn, void *arg, char **ret_words);

/* Whether it has the form of an id: it goes into paths. */
bool gw_ecs_is_id(struct gw_str id);

#endif
