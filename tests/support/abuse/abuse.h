/* Why: what the parts of the generator of abuse share: a connection that misbehaves, and the table of how.
 * Life: connections are slots, opened again when the mode says so, until the time is up.
 * Thread: one. */
#ifndef GW_TESTS_SUPPORT_ABUSE_H
#define GW_TESTS_SUPPORT_ABUSE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

struct connection {
  int fd; /* -1: not open */
  uint32_t index;
  SSL *ssl; /* NULL: plaintext */
  bool is_connected;
  bool is_mute; /* has nothing more to say */
  uint32_t watched;
  uint64_t next_ms; /* when the next piece is due, of modes with a pace */
  uint64_t pieces;  /* said on this connection */
  uint32_t stream_id;
  struct gw_strbuf out;
  size_t out_at;
  struct gw_strbuf in; /* what came of a frame or of an answer's first line */
  uint32_t skip;       /* of a frame's payload */
};

enum tls_use { TLS_IF_ASKED, TLS_NEVER, TLS_ALWAYS };

struct mode {
  const char *name;
  bool is_h2;
  bool is_deaf; /* never reads */
  bool reopens; /* a connection that has ended is opened again at once */
  bool closes;  /* after its last piece, instead of staying */
  enum tls_use tls;
  uint32_t connections;                         /* at once */
  uint32_t pace_ms;                             /* between pieces; 0: as fast as the socket takes them */
  uint64_t pieces_max;                          /* on a connection; 0: no end */
  uint32_t receive_bytes;                       /* SO_RCVBUF; 0: the system's */
  uint32_t tls_version;                         /* 0: what is agreed on */
  void (*begin)(struct connection *connection); /* may be NULL; appends to connection->out */
  void (*more)(struct connection *connection);  /* a piece; NULL: there is none */
};

struct options {
  const char *path;
  struct gw_strbuf h2_request; /* the field block of GET path */
  struct gw_strbuf h2_upload;  /* and of POST path with content-length 5 */
  struct gw_strbuf h2_post;    /* and of POST path without a length */
};
extern struct options options;

extern const struct mode h1_modes[];
extern const struct mode h2_modes[];
extern const struct mode tls_modes[];

/* ---- modes_h2.c ---- */
void h2_init(void);
/* What the peer says, as far as it says no. */
void h2_take(struct connection *connection, struct gw_str bytes);

/* ---- abuse.c: what is told in the end ---- */
void count_status(unsigned status);
void count_goaway(uint32_t error);
void count_reset(uint32_t error);

static inline void say(struct connection *connection, struct gw_str bytes) {
  gw_strbuf_append_str(&connection->out, bytes);
}

#endif
