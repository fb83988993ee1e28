#include "controlplane/server/control_plane.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/token_file.h"
#include "common/event/timer.h"
#include "common/observe/loss_watch.h"
#include "common/observe/service_notify.h"
#include "common/rpc_services/health.h"
#include "common/rpc_services/reflection.h"
#include "controlplane/ads/ads_server.h"
#include "controlplane/api/admin_api.h"
#include "controlplane/api/admin_roles.h"
#include "controlplane/api/agent_service.h"
#include "controlplane/api/csds_service.h"
#include "controlplane/server/admin_source.h"
#include "controlplane/server/change_trace.h"
#include "controlplane/server/channel_tls.h"
#include "controlplane/server/cloud.h"
#include "controlplane/server/config_source.h"
#include "controlplane/server/connection_limit.h"
#include "controlplane/server/discovery.h"
#include "controlplane/server/files.h"
#include "controlplane/server/ports_file.h"
#include "controlplane/server/registration_calls.h"
#include "controlplane/server/status_http.h"
#include "controlplane/server/storage.h"

/* A state-of-the-world request names every resource that the node wants. */
#define XDS_MESSAGE_MAX (16u * 1024 * 1024)
/* The texts of a revision, and the words beside them. */
#define ADMIN_MESSAGE_MAX ((uint32_t)GW_REVISION_TEXT_MAX + 1024 * 1024)
#define STREAMS_PER_CONNECTION_MAX 100
#define KEEPALIVE_MS 20000
#define LOG_WATCH_MS 5000 /* between two looks for lines that were lost */
/* Nodes have streams, and gatewayctl its call: whoever has neither wants nothing. */
#define IDLE_MS 30000
/* For calls of the admin API. Streams of nodes have no end of their own: they go to another control plane, or come back. */
#define ADMIN_GRACE_MS 500
/* In which registries have to answer. */
#define REGISTRIES_MS 2000
/* What a load of the files frees stays for the next one, until files.c gives it back: 10,000 routes take some 40 MB for a moment, and
 * getting those from the system took a third of the time. */
#define MALLOC_KEEP_BYTES (64 * 1024 * 1024)
#define MALLOC_MMAP_BYTES (16 * 1024 * 1024)

struct control_plane {
  const struct gw_options *options;
  struct gw_log *log;
  struct gw_loss_watch log_watch;
  struct gw_timer log_timer;
  struct gw_loop *loop;
  struct gw_signal *signals[3];
  uint64_t started_us;
  char *token;
  /* the way of a change, from files to nodes */
  struct gw_files *files;
  struct gw_huawei_clients *huawei;
  struct gw_change_trace *trace;
  struct gw_discovery *discovery;
  struct gw_config_source *config_source;
  struct gw_catalog *catalog;
  struct gw_snapshot_cache *cache;
  struct gw_storage *storage;
  struct gw_node_table *nodes;
  struct gw_ads_server *ads;
  struct gw_agent_service *agents;
  /* the xDS port, the admin port, the status port */
  struct gw_rpc *rpc;
  struct gw_channel_tls *tls;
  struct gw_rpc_service_set xds_services;
  struct gw_rpc_server *xds_server;
  struct gw_cloud *cloud;
  struct gw_admin_api *admin;
  struct gw_csds_service *csds;
  struct gw_health_service *health;
  struct gw_reflection_service *reflection;
  struct gw_rpc_service_set admin_services;
  struct gw_rpc_server *admin_server;
  struct gw_status_http *status_http;
  bool is_stopping;
  uint32_t open_servers;
  int exit_code;
};

static int print_mistakes(const struct gw_errors *errors) {
  char *text = gw_errors_format(errors);
  fputs(text, stderr);
  free(text);
  return GW_EXIT_CONFIG;
}

int gw_control_plane_print_settings(const struct gw_options *options) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_settings *settings = NULL;
  int exit_code = GW_EXIT_OK;
  if (gw_settings_load(options->env_file, options->settings, &errors, &settings) == GW_OK) {
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    gw_settings_print(settings, &text);
    fwrite(text.data, 1, text.len, stdout);
    gw_strbuf_done(&text);
    gw_settings_free(settings);
  } else {
    exit_code = print_mistakes(&errors);
  }
  gw_errors_done(&errors);
  return exit_code;
}

static void on_server_stopped(void *arg) {
  struct control_plane *plane = arg;
  if (--plane->open_servers == 0) gw_loop_stop(plane->loop);
}

/* The loop ends with the last server, and when instances are out of their registries. */
static void stop_servers(struct control_plane *plane) {
  struct gw_rpc_server *servers[] = {plane->xds_server, plane->admin_server};
  const uint64_t grace_ms[] = {0, ADMIN_GRACE_MS};
  for (size_t i = 0; i < GW_ARRAY_LEN(servers); i++)
    plane->open_servers += servers[i] != NULL;
  plane->open_servers++;
  for (size_t i = 0; i < GW_ARRAY_LEN(servers); i++) {
    if (servers[i] != NULL) gw_rpc_server_stop(servers[i], grace_ms[i], on_server_stopped, plane);
  }
  gw_registrations_stop(gw_discovery_registrations(plane->discovery), REGISTRIES_MS, on_server_stopped, plane);
}

static void stop(struct control_plane *plane) {
  plane->is_stopping = true;
  GW_LOG_INFO(plane->log, "stopping");
  gw_service_notify(plane->log, GW_SERVICE_STOPPING);
  if (plane->health != NULL) gw_health_service_set(plane->health, GW_STR(""), false);
  if (plane->status_http != NULL) gw_status_http_set_stopping(plane->status_http);
  gw_fleet_leave(gw_storage_fleet(plane->storage));
  stop_servers(plane);
}

/* What can't be used leaves those of before. */
static void reload_tokens(struct control_plane *plane) {
  struct gw_admin_tokens *tokens;
  char *reason = NULL;
  if (plane->options->admin_tokens == NULL) return;
  if (gw_admin_tokens_new(gw_str_from(plane->token), plane->options->admin_tokens, &tokens, &reason) == GW_OK) {
    gw_admin_api_set_tokens(plane->admin, tokens);
  } else {
    GW_LOG_ERROR(plane->log, "the admin API's tokens stay as they were: %s", reason);
  }
  free(reason);
}

static void on_signal(void *arg, int signal_number) {
  struct control_plane *plane = arg;
  if (signal_number == SIGHUP) {
    if (gw_log_reopen(plane->log) != GW_OK) GW_LOG_ERROR(plane->log, "the log file cannot be opened anew: %s", strerror(errno));
    if (plane->status_http == NULL) return; /* all of it is being read */
    gw_service_notify(plane->log, GW_SERVICE_RELOADING);
    GW_LOG_INFO(plane->log, "SIGHUP: reading everything again");
    gw_files_load(plane->files);
    gw_storage_reload(plane->storage);
    gw_channel_tls_reload(plane->tls);
    reload_tokens(plane);
    gw_service_notify(plane->log, GW_SERVICE_READY);
  } else if (plane->is_stopping) {
    _exit(plane->exit_code); /* the second one: now */
  } else {
    stop(plane);
  }
}

static void take_signals(struct control_plane *plane) {
  static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
  for (size_t i = 0; i < GW_ARRAY_LEN(numbers); i++)
    plane->signals[i] = gw_signal_new(plane->loop, numbers[i], on_signal, plane);
  signal(SIGPIPE, SIG_IGN);
}

/* gRPC's threads must not get the signals, or the loop would not wake for them. */
static struct gw_rpc *new_rpc(struct gw_loop *loop) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  struct gw_rpc *rpc = gw_rpc_new(loop);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rpc;
}

static int fail_to_listen(struct control_plane *plane, const char *what, const char *flag) {
  GW_LOG_ERROR(plane->log, "%s cannot be served: %s; choose another address with --%s", what,
               errno != 0 ? strerror(errno) : "the address is not free", flag);
  return GW_EXIT_SYSTEM;
}

/* Who is the source of truth is asked once: everything else of the settings may change while we run. */
static int make_config_source(struct control_plane *plane) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_settings *settings = NULL;
  int exit_code = GW_EXIT_OK;
  if (gw_settings_load(plane->options->env_file, plane->options->settings, &errors, &settings) == GW_OK)
    plane->config_source = gw_config_source_new(plane->loop, plane->log, settings->config_source == GW_CONFIG_FROM_API);
  else
    exit_code = print_mistakes(&errors);
  gw_settings_free(settings);
  gw_errors_done(&errors);
  return exit_code;
}

/* The way of a change, from texts to snapshot. */
static int make_configuration(struct control_plane *plane) {
  plane->cache = gw_snapshot_cache_new();
  plane->nodes = gw_node_table_new();
  plane->catalog = gw_catalog_new(plane->loop, plane->cache);
  plane->huawei = gw_huawei_clients_new(plane->loop);
  plane->discovery = gw_discovery_new(plane->loop, plane->log, plane->catalog, plane->huawei);
  plane->trace = gw_change_trace_new(
      &(struct gw_change_trace_options){.loop = plane->loop, .log = plane->log, .nodes = plane->nodes, .cache = plane->cache});
  int exit_code = make_config_source(plane);
  if (exit_code != GW_EXIT_OK) return exit_code;
  struct gw_files_options files = {.loop = plane->loop,
                                   .log = plane->log,
                                   .options = plane->options,
                                   .catalog = plane->catalog,
                                   .guard = gw_discovery_guard(plane->discovery),
                                   .sources = gw_discovery_sources(plane->discovery),
                                   .registrations = gw_discovery_registrations(plane->discovery),
                                   .trace = plane->trace,
                                   .is_fed = gw_config_source_is_api(plane->config_source),
                                   .on_accepted = gw_config_source_on_accepted,
                                   .arg = plane->config_source};
  plane->files = gw_files_new(&files);
  return GW_EXIT_OK;
}

/* Before anybody may ask for it: texts to snapshot, then what registries say of its services. */
static int start_configuration(struct control_plane *plane) {
  gw_config_source_join(plane->config_source, plane->files, gw_storage_revisions(plane->storage));
  bool is_good = gw_config_source_start(plane->config_source, &plane->is_stopping) == GW_OK;
  if (plane->is_stopping) return GW_EXIT_OK;
  if (!is_good) return print_mistakes(gw_files_mistakes(plane->files));
  gw_discovery_start(plane->discovery, &plane->is_stopping);
  return GW_EXIT_OK;
}

/* A database that is away is no reason not to start: routes and services don't need it. */
static int start_storage(struct control_plane *plane) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_storage_options options = {.loop = plane->loop,
                                       .log = plane->log,
                                       .options = plane->options,
                                       .catalog = plane->catalog,
                                       .nodes = plane->nodes,
                                       .cache = plane->cache,
                                       .revision = gw_config_source_current,
                                       .on_newest = gw_config_source_on_newest,
                                       .arg = plane->config_source};
  int exit_code = gw_storage_new(&options, &errors, &plane->storage) == GW_OK ? GW_EXIT_OK : print_mistakes(&errors);
  if (exit_code == GW_EXIT_OK) {
    gw_discovery_remember(plane->discovery, gw_storage_store(plane->storage));
    gw_storage_start(plane->storage);
  }
  gw_errors_done(&errors);
  return exit_code;
}

static void on_unknown_key(void *arg, struct gw_str provider) {
  const struct control_plane *plane = arg;
  gw_files_on_unknown_key(plane->files, provider);
}

static int start_xds(struct control_plane *plane) {
  plane->ads = gw_ads_server_new(plane->loop, plane->cache, plane->nodes, plane->log);
  plane->agents = gw_agent_service_new(plane->loop, plane->nodes, plane->log, gw_storage_api_keys(plane->storage));
  size_t count;
  const struct gw_rpc_method *methods = gw_ads_server_methods(&count);
  gw_rpc_service_set_add(&plane->xds_services, methods, count, plane->ads);
  gw_agent_service_on_unknown_key(plane->agents, on_unknown_key, plane);
  gw_agent_service_set_fleet(plane->agents, gw_storage_fleet(plane->storage));
  gw_agent_service_add_to(plane->agents, &plane->xds_services);
  struct gw_rpc_server_options server = {.listen = gw_str_from(plane->options->xds_listen_text),
                                         .max_message_bytes = XDS_MESSAGE_MAX,
                                         .max_streams_per_connection = STREAMS_PER_CONNECTION_MAX,
                                         .keepalive_ms = KEEPALIVE_MS,
                                         .idle_ms = IDLE_MS,
                                         .credentials = gw_channel_tls_credentials(plane->tls, GW_CHANNEL_XDS),
                                         .requires_client_certificate = true};
  errno = 0;
  enum gw_err err =
      gw_rpc_server_new(plane->rpc, &server, plane->xds_services.methods, plane->xds_services.count, plane, &plane->xds_server);
  return err == GW_OK ? GW_EXIT_OK : fail_to_listen(plane, "xDS", "xds-listen");
}

static int start_admin(struct control_plane *plane) {
  char *reason;
  if (gw_token_file_read_or_make(plane->options->admin_token_file, &plane->token, &reason) != GW_OK) {
    GW_LOG_ERROR(plane->log, "%s", reason);
    free(reason);
    return GW_EXIT_SYSTEM;
  }
  plane->cloud = gw_cloud_new(plane->huawei, plane->options);
  struct gw_admin_tokens *tokens;
  if (gw_admin_tokens_new(gw_str_from(plane->token), plane->options->admin_tokens, &tokens, &reason) != GW_OK) {
    GW_LOG_ERROR(plane->log, "%s", reason);
    free(reason);
    return GW_EXIT_SYSTEM;
  }
  struct gw_admin_api_options admin = {.loop = plane->loop,
                                       .cache = plane->cache,
                                       .nodes = plane->nodes,
                                       .log = plane->log,
                                       .tokens = tokens,
                                       .audit = gw_storage_audit(plane->storage),
                                       .started_us = plane->started_us,
                                       .source = gw_admin_source_of(plane->files),
                                       .ports = gw_channel_tls_ports(plane->tls),
                                       .services = gw_admin_services_of(plane->discovery),
                                       .failures = gw_agent_service_failures(plane->agents),
                                       .registrations = gw_registration_calls_of(gw_discovery_registrations(plane->discovery)),
                                       .cloud = gw_cloud_for_admin(plane->cloud),
                                       .keys = gw_storage_api_keys(plane->storage),
                                       .changes = gw_config_source_changes(plane->config_source),
                                       .agents = plane->agents,
                                       .fleet = gw_storage_fleet(plane->storage)};
  plane->admin = gw_admin_api_new(&admin);
  gw_admin_api_add_to(plane->admin, &plane->admin_services);
  plane->csds = gw_csds_service_new(plane->admin, plane->nodes, plane->cache);
  gw_csds_service_add_to(plane->csds, &plane->admin_services);
  plane->health = gw_health_service_new();
  gw_health_service_set(plane->health, GW_STR(""), true);
  gw_health_service_set(plane->health, GW_STR("gateway.admin.v1.Admin"), true);
  gw_health_service_add_to(plane->health, &plane->admin_services);
  plane->reflection = gw_reflection_service_new(&plane->admin_services);
  struct gw_rpc_server_options server = {.listen = gw_str_from(plane->options->admin_listen_text),
                                         .max_message_bytes = ADMIN_MESSAGE_MAX,
                                         .max_streams_per_connection = STREAMS_PER_CONNECTION_MAX,
                                         .keepalive_ms = KEEPALIVE_MS,
                                         .idle_ms = IDLE_MS,
                                         .credentials = gw_channel_tls_credentials(plane->tls, GW_CHANNEL_ADMIN)};
  errno = 0;
  enum gw_err err =
      gw_rpc_server_new(plane->rpc, &server, plane->admin_services.methods, plane->admin_services.count, plane, &plane->admin_server);
  return err == GW_OK ? GW_EXIT_OK : fail_to_listen(plane, "the admin API", "admin-listen");
}

/* Under the name that this machine has, which people tell control planes apart by. */
static void join_fleet(struct control_plane *plane, uint16_t xds_port) {
  char host[HOST_NAME_MAX + 1] = "";
  gethostname(host, sizeof(host) - 1);
  GW_CLEANUP(gw_free_ptr) char *name = gw_asprintf("%s:%u", host, xds_port);
  gw_fleet_join(gw_storage_fleet(plane->storage), name);
}

static int start_status(struct control_plane *plane) {
  struct gw_status_http_options status = {.loop = plane->loop,
                                          .listen = plane->options->http_listen,
                                          .files = plane->files,
                                          .cache = plane->cache,
                                          .nodes = plane->nodes,
                                          .tls = plane->tls,
                                          .storage = plane->storage,
                                          .discovery = plane->discovery,
                                          .agents = plane->agents,
                                          .log = plane->log,

                                          .trace = plane->trace};
  errno = 0;
  if (gw_status_http_new(&status, &plane->status_http) != GW_OK) return fail_to_listen(plane, "HTTP", "http-listen");
  struct gw_ports ports = {.xds = gw_rpc_server_port(plane->xds_server),
                           .admin = gw_rpc_server_port(plane->admin_server),
                           .http = gw_status_http_port(plane->status_http)};
  GW_LOG_INFO(plane->log, "serving xDS on port %u, the admin API on %u, HTTP on %u", ports.xds, ports.admin, ports.http);
  join_fleet(plane, ports.xds);
  if (plane->options->ports_file == NULL || gw_ports_file_write(plane->options->ports_file, &ports) == GW_OK) return GW_EXIT_OK;
  GW_LOG_ERROR(plane->log, "the ports file %s cannot be written: %s", plane->options->ports_file, strerror(errno));
  return GW_EXIT_SYSTEM;
}

static void watch_log(struct gw_timer *timer) {
  struct control_plane *plane = GW_CONTAINER_OF(timer, struct control_plane, log_timer);
  gw_loss_watch_look(&plane->log_watch, plane->log, gw_log_lost(plane->log), gw_loop_now_ms(plane->loop));
  gw_timer_start(plane->loop, &plane->log_timer, LOG_WATCH_MS);
}

static int start(struct control_plane *plane) {
  take_signals(plane);
  /* What is wrong with either is told at once. */
  bool has_tls = gw_channel_tls_new(plane->loop, plane->log, plane->options, &plane->tls) == GW_OK;
  int exit_code = make_configuration(plane);
  if (exit_code == GW_EXIT_OK) exit_code = start_storage(plane);
  if (exit_code != GW_EXIT_OK) return exit_code;
  exit_code = start_configuration(plane);
  if (exit_code == GW_EXIT_OK && !has_tls) exit_code = GW_EXIT_CONFIG;
  if (exit_code != GW_EXIT_OK || plane->is_stopping) return exit_code;
  plane->rpc = new_rpc(plane->loop);
  gw_channel_tls_listen(plane->tls, plane->rpc);
  gw_change_trace_set_rpc(plane->trace, plane->rpc);
  exit_code = start_xds(plane);
  if (exit_code == GW_EXIT_OK) exit_code = start_admin(plane);
  if (exit_code == GW_EXIT_OK) gw_storage_await(plane->storage, &plane->is_stopping);
  if (exit_code == GW_EXIT_OK && !plane->is_stopping) exit_code = start_status(plane);
  if (exit_code != GW_EXIT_OK || plane->is_stopping) return exit_code;
  gw_files_watch(plane->files);
  gw_service_notify(plane->log, GW_SERVICE_READY);
  watch_log(&plane->log_timer);
  return GW_EXIT_OK;
}

static void done(struct control_plane *plane) {
  gw_change_trace_free(plane->trace);
  gw_storage_free(plane->storage); /* its last answers go to calls that may still be there */
  gw_config_source_free(plane->config_source);
  gw_status_http_free(plane->status_http);
  gw_rpc_server_free(plane->admin_server);
  gw_rpc_server_free(plane->xds_server);
  gw_reflection_service_free(plane->reflection);
  gw_health_service_free(plane->health);
  gw_csds_service_free(plane->csds);
  gw_admin_api_free(plane->admin);
  gw_agent_service_free(plane->agents);
  gw_ads_server_free(plane->ads);
  gw_rpc_service_set_done(&plane->admin_services);
  gw_rpc_service_set_done(&plane->xds_services);
  gw_rpc_free(plane->rpc);
  gw_cloud_free(plane->cloud); /* calls that wait for it are over */
  gw_channel_tls_free(plane->tls);
  gw_discovery_free(plane->discovery);
  gw_huawei_clients_free(plane->huawei);
  gw_catalog_free(plane->catalog);
  gw_files_free(plane->files);
  gw_node_table_free(plane->nodes);
  gw_snapshot_cache_free(plane->cache);
  for (size_t i = 0; i < GW_ARRAY_LEN(plane->signals); i++)
    gw_signal_free(plane->signals[i]);
  gw_timer_stop(&plane->log_timer);
  gw_loop_free(plane->loop);
  gw_log_free(plane->log);
  free(plane->token);
}

int gw_control_plane_run(const struct gw_options *options) {
  struct control_plane plane = {.options = options, .started_us = gw_clock_monotonic_us()};
  gw_connection_limit_start();
  mallopt(M_TRIM_THRESHOLD, MALLOC_KEEP_BYTES);
  mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_BYTES);
  if (gw_log_new("gateway-controlplane", options->log_format, options->log_level, options->log_file, &plane.log) != GW_OK ||
      gw_log_start_writer(plane.log) != GW_OK) {
    fprintf(stderr, "gateway-controlplane: the log file %s cannot be opened: %s\n", options->log_file, strerror(errno));
    return GW_EXIT_SYSTEM;
  }
  plane.loop = gw_loop_new();
  plane.log_watch.what = "this log";
  gw_timer_init(&plane.log_timer, watch_log);
  gw_rpc_service_set_init(&plane.xds_services);
  gw_rpc_service_set_init(&plane.admin_services);
  plane.exit_code = start(&plane);
  if (plane.exit_code != GW_EXIT_OK) {
    plane.is_stopping = true;
    stop_servers(&plane);
  }
  if (!plane.is_stopping || plane.open_servers > 0) gw_loop_run(plane.loop);
  done(&plane);
  return plane.exit_code;
}
