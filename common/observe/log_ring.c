#include "common/observe/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* The writer looks for lines every NAP_MS while there are some, so lines cost no wake-up and go out in batches. After IDLE_NAPS
 * naps without a line it sleeps until a producer wakes it: an idle process stays idle. */
#define NAP_MS 20
#define IDLE_NAPS 50u
#define DRAIN_MAX_US 1000000u
#define BATCH_MAX 64 /* pieces a writev; a ring gives at most two */

struct gw_log_ring {
  /* The producer's line of cache. */
  _Alignas(64) atomic_size_t head; /* bytes ever queued */
  size_t known_tail;               /* the last tail that the producer saw: it looks again only when the ring seems full */
  atomic_uint_fast64_t lost;       /* lines */
  /* The writer's. */
  _Alignas(64) atomic_size_t tail; /* bytes ever written */
  /* Constant. */
  _Alignas(64) struct gw_log_writer *writer;
  struct gw_log_ring *next;
  size_t size;
  char *bytes;
};

struct gw_log_writer {
  char *path; /* NULL: the descriptor is somebody else's */
  int fd;
  size_t write_max; /* bytes that a write takes without blocking once poll says that it may write */
  int wake_fd;
  pthread_t thread;
  _Atomic(struct gw_log_ring *) rings;
  atomic_bool is_asleep;
  atomic_bool is_stopping;
  atomic_bool wants_reopen;
};

static int open_file(const char *path) {
  return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

/* A pipe, socket or terminal that poll calls writable takes PIPE_BUF bytes; a file takes all, and poll says nothing about it. */
static size_t write_max_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? SIZE_MAX : PIPE_BUF;
}

static void wake(struct gw_log_writer *writer) {
  while (eventfd_write(writer->wake_fd, 1) != 0 && errno == EINTR)
    continue;
}

bool gw_log_ring_append(struct gw_log_ring *ring, struct gw_str line) {
  size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  if (line.len > ring->size - (head - ring->known_tail)) {
    ring->known_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (line.len > ring->size - (head - ring->known_tail)) {
      atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
      return false;
    }
  }
  size_t at = head & (ring->size - 1);
  size_t first = line.len < ring->size - at ? line.len : ring->size - at;
  if (line.len > 0) {
    memcpy(ring->bytes + at, line.data, first);
    memcpy(ring->bytes, line.data + first, line.len - first);
  }
  /* Sequentially consistent with is_asleep: either the writer sees this line before it sleeps, or it is seen sleeping here. */
  atomic_store(&ring->head, head + line.len);
  struct gw_log_writer *writer = ring->writer;
  size_t half = ring->size / 2;
  bool is_getting_full = head - ring->known_tail < half && head + line.len - ring->known_tail >= half;
  if (is_getting_full || (atomic_load(&writer->is_asleep) && atomic_exchange(&writer->is_asleep, false))) wake(writer);
  return true;
}

/* A ring's queued bytes as of now, and how many of them the batch still has to write. */
struct portion {
  struct gw_log_ring *ring;
  size_t len;
};

struct batch {
  struct iovec pieces[BATCH_MAX];
  int piece_count;
  struct portion portions[BATCH_MAX / 2];
  size_t portion_count;
};

/* Takes up what is queued in the rings from `ring` on. Returns the ring to go on with when a batch holds no more, or NULL. */
static struct gw_log_ring *collect(struct gw_log_ring *ring, struct batch *batch) {
  batch->piece_count = 0;
  batch->portion_count = 0;
  for (; ring != NULL && batch->portion_count < GW_ARRAY_LEN(batch->portions); ring = ring->next) {
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t len = atomic_load(&ring->head) - tail;
    if (len == 0) continue;
    size_t at = tail & (ring->size - 1);
    size_t first = len < ring->size - at ? len : ring->size - at;
    batch->portions[batch->portion_count++] = (struct portion){ring, len};
    batch->pieces[batch->piece_count++] = (struct iovec){ring->bytes + at, first};
    if (first < len) batch->pieces[batch->piece_count++] = (struct iovec){ring->bytes, len - first};
  }
  return ring;
}

/* Gives `len` written bytes back to their rings, from the batch's start. */
static void release(struct batch *batch, size_t len) {
  for (size_t i = 0; i < batch->portion_count && len > 0; i++) {
    struct portion *portion = &batch->portions[i];
    size_t n = portion->len < len ? portion->len : len;
    portion->len -= n;
    len -= n;
    atomic_fetch_add_explicit(&portion->ring->tail, n, memory_order_release);
  }
}

/* Cuts `len` bytes off the batch's pieces. Returns how many pieces are used up. */
static int cut(struct iovec *pieces, int count, size_t len) {
  int done = 0;
  while (done < count && len >= pieces[done].iov_len)
    len -= pieces[done++].iov_len;
  if (done < count) {
    pieces[done].iov_base = (char *)pieces[done].iov_base + len;
    pieces[done].iov_len -= len;
  }
  return done;
}

/* Counts the batch's lines as lost and makes room. */
static void drop(struct batch *batch, const struct iovec *pieces, int count) {
  uint64_t lines = 0;
  size_t len = 0;
  for (int i = 0; i < count; i++) {
    const char *bytes = pieces[i].iov_base;
    for (size_t k = 0; k < pieces[i].iov_len; k++)
      lines += bytes[k] == '\n';
    len += pieces[i].iov_len;
  }
  if (batch->portion_count > 0) atomic_fetch_add_explicit(&batch->portions[0].ring->lost, lines, memory_order_relaxed);
  release(batch, len);
}

/* Waits until the descriptor takes bytes. False: the time for draining is over. */
static bool wait_writable(struct gw_log_writer *writer, uint64_t *deadline_us) {
  for (;;) {
    if (atomic_load(&writer->is_stopping)) {
      uint64_t now_us = gw_clock_monotonic_us();
      if (*deadline_us == 0) *deadline_us = now_us + DRAIN_MAX_US;
      if (now_us >= *deadline_us) return false;
    }
    struct pollfd fds[1] = {{.fd = writer->fd, .events = POLLOUT}};
    if (poll(fds, 1, NAP_MS) > 0) return true; /* an error, too, is for write to tell */
  }
}

/* At most write_max bytes of the pieces. */
static ssize_t write_some(const struct gw_log_writer *writer, const struct iovec *pieces, int count) {
  struct iovec limited[BATCH_MAX];
  size_t left = writer->write_max;
  int n = 0;
  for (; n < count && left > 0; n++) {
    limited[n] = pieces[n];
    if (limited[n].iov_len > left) limited[n].iov_len = left;
    left -= limited[n].iov_len;
  }
  return writev(writer->fd, limited, n);
}

/* False: the time for draining is over. */
static bool write_batch(struct gw_log_writer *writer, struct batch *batch, uint64_t *deadline_us) {
  struct iovec *pieces = batch->pieces;
  int count = batch->piece_count;
  while (count > 0) {
    if (!wait_writable(writer, deadline_us)) {
      drop(batch, pieces, count);
      return false;
    }
    ssize_t n = write_some(writer, pieces, count);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) { /* a full disk, a reader that went away */
      drop(batch, pieces, count);
      return true;
    }
    release(batch, (size_t)n);
    int done = cut(pieces, count, (size_t)n);
    pieces += done;
    count -= done;
  }
  return true;
}

static void reopen_if_wanted(struct gw_log_writer *writer) {
  if (!atomic_exchange(&writer->wants_reopen, false) || writer->path == NULL) return;
  int fd = open_file(writer->path);
  if (fd < 0) return; /* better the old file than none */
  close(writer->fd);
  writer->fd = fd;
  writer->write_max = write_max_of(fd);
}

static bool has_lines(struct gw_log_writer *writer) {
  struct gw_log_ring *ring = atomic_load_explicit(&writer->rings, memory_order_acquire);
  for (; ring != NULL; ring = ring->next) {
    if (atomic_load(&ring->head) != atomic_load_explicit(&ring->tail, memory_order_relaxed)) return true;
  }
  return false;
}

/* A nap, or sleep until somebody wakes the writer. */
static void rest(struct gw_log_writer *writer, unsigned *idle_naps) {
  int timeout = NAP_MS;
  if (*idle_naps >= IDLE_NAPS) {
    atomic_store(&writer->is_asleep, true);
    timeout = has_lines(writer) ? 0 : -1;
  }
  struct pollfd fd = {.fd = writer->wake_fd, .events = POLLIN};
  if (poll(&fd, 1, timeout) > 0) {
    eventfd_t count;
    (void)eventfd_read(writer->wake_fd, &count);
    *idle_naps = 0;
  } else {
    ++*idle_naps;
  }
  atomic_store(&writer->is_asleep, false);
}

/* Writes what is queued now. False: the time for draining is over. */
static bool write_queued(struct gw_log_writer *writer, bool *ret_is_idle, uint64_t *deadline_us) {
  struct gw_log_ring *ring = atomic_load_explicit(&writer->rings, memory_order_acquire);
  *ret_is_idle = true;
  while (ring != NULL) {
    struct batch batch;
    ring = collect(ring, &batch);
    if (batch.piece_count > 0) *ret_is_idle = false;
    if (!write_batch(writer, &batch, deadline_us)) return false;
  }
  return true;
}

static void *run(void *arg) {
  struct gw_log_writer *writer = arg;
  unsigned idle_naps = 0;
  uint64_t deadline_us = 0;
  bool is_idle;
  for (;;) {
    bool is_last = atomic_load(&writer->is_stopping); /* read first: what was queued before the stop is written */
    reopen_if_wanted(writer);
    if (!write_queued(writer, &is_idle, &deadline_us) || (is_last && is_idle)) return NULL;
    if (!is_idle) idle_naps = 0;
    if (!is_last) rest(writer, &idle_naps);
  }
}

/* The thread takes no signals: they are the main loop's, and a write to a closed pipe is an error like others. */
static int start_thread(struct gw_log_writer *writer) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int reason = pthread_create(&writer->thread, NULL, run, writer);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return reason;
}

static enum gw_err start(int fd, const char *path, struct gw_log_writer **ret_writer) {
  struct gw_log_writer *writer = gw_calloc(1, sizeof(*writer));
  writer->path = path == NULL ? NULL : gw_strdup(path);
  writer->fd = fd;
  writer->write_max = write_max_of(fd);
  writer->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  int reason = writer->wake_fd < 0 ? errno : start_thread(writer);
  if (reason != 0) {
    if (writer->wake_fd >= 0) close(writer->wake_fd);
    free(writer->path);
    free(writer);
    errno = reason;
    return GW_ERR_IO;
  }
  *ret_writer = writer;
  return GW_OK;
}

enum gw_err gw_log_writer_new(const char *path, struct gw_log_writer **ret_writer) {
  if (path == NULL) return gw_log_writer_new_fd(STDOUT_FILENO, ret_writer);
  int fd = open_file(path);
  if (fd < 0) return GW_ERR_IO;
  enum gw_err err = start(fd, path, ret_writer);
  int reason = errno;
  if (err != GW_OK) close(fd);
  errno = reason;
  return err;
}

enum gw_err gw_log_writer_new_fd(int fd, struct gw_log_writer **ret_writer) {
  return start(fd, NULL, ret_writer);
}

void gw_log_writer_free(struct gw_log_writer *writer) {
  if (writer == NULL) return;
  atomic_store(&writer->is_stopping, true);
  wake(writer);
  pthread_join(writer->thread, NULL);
  struct gw_log_ring *ring = atomic_load(&writer->rings);
  while (ring != NULL) {
    struct gw_log_ring *next = ring->next;
    free(ring->bytes);
    free(ring);
    ring = next;
  }
  close(writer->wake_fd);
  if (writer->path != NULL) close(writer->fd);
  free(writer->path);
  free(writer);
}

void gw_log_writer_hurry(struct gw_log_writer *writer) {
  wake(writer);
}

void gw_log_writer_reopen(struct gw_log_writer *writer) {
  atomic_store(&writer->wants_reopen, true);
  wake(writer);
}

struct gw_log_ring *gw_log_writer_add_ring(struct gw_log_writer *writer, size_t size) {
  GW_ASSERT(size > 0 && (size & (size - 1)) == 0);
  struct gw_log_ring *ring = aligned_alloc(_Alignof(struct gw_log_ring), sizeof(*ring));
  GW_ASSERT(ring != NULL);
  *ring = (struct gw_log_ring){.writer = writer, .size = size, .bytes = gw_malloc(size)};
  ring->next = atomic_load_explicit(&writer->rings, memory_order_relaxed);
  atomic_store_explicit(&writer->rings, ring, memory_order_release);
  return ring;
}

uint64_t gw_log_writer_lost(const struct gw_log_writer *writer) {
  uint64_t lost = 0;
  struct gw_log_ring *ring = atomic_load_explicit(&writer->rings, memory_order_acquire);
  for (; ring != NULL; ring = ring->next)
    lost += atomic_load_explicit(&ring->lost, memory_order_relaxed);
  return lost;
}
