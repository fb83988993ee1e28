/* Why: TLS 1.3's record protocol (RFC 8446 section 5) for a server's connection after its handshake. OpenSSL's own keeps 13 KiB for each
 * connection and copies every byte twice; what is left to do after a handshake is sealing, opening and key updates. The handshake, its
 * keys and all cryptography stay OpenSSL's.
 * Life: new when the handshake is through … free. The ciphers belong to the context.
 * Thread: the connection's; ciphers any. */
#ifndef GW_COMMON_NET_TLS_RECORDS_H
#define GW_COMMON_NET_TLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

struct iovec;
struct gw_tls_ciphers;
struct gw_tls_records;

#define GW_TLS_RECORD_MAX 16384u /* plaintext of one record */
#define GW_TLS_RECORD_HEAD 5u    /* type, version, length */
#define GW_TLS_RECORD_EXTRA 22u  /* what sealing adds: head, inner type, tag */
#define GW_TLS_SECRET_MAX 48u
#define GW_TLS_EMPTY_RECORDS_MAX 32u /* records without data in a row, of a peer that only keeps us busy */

/* The cipher suites that servers offer, fetched once. */
struct gw_tls_ciphers *gw_tls_ciphers_new(void);
void gw_tls_ciphers_free(struct gw_tls_ciphers *ciphers);

/* suite: as on the wire (0x1301 …). Secrets: client_application_traffic_secret_0 and server_…; they are copied. out_seq: records that
 * were already sealed with the server's. NULL: a suite that is not known here, or secrets of a wrong length. */
struct gw_tls_records *gw_tls_records_new(const struct gw_tls_ciphers *ciphers, uint16_t suite, struct gw_str in_secret,
                                          struct gw_str out_secret, uint64_t out_seq);
void gw_tls_records_free(struct gw_tls_records *records);

/* What came of opening. */
struct gw_tls_opened {
  size_t used;         /* bytes of input, whole records only */
  size_t len;          /* bytes of plaintext */
  bool is_closed;      /* close_notify: nothing after it counts */
  const char *failure; /* NULL: none; else words, and `alert` is to be sent, unless the peer sent one (0) */
  uint8_t alert;
};
/* Opens all whole records of `in`. buf has room for in_len bytes. */
void gw_tls_records_open(struct gw_tls_records *records, const char *in, size_t in_len, char *buf, struct gw_tls_opened *ret_opened);

/* Seals at most GW_TLS_RECORD_MAX bytes as one record of application data, behind a key update if one is due; out has room for them and
 * 2 * GW_TLS_RECORD_EXTRA + 8. The bytes written. */
size_t gw_tls_records_seal(struct gw_tls_records *records, const struct iovec *spans, size_t span_count, char *out);
/* An alert record; out has room for GW_TLS_RECORD_EXTRA + 2. */
size_t gw_tls_records_seal_alert(struct gw_tls_records *records, uint8_t level, uint8_t description, char *out);

#endif
