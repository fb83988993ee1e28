#include "controlplane/server/channel_tls.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define TELL_PERIOD_US 1000000 /* whoever knocks at the port must not fill the disk with our log */

struct channel {
  struct gw_channel_tls *tls;
  const char *name; /* "xds" */
  struct gw_rpc_credentials *credentials;
};

struct gw_channel_tls {
  struct gw_loop *loop;
  struct gw_log *log;
  struct channel channels[GW_CHANNEL_COUNT];
  uint64_t failures_total; /* handshakes */
  uint64_t untold;
  uint64_t told_us;
};

static void on_change(void *arg, const char *problem) {
  const struct channel *channel = arg;
  struct gw_log *log = channel->tls->log;
  if (problem != NULL) {
    GW_LOG_ERROR(log, "TLS of the %s port: %s; what was in use before stays so", channel->name, problem);
    return;
  }
  struct gw_rpc_credentials_status status;
  gw_rpc_credentials_get_status(channel->credentials, &status);
  char until[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339((uint64_t)status.not_after_s * 1000000, until);
  GW_LOG_INFO(log, "TLS of the %s port: new files are in use for new connections; the certificate of %s is valid until %.19sZ",
              channel->name, status.subject, until);
}

static void on_handshake_failure(void *arg, const char *reason, uint64_t count) {
  struct gw_channel_tls *tls = arg;
  tls->failures_total += count;
  tls->untold += count;
  uint64_t now_us = gw_loop_now_us(tls->loop);
  if (tls->told_us != 0 && now_us - tls->told_us < TELL_PERIOD_US) return;
  GW_LOG_WARNING(tls->log, "%" PRIu64 " TLS handshake%s failed, the last one because %s", tls->untold, tls->untold == 1 ? "" : "s", reason);
  tls->untold = 0;
  tls->told_us = now_us;
}

static enum gw_err load(struct channel *channel, const struct gw_tls_paths *paths) {
  if (paths->ca == NULL) return GW_OK;
  struct gw_rpc_credentials_options options = {.paths = *paths, .on_change = on_change, .arg = channel};
  char *reason = NULL;
  if (gw_rpc_credentials_new(channel->tls->loop, &options, &channel->credentials, &reason) == GW_OK) return GW_OK;
  GW_LOG_ERROR(channel->tls->log, "TLS of the %s port: %s", channel->name, reason);
  free(reason);
  return GW_ERR_INVALID;
}

enum gw_err gw_channel_tls_new(struct gw_loop *loop, struct gw_log *log, const struct gw_options *options,
                               struct gw_channel_tls **ret_tls) {
  struct gw_channel_tls *tls = gw_calloc(1, sizeof *tls);
  tls->loop = loop;
  tls->log = log;
  tls->channels[GW_CHANNEL_XDS] = (struct channel){.tls = tls, .name = "xds"};
  tls->channels[GW_CHANNEL_ADMIN] = (struct channel){.tls = tls, .name = "admin"};
  enum gw_err xds = load(&tls->channels[GW_CHANNEL_XDS], &options->xds_tls);
  enum gw_err admin = load(&tls->channels[GW_CHANNEL_ADMIN], &options->admin_tls);
  if (xds == GW_OK && admin == GW_OK) {
    *ret_tls = tls;
    return GW_OK;
  }
  gw_channel_tls_free(tls);
  return GW_ERR_INVALID;
}

void gw_channel_tls_free(struct gw_channel_tls *tls) {
  if (tls == NULL) return;
  for (size_t i = 0; i < GW_CHANNEL_COUNT; i++)
    gw_rpc_credentials_free(tls->channels[i].credentials);
  free(tls);
}

void gw_channel_tls_listen(struct gw_channel_tls *tls, struct gw_rpc *rpc) {
  gw_rpc_on_handshake_failure(rpc, on_handshake_failure, tls);
}

struct gw_rpc_credentials *gw_channel_tls_credentials(struct gw_channel_tls *tls, enum gw_channel channel) {
  return tls->channels[channel].credentials;
}

void gw_channel_tls_reload(struct gw_channel_tls *tls) {
  if (tls == NULL) return;
  for (size_t i = 0; i < GW_CHANNEL_COUNT; i++) {
    if (tls->channels[i].credentials != NULL) gw_rpc_credentials_reload(tls->channels[i].credentials);
  }
}

/* ---- what is told of it ---- */

static uint32_t get_ports(void *arg, struct gw_admin_port ret_ports[GW_ADMIN_PORTS_MAX]) {
  const struct gw_channel_tls *tls = arg;
  for (size_t i = 0; i < GW_CHANNEL_COUNT; i++) {
    const struct channel *channel = &tls->channels[i];
    ret_ports[i] = (struct gw_admin_port){.name = channel->name, .has_tls = channel->credentials != NULL, .subject = ""};
    if (!ret_ports[i].has_tls) continue;
    struct gw_rpc_credentials_status status;
    gw_rpc_credentials_get_status(channel->credentials, &status);
    ret_ports[i].subject = status.subject;
    ret_ports[i].not_after_s = status.not_after_s;
    ret_ports[i].problem = status.problem;
  }
  return GW_CHANNEL_COUNT;
}

struct gw_admin_ports gw_channel_tls_ports(struct gw_channel_tls *tls) {
  return (struct gw_admin_ports){.arg = tls, .get = get_ports};
}

struct tls_family {
  const char *name, *type, *help;
  uint64_t (*value)(const struct gw_rpc_credentials_status *status);
};

static uint64_t reloads(const struct gw_rpc_credentials_status *status) {
  return status->reloads_total;
}
static uint64_t errors(const struct gw_rpc_credentials_status *status) {
  return status->errors_total;
}
static uint64_t is_degraded(const struct gw_rpc_credentials_status *status) {
  return status->problem != NULL;
}
static uint64_t not_after(const struct gw_rpc_credentials_status *status) {
  return status->not_after_s > 0 ? (uint64_t)status->not_after_s : 0;
}

void gw_channel_tls_write_metrics(const struct gw_channel_tls *tls, struct gw_metrics_writer *writer) {
  static const struct tls_family families[] = {
      {"gateway_controlplane_tls_reloads_total", "counter", "Times that new TLS files were taken up.", reloads},
      {"gateway_controlplane_tls_reload_errors_total", "counter", "Times that TLS files were not taken up since they are bad.", errors},
      {"gateway_controlplane_tls_degraded", "gauge", "1 while the TLS files as they are now can't be used, or have lapsed.", is_degraded},
      {"gateway_controlplane_tls_certificate_expiry_timestamp_seconds", "gauge", "Until when the certificate is valid, Unix time.",
       not_after},
  };
  for (size_t f = 0; f < GW_ARRAY_LEN(families); f++) {
    gw_metrics_family(writer, families[f].name, families[f].type, families[f].help);
    for (size_t i = 0; i < GW_CHANNEL_COUNT; i++) {
      if (tls->channels[i].credentials == NULL) continue;
      struct gw_rpc_credentials_status status;
      gw_rpc_credentials_get_status(tls->channels[i].credentials, &status);
      struct gw_label label = {.name = "port", .value = gw_str_from(tls->channels[i].name)};
      gw_metrics_u64(writer, families[f].name, &label, 1, families[f].value(&status));
    }
  }
  const char *name = "gateway_controlplane_tls_handshake_failures_total";
  gw_metrics_family(writer, name, "counter", "Connections that ended before TLS stood.");
  gw_metrics_u64(writer, name, NULL, 0, tls->failures_total);
}
