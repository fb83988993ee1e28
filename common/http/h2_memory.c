#include "common/http/h2_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sanitizers.h"

/* In front of each block; as large as what keeps it aligned. */
struct gw_h2_block_head {
  _Alignas(GW_H2_MEMORY_UNIT) size_t units;
  struct gw_h2_block_head *next; /* while it is kept */
};

static size_t bytes_of(const struct gw_h2_block_head *head) {
  return head->units * GW_H2_MEMORY_UNIT;
}

static void *take(size_t size, void *arg) {
  struct gw_h2_memory *memory = arg;
  if (size > SIZE_MAX / 2) return NULL;
  size_t units = size > 0 ? (size + GW_H2_MEMORY_UNIT - 1) / GW_H2_MEMORY_UNIT : 1;
  struct gw_h2_block_head *head = units <= GW_H2_MEMORY_UNITS_MAX ? memory->kept[units] : NULL;
  if (head != NULL) {
    memory->kept[units] = head->next;
    memory->kept_bytes -= bytes_of(head);
  } else {
    head = gw_malloc(sizeof(*head) + units * GW_H2_MEMORY_UNIT);
    head->units = units;
  }
  return head + 1;
}

/* Blocks that a sanitizer is to watch are not kept. */
static void give(void *block, void *arg) {
  struct gw_h2_memory *memory = arg;
  if (block == NULL) return;
  struct gw_h2_block_head *head = (struct gw_h2_block_head *)block - 1;
  if (GW_HAS_ASAN || head->units > GW_H2_MEMORY_UNITS_MAX || memory->kept_bytes + bytes_of(head) > GW_H2_MEMORY_KEPT_MAX) {
    free(head);
    return;
  }
  head->next = memory->kept[head->units];
  memory->kept[head->units] = head;
  memory->kept_bytes += bytes_of(head);
}

static void *take_zeroed(size_t count, size_t size, void *arg) {
  if (size != 0 && count > SIZE_MAX / 2 / size) return NULL;
  void *block = take(count * size, arg);
  return block != NULL ? memset(block, 0, count * size) : NULL;
}

static void *resize(void *block, size_t size, void *arg) {
  void *larger = take(size, arg);
  if (block == NULL || larger == NULL) return larger;
  size_t had = bytes_of((struct gw_h2_block_head *)block - 1);
  memcpy(larger, block, had < size ? had : size);
  give(block, arg);
  return larger;
}

nghttp2_mem gw_h2_memory_calls(struct gw_h2_memory *memory) {
  return (nghttp2_mem){.mem_user_data = memory, .malloc = take, .free = give, .calloc = take_zeroed, .realloc = resize};
}

static void give_back(struct gw_h2_memory *memory, size_t left_bytes) {
  for (size_t units = GW_H2_MEMORY_UNITS_MAX; units > 0 && memory->kept_bytes > left_bytes; units--) {
    struct gw_h2_block_head *head;
    while ((head = memory->kept[units]) != NULL && memory->kept_bytes > left_bytes) {
      memory->kept[units] = head->next;
      memory->kept_bytes -= bytes_of(head);
      free(head);
    }
  }
}

void gw_h2_memory_trim(struct gw_h2_memory *memory) {
  give_back(memory, GW_H2_MEMORY_KEPT_IDLE);
}

void gw_h2_memory_done(struct gw_h2_memory *memory) {
  give_back(memory, 0);
}
