/* Why: OpenSSL's objects behind certificate.c and pki.c.
 * Life: what is returned is freed with OpenSSL's own free functions.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_X509_INTERNAL_H
#define GW_COMMON_CRYPTO_X509_INTERNAL_H

#include <openssl/x509v3.h>

#include "common/base/str.h"

/* The first one in the text; NULL: none. OpenSSL's queue of errors is left empty. */
X509 *gw_x509_read_certificate(struct gw_str pem);
EVP_PKEY *gw_x509_read_key(struct gw_str pem);
int64_t gw_x509_time(const ASN1_TIME *time);

#endif
