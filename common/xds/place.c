#include "common/xds/place.h"

#include <stdio.h>

#include "common/base/mem.h"

void gw_xds_place_format(const struct gw_xds_place *place, struct gw_strbuf *text) {
  if (place == NULL) return;
  gw_xds_place_format(place->parent, text);
  if (text->len > 0) gw_strbuf_append_char(text, '.');
  gw_strbuf_append_str(text, gw_str_from(place->field));
  if (place->index != GW_XDS_NO_INDEX) gw_strbuf_printf(text, "[%u]", place->index);
}

void gw_xds_place_refuse(const struct gw_xds_place *place, struct gw_errors *errors, const char *format, ...) {
  if (errors == NULL) return;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_xds_place_format(place, &text);
  char sentence[512];
  va_list args;
  va_start(args, format);
  vsnprintf(sentence, sizeof sentence, format, args);
  va_end(args);
  gw_errors_add(errors, text.len > 0 ? text.data : "", "%s", sentence);
  gw_strbuf_done(&text);
}
