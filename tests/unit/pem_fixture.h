/* Why: certificates and keys for tests, made on the spot: none lies in the repository, none runs out.
 * Life: texts are freed with free().
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_PEM_FIXTURE_H
#define GW_TESTS_UNIT_PEM_FIXTURE_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/str.h"

struct pem_pair {
  char *certificate;
  char *key;
};

static inline char *pem_take(BIO *bio) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  char *text = gw_str_dup((struct gw_str){data, (size_t)len});
  BIO_free(bio);
  return text;
}

/* Self-signed, valid from `from_s` to `to_s` seconds from now. */
static inline struct pem_pair pem_make(const char *name, long from_s, long to_s) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
  X509_set_pubkey(certificate, key);
  X509_NAME *subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_bio, certificate);
  PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return (struct pem_pair){pem_take(certificate_bio), pem_take(key_bio)};
}

static inline void pem_done(struct pem_pair *pair) {
  free(pair->certificate);
  free(pair->key);
}

#endif
