#include "common/message/headers.h"

#include "common/base/mem.h"
#include "common/message/scan.h"

#define NAME_LEN_MIN 2
#define NAME_LEN_MAX 19

static const struct gw_str names[GW_HEADER_ID_COUNT] = {
    [GW_HEADER_HOST] = GW_STR("host"),
    [GW_HEADER_CONNECTION] = GW_STR("connection"),
    [GW_HEADER_CONTENT_LENGTH] = GW_STR("content-length"),
    [GW_HEADER_TRANSFER_ENCODING] = GW_STR("transfer-encoding"),
    [GW_HEADER_TE] = GW_STR("te"),
    [GW_HEADER_TRAILER] = GW_STR("trailer"),
    [GW_HEADER_UPGRADE] = GW_STR("upgrade"),
    [GW_HEADER_KEEP_ALIVE] = GW_STR("keep-alive"),
    [GW_HEADER_PROXY_CONNECTION] = GW_STR("proxy-connection"),
    [GW_HEADER_PROXY_AUTHENTICATE] = GW_STR("proxy-authenticate"),
    [GW_HEADER_PROXY_AUTHORIZATION] = GW_STR("proxy-authorization"),
    [GW_HEADER_HTTP2_SETTINGS] = GW_STR("http2-settings"),
    [GW_HEADER_EXPECT] = GW_STR("expect"),
    [GW_HEADER_DATE] = GW_STR("date"),
    [GW_HEADER_SERVER] = GW_STR("server"),
    [GW_HEADER_CONTENT_TYPE] = GW_STR("content-type"),
    [GW_HEADER_CONTENT_ENCODING] = GW_STR("content-encoding"),
    [GW_HEADER_ACCEPT_ENCODING] = GW_STR("accept-encoding"),
    [GW_HEADER_AUTHORIZATION] = GW_STR("authorization"),
    [GW_HEADER_COOKIE] = GW_STR("cookie"),
    [GW_HEADER_USER_AGENT] = GW_STR("user-agent"),
    [GW_HEADER_REFERER] = GW_STR("referer"),
    [GW_HEADER_ORIGIN] = GW_STR("origin"),
    [GW_HEADER_ALLOW] = GW_STR("allow"),
    [GW_HEADER_LOCATION] = GW_STR("location"),
    [GW_HEADER_RETRY_AFTER] = GW_STR("retry-after"),
    [GW_HEADER_X_REQUEST_ID] = GW_STR("x-request-id"),
    [GW_HEADER_X_FORWARDED_FOR] = GW_STR("x-forwarded-for"),
    [GW_HEADER_X_FORWARDED_PROTO] = GW_STR("x-forwarded-proto"),
    [GW_HEADER_X_FORWARDED_HOST] = GW_STR("x-forwarded-host"),
    [GW_HEADER_X_API_KEY] = GW_STR("x-api-key"),
    [GW_HEADER_TRACEPARENT] = GW_STR("traceparent"),
    [GW_HEADER_TRACESTATE] = GW_STR("tracestate"),
    [GW_HEADER_X_TRACE_ID] = GW_STR("x-trace-id"),
    [GW_HEADER_X_SPAN_ID] = GW_STR("x-span-id"),
    [GW_HEADER_GRPC_STATUS] = GW_STR("grpc-status"),
    [GW_HEADER_GRPC_MESSAGE] = GW_STR("grpc-message"),
    [GW_HEADER_GRPC_TIMEOUT] = GW_STR("grpc-timeout"),
};

/* A perfect hash of length, first and last character: one candidate, one comparison. Two names in one slot are a compile error
 * (-Woverride-init); then other factors are wanted. */
#define SLOT_COUNT 128
#define SLOT(len, first, last) ((((len) + (last)) * 5u + (first)) % SLOT_COUNT)
static const uint8_t slots[SLOT_COUNT] = {
    [SLOT(4, 'h', 't')] = GW_HEADER_HOST,
    [SLOT(10, 'c', 'n')] = GW_HEADER_CONNECTION,
    [SLOT(14, 'c', 'h')] = GW_HEADER_CONTENT_LENGTH,
    [SLOT(17, 't', 'g')] = GW_HEADER_TRANSFER_ENCODING,
    [SLOT(2, 't', 'e')] = GW_HEADER_TE,
    [SLOT(7, 't', 'r')] = GW_HEADER_TRAILER,
    [SLOT(7, 'u', 'e')] = GW_HEADER_UPGRADE,
    [SLOT(10, 'k', 'e')] = GW_HEADER_KEEP_ALIVE,
    [SLOT(16, 'p', 'n')] = GW_HEADER_PROXY_CONNECTION,
    [SLOT(18, 'p', 'e')] = GW_HEADER_PROXY_AUTHENTICATE,
    [SLOT(19, 'p', 'n')] = GW_HEADER_PROXY_AUTHORIZATION,
    [SLOT(14, 'h', 's')] = GW_HEADER_HTTP2_SETTINGS,
    [SLOT(6, 'e', 't')] = GW_HEADER_EXPECT,
    [SLOT(4, 'd', 'e')] = GW_HEADER_DATE,
    [SLOT(6, 's', 'r')] = GW_HEADER_SERVER,
    [SLOT(12, 'c', 'e')] = GW_HEADER_CONTENT_TYPE,
    [SLOT(16, 'c', 'g')] = GW_HEADER_CONTENT_ENCODING,
    [SLOT(15, 'a', 'g')] = GW_HEADER_ACCEPT_ENCODING,
    [SLOT(13, 'a', 'n')] = GW_HEADER_AUTHORIZATION,
    [SLOT(6, 'c', 'e')] = GW_HEADER_COOKIE,
    [SLOT(10, 'u', 't')] = GW_HEADER_USER_AGENT,
    [SLOT(7, 'r', 'r')] = GW_HEADER_REFERER,
    [SLOT(6, 'o', 'n')] = GW_HEADER_ORIGIN,
    [SLOT(5, 'a', 'w')] = GW_HEADER_ALLOW,
    [SLOT(8, 'l', 'n')] = GW_HEADER_LOCATION,
    [SLOT(11, 'r', 'r')] = GW_HEADER_RETRY_AFTER,
    [SLOT(12, 'x', 'd')] = GW_HEADER_X_REQUEST_ID,
    [SLOT(15, 'x', 'r')] = GW_HEADER_X_FORWARDED_FOR,
    [SLOT(17, 'x', 'o')] = GW_HEADER_X_FORWARDED_PROTO,
    [SLOT(16, 'x', 't')] = GW_HEADER_X_FORWARDED_HOST,
    [SLOT(9, 'x', 'y')] = GW_HEADER_X_API_KEY,
    [SLOT(11, 't', 't')] = GW_HEADER_TRACEPARENT,
    [SLOT(10, 't', 'e')] = GW_HEADER_TRACESTATE,
    [SLOT(10, 'x', 'd')] = GW_HEADER_X_TRACE_ID,
    [SLOT(9, 'x', 'd')] = GW_HEADER_X_SPAN_ID,
    [SLOT(11, 'g', 's')] = GW_HEADER_GRPC_STATUS,
    [SLOT(12, 'g', 'e')] = GW_HEADER_GRPC_MESSAGE,
    [SLOT(12, 'g', 't')] = GW_HEADER_GRPC_TIMEOUT,
};

#define BIT(id) GW_HEADER_BIT(id)
#define HOP_BY_HOP                                                                                                                         \
  (BIT(GW_HEADER_CONNECTION) | BIT(GW_HEADER_TRANSFER_ENCODING) | BIT(GW_HEADER_TE) | BIT(GW_HEADER_UPGRADE) | BIT(GW_HEADER_KEEP_ALIVE) | \
   BIT(GW_HEADER_PROXY_CONNECTION) | BIT(GW_HEADER_PROXY_AUTHENTICATE) | BIT(GW_HEADER_PROXY_AUTHORIZATION) |                              \
   BIT(GW_HEADER_HTTP2_SETTINGS))
_Static_assert(GW_HEADER_ID_COUNT <= 64, "sets of ids are 64 bits");

enum gw_header_id gw_header_id_find(struct gw_str name) {
  if (name.len < NAME_LEN_MIN || name.len > NAME_LEN_MAX) return GW_HEADER_OTHER;
  unsigned first = (unsigned char)name.data[0] | 0x20u;
  unsigned last = (unsigned char)name.data[name.len - 1] | 0x20u;
  unsigned id = slots[SLOT((unsigned)name.len, first, last)];
  if (names[id].len != name.len || !gw_scan_equal_lower(name.data, names[id].data, name.len)) return GW_HEADER_OTHER;
  return (enum gw_header_id)id;
}

struct gw_str gw_header_id_name(enum gw_header_id id) {
  return names[id];
}

void gw_headers_init(struct gw_headers *headers, struct gw_arena *arena, uint32_t cap) {
  *headers = (struct gw_headers){.items = gw_arena_alloc(arena, cap * sizeof(struct gw_header)), .cap = cap};
}

struct gw_headers gw_headers_copy(const struct gw_headers *headers, struct gw_arena *arena, uint32_t spare) {
  struct gw_headers copy;
  gw_headers_init(&copy, arena, headers->count + spare);
  if (headers->count > 0) memcpy(copy.items, headers->items, headers->count * sizeof(struct gw_header));
  copy.count = headers->count;
  copy.ids = headers->ids;
  return copy;
}

static void grow(struct gw_headers *headers, struct gw_arena *arena) {
  uint32_t cap = headers->cap < 8 ? 16 : headers->cap * 2;
  struct gw_header *items = gw_arena_alloc(arena, cap * sizeof(struct gw_header));
  if (headers->count > 0) memcpy(items, headers->items, headers->count * sizeof(struct gw_header));
  headers->items = items;
  headers->cap = cap;
}

static inline void put(struct gw_headers *headers, enum gw_header_id id, struct gw_str name, struct gw_str value) {
  headers->items[headers->count++] = (struct gw_header){.name = name, .value = value, .id = id};
  headers->ids |= BIT(id);
}

/* Apart from gw_headers_add, which has no registers to save then. */
static __attribute__((noinline)) void find_room_and_put(struct gw_headers *headers, struct gw_arena *arena, enum gw_header_id id,
                                                        struct gw_str name, struct gw_str value) {
  if (headers->count == headers->cap) grow(headers, arena);
  put(headers, id != GW_HEADER_OTHER ? id : gw_header_id_find(name), name, value);
}

void gw_headers_add(struct gw_headers *headers, struct gw_arena *arena, enum gw_header_id id, struct gw_str name, struct gw_str value) {
  if (id != GW_HEADER_OTHER && headers->count < headers->cap)
    put(headers, id, name, value);
  else
    find_room_and_put(headers, arena, id, name, value);
}

struct gw_header *gw_headers_find(const struct gw_headers *headers, enum gw_header_id id) {
  if ((headers->ids & BIT(id)) == 0) return NULL;
  for (uint32_t i = 0; i < headers->count; i++) {
    if (headers->items[i].id == id) return &headers->items[i];
  }
  return NULL;
}

struct gw_header *gw_headers_find_name(const struct gw_headers *headers, struct gw_str name) {
  enum gw_header_id id = gw_header_id_find(name);
  if (id != GW_HEADER_OTHER) return gw_headers_find(headers, id);
  for (uint32_t i = 0; i < headers->count; i++) {
    struct gw_header *header = &headers->items[i];
    if (header->id == GW_HEADER_OTHER && gw_str_equal_nocase(header->name, name)) return header;
  }
  return NULL;
}

/* Takes out the fields without a name (which none has that came or was added), moving the others in runs. */
static void compact(struct gw_headers *headers) {
  struct gw_header *items = headers->items;
  uint32_t count = headers->count;
  uint32_t kept = 0;
  while (kept < count && items[kept].name.len > 0)
    kept++;
  for (uint32_t from = kept + 1; from <= count;) {
    uint32_t end = from;
    while (end < count && items[end].name.len > 0)
      end++;
    if (from < end) memmove(&items[kept], &items[from], (end - from) * sizeof(struct gw_header));
    kept += end - from;
    from = end + 1;
  }
  headers->count = kept;
}

/* From items[from] on. */
static void remove_from(struct gw_headers *headers, uint32_t from, enum gw_header_id id) {
  for (uint32_t i = from; i < headers->count; i++) {
    if (headers->items[i].id == id) headers->items[i].name.len = 0;
  }
  compact(headers);
}

void gw_headers_remove(struct gw_headers *headers, enum gw_header_id id) {
  if ((headers->ids & BIT(id)) == 0) return;
  remove_from(headers, 0, id);
  headers->ids &= ~BIT(id);
}

void gw_headers_remove_name(struct gw_headers *headers, struct gw_str name) {
  enum gw_header_id id = gw_header_id_find(name);
  if (id != GW_HEADER_OTHER) {
    gw_headers_remove(headers, id);
    return;
  }
  for (uint32_t i = 0; i < headers->count; i++) {
    struct gw_header *header = &headers->items[i];
    if (header->id == GW_HEADER_OTHER && gw_str_equal_nocase(header->name, name)) header->name.len = 0;
  }
  compact(headers);
}

void gw_headers_set(struct gw_headers *headers, struct gw_arena *arena, enum gw_header_id id, struct gw_str value) {
  struct gw_header *first = gw_headers_find(headers, id);
  if (first == NULL) {
    gw_headers_add(headers, arena, id, names[id], value);
    return;
  }
  first->value = value;
  remove_from(headers, (uint32_t)(first - headers->items) + 1, id);
}

/* Of the names without an id, those that Connection may not take away. */
static bool is_end_to_end(struct gw_str name) {
  static const struct gw_str kept[] = {GW_STR("forwarded"), GW_STR("x-real-ip"), GW_STR("via"), GW_STR("cache-control")};
  for (size_t i = 0; i < GW_ARRAY_LEN(kept); i++) {
    if (name.len == kept[i].len && gw_scan_equal_lower(name.data, kept[i].data, name.len)) return true;
  }
  const struct gw_str forwarded = GW_STR("x-forwarded-");
  return name.len >= forwarded.len && gw_scan_equal_lower(name.data, forwarded.data, forwarded.len);
}

/* Takes the names away (the length becomes 0, which no field has) of the fields that Connection nominates. */
static void mark_nominated(struct gw_headers *headers, struct gw_str options) {
  struct gw_str option;
  while (gw_str_split_next(&options, ',', &option)) {
    option = gw_str_trim(option);
    if (option.len == 0 || gw_header_id_find(option) != GW_HEADER_OTHER || is_end_to_end(option)) continue;
    for (uint32_t i = 0; i < headers->count; i++) {
      struct gw_header *header = &headers->items[i];
      if (header->id == GW_HEADER_OTHER && gw_str_equal_nocase(header->name, option)) header->name.len = 0;
    }
  }
}

static bool is_lone_option(struct gw_str value) {
  return (value.len == 10 && gw_scan_equal_lower(value.data, "keep-alive", 10)) ||
         (value.len == 5 && gw_scan_equal_lower(value.data, "close", 5));
}

static bool has_trailers(struct gw_str codings) {
  struct gw_str coding;
  while (gw_str_split_next(&codings, ',', &coding)) {
    if (gw_str_equal_nocase(gw_str_trim(coding), GW_STR("trailers"))) return true;
  }
  return false;
}

void gw_headers_remove_hop_by_hop(struct gw_headers *headers) {
  if ((headers->ids & HOP_BY_HOP) == 0) return;
  for (uint32_t i = 0; i < headers->count; i++) {
    struct gw_header *header = &headers->items[i];
    if ((BIT(header->id) & HOP_BY_HOP) == 0) continue;
    if (header->id == GW_HEADER_CONNECTION && !is_lone_option(header->value)) mark_nominated(headers, header->value);
    if (header->id == GW_HEADER_TE && has_trailers(header->value)) {
      header->value = GW_STR("trailers");
    } else {
      header->name.len = 0;
    }
  }
  compact(headers);
}

bool gw_header_name_is_valid(struct gw_str name) {
  return name.len > 0 && gw_scan_find_not(name.data, name.data + name.len, GW_SCAN_TOKEN) == name.data + name.len;
}

bool gw_header_value_is_valid(struct gw_str value) {
  return value.len == 0 || gw_scan_find_not_value(value.data, value.data + value.len) == value.data + value.len;
}

bool gw_header_is_credential(enum gw_header_id id, struct gw_str name) {
  static const struct gw_str others[] = {GW_STR("set-cookie"), GW_STR("x-auth-token"), GW_STR("x-subject-token"),
                                         GW_STR("x-security-token"), GW_STR("x-amz-security-token")};
  if (id == GW_HEADER_AUTHORIZATION || id == GW_HEADER_PROXY_AUTHORIZATION || id == GW_HEADER_COOKIE || id == GW_HEADER_X_API_KEY)
    return true;
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++)
    if (gw_str_equal_nocase(others[i], name)) return true;
  return false;
}
