#include <stdlib.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

/* OpenSSL reads and writes through one BIO a loop, over the loop's buffers: an idle connection has neither. It works because a call on a
 * connection ends before the next one's begins. */

static int on_read(BIO *bio, char *buf, int size) {
  struct gw_tls_room *room = BIO_get_data(bio);
  struct gw_tls *tls = room->current;
  BIO_clear_retry_flags(bio);
  /* OpenSSL asks for a record's head first. A peer that sends records in which nothing is only keeps us busy. */
  if (tls->is_ready && size == (int)GW_TLS_RECORD_HEAD && ++tls->empty_records > GW_TLS_EMPTY_RECORDS_MAX) {
    gw_tls_fail(tls, GW_ERR_INVALID, 0, "too many records without data");
    return -1;
  }
  size_t len = room->in_len - room->in_at;
  if (len == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  if (len > (size_t)size) len = (size_t)size;
  memcpy(buf, room->in + room->in_at, len);
  room->in_at += len;
  return (int)len;
}

static int on_write(BIO *bio, const char *bytes, int len) {
  struct gw_tls_room *room = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  memcpy(gw_tls_room_reserve(room, (size_t)len), bytes, (size_t)len);
  room->out_len += (size_t)len;
  return len;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void on_loop_freed(void *annex) {
  struct gw_tls_room *room = annex;
  BIO_free(room->bio);
  BIO_meth_free(room->method);
  free(room->out);
  free(room);
}

static struct gw_tls_room *room_new(void) {
  struct gw_tls_room *room = gw_malloc(sizeof(*room));
  memset(room, 0, offsetof(struct gw_tls_room, in));
  room->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "loop");
  if (room->method == NULL) GW_PANIC("out of memory");
  BIO_meth_set_read(room->method, on_read);
  BIO_meth_set_write(room->method, on_write);
  BIO_meth_set_ctrl(room->method, on_ctrl);
  room->bio = BIO_new(room->method);
  if (room->bio == NULL) GW_PANIC("out of memory");
  BIO_set_data(room->bio, room);
  BIO_set_init(room->bio, 1);
  return room;
}

struct gw_tls_room *gw_tls_room_enter(struct gw_loop *loop, struct gw_tls *tls) {
  struct gw_tls_room *room = gw_loop_annex(loop);
  if (room == NULL) {
    room = room_new();
    gw_loop_set_annex(loop, room, on_loop_freed);
  }
  room->current = tls;
  room->in_at = room->in_len = 0;
  room->out_len = 0;
  return room;
}

char *gw_tls_room_reserve(struct gw_tls_room *room, size_t len) {
  if (room->out_cap - room->out_len < len) {
    room->out_cap = 2 * room->out_cap + len;
    room->out = gw_realloc_array(room->out, room->out_cap, 1);
  }
  return room->out + room->out_len;
}
