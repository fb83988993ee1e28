/* Why: what a call (huawei_call.c) and the session that all calls share (huawei_session.c: token, project) know of each other.
 * Life: of huawei.h's objects.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CLOUD_HUAWEI_INTERNAL_H
#define GW_CONTROLPLANE_CLOUD_HUAWEI_INTERNAL_H

#include "common/base/list.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "controlplane/cloud/huawei.h"
#include "controlplane/cloud/huawei_config.h"

/* What of the session a call can't do without. */
enum gw_huawei_need {
  GW_HUAWEI_NEED_NOTHING, /* it gets the token */
  GW_HUAWEI_NEED_TOKEN,   /* it looks for the project */
  GW_HUAWEI_NEED_PROJECT,
};

struct gw_huawei {
  struct gw_list node; /* huawei_clients.h */
  uint32_t holders;
  struct gw_loop *loop;
  struct gw_fetcher *fetcher;
  struct gw_huawei_config config;
  struct gw_random random;
  struct gw_list calls;                            /* those of others */
  uint64_t not_before_ms[GW_HUAWEI_SERVICE_COUNT]; /* it throttles: nothing is sent until then */
  /* the session */
  char *token; /* NULL: none */
  uint64_t token_renew_ms;
  uint64_t token_ends_ms;
  struct gw_huawei_call *token_call; /* under way; NULL */
  char *refusal;                     /* why the last login was refused; NULL: it was not */
  uint64_t refused_until_ms;         /* there is no other one before */
  char *project_id;                  /* NULL: not known yet, and not in the settings */
  struct gw_huawei_call *project_call;
};

struct gw_huawei_call {
  struct gw_list node;
  struct gw_huawei *huawei;
  enum gw_huawei_need need;
  struct gw_arena arena;
  struct gw_huawei_ask ask; /* in the arena */
  gw_huawei_fn fn;
  void *arg;
  bool is_waiting; /* for the session */
  bool has_renewed_token;
  uint64_t ends_ms;
  uint32_t throttled_count;
  uint32_t failed_count;
  struct gw_fetch *fetch;
  struct gw_timer timer;
};

/* A call of the session's own: not among the others. */
struct gw_huawei_call *gw_huawei_call_new(struct gw_huawei *huawei, const struct gw_huawei_ask *ask, enum gw_huawei_need need,
                                          gw_huawei_fn fn, void *arg);
/* On from where it is: wait for the session, for time, or be sent. */
void gw_huawei_call_advance(struct gw_huawei_call *call);
/* Its last word, and its end. */
void gw_huawei_call_finish(struct gw_huawei_call *call, const struct gw_huawei_answer *answer);

/* Whether the call can be sent. If not, what it waits for is on its way, and wakes those who wait. */
bool gw_huawei_session_is_ready(struct gw_huawei *huawei, enum gw_huawei_need need);
/* Why no session can be had now, without asking: the cloud locks out who tries again and again. NULL: it may be had. Borrowed. */
const char *gw_huawei_session_refusal(const struct gw_huawei *huawei, enum gw_huawei_need need);
/* The cloud did not accept the token. */
void gw_huawei_session_forget_token(struct gw_huawei *huawei);
/* As if nothing had been asked yet. Whoever waits for it does so in vain. */
void gw_huawei_session_reset(struct gw_huawei *huawei);
/* Other credentials: another token, and maybe another project. Not from within the session's own calls. */
void gw_huawei_session_restart(struct gw_huawei *huawei);
/* NULL: not known. */
const char *gw_huawei_session_project(const struct gw_huawei *huawei);

#endif
