#include "common/base/percent.h"

#define DECIMALS 4u

enum gw_err gw_percent_parse(struct gw_str text, uint32_t *ret_millionths) {
  if (gw_str_has_suffix(text, GW_STR("%"))) text.len--;
  ptrdiff_t point = gw_str_find_char(text, '.');
  struct gw_str whole = {text.data, point < 0 ? text.len : (size_t)point};
  struct gw_str part = point < 0 ? GW_STR("0") : gw_str_skip(text, (size_t)point + 1);
  uint64_t percent, fraction;
  if (part.len > DECIMALS || gw_str_parse_u64(whole, &percent) != GW_OK || gw_str_parse_u64(part, &fraction) != GW_OK)
    return GW_ERR_INVALID;
  for (size_t i = part.len; i < DECIMALS; i++)
    fraction *= 10;
  if (percent > 100 || percent * 10000 + fraction > GW_PERCENT_MILLION) return GW_ERR_INVALID;
  *ret_millionths = (uint32_t)(percent * 10000 + fraction);
  return GW_OK;
}
