/* Why: certificates and keys as OpenSSL's objects, read out of PEM, for who hands them to OpenSSL: TLS and pki.c. Others use certificate.h.
 * Life: what is returned is freed with OpenSSL's own functions; its queue of errors is left empty.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_X509_H
#define GW_COMMON_CRYPTO_X509_H

#include <openssl/x509v3.h>

#include "common/crypto/certificate.h"

/* The first one in the text; NULL: none that can be read. */
X509 *gw_x509_read_certificate(struct gw_str pem);
/* The same. A key with a passphrase is none: nobody is asked for it. */
EVP_PKEY *gw_x509_read_key(struct gw_str pem);
/* All of the text, perhaps none; *ret_is_whole: no certificate follows that can't be read. Freed with sk_X509_pop_free. */
STACK_OF(X509) * gw_x509_read_certificates(struct gw_str pem, bool *ret_is_whole);
/* The same, at least one; NULL and a mistake otherwise. `what` they are: "trusted CA". */
STACK_OF(X509) * gw_x509_load_certificates(struct gw_str pem, const char *what, const char *place, struct gw_errors *errors);

/* What a server or a client shows. */
struct gw_x509_pair {
  X509 *leaf;
  EVP_PKEY *key;
  STACK_OF(X509) * chain; /* without the leaf */
};

/* Reads it, with gw_certificate_check_pair's checks. False: there were mistakes, and *ret_pair is untouched. */
bool gw_x509_pair_load(struct gw_str chain, struct gw_str key, const char *place, struct gw_errors *errors, struct gw_x509_pair *ret_pair);
void gw_x509_pair_done(struct gw_x509_pair *pair);

void gw_x509_describe(X509 *x509, struct gw_arena *arena, struct gw_certificate *ret_certificate);
/* Unix time; 0: unreadable, and long over. */
int64_t gw_x509_time(const ASN1_TIME *time);

#endif
