#include "common/message/grpc.h"

#define DIGITS_MAX 8

enum gw_err gw_grpc_timeout_parse(struct gw_str value, uint64_t *ret_ms) {
  uint64_t count;
  if (value.len < 2 || value.len > DIGITS_MAX + 1) return GW_ERR_INVALID;
  if (gw_str_parse_u64((struct gw_str){value.data, value.len - 1}, &count) != GW_OK) return GW_ERR_INVALID;
  switch (value.data[value.len - 1]) {
  case 'H': *ret_ms = count * 3600000; return GW_OK;
  case 'M': *ret_ms = count * 60000; return GW_OK;
  case 'S': *ret_ms = count * 1000; return GW_OK;
  case 'm': *ret_ms = count; return GW_OK;
  case 'u': *ret_ms = (count + 999) / 1000; return GW_OK;
  case 'n': *ret_ms = (count + 999999) / 1000000; return GW_OK;
  default: return GW_ERR_INVALID;
  }
}
