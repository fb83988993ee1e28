#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include "common/base/mem.h"
#include "common/net/tls_internal.h"

struct word {
  int code;
  const char *text;
};

/* What operators meet; the rest keeps OpenSSL's words, which are constants too. */
static const struct word reasons[] = {
    {SSL_R_HTTP_REQUEST, "plain HTTP on a TLS port"},
    {SSL_R_HTTPS_PROXY_REQUEST, "plain HTTP (CONNECT) on a TLS port"},
    {SSL_R_WRONG_VERSION_NUMBER, "not TLS"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "no common version of TLS"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, "no common version of TLS"},
    {SSL_R_VERSION_TOO_LOW, "no common version of TLS"},
    {SSL_R_NO_SHARED_CIPHER, "no shared cipher"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no certificate that the client can check"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no common key exchange group"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "no common application protocol (ALPN)"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "certificate required"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, "closed during the handshake"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "a record that is not authentic"},
    {SSL_R_LENGTH_TOO_SHORT, "not TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, "not TLS"},
};

static const struct word verify_reasons[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "unknown ca"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "unknown ca"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "unknown ca"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "unknown ca"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "unknown ca (self-signed)"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "a certificate's signature is wrong"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "certificate expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "certificate not yet valid"},
    {X509_V_ERR_INVALID_PURPOSE, "certificate made for another purpose"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "certificate has none of the expected names"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "certificate has none of the expected names"},
};

static const struct word alerts[] = {
    {SSL_AD_UNEXPECTED_MESSAGE, "the peer says: unexpected message"},
    {SSL_AD_BAD_RECORD_MAC, "the peer says: bad record"},
    {SSL_AD_HANDSHAKE_FAILURE, "the peer says: handshake failure"},
    {SSL_AD_BAD_CERTIFICATE, "the peer says: bad certificate"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, "the peer says: unsupported certificate"},
    {SSL_AD_CERTIFICATE_REVOKED, "the peer says: certificate revoked"},
    {SSL_AD_CERTIFICATE_EXPIRED, "the peer says: certificate expired"},
    {SSL_AD_CERTIFICATE_UNKNOWN, "the peer says: certificate unknown"},
    {SSL_AD_ILLEGAL_PARAMETER, "the peer says: illegal parameter"},
    {SSL_AD_UNKNOWN_CA, "the peer says: unknown ca"},
    {SSL_AD_ACCESS_DENIED, "the peer says: access denied"},
    {SSL_AD_DECRYPT_ERROR, "the peer says: a signature or key is wrong"},
    {SSL_AD_PROTOCOL_VERSION, "the peer says: version not supported"},
    {SSL_AD_INSUFFICIENT_SECURITY, "the peer says: insufficient security"},
    {SSL_AD_INTERNAL_ERROR, "the peer says: internal error"},
    {SSL_AD_UNRECOGNIZED_NAME, "the peer says: unrecognized name"},
    {SSL_AD_CERTIFICATE_REQUIRED, "the peer says: certificate required"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, "the peer says: no application protocol"},
};

static const char *find(const struct word *words, size_t count, int code) {
  for (size_t i = 0; i < count; i++)
    if (words[i].code == code) return words[i].text;
  return NULL;
}

const char *gw_tls_alert_reason(unsigned alert) {
  const char *text = find(alerts, GW_ARRAY_LEN(alerts), (int)alert);
  return text != NULL ? text : "the peer ended it with an alert";
}

static const char *verify_reason(SSL *ssl) {
  long result = SSL_get_verify_result(ssl);
  const char *text = find(verify_reasons, GW_ARRAY_LEN(verify_reasons), (int)result);
  return text != NULL ? text : X509_verify_cert_error_string(result);
}

static const char *reason_of(SSL *ssl, unsigned long error) {
  int reason = ERR_GET_REASON(error);
  const char *text = NULL;
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return ERR_reason_error_string(error);
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) return verify_reason(ssl);
  if (reason > SSL_AD_REASON_OFFSET) return gw_tls_alert_reason((unsigned)(reason - SSL_AD_REASON_OFFSET));
  text = find(reasons, GW_ARRAY_LEN(reasons), reason);
  return text != NULL ? text : ERR_reason_error_string(error);
}

const char *gw_tls_take_reason(SSL *ssl) {
  /* The oldest of TLS itself; ciphers and the like below it come first, but say less. */
  unsigned long first = ERR_peek_error();
  unsigned long error = first;
  for (unsigned long next; ERR_GET_LIB(error) != ERR_LIB_SSL && (next = ERR_get_error()) != 0;)
    error = next;
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) error = first;
  const char *text = reason_of(ssl, error);
  ERR_clear_error();
  return text != NULL ? text : "TLS failed";
}
