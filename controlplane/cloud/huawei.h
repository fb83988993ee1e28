/* Why: calls of Huawei Cloud's API: signed or with a token that is renewed, in the region's project, tried again where that is safe, slowed
 * down where the cloud throttles.
 * Life: gw_huawei_new … free, which ends what is under way without a word; a call ends with its callback or gw_huawei_call_cancel.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CLOUD_HUAWEI_H
#define GW_CONTROLPLANE_CLOUD_HUAWEI_H

#include "common/base/json_value.h"
#include "common/event/loop.h"
#include "controlplane/cloud/huawei_sign.h"
#include "controlplane/fetch/fetch.h"
#include "controlplane/policy/settings.h"

struct gw_huawei;
struct gw_huawei_call;

/* NULL: the settings say nothing of it. They are copied. */
struct gw_huawei *gw_huawei_new(struct gw_loop *loop, struct gw_fetcher *fetcher, const struct gw_settings *settings);
void gw_huawei_free(struct gw_huawei *huawei);
/* Whether these settings are those that it was made with. */
bool gw_huawei_has(const struct gw_huawei *huawei, const struct gw_settings *settings);
/* Whether no call of others is under way. */
bool gw_huawei_is_idle(const struct gw_huawei *huawei);
/* Where ECS is asked: "https://ecs.cn-north-4.myhuaweicloud.com". */
struct gw_str gw_huawei_ecs_endpoint(const struct gw_huawei *huawei);

enum gw_huawei_service { GW_HUAWEI_IAM, GW_HUAWEI_ECS };
#define GW_HUAWEI_SERVICE_COUNT 2u

/* In a path: the id of the project. */
#define GW_HUAWEI_PROJECT "{project_id}"

/* Copied, all of it. */
struct gw_huawei_ask {
  enum gw_huawei_service service;
  const char *method; /* NULL: GET, or POST with a body */
  const char *path;   /* encoded, with GW_HUAWEI_PROJECT once or not at all */
  const struct gw_huawei_pair *query;
  uint32_t query_count;
  struct gw_str body; /* JSON; data NULL: none */
};

/* Borrowed until the callback's end. */
struct gw_huawei_answer {
  /* GW_OK: 2xx. GW_ERR_DENIED: credentials or rights; GW_ERR_NOT_FOUND: 404; GW_ERR_LIMIT: it throttles us all the time; GW_ERR_INVALID:
   * another 4xx; GW_ERR_IO: a credentials file that can't be read; GW_ERR_CLOSED: it is not reached, or has a fault. */
  enum gw_err err;
  uint32_t status;                  /* 0: none */
  const struct gw_json_value *json; /* NULL: it said nothing */
  struct gw_str token;              /* X-Subject-Token */
  const char *words;                /* a sentence without secrets; "" */
};
typedef void (*gw_huawei_fn)(void *arg, const struct gw_huawei_answer *answer);

/* A call takes this long at most, waiting and trying again included. GET is tried again after faults, too; what changes something only when
 * it was throttled, which is before it was done. The callback comes later, never from inside of this. */
#define GW_HUAWEI_CALL_MS 45000u
struct gw_huawei_call *gw_huawei_call_start(struct gw_huawei *huawei, const struct gw_huawei_ask *ask, gw_huawei_fn fn, void *arg);
/* Without a callback; NULL is accepted. */
void gw_huawei_call_cancel(struct gw_huawei_call *call);

#endif
