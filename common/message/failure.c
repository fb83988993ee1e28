#include "common/message/failure.h"

#include "common/base/mem.h"

/* By bit. */
static const struct gw_str names[] = {GW_STR("NR"),  GW_STR("UH"), GW_STR("UF"),  GW_STR("UC"), GW_STR("UT"),   GW_STR("UO"),
                                      GW_STR("UPE"), GW_STR("DC"), GW_STR("DPE"), GW_STR("SI"), GW_STR("NC"),   GW_STR("OM"),
                                      GW_STR("DT"),  GW_STR("UR"), GW_STR("URX"), GW_STR("CB"), GW_STR("UAEX"), GW_STR("RL")};
_Static_assert(GW_ARRAY_LEN(names) == GW_FLAG_BITS && GW_FLAG_RATE_LIMITED == 1u << (GW_FLAG_BITS - 1), "a name for each flag");

struct gw_str gw_response_flags_format(uint32_t flags, char ret_text[64]) {
  size_t len = 0;
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    if ((flags & (1u << i)) == 0) continue;
    if (len > 0) ret_text[len++] = ',';
    memcpy(ret_text + len, names[i].data, names[i].len);
    len += names[i].len;
  }
  if (len == 0) ret_text[len++] = '-';
  ret_text[len] = '\0';
  return (struct gw_str){ret_text, len};
}

enum gw_response_flag gw_response_flag_find(struct gw_str name) {
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++)
    if (gw_str_equal(names[i], name)) return (enum gw_response_flag)(1u << i);
  return GW_FLAG_NONE;
}
