/* Why: memory that is freed in one step: for a stream, a snapshot's resource, a parse.
 * Life: embedded (init/done). Everything allocated lives until reset or done. Nothing is freed singly.
 * Thread: one at a time; a frozen arena may be read by all. */
#ifndef GW_COMMON_BASE_ARENA_H
#define GW_COMMON_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"

struct gw_arena_block;

struct gw_arena {
  unsigned char *next; /* first free byte of the current block */
  unsigned char *end;
  struct gw_arena_block *blocks; /* newest first */
  size_t block_size;             /* of the next block; doubles up to 256 KiB */
  size_t first_block_size;       /* where a reset starts again */
  size_t used_bytes;             /* of all blocks: what reset or done gives back */
  unsigned char *fixed;          /* the caller's first block, or NULL */
  size_t fixed_size;
};

/* `block_size`: bytes of the first heap block (at least 256). */
void gw_arena_init(struct gw_arena *arena, size_t block_size);
/* As init, but the first `size` bytes come from `fixed`, which the caller keeps alive (for example embedded in the stream). */
void gw_arena_init_fixed(struct gw_arena *arena, void *fixed, size_t size, size_t block_size);
void gw_arena_done(struct gw_arena *arena);
/* Overwrites all that was allocated, before done or reset: for key material. */
void gw_arena_wipe(struct gw_arena *arena);
/* Frees all heap blocks and starts again (on the fixed block if there is one). */
void gw_arena_reset(struct gw_arena *arena);

void *gw_arena_alloc_slow(struct gw_arena *arena, size_t size, size_t align);
/* Uninitialised, aligned for any type. Aborts when memory is out. */
static inline void *gw_arena_alloc(struct gw_arena *arena, size_t size) {
  unsigned char *at = (unsigned char *)(((uintptr_t)arena->next + 15u) & ~(uintptr_t)15u);
  if (arena->next != NULL && at <= arena->end && size <= (size_t)(arena->end - at)) {
    arena->next = at + size;
    return at;
  }
  return gw_arena_alloc_slow(arena, size, 16);
}
/* Unaligned: for bytes. */
static inline char *gw_arena_alloc_bytes(struct gw_arena *arena, size_t size) {
  if (size <= (size_t)(arena->end - arena->next)) {
    unsigned char *at = arena->next;
    arena->next = at + size;
    return (char *)at;
  }
  return gw_arena_alloc_slow(arena, size, 1);
}
/* Zeroed array. */
void *gw_arena_calloc(struct gw_arena *arena, size_t count, size_t size);
/* NUL-terminated copies (the NUL is not counted in len). */
struct gw_str gw_arena_copy(struct gw_arena *arena, struct gw_str s);
char *gw_arena_strdup(struct gw_arena *arena, const char *text);
char *gw_arena_printf(struct gw_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
