#include "common/crypto/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <time.h>

#include "common/base/mem.h"
#include "common/crypto/x509.h"

int64_t gw_x509_time(const ASN1_TIME *time) {
  struct tm parts;
  return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static struct gw_str format_name(const X509_NAME *name, struct gw_arena *arena) {
  BIO *bio = BIO_new(BIO_s_mem());
  GW_ASSERT(bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0);
  char *bytes;
  long len = BIO_get_mem_data(bio, &bytes);
  struct gw_str text = gw_arena_copy(arena, (struct gw_str){bytes, (size_t)len});
  BIO_free(bio);
  return text;
}

static struct gw_str format_hex(const unsigned char *bytes, size_t len, struct gw_arena *arena) {
  static const char digits[] = "0123456789abcdef";
  char *text = gw_arena_alloc_bytes(arena, 2 * len + 1);
  for (size_t i = 0; i < len; i++) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  text[2 * len] = '\0';
  return (struct gw_str){text, 2 * len};
}

static struct gw_str view(const ASN1_STRING *string) {
  return (struct gw_str){(const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
}

static bool copy_name(const GENERAL_NAME *from, struct gw_arena *arena, struct gw_certificate_name *ret_name) {
  char text[INET6_ADDRSTRLEN];
  struct gw_str value;
  switch (from->type) {
  case GEN_DNS: *ret_name = (struct gw_certificate_name){GW_CERTIFICATE_DNS, gw_arena_copy(arena, view(from->d.dNSName))}; return true;
  case GEN_URI:
    *ret_name = (struct gw_certificate_name){GW_CERTIFICATE_URI, gw_arena_copy(arena, view(from->d.uniformResourceIdentifier))};
    return true;
  case GEN_IPADD:
    value = view(from->d.iPAddress);
    if ((value.len != 4 && value.len != 16) || inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.data, text, sizeof text) == NULL)
      return false;
    *ret_name = (struct gw_certificate_name){GW_CERTIFICATE_IP, gw_arena_copy(arena, gw_str_from(text))};
    return true;
  default: return false;
  }
}

static void copy_names(const X509 *x509, struct gw_arena *arena, struct gw_certificate *certificate) {
  GENERAL_NAMES *from = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
  int count = sk_GENERAL_NAME_num(from); /* -1 for NULL */
  struct gw_certificate_name *names = count > 0 ? gw_arena_calloc(arena, (size_t)count, sizeof(*names)) : NULL;
  for (int i = 0; i < count; i++) {
    if (copy_name(sk_GENERAL_NAME_value(from, i), arena, &names[certificate->name_count])) certificate->name_count++;
  }
  certificate->names = names;
  GENERAL_NAMES_free(from);
}

/* The last CN, as RFC 6125 calls the most specific one. */
static struct gw_str find_common_name(const X509 *x509, struct gw_arena *arena) {
  const X509_NAME *subject = X509_get_subject_name(x509);
  int at = -1;
  for (int next; (next = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    at = next;
  if (at < 0) return GW_STR("");
  unsigned char *utf8;
  int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (len < 0) return GW_STR("");
  struct gw_str name = gw_arena_copy(arena, (struct gw_str){(const char *)utf8, (size_t)len});
  OPENSSL_free(utf8);
  return name;
}

void gw_x509_describe(X509 *x509, struct gw_arena *arena, struct gw_certificate *ret_certificate) {
  const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  X509_digest(x509, EVP_sha256(), digest, &len);
  *ret_certificate = (struct gw_certificate){
      .subject = format_name(X509_get_subject_name(x509), arena),
      .issuer = format_name(X509_get_issuer_name(x509), arena),
      .common_name = find_common_name(x509, arena),
      .serial = format_hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), arena),
      .sha256_hex = format_hex(digest, len, arena),
      .not_before_s = gw_x509_time(X509_get0_notBefore(x509)),
      .not_after_s = gw_x509_time(X509_get0_notAfter(x509)),
      .is_ca = X509_check_ca(x509) > 0,
  };
  copy_names(x509, arena, ret_certificate);
  ERR_clear_error();
}

enum gw_err gw_certificate_parse(struct gw_str pem, struct gw_arena *arena, struct gw_certificate *ret_certificate) {
  X509 *x509 = gw_x509_read_certificate(pem);
  if (x509 == NULL) return GW_ERR_INVALID;
  gw_x509_describe(x509, arena, ret_certificate);
  X509_free(x509);
  return GW_OK;
}

enum gw_err gw_certificate_count(struct gw_str pem, uint32_t *ret_count) {
  bool is_whole;
  STACK_OF(X509) *stack = gw_x509_read_certificates(pem, &is_whole);
  uint32_t count = (uint32_t)sk_X509_num(stack);
  sk_X509_pop_free(stack, X509_free);
  if (!is_whole) return GW_ERR_INVALID;
  if (count == 0) return GW_ERR_NOT_FOUND;
  *ret_count = count;
  return GW_OK;
}

enum gw_err gw_certificate_match_key(struct gw_str chain, struct gw_str key) {
  X509 *x509 = gw_x509_read_certificate(chain);
  EVP_PKEY *private_key = gw_x509_read_key(key);
  enum gw_err err = private_key == NULL ? GW_ERR_NOT_FOUND : GW_OK;
  if (err == GW_OK && (x509 == NULL || X509_check_private_key(x509, private_key) != 1)) err = GW_ERR_DENIED;
  EVP_PKEY_free(private_key);
  X509_free(x509);
  ERR_clear_error();
  return err;
}
