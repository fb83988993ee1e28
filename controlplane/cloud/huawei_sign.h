/* Why: signs requests to Huawei Cloud with an access key and its secret key (SDK-HMAC-SHA256), byte for byte as the cloud's own SDKs do.
 * Life: no objects; the secret key is the caller's, set up once.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CLOUD_HUAWEI_SIGN_H
#define GW_CONTROLPLANE_CLOUD_HUAWEI_SIGN_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/crypto/hmac.h"

struct gw_huawei_pair {
  struct gw_str name;
  struct gw_str value;
};

struct gw_huawei_request {
  struct gw_str method;
  struct gw_str path;                 /* as it is sent */
  const struct gw_huawei_pair *query; /* not encoded, in any order */
  uint32_t query_count;
  const struct gw_huawei_pair *headers; /* Host and X-Sdk-Date among them; names with '_' are not signed, since proxies drop them */
  uint32_t header_count;
  struct gw_str body;
};

/* "20261126T022900Z": what X-Sdk-Date is to be. The cloud takes what differs by 15 minutes at most. */
#define GW_HUAWEI_DATE_SIZE 17
void gw_huawei_format_date(uint64_t wall_us, char ret_date[GW_HUAWEI_DATE_SIZE]);

/* Appends "a=1&b=2": sorted and encoded, as it is signed, and sent. */
void gw_huawei_append_query(struct gw_strbuf *out, const struct gw_huawei_pair *query, uint32_t count);

/* Appends the value of Authorization. With X-Sdk-Content-Sha256 among the headers a body is signed as that says ("UNSIGNED-PAYLOAD").
 * GW_ERR_INVALID: no X-Sdk-Date. */
enum gw_err gw_huawei_sign(const struct gw_huawei_request *request, struct gw_str access_key, const struct gw_hmac *secret_key,
                           struct gw_strbuf *ret_authorization);

#endif
