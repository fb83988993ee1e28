#include "common/event/event_memory.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/sanitizers.h"

/* Pieces of 16, 32, 48 and 64 bytes; each class has a part of the range, which takes memory only where it is used. What doesn't fit there
 * any more, a quarter of a million pieces of 64 bytes, is malloc's as larger ones are. */
#define STEP_BYTES ((size_t)16)
#define CLASS_COUNT ((size_t)4)
#define CLASS_BYTES ((size_t)16 * 1024 * 1024)

struct spare {
  struct spare *next;
};

/* The lock is taken when a descriptor number is seen for the first time, and when a loop begins or ends. */
static struct {
  pthread_mutex_t lock;
  char *range;
  size_t used[CLASS_COUNT];
  struct spare *spares[CLASS_COUNT];
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_ours(const void *piece) {
  return (uintptr_t)piece - (uintptr_t)memory.range < CLASS_COUNT * CLASS_BYTES;
}

static size_t class_of(const void *piece) {
  return ((uintptr_t)piece - (uintptr_t)memory.range) / CLASS_BYTES;
}

static void *take(size_t class) {
  size_t bytes = (class + 1) * STEP_BYTES;
  void *piece = NULL;
  pthread_mutex_lock(&memory.lock);
  if (memory.spares[class] != NULL) {
    piece = memory.spares[class];
    memory.spares[class] = memory.spares[class]->next;
  } else if (memory.used[class] + bytes <= CLASS_BYTES) {
    piece = memory.range + class * CLASS_BYTES + memory.used[class];
    memory.used[class] += bytes;
  }
  pthread_mutex_unlock(&memory.lock);
  return piece;
}

static void *on_malloc(size_t size) {
  void *piece = size > 0 && size <= CLASS_COUNT * STEP_BYTES ? take((size - 1) / STEP_BYTES) : NULL;
  return piece != NULL ? piece : gw_malloc(size);
}

static void on_free(void *piece) {
  if (!is_ours(piece)) {
    free(piece);
    return;
  }
  struct spare *spare = piece;
  pthread_mutex_lock(&memory.lock);
  spare->next = memory.spares[class_of(piece)];
  memory.spares[class_of(piece)] = spare;
  pthread_mutex_unlock(&memory.lock);
}

static void *on_realloc(void *piece, size_t size) {
  if (piece == NULL) return on_malloc(size);
  if (!is_ours(piece)) return gw_realloc_array(piece, size, 1);
  size_t old_size = (class_of(piece) + 1) * STEP_BYTES;
  void *larger = on_malloc(size);
  memcpy(larger, piece, size < old_size ? size : old_size);
  on_free(piece);
  return larger;
}

/* AddressSanitizer watches libevent's pieces one by one, where they are malloc's. */
static void use(void) {
  if (GW_HAS_ASAN) return;
  void *range = mmap(NULL, CLASS_COUNT * CLASS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) GW_PANIC("no memory for libevent: %s", strerror(errno));
  memory.range = range;
  event_set_mem_functions(on_malloc, on_realloc, on_free);
}

void gw_event_memory_use(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, use);
}
