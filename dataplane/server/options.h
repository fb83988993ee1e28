/* Why: the data plane's command line; each flag is also an environment variable (--node-id: GATEWAY_NODE_ID).
 * Life: embedded (parse/done); strings belong to it.
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_OPTIONS_H
#define GW_DATAPLANE_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/address.h"
#include "common/observe/log.h"

#define GW_EXIT_OK 0
#define GW_EXIT_USAGE 64
#define GW_EXIT_CONFIG 65 /* TLS files that can't be used */
#define GW_EXIT_SYSTEM 71 /* the system refuses: a port that another process holds, a file that can't be read or written */

#define GW_OPTIONS_TARGETS_MAX 16
#define GW_OPTIONS_WORKERS_MAX 256

struct gw_options {
  char *targets[GW_OPTIONS_TARGETS_MAX + 1]; /* NULL ends them */
  char *node_id;
  char *node_cluster;
  uint32_t workers;
  bool has_listen;
  struct gw_address listen;
  struct gw_address status_http;
  struct gw_address admin_http;
  struct gw_address admin_grpc;
  char *cache_dir;      /* NULL: nothing is kept */
  char *cache_key_file; /* NULL: none */
  uint64_t cache_max_age_ms;
  char *admin_token_file; /* NULL: nothing may be changed over HTTP */
  char *xds_tls_ca;       /* these three together; NULL: plaintext */
  char *xds_tls_cert;
  char *xds_tls_key;
  bool is_insecure;
  uint64_t drain_delay_ms;
  uint64_t drain_time_ms;
  char *ports_file;
  enum gw_log_level log_level;
  enum gw_log_format log_format;
  char *log_file;        /* NULL: standard error */
  char *access_log_file; /* NULL: standard output */
};

/* GW_OK: go on. Else the program ends with *ret_exit: help and version were printed, or the mistake was told. */
enum gw_err gw_options_parse(int argc, char **argv, struct gw_options *ret_options, int *ret_exit);
void gw_options_done(struct gw_options *options);

#endif
