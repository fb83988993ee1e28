/* Paths: byte 0 chooses the rules. What is normal stays as it is, and says nothing that the rules forbid. */
#include "common/base/mem.h"
#include "common/message/message.h"
#include "common/message/scan.h"
#include "common/message/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(struct gw_str text, const char *wanted) {
  return memmem(text.data, text.len, wanted, strlen(wanted)) != NULL;
}

/* Whether a service that decodes the path once more would see a segment "..". */
static bool climbs_when_decoded(struct gw_str path) {
  struct gw_strbuf decoded;
  gw_strbuf_init(&decoded);
  for (size_t i = 0; i < path.len; i++) {
    int code = path.data[i];
    if (code == '%') {
      code = gw_scan_hex(path.data[i + 1]) * 16 + gw_scan_hex(path.data[i + 2]);
      i += 2;
    }
    gw_strbuf_append_char(&decoded, code == '\\' ? '/' : (char)code);
  }
  bool climbs = has(gw_strbuf_str(&decoded), "/../") || gw_str_has_suffix(gw_strbuf_str(&decoded), GW_STR("/.."));
  gw_strbuf_done(&decoded);
  return climbs;
}

static void check_path(struct gw_str path, const struct gw_uri_rules *rules) {
  struct gw_str only = gw_path_without_query(path);
  GW_ASSERT(path.len > 0 && path.data[0] == '/');
  GW_ASSERT(!has(only, "%00"));
  for (size_t i = 0; i < path.len; i++)
    GW_ASSERT(path.data[i] > ' ' && path.data[i] < 0x7f && path.data[i] != '#');
  if (rules->merge_slashes) GW_ASSERT(!has(only, "//"));
  if (rules->normalize_path) {
    GW_ASSERT(!has(only, "/./") && !has(only, "/../") && !has(only, "\\") && !has(only, "%2e") && !has(only, "%2E"));
    GW_ASSERT(!gw_str_has_suffix(only, GW_STR("/.")) && !gw_str_has_suffix(only, GW_STR("/..")));
  }
  if (rules->escaped_slashes != GW_URI_ESCAPED_SLASHES_KEEP) {
    GW_ASSERT(!has(only, "%2f") && !has(only, "%2F") && !has(only, "%5c") && !has(only, "%5C"));
    if (rules->normalize_path) GW_ASSERT(!climbs_when_decoded(only));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct gw_arena arena;
  struct gw_str once;
  struct gw_str twice;
  bool must_redirect;
  if (size == 0) return 0;
  struct gw_uri_rules rules = {(data[0] & 1) != 0, (data[0] & 2) != 0, (enum gw_uri_escaped_slashes)(data[0] >> 2 & 3)};
  struct gw_str text = {(const char *)data + 1, size - 1};
  gw_arena_init(&arena, 1024);
  if (gw_uri_normalize(text, &rules, &arena, &once, &must_redirect) == GW_OK) {
    check_path(once, &rules);
    GW_ASSERT(once.len <= text.len);
    GW_ASSERT(gw_uri_normalize(once, &rules, &arena, &twice, &must_redirect) == GW_OK);
    GW_ASSERT(twice.data == once.data && twice.len == once.len && !must_redirect);
  }
  gw_arena_done(&arena);
  return 0;
}
