/* Why: says whether PEM texts are what they should be, before anybody is sent them: certificates, and a key that belongs to one.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_PEM_CHECK_H
#define GW_COMMON_CRYPTO_PEM_CHECK_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct gw_pem_certificates {
  uint32_t count;
  int64_t not_before_s; /* Unix time, of the first */
  int64_t not_after_s;
  char sha256[65]; /* of the first's DER, in hex */
};

/* GW_ERR_NOT_FOUND: there is no certificate; GW_ERR_INVALID: one of them is damaged. */
enum gw_err gw_pem_read_certificates(struct gw_str pem, struct gw_pem_certificates *ret_certificates);
/* GW_ERR_NOT_FOUND: there is no private key without a passphrase; GW_ERR_DENIED: it belongs to another certificate than the first of
 * `chain`. */
enum gw_err gw_pem_check_pair(struct gw_str chain, struct gw_str key);

#endif
