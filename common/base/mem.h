/* Why: allocation that cannot fail (it aborts instead), and cleanup at the end of a scope.
 * Life: what these return is freed with free().
 * Thread: any. */
#ifndef GW_COMMON_BASE_MEM_H
#define GW_COMMON_BASE_MEM_H

#include <stddef.h>

void *gw_malloc(size_t size) __attribute__((malloc, returns_nonnull));
/* Zeroed; aborts on overflow of count * size. */
void *gw_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks an array of `count` items of `size` bytes; aborts on overflow. */
void *gw_realloc_array(void *items, size_t count, size_t size);
char *gw_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *gw_strndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *gw_asprintf(const char *format, ...) __attribute__((malloc, format(printf, 1, 2)));

/* Runs fn(&variable) when the variable leaves its scope: `GW_CLEANUP(gw_free_ptr) char *text = …`. */
#define GW_CLEANUP(fn) __attribute__((cleanup(fn)))
/* For GW_CLEANUP on a pointer that free() frees. */
void gw_free_ptr(void *pointer_to_pointer);

/* Begins to bring memory into the caches that is read soon: all of it at once, where reading waits for one line after the other. */
#define GW_CACHE_LINE 64
static inline void gw_prefetch(const void *memory, size_t len) {
  for (size_t at = 0; at < len; at += GW_CACHE_LINE)
    __builtin_prefetch((const char *)memory + at);
}

#define GW_CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define GW_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
