/* Why: makes keys and reads them out of PEM: the origin's generate_rsa_key_pair, load_private_key and load_public_key, EC, Ed25519 and
 * secrets. Life: a gw_key_pair is embedded and owns its PEM texts; done cleanses the private one. An EVP_PKEY is freed with EVP_PKEY_free.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_KEYS_H
#define GW_COMMON_CRYPTO_KEYS_H

#include "common/base/err.h"
#include "common/base/str.h"

struct evp_pkey_st;

struct gw_key_pair {
  char *private_pem; /* PKCS#8, without a passphrase; NUL-terminated */
  char *public_pem;  /* SPKI */
};

/* 2048 to 8192 bits (GW_JWK_RSA_BITS_*); GW_ERR_INVALID: others. Takes a second for 4096. */
enum gw_err gw_keys_generate_rsa_pair(uint32_t bits, struct gw_key_pair *ret_pair);
/* "P-256", "P-384", "P-521" or "Ed25519"; GW_ERR_INVALID: others. */
enum gw_err gw_keys_generate_ec_pair(const char *curve, struct gw_key_pair *ret_pair);
void gw_key_pair_done(struct gw_key_pair *pair);

/* `bytes` random bytes (1 to 64) in base64url, NUL-terminated: 48 are 64 characters, which as a text are long enough for every HS*. Freed
 * with gw_keys_free_secret. */
char *gw_keys_generate_secret(size_t bytes);
/* Overwrites and frees; NULL is accepted. */
void gw_keys_free_secret(char *secret);

/* The first one in the text. GW_ERR_NOT_FOUND: none that can be read, or only with a passphrase; GW_ERR_DENIED: too weak (RSA below 2048
 * bits). */
enum gw_err gw_keys_load_private_key(struct gw_str pem, struct evp_pkey_st **ret_key);
/* Out of a public key or a certificate; the same errors; GW_ERR_INVALID: it is a private key. */
enum gw_err gw_keys_load_public_key(struct gw_str pem, struct evp_pkey_st **ret_key);

#endif
