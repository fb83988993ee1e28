#include "common/rpc/credentials.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/file_watch.h"
#include "common/event/timer.h"
#include "common/rpc/rpc_internal.h"

#define SETTLE_MS 100     /* between the certificate's and the key's write by one who copies them */
#define RECHECK_MS 60000u /* network file systems don't tell of changes, and certificates become valid */
#define FILES 3

struct gw_rpc_credentials {
  struct gw_loop *loop;
  struct gw_rpc_credentials_options options;
  struct gw_file_watch *watches[FILES];
  struct gw_timer recheck;
  char *problem;
  uint64_t reloads_total;
  uint64_t errors_total;

  pthread_mutex_t lock; /* of what follows: gRPC's threads read it when a client connects */
  struct gw_tls_material material;
  uint64_t generation; /* from 1 */
};

static int64_t wall_s(void) {
  return (int64_t)(gw_clock_wall_us() / 1000000);
}

/* Tells of a new problem, or that there is none any more. Takes `problem` over. */
static void set_problem(struct gw_rpc_credentials *credentials, char *problem) {
  bool is_same = credentials->problem != NULL && problem != NULL && strcmp(credentials->problem, problem) == 0;
  bool is_new = problem != NULL && !is_same;
  free(credentials->problem);
  credentials->problem = problem;
  if (!is_new) return;
  credentials->errors_total++;
  if (credentials->options.on_change != NULL) credentials->options.on_change(credentials->options.arg, problem);
}

static void take(struct gw_rpc_credentials *credentials, const struct gw_tls_material *fresh) {
  pthread_mutex_lock(&credentials->lock);
  struct gw_tls_material before = credentials->material;
  credentials->material = *fresh;
  credentials->generation++;
  pthread_mutex_unlock(&credentials->lock);
  gw_tls_material_done(&before);
}

void gw_rpc_credentials_reload(struct gw_rpc_credentials *credentials) {
  struct gw_tls_material fresh = {0};
  char *problem = NULL;
  if (gw_tls_material_read(&credentials->options.paths, &fresh, &problem) != GW_OK) {
    set_problem(credentials, problem);
    return;
  }
  problem = gw_tls_material_find_lapse(&fresh, wall_s());
  bool is_same = gw_tls_material_equal(&fresh, &credentials->material);
  if (is_same || problem != NULL) {
    gw_tls_material_done(&fresh);
    set_problem(credentials, problem);
    return;
  }
  take(credentials, &fresh);
  credentials->reloads_total++;
  set_problem(credentials, NULL);
  if (credentials->options.on_change != NULL) credentials->options.on_change(credentials->options.arg, NULL);
}

static void on_file(void *arg) {
  gw_rpc_credentials_reload(arg);
}

static void on_recheck(struct gw_timer *timer) {
  struct gw_rpc_credentials *credentials = GW_CONTAINER_OF(timer, struct gw_rpc_credentials, recheck);
  gw_rpc_credentials_reload(credentials);
  gw_timer_start(credentials->loop, &credentials->recheck, RECHECK_MS);
}

static enum gw_err watch_files(struct gw_rpc_credentials *credentials, char **ret_reason) {
  const struct gw_tls_paths *paths = &credentials->options.paths;
  const char *const files[FILES] = {paths->ca, paths->cert, paths->key};
  for (size_t i = 0; i < FILES; i++) {
    if (files[i] == NULL) continue;
    if (gw_file_watch_new(credentials->loop, files[i], SETTLE_MS, on_file, credentials, &credentials->watches[i]) == GW_OK) continue;
    *ret_reason = gw_asprintf("%s cannot be watched: %s", files[i], strerror(errno));
    return GW_ERR_IO;
  }
  return GW_OK;
}

static struct gw_rpc_credentials *new_empty(struct gw_loop *loop) {
  struct gw_rpc_credentials *credentials = gw_calloc(1, sizeof *credentials);
  credentials->loop = loop;
  credentials->generation = 1;
  pthread_mutex_init(&credentials->lock, NULL);
  gw_timer_init(&credentials->recheck, on_recheck);
  return credentials;
}

struct gw_rpc_credentials *gw_rpc_credentials_new_fixed(struct gw_loop *loop, struct gw_str ca, struct gw_str cert, struct gw_str key) {
  struct gw_rpc_credentials *credentials = new_empty(loop);
  credentials->material.ca = gw_str_dup(ca);
  if (cert.len > 0) credentials->material.cert = gw_str_dup(cert);
  if (key.len > 0) credentials->material.key = gw_str_dup(key);
  return credentials;
}

enum gw_err gw_rpc_credentials_new(struct gw_loop *loop, const struct gw_rpc_credentials_options *options,
                                   struct gw_rpc_credentials **ret_credentials, char **ret_reason) {
  struct gw_rpc_credentials *credentials = new_empty(loop);
  credentials->options = *options;
  enum gw_err err = gw_tls_material_read(&options->paths, &credentials->material, ret_reason);
  if (err == GW_OK && !options->is_once) err = watch_files(credentials, ret_reason);
  if (err != GW_OK) {
    gw_rpc_credentials_free(credentials);
    return err;
  }
  if (options->is_once) {
    credentials->problem = gw_tls_material_find_lapse(&credentials->material, wall_s());
  } else {
    gw_timer_start(loop, &credentials->recheck, RECHECK_MS);
    gw_rpc_credentials_reload(credentials); /* what changed before they were watched; and tells what has lapsed */
  }
  *ret_credentials = credentials;
  return GW_OK;
}

void gw_rpc_credentials_free(struct gw_rpc_credentials *credentials) {
  if (credentials == NULL) return;
  gw_timer_stop(&credentials->recheck);
  for (size_t i = 0; i < FILES; i++)
    gw_file_watch_free(credentials->watches[i]);
  gw_tls_material_done(&credentials->material);
  pthread_mutex_destroy(&credentials->lock);
  free(credentials->problem);
  free(credentials);
}

void gw_rpc_credentials_get_status(const struct gw_rpc_credentials *credentials, struct gw_rpc_credentials_status *ret_status) {
  /* Only this thread writes the material, so it reads without the lock. */
  *ret_status = (struct gw_rpc_credentials_status){
      .subject = credentials->material.subject != NULL ? credentials->material.subject : "",
      .not_after_s = credentials->material.not_after_s,
      .problem = credentials->problem,
      .reloads_total = credentials->reloads_total,
      .errors_total = credentials->errors_total,
  };
}

/* ---- for gRPC ---- */

grpc_channel_credentials *gw_rpc_credentials_for_channel(struct gw_rpc_credentials *credentials) {
  const struct gw_tls_material *material = &credentials->material;
  grpc_ssl_pem_key_cert_pair pair = {.private_key = material->key, .cert_chain = material->cert};
  return grpc_ssl_credentials_create_ex(material->ca, material->cert != NULL ? &pair : NULL, NULL, NULL);
}

/* On a thread of gRPC's, each time a client connects. */
static grpc_ssl_certificate_config_reload_status on_fetch(void *arg, grpc_ssl_server_certificate_config **ret_config) {
  struct rpc_server_credentials *server = arg;
  struct gw_rpc_credentials *credentials = server->credentials;
  grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  pthread_mutex_lock(&credentials->lock);
  if (server->generation != credentials->generation) {
    grpc_ssl_pem_key_cert_pair pair = {.private_key = credentials->material.key, .cert_chain = credentials->material.cert};
    *ret_config = grpc_ssl_server_certificate_config_create(credentials->material.ca, &pair, 1);
    server->generation = credentials->generation;
    status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }
  pthread_mutex_unlock(&credentials->lock);
  return status;
}

grpc_server_credentials *gw_rpc_credentials_for_server(struct rpc_server_credentials *server, bool requires_certificate) {
  GW_ASSERT(server->credentials->material.cert != NULL);
  server->generation = 0;
  return grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(requires_certificate
                                                                          ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                                          : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY,
                                                                      on_fetch, server));
}
