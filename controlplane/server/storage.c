#include "controlplane/server/storage.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/crypto/api_key.h"
#include "common/crypto/token_file.h"
#include "controlplane/policy/settings.h"

#define STORE_FILE "gateway.db"
#define PEPPER_FILE "api_key.pepper"
#define AWAIT_MS 1000
#define AWAIT_TURN_MS 10

struct gw_storage {
  struct gw_storage_options options;
  struct gw_store_target target;
  struct gw_store *store;
  struct gw_api_keys *keys;
  struct gw_fleet *fleet;
  struct gw_audit *audit;
  struct gw_revisions *revisions;
};

/* A file beside another one. */
static char *beside(const char *path, const char *name) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? gw_asprintf("%.*s/%s", (int)(slash - path), path, name) : gw_strdup(name);
}

static void on_state(void *arg, const struct gw_store_status *status) {
  const struct gw_storage *storage = arg;
  if (status->state == GW_STORE_AWAY)
    GW_LOG_WARNING(storage->options.log, "the store %s is away: %s; API keys that data planes have keep working", status->url,
                   status->words);
  if (status->state == GW_STORE_READY) GW_LOG_INFO(storage->options.log, "the store %s is there", status->url);
}

static void on_live(void *arg, const struct gw_resource_list *live) {
  gw_catalog_set_api_keys(((struct gw_storage *)arg)->options.catalog, live);
}

/* ---- the pepper ---- */

/* Of a setting, a file, or, for a store that is this machine's alone, made at the first start. NULL with GW_OK: there is none. */
static enum gw_err read_pepper(const struct gw_storage *storage, const struct gw_settings *settings, struct gw_errors *errors,
                               char **ret_pepper) {
  char *pepper = NULL, *reason = NULL;
  const char *place = "GATEWAY_API_KEY_PEPPER";
  enum gw_err err = GW_OK;
  if (settings->api_key_pepper[0] != '\0') {
    pepper = gw_strdup(settings->api_key_pepper);
  } else if (settings->api_key_pepper_file[0] != '\0') {
    place = "GATEWAY_API_KEY_PEPPER_FILE";
    err = gw_token_file_read(settings->api_key_pepper_file, &pepper, &reason);
  } else if (storage->target.kind == GW_STORE_SQLITE) {
    GW_CLEANUP(gw_free_ptr) char *path = beside(storage->target.path, PEPPER_FILE);
    /* Nobody has asked for keys yet: where nothing can be written all else goes on. */
    if (gw_token_file_read_or_make(path, &pepper, &reason) != GW_OK)
      GW_LOG_WARNING(storage->options.log, "no pepper for API keys: %s", reason);
  }
  bool is_short = pepper != NULL && strlen(pepper) < GW_API_KEY_PEPPER_MIN;
  if (err != GW_OK) gw_errors_add(errors, place, "%s", reason);
  if (is_short) gw_errors_add(errors, place, "has %zu bytes; at least %u are wanted", strlen(pepper), GW_API_KEY_PEPPER_MIN);
  free(reason);
  if (err == GW_OK && !is_short) {
    *ret_pepper = pepper;
    return GW_OK;
  }
  if (pepper != NULL) explicit_bzero(pepper, strlen(pepper));
  free(pepper);
  return GW_ERR_INVALID;
}

static enum gw_err take_pepper(struct gw_storage *storage, const struct gw_settings *settings, struct gw_errors *errors) {
  char *pepper = NULL;
  enum gw_err err = read_pepper(storage, settings, errors, &pepper);
  if (err != GW_OK) return err;
  gw_api_keys_set_pepper(storage->keys, gw_str_from(pepper));
  gw_catalog_set_pepper(storage->options.catalog, gw_str_from(pepper));
  if (pepper != NULL) explicit_bzero(pepper, strlen(pepper));
  free(pepper);
  return GW_OK;
}

/* ---- life ---- */

static enum gw_err find_target(struct gw_storage *storage, const struct gw_settings *settings, struct gw_errors *errors) {
  static const enum gw_store_tls tls[] =
      {[GW_SWITCH_AUTO] = GW_STORE_TLS_AUTO, [GW_SWITCH_OFF] = GW_STORE_TLS_OFF, [GW_SWITCH_ON] = GW_STORE_TLS_ON};
  const struct gw_options *options = storage->options.options;
  GW_CLEANUP(gw_free_ptr) char *default_path = beside(options->admin_token_file, STORE_FILE), *words = NULL;
  struct gw_store_settings mysql = {.host = settings->mysql_host,
                                    .port = settings->mysql_port,
                                    .user = settings->mysql_user,
                                    .password = settings->mysql_password,
                                    .database = settings->mysql_database,
                                    .tls = tls[settings->mysql_tls],
                                    .tls_ca = settings->mysql_ca_file,
                                    .tls_cert = settings->mysql_cert_file,
                                    .tls_key = settings->mysql_key_file,
                                    .default_ca = settings->ca_file};
  enum gw_err err = gw_store_target_init(options->store, &mysql, default_path, &storage->target, &words);
  if (err != GW_OK) gw_errors_add(errors, options->store != NULL ? "--store" : "MYSQL_HOST", "%s", words);
  return err;
}

static void make_parts(struct gw_storage *storage) {
  struct gw_store_options store = {.loop = storage->options.loop, .target = &storage->target, .on_state = on_state, .arg = storage};
  storage->store = gw_store_new(&store);
  struct gw_api_keys_options keys = {.loop = storage->options.loop,
                                     .log = storage->options.log,
                                     .store = storage->store,
                                     .on_live = on_live,
                                     .arg = storage};
  storage->keys = gw_api_keys_new(&keys);
  struct gw_revisions_options revisions = {.store = storage->store, .on_newest = storage->options.on_newest, .arg = storage->options.arg};
  storage->revisions = gw_revisions_new(&revisions);
  if (storage->options.nodes == NULL) return;
  struct gw_fleet_options fleet = {.loop = storage->options.loop,
                                   .log = storage->options.log,
                                   .store = storage->store,
                                   .nodes = storage->options.nodes,
                                   .cache = storage->options.cache,
                                   .revision = storage->options.revision,
                                   .arg = storage->options.arg};
  storage->fleet = gw_fleet_new(&fleet);
  storage->audit = gw_audit_new(storage->options.loop, storage->options.log, storage->store, storage->fleet);
}

enum gw_err gw_storage_new(const struct gw_storage_options *options, struct gw_errors *errors, struct gw_storage **ret_storage) {
  struct gw_settings *settings = NULL;
  enum gw_err err = gw_settings_load(options->options->env_file, options->options->settings, errors, &settings);
  if (err != GW_OK) return err;
  struct gw_storage *storage = gw_calloc(1, sizeof(*storage));
  storage->options = *options;
  err = find_target(storage, settings, errors);
  if (err == GW_OK) {
    make_parts(storage);
    err = take_pepper(storage, settings, errors);
  }
  gw_settings_free(settings);
  if (err != GW_OK) {
    gw_storage_free(storage);
    return err;
  }
  *ret_storage = storage;
  return GW_OK;
}

void gw_storage_free(struct gw_storage *storage) {
  if (storage == NULL) return;
  gw_store_free(storage->store);
  gw_api_keys_free(storage->keys);
  gw_audit_free(storage->audit);
  gw_fleet_free(storage->fleet);
  gw_revisions_free(storage->revisions);
  gw_store_target_done(&storage->target);
  free(storage);
}

void gw_storage_start(struct gw_storage *storage) {
  gw_store_start(storage->store);
}

static bool is_opening(const struct gw_storage *storage) {
  enum gw_store_state state = gw_store_status(storage->store)->state;
  bool is_read = gw_api_keys_are_known(storage->keys) && gw_revisions_are_known(storage->revisions);
  return state == GW_STORE_CONNECTING || (state == GW_STORE_READY && !is_read);
}

void gw_storage_await(const struct gw_storage *storage, const bool *is_stopping) {
  struct gw_loop *loop = storage->options.loop;
  uint64_t end_ms = gw_loop_now_ms(loop) + AWAIT_MS;
  while (!*is_stopping && is_opening(storage) && gw_loop_now_ms(loop) < end_ms)
    gw_loop_run_once(loop, AWAIT_TURN_MS);
}

void gw_storage_reload(struct gw_storage *storage) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_settings *settings = NULL;
  const struct gw_options *options = storage->options.options;
  enum gw_err err = gw_settings_load(options->env_file, options->settings, &errors, &settings);
  if (err == GW_OK) err = take_pepper(storage, settings, &errors);
  if (err != GW_OK)
    GW_LOG_ERROR(storage->options.log, "the pepper of API keys stays as it was: %s: %s", errors.items[0].place, errors.items[0].sentence);
  gw_settings_free(settings);
  gw_errors_done(&errors);
}

struct gw_store *gw_storage_store(const struct gw_storage *storage) {
  return storage->store;
}

struct gw_revisions *gw_storage_revisions(const struct gw_storage *storage) {
  return storage->revisions;
}

struct gw_api_keys *gw_storage_api_keys(const struct gw_storage *storage) {
  return storage->keys;
}

struct gw_audit *gw_storage_audit(const struct gw_storage *storage) {
  return storage->audit;
}

struct gw_fleet *gw_storage_fleet(const struct gw_storage *storage) {
  return storage->fleet;
}

void gw_storage_write_metrics(const struct gw_storage *storage, struct gw_metrics_writer *writer) {
  const struct gw_store_status *status = gw_store_status(storage->store);
  gw_metrics_family(writer, "gateway_controlplane_store_up", "gauge", "1 while the database of API keys answers.");
  gw_metrics_u64(writer, "gateway_controlplane_store_up", NULL, 0, status->state == GW_STORE_READY);
  gw_metrics_family(writer, "gateway_controlplane_store_failures_total", "counter", "Times that it went away, or did not come.");
  gw_metrics_u64(writer, "gateway_controlplane_store_failures_total", NULL, 0, status->failures_total);
  gw_metrics_family(writer, "gateway_controlplane_store_writes_total", "counter", "Records written.");
  gw_metrics_u64(writer, "gateway_controlplane_store_writes_total", NULL, 0, status->writes_total);
  gw_metrics_family(writer, "gateway_controlplane_store_waiting", "gauge", "Calls that it has not answered yet.");
  gw_metrics_u64(writer, "gateway_controlplane_store_waiting", NULL, 0, status->waiting);
  gw_metrics_family(writer, "gateway_controlplane_store_seconds", "histogram",
                    "How long calls of the database took, with their wait for it.");
  gw_metrics_histogram(writer, "gateway_controlplane_store_seconds", NULL, 0, &status->times);
  if (storage->fleet != NULL) {
    gw_metrics_family(writer, "gateway_controlplane_other_nodes", "gauge",
                      "Nodes that are connected to other control planes of the store.");
    gw_metrics_u64(writer, "gateway_controlplane_other_nodes", NULL, 0, gw_fleet_others(storage->fleet));
  }
  const struct gw_revision *newest = gw_revisions_newest(storage->revisions);
  gw_metrics_family(writer, "gateway_controlplane_newest_revision", "gauge", "Number of the newest revision in the store.");
  gw_metrics_u64(writer, "gateway_controlplane_newest_revision", NULL, 0, newest != NULL ? newest->number : 0);
  gw_metrics_family(writer, "gateway_controlplane_api_keys", "gauge", "API keys in the store, revoked ones too.");
  gw_metrics_u64(writer, "gateway_controlplane_api_keys", NULL, 0, gw_api_keys_all(storage->keys)->count);
}
