#include "dataplane/server/last_good.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/mailbox.h"
#include "common/event/timer.h"

#define LOOK_AGAIN_MS 1000
#define KEY_FILE_MAX 4096
#define REFRESH_MIN_MS 60000

/* One write, by a thread that lives for it. */
struct writing {
  struct gw_mail mail; /* back to main when it is done */
  const struct gw_cache *cache;
  struct gw_mailbox *done;
  struct gw_snapshot *snapshot;
  uint64_t wall_us;
  int failure; /* errno */
  pthread_t thread;
  bool is_joined;
};

struct gw_last_good {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_last_good_calls calls;
  struct gw_cache cache;
  struct gw_mailbox *done;
  struct writing *writing;  /* NULL: none */
  struct gw_snapshot *next; /* to be written after it */
  struct gw_timer patience;
  struct gw_timer refresh;
  uint64_t refresh_ms;
  bool has_failed; /* the last write: told once */
  struct gw_last_good_status status;
};

/* ---- writing ---- */

static void *write_it(void *arg) {
  struct writing *writing = arg;
  if (gw_cache_save(writing->cache, writing->snapshot, writing->wall_us) != GW_OK) writing->failure = errno;
  gw_mailbox_post(writing->done, &writing->mail);
  return NULL;
}

static void start_writing(struct gw_last_good *last_good, struct gw_snapshot *snapshot) {
  struct writing *writing = gw_calloc(1, sizeof(*writing));
  writing->cache = &last_good->cache;
  writing->done = last_good->done;
  writing->snapshot = snapshot;
  writing->wall_us = gw_clock_wall_us();
  int failure = pthread_create(&writing->thread, NULL, write_it, writing);
  if (failure == 0) {
    last_good->writing = writing;
    return;
  }
  GW_LOG_WARNING(last_good->log, "the configuration cannot be kept: no thread: %s", strerror(failure));
  gw_snapshot_unref(snapshot);
  free(writing);
}

static void tell_outcome(struct gw_last_good *last_good, int failure) {
  if (failure != 0 && !last_good->has_failed) {
    GW_LOG_WARNING(last_good->log, "the configuration cannot be kept in %s: %s", last_good->cache.directory, strerror(failure));
  }
  last_good->has_failed = failure != 0;
}

static void on_written(void *arg, struct gw_mail *mail) {
  struct gw_last_good *last_good = arg;
  struct writing *writing = GW_CONTAINER_OF(mail, struct writing, mail);
  if (!writing->is_joined) pthread_join(writing->thread, NULL);
  tell_outcome(last_good, writing->failure);
  if (writing->failure == 0) {
    last_good->status.saves_total++;
    last_good->status.saved_wall_us = writing->wall_us;
  } else {
    last_good->status.failures_total++;
  }
  if (writing->failure != 0) gw_timer_start(last_good->loop, &last_good->refresh, REFRESH_MIN_MS); /* not only after an hour */
  gw_snapshot_unref(writing->snapshot);
  free(writing);
  last_good->writing = NULL;
  struct gw_snapshot *next = last_good->next;
  last_good->next = NULL;
  if (next != NULL) start_writing(last_good, next);
}

void gw_last_good_save(struct gw_last_good *last_good, struct gw_snapshot *snapshot) {
  if (last_good == NULL) return;
  gw_timer_start(last_good->loop, &last_good->refresh, last_good->refresh_ms);
  if (last_good->writing == NULL) {
    start_writing(last_good, gw_snapshot_ref(snapshot));
    return;
  }
  gw_snapshot_unref(last_good->next);
  last_good->next = gw_snapshot_ref(snapshot);
}

static void on_refresh(struct gw_timer *timer) {
  struct gw_last_good *last_good = GW_CONTAINER_OF(timer, struct gw_last_good, refresh);
  struct gw_snapshot *current = last_good->calls.current(last_good->calls.arg);
  if (current != NULL) {
    gw_last_good_save(last_good, current);
  } else {
    gw_timer_start(last_good->loop, &last_good->refresh, last_good->refresh_ms);
  }
}

/* ---- reading ---- */

static void load(struct gw_last_good *last_good) {
  struct gw_snapshot *snapshot;
  uint64_t saved_us;
  char *reason;
  enum gw_err err = gw_cache_load(&last_good->cache, gw_clock_wall_us(), &snapshot, &saved_us, &reason);
  if (err == GW_OK) {
    char time[GW_CLOCK_RFC3339_SIZE];
    gw_clock_format_rfc3339(saved_us, time);
    GW_LOG_WARNING(last_good->log, "no control plane answers: going on with the configuration kept in %s at %s", last_good->cache.directory,
                   time);
    last_good->calls.on_loaded(last_good->calls.arg, snapshot);
    gw_snapshot_unref(snapshot);
  } else if (reason != NULL) {
    GW_LOG_WARNING(last_good->log, "no control plane answers, and the configuration kept in %s/%s is not used: %s",
                   last_good->cache.directory, GW_CACHE_FILE_NAME, reason);
  } else {
    GW_LOG_WARNING(last_good->log, "no control plane answers, and no configuration is kept in %s", last_good->cache.directory);
  }
  free(reason);
}

/* A control plane that answered and went away before all was there has not answered. */
static void on_patience(struct gw_timer *timer) {
  struct gw_last_good *last_good = GW_CONTAINER_OF(timer, struct gw_last_good, patience);
  if (last_good->calls.is_serving(last_good->calls.arg)) return;
  if (last_good->calls.is_answered(last_good->calls.arg)) {
    gw_timer_start(last_good->loop, &last_good->patience, LOOK_AGAIN_MS);
  } else {
    load(last_good);
  }
}

/* ---- life ---- */

static enum gw_err read_key(struct gw_last_good *last_good, const char *path) {
  char secret[KEY_FILE_MAX];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t len = fd >= 0 ? read(fd, secret, sizeof(secret)) : -1;
  int failure = errno;
  if (fd >= 0) close(fd);
  if (len < 0) {
    GW_LOG_ERROR(last_good->log, "the key file %s cannot be read: %s", path, strerror(failure));
    return GW_ERR_IO;
  }
  /* A text editor's line end is no part of a key; of a key in binary it may be the last byte that is needed. */
  while (len > GW_SEAL_SECRET_MIN && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
    len--;
  enum gw_err err = gw_seal_derive_key((struct gw_str){secret, (size_t)len}, GW_CACHE_KEY_PURPOSE, last_good->cache.key);
  explicit_bzero(secret, sizeof(secret));
  if (err != GW_OK) GW_LOG_ERROR(last_good->log, "the key file %s is too short: at least %d bytes are needed", path, GW_SEAL_SECRET_MIN);
  last_good->cache.has_key = err == GW_OK;
  return err;
}

static enum gw_err check_directory(struct gw_log *log, const char *path) {
  if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST) {
    GW_LOG_ERROR(log, "the cache directory %s cannot be made: %s", path, strerror(errno));
    return GW_ERR_IO;
  }
  if (access(path, W_OK | X_OK) != 0) {
    GW_LOG_ERROR(log, "the cache directory %s cannot be written: %s", path, strerror(errno));
    return GW_ERR_IO;
  }
  return GW_OK;
}

enum gw_err gw_last_good_new(struct gw_loop *loop, struct gw_log *log, const struct gw_options *options,
                             const struct gw_last_good_calls *calls, struct gw_last_good **ret_last_good) {
  *ret_last_good = NULL;
  if (options->cache_dir == NULL) return GW_OK;
  enum gw_err err = check_directory(log, options->cache_dir);
  if (err != GW_OK) return err;
  struct gw_last_good *last_good = gw_calloc(1, sizeof(*last_good));
  *last_good = (struct gw_last_good){.loop = loop, .log = log, .calls = *calls};
  last_good->cache = (struct gw_cache){
      .directory = options->cache_dir,
      .node_id = options->node_id,
      .node_cluster = options->node_cluster,
      .max_age_ms = options->cache_max_age_ms,
  };
  uint64_t refresh_ms = options->cache_max_age_ms / 24;
  last_good->refresh_ms = refresh_ms < REFRESH_MIN_MS ? REFRESH_MIN_MS : refresh_ms;
  if (options->cache_key_file != NULL) err = read_key(last_good, options->cache_key_file);
  if (err != GW_OK) {
    free(last_good);
    return err;
  }
  last_good->done = gw_mailbox_new(loop, on_written, last_good);
  gw_timer_init(&last_good->patience, on_patience);
  gw_timer_init(&last_good->refresh, on_refresh);
  *ret_last_good = last_good;
  return GW_OK;
}

void gw_last_good_start(struct gw_last_good *last_good) {
  if (last_good == NULL) return;
  gw_timer_start(last_good->loop, &last_good->patience, GW_LAST_GOOD_PATIENCE_MS);
  gw_timer_start(last_good->loop, &last_good->refresh, last_good->refresh_ms);
}

bool gw_last_good_get_status(const struct gw_last_good *last_good, struct gw_last_good_status *ret_status) {
  if (last_good == NULL) return false;
  *ret_status = last_good->status;
  return true;
}

void gw_last_good_free(struct gw_last_good *last_good) {
  if (last_good == NULL) return;
  struct gw_snapshot *next = last_good->next;
  last_good->next = NULL;
  if (last_good->writing != NULL) {
    pthread_join(last_good->writing->thread, NULL);
    last_good->writing->is_joined = true;
  }
  gw_mailbox_free(last_good->done); /* delivers the outcome, which may start a timer */
  gw_timer_stop(&last_good->patience);
  gw_timer_stop(&last_good->refresh);
  /* What was activated last is written, so that the next start finds it. */
  if (next != NULL) tell_outcome(last_good, gw_cache_save(&last_good->cache, next, gw_clock_wall_us()) == GW_OK ? 0 : errno);
  gw_snapshot_unref(next);
  explicit_bzero(last_good->cache.key, sizeof(last_good->cache.key));
  free(last_good);
}
