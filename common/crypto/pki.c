#include "common/crypto/pki.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/crypto/x509.h"

#define SERIAL_BYTES 16
#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 appendix A.1 */

static void set_serial(X509 *x509) {
  uint8_t bytes[SERIAL_BYTES];
  gw_random_secure(bytes, sizeof bytes);
  bytes[0] = (uint8_t)((bytes[0] & 0x3fu) | 0x40u); /* positive, and of one length */
  BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
  GW_ASSERT(number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL);
  BN_free(number);
}

static bool set_subject(X509 *x509, const char *common_name) {
  struct gw_str name = gw_str_from(common_name);
  if (name.len == 0 || name.len > COMMON_NAME_MAX) return false;
  X509_NAME *subject = X509_get_subject_name(x509);
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name.data, (int)name.len, -1, 0) == 1;
}

static void add_extension(X509 *x509, int id, void *value, bool is_critical) {
  GW_ASSERT(X509_add1_ext_i2d(x509, id, value, is_critical, X509V3_ADD_REPLACE) == 1);
}

/* ---- names ---- */

static bool is_printable(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] <= ' ' || text.data[i] > '~') return false;
  }
  return text.len > 0;
}

static GENERAL_NAME *make_general_name(const struct gw_certificate_name *name) {
  if (!is_printable(name->value)) return NULL;
  ASN1_STRING *value;
  int type = name->kind == GW_CERTIFICATE_DNS ? GEN_DNS : name->kind == GW_CERTIFICATE_URI ? GEN_URI : GEN_IPADD;
  if (name->kind == GW_CERTIFICATE_IP) {
    char *text = gw_str_dup(name->value);
    value = a2i_IPADDRESS(text);
    free(text);
    if (value == NULL) return NULL;
  } else {
    value = ASN1_IA5STRING_new();
    GW_ASSERT(value != NULL && ASN1_STRING_set(value, name->value.data, (int)name->value.len) == 1);
  }
  GENERAL_NAME *made = GENERAL_NAME_new();
  GW_ASSERT(made != NULL);
  GENERAL_NAME_set0_value(made, type, value);
  return made;
}

static bool add_names(X509 *x509, const struct gw_pki_request *request) {
  if (request->name_count == 0) return true;
  GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
  bool is_ok = true;
  for (size_t i = 0; i < request->name_count && is_ok; i++) {
    GENERAL_NAME *name = make_general_name(&request->names[i]);
    is_ok = name != NULL;
    if (is_ok) GW_ASSERT(sk_GENERAL_NAME_push(names, name) > 0);
  }
  if (is_ok) add_extension(x509, NID_subject_alt_name, names, false);
  GENERAL_NAMES_free(names);
  return is_ok;
}

/* ---- what it may be used for ---- */

static void add_basic_constraints(X509 *x509, bool is_ca) {
  BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
  GW_ASSERT(constraints != NULL);
  if (is_ca) {
    constraints->ca = 0xff;
    constraints->pathlen = ASN1_INTEGER_new();
    GW_ASSERT(constraints->pathlen != NULL && ASN1_INTEGER_set(constraints->pathlen, 0) == 1);
  }
  add_extension(x509, NID_basic_constraints, constraints, true);
  BASIC_CONSTRAINTS_free(constraints);
}

static void add_key_usage(X509 *x509, bool is_ca) {
  enum { DIGITAL_SIGNATURE = 0, KEY_CERT_SIGN = 5, CRL_SIGN = 6 }; /* RFC 5280 section 4.2.1.3 */
  ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
  GW_ASSERT(usage != NULL && ASN1_BIT_STRING_set_bit(usage, is_ca ? KEY_CERT_SIGN : DIGITAL_SIGNATURE, 1) == 1);
  if (is_ca) GW_ASSERT(ASN1_BIT_STRING_set_bit(usage, CRL_SIGN, 1) == 1);
  add_extension(x509, NID_key_usage, usage, true);
  ASN1_BIT_STRING_free(usage);
}

static void add_extended_key_usage(X509 *x509, const struct gw_pki_request *request) {
  if (!request->for_servers && !request->for_clients) return;
  EXTENDED_KEY_USAGE *usage = sk_ASN1_OBJECT_new_null();
  if (request->for_servers) GW_ASSERT(sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_server_auth)) > 0);
  if (request->for_clients) GW_ASSERT(sk_ASN1_OBJECT_push(usage, OBJ_nid2obj(NID_client_auth)) > 0);
  add_extension(x509, NID_ext_key_usage, usage, false);
  sk_ASN1_OBJECT_free(usage); /* the objects are OpenSSL's own */
}

/* The subject's and the authority's key identifiers: how a chain is put together while a CA's key changes. */
static void add_key_ids(X509 *x509, const X509 *issuer) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
  GW_ASSERT(id != NULL && X509_pubkey_digest(x509, EVP_sha1(), digest, &len) == 1 && ASN1_OCTET_STRING_set(id, digest, (int)len) == 1);
  add_extension(x509, NID_subject_key_identifier, id, false);
  ASN1_OCTET_STRING_free(id);
  const ASN1_OCTET_STRING *of_issuer = X509_get0_subject_key_id((X509 *)(uintptr_t)issuer);
  if (of_issuer == NULL) return;
  AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
  GW_ASSERT(authority != NULL && (authority->keyid = ASN1_OCTET_STRING_dup(of_issuer)) != NULL);
  add_extension(x509, NID_authority_key_identifier, authority, false);
  AUTHORITY_KEYID_free(authority);
}

/* ---- the whole ---- */

static bool fill(X509 *x509, const struct gw_pki_request *request, EVP_PKEY *key, const X509 *issuer) {
  GW_ASSERT(X509_set_version(x509, X509_VERSION_3) == 1 && X509_set_pubkey(x509, key) == 1);
  set_serial(x509);
  if (ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)request->not_before_s) == NULL ||
      ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)request->not_after_s) == NULL || !set_subject(x509, request->common_name)) {
    return false;
  }
  GW_ASSERT(X509_set_issuer_name(x509, X509_get_subject_name(issuer != NULL ? issuer : x509)) == 1);
  add_basic_constraints(x509, request->is_ca);
  add_key_usage(x509, request->is_ca);
  add_extended_key_usage(x509, request);
  add_key_ids(x509, issuer != NULL ? issuer : x509);
  return add_names(x509, request);
}

static char *take_text(BIO *bio) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  char *text = gw_strndup(data, (size_t)len);
  OPENSSL_cleanse(data, (size_t)len);
  BIO_free(bio);
  return text;
}

static void write_pair(X509 *x509, EVP_PKEY *key, struct gw_pki_pair *ret_pair) {
  BIO *certificate = BIO_new(BIO_s_mem()), *private_key = BIO_new(BIO_s_secmem());
  GW_ASSERT(certificate != NULL && private_key != NULL);
  GW_ASSERT(PEM_write_bio_X509(certificate, x509) == 1);
  GW_ASSERT(PEM_write_bio_PKCS8PrivateKey(private_key, key, NULL, NULL, 0, NULL, NULL) == 1);
  ret_pair->certificate = take_text(certificate);
  ret_pair->key = take_text(private_key);
}

enum gw_err gw_pki_issue(const struct gw_pki_request *request, const struct gw_pki_pair *issuer, struct gw_pki_pair *ret_pair) {
  X509 *issuer_x509 = NULL;
  EVP_PKEY *issuer_key = NULL;
  if (issuer != NULL) {
    issuer_x509 = gw_x509_read_certificate(gw_str_from(issuer->certificate));
    issuer_key = gw_x509_read_key(gw_str_from(issuer->key));
  }
  bool has_issuer = issuer == NULL || (issuer_x509 != NULL && issuer_key != NULL && X509_check_private_key(issuer_x509, issuer_key) == 1);
  EVP_PKEY *key = has_issuer ? EVP_EC_gen("P-256") : NULL;
  X509 *x509 = X509_new();
  GW_ASSERT(x509 != NULL);
  enum gw_err err = GW_ERR_INVALID;
  if (key != NULL && fill(x509, request, key, issuer_x509)) {
    GW_ASSERT(X509_sign(x509, issuer_key != NULL ? issuer_key : key, EVP_sha256()) > 0);
    write_pair(x509, key, ret_pair);
    err = GW_OK;
  }
  X509_free(x509);
  EVP_PKEY_free(key);
  X509_free(issuer_x509);
  EVP_PKEY_free(issuer_key);
  ERR_clear_error();
  return err;
}

void gw_pki_pair_done(struct gw_pki_pair *pair) {
  free(pair->certificate);
  if (pair->key != NULL) OPENSSL_cleanse(pair->key, strlen(pair->key));
  free(pair->key);
  *pair = (struct gw_pki_pair){0};
}
