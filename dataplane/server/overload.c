#include "dataplane/server/overload.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/model/listener.h"

/* Short against what a flood can fill meanwhile. */
#define LOOK_MS 100
/* Out of it is only what is clearly below a watermark, so that it is not crossed all the time. */
#define RELIEF_PERCENT 3

struct gw_overload {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_overload_files files;
  struct gw_timer timer;
  uint32_t memory_percent; /* 0: no watermark */
  uint32_t descriptors_percent;
  struct gw_overload_use use;
  enum gw_overload_level memory_level;
  enum gw_overload_level descriptors_level;
  atomic_int level; /* the higher of both */
};

/* The number that a file begins with, after `skipped` others; 0: none. */
static uint64_t read_number(const char *path, int skipped) {
  char text[128] = "";
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t len = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (len <= 0) return 0;
  char *at = text;
  uint64_t number = 0;
  for (int i = 0; i <= skipped; i++)
    number = strtoull(at, &at, 10);
  return number;
}

/* A new descriptor gets the lowest number that is free: where few are closed out of order that is how many there are. */
static uint64_t count_descriptors(void) {
  int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return UINT64_MAX;
  close(fd);
  return (uint64_t)fd;
}

static void measure(struct gw_overload *overload) {
  struct gw_overload_use *use = &overload->use;
  struct rlimit limit;
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * page;
  uint64_t group = read_number(overload->files.memory_limit, 0); /* "max" reads as 0 */
  use->memory_bytes = read_number(overload->files.memory_used, 1) * page;
  use->memory_limit_bytes = group != 0 && group < machine ? group : machine;
  use->descriptor_limit = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
  use->descriptors = count_descriptors();
  if (use->descriptors > use->descriptor_limit) use->descriptors = use->descriptor_limit;
}

static void on_timer(struct gw_timer *timer) {
  struct gw_overload *overload = GW_CONTAINER_OF(timer, struct gw_overload, timer);
  gw_overload_look(overload);
  gw_timer_start(overload->loop, timer, LOOK_MS);
}

struct gw_overload *gw_overload_new(struct gw_loop *loop, struct gw_log *log, const struct gw_overload_files *files) {
  static const struct gw_overload_files system_files = {"/proc/self/statm", "/sys/fs/cgroup/memory.max"};
  struct gw_overload *overload = gw_calloc(1, sizeof(*overload));
  overload->loop = loop;
  overload->log = log;
  overload->files = files != NULL ? *files : system_files;
  gw_timer_init(&overload->timer, on_timer);
  measure(overload); /* whoever asks before the first look is told, too */
  gw_timer_start(loop, &overload->timer, LOOK_MS);
  return overload;
}

void gw_overload_free(struct gw_overload *overload) {
  if (overload == NULL) return;
  gw_timer_stop(&overload->timer);
  free(overload);
}

static void take_lower(uint32_t *percent, uint32_t other) {
  if (other != 0 && (*percent == 0 || other < *percent)) *percent = other;
}

void gw_overload_follow(struct gw_overload *overload, const struct gw_snapshot *snapshot) {
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  overload->memory_percent = overload->descriptors_percent = 0;
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_http_connection_manager *http = &listeners->items[i]->listener->http;
    for (uint32_t k = 0; k < http->filter_count; k++) {
      if (http->filters[k].kind != GW_FILTER_LIMITS) continue;
      take_lower(&overload->memory_percent, http->filters[k].settings.limits.overload_memory_percent);
      take_lower(&overload->descriptors_percent, http->filters[k].settings.limits.overload_descriptors_percent);
    }
  }
}

static enum gw_overload_level level_of(uint64_t used, uint64_t limit, uint32_t percent, enum gw_overload_level before) {
  if (percent == 0 || limit == 0) return GW_OVERLOAD_NONE;
  uint64_t share = used * 100 / limit;
  uint64_t relief = percent > RELIEF_PERCENT ? RELIEF_PERCENT : 0;
  uint64_t connections = percent + (100 - percent) / 2 - (before == GW_OVERLOAD_CONNECTIONS ? relief : 0);
  uint64_t streams = percent - (before != GW_OVERLOAD_NONE ? relief : 0);
  return share >= connections ? GW_OVERLOAD_CONNECTIONS : share >= streams ? GW_OVERLOAD_STREAMS : GW_OVERLOAD_NONE;
}

void gw_overload_look(struct gw_overload *overload) {
  static const char *const meanings[] = {[GW_OVERLOAD_NONE] = "all requests are served again",
                                         [GW_OVERLOAD_STREAMS] = "new requests are answered 503",
                                         [GW_OVERLOAD_CONNECTIONS] = "no new connections are taken"};
  const struct gw_overload_use *use = &overload->use;
  enum gw_overload_level before = gw_overload_level(overload);
  measure(overload);
  enum gw_overload_level *memory = &overload->memory_level;
  enum gw_overload_level *descriptors = &overload->descriptors_level;
  *memory = level_of(use->memory_bytes, use->memory_limit_bytes, overload->memory_percent, *memory);
  *descriptors = level_of(use->descriptors, use->descriptor_limit, overload->descriptors_percent, *descriptors);
  enum gw_overload_level level = *memory > *descriptors ? *memory : *descriptors;
  if (level == before) return;
  atomic_store_explicit(&overload->level, (int)level, memory_order_relaxed);
  GW_LOG_WARNING(overload->log, "overload: %s (memory %llu of %llu MiB, descriptors %llu of %llu)", meanings[level],
                 (unsigned long long)(use->memory_bytes >> 20), (unsigned long long)(use->memory_limit_bytes >> 20),
                 (unsigned long long)use->descriptors, (unsigned long long)use->descriptor_limit);
}

enum gw_overload_level gw_overload_level(const struct gw_overload *overload) {
  return (enum gw_overload_level)atomic_load_explicit(&overload->level, memory_order_relaxed);
}

void gw_overload_get_use(const struct gw_overload *overload, struct gw_overload_use *ret_use) {
  *ret_use = overload->use;
}
