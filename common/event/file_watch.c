#include "common/event/file_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/event/loop_internal.h"
#include "common/event/timer.h"

#define SYMLINKS_MAX 40u /* as in the kernel's own walk */
#define SETTLE_FACTOR 5u
/* Of a directory only its names count; the bytes are watched on the file itself, which also sees writes through a bind mount. */
#define DIRECTORY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define FILE_EVENTS (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

/* The loop's one inotify instance, because a user may have only few (128). The kernel has one descriptor for each file or directory,
 * however many watches go through it. From the first watch to the last. */
struct gw_inotify {
  int fd;
  struct gw_io *io;
  struct gw_list watches;
};

/* One step of the way to the file: `name` in the directory of `descriptor`; without a name the file itself. */
struct link {
  int descriptor;
  char *name;
};

struct way {
  struct link *links;
  size_t count;
};

struct identity {
  bool exists;
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec changed; /* status change: a write moves it, too */
  struct timespec modified;
};

/* What an event says about the way: nothing, that it may lead elsewhere, or that one of its links was touched. */
enum touch { TOUCH_NONE, TOUCH_UNSURE, TOUCH_NAMED };

struct gw_file_watch {
  struct gw_list node; /* in gw_inotify.watches */
  struct gw_loop *loop;
  struct gw_inotify *inotify;
  char *path;
  uint64_t settle_ms;
  uint64_t whole_ms;
  gw_file_watch_fn fn;
  void *arg;
  struct way way;
  struct identity identity; /* when fn was last called */
  enum touch touch;         /* by the events of this turn */
  bool is_whole;            /* … the last of which left the file whole */
  bool is_named;            /* an event named a link since then: fn is called even if the identity is the same */
  uint64_t first_event_ms;
  struct gw_timer settle;
};

static void way_done(struct way *way) {
  for (size_t i = 0; i < way->count; i++)
    free(way->links[i].name);
  free(way->links);
  *way = (struct way){0};
}

/* Takes over `name`. */
static void way_add(struct way *way, int descriptor, char *name) {
  way->links = gw_realloc_array(way->links, way->count + 1, sizeof(way->links[0]));
  way->links[way->count++] = (struct link){descriptor, name};
}

static bool way_has(const struct way *way, int descriptor) {
  for (size_t i = 0; i < way->count; i++) {
    if (way->links[i].descriptor == descriptor) return true;
  }
  return false;
}

/* Cuts the first component off *rest; false at the end. */
static bool next_component(const char **rest, struct gw_str *ret_name) {
  while (**rest == '/')
    (*rest)++;
  size_t len = strcspn(*rest, "/");
  *ret_name = (struct gw_str){*rest, len};
  *rest += len;
  return len > 0;
}

/* A walk along a path as the kernel does it, which notes every directory that it looks into. */
struct walk {
  int inotify_fd;
  struct way *way;
  struct gw_strbuf directory; /* where the walk is, without symlinks; ends in "/" or is empty */
  char *rest;                 /* what is still to walk */
  unsigned symlink_count;
};

/* Puts a symlink's target before what is still to walk. */
static bool follow(struct walk *walk, const char *entry, const char *rest) {
  char target[PATH_MAX];
  ssize_t len = readlink(entry, target, sizeof(target) - 1);
  if (len < 0 || ++walk->symlink_count > SYMLINKS_MAX) return false;
  target[len] = '\0';
  if (target[0] == '/') {
    gw_strbuf_clear(&walk->directory);
    gw_strbuf_append_char(&walk->directory, '/');
  }
  char *joined = gw_asprintf("%s/%s", target, rest);
  free(walk->rest);
  walk->rest = joined;
  return true;
}

/* One component: watches its directory before it looks, so that what changes afterwards makes an event. False: the way ends here. */
static bool step(struct walk *walk) {
  const char *rest = walk->rest;
  struct gw_str name;
  if (!next_component(&rest, &name)) return false;
  int descriptor = inotify_add_watch(walk->inotify_fd, walk->directory.len == 0 ? "." : walk->directory.data, DIRECTORY_EVENTS);
  /* A directory on the way that may be passed but not read is passed unwatched. */
  if (descriptor >= 0) way_add(walk->way, descriptor, gw_str_dup(name));

  GW_CLEANUP(gw_free_ptr) char *entry = gw_asprintf("%.*s%.*s", GW_STR_ARG(gw_strbuf_str(&walk->directory)), GW_STR_ARG(name));
  struct stat status;
  if (lstat(entry, &status) != 0) return false;
  if (S_ISLNK(status.st_mode)) return follow(walk, entry, rest);
  if (!S_ISDIR(status.st_mode)) {
    descriptor = inotify_add_watch(walk->inotify_fd, entry, FILE_EVENTS);
    if (descriptor >= 0) way_add(walk->way, descriptor, NULL);
    return false;
  }
  gw_strbuf_append_str(&walk->directory, name);
  gw_strbuf_append_char(&walk->directory, '/');
  memmove(walk->rest, rest, strlen(rest) + 1);
  return true;
}

/* No longer watches what no way goes through any more. */
static void release(const struct gw_inotify *inotify, int descriptor) {
  GW_LIST_FOR_EACH(node, &inotify->watches)
  if (way_has(&GW_LIST_ITEM(node, struct gw_file_watch, node)->way, descriptor)) return;
  inotify_rm_watch(inotify->fd, descriptor);
}

static void leave(const struct gw_inotify *inotify, struct way *way) {
  for (size_t i = 0; i < way->count; i++)
    release(inotify, way->links[i].descriptor);
  way_done(way);
}

/* Watches all that the path goes through now, and no longer what it went through before. */
static void rescan(struct gw_file_watch *watch) {
  struct way before = watch->way;
  watch->way = (struct way){0};
  struct walk walk = {.inotify_fd = watch->inotify->fd, .way = &watch->way, .rest = gw_strdup(watch->path)};
  if (watch->path[0] == '/') gw_strbuf_append_char(&walk.directory, '/');
  while (step(&walk))
    continue;
  free(walk.rest);
  gw_strbuf_done(&walk.directory);
  leave(watch->inotify, &before);
}

static struct identity identify(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return (struct identity){0};
  return (struct identity){true, status.st_dev, status.st_ino, status.st_size, status.st_ctim, status.st_mtim};
}

static bool same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_identity(const struct identity *a, const struct identity *b) {
  return a->exists == b->exists && a->device == b->device && a->inode == b->inode && a->size == b->size &&
         same_time(a->changed, b->changed) && same_time(a->modified, b->modified);
}

static void on_settled(struct gw_timer *timer) {
  struct gw_file_watch *watch = GW_CONTAINER_OF(timer, struct gw_file_watch, settle);
  struct identity now = identify(watch->path);
  bool may_have_changed = watch->is_named || !same_identity(&now, &watch->identity);
  watch->identity = now;
  watch->is_named = false;
  if (may_have_changed) watch->fn(watch->arg); /* may free watch */
}

static void postpone(struct gw_file_watch *watch) {
  uint64_t now_ms = gw_loop_now_ms(watch->loop);
  if (!gw_timer_is_running(&watch->settle)) watch->first_event_ms = now_ms;
  uint64_t end_ms = watch->first_event_ms + SETTLE_FACTOR * watch->settle_ms;
  if (gw_timer_is_running(&watch->settle) && now_ms >= end_ms) return; /* it is about to fire, and no event may stop it again */
  uint64_t left_ms = end_ms - now_ms, settle_ms = watch->is_whole ? watch->whole_ms : watch->settle_ms;
  gw_timer_start(watch->loop, &watch->settle, left_ms < settle_ms ? left_ms : settle_ms);
}

static enum touch judge(const struct gw_file_watch *watch, const struct inotify_event *event) {
  if ((event->mask & IN_Q_OVERFLOW) != 0) return TOUCH_UNSURE;
  enum touch touch = TOUCH_NONE;
  for (size_t i = 0; i < watch->way.count; i++) {
    const struct link *link = &watch->way.links[i];
    if (link->descriptor != event->wd) continue;
    if (link->name == NULL) return (event->mask & (IN_MODIFY | IN_CLOSE_WRITE)) != 0 ? TOUCH_NAMED : TOUCH_UNSURE;
    if (event->len == 0) {
      touch = TOUCH_UNSURE; /* the directory itself went away */
    } else if (strcmp(link->name, event->name) == 0) {
      return TOUCH_NAMED;
    }
  }
  return touch;
}

/* Takes what has happened so far, for each watch that it touches. */
static void take_events(struct gw_inotify *inotify) {
  _Alignas(struct inotify_event) char buffer[4096];
  ssize_t len;
  while ((len = read(inotify->fd, buffer, sizeof(buffer))) > 0) {
    for (char *at = buffer; at < buffer + len;) {
      const struct inotify_event *event = (const struct inotify_event *)(void *)at;
      GW_LIST_FOR_EACH(node, &inotify->watches) {
        struct gw_file_watch *watch = GW_LIST_ITEM(node, struct gw_file_watch, node);
        enum touch by_event = judge(watch, event);
        if (by_event > watch->touch) watch->touch = by_event;
        if (by_event == TOUCH_NAMED) watch->is_whole = (event->mask & (IN_MOVED_TO | IN_CLOSE_WRITE)) != 0;
      }
      at += sizeof(*event) + event->len;
    }
  }
  GW_LIST_FOR_EACH(node, &inotify->watches) {
    struct gw_file_watch *watch = GW_LIST_ITEM(node, struct gw_file_watch, node);
    if (watch->touch == TOUCH_NONE) continue;
    watch->is_named |= watch->touch == TOUCH_NAMED;
    watch->touch = TOUCH_NONE;
    rescan(watch);
    postpone(watch);
  }
}

static void on_events(void *arg, unsigned ready) {
  (void)ready;
  take_events(arg);
}

/* The loop's, made when there is none; NULL with errno. */
static struct gw_inotify *enter(struct gw_loop *loop) {
  if (loop->inotify != NULL) {
    take_events(loop->inotify); /* what came before a new watch is not about it */
    return loop->inotify;
  }
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return NULL;
  struct gw_inotify *inotify = gw_malloc(sizeof(*inotify));
  *inotify = (struct gw_inotify){.fd = fd, .io = gw_io_new(loop, fd, on_events, inotify)};
  gw_list_init(&inotify->watches);
  gw_io_set(inotify->io, GW_IO_READ);
  loop->inotify = inotify;
  return inotify;
}

static void exit_when_unused(struct gw_loop *loop) {
  struct gw_inotify *inotify = loop->inotify;
  if (!gw_list_is_empty(&inotify->watches)) return;
  loop->inotify = NULL;
  gw_io_free(inotify->io);
  close(inotify->fd);
  free(inotify);
}

/* Watches the directory of the path, or GW_ERR_IO with errno. */
static enum gw_err watch_directory(const struct gw_inotify *inotify, const char *path, int *ret_descriptor) {
  const char *slash = strrchr(path, '/');
  GW_CLEANUP(gw_free_ptr)
  char *directory = slash == NULL ? gw_strdup(".") : gw_strndup(path, slash == path ? 1 : (size_t)(slash - path));
  int descriptor = inotify_add_watch(inotify->fd, directory, DIRECTORY_EVENTS);
  if (descriptor < 0) return GW_ERR_IO;
  *ret_descriptor = descriptor;
  return GW_OK;
}

enum gw_err gw_file_watch_new(struct gw_loop *loop, const char *path, uint64_t settle_ms, gw_file_watch_fn fn, void *arg,
                              struct gw_file_watch **ret_watch) {
  struct gw_inotify *inotify = enter(loop);
  if (inotify == NULL) return GW_ERR_IO;
  int directory;
  if (watch_directory(inotify, path, &directory) != GW_OK) {
    int reason = errno;
    exit_when_unused(loop);
    errno = reason;
    return GW_ERR_IO;
  }
  struct gw_file_watch *watch = gw_calloc(1, sizeof(*watch));
  watch->loop = loop;
  watch->inotify = inotify;
  watch->path = gw_strdup(path);
  watch->settle_ms = watch->whole_ms = settle_ms;
  watch->fn = fn;
  watch->arg = arg;
  gw_timer_init(&watch->settle, on_settled);
  gw_list_add_last(&inotify->watches, &watch->node);
  rescan(watch);
  release(inotify, directory); /* unless the way goes through it, as it does */
  watch->identity = identify(path);
  *ret_watch = watch;
  return GW_OK;
}

void gw_file_watch_hurry(struct gw_file_watch *watch, uint64_t whole_ms) {
  watch->whole_ms = whole_ms;
}

void gw_file_watch_free(struct gw_file_watch *watch) {
  if (watch == NULL) return;
  gw_timer_stop(&watch->settle);
  gw_list_remove(&watch->node);
  leave(watch->inotify, &watch->way);
  exit_when_unused(watch->loop);
  free(watch->path);
  free(watch);
}
