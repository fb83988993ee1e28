#include "common/crypto/pem_check.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

/* Never asks at the terminal: a key with a passphrase is none for us. */
static int no_passphrase(char *buf, int size, int is_writing, void *arg) {
  (void)buf, (void)size, (void)is_writing, (void)arg;
  return -1;
}

static BIO *open_text(struct gw_str text) {
  return text.len > 0 && text.len <= INT_MAX ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
}

static int64_t to_unix(const ASN1_TIME *time) {
  struct tm broken_down;
  return ASN1_TIME_to_tm(time, &broken_down) == 1 ? (int64_t)timegm(&broken_down) : 0;
}

static void describe(const X509 *certificate, struct gw_pem_certificates *out) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  out->not_before_s = to_unix(X509_get0_notBefore(certificate));
  out->not_after_s = to_unix(X509_get0_notAfter(certificate));
  if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1) len = 0;
  out->sha256[0] = '\0';
  for (unsigned i = 0; i < len && i < 32; i++)
    snprintf(out->sha256 + 2 * (size_t)i, 3, "%02x", digest[i]);
}

enum gw_err gw_pem_read_certificates(struct gw_str pem, struct gw_pem_certificates *ret_certificates) {
  struct gw_pem_certificates found = {0};
  BIO *bio = open_text(pem);
  X509 *certificate;
  ERR_clear_error();
  while (bio != NULL && (certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
    if (found.count++ == 0) describe(certificate, &found);
    X509_free(certificate);
  }
  unsigned long failure = ERR_peek_last_error();
  bool is_end = bio == NULL || (ERR_GET_LIB(failure) == ERR_LIB_PEM && ERR_GET_REASON(failure) == PEM_R_NO_START_LINE);
  ERR_clear_error();
  BIO_free(bio);
  if (!is_end) return GW_ERR_INVALID;
  if (found.count == 0) return GW_ERR_NOT_FOUND;
  *ret_certificates = found;
  return GW_OK;
}

enum gw_err gw_pem_check_pair(struct gw_str chain, struct gw_str key) {
  BIO *chain_bio = open_text(chain), *key_bio = open_text(key);
  X509 *certificate = chain_bio != NULL ? PEM_read_bio_X509(chain_bio, NULL, no_passphrase, NULL) : NULL;
  EVP_PKEY *private_key = key_bio != NULL ? PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL) : NULL;
  enum gw_err err = private_key == NULL ? GW_ERR_NOT_FOUND : GW_OK;
  if (err == GW_OK && (certificate == NULL || X509_check_private_key(certificate, private_key) != 1)) err = GW_ERR_DENIED;
  ERR_clear_error();
  EVP_PKEY_free(private_key);
  X509_free(certificate);
  BIO_free(key_bio);
  BIO_free(chain_bio);
  return err;
}
