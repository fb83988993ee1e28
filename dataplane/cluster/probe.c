#include "dataplane/cluster/probe.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "dataplane/cluster/probe_internal.h"

static bool is_tcp(const struct gw_probe *probe) {
  return probe->check->kind == GW_HEALTH_CHECK_TCP;
}

static void stop(struct gw_probe *probe) {
  gw_timer_stop(&probe->timeout);
  if (is_tcp(probe)) {
    gw_tcp_probe_stop(probe);
  } else {
    gw_http_probe_stop(probe);
  }
}

/* From the loop, since the owner may be starting it just now. */
static void on_result(void *arg) {
  struct gw_probe *probe = arg;
  probe->options.on_result(probe->options.arg, probe->result, probe->reason);
}

void gw_probe_finish(struct gw_probe *probe, enum gw_check_result result, const char *format, ...) {
  stop(probe);
  probe->result = result;
  probe->reason[0] = '\0';
  if (format != NULL) {
    va_list args;
    va_start(args, format);
    vsnprintf(probe->reason, sizeof(probe->reason), format, args);
    va_end(args);
  }
  gw_loop_at_turn_end(probe->options.loop, &probe->result_task);
}

static void on_timeout(struct gw_timer *timer) {
  struct gw_probe *probe = GW_CONTAINER_OF(timer, struct gw_probe, timeout);
  gw_probe_finish(probe, GW_CHECK_FAILED, "no answer within %llu ms", (unsigned long long)probe->check->timeout_ms);
}

struct gw_probe *gw_probe_new(const struct gw_probe_options *options) {
  struct gw_probe *probe = gw_calloc(1, sizeof(*probe));
  probe->options = *options;
  probe->check = options->cluster->health_check;
  if (options->tls != NULL) probe->options.tls = gw_tls_context_ref(options->tls);
  if (probe->check->port > 0) {
    /* At the same place in both families. */
    _Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "one place for the port");
    probe->options.address.v4.sin_port = htons(probe->check->port);
  }
  probe->tcp.fd = -1;
  gw_timer_init(&probe->timeout, on_timeout);
  gw_task_init(&probe->result_task, on_result, probe);
  if (!is_tcp(probe)) gw_http_probe_init(probe);
  return probe;
}

void gw_probe_free(struct gw_probe *probe) {
  if (probe == NULL) return;
  stop(probe);
  gw_task_cancel(&probe->result_task);
  if (!is_tcp(probe)) gw_http_probe_done(probe);
  gw_tls_context_unref(probe->options.tls);
  free(probe);
}

void gw_probe_start(struct gw_probe *probe) {
  gw_timer_start(probe->options.loop, &probe->timeout, probe->check->timeout_ms);
  if (is_tcp(probe)) {
    gw_tcp_probe_start(probe);
  } else {
    gw_http_probe_start(probe);
  }
}
