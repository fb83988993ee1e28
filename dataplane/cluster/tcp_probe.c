/* It is enough that a connection can be made; with TLS that its handshake ends well. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/net/socket.h"
#include "dataplane/cluster/probe_internal.h"

static void fail(struct gw_probe *probe, int error_number) {
  struct gw_str tls = probe->tcp.transport.tls != NULL ? gw_tls_failure(probe->tcp.transport.tls) : (struct gw_str){0};
  if (tls.len > 0) {
    gw_probe_finish(probe, GW_CHECK_FAILED, "TLS: %.*s", GW_STR_ARG(tls));
  } else {
    gw_probe_finish(probe, GW_CHECK_FAILED, "connecting: %s", error_number != 0 ? strerror(error_number) : "closed");
  }
}

/* false: the handshake has failed, and the probe is finished. */
static bool read_handshake(struct gw_probe *probe) {
  struct gw_loop *loop = probe->options.loop;
  size_t got;
  enum gw_err err = gw_transport_read(&probe->tcp.transport, loop, gw_loop_scratch(loop), GW_LOOP_SCRATCH_SIZE, &got);
  if (err == GW_OK || err == GW_ERR_AGAIN) return true;
  fail(probe, err == GW_ERR_IO ? errno : 0);
  return false;
}

static void go_on(struct gw_probe *probe) {
  enum gw_err err = gw_transport_flush(&probe->tcp.transport, probe->options.loop, &probe->tcp.out, NULL);
  if (err != GW_OK && err != GW_ERR_AGAIN) {
    fail(probe, err == GW_ERR_IO ? errno : 0);
  } else if (gw_transport_is_ready(&probe->tcp.transport)) {
    gw_probe_finish(probe, GW_CHECK_PASSED, NULL);
  } else {
    gw_io_set(probe->tcp.io, GW_IO_READ | gw_transport_interest(&probe->tcp.transport, &probe->tcp.out));
  }
}

static void on_io(void *arg, unsigned ready) {
  struct gw_probe *probe = arg;
  if (!probe->tcp.is_connected) {
    int error_number = gw_socket_take_error(probe->tcp.fd);
    if (error_number != 0) {
      fail(probe, error_number);
      return;
    }
    probe->tcp.is_connected = true;
  } else if ((ready & GW_IO_READ) != 0 && !read_handshake(probe)) {
    return;
  }
  go_on(probe);
}

void gw_tcp_probe_start(struct gw_probe *probe) {
  const struct gw_probe_options *options = &probe->options;
  int fd;
  if (gw_socket_connect(&options->address, &fd) != GW_OK) {
    gw_probe_finish(probe, GW_CHECK_FAILED, "connecting: %s", strerror(errno));
    return;
  }
  probe->tcp.fd = fd;
  probe->tcp.is_connected = false;
  gw_out_queue_init(&probe->tcp.out);
  if (options->tls != NULL) {
    gw_transport_init_client(&probe->tcp.transport, fd, options->loop, options->tls, options->cluster->tls->sni, NULL);
  } else {
    gw_transport_init(&probe->tcp.transport, fd);
  }
  probe->tcp.io = gw_io_new(options->loop, fd, on_io, probe);
  gw_io_set(probe->tcp.io, GW_IO_WRITE);
}

void gw_tcp_probe_stop(struct gw_probe *probe) {
  if (probe->tcp.fd < 0) return;
  gw_io_free(probe->tcp.io);
  gw_transport_done(&probe->tcp.transport);
  gw_out_queue_done(&probe->tcp.out);
  close(probe->tcp.fd);
  probe->tcp.fd = -1;
}
