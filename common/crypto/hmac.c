#include "common/crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/base/err.h"
#include "common/base/mem.h"

#define BLOCK_SIZE_MAX 128

/* The two digests of RFC 2104, each after its padded key: a message costs copies of them, no set-up. */
struct gw_hmac {
  EVP_MD_CTX *inner;
  EVP_MD_CTX *outer;
  size_t size;
};

size_t gw_hash_size(enum gw_hash hash) {
  return hash == GW_HASH_SHA256 ? 32 : hash == GW_HASH_SHA384 ? 48 : 64;
}

static const EVP_MD *digest_of(enum gw_hash hash) {
  return hash == GW_HASH_SHA256 ? EVP_sha256() : hash == GW_HASH_SHA384 ? EVP_sha384() : EVP_sha512();
}

static EVP_MD_CTX *begin(const EVP_MD *md, const uint8_t *key, size_t block_size, uint8_t pad) {
  uint8_t block[BLOCK_SIZE_MAX];
  for (size_t i = 0; i < block_size; i++)
    block[i] = key[i] ^ pad;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  GW_ASSERT(context != NULL && EVP_DigestInit_ex(context, md, NULL) == 1 && EVP_DigestUpdate(context, block, block_size) == 1);
  OPENSSL_cleanse(block, sizeof(block));
  return context;
}

struct gw_hmac *gw_hmac_new(enum gw_hash hash, struct gw_str key) {
  const EVP_MD *md = digest_of(hash);
  size_t block_size = hash == GW_HASH_SHA256 ? 64 : 128;
  uint8_t block[BLOCK_SIZE_MAX] = {0};
  GW_ASSERT(key.len > 0);
  if (key.len > block_size) {
    GW_ASSERT(EVP_Digest(key.data, key.len, block, NULL, md, NULL) == 1);
  } else {
    memcpy(block, key.data, key.len);
  }
  struct gw_hmac *hmac = gw_calloc(1, sizeof(*hmac));
  hmac->inner = begin(md, block, block_size, 0x36);
  hmac->outer = begin(md, block, block_size, 0x5c);
  hmac->size = gw_hash_size(hash);
  OPENSSL_cleanse(block, sizeof(block));
  return hmac;
}

void gw_hmac_free(struct gw_hmac *hmac) {
  if (hmac == NULL) return;
  EVP_MD_CTX_free(hmac->inner); /* cleanses its state */
  EVP_MD_CTX_free(hmac->outer);
  free(hmac);
}

void gw_hmac_compute(const struct gw_hmac *hmac, struct gw_str message, uint8_t ret_mac[GW_HASH_SIZE_MAX]) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  GW_ASSERT(context != NULL && EVP_MD_CTX_copy_ex(context, hmac->inner) == 1 &&
            EVP_DigestUpdate(context, message.len > 0 ? message.data : "", message.len) == 1 &&
            EVP_DigestFinal_ex(context, ret_mac, NULL) == 1);
  GW_ASSERT(EVP_MD_CTX_copy_ex(context, hmac->outer) == 1 && EVP_DigestUpdate(context, ret_mac, hmac->size) == 1 &&
            EVP_DigestFinal_ex(context, ret_mac, NULL) == 1);
  EVP_MD_CTX_free(context);
}

bool gw_hmac_verify(const struct gw_hmac *hmac, struct gw_str message, struct gw_str mac) {
  uint8_t expected[GW_HASH_SIZE_MAX];
  gw_hmac_compute(hmac, message, expected);
  bool is_equal = mac.len == hmac->size && CRYPTO_memcmp(expected, mac.data, hmac->size) == 0;
  OPENSSL_cleanse(expected, sizeof(expected));
  return is_equal;
}
