#include "dataplane/pipeline/limit_text.h"

#include "common/model/rate_limit.h"
#include "dataplane/pipeline/stream.h"

static bool is_hidden(struct gw_str key, struct gw_str hidden) {
  struct gw_str prefix = GW_STR(GW_LIMIT_HEADER_KEY), word;
  if (!gw_str_has_prefix(key, prefix)) return false;
  struct gw_str name = gw_str_skip(key, prefix.len);
  if (gw_header_is_credential(gw_header_id_find(name), name)) return true;
  while (hidden.len > 0 && gw_str_split_next(&hidden, ',', &word))
    if (gw_str_equal_nocase(word, name)) return true;
  return false;
}

void gw_limit_text_append(struct gw_strbuf *out, const struct gw_stream *stream, struct gw_str hidden) {
  char address[GW_ADDRESS_TEXT_SIZE];
  for (uint32_t i = 0; i < stream->limit.count; i++) {
    const struct gw_rate_limit_entry *entry = &stream->limit.entries[i];
    struct gw_str value = entry->value;
    if (gw_str_equal(entry->key, GW_STR(GW_LIMIT_CLIENT_KEY))) value = gw_address_format_ip(&stream->remote, address);
    if (value.len > 0 && is_hidden(entry->key, hidden)) value = GW_STR(GW_LIMIT_REDACTED);
    if (i > 0) gw_strbuf_append_char(out, ',');
    gw_strbuf_append_str(out, entry->key);
    gw_strbuf_append_char(out, '=');
    gw_strbuf_append_str(out, value);
  }
}
