#include "dataplane/server/memory_trim.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/event/timer.h"

/* After a burst nobody needs the memory within this time, and workers wait for a few milliseconds at most that often. */
#define LOOK_MS 5000
/* Less than this, and less than a twentieth of the whole, is not worth it. */
#define WORTH_BYTES ((size_t)1024 * 1024)

struct gw_memory_trim {
  struct gw_loop *loop;
  struct gw_timer timer;
  size_t remainder; /* what was not in use and stayed all the same when it was given back last */
};

static size_t read_resident(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL) return 0;
  if (fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Resident, but not in use. */
static size_t find_spare(size_t resident) {
  struct mallinfo2 info = mallinfo2();
  size_t used = info.uordblks + info.hblkhd;
  return resident > used ? resident - used : 0;
}

static void look(struct gw_memory_trim *trim) {
  size_t resident = read_resident();
  size_t worth = resident / 20 > WORTH_BYTES ? resident / 20 : WORTH_BYTES;
  if (find_spare(resident) < trim->remainder + worth) return;
  malloc_trim(0);
  trim->remainder = find_spare(read_resident());
}

static void on_timer(struct gw_timer *timer) {
  struct gw_memory_trim *trim = GW_CONTAINER_OF(timer, struct gw_memory_trim, timer);
  look(trim);
  gw_timer_start(trim->loop, timer, LOOK_MS);
}

struct gw_memory_trim *gw_memory_trim_new(struct gw_loop *loop) {
  struct gw_memory_trim *trim = gw_calloc(1, sizeof(*trim));
  trim->loop = loop;
  gw_timer_init(&trim->timer, on_timer);
  gw_timer_start(loop, &trim->timer, LOOK_MS);
  return trim;
}

void gw_memory_trim_free(struct gw_memory_trim *trim) {
  if (trim == NULL) return;
  gw_timer_stop(&trim->timer);
  free(trim);
}
