#include "common/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

void *gw_malloc(size_t size) {
  void *memory = malloc(size == 0 ? 1 : size);
  if (memory == NULL) GW_PANIC("out of memory (%zu bytes)", size);
  return memory;
}

void *gw_calloc(size_t count, size_t size) {
  void *memory = count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
  if (memory == NULL) GW_PANIC("out of memory (%zu × %zu bytes)", count, size);
  return memory;
}

void *gw_realloc_array(void *items, size_t count, size_t size) {
  /* realloc of 0 bytes may free: an empty array keeps a byte instead. */
  void *memory = count == 0 || size == 0 ? realloc(items, 1) : reallocarray(items, count, size);
  if (memory == NULL) GW_PANIC("out of memory (%zu × %zu bytes)", count, size);
  return memory;
}

char *gw_strdup(const char *text) {
  return gw_strndup(text, strlen(text));
}

char *gw_strndup(const char *text, size_t len) {
  if (len == SIZE_MAX) GW_PANIC("out of memory (%zu bytes)", len);
  char *copy = gw_malloc(len + 1);
  if (len > 0) memcpy(copy, text, len);
  copy[len] = '\0';
  return copy;
}

char *gw_asprintf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = NULL;
  int len = vasprintf(&text, format, args);
  va_end(args);
  if (len < 0) GW_PANIC("out of memory");
  return text;
}

void gw_free_ptr(void *pointer_to_pointer) {
  void *memory;
  memcpy(&memory, pointer_to_pointer, sizeof(memory));
  free(memory);
}
