/* Why: public keys in PEM as OpenSSL's objects, one after another, for jwk_pem.c and keys.c.
 * Life: an EVP_PKEY is freed with EVP_PKEY_free; OpenSSL's queue of errors is left empty.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_PEM_KEY_H
#define GW_COMMON_CRYPTO_PEM_KEY_H

#include <openssl/evp.h>

#include "common/base/str.h"

enum gw_pem_key {
  GW_PEM_KEY_PUBLIC,  /* or out of a certificate */
  GW_PEM_KEY_PRIVATE, /* not read */
  GW_PEM_KEY_BROKEN,
  GW_PEM_KEY_END,
};

/* Reads the next block of *rest that holds a key and moves behind it; other blocks are passed over. *ret_pkey only with GW_PEM_KEY_PUBLIC.
 */
enum gw_pem_key gw_pem_key_next(struct gw_str *rest, EVP_PKEY **ret_pkey);

#endif
