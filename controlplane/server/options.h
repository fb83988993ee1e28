/* Why: the control plane's command line.
 * Life: a value; strings point into argv, except admin_token_file.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_SERVER_OPTIONS_H
#define GW_CONTROLPLANE_SERVER_OPTIONS_H

#include <stdbool.h>

#include "common/crypto/tls_files.h"
#include "common/net/address.h"
#include "common/observe/log.h"

#define GW_EXIT_OK 0
#define GW_EXIT_USAGE 64
#define GW_EXIT_CONFIG 65
#define GW_EXIT_SYSTEM 71 /* the system refuses: a port in use, a file that can't be written */

#define GW_OPTIONS_SETTINGS_MAX 64

struct gw_options {
  struct gw_address xds_listen;
  struct gw_address admin_listen;
  struct gw_address http_listen;
  const char *xds_listen_text;
  const char *admin_listen_text;
  const char *routes;
  const char *services;
  const char *env_file; /* NULL: .env, .env.dev or .env.prod, if there */
  char *admin_token_file;
  const char *admin_tokens;    /* NULL: none but that */
  const char *store;           /* NULL: MySQL if the settings name one, else SQLite beside admin_token_file */
  struct gw_tls_paths xds_tls; /* all NULL: plaintext */
  struct gw_tls_paths admin_tls;
  const char *ports_file; /* NULL: none */
  bool is_insecure;
  bool prints_settings;
  enum gw_log_level log_level;
  enum gw_log_format log_format;
  const char *log_file;                              /* NULL: standard error */
  const char *settings[GW_OPTIONS_SETTINGS_MAX + 1]; /* NAME=VALUE of --set; NULL ends them */
};

/* GW_OK: go on. Else the program ends with *ret_exit: help and version were printed, or the mistake was told. */
enum gw_err gw_options_parse(int argc, char **argv, struct gw_options *ret_options, int *ret_exit);
void gw_options_done(struct gw_options *options);

#endif
