/* Why: makes a certificate authority and certificates (X.509 v3, EC P-256, ECDSA with SHA-256) for those who have none.
 * Life: a gw_pki_pair is embedded and owns its PEM texts; done cleanses the key.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_PKI_H
#define GW_COMMON_CRYPTO_PKI_H

#include "common/crypto/certificate.h"

struct gw_pki_pair {
  char *certificate; /* PEM, NUL-terminated */
  char *key;
};

struct gw_pki_request {
  const char *common_name;
  bool is_ca;       /* may sign certificates, but no further authorities */
  bool for_servers; /* may stand before clients */
  bool for_clients; /* may stand before servers */
  const struct gw_certificate_name *names;
  size_t name_count;
  int64_t not_before_s; /* Unix time */
  int64_t not_after_s;
};

/* A new key and its certificate, signed by `issuer`; NULL: by itself. GW_ERR_INVALID: a name that a certificate can't hold, or the issuer's
 * texts are no certificate and key. */
enum gw_err gw_pki_issue(const struct gw_pki_request *request, const struct gw_pki_pair *issuer, struct gw_pki_pair *ret_pair);
void gw_pki_pair_done(struct gw_pki_pair *pair);

#endif
