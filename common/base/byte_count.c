#include "common/base/byte_count.h"

#include "common/base/mem.h"

enum gw_err gw_byte_count_parse(struct gw_str text, uint64_t *ret_bytes) {
  static const struct {
    const char *unit;
    unsigned shift;
  } units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"B", 0}};
  unsigned shift = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(units); i++) {
    struct gw_str unit = gw_str_from(units[i].unit);
    if (!gw_str_has_suffix(text, unit)) continue;
    shift = units[i].shift;
    text.len -= unit.len;
    break;
  }
  uint64_t value;
  if (gw_str_parse_u64(gw_str_trim(text), &value) != GW_OK || value > UINT64_MAX >> shift) return GW_ERR_INVALID;
  *ret_bytes = value << shift;
  return GW_OK;
}
