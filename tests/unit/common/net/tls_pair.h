/* A client's and a server's transport on two socket pairs with a relay between them, which delivers as a test says: any number of
 * bytes at a time, cut off, or changed. */
#ifndef GW_TESTS_UNIT_COMMON_NET_TLS_PAIR_H
#define GW_TESTS_UNIT_COMMON_NET_TLS_PAIR_H

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/transport.h"
#include "tests/unit/common/crypto/certificates.h"

#define ROUNDS_MAX 200000

struct end {
  struct gw_transport transport;
  struct gw_out_queue queue;
  struct gw_strbuf received;
  int fd;
  int relay_fd;
  enum gw_err last_read; /* AGAIN as long as all is well */
  int last_errno;
  enum gw_err last_flush;
  size_t sent;
  unsigned flushes; /* calls that had something to do */
};

struct pair {
  struct gw_loop *loop;
  struct end client;
  struct end server;
  size_t piece;               /* bytes that the relay moves at a time; 0: all there are */
  struct gw_strbuf to_server; /* all that went by */
  struct gw_strbuf to_client;
};

static inline struct gw_tls_key_pair pair_of(const struct issued *issued) {
  return (struct gw_tls_key_pair){.certificate_chain = gw_str_from(issued->chain), .private_key = gw_str_from(issued->key)};
}

static inline void end_open(struct end *end) {
  int fds[2];
  GW_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
  *end = (struct end){.fd = fds[0], .relay_fd = fds[1], .last_read = GW_ERR_AGAIN};
  gw_out_queue_init(&end->queue);
  gw_strbuf_init(&end->received);
}

static inline void end_close(struct end *end) {
  gw_transport_done(&end->transport);
  gw_out_queue_done(&end->queue);
  gw_strbuf_done(&end->received);
  if (end->fd >= 0) close(end->fd);
  if (end->relay_fd >= 0) close(end->relay_fd);
}

static inline void pair_open(struct pair *pair, struct gw_tls_context *client, struct gw_tls_context *server, const char *sni,
                             struct gw_tls_session_slot *slot) {
  *pair = (struct pair){.loop = gw_loop_new()};
  gw_strbuf_init(&pair->to_server);
  gw_strbuf_init(&pair->to_client);
  end_open(&pair->client);
  end_open(&pair->server);
  gw_transport_init_client(&pair->client.transport, pair->client.fd, pair->loop, client, gw_str_from(sni), slot);
  gw_transport_init_server(&pair->server.transport, pair->server.fd, pair->loop, server);
}

static inline void pair_close(struct pair *pair) {
  end_close(&pair->client);
  end_close(&pair->server);
  gw_strbuf_done(&pair->to_server);
  gw_strbuf_done(&pair->to_client);
  gw_loop_free(pair->loop);
}

/* What a connection does when its descriptor is ready. */
static inline void end_step(struct end *end, struct gw_loop *loop) {
  while (end->last_read == GW_OK || end->last_read == GW_ERR_AGAIN) {
    size_t len = 0;
    end->last_read = gw_transport_read(&end->transport, loop, gw_loop_scratch(loop), GW_LOOP_SCRATCH_SIZE, &len);
    end->last_errno = errno;
    if (end->last_read != GW_OK) break;
    GW_ASSERT(len > 0);
    gw_strbuf_append(&end->received, gw_loop_scratch(loop), len);
  }
  if ((gw_transport_interest(&end->transport, &end->queue) & GW_IO_WRITE) != 0) {
    size_t sent;
    end->flushes++;
    end->last_flush = gw_transport_flush(&end->transport, loop, &end->queue, &sent);
    end->sent += sent;
  }
}

static inline bool relay_some(int from, int to, size_t piece, struct gw_strbuf *log) {
  char bytes[65536];
  ssize_t got = recv(from, bytes, piece == 0 || piece > sizeof(bytes) ? sizeof(bytes) : piece, 0);
  if (got <= 0) return false;
  gw_strbuf_append(log, bytes, (size_t)got);
  for (ssize_t sent = 0; sent < got;) {
    ssize_t more = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
    if (more < 0) return errno == EAGAIN; /* lost: tests that come here close anyway */
    sent += more;
  }
  return true;
}

/* Until nothing moves any more. */
static inline void pair_run(struct pair *pair) {
  bool moved = true;
  for (int i = 0; i < ROUNDS_MAX && moved; i++) {
    size_t before = pair->client.received.len + pair->server.received.len + pair->client.sent + pair->server.sent;
    end_step(&pair->client, pair->loop);
    moved = relay_some(pair->client.relay_fd, pair->server.relay_fd, pair->piece, &pair->to_server);
    end_step(&pair->server, pair->loop);
    moved |= relay_some(pair->server.relay_fd, pair->client.relay_fd, pair->piece, &pair->to_client);
    moved |= before != pair->client.received.len + pair->server.received.len + pair->client.sent + pair->server.sent;
  }
  GW_ASSERT(!moved);
}

static inline void end_send(struct end *end, struct gw_loop *loop, struct gw_str text) {
  size_t sent;
  gw_out_queue_add(&end->queue, text);
  end->last_flush = gw_transport_flush(&end->transport, loop, &end->queue, &sent);
  end->sent += sent;
}

static inline bool pair_is_ready(const struct pair *pair) {
  return gw_transport_is_ready(&pair->client.transport) && gw_transport_is_ready(&pair->server.transport);
}

/* Contexts of one line; a mistake shows and ends the test. */
static inline struct gw_tls_context *must_build(struct gw_tls_context *context, struct gw_errors *errors) {
  if (context == NULL) {
    char *text = gw_errors_format(errors);
    fprintf(stderr, "%s\n", text);
    free(text);
  }
  gw_errors_done(errors);
  GW_ASSERT(context != NULL);
  return context;
}

static inline struct gw_tls_context *server_of(const struct gw_tls_server_options *options) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  return must_build(gw_tls_context_new_server(options, "server", &errors), &errors);
}

static inline struct gw_tls_context *client_of(const struct gw_tls_client_options *options) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  return must_build(gw_tls_context_new_client(options, "client", &errors), &errors);
}

#endif
