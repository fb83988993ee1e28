#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/token_file.h"
#include "common/observe/service_notify.h"
#include "dataplane/server/data_plane.h"
#include "dataplane/server/node_calls.h"

#define RING_SIZE ((size_t)1024 * 1024) /* of access log lines, a worker */
#define RESOLVER_THREADS 4
#define TEARDOWN_S 2 /* for what hangs at the very end, such as a name server that does not answer */

/* ---- the end ---- */

static void on_drain_begin(void *arg) {
  struct gw_data_plane *plane = arg;
  GW_LOG_INFO(plane->log, "draining");
  gw_service_notify(plane->log, GW_SERVICE_STOPPING);
  gw_node_update_ready(plane);
}

static void on_drain_close(void *arg, uint64_t spread_ms) {
  struct gw_data_plane *plane = arg;
  /* Main has its own copies of the listening sockets: while one is open, the kernel takes connections for it. */
  gw_compiler_stop_listening(plane->compiler);
  for (uint32_t i = 0; i < plane->options->workers; i++)
    gw_worker_drain(plane->workers[i], spread_ms);
}

static void on_drain_end(void *arg, bool is_complete) {
  struct gw_data_plane *plane = arg;
  GW_LOG_INFO(plane->log, is_complete ? "drained" : "the drain time is over: closing what is open");
  gw_loop_stop(plane->loop);
}

static void reopen_logs(struct gw_data_plane *plane) {
  if (gw_log_reopen(plane->log) != GW_OK) GW_LOG_ERROR(plane->log, "the log cannot be opened anew: %s", strerror(errno));
  gw_log_writer_reopen(plane->access_log);
  GW_LOG_INFO(plane->log, "SIGHUP: logs were opened anew");
  if (plane->xds_tls != NULL) gw_rpc_credentials_reload(plane->xds_tls);
}

static void on_signal(void *arg, int signal_number) {
  struct gw_data_plane *plane = arg;
  if (signal_number == SIGHUP) {
    bool is_ready = plane->is_ready; /* READY that ends a reload must not be the first */
    if (is_ready) gw_service_notify(plane->log, GW_SERVICE_RELOADING);
    reopen_logs(plane);
    if (is_ready) gw_service_notify(plane->log, GW_SERVICE_READY);
  } else if (signal_number == SIGTERM && !gw_drain_is_on(&plane->drain)) {
    gw_drain_start(&plane->drain);
  } else {
    GW_LOG_INFO(plane->log, "ending at once");
    gw_loop_stop(plane->loop);
  }
}

static void on_turn(void *arg, uint64_t busy_us) {
  struct gw_data_plane *plane = arg;
  gw_histogram_add(&plane->lag, busy_us);
}

/* ---- the start ---- */

static int fail_to_listen(struct gw_data_plane *plane, const char *flag) {
  GW_LOG_ERROR(plane->log, "--%s: cannot listen: %s", flag, errno != 0 ? strerror(errno) : "the address is not free");
  return GW_EXIT_SYSTEM;
}

static int read_token(struct gw_data_plane *plane) {
  char *reason = NULL;
  if (plane->options->admin_token_file == NULL) return GW_EXIT_OK;
  if (gw_token_file_read(plane->options->admin_token_file, &plane->token, &reason) == GW_OK) return GW_EXIT_OK;
  GW_LOG_ERROR(plane->log, "--admin-token-file: %s", reason);
  free(reason);
  return GW_EXIT_SYSTEM;
}

static void on_tls_change(void *arg, const char *problem) {
  struct gw_data_plane *plane = arg;
  if (problem != NULL) {
    GW_LOG_ERROR(plane->log, "TLS to the control plane: %s; what was in use before stays so", problem);
  } else {
    GW_LOG_INFO(plane->log, "TLS to the control plane: new files are in use from the next connection on");
  }
}

static int read_tls(struct gw_data_plane *plane) {
  const struct gw_options *options = plane->options;
  if (options->xds_tls_ca == NULL) return GW_EXIT_OK;
  struct gw_rpc_credentials_options credentials = {.paths = {options->xds_tls_ca, options->xds_tls_cert, options->xds_tls_key},
                                                   .on_change = on_tls_change,
                                                   .arg = plane};
  char *reason = NULL;
  if (gw_rpc_credentials_new(plane->loop, &credentials, &plane->xds_tls, &reason) == GW_OK) return GW_EXIT_OK;
  GW_LOG_ERROR(plane->log, "TLS to the control plane: %s", reason);
  free(reason);
  return GW_EXIT_CONFIG;
}

static int start_logs(struct gw_data_plane *plane) {
  const struct gw_options *options = plane->options;
  if (gw_log_new("gateway-dataplane", options->log_format, options->log_level, options->log_file, &plane->log) != GW_OK) {
    fprintf(stderr, "gateway-dataplane: --log-file %s: cannot be opened: %s\n", options->log_file, strerror(errno));
    return GW_EXIT_SYSTEM;
  }
  if (gw_log_start_writer(plane->log) != GW_OK) return GW_EXIT_SYSTEM;
  if (gw_log_writer_new(options->access_log_file, &plane->access_log) != GW_OK) {
    GW_LOG_ERROR(plane->log, "--access-log-file %s: cannot be opened: %s", options->access_log_file, strerror(errno));
    return GW_EXIT_SYSTEM;
  }
  for (uint32_t i = 0; i < options->workers; i++)
    plane->rings[i] = gw_log_writer_add_ring(plane->access_log, RING_SIZE);
  plane->access_log_watch.what = "the access log";
  plane->log_watch.what = "this log";
  return GW_EXIT_OK;
}

static int start_admin(struct gw_data_plane *plane) {
  const struct gw_options *options = plane->options;
  struct gw_admin_calls calls = gw_node_admin_calls(plane);
  const char *flag;
  errno = 0;
  if (gw_admin_http_new(plane->loop, &options->status_http, &options->admin_http, gw_str_from(plane->token), &calls, &flag, &plane->http) !=
      GW_OK) {
    return fail_to_listen(plane, flag);
  }
  errno = 0;
  plane->methods = gw_node_methods_new(&calls);
  if (gw_admin_grpc_new(plane->rpc, &options->admin_grpc, gw_str_from(plane->token), plane->methods, &plane->grpc) != GW_OK)
    return fail_to_listen(plane, "admin-grpc");
  gw_ports_file_init(&plane->ports, options->ports_file);
  plane->ports.status_http = gw_admin_http_status_port(plane->http);
  plane->ports.admin_http = gw_admin_http_admin_port(plane->http);
  plane->ports.admin_grpc = gw_admin_grpc_port(plane->grpc);
  GW_LOG_INFO(plane->log, "status HTTP on port %u, admin HTTP on %u, admin gRPC on %u", plane->ports.status_http, plane->ports.admin_http,
              plane->ports.admin_grpc);
  if (gw_ports_file_update(&plane->ports, NULL, NULL) == GW_OK) return GW_EXIT_OK;
  GW_LOG_ERROR(plane->log, "--ports-file %s: cannot be written: %s", options->ports_file, strerror(errno));
  return GW_EXIT_SYSTEM;
}

static void start_workers(struct gw_data_plane *plane) {
  plane->overload = gw_overload_new(plane->loop, plane->log, NULL);
  plane->memory_trim = gw_memory_trim_new(plane->loop);
  plane->clients = gw_client_table_new();
  plane->rate_limits = gw_rate_limit_table_new(GW_RATE_LIMIT_KEYS_DEFAULT);
  plane->spans = gw_span_exports_new(&(struct gw_span_exports_options){.loop = plane->loop,
                                                                       .rpc = plane->rpc,
                                                                       .resolver = plane->resolver,
                                                                       .log = plane->log,
                                                                       .node_id = gw_str_from(plane->options->node_id)});
  for (uint32_t i = 0; i < plane->options->workers; i++) {
    struct gw_worker_options options = {
        .main_loop = plane->loop,
        .log = plane->log,
        .access_log = plane->rings[i],
        .index = i,
        .is_ready = &plane->is_ready,
        .overload = plane->overload,
        .spans = gw_span_exports_mailbox(plane->spans),
        .span_budget = gw_span_exports_budget(plane->spans),
        .clients = plane->clients,
        .rate_limits = plane->rate_limits,
        .events = &gw_node_worker_events,
        .arg = plane,
    };
    plane->workers[i] = gw_worker_new(&options);
  }
  struct gw_scrape_calls calls = gw_node_scrape_calls(plane);
  plane->scrape = gw_scrape_new(plane->loop, plane->options->workers, &calls);
  struct gw_failure_search_calls search = gw_node_failure_search_calls(plane);
  plane->failures = gw_failure_search_new(plane->loop, plane->options->workers, &search);
}

static void on_dependencies(void *arg) {
  gw_node_update_ready(arg);
}

static void start_configuration(struct gw_data_plane *plane) {
  const struct gw_options *options = plane->options;
  struct gw_compiler_options compiler = {
      .loop = plane->loop,
      .resolver = plane->resolver,
      .log = plane->log,
      .worker_count = options->workers,
      .listen = options->has_listen ? &options->listen : NULL,
      .publish = gw_node_publish,
      .rate_limits = plane->rate_limits,
      .on_active = gw_node_on_active,
      .arg = plane,
  };
  plane->compiler = gw_compiler_new(&compiler);
  plane->dependencies = gw_dependencies_new(plane->loop, on_dependencies, plane);
  struct gw_keys_options keys = gw_node_keys_options(plane);
  plane->keys = gw_keys_new(&keys);
  struct gw_xds_client_options xds = {
      .keys = gw_keys_calls(plane->keys),
      .loop = plane->loop,
      .rpc = plane->rpc,
      .log = plane->log,
      .targets = (const char *const *)options->targets,
      .credentials = plane->xds_tls,
      .node_id = options->node_id,
      .node_cluster = options->node_cluster,
      .on_snapshot = gw_node_on_snapshot,
      .on_check = gw_node_on_check,
      .arg = plane,
  };
  plane->xds = gw_xds_client_new(&xds);
  struct gw_agent_calls agent = gw_node_agent_calls(plane);
  gw_xds_client_set_agent_calls(plane->xds, &agent);
  gw_xds_client_start(plane->xds);
  gw_last_good_start(plane->last_good);
  gw_node_tally(&plane->tally);
}

static void take_signals(struct gw_data_plane *plane) {
  static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
  for (size_t i = 0; i < GW_ARRAY_LEN(numbers); i++)
    plane->signals[i] = gw_signal_new(plane->loop, numbers[i], on_signal, plane);
  signal(SIGPIPE, SIG_IGN);
}

static int start(struct gw_data_plane *plane) {
  int exit_code = start_logs(plane);
  if (exit_code == GW_EXIT_OK) exit_code = read_token(plane);
  if (exit_code == GW_EXIT_OK) exit_code = read_tls(plane);
  if (exit_code != GW_EXIT_OK) return exit_code;
  take_signals(plane);
  plane->rpc = gw_rpc_new(plane->loop);
  plane->resolver = gw_resolver_new(plane->loop, RESOLVER_THREADS);
  struct gw_last_good_calls calls = gw_node_last_good_calls(plane);
  if (gw_last_good_new(plane->loop, plane->log, plane->options, &calls, &plane->last_good) != GW_OK) return GW_EXIT_SYSTEM;
  exit_code = start_admin(plane);
  if (exit_code != GW_EXIT_OK) return exit_code;
  start_workers(plane);
  start_configuration(plane);
  return GW_EXIT_OK;
}

/* ---- taking down, from what asks to what answers ---- */

static void on_grpc_stopped(void *arg) {
  *(bool *)arg = true;
}

static void stop_grpc(struct gw_data_plane *plane) {
  if (plane->grpc == NULL) return;
  bool has_stopped = false;
  gw_admin_grpc_stop(plane->grpc, on_grpc_stopped, &has_stopped);
  while (!has_stopped)
    gw_loop_run_once(plane->loop, 100);
  gw_admin_grpc_free(plane->grpc);
}

static void on_hanging(int signal_number) {
  (void)signal_number;
  _exit(GW_EXIT_OK);
}

static void take_down(struct gw_data_plane *plane, int exit_code) {
  if (exit_code == GW_EXIT_OK) {
    signal(SIGALRM, on_hanging);
    alarm(TEARDOWN_S);
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(plane->signals); i++)
    gw_signal_free(plane->signals[i]);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  gw_timer_stop(&plane->tally);
  if (gw_timer_is_running(&plane->keep_keys)) gw_node_keep_keys(&plane->keep_keys);
  gw_timer_stop(&plane->keep_keys);
  gw_drain_done(&plane->drain);
  gw_admin_http_free(plane->http);
  stop_grpc(plane);
  struct gw_scrape *scrape = plane->scrape;
  plane->scrape = NULL;
  gw_scrape_free(scrape);
  struct gw_failure_search *failures = plane->failures;
  plane->failures = NULL;
  gw_failure_search_free(failures);
  gw_xds_client_free(plane->xds);
  gw_node_methods_free(plane->methods);
  gw_last_good_free(plane->last_good);
  gw_snapshot_unref(plane->confirmed);
  for (uint32_t i = 0; i < plane->options->workers; i++)
    gw_worker_free(plane->workers[i]);
  gw_dependencies_free(plane->dependencies);
  gw_span_exports_free(plane->spans);
  gw_keys_free(plane->keys);
  gw_compiler_free(plane->compiler);
  gw_overload_free(plane->overload);
  gw_memory_trim_free(plane->memory_trim);
  gw_client_table_free(plane->clients);
  gw_rate_limit_table_free(plane->rate_limits);
  gw_resolver_free(plane->resolver);
  gw_rpc_free(plane->rpc);
  gw_rpc_credentials_free(plane->xds_tls);
  gw_ports_file_done(&plane->ports);
  gw_loop_free(plane->loop);
  gw_log_writer_free(plane->access_log);
  gw_log_free(plane->log);
  free(plane->token);
  alarm(0);
}

/* Other threads must not get the signals, or main's loop would not wake for them. */
static int start_with_blocked_signals(struct gw_data_plane *plane) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int exit_code = start(plane);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return exit_code;
}

int gw_data_plane_run(const struct gw_options *options) {
  /* Big blocks, as configurations are made of, go back to the system when they are freed. */
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  struct gw_data_plane plane = {.options = options, .started_us = gw_clock_monotonic_us()};
  plane.loop = gw_loop_new();
  struct gw_drain_calls calls = {on_drain_begin, on_drain_close, on_drain_end, &plane};
  gw_drain_init(&plane.drain, plane.loop, options->drain_delay_ms, options->drain_time_ms, options->workers, &calls);
  gw_timer_init(&plane.tally, gw_node_tally);
  gw_timer_init(&plane.keep_keys, gw_node_keep_keys);
  gw_loop_set_turn_observer(plane.loop, on_turn, &plane);
  int exit_code = start_with_blocked_signals(&plane);
  if (exit_code == GW_EXIT_OK) gw_loop_run(plane.loop);
  take_down(&plane, exit_code);
  return exit_code;
}
