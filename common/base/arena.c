#include "common/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/sanitizers.h"

#define BLOCK_SIZE_MIN ((size_t)256)
#define BLOCK_SIZE_MAX ((size_t)256 * 1024)

/* Under AddressSanitizer every allocation is a heap block of its own, so that a write beyond it is found. */
#define ONE_BLOCK_EACH GW_HAS_ASAN

struct gw_arena_block {
  struct gw_arena_block *next;
  size_t size;
  _Alignas(16) unsigned char bytes[];
};

void gw_arena_init(struct gw_arena *arena, size_t block_size) {
  gw_arena_init_fixed(arena, NULL, 0, block_size);
}

static void start(struct gw_arena *arena) {
  arena->blocks = NULL;
  arena->used_bytes = 0;
  arena->block_size = arena->first_block_size;
  arena->next = arena->fixed;
  arena->end = arena->fixed == NULL || ONE_BLOCK_EACH ? arena->fixed : arena->fixed + arena->fixed_size;
}

void gw_arena_init_fixed(struct gw_arena *arena, void *fixed, size_t size, size_t block_size) {
  if (block_size < BLOCK_SIZE_MIN) block_size = BLOCK_SIZE_MIN;
  if (block_size > BLOCK_SIZE_MAX) block_size = BLOCK_SIZE_MAX;
  *arena = (struct gw_arena){.fixed = fixed, .fixed_size = size, .first_block_size = block_size};
  start(arena);
}

void gw_arena_reset(struct gw_arena *arena) {
  struct gw_arena_block *block = arena->blocks;
  while (block != NULL) {
    struct gw_arena_block *next = block->next;
    free(block);
    block = next;
  }
  start(arena);
}

void gw_arena_wipe(struct gw_arena *arena) {
  for (struct gw_arena_block *block = arena->blocks; block != NULL; block = block->next)
    explicit_bzero(block->bytes, block->size);
  if (arena->fixed != NULL) explicit_bzero(arena->fixed, arena->fixed_size);
}

void gw_arena_done(struct gw_arena *arena) {
  if (arena == NULL) return;
  gw_arena_reset(arena);
}

static struct gw_arena_block *add_block(struct gw_arena *arena, size_t size) {
  size_t total;
  if (__builtin_add_overflow(size, sizeof(struct gw_arena_block), &total)) GW_PANIC("out of memory (%zu bytes)", size);
  struct gw_arena_block *block = gw_malloc(total);
  block->size = size;
  block->next = arena->blocks;
  arena->blocks = block;
  arena->used_bytes += total;
  return block;
}

void *gw_arena_alloc_slow(struct gw_arena *arena, size_t size, size_t align) {
  (void)align; /* a block's bytes are aligned for any type */
  if (ONE_BLOCK_EACH) return add_block(arena, size)->bytes;
  size_t capacity = arena->block_size - sizeof(struct gw_arena_block);
  /* What is big gets a block of its own, and the rest of the current one stays in use. */
  if (size > capacity / 2) return add_block(arena, size)->bytes;
  struct gw_arena_block *block = add_block(arena, capacity);
  if (arena->block_size < BLOCK_SIZE_MAX) arena->block_size *= 2;
  if (arena->block_size > BLOCK_SIZE_MAX) arena->block_size = BLOCK_SIZE_MAX;
  arena->next = block->bytes + size;
  arena->end = block->bytes + capacity;
  return block->bytes;
}

void *gw_arena_calloc(struct gw_arena *arena, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) GW_PANIC("out of memory (%zu × %zu bytes)", count, size);
  void *memory = gw_arena_alloc(arena, total);
  memset(memory, 0, total);
  return memory;
}

struct gw_str gw_arena_copy(struct gw_arena *arena, struct gw_str s) {
  char *copy = gw_arena_alloc_bytes(arena, s.len + 1);
  if (s.len > 0) memcpy(copy, s.data, s.len);
  copy[s.len] = '\0';
  return (struct gw_str){copy, s.len};
}

char *gw_arena_strdup(struct gw_arena *arena, const char *text) {
  size_t size = strlen(text) + 1;
  return memcpy(gw_arena_alloc_bytes(arena, size), text, size);
}

char *gw_arena_printf(struct gw_arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len < 0) GW_PANIC("unformattable text: %s", format);
  char *text = gw_arena_alloc_bytes(arena, (size_t)len + 1);
  vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  return text;
}
