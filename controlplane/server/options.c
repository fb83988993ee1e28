#include "controlplane/server/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/crypto/token_file.h"

static const char usage[] =
    "gateway-controlplane: turns routes.yaml and services.yaml into what data planes do\n"
    "\n"
    "  --routes FILE             routes (config/routes.yaml); or consul:KEY, nacos:[GROUP/]DATA_ID\n"
    "  --services FILE           services and their instances (config/services.yaml)\n"
    "  --env-file FILE           settings (.env, .env.dev or .env.prod in the working directory, by ENVIRONMENT)\n"
    "  --set NAME=VALUE          one setting, over environment and file; may be repeated\n"
    "  --print-settings          print every setting with where it comes from, and end\n"
    "  --store URL               sqlite:///PATH, mysql://[USER@]HOST[:PORT]/DATABASE (MYSQL_…, else gateway.db beside the admin token)\n"
    "  --xds-listen HOST:PORT    xDS and agents (127.0.0.1:18000)\n"
    "  --admin-listen HOST:PORT  admin gRPC API, for gatewayctl (127.0.0.1:18001)\n"
    "  --http-listen HOST:PORT   read-only /health /ready /metrics (GATEWAY_HTTP_LISTEN, else 127.0.0.1:18002)\n"
    "  --admin-token-file FILE   the admin API's token, made at first start (admin.token in the folder for state)\n"
    "  --admin-tokens FILE       more tokens, a line each: NAME viewer|operator|admin TOKEN\n"
    "  --xds-tls-ca FILE         mutual TLS for xDS and agents: whose signature nodes' certificates must have,\n"
    "  --xds-tls-cert FILE       the certificate that they are shown,\n"
    "  --xds-tls-key FILE        and its key; gatewayctl pki makes them\n"
    "  --admin-tls-ca FILE       TLS for the admin API: whose signature a client's certificate must have, if it shows one,\n"
    "  --admin-tls-cert FILE     the certificate that clients are shown,\n"
    "  --admin-tls-key FILE      and its key\n"
    "  --insecure                let xDS and admin API listen beyond loopback without TLS\n"
    "  --ports-file FILE         write the ports in use there, as JSON\n"
    "  --log-level LEVEL         debug, info, warning, error (info); also GATEWAY_LOG_LEVEL\n"
    "  --log-format FORMAT       text, json (text); also GATEWAY_LOG_FORMAT\n"
    "  --log-file FILE           log there instead of standard error; SIGHUP opens it anew\n"
    "  --version, --help\n"
    "\n"
    "gateway-controlplane healthcheck asks the one that runs here whether it is ready, and ends with 0 or 1; see healthcheck --help.\n"
    "Addresses are numeric; port 0 takes a free one. SIGHUP reads everything again; SIGTERM ends, a second one at once.\n";

enum option_id {
  OPT_ROUTES = 256,
  OPT_SERVICES,
  OPT_ENV_FILE,
  OPT_SET,
  OPT_PRINT_SETTINGS,
  OPT_XDS_LISTEN,
  OPT_ADMIN_LISTEN,
  OPT_HTTP_LISTEN,
  OPT_ADMIN_TOKEN_FILE,
  OPT_INSECURE,
  OPT_PORTS_FILE,
  OPT_LOG_LEVEL,
  OPT_LOG_FORMAT,
  OPT_LOG_FILE,
  OPT_VERSION,
  OPT_HELP,
  OPT_XDS_TLS_CA,
  OPT_XDS_TLS_CERT,
  OPT_XDS_TLS_KEY,
  OPT_ADMIN_TLS_CA,
  OPT_ADMIN_TLS_CERT,
  OPT_ADMIN_TLS_KEY,
  OPT_STORE,
  OPT_ADMIN_TOKENS,
};

static const struct option long_options[] = {
    {"routes", required_argument, NULL, OPT_ROUTES},
    {"services", required_argument, NULL, OPT_SERVICES},
    {"env-file", required_argument, NULL, OPT_ENV_FILE},
    {"set", required_argument, NULL, OPT_SET},
    {"print-settings", no_argument, NULL, OPT_PRINT_SETTINGS},
    {"xds-listen", required_argument, NULL, OPT_XDS_LISTEN},
    {"admin-listen", required_argument, NULL, OPT_ADMIN_LISTEN},
    {"http-listen", required_argument, NULL, OPT_HTTP_LISTEN},
    {"admin-token-file", required_argument, NULL, OPT_ADMIN_TOKEN_FILE},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"ports-file", required_argument, NULL, OPT_PORTS_FILE},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPT_LOG_FORMAT},
    {"log-file", required_argument, NULL, OPT_LOG_FILE},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {"store", required_argument, NULL, OPT_STORE},
    {"admin-tokens", required_argument, NULL, OPT_ADMIN_TOKENS},
    {"xds-tls-ca", required_argument, NULL, OPT_XDS_TLS_CA},
    {"xds-tls-cert", required_argument, NULL, OPT_XDS_TLS_CERT},
    {"xds-tls-key", required_argument, NULL, OPT_XDS_TLS_KEY},
    {"admin-tls-ca", required_argument, NULL, OPT_ADMIN_TLS_CA},
    {"admin-tls-cert", required_argument, NULL, OPT_ADMIN_TLS_CERT},
    {"admin-tls-key", required_argument, NULL, OPT_ADMIN_TLS_KEY},
    {NULL, 0, NULL, 0},
};

struct parse {
  struct gw_options *options;
  int exit_code; /* once is_ended */
  bool is_ended;
  uint32_t setting_count;
};

static void end(struct parse *parse, int exit_code) {
  parse->is_ended = true;
  parse->exit_code = exit_code;
}

static void __attribute__((format(printf, 2, 3))) end_usage(struct parse *parse, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("gateway-controlplane: ", stderr);
  vfprintf(stderr, format, args);
  fputs(" (see --help)\n", stderr);
  va_end(args);
  end(parse, GW_EXIT_USAGE);
}

static void parse_address(struct parse *parse, const char *name, const char *text, struct gw_address *ret_address) {
  if (gw_address_parse(gw_str_from(text), ret_address) == GW_OK) return;
  end_usage(parse, "--%s %s: a numeric address and a port are wanted, such as 127.0.0.1:18000 or [::1]:18000", name, text);
}

static void parse_log_level(struct parse *parse, const char *text) {
  if (gw_log_parse_level(gw_str_from(text), &parse->options->log_level) == GW_OK) return;
  end_usage(parse, "--log-level %s: debug, info, warning and error are allowed", text);
}

static void parse_log_format(struct parse *parse, const char *text) {
  if (gw_log_parse_format(gw_str_from(text), &parse->options->log_format) == GW_OK) return;
  end_usage(parse, "--log-format %s: text and json are allowed", text);
}

static void add_setting(struct parse *parse, const char *text) {
  if (strchr(text, '=') == NULL || text[0] == '=') {
    end_usage(parse, "--set %s: NAME=VALUE is wanted", text);
  } else if (parse->setting_count >= GW_OPTIONS_SETTINGS_MAX) {
    end_usage(parse, "--set: at most %d", GW_OPTIONS_SETTINGS_MAX);
  } else {
    parse->options->settings[parse->setting_count++] = text;
  }
}

/* Values that are taken as they are; NULL: not one of these. */
static const char **text_place(struct gw_options *options, int id) {
  switch (id) {
  case OPT_ROUTES: return &options->routes;
  case OPT_SERVICES: return &options->services;
  case OPT_ENV_FILE: return &options->env_file;
  case OPT_XDS_LISTEN: return &options->xds_listen_text;
  case OPT_ADMIN_LISTEN: return &options->admin_listen_text;
  case OPT_XDS_TLS_CA: return &options->xds_tls.ca;
  case OPT_XDS_TLS_CERT: return &options->xds_tls.cert;
  case OPT_XDS_TLS_KEY: return &options->xds_tls.key;
  case OPT_ADMIN_TLS_CA: return &options->admin_tls.ca;
  case OPT_ADMIN_TLS_CERT: return &options->admin_tls.cert;
  case OPT_ADMIN_TLS_KEY: return &options->admin_tls.key;
  case OPT_PORTS_FILE: return &options->ports_file;
  case OPT_LOG_FILE: return &options->log_file;
  case OPT_STORE: return &options->store;
  case OPT_ADMIN_TOKENS: return &options->admin_tokens;
  default: return NULL;
  }
}

static void take_option(struct parse *parse, int id, const char *name) {
  struct gw_options *options = parse->options;
  const char **place = text_place(options, id);
  if (place != NULL) {
    *place = optarg;
    return;
  }
  switch (id) {
  case OPT_SET: add_setting(parse, optarg); break;
  case OPT_PRINT_SETTINGS: options->prints_settings = true; break;
  case OPT_HTTP_LISTEN: parse_address(parse, name, optarg, &options->http_listen); break;
  case OPT_ADMIN_TOKEN_FILE:
    free(options->admin_token_file);
    options->admin_token_file = gw_strdup(optarg);
    break;
  case OPT_INSECURE: options->is_insecure = true; break;
  case OPT_LOG_LEVEL: parse_log_level(parse, optarg); break;
  case OPT_LOG_FORMAT: parse_log_format(parse, optarg); break;
  case OPT_VERSION:
    puts("gateway-controlplane " GW_VERSION);
    end(parse, GW_EXIT_OK);
    break;
  case OPT_HELP:
    fputs(usage, stdout);
    end(parse, GW_EXIT_OK);
    break;
  default: end(parse, GW_EXIT_USAGE); break; /* getopt has said why */
  }
}

/* Tokens and configuration in the clear stay on this machine, unless the operator says otherwise. */
static void check_plaintext(struct parse *parse, const char *name, const char *text, const struct gw_address *address,
                            const struct gw_tls_paths *tls) {
  if (parse->is_ended || parse->options->is_insecure || tls->ca != NULL || gw_address_is_loopback(address)) return;
  end_usage(parse, "--%s %s: without TLS only loopback addresses are allowed, unless --insecure is given", name, text);
}

static void check_tls(struct parse *parse, const char *prefix, const struct gw_tls_paths *tls) {
  char *gap = gw_tls_paths_find_gap(tls, prefix);
  if (gap != NULL && !parse->is_ended) end_usage(parse, "%s: TLS needs all three", gap);
  free(gap);
}

static void check(struct parse *parse) {
  struct gw_options *options = parse->options;
  parse_address(parse, "xds-listen", options->xds_listen_text, &options->xds_listen);
  if (!parse->is_ended) parse_address(parse, "admin-listen", options->admin_listen_text, &options->admin_listen);
  check_tls(parse, "xds-tls", &options->xds_tls);
  check_tls(parse, "admin-tls", &options->admin_tls);
  check_plaintext(parse, "xds-listen", options->xds_listen_text, &options->xds_listen, &options->xds_tls);
  check_plaintext(parse, "admin-listen", options->admin_listen_text, &options->admin_listen, &options->admin_tls);
  if (options->admin_token_file == NULL) options->admin_token_file = gw_token_file_default_path();
}

enum gw_err gw_options_parse(int argc, char **argv, struct gw_options *ret_options, int *ret_exit) {
  *ret_options = (struct gw_options){
      .xds_listen_text = "127.0.0.1:18000",
      .admin_listen_text = "127.0.0.1:18001",
      .routes = "config/routes.yaml",
      .services = "config/services.yaml",
      .log_level = GW_LOG_INFO,
  };
  gw_address_parse(GW_STR("127.0.0.1:18002"), &ret_options->http_listen);
  struct parse parse = {.options = ret_options};
  const char *level = getenv("GATEWAY_LOG_LEVEL"), *format = getenv("GATEWAY_LOG_FORMAT"), *http_listen = getenv("GATEWAY_HTTP_LISTEN");
  if (http_listen != NULL && http_listen[0] != '\0') parse_address(&parse, "http-listen", http_listen, &ret_options->http_listen);
  int id, index = 0;
  if (level != NULL) parse_log_level(&parse, level);
  if (format != NULL && !parse.is_ended) parse_log_format(&parse, format);
  while (!parse.is_ended && (id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
    take_option(&parse, id, long_options[index].name);
  }
  if (!parse.is_ended && optind < argc) end_usage(&parse, "%s: only options are taken", argv[optind]);
  if (!parse.is_ended) check(&parse);
  if (!parse.is_ended) return GW_OK;
  gw_options_done(ret_options);
  *ret_exit = parse.exit_code;
  return GW_ERR_INVALID;
}

void gw_options_done(struct gw_options *options) {
  free(options->admin_token_file);
  options->admin_token_file = NULL;
}
