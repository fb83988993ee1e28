#include "common/crypto/keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "common/base/base64url.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/crypto/jwk_internal.h"
#include "common/crypto/pem_key.h"
#include "common/crypto/x509.h"

#define SECRET_BYTES_MAX 64

static char *take_text(BIO *bio) {
  char *text;
  long len = BIO_get_mem_data(bio, &text);
  char *copy = gw_strndup(text, (size_t)len);
  OPENSSL_cleanse(text, (size_t)len);
  BIO_free(bio);
  return copy;
}

static void write_pair(EVP_PKEY *key, struct gw_key_pair *ret_pair) {
  BIO *private_bio = BIO_new(BIO_s_secmem()), *public_bio = BIO_new(BIO_s_mem());
  GW_ASSERT(key != NULL && private_bio != NULL && public_bio != NULL);
  GW_ASSERT(PEM_write_bio_PKCS8PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_bio_PUBKEY(public_bio, key) == 1);
  ret_pair->private_pem = take_text(private_bio);
  ret_pair->public_pem = take_text(public_bio);
  EVP_PKEY_free(key);
}

enum gw_err gw_keys_generate_rsa_pair(uint32_t bits, struct gw_key_pair *ret_pair) {
  if (bits < GW_JWK_RSA_BITS_MIN || bits > GW_JWK_RSA_BITS_MAX) return GW_ERR_INVALID;
  write_pair(EVP_RSA_gen(bits), ret_pair);
  return GW_OK;
}

enum gw_err gw_keys_generate_ec_pair(const char *curve, struct gw_key_pair *ret_pair) {
  static const char *const curves[] = {"P-256", "P-384", "P-521"};
  if (strcmp(curve, "Ed25519") == 0) {
    write_pair(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), ret_pair);
    return GW_OK;
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    if (strcmp(curve, curves[i]) != 0) continue;
    write_pair(EVP_EC_gen(curve), ret_pair);
    return GW_OK;
  }
  return GW_ERR_INVALID;
}

void gw_key_pair_done(struct gw_key_pair *pair) {
  gw_keys_free_secret(pair->private_pem);
  free(pair->public_pem);
  *pair = (struct gw_key_pair){0};
}

char *gw_keys_generate_secret(size_t bytes) {
  char random[SECRET_BYTES_MAX];
  GW_ASSERT(bytes > 0 && bytes <= sizeof(random));
  gw_random_secure(random, bytes);
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_strbuf_reserve(&buf, bytes * 2 + 4); /* growing would leave copies */
  gw_base64url_append(&buf, (struct gw_str){random, bytes});
  OPENSSL_cleanse(random, sizeof(random));
  return gw_strbuf_take(&buf);
}

void gw_keys_free_secret(char *secret) {
  if (secret != NULL) OPENSSL_cleanse(secret, strlen(secret));
  free(secret);
}

static enum gw_err check(EVP_PKEY *key, EVP_PKEY **ret_key) {
  uint32_t algs;
  GW_CLEANUP(gw_free_ptr) char *sentence = gw_jwk_check_pkey(key, &algs);
  ERR_clear_error();
  if (sentence == NULL) {
    *ret_key = key;
  } else {
    EVP_PKEY_free(key);
  }
  return sentence == NULL ? GW_OK : GW_ERR_DENIED;
}

enum gw_err gw_keys_load_private_key(struct gw_str pem, EVP_PKEY **ret_key) {
  EVP_PKEY *key = gw_x509_read_key(pem);
  return key != NULL ? check(key, ret_key) : GW_ERR_NOT_FOUND;
}

enum gw_err gw_keys_load_public_key(struct gw_str pem, EVP_PKEY **ret_key) {
  EVP_PKEY *key = NULL;
  switch (gw_pem_key_next(&pem, &key)) {
  case GW_PEM_KEY_PUBLIC: return check(key, ret_key);
  case GW_PEM_KEY_PRIVATE: return GW_ERR_INVALID;
  case GW_PEM_KEY_BROKEN:
  case GW_PEM_KEY_END: break;
  }
  return GW_ERR_NOT_FOUND;
}
