#include "common/model/route.h"

bool gw_route_cookie_path_is_valid(struct gw_str path) {
  for (size_t i = 0; i < path.len; i++) {
    unsigned char c = (unsigned char)path.data[i];
    if (c < 0x20 || c >= 0x7f || c == ';') return false;
  }
  return true;
}
