#include "common/crypto/pem_key.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static EVP_PKEY *decode(struct gw_str label, const unsigned char *der, long len) {
  if (gw_str_equal(label, GW_STR(PEM_STRING_PUBLIC))) return d2i_PUBKEY(NULL, &der, len);
  if (gw_str_equal(label, GW_STR(PEM_STRING_RSA_PUBLIC))) return d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, len);
  X509 *x509 = d2i_X509(NULL, &der, len);
  EVP_PKEY *pkey = x509 != NULL ? X509_get_pubkey(x509) : NULL;
  X509_free(x509);
  return pkey;
}

static bool is_public(struct gw_str label) {
  static const char *const labels[] = {PEM_STRING_PUBLIC, PEM_STRING_RSA_PUBLIC, PEM_STRING_X509, PEM_STRING_X509_OLD};
  for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
    if (gw_str_equal(label, gw_str_from(labels[i]))) return true;
  }
  return false;
}

/* The next block, whatever it holds. */
static enum gw_pem_key next_block(BIO *bio, EVP_PKEY **ret_pkey, bool *ret_is_other) {
  char *name = NULL, *header = NULL;
  unsigned char *der = NULL;
  long len = 0;
  *ret_is_other = false;
  if (PEM_read_bio(bio, &name, &header, &der, &len) != 1) {
    bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    return is_end ? GW_PEM_KEY_END : GW_PEM_KEY_BROKEN;
  }
  struct gw_str label = gw_str_from(name);
  enum gw_pem_key kind = GW_PEM_KEY_BROKEN;
  if (gw_str_has_suffix(label, GW_STR("PRIVATE KEY"))) {
    kind = GW_PEM_KEY_PRIVATE;
  } else if (!is_public(label)) {
    *ret_is_other = true;
  } else {
    EVP_PKEY *pkey = decode(label, der, len);
    if (pkey != NULL) {
      *ret_pkey = pkey;
      kind = GW_PEM_KEY_PUBLIC;
    }
  }
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(der, (size_t)len);
  return kind;
}

enum gw_pem_key gw_pem_key_next(struct gw_str *rest, EVP_PKEY **ret_pkey) {
  if (rest->len == 0 || rest->len > INT_MAX) return rest->len == 0 ? GW_PEM_KEY_END : GW_PEM_KEY_BROKEN;
  BIO *bio = BIO_new_mem_buf(rest->data, (int)rest->len);
  GW_ASSERT(bio != NULL);
  ERR_clear_error();
  bool is_other;
  enum gw_pem_key kind;
  do {
    kind = next_block(bio, ret_pkey, &is_other);
  } while (is_other);
  size_t left = kind == GW_PEM_KEY_BROKEN ? 0 : BIO_ctrl_pending(bio);
  *rest = gw_str_skip(*rest, rest->len - left);
  BIO_free(bio);
  ERR_clear_error();
  return kind;
}
