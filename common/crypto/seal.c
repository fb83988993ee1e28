#include "common/crypto/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "common/base/random.h"

#define NONCE_SIZE 12
#define TAG_SIZE 16

enum gw_err gw_seal_derive_key(struct gw_str secret, const char *purpose, uint8_t ret_key[GW_SEAL_KEY_SIZE]) {
  if (secret.len < GW_SEAL_SECRET_MIN) return GW_ERR_INVALID;
  EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.data, secret.len),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)purpose, strlen(purpose)),
      OSSL_PARAM_construct_end(),
  };
  GW_ASSERT(context != NULL && EVP_KDF_derive(context, ret_key, GW_SEAL_KEY_SIZE, params) > 0);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
  return GW_OK;
}

enum gw_err gw_seal(const uint8_t key[GW_SEAL_KEY_SIZE], struct gw_str open, struct gw_str plain, struct gw_strbuf *buf) {
  if (plain.len > GW_SEAL_PLAIN_MAX || open.len > GW_SEAL_PLAIN_MAX) return GW_ERR_LIMIT;
  uint8_t nonce[NONCE_SIZE];
  gw_random_secure(nonce, sizeof(nonce));
  gw_strbuf_reserve(buf, plain.len + GW_SEAL_OVERHEAD);
  gw_strbuf_append(buf, nonce, sizeof(nonce));
  uint8_t *cipher = (uint8_t *)buf->data + buf->len;
  uint8_t tag[TAG_SIZE];
  int len = 0;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  GW_ASSERT(context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
  GW_ASSERT(open.len == 0 || EVP_EncryptUpdate(context, NULL, &len, (const uint8_t *)open.data, (int)open.len) == 1);
  GW_ASSERT(plain.len == 0 || EVP_EncryptUpdate(context, cipher, &len, (const uint8_t *)plain.data, (int)plain.len) == 1);
  GW_ASSERT(EVP_EncryptFinal_ex(context, tag, &len) == 1); /* writes nothing: GCM is a stream */
  GW_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1);
  EVP_CIPHER_CTX_free(context);
  buf->len += plain.len;
  gw_strbuf_append(buf, tag, sizeof(tag));
  return GW_OK;
}

enum gw_err gw_unseal(const uint8_t key[GW_SEAL_KEY_SIZE], struct gw_str open, struct gw_str sealed, struct gw_strbuf *buf) {
  if (sealed.len < GW_SEAL_OVERHEAD || sealed.len > GW_SEAL_PLAIN_MAX + GW_SEAL_OVERHEAD) return GW_ERR_DENIED;
  size_t plain_len = sealed.len - GW_SEAL_OVERHEAD;
  const uint8_t *nonce = (const uint8_t *)sealed.data;
  const uint8_t *cipher = nonce + NONCE_SIZE;
  uint8_t tag[TAG_SIZE];
  memcpy(tag, cipher + plain_len, sizeof(tag));
  gw_strbuf_reserve(buf, plain_len + 1);
  uint8_t *plain = (uint8_t *)buf->data + buf->len;
  uint8_t rest[TAG_SIZE];
  int len = 0;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  GW_ASSERT(context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
  GW_ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1);
  GW_ASSERT(open.len == 0 || EVP_DecryptUpdate(context, NULL, &len, (const uint8_t *)open.data, (int)open.len) == 1);
  GW_ASSERT(plain_len == 0 || EVP_DecryptUpdate(context, plain, &len, cipher, (int)plain_len) == 1);
  bool is_authentic = EVP_DecryptFinal_ex(context, rest, &len) == 1;
  EVP_CIPHER_CTX_free(context);
  if (!is_authentic) {
    OPENSSL_cleanse(plain, plain_len);
    plain[0] = '\0';
    return GW_ERR_DENIED;
  }
  buf->len += plain_len;
  buf->data[buf->len] = '\0';
  return GW_OK;
}
