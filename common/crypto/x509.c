#include "common/crypto/x509.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* Where 2048 bits of RSA and 224 of a curve begin (NIST SP 800-57): what OpenSSL's security level 2 takes. */
#define SECURITY_BITS_MIN 112

/* ---- out of PEM ---- */

static BIO *open_pem(struct gw_str pem) {
  bool is_text = pem.len > 0 && pem.len <= INT_MAX;
  BIO *bio = BIO_new_mem_buf(is_text ? pem.data : "", is_text ? (int)pem.len : 0);
  GW_ASSERT(bio != NULL);
  ERR_clear_error();
  return bio;
}

/* OpenSSL would ask at the terminal. */
static int refuse_passphrase(char *buf, int size, int is_writing, void *arg) {
  (void)buf, (void)size, (void)is_writing, (void)arg;
  return -1;
}

X509 *gw_x509_read_certificate(struct gw_str pem) {
  BIO *bio = open_pem(pem);
  X509 *x509 = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL);
  BIO_free(bio);
  ERR_clear_error();
  return x509;
}

static bool failed_with(int reason) {
  unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == reason;
}

static EVP_PKEY *read_key(struct gw_str pem, bool *ret_has_passphrase) {
  BIO *bio = open_pem(pem);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, NULL);
  *ret_has_passphrase =
      key == NULL && (failed_with(PEM_R_BAD_PASSWORD_READ) || gw_str_has_prefix(gw_str_trim(pem), GW_STR("-----BEGIN ENCRYPTED")));
  BIO_free(bio);
  ERR_clear_error();
  return key;
}

EVP_PKEY *gw_x509_read_key(struct gw_str pem) {
  bool has_passphrase;
  return read_key(pem, &has_passphrase);
}

STACK_OF(X509) * gw_x509_read_certificates(struct gw_str pem, bool *ret_is_whole) {
  STACK_OF(X509) *stack = sk_X509_new_null();
  BIO *bio = open_pem(pem);
  for (X509 *x509; (x509 = PEM_read_bio_X509(bio, NULL, refuse_passphrase, NULL)) != NULL;)
    GW_ASSERT(sk_X509_push(stack, x509) > 0);
  *ret_is_whole = failed_with(PEM_R_NO_START_LINE);
  BIO_free(bio);
  ERR_clear_error();
  return stack;
}

/* ---- in words ---- */

STACK_OF(X509) * gw_x509_load_certificates(struct gw_str pem, const char *what, const char *place, struct gw_errors *errors) {
  bool is_whole;
  STACK_OF(X509) *stack = gw_x509_read_certificates(pem, &is_whole);
  if (!is_whole) {
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
  int64_t after_s = gw_x509_time(X509_get0_notAfter(x509));
  int64_t before_s = gw_x509_time(X509_get0_notBefore(x509));
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
  bool has_passphrase;
  EVP_PKEY *key = read_key(pem, &has_passphrase);
  if (key == NULL) {
    gw_errors_add(errors, place,
                  has_passphrase ? "the private key has a passphrase; one without is wanted"
                                 : "the private key cannot be read; PEM is wanted (PKCS #8, RSA or EC)");
  }
  return key;
}

bool gw_x509_pair_load(struct gw_str chain, struct gw_str key, const char *place, struct gw_errors *errors, struct gw_x509_pair *ret_pair) {
  size_t before = errors->error_count;
  struct gw_x509_pair pair = {.chain = gw_x509_load_certificates(chain, "certificate chain", place, errors),
                              .key = load_key(key, place, errors)};
  if (pair.chain != NULL) {
    check_chain(pair.chain, place, errors);
    pair.leaf = sk_X509_shift(pair.chain);
  }
  if (pair.leaf != NULL && pair.key != NULL && X509_check_private_key(pair.leaf, pair.key) != 1) {
    gw_errors_add(errors, place, "the private key is not that of the first certificate");
  }
  ERR_clear_error();
  bool is_good = errors->error_count == before;
  if (is_good) {
    *ret_pair = pair;
  } else {
    gw_x509_pair_done(&pair);
  }
  return is_good;
}

void gw_x509_pair_done(struct gw_x509_pair *pair) {
  X509_free(pair->leaf);
  EVP_PKEY_free(pair->key);
  sk_X509_pop_free(pair->chain, X509_free);
}

bool gw_certificate_check_pair(struct gw_str chain, struct gw_str key, const char *place, struct gw_errors *errors) {
  struct gw_x509_pair pair;
  bool is_good = gw_x509_pair_load(chain, key, place, errors, &pair);
  if (is_good) gw_x509_pair_done(&pair);
  return is_good;
}

bool gw_certificate_check_trusted_ca(struct gw_str pem, const char *place, struct gw_errors *errors) {
  STACK_OF(X509) *stack = gw_x509_load_certificates(pem, "trusted CA", place, errors);
  for (int i = 0; i < sk_X509_num(stack); i++)
    warn_of_age(sk_X509_value(stack, i), "a trusted CA's certificate", place, errors);
  sk_X509_pop_free(stack, X509_free);
  return stack != NULL;
}
