/* Why: what clients do wrong, told in the process's log without letting them fill it: a few lines a second from each worker, and how many
 *   were left out.
 * Life: embedded in the pipeline; zero is its start.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_PIPELINE_CLIENT_LOG_H
#define GW_DATAPLANE_PIPELINE_CLIENT_LOG_H

#include "common/net/address.h"
#include "common/observe/log.h"

#define GW_CLIENT_LOG_LINES_PER_SECOND 10u

struct gw_client_log {
  uint64_t second;
  uint32_t line_count; /* written in it */
  uint64_t left_out;   /* since the last line */
};

/* "client 192.0.2.1:4711: WHAT: WHY", at level info. */
void gw_client_log_write(struct gw_client_log *client_log, struct gw_log *log, uint64_t now_ms, const struct gw_address *peer,
                         const char *what, struct gw_str why);

#endif
