#include "controlplane/discovery/nacos_push.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/net/socket.h"
#include "controlplane/discovery/nacos_datagram.h"

#define DATAGRAMS_A_TURN 32

struct gw_nacos_push {
  struct gw_loop *loop;
  struct gw_io *io;
  int fd;
  struct gw_address address;
  gw_nacos_push_fn fn;
  void *arg;
  uint64_t second; /* of the loop's clock, in which `looked_at` were looked at */
  uint32_t looked_at;
  struct gw_nacos_push_stats stats;
};

static bool may_look(struct gw_nacos_push *push) {
  uint64_t second = gw_loop_now_ms(push->loop) / 1000;
  if (second != push->second) {
    push->second = second;
    push->looked_at = 0;
  }
  return push->looked_at++ < GW_NACOS_PUSHES_PER_S_MAX;
}

static void acknowledge(struct gw_nacos_push *push, const struct gw_nacos_change *change, const struct gw_address *sender) {
  struct gw_strbuf ack;
  gw_strbuf_init(&ack);
  gw_nacos_datagram_append_ack(change, &ack);
  (void)sendto(push->fd, ack.data, ack.len, 0, &sender->any, gw_address_len(sender)); /* one that is lost is one more datagram to us */
  gw_strbuf_done(&ack);
}

static void take(struct gw_nacos_push *push, struct gw_str datagram, const struct gw_address *sender) {
  struct gw_arena arena;
  struct gw_nacos_change change;
  push->stats.received++;
  if (!may_look(push)) {
    push->stats.dropped++;
    return;
  }
  gw_arena_init(&arena, 16384);
  enum gw_err err = gw_nacos_datagram_parse(datagram, &arena, &change);
  if (err == GW_OK) {
    acknowledge(push, &change, sender);
    push->fn(push->arg, change.name);
  } else if (err == GW_ERR_LIMIT) {
    push->fn(push->arg, GW_STR(""));
  } else {
    push->stats.invalid++;
  }
  gw_arena_done(&arena);
}

/* The callback asks for lists, and never frees this. */
static void on_io(void *arg, unsigned ready) {
  (void)ready;
  struct gw_nacos_push *push = arg;
  GW_CLEANUP(gw_free_ptr) char *room = gw_malloc(GW_NACOS_DATAGRAM_MAX);
  for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
    struct gw_address sender = {0};
    socklen_t sender_len = sizeof(sender);
    ssize_t len = recvfrom(push->fd, room, GW_NACOS_DATAGRAM_MAX, 0, &sender.any, &sender_len);
    if (len < 0) return; /* none left; an error of an acknowledgement (ICMP) is taken off the socket by this */
    take(push, (struct gw_str){room, (size_t)len}, &sender);
  }
}

enum gw_err gw_nacos_push_new(struct gw_loop *loop, const struct gw_address *local, gw_nacos_push_fn fn, void *arg,
                              struct gw_nacos_push **ret_push) {
  struct gw_address wanted = *local, bound;
  int fd;
  if (wanted.any.sa_family == AF_INET6)
    wanted.v6.sin6_port = 0;
  else
    wanted.v4.sin_port = 0;
  enum gw_err err = gw_socket_bind_udp(&wanted, &fd);
  if (err != GW_OK) return err;
  GW_ASSERT(gw_socket_local_address(fd, &bound) == GW_OK);
  struct gw_nacos_push *push = gw_calloc(1, sizeof(*push));
  *push = (struct gw_nacos_push){.loop = loop, .fd = fd, .address = bound, .fn = fn, .arg = arg};
  push->io = gw_io_new(loop, fd, on_io, push);
  gw_io_set(push->io, GW_IO_READ);
  *ret_push = push;
  return GW_OK;
}

void gw_nacos_push_free(struct gw_nacos_push *push) {
  if (push == NULL) return;
  gw_io_free(push->io);
  close(push->fd);
  free(push);
}

const struct gw_address *gw_nacos_push_address(const struct gw_nacos_push *push) {
  return &push->address;
}

const struct gw_nacos_push_stats *gw_nacos_push_stats(const struct gw_nacos_push *push) {
  return &push->stats;
}
