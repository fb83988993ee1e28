#include "common/net/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/address.h"
#include "common/net/tls_internal.h"

/* Where 2048 bits of RSA and 224 of a curve begin (NIST SP 800-57): what OpenSSL's security level 2 takes. */
#define SECURITY_BITS_MIN 112

static struct gw_str copy_bio(BIO *bio, struct gw_arena *arena) {
  char *bytes;
  long len = BIO_get_mem_data(bio, &bytes);
  return gw_arena_copy(arena, (struct gw_str){bytes, len > 0 ? (size_t)len : 0});
}

static struct gw_str format_name(const X509_NAME *name, struct gw_arena *arena) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio == NULL) GW_PANIC("out of memory");
  X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
  struct gw_str text = copy_bio(bio, arena);
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

static struct gw_str format_serial(const X509 *x509, struct gw_arena *arena) {
  const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
  return format_hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), arena);
}

static int64_t to_seconds(const ASN1_TIME *time) {
  struct tm parts;
  return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static struct gw_str copy_ia5(const ASN1_IA5STRING *text, struct gw_arena *arena) {
  return gw_arena_copy(arena, (struct gw_str){(const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)});
}

static struct gw_str format_ip(const ASN1_OCTET_STRING *bytes, struct gw_arena *arena) {
  struct gw_address address = {.v4 = {.sin_family = AF_INET}};
  if (ASN1_STRING_length(bytes) == 4) {
    memcpy(&address.v4.sin_addr, ASN1_STRING_get0_data(bytes), 4);
  } else if (ASN1_STRING_length(bytes) == 16) {
    address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
    memcpy(&address.v6.sin6_addr, ASN1_STRING_get0_data(bytes), 16);
  } else {
    return GW_STR("");
  }
  char text[GW_ADDRESS_TEXT_SIZE];
  return gw_arena_copy(arena, gw_address_format_ip(&address, text));
}

static void describe_names(const X509 *x509, struct gw_arena *arena, struct gw_tls_certificate *certificate) {
  GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
  int count = sk_GENERAL_NAME_num(names); /* -1 for NULL */
  if (count > 0) {
    certificate->dns_names = gw_arena_calloc(arena, (size_t)count, sizeof(struct gw_str));
    certificate->uris = gw_arena_calloc(arena, (size_t)count, sizeof(struct gw_str));
    certificate->ips = gw_arena_calloc(arena, (size_t)count, sizeof(struct gw_str));
  }
  for (int i = 0; i < count; i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) certificate->dns_names[certificate->dns_count++] = copy_ia5(name->d.dNSName, arena);
    if (name->type == GEN_URI) certificate->uris[certificate->uri_count++] = copy_ia5(name->d.uniformResourceIdentifier, arena);
    if (name->type == GEN_IPADD) certificate->ips[certificate->ip_count++] = format_ip(name->d.iPAddress, arena);
  }
  GENERAL_NAMES_free(names);
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

void gw_tls_certificate_describe(X509 *x509, struct gw_arena *arena, struct gw_tls_certificate *ret_certificate) {
  struct gw_tls_certificate certificate = {
      .subject = format_name(X509_get_subject_name(x509), arena),
      .issuer = format_name(X509_get_issuer_name(x509), arena),
      .common_name = find_common_name(x509, arena),
      .serial = format_serial(x509, arena),
      .not_before_s = to_seconds(X509_get0_notBefore(x509)),
      .not_after_s = to_seconds(X509_get0_notAfter(x509)),
  };
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  X509_digest(x509, EVP_sha256(), digest, &len);
  certificate.sha256_hex = format_hex(digest, len, arena);
  describe_names(x509, arena, &certificate);
  ERR_clear_error();
  *ret_certificate = certificate;
}

/* Never asks anybody for a passphrase. */
static int refuse_passphrase(char *buf, int size, int is_writing, void *arg) {
  (void)buf, (void)size, (void)is_writing, (void)arg;
  return -1;
}

static BIO *open_pem(struct gw_str pem) {
  BIO *bio = pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.len > 0 ? pem.data : "", (int)pem.len);
  if (bio == NULL) GW_PANIC("out of memory");
  return bio;
}

/* Certificates until something else comes; *ret_is_bad: one that can't be read. */
static STACK_OF(X509) * read_certificates(struct gw_str pem, bool *ret_is_bad) {
  STACK_OF(X509) *stack = sk_X509_new_null();
  BIO *bio = open_pem(pem);
  X509 *x509;
  ERR_clear_error();
  while ((x509 = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL)) != NULL) {
    if (stack == NULL || sk_X509_push(stack, x509) == 0) GW_PANIC("out of memory");
  }
  *ret_is_bad = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  ERR_clear_error();
  BIO_free(bio);
  return stack;
}

STACK_OF(X509) * gw_tls_load_certificates(struct gw_str pem, const char *what, const char *place, struct gw_errors *errors) {
  bool is_bad;
  STACK_OF(X509) *stack = read_certificates(pem, &is_bad);
  if (is_bad) {
    gw_errors_add(errors, place, "%s: certificate %d cannot be read; X.509 in PEM is wanted", what, sk_X509_num(stack) + 1);
  } else if (sk_X509_num(stack) == 0) {
    gw_errors_add(errors, place, "%s: no certificate there; PEM with \"-----BEGIN CERTIFICATE-----\" is wanted", what);
  } else {
    return stack;
  }
  sk_X509_pop_free(stack, X509_free);
  return NULL;
}

static void warn_of_age(const X509 *x509, const char *what, const char *place, struct gw_errors *errors) {
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000);
  char date[GW_CLOCK_RFC3339_SIZE];
  int64_t after_s = to_seconds(X509_get0_notAfter(x509));
  int64_t before_s = to_seconds(X509_get0_notBefore(x509));
  if (after_s < now_s) {
    gw_clock_format_rfc3339(after_s > 0 ? (uint64_t)after_s * 1000000 : 0, date);
    gw_errors_warn(errors, place, "%s expired at %.19sZ", what, date);
  } else if (before_s > now_s) {
    gw_clock_format_rfc3339((uint64_t)before_s * 1000000, date);
    gw_errors_warn(errors, place, "%s is not valid before %.19sZ", what, date);
  }
}

/* A signature by MD5 or SHA-1 proves nothing; that of a root, by itself, need not. */
static void check_strength(X509 *x509, int number, const char *place, struct gw_errors *errors) {
  int bits = EVP_PKEY_get_security_bits(X509_get0_pubkey(x509));
  if (bits < SECURITY_BITS_MIN) {
    gw_errors_add(errors, place, "certificate %d: its key is too weak; RSA from 2048 bits, ECDSA from 224 or Ed25519 is wanted", number);
  }
  bool is_self_signed = (X509_get_extension_flags(x509) & EXFLAG_SS) != 0;
  if (!is_self_signed && X509_get_signature_info(x509, NULL, NULL, &bits, NULL) == 1 && bits < SECURITY_BITS_MIN) {
    gw_errors_add(errors, place, "certificate %d: its signature is too weak; SHA-256 or better is wanted", number);
  }
}

static void check_chain(STACK_OF(X509) * stack, const char *place, struct gw_errors *errors) {
  for (int i = 0; i < sk_X509_num(stack); i++) {
    X509 *x509 = sk_X509_value(stack, i);
    check_strength(x509, i + 1, place, errors);
    if (i > 0 && X509_check_issued(x509, sk_X509_value(stack, i - 1)) != X509_V_OK) {
      gw_errors_warn(errors, place, "certificate %d is not the issuer of certificate %d; the leaf comes first, then its issuers", i + 1, i);
    }
  }
  warn_of_age(sk_X509_value(stack, 0), "the certificate", place, errors);
}

static EVP_PKEY *load_key(struct gw_str pem, const char *place, struct gw_errors *errors) {
  BIO *bio = open_pem(pem);
  ERR_clear_error();
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL);
  if (key == NULL) {
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    bool is_encrypted = reason == PEM_R_BAD_PASSWORD_READ || gw_str_has_prefix(gw_str_trim(pem), GW_STR("-----BEGIN ENCRYPTED"));
    gw_errors_add(errors, place,
                  is_encrypted ? "the private key has a passphrase; one without is wanted"
                               : "the private key cannot be read; PEM is wanted (PKCS #8, RSA or EC)");
  }
  ERR_clear_error();
  BIO_free(bio);
  return key;
}

bool gw_tls_identity_load(const struct gw_tls_key_pair *pair, const char *place, struct gw_errors *errors,
                          struct gw_tls_identity *ret_identity) {
  size_t before = errors->error_count;
  STACK_OF(X509) *stack = gw_tls_load_certificates(pair->certificate_chain, "certificate chain", place, errors);
  EVP_PKEY *key = load_key(pair->private_key, place, errors);
  if (stack != NULL) check_chain(stack, place, errors);
  if (stack != NULL && key != NULL && X509_check_private_key(sk_X509_value(stack, 0), key) != 1) {
    gw_errors_add(errors, place, "the private key is not that of the first certificate");
  }
  ERR_clear_error();
  if (errors->error_count != before) {
    sk_X509_pop_free(stack, X509_free);
    EVP_PKEY_free(key);
    return false;
  }
  X509 *leaf = sk_X509_shift(stack);
  *ret_identity = (struct gw_tls_identity){.leaf = leaf, .key = key, .chain = stack};
  return true;
}

void gw_tls_identity_done(struct gw_tls_identity *identity) {
  X509_free(identity->leaf);
  EVP_PKEY_free(identity->key);
  sk_X509_pop_free(identity->chain, X509_free);
}

enum gw_err gw_tls_certificate_parse(struct gw_str pem, struct gw_arena *arena, struct gw_tls_certificate *ret_certificate) {
  BIO *bio = open_pem(pem);
  X509 *x509 = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
  ERR_clear_error();
  BIO_free(bio);
  if (x509 == NULL) return GW_ERR_INVALID;
  gw_tls_certificate_describe(x509, arena, ret_certificate);
  X509_free(x509);
  return GW_OK;
}

bool gw_tls_check_key_pair(struct gw_str chain, struct gw_str key, const char *place, struct gw_errors *errors, struct gw_arena *arena,
                           struct gw_tls_certificate *ret_leaf) {
  struct gw_tls_key_pair pair = {.certificate_chain = chain, .private_key = key};
  struct gw_tls_identity identity;
  if (!gw_tls_identity_load(&pair, place, errors, &identity)) return false;
  if (ret_leaf != NULL) gw_tls_certificate_describe(identity.leaf, arena, ret_leaf);
  gw_tls_identity_done(&identity);
  return true;
}

bool gw_tls_check_trusted_ca(struct gw_str pem, const char *place, struct gw_errors *errors) {
  STACK_OF(X509) *stack = gw_tls_load_certificates(pem, "trusted CA", place, errors);
  for (int i = 0; i < sk_X509_num(stack); i++)
    warn_of_age(sk_X509_value(stack, i), "a trusted CA's certificate", place, errors);
  sk_X509_pop_free(stack, X509_free);
  return stack != NULL;
}
