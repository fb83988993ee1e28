#include "common/base/size.h"

#include "common/base/mem.h"

enum gw_err gw_size_parse(struct gw_str text, uint64_t *ret_bytes) {
  static const struct {
    struct gw_str suffix;
    unsigned shift;
  } units[] = {{{"KiB", 3}, 10}, {{"MiB", 3}, 20}, {{"GiB", 3}, 30}, {{"B", 1}, 0}};
  unsigned shift = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(units); i++) {
    if (!gw_str_has_suffix(text, units[i].suffix)) continue;
    shift = units[i].shift;
    text.len -= units[i].suffix.len;
    break;
  }
  uint64_t value;
  enum gw_err err = gw_str_parse_u64(gw_str_trim(text), &value);
  if (err != GW_OK) return err;
  if (value > UINT64_MAX >> shift) return GW_ERR_LIMIT;
  *ret_bytes = value << shift;
  return GW_OK;
}
