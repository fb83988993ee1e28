/* Certificates for tests, made on the spot: an authority, and what it issues. Keys of one kind are made once a process. */
#ifndef GW_TESTS_UNIT_COMMON_CRYPTO_CERTIFICATES_H
#define GW_TESTS_UNIT_COMMON_CRYPTO_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/base/mem.h"
#include "common/base/str.h"

struct issued {
  char *chain; /* PEM */
  char *key;   /* PEM */
  X509 *x509;
  EVP_PKEY *pkey;
};

struct issue {
  const char *common_name;     /* NULL: none */
  const char *names;           /* subjectAltName as OpenSSL's configuration has it: "DNS:a.example,IP:127.0.0.1"; NULL: none */
  const struct issued *issuer; /* NULL: itself */
  bool is_authority;
  bool is_rsa;
  int rsa_bits; /* 0: 2048 */
  long from_days;
  long to_days;         /* 0: 30 */
  const EVP_MD *digest; /* NULL: SHA-256 */
};

static inline char *take_pem(BIO *bio) {
  char *bytes;
  long len = BIO_get_mem_data(bio, &bytes);
  char *text = gw_strndup(bytes, (size_t)len);
  BIO_free(bio);
  return text;
}

static inline char *x509_pem(X509 *x509) {
  BIO *bio = BIO_new(BIO_s_mem());
  GW_ASSERT(PEM_write_bio_X509(bio, x509) == 1);
  return take_pem(bio);
}

static inline char *key_pem(EVP_PKEY *key) {
  BIO *bio = BIO_new(BIO_s_mem());
  GW_ASSERT(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
  return take_pem(bio);
}

static inline void add_extension(X509 *x509, X509 *issuer, int nid, const char *value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
  GW_ASSERT(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

static inline struct issued issue(const struct issue *wanted) {
  static long serial = 0x1000; /* process-wide: serial numbers of an authority differ */
  struct issued issued = {.x509 = X509_new()};
  issued.pkey = wanted->is_rsa ? EVP_RSA_gen((unsigned)(wanted->rsa_bits != 0 ? wanted->rsa_bits : 2048)) : EVP_EC_gen("P-256");
  X509_set_version(issued.x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(issued.x509), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(issued.x509), wanted->from_days * 86400 - 60);
  X509_gmtime_adj(X509_getm_notAfter(issued.x509), (wanted->to_days != 0 ? wanted->to_days : 30) * 86400);
  X509_set_pubkey(issued.x509, issued.pkey);
  X509_NAME *name = X509_get_subject_name(issued.x509);
  if (wanted->common_name != NULL) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wanted->common_name, -1, -1, 0);
  }
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Example", -1, -1, 0);
  X509 *issuer = wanted->issuer != NULL ? wanted->issuer->x509 : issued.x509;
  X509_set_issuer_name(issued.x509, X509_get_subject_name(issuer));
  if (wanted->is_authority) add_extension(issued.x509, issuer, NID_basic_constraints, "critical,CA:TRUE");
  if (wanted->names != NULL) add_extension(issued.x509, issuer, NID_subject_alt_name, wanted->names);
  X509_sign(issued.x509, wanted->issuer != NULL ? wanted->issuer->pkey : issued.pkey,
            wanted->digest != NULL ? wanted->digest : EVP_sha256());
  issued.chain = x509_pem(issued.x509);
  issued.key = key_pem(issued.pkey);
  return issued;
}

static inline void issued_done(struct issued *issued) {
  free(issued->chain);
  free(issued->key);
  X509_free(issued->x509);
  EVP_PKEY_free(issued->pkey);
}

#endif
