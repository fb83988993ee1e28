/* Why: an intrusive doubly linked list: no allocation, O(1) removal from the middle.
 * Life: a node is embedded in its item; the list owns nothing.
 * Thread: one at a time. */
#ifndef GW_COMMON_BASE_LIST_H
#define GW_COMMON_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/mem.h"

/* A list's head is a node too. A node that is in no list has next == NULL. */
struct gw_list {
  struct gw_list *next;
  struct gw_list *prev;
};

static inline void gw_list_init(struct gw_list *head) {
  head->next = head->prev = head;
}
static inline bool gw_list_is_empty(const struct gw_list *head) {
  return head->next == head;
}
static inline bool gw_list_is_linked(const struct gw_list *node) {
  return node->next != NULL;
}
static inline void gw_list_add_between(struct gw_list *node, struct gw_list *prev, struct gw_list *next) {
  node->prev = prev;
  node->next = next;
  prev->next = node;
  next->prev = node;
}
static inline void gw_list_add_first(struct gw_list *head, struct gw_list *node) {
  gw_list_add_between(node, head, head->next);
}
static inline void gw_list_add_last(struct gw_list *head, struct gw_list *node) {
  gw_list_add_between(node, head->prev, head);
}
/* Harmless on a node that is in no list. */
static inline void gw_list_remove(struct gw_list *node) {
  if (node->next == NULL) return;
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->next = node->prev = NULL;
}
/* Out of the list, which is not empty. */
static inline struct gw_list *gw_list_take_first(struct gw_list *head) {
  struct gw_list *first = head->next;
  head->next = first->next;
  head->next->prev = head;
  first->next = first->prev = NULL;
  return first;
}

#define GW_LIST_ITEM(node, type, member) GW_CONTAINER_OF(node, type, member)
/* The body may remove `node` itself. */
#define GW_LIST_FOR_EACH(node, head)                                                                                                       \
  for (struct gw_list *node = (head)->next, *node##_next = node->next; node != (head); node = node##_next, node##_next = node->next)

#endif
