#include "dataplane/upstream/handshake.h"

#include "common/crypto/websocket_key.h"

#define KEY GW_STR("sec-websocket-key")
#define ACCEPT GW_STR("sec-websocket-accept")

/* Fields of its own, with room for one more: the client's stay as they are. */
static struct gw_request_head copy_of(const struct gw_request_head *head, struct gw_arena *arena) {
  struct gw_request_head copy = *head;
  copy.headers = gw_headers_copy(&head->headers, arena, 1);
  return copy;
}

struct gw_request_head gw_handshake_with_key(const struct gw_request_head *head, struct gw_arena *arena, struct gw_random *random,
                                             struct gw_str *ret_key) {
  *ret_key = (struct gw_str){0};
  if (gw_headers_find_name(&head->headers, KEY) != NULL) return *head;
  struct gw_request_head with = copy_of(head, arena);
  char *key = gw_arena_alloc_bytes(arena, GW_WEBSOCKET_KEY_SIZE);
  gw_websocket_key_new(random, key);
  *ret_key = (struct gw_str){key, GW_WEBSOCKET_KEY_SIZE - 1};
  gw_headers_add(&with.headers, arena, GW_HEADER_OTHER, KEY, *ret_key);
  return with;
}

bool gw_handshake_take_answer(struct gw_response_head *response, struct gw_str key) {
  char expected[GW_WEBSOCKET_ACCEPT_SIZE];
  const struct gw_header *accept = gw_headers_find_name(&response->headers, ACCEPT);
  gw_websocket_key_accept(key, expected);
  if (accept == NULL || !gw_str_equal(accept->value, (struct gw_str){expected, GW_WEBSOCKET_ACCEPT_SIZE - 1})) return false;
  gw_headers_remove_name(&response->headers, ACCEPT);
  return true;
}

struct gw_request_head gw_handshake_without_key(const struct gw_request_head *head, struct gw_arena *arena) {
  if (gw_headers_find_name(&head->headers, KEY) == NULL) return *head;
  struct gw_request_head without = copy_of(head, arena);
  gw_headers_remove_name(&without.headers, KEY);
  return without;
}

void gw_handshake_add_answer(struct gw_response_head *response, const struct gw_request_head *head, struct gw_arena *arena) {
  const struct gw_header *key = gw_headers_find_name(&head->headers, KEY);
  if (key == NULL) return;
  char *accept = gw_arena_alloc_bytes(arena, GW_WEBSOCKET_ACCEPT_SIZE);
  gw_websocket_key_accept(key->value, accept);
  gw_headers_add(&response->headers, arena, GW_HEADER_OTHER, ACCEPT, (struct gw_str){accept, GW_WEBSOCKET_ACCEPT_SIZE - 1});
}
