#include "dataplane/xds_client/refusals.h"

#include <stdlib.h>

#include "common/base/mem.h"

void gw_refusals_init(struct gw_refusals *refusals) {
  refusals->count = 0;
}

void gw_refusals_done(struct gw_refusals *refusals) {
  gw_refusals_clear_all(refusals);
}

static void free_item(struct gw_refusal *item) {
  free(item->resource);
  free(item->reason);
}

/* `resource` NULL: of the whole type. */
static void clear(struct gw_refusals *refusals, enum gw_resource_type type, const struct gw_str *resource) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < refusals->count; i++) {
    const struct gw_refusal *item = &refusals->items[i];
    if (item->type == type && (resource == NULL || gw_str_equal(gw_str_from(item->resource), *resource))) {
      free_item(&refusals->items[i]);
    } else {
      refusals->items[kept++] = refusals->items[i];
    }
  }
  refusals->count = kept;
}

void gw_refusals_clear(struct gw_refusals *refusals, enum gw_resource_type type) {
  clear(refusals, type, NULL);
}

void gw_refusals_remove(struct gw_refusals *refusals, enum gw_resource_type type, struct gw_str resource) {
  clear(refusals, type, &resource);
}

void gw_refusals_clear_all(struct gw_refusals *refusals) {
  for (uint32_t i = 0; i < refusals->count; i++)
    free_item(&refusals->items[i]);
  refusals->count = 0;
}

/* The longest piece of at most `max` bytes that does not end within a character. */
static size_t whole_characters(const char *text, size_t len, size_t max) {
  if (len <= max) return len;
  while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
    max--;
  return max;
}

void gw_refusals_add(struct gw_refusals *refusals, enum gw_resource_type type, struct gw_str resource, const struct gw_errors *errors) {
  if (refusals->count == GW_REFUSALS_MAX) return;
  char *reason = gw_errors_format(errors);
  size_t len = strlen(reason);
  while (len > 0 && reason[len - 1] == '\n')
    len--;
  reason[whole_characters(reason, len, GW_REFUSALS_REASON_MAX)] = '\0';
  refusals->items[refusals->count++] = (struct gw_refusal){type, gw_str_dup(resource), reason};
}

void gw_refusals_append_text(struct gw_strbuf *text, struct gw_str resource, const struct gw_errors *errors, uint64_t *left_out) {
  struct gw_strbuf line;
  gw_strbuf_init(&line);
  for (size_t i = 0; i < errors->count; i++) {
    const struct gw_mistake *mistake = &errors->items[i];
    if (mistake->severity != GW_SEVERITY_ERROR) continue;
    gw_strbuf_clear(&line);
    if (text->len > 0) gw_strbuf_append_char(&line, '\n');
    gw_strbuf_printf(&line, "%.*s: ", GW_STR_ARG(resource));
    if (mistake->place[0] != '\0') gw_strbuf_printf(&line, "%s: ", mistake->place);
    gw_strbuf_append_str(&line, gw_str_from(mistake->sentence));
    if (text->len + line.len <= GW_REFUSALS_TEXT_MAX) {
      gw_strbuf_append_str(text, gw_strbuf_str(&line));
    } else {
      (*left_out)++;
    }
  }
  *left_out += errors->error_count > errors->count ? errors->error_count - errors->count : 0;
  gw_strbuf_done(&line);
}
