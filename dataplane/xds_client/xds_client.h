/* Why: gets configuration: ADS stream (incremental, or state of the world where the server has nothing else), assembling until consistent,
 * ACK and NACK, several control planes in turn, and the agent session.
 * Life: gw_xds_client_new … gw_xds_client_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_XDS_CLIENT_XDS_CLIENT_H
#define GW_DATAPLANE_XDS_CLIENT_XDS_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/event/loop.h"
#include "common/model/failure_record.h"
#include "common/model/snapshot.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "common/rpc/credentials.h"
#include "common/rpc/rpc.h"

struct gw_xds_client;

/* API keys go another way than all else: one change of 100,000 must not make a new snapshot. */
struct gw_xds_key_changes {
  bool is_whole;                        /* a state of the world: what it does not have is gone */
  struct gw_resource *const *resources; /* borrowed; NULL for what was refused */
  const struct gw_str *versions;        /* as the server calls them; NULL: it does not */
  uint32_t count;
  const struct gw_str *removed;
  uint32_t removed_count;
};
struct gw_xds_key_calls {
  void (*take)(void *arg, const struct gw_xds_key_changes *changes);
  /* All that there are, in `arena`. */
  uint32_t (*held)(void *arg, struct gw_arena *arena, const struct gw_str **ret_names, const struct gw_str **ret_versions);
  void *arg;
};

struct gw_xds_client_options {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_log *log;
  const char *const *targets;             /* "HOST:PORT", NULL-terminated, borrowed */
  struct gw_rpc_credentials *credentials; /* mutual TLS, and HOST must be in the server's certificate; NULL: plaintext. Borrowed */
  const char *node_id;                    /* borrowed, as all names here */
  const char *node_cluster;
  /* A whole, consistent snapshot; or, with is_complete false, one that lacks what was named and did not come for 15 s, or what was refused:
   * borrowed for the call. Not called again while both are the same. */
  void (*on_snapshot)(void *arg, struct gw_snapshot *snapshot, bool is_complete);
  /* Checks a resource beyond decoding (regexes compile, …) before it is accepted: adds mistakes to refuse it. */
  void (*on_check)(void *arg, const struct gw_resource *resource, struct gw_errors *errors);
  void *arg;
  struct gw_xds_key_calls keys; /* NULLs: keys are never asked for */
};

struct gw_xds_client *gw_xds_client_new(const struct gw_xds_client_options *options);
void gw_xds_client_free(struct gw_xds_client *client);
void gw_xds_client_start(struct gw_xds_client *client);
/* A snapshot that serves already (from the cache): its resources are reused when the same bytes come. */
void gw_xds_client_seed(struct gw_xds_client *client, struct gw_snapshot *snapshot);

struct gw_xds_client_status {
  bool is_connected;     /* a control plane has answered on the stream that is open */
  const char *target;    /* in use or tried now */
  bool is_delta;         /* by incremental xDS; else by state of the world */
  uint64_t connected_us; /* monotonic, when the stream in use was answered; 0: not connected */
  uint64_t responses_total;
  const struct gw_histogram *decode_times; /* a response's, with its checks */
  uint64_t refused_total;                  /* NACKs */
  uint64_t disconnects_total;
  uint32_t fleet_size; /* from the agent session; 0: unknown */
};
void gw_xds_client_get_status(const struct gw_xds_client *client, struct gw_xds_client_status *ret_status);
/* What is refused now: one entry a resource; call with index 0, 1, … until false. */
bool gw_xds_client_refusal(const struct gw_xds_client *client, uint32_t index, const char **ret_type_url, const char **ret_resource,
                           const char **ret_reason);

/* What the agent reports; the server fills it whenever asked. */
#define GW_AGENT_TROUBLES_MAX 50u
#define GW_AGENT_UNKNOWN_KEYS_MAX 8u
struct gw_agent_report {
  char snapshot_version[17];
  char policy_version[17];
  uint64_t snapshot_active_us; /* monotonic; 0: none */
  const char *snapshot_source; /* "xds", "cache", "" */
  bool is_ready;
  bool is_draining;
  uint64_t requests_total;
  uint64_t connections_active;
  uint64_t started_us;
  char *troubles[GW_AGENT_TROUBLES_MAX];
  uint32_t trouble_count;
  /* Providers of tokens that named a key which is not among theirs. */
  char *unknown_keys[GW_AGENT_UNKNOWN_KEYS_MAX];
  uint32_t unknown_key_count;
};
/* A question of one session. */
struct gw_agent_query {
  uint64_t id; /* the control plane's */
  uint32_t session;
};
/* What the agent asks of its node. */
struct gw_agent_calls {
  /* Texts live in `arena`. */
  void (*report)(void *arg, struct gw_arena *arena, struct gw_agent_report *ret_report);
  /* What is remembered of requests with that id; answered, perhaps later, with gw_xds_client_tell_failures. */
  void (*find_failures)(void *arg, struct gw_agent_query query, struct gw_str request_id);
  /* A call of the node's admin API (gateway.dataplane.v1.DataPlane): a method's name and its request's bytes; answered, perhaps later, with
   * gw_xds_client_tell_answer. */
  void (*call)(void *arg, struct gw_agent_query query, struct gw_str method, struct gw_str request);
  void *arg;
};
void gw_xds_client_set_agent_calls(struct gw_xds_client *client, const struct gw_agent_calls *calls);
/* `records`: in the order of time. Harmless when the session has ended. */
void gw_xds_client_tell_failures(struct gw_xds_client *client, struct gw_agent_query query, const struct gw_failure_record *const *records,
                                 uint32_t count, uint32_t silent_workers);
/* Of a call. `code`: a gw_rpc_code; `answer` with GW_RPC_OK, else `problem`. Harmless when the session has ended. */
void gw_xds_client_tell_answer(struct gw_xds_client *client, struct gw_agent_query query, int code, const char *problem,
                               struct gw_str answer);
struct gw_agent_key_use {
  struct gw_str id;
  uint64_t age_ms; /* since it was used last */
};
/* Uses of API keys, and how often one was shown that is not known here. False: nobody is there to be told. */
bool gw_xds_client_tell_key_uses(struct gw_xds_client *client, const struct gw_agent_key_use *uses, uint32_t count, uint32_t unknown);
/* Something of the report changed: send it at once. */
void gw_xds_client_report_soon(struct gw_xds_client *client);

#endif
