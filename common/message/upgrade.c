#include "common/message/upgrade.h"

#define KEY_LEN 24 /* 16 bytes in base64: 22 digits and "==" */

/* Whether the lists in all fields of that id name `word`. */
static bool has_word(const struct gw_headers *headers, enum gw_header_id id, struct gw_str word) {
  for (uint32_t i = 0; i < headers->count; i++) {
    if (headers->items[i].id != id) continue;
    struct gw_str rest = headers->items[i].value;
    struct gw_str item;
    while (gw_str_split_next(&rest, ',', &item)) {
      if (gw_str_equal_nocase(gw_str_trim(item), word)) return true;
    }
  }
  return false;
}

static bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool is_key(struct gw_str value) {
  if (value.len != KEY_LEN || value.data[KEY_LEN - 2] != '=' || value.data[KEY_LEN - 1] != '=') return false;
  for (size_t i = 0; i < KEY_LEN - 2; i++) {
    if (!is_base64(value.data[i])) return false;
  }
  return true;
}

/* The only field of that name, or NULL. */
static const struct gw_header *find_only(const struct gw_headers *headers, struct gw_str name) {
  const struct gw_header *found = NULL;
  for (uint32_t i = 0; i < headers->count; i++) {
    if (!gw_str_equal_nocase(headers->items[i].name, name)) continue;
    if (found != NULL) return NULL;
    found = &headers->items[i];
  }
  return found;
}

static bool is_handshake(const struct gw_request_head *head) {
  const struct gw_header *key = find_only(&head->headers, GW_STR("sec-websocket-key"));
  return head->method == GW_METHOD_GET && (head->content_length == GW_LENGTH_NONE || head->content_length == 0) && key != NULL &&
         is_key(key->value) && find_only(&head->headers, GW_STR("sec-websocket-version")) != NULL;
}

enum gw_upgrade gw_upgrade_find(const struct gw_request_head *head) {
  const struct gw_headers *headers = &head->headers;
  if (gw_headers_find(headers, GW_HEADER_UPGRADE) == NULL || head->version != GW_HTTP_1_1) return GW_UPGRADE_NONE;
  if (!has_word(headers, GW_HEADER_CONNECTION, GW_STR("upgrade"))) return GW_UPGRADE_NONE;
  if (has_word(headers, GW_HEADER_UPGRADE, GW_STR("h2c"))) return GW_UPGRADE_H2C;
  if (!has_word(headers, GW_HEADER_UPGRADE, GW_STR("websocket"))) return GW_UPGRADE_OTHER;
  return is_handshake(head) ? GW_UPGRADE_WEBSOCKET : GW_UPGRADE_BAD_WEBSOCKET;
}

bool gw_upgrade_is_accepted(const struct gw_response_head *head) {
  return head->status == 101 && has_word(&head->headers, GW_HEADER_UPGRADE, GW_STR("websocket")) &&
         has_word(&head->headers, GW_HEADER_CONNECTION, GW_STR("upgrade")) &&
         find_only(&head->headers, GW_STR("sec-websocket-accept")) != NULL;
}
