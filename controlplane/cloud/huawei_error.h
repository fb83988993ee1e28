/* Why: what Huawei Cloud's services say when they refuse: they have several forms for it, we have sentences.
 * Life: results are in the caller's arena.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CLOUD_HUAWEI_ERROR_H
#define GW_CONTROLPLANE_CLOUD_HUAWEI_ERROR_H

#include "common/base/arena.h"
#include "common/base/json_value.h"

struct gw_huawei_error {
  struct gw_str code;    /* "Ecs.0013", "APIGW.0301"; empty: none */
  struct gw_str message; /* as the cloud has it; empty: none */
};

/* {error_code, error_msg} (the API gateway), {errorCode, errorMsg}, {code, message}, and any of these one or two members deep, such as
 * {error: {code, message}} (ECS, IAM) and {badRequest: {…}}. False: none of them. */
bool gw_huawei_error_find(const struct gw_json_value *body, struct gw_arena *arena, struct gw_huawei_error *ret_error);

/* "the cloud does not accept the credentials: MESSAGE (401 APIGW.0301, request ID)". `error` may be NULL. */
void gw_huawei_error_append_words(struct gw_strbuf *out, uint32_t status, const struct gw_huawei_error *error, struct gw_str request_id);

/* Of a Date header (RFC 9110 section 5.6.7) and our clock, when they differ so much that the cloud takes no signature of ours: "; this
 * machine's clock is 20 minutes behind the cloud's". */
void gw_huawei_error_append_clock(struct gw_strbuf *out, struct gw_str date, uint64_t wall_us);

#endif
