#include "common/crypto/certificate.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/crypto/x509_internal.h"

static BIO *open_text(struct gw_str text) {
  if (text.len > INT_MAX) return NULL;
  BIO *bio = BIO_new_mem_buf(text.len > 0 ? text.data : "", (int)text.len);
  GW_ASSERT(bio != NULL);
  return bio;
}

/* OpenSSL would ask at the terminal. */
static int refuse_passphrase(char *buf, int size, int is_for_writing, void *arg) {
  (void)buf, (void)size, (void)is_for_writing, (void)arg;
  return -1;
}

X509 *gw_x509_read_certificate(struct gw_str pem) {
  BIO *bio = open_text(pem);
  if (bio == NULL) return NULL;
  X509 *certificate = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
  BIO_free(bio);
  ERR_clear_error();
  return certificate;
}

EVP_PKEY *gw_x509_read_key(struct gw_str pem) {
  BIO *bio = open_text(pem);
  if (bio == NULL) return NULL;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL);
  BIO_free(bio);
  ERR_clear_error();
  return key;
}

int64_t gw_x509_time(const ASN1_TIME *time) {
  struct tm parts;
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0; /* unreadable: long over */
  return timegm(&parts);
}

static char *format_name(const X509_NAME *name) {
  BIO *bio = BIO_new(BIO_s_mem());
  GW_ASSERT(bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0);
  char *text;
  long len = BIO_get_mem_data(bio, &text);
  char *copy = gw_strndup(text, (size_t)len);
  BIO_free(bio);
  return copy;
}

static struct gw_str copy_string(const ASN1_STRING *string) {
  size_t len = (size_t)ASN1_STRING_length(string);
  return (struct gw_str){gw_strndup((const char *)ASN1_STRING_get0_data(string), len), len};
}

static bool copy_address(const ASN1_STRING *address, struct gw_str *ret_text) {
  char text[INET6_ADDRSTRLEN];
  int len = ASN1_STRING_length(address);
  int family = len == 4 ? AF_INET : len == 16 ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC || inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text) == NULL) return false;
  *ret_text = gw_str_from(gw_strdup(text));
  return true;
}

static bool copy_general_name(const GENERAL_NAME *from, struct gw_certificate_name *ret_name) {
  switch (from->type) {
  case GEN_DNS: *ret_name = (struct gw_certificate_name){GW_CERTIFICATE_DNS, copy_string(from->d.dNSName)}; return true;
  case GEN_URI: *ret_name = (struct gw_certificate_name){GW_CERTIFICATE_URI, copy_string(from->d.uniformResourceIdentifier)}; return true;
  case GEN_IPADD: ret_name->kind = GW_CERTIFICATE_IP; return copy_address(from->d.iPAddress, &ret_name->value);
  default: return false;
  }
}

static void copy_names(const X509 *from, struct gw_certificate *certificate) {
  GENERAL_NAMES *names = X509_get_ext_d2i(from, NID_subject_alt_name, NULL, NULL);
  int count = sk_GENERAL_NAME_num(names); /* -1: there are none */
  certificate->names = gw_calloc(count > 0 ? (size_t)count : 1, sizeof *certificate->names);
  for (int i = 0; i < count; i++) {
    if (copy_general_name(sk_GENERAL_NAME_value(names, i), &certificate->names[certificate->name_count])) certificate->name_count++;
  }
  GENERAL_NAMES_free(names);
}

enum gw_err gw_certificate_parse(struct gw_str pem, struct gw_certificate *ret_certificate) {
  X509 *x509 = gw_x509_read_certificate(pem);
  if (x509 == NULL) return GW_ERR_INVALID;
  *ret_certificate = (struct gw_certificate){
      .subject = format_name(X509_get_subject_name(x509)),
      .issuer = format_name(X509_get_issuer_name(x509)),
      .not_before_s = gw_x509_time(X509_get0_notBefore(x509)),
      .not_after_s = gw_x509_time(X509_get0_notAfter(x509)),
      .is_ca = X509_check_ca(x509) > 0,
  };
  copy_names(x509, ret_certificate);
  X509_free(x509);
  ERR_clear_error();
  return GW_OK;
}

void gw_certificate_done(struct gw_certificate *certificate) {
  free(certificate->subject);
  free(certificate->issuer);
  for (size_t i = 0; i < certificate->name_count; i++)
    free((char *)(uintptr_t)certificate->names[i].value.data);
  free(certificate->names);
  *certificate = (struct gw_certificate){0};
}

enum gw_err gw_certificate_count(struct gw_str pem, size_t *ret_count) {
  BIO *bio = open_text(pem);
  if (bio == NULL) return GW_ERR_INVALID;
  size_t count = 0;
  X509 *x509;
  while ((x509 = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL)) != NULL) {
    X509_free(x509);
    count++;
  }
  unsigned long error = ERR_peek_last_error();
  bool is_at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  BIO_free(bio);
  ERR_clear_error();
  if (!is_at_end || count == 0) return GW_ERR_INVALID;
  *ret_count = count;
  return GW_OK;
}

bool gw_private_key_is_usable(struct gw_str key_pem) {
  EVP_PKEY *key = gw_x509_read_key(key_pem);
  EVP_PKEY_free(key);
  return key != NULL;
}

bool gw_private_key_fits(struct gw_str key_pem, struct gw_str certificate_pem) {
  EVP_PKEY *key = gw_x509_read_key(key_pem);
  X509 *certificate = gw_x509_read_certificate(certificate_pem);
  bool fits = key != NULL && certificate != NULL && X509_check_private_key(certificate, key) == 1;
  X509_free(certificate);
  EVP_PKEY_free(key);
  ERR_clear_error();
  return fits;
}
