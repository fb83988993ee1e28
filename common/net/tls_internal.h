/* Why: the insides of TLS, shared by the files of this folder that speak to OpenSSL; nobody else includes it.
 * Life: a context until its last reference goes; a struct gw_tls as long as its transport; buffers as long as their loop.
 * Thread: contexts any, frozen; the rest the loop's. */
#ifndef GW_COMMON_NET_TLS_INTERNAL_H
#define GW_COMMON_NET_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "common/base/map.h"
#include "common/crypto/x509.h"
#include "common/event/loop.h"
#include "common/net/out_queue.h"
#include "common/net/tls.h"
#include "common/net/tls_records.h"

/* A certificate of ours. */
struct gw_tls_identity {
  struct gw_x509_pair pair;
  struct gw_str uri; /* the first URI name, or empty */
};

/* What is shown to who asks for a name: at most one certificate of each kind of key. */
#define GW_TLS_GROUP_MAX 4
struct gw_tls_group {
  const struct gw_tls_identity *members[GW_TLS_GROUP_MAX];
  uint32_t member_count;
};

struct gw_tls_context {
  atomic_uint refs;
  bool is_server;
  bool checks_host;
  bool has_tickets;
  unsigned char scope[32]; /* of sessions: where they may be resumed */
  SSL_CTX *ssl_ctx;
  struct gw_arena arena;
  struct gw_tls_identity *identities;
  uint32_t identity_count;
  struct gw_map *groups; /* by name in lower case, "*.example.com" too; values in the arena; NULL for clients */
  const struct gw_tls_group *first_group;
  const struct gw_str *alpn;
  uint32_t alpn_count;
  const struct gw_tls_san_match *sans;
  uint32_t san_count;
  EVP_CIPHER *ticket_cipher;
  char *ticket_keys; /* GW_TLS_TICKET_KEY_BYTES each, cleansed in the end */
  uint32_t ticket_key_count;
  struct gw_tls_ciphers *ciphers; /* servers only: for records after the handshake */
};

/* A part of a context's building each; they add what is wrong to errors. tls_verify.c: whom to believe. */
void gw_tls_context_set_verify(struct gw_tls_context *context, const struct gw_tls_options *options, bool is_required, const char *place,
                               struct gw_errors *errors);
/* tls_choice.c: a server's certificates by name, and ALPN. */
void gw_tls_context_set_choices(struct gw_tls_context *context, const char *place, struct gw_errors *errors);
/* tls_session.c: servers' tickets, clients' sessions, and where both may be resumed: only where the peer would be checked alike.
 * is_strict, extra: what else must be the same. */
void gw_tls_context_set_tickets(struct gw_tls_context *context, const struct gw_tls_server_options *options, const char *place,
                                struct gw_errors *errors);
void gw_tls_context_keep_sessions(struct gw_tls_context *context);
void gw_tls_context_set_session_scope(struct gw_tls_context *context, const struct gw_tls_options *options, bool is_strict,
                                      struct gw_str extra);
/* Resumes the session of tls->slot if it may be. */
void gw_tls_offer_session(struct gw_tls *tls, struct gw_str sni);

/* Bytes of TLS that the socket did not take, or that wait for company. */
struct gw_tls_kept {
  size_t start;
  size_t end;
  char data[];
};

/* Secrets of a server's TLS 1.3 handshake, from OpenSSL's key log: what the records after it are protected with. */
struct gw_tls_secrets {
  uint8_t client[GW_TLS_SECRET_MAX];
  uint8_t server[GW_TLS_SECRET_MAX];
  uint8_t client_len;
  uint8_t server_len;
};

/* What is remembered when OpenSSL's struct is gone. */
struct gw_tls_agreed {
  const char *cipher; /* OpenSSL's constant */
  struct gw_str alpn; /* the context's */
  struct gw_str uri;  /* the context's */
  X509 *peer;
  bool is_resumed;
  size_t sni_len;
  char sni[];
};

enum gw_tls_wait {
  GW_TLS_WAIT_SOCKET,  /* it was full */
  GW_TLS_WAIT_COMPANY, /* a client's last words of the handshake, for the first request */
  GW_TLS_WAIT_ANY,     /* tickets, for the first answer, whenever that comes */
};

struct gw_tls {
  struct gw_tls_context *context;
  SSL *ssl;                       /* NULL once `records` has taken over */
  struct gw_tls_records *records; /* of a server with TLS 1.3, after the handshake */
  struct gw_tls_agreed *agreed;   /* with `records` */
  struct gw_tls_secrets *secrets; /* of a server, during the handshake */
  struct gw_tls_kept *tail;       /* a record that has not come whole, with `records` */
  struct gw_tls_kept *kept;       /* to be sent */
  size_t unsent;                  /* bytes of the connection's queue that are in `kept` */
  struct gw_tls_session_slot *slot;
  const char *failure;
  enum gw_err end;       /* what every later read says; GW_OK: none yet */
  int end_errno;         /* with GW_ERR_IO */
  int write_errno;       /* the socket refused to send; 0: not yet */
  enum gw_tls_wait wait; /* why there is `kept` */
  uint8_t empty_records; /* records without data in a row, with `ssl` */
  bool is_ready;
  bool has_begun; /* a client has said hello */
  bool has_ended; /* close_notify was said */
};

/* The buffers of one loop, and the one BIO that all of its connections use in turn. */
struct gw_tls_room {
  BIO_METHOD *method;
  BIO *bio;
  struct gw_tls *current; /* whose turn it is */
  size_t in_at;           /* of `in`, what has been taken */
  size_t in_len;
  char *out; /* ciphertext of this call */
  size_t out_len;
  size_t out_cap;
  char in[GW_LOOP_SCRATCH_SIZE]; /* ciphertext of one recv, behind the rest of the last one; no memory until it is used */
  char plain[GW_TLS_RECORD_MAX]; /* pieces that become one record */
};

/* The loop's, with this connection's turn begun. */
struct gw_tls_room *gw_tls_room_enter(struct gw_loop *loop, struct gw_tls *tls);
/* Room for `len` more bytes in `out`. */
char *gw_tls_room_reserve(struct gw_tls_room *room, size_t len);

/* tls.c: a connection's TLS between its buffers; transport.c does the sending and receiving. */
struct gw_tls *gw_tls_new(struct gw_loop *loop, struct gw_tls_context *context, struct gw_str sni, struct gw_tls_session_slot *slot);
void gw_tls_free(struct gw_tls *tls);
/* Of servers' contexts (SSL_CTX_set_keylog_callback). */
void gw_tls_on_key_log(const SSL *ssl, const char *line);
/* Takes in room->in: goes on with the handshake, then opens what is there into buf, which has GW_LOOP_SCRATCH_SIZE. The bytes. */
size_t gw_tls_open(struct gw_tls *tls, struct gw_tls_room *room, char *buf);
/* A client's hello. */
void gw_tls_begin(struct gw_tls *tls);
/* One record of at most GW_TLS_RECORD_MAX bytes into room->out. The bytes taken; 0: it failed. */
size_t gw_tls_seal(struct gw_tls *tls, struct gw_tls_room *room, const struct gw_out_queue *queue);
/* close_notify into room->out. */
void gw_tls_seal_close(struct gw_tls *tls, struct gw_tls_room *room);
void gw_tls_fail(struct gw_tls *tls, enum gw_err end, int error_number, const char *failure);

/* Words for what went wrong in the last call on ssl; empties OpenSSL's error queue. */
const char *gw_tls_take_reason(SSL *ssl);
/* Words for an alert that the peer sent. */
const char *gw_tls_alert_reason(unsigned alert);

#endif
