/* Why: what the kinds of probes share: probe.c and one file a kind.
 * Life: part of a probe. Thread: the loop's own. */
#ifndef GW_DATAPLANE_CLUSTER_PROBE_INTERNAL_H
#define GW_DATAPLANE_CLUSTER_PROBE_INTERNAL_H

#include "common/event/timer.h"
#include "common/net/out_queue.h"
#include "common/net/transport.h"
#include "dataplane/cluster/probe.h"
#include "dataplane/upstream/attempt.h"

#define GW_PROBE_GRPC_ANSWER_MAX 64u /* a HealthCheckResponse in its frame has 7 bytes */

struct gw_probe {
  struct gw_probe_options options;
  const struct gw_health_check *check;
  struct gw_timer timeout;
  struct gw_task result_task;  /* a result that was there at once */
  enum gw_check_result result; /* for result_task, with its reason */
  char reason[GW_PROBE_REASON_SIZE];
  struct {
    struct gw_upstream_pool *pool;
    struct gw_arena arena; /* of one request */
    struct gw_request_head head;
    struct gw_attempt attempt;
    uint64_t body_bytes;
    bool has_retried;
    char grpc_answer[GW_PROBE_GRPC_ANSWER_MAX];
  } http;
  struct {
    int fd; /* -1: none */
    struct gw_io *io;
    struct gw_transport transport;
    struct gw_out_queue out; /* always empty */
    bool is_connected;
  } tcp;
};

/* Ends what is under way and tells the owner; `format` says why it did not pass, NULL if it did. */
void gw_probe_finish(struct gw_probe *probe, enum gw_check_result result, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- http_probe.c ---- */
void gw_http_probe_init(struct gw_probe *probe);
void gw_http_probe_start(struct gw_probe *probe);
void gw_http_probe_stop(struct gw_probe *probe);
void gw_http_probe_done(struct gw_probe *probe);

/* ---- tcp_probe.c ---- */
void gw_tcp_probe_start(struct gw_probe *probe);
void gw_tcp_probe_stop(struct gw_probe *probe);

#endif
