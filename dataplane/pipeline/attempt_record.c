#include "dataplane/pipeline/attempt_record.h"

#include "common/message/failure.h"

void gw_attempt_records_add(struct gw_attempt_records *records, struct gw_arena *arena, const struct gw_attempt_record *record) {
  if (records->items == NULL) records->items = gw_arena_calloc(arena, GW_ATTEMPT_RECORDS_MAX, sizeof(*records->items));
  bool is_again = records->count > 0 && records->items[records->count - 1].number == record->number;
  if (!is_again && records->count < GW_ATTEMPT_RECORDS_MAX) records->count++;
  records->items[records->count - 1] = *record;
}

static void format_record(const struct gw_attempt_record *record, struct gw_strbuf *out) {
  static const char *const phases[] =
      {[GW_ATTEMPT_CONNECT] = "connect", [GW_ATTEMPT_REQUEST] = "request", [GW_ATTEMPT_RESPONSE] = "response"};
  char flags[64];
  gw_strbuf_append_str(out, record->endpoint.len > 0 ? record->endpoint : GW_STR("-"));
  gw_strbuf_printf(out, " %s ", phases[record->phase]);
  if (record->is_reused) gw_strbuf_printf(out, "reused,idle_ms=%llu ", (unsigned long long)record->idle_ms);
  if (record->status != 0) {
    gw_strbuf_append_u64(out, record->status);
  } else {
    gw_strbuf_append_str(out, gw_response_flags_format(record->flag, flags));
  }
  gw_strbuf_append_char(out, ' ');
  gw_strbuf_append_str(out, record->detail);
}

void gw_attempt_records_format(const struct gw_attempt_records *records, struct gw_strbuf *out) {
  for (uint32_t i = 0; i < records->count; i++) {
    if (i > 0) gw_strbuf_append_str(out, GW_STR("; "));
    format_record(&records->items[i], out);
  }
}
