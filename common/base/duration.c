#include "common/base/duration.h"

#include "common/base/mem.h"

static const struct {
  struct gw_str suffix;
  uint64_t ms;
} units[] = {
    /* "ms" before "s" and "m": the first suffix that fits counts. */
    {{"ms", 2}, 1},
    {{"s", 1}, 1000},
    {{"m", 1}, 60000},
    {{"h", 1}, 3600000},
};

enum gw_err gw_duration_parse(struct gw_str text, uint64_t *ret_ms) {
  uint64_t unit_ms = 1000;
  for (size_t i = 0; i < GW_ARRAY_LEN(units); i++) {
    if (!gw_str_has_suffix(text, units[i].suffix)) continue;
    text.len -= units[i].suffix.len;
    unit_ms = units[i].ms;
    break;
  }
  uint64_t value;
  enum gw_err err = gw_str_parse_u64(text, &value);
  if (err != GW_OK) return err;
  if (value > GW_DURATION_MAX_MS / unit_ms) return GW_ERR_LIMIT;
  *ret_ms = value * unit_ms;
  return GW_OK;
}
