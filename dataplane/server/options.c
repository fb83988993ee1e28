#include "dataplane/server/options.h"

#include <ctype.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/duration.h"
#include "common/base/mem.h"
#include "common/crypto/tls_files.h"

static const char usage[] =
    "gateway-dataplane: forwards requests as a control plane says\n"
    "\n"
    "  --xds HOST:PORT[,...]      control planes (127.0.0.1:18000)\n"
    "  --node-id ID               this node (the host's name)\n"
    "  --node-cluster NAME        the nodes it belongs to (default)\n"
    "  --workers N                threads that serve (the CPUs that this process may use)\n"
    "  --listen HOST:PORT         replaces the traffic listener's address on this node\n"
    "  --status-http HOST:PORT    read-only /health /ready /metrics (127.0.0.1:9903)\n"
    "  --admin-http HOST:PORT     also /config_dump /clusters /listeners /stats, POST /drain (127.0.0.1:9901)\n"
    "  --admin-grpc HOST:PORT     gRPC health and reflection (127.0.0.1:9902)\n"
    "  --admin-token-file FILE    the bearer token that changes over admin HTTP need; without it there are none\n"
    "  --cache-dir DIR            keep the last known good configuration there, to start while no control plane answers\n"
    "  --cache-key-file FILE      encrypt and authenticate it with this secret of at least 32 bytes\n"
    "  --cache-max-age DURATION   do not start from an older one (24h)\n"
    "  --drain-delay DURATION     from SIGTERM, while /ready fails, until nothing is accepted any more (5s)\n"
    "  --drain-time DURATION      from then until everything open is closed (30s)\n"
    "  --xds-tls-ca FILE          mutual TLS to the control plane: whose signature its certificate must have,\n"
    "  --xds-tls-cert FILE        the certificate of this node,\n"
    "  --xds-tls-key FILE         and its key; gatewayctl pki makes them\n"
    "  --insecure                 let plain xDS and admin ports reach beyond loopback\n"
    "  --ports-file FILE          write the ports in use there, as JSON\n"
    "  --log-level LEVEL          debug, info, warning, error (info)\n"
    "  --log-format FORMAT        text, json (text)\n"
    "  --log-file FILE            log there instead of standard error; SIGHUP opens it anew\n"
    "  --access-log-file FILE     access log (standard output); SIGHUP opens it anew\n"
    "  --version, --help\n"
    "\n"
    "gateway-dataplane healthcheck asks the one that runs here whether it is ready, and ends with 0 or 1; see healthcheck --help.\n"
    "Each is also an environment variable: --node-id is GATEWAY_NODE_ID, --insecure is GATEWAY_INSECURE=true. A flag wins.\n"
    "Addresses that are listened on are numeric; port 0 takes a free one. Durations: 250ms, 5s, 2m, 24h, or seconds.\n"
    "SIGTERM drains and ends with 0, a second one or SIGINT ends at once; SIGHUP opens the logs anew.\n";

struct parse {
  struct gw_options *options;
  int exit_code; /* once is_ended */
  bool is_ended;
};

/* Takes `mistake` over. The first one is enough. */
static void end_with(struct parse *parse, char *mistake) {
  if (!parse->is_ended) fprintf(stderr, "gateway-dataplane: %s (see --help)\n", mistake);
  free(mistake);
  parse->is_ended = true;
  parse->exit_code = GW_EXIT_USAGE;
}
#define END_USAGE(parse, ...) end_with(parse, gw_asprintf(__VA_ARGS__))

/* ---- values ---- */

static void take_text(char **place, const char *text) {
  free(*place);
  *place = gw_strdup(text);
}

static void take_duration(struct parse *parse, const char *name, const char *text, uint64_t *place) {
  if (gw_duration_parse(gw_str_from(text), place) == GW_OK) return;
  END_USAGE(parse, "--%s %s: a duration is wanted, such as 250ms, 5s, 2m or 24h, of at most a year", name, text);
}

static void take_address(struct parse *parse, const char *name, const char *text, struct gw_address *place) {
  if (gw_address_parse(gw_str_from(text), place) == GW_OK) return;
  END_USAGE(parse, "--%s %s: a numeric address and a port are wanted, such as 127.0.0.1:9901 or [::1]:9901", name, text);
}

static void take_targets(struct parse *parse, const char *text) {
  char **targets = parse->options->targets;
  for (size_t i = 0; targets[i] != NULL; i++) {
    free(targets[i]);
    targets[i] = NULL;
  }
  struct gw_str rest = gw_str_from(text), piece, host;
  size_t count = 0;
  while (!parse->is_ended && gw_str_split_next(&rest, ',', &piece)) {
    uint16_t port;
    piece = gw_str_trim(piece);
    if (gw_address_split(piece, &host, &port) != GW_OK || host.len == 0 || port == 0) {
      END_USAGE(parse, "--xds %s: HOST:PORT is wanted, several with commas", text);
    } else if (count == GW_OPTIONS_TARGETS_MAX) {
      END_USAGE(parse, "--xds: at most %d control planes", GW_OPTIONS_TARGETS_MAX);
    } else {
      targets[count++] = gw_str_dup(piece);
    }
  }
  if (count == 0) END_USAGE(parse, "--xds: HOST:PORT is wanted, several with commas");
}

static void take_workers(struct parse *parse, const char *text) {
  uint64_t workers;
  if (gw_str_parse_u64(gw_str_from(text), &workers) != GW_OK || workers == 0 || workers > GW_OPTIONS_WORKERS_MAX) {
    END_USAGE(parse, "--workers %s: 1 to %d are allowed", text, GW_OPTIONS_WORKERS_MAX);
    return;
  }
  parse->options->workers = (uint32_t)workers;
}

static void take_log_level(struct parse *parse, const char *text) {
  if (gw_log_parse_level(gw_str_from(text), &parse->options->log_level) == GW_OK) return;
  END_USAGE(parse, "--log-level %s: debug, info, warning and error are allowed", text);
}

static void take_log_format(struct parse *parse, const char *text) {
  if (gw_log_parse_format(gw_str_from(text), &parse->options->log_format) == GW_OK) return;
  END_USAGE(parse, "--log-format %s: text and json are allowed", text);
}

/* A flag on the command line has no value; in the environment it has. */
static void take_insecure(struct parse *parse, const char *text) {
  if (text == NULL || strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
    parse->options->is_insecure = true;
  } else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || text[0] == '\0') {
    parse->options->is_insecure = false;
  } else {
    END_USAGE(parse, "GATEWAY_INSECURE=%s: true and false are allowed", text);
  }
}

/* ---- flags ---- */

enum option_id {
  OPT_XDS = 256,
  OPT_NODE_ID,
  OPT_NODE_CLUSTER,
  OPT_WORKERS,
  OPT_LISTEN,
  OPT_STATUS_HTTP,
  OPT_ADMIN_HTTP,
  OPT_ADMIN_GRPC,
  OPT_ADMIN_TOKEN_FILE,
  OPT_CACHE_DIR,
  OPT_CACHE_KEY_FILE,
  OPT_CACHE_MAX_AGE,
  OPT_DRAIN_DELAY,
  OPT_DRAIN_TIME,
  OPT_INSECURE,
  OPT_PORTS_FILE,
  OPT_LOG_LEVEL,
  OPT_LOG_FORMAT,
  OPT_LOG_FILE,
  OPT_ACCESS_LOG_FILE,
  OPT_XDS_TLS_CA,
  OPT_XDS_TLS_CERT,
  OPT_XDS_TLS_KEY,
  OPT_VERSION,
  OPT_HELP,
};

static const struct option long_options[] = {
    {"xds", required_argument, NULL, OPT_XDS},
    {"node-id", required_argument, NULL, OPT_NODE_ID},
    {"node-cluster", required_argument, NULL, OPT_NODE_CLUSTER},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"status-http", required_argument, NULL, OPT_STATUS_HTTP},
    {"admin-http", required_argument, NULL, OPT_ADMIN_HTTP},
    {"admin-grpc", required_argument, NULL, OPT_ADMIN_GRPC},
    {"admin-token-file", required_argument, NULL, OPT_ADMIN_TOKEN_FILE},
    {"cache-dir", required_argument, NULL, OPT_CACHE_DIR},
    {"cache-key-file", required_argument, NULL, OPT_CACHE_KEY_FILE},
    {"cache-max-age", required_argument, NULL, OPT_CACHE_MAX_AGE},
    {"drain-delay", required_argument, NULL, OPT_DRAIN_DELAY},
    {"drain-time", required_argument, NULL, OPT_DRAIN_TIME},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"ports-file", required_argument, NULL, OPT_PORTS_FILE},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"log-file", required_argument, NULL, OPT_LOG_FILE},
    {"access-log-file", required_argument, NULL, OPT_ACCESS_LOG_FILE},
    {"xds-tls-ca", required_argument, NULL, OPT_XDS_TLS_CA},
    {"xds-tls-cert", required_argument, NULL, OPT_XDS_TLS_CERT},
    {"xds-tls-key", required_argument, NULL, OPT_XDS_TLS_KEY},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* Values that are taken as they are; NULL: not one of these. */
static char **text_place(struct gw_options *options, int id) {
  switch (id) {
  case OPT_NODE_ID: return &options->node_id;
  case OPT_NODE_CLUSTER: return &options->node_cluster;
  case OPT_ADMIN_TOKEN_FILE: return &options->admin_token_file;
  case OPT_XDS_TLS_CA: return &options->xds_tls_ca;
  case OPT_XDS_TLS_CERT: return &options->xds_tls_cert;
  case OPT_XDS_TLS_KEY: return &options->xds_tls_key;
  case OPT_CACHE_DIR: return &options->cache_dir;
  case OPT_CACHE_KEY_FILE: return &options->cache_key_file;
  case OPT_PORTS_FILE: return &options->ports_file;
  case OPT_LOG_FILE: return &options->log_file;
  case OPT_ACCESS_LOG_FILE: return &options->access_log_file;
  default: return NULL;
  }
}

static void take_option(struct parse *parse, int id, const char *name, const char *value) {
  struct gw_options *options = parse->options;
  char **place = text_place(options, id);
  if (place != NULL) {
    take_text(place, value);
    return;
  }
  switch (id) {
  case OPT_XDS: take_targets(parse, value); break;
  case OPT_WORKERS: take_workers(parse, value); break;
  case OPT_LISTEN:
    take_address(parse, name, value, &options->listen);
    options->has_listen = true;
    break;
  case OPT_STATUS_HTTP: take_address(parse, name, value, &options->status_http); break;
  case OPT_ADMIN_HTTP: take_address(parse, name, value, &options->admin_http); break;
  case OPT_ADMIN_GRPC: take_address(parse, name, value, &options->admin_grpc); break;
  case OPT_CACHE_MAX_AGE: take_duration(parse, name, value, &options->cache_max_age_ms); break;
  case OPT_DRAIN_DELAY: take_duration(parse, name, value, &options->drain_delay_ms); break;
  case OPT_DRAIN_TIME: take_duration(parse, name, value, &options->drain_time_ms); break;
  case OPT_INSECURE: take_insecure(parse, value); break;
  case OPT_LOG_LEVEL: take_log_level(parse, value); break;
  case OPT_LOG_FORMAT: take_log_format(parse, value); break;
  default: GW_PANIC("option %d is not in the table", id);
  }
}

/* "node-id" → "GATEWAY_NODE_ID". */
static void environment_name(const char *name, char ret_name[64]) {
  size_t len = 0;
  for (const char *prefix = "GATEWAY_"; *prefix != '\0'; prefix++)
    ret_name[len++] = *prefix;
  for (; *name != '\0' && len < 63; name++)
    ret_name[len++] = (char)(*name == '-' ? '_' : toupper((unsigned char)*name));
  ret_name[len] = '\0';
}

static void take_environment(struct parse *parse) {
  for (const struct option *option = long_options; !parse->is_ended && option->name != NULL; option++) {
    if (option->val == OPT_VERSION || option->val == OPT_HELP) continue;
    char name[64];
    environment_name(option->name, name);
    const char *value = getenv(name);
    if (value != NULL && (value[0] != '\0' || option->val == OPT_INSECURE)) take_option(parse, option->val, option->name, value);
  }
}

static void take_arguments(struct parse *parse, int argc, char **argv) {
  int id, index = 0;
  optind = 0; /* glibc: from the start, also in a second parse */
  while (!parse->is_ended && (id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
    if (id == OPT_VERSION || id == OPT_HELP) {
      fputs(id == OPT_HELP ? usage : "gateway-dataplane " GW_VERSION "\n", stdout);
      parse->is_ended = true;
      parse->exit_code = GW_EXIT_OK;
    } else if (id == '?') { /* getopt has said why */
      parse->is_ended = true;
      parse->exit_code = GW_EXIT_USAGE;
    } else {
      take_option(parse, id, long_options[index].name, optarg);
    }
  }
  if (!parse->is_ended && optind < argc) END_USAGE(parse, "%s: only options are taken", argv[optind]);
}

/* ---- the whole ---- */

static uint32_t count_cpus(void) {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return 1;
  int count = CPU_COUNT(&cpus);
  return count < 1 ? 1 : count > GW_OPTIONS_WORKERS_MAX ? GW_OPTIONS_WORKERS_MAX : (uint32_t)count;
}

static void set_defaults(struct gw_options *options) {
  *options = (struct gw_options){
      .workers = count_cpus(),
      .cache_max_age_ms = 24ull * 3600 * 1000,
      .drain_delay_ms = 5000,
      .drain_time_ms = 30000,
      .log_level = GW_LOG_INFO,
      .node_cluster = gw_strdup("default"),
  };
  options->targets[0] = gw_strdup("127.0.0.1:18000");
  gw_address_parse(GW_STR("127.0.0.1:9903"), &options->status_http);
  gw_address_parse(GW_STR("127.0.0.1:9901"), &options->admin_http);
  gw_address_parse(GW_STR("127.0.0.1:9902"), &options->admin_grpc);
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0') options->node_id = gw_strdup(host);
}

/* Configuration and administration in the clear stay on this machine, unless the operator says otherwise. The status port only reads. */
static void check_plaintext(struct parse *parse) {
  const struct gw_options *options = parse->options;
  if (options->is_insecure) return;
  for (size_t i = 0; options->targets[i] != NULL; i++) {
    if (options->xds_tls_ca != NULL || gw_address_is_loopback_target(gw_str_from(options->targets[i]))) continue;
    END_USAGE(parse, "--xds %s: without TLS only loopback addresses are allowed, unless --insecure is given", options->targets[i]);
  }
  if (!gw_address_is_loopback(&options->admin_http) || !gw_address_is_loopback(&options->admin_grpc)) {
    END_USAGE(parse, "--admin-http, --admin-grpc: without TLS only loopback addresses are allowed, unless --insecure is given");
  }
}

static void check_tls(struct parse *parse) {
  const struct gw_options *options = parse->options;
  struct gw_tls_paths paths = {options->xds_tls_ca, options->xds_tls_cert, options->xds_tls_key};
  char *gap = gw_tls_paths_find_gap(&paths, "xds-tls");
  if (gap != NULL) END_USAGE(parse, "%s: TLS needs all three", gap);
  free(gap);
}

static void check(struct parse *parse) {
  const struct gw_options *options = parse->options;
  if (options->node_id == NULL || options->node_id[0] == '\0') END_USAGE(parse, "--node-id: the host has no name, so one is needed");
  if (options->node_cluster[0] == '\0') END_USAGE(parse, "--node-cluster: a name is needed");
  if (options->cache_key_file != NULL && options->cache_dir == NULL) END_USAGE(parse, "--cache-key-file: --cache-dir is needed with it");
  check_tls(parse);
  check_plaintext(parse);
}

enum gw_err gw_options_parse(int argc, char **argv, struct gw_options *ret_options, int *ret_exit) {
  struct parse parse = {.options = ret_options};
  set_defaults(ret_options);
  take_environment(&parse);
  take_arguments(&parse, argc, argv);
  if (!parse.is_ended) check(&parse);
  if (!parse.is_ended) return GW_OK;
  gw_options_done(ret_options);
  *ret_exit = parse.exit_code;
  return GW_ERR_INVALID;
}

void gw_options_done(struct gw_options *options) {
  for (size_t i = 0; options->targets[i] != NULL; i++)
    free(options->targets[i]);
  free(options->node_id);
  free(options->node_cluster);
  free(options->cache_dir);
  free(options->cache_key_file);
  free(options->admin_token_file);
  free(options->xds_tls_ca);
  free(options->xds_tls_cert);
  free(options->xds_tls_key);
  free(options->ports_file);
  free(options->log_file);
  free(options->access_log_file);
  *options = (struct gw_options){0};
}
