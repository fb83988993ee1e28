/* What a stranger says first on a TLS port: byte 0 is the size of the pieces in which the rest arrives. A server that asks for a
 * certificate, with two of its own; the reading must end, whatever comes. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/common/net/tls_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_tls_context *build(void) {
  static const struct gw_str alpn[] = {GW_STR("h2"), GW_STR("http/1.1")};
  static const char ticket_key[GW_TLS_TICKET_KEY_BYTES] = "the same in every run";
  struct issued ca = issue(&(struct issue){.common_name = "CA", .is_authority = true});
  struct issued first = issue(&(struct issue){.names = "DNS:a.example", .issuer = &ca});
  struct issued second = issue(&(struct issue){.names = "DNS:*.b.example", .issuer = &ca});
  struct gw_tls_key_pair pairs[] = {pair_of(&first), pair_of(&second)};
  struct gw_str key = {ticket_key, sizeof(ticket_key)};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_tls_context *context = gw_tls_context_new_server(
      &(struct gw_tls_server_options){
          .common = {.certificates = pairs, .certificate_count = 2, .alpn = alpn, .alpn_count = 2, .trusted_ca = gw_str_from(ca.chain)},
          .ticket_keys = &key,
          .ticket_key_count = 1,
      },
      "fuzz", &errors);
  GW_ASSERT(context != NULL);
  gw_errors_done(&errors);
  issued_done(&ca);
  issued_done(&first);
  issued_done(&second);
  return context;
}

static void talk(struct gw_transport *transport, struct gw_loop *loop, int peer_fd, struct gw_str bytes, size_t piece) {
  char answer[4096];
  enum gw_err err = GW_ERR_AGAIN;
  for (size_t at = 0; at < bytes.len && err == GW_ERR_AGAIN; at += piece) {
    size_t len = bytes.len - at < piece ? bytes.len - at : piece;
    GW_ASSERT(send(peer_fd, bytes.data + at, len, MSG_NOSIGNAL) == (ssize_t)len);
    size_t got = 0;
    err = gw_transport_read(transport, loop, gw_loop_scratch(loop), GW_LOOP_SCRATCH_SIZE, &got);
    GW_ASSERT(err != GW_OK); /* nobody guesses a handshake's keys */
    GW_ASSERT((err == GW_ERR_INVALID) == (gw_tls_failure(transport->tls).len > 0));
    while (recv(peer_fd, answer, sizeof(answer), 0) > 0)
      ;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  /* process-wide: made once, since a key takes a thousand times an input's time */
  static struct gw_tls_context *context;
  static struct gw_loop *loop;
  struct gw_transport transport;
  int fds[2];
  if (size == 0) return 0;
  if (context == NULL) {
    context = build();
    loop = gw_loop_new();
  }
  GW_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
  gw_transport_init_server(&transport, fds[0], loop, context);
  struct gw_str bytes = {(const char *)data + 1, size - 1 < 60000 ? size - 1 : 60000};
  talk(&transport, loop, fds[1], bytes, data[0] == 0 ? 60000 : data[0]);
  gw_transport_done(&transport);
  close(fds[0]);
  close(fds[1]);
  return 0;
}
