/* Why: the way of a change from files to snapshots, in a folder of its own, without ports.
 * Life: files_fixture_init … files_fixture_done.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_SERVER_FILES_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_SERVER_FILES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/server/files.h"

#define GOOD_ROUTES                                                                                                                        \
  "routes:\n  - path: /a\n    service: s\n    methods: [GET]\n    timeout: 7\n  - path: /b\n    service: s\n    auth_required: true\n"
#define GOOD_SERVICES "services:\n  s:\n    instances:\n      - url: http://127.0.0.1:80\n"

struct files_fixture {
  char folder[64];
  char *routes;
  char *services;
  struct gw_loop *loop;
  struct gw_snapshot_cache *cache;
  struct gw_catalog *catalog;
  struct gw_guard *guard;
  struct gw_sources *sources;
  struct gw_options options;
  struct gw_files *files;
};

static inline void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* The files are written, and not read yet. `more`: loop (NULL: a new one), is_fed, on_accepted and arg of it count. */
static inline void files_fixture_init(struct files_fixture *f, const struct gw_files_options *more) {
  snprintf(f->folder, sizeof(f->folder), "/tmp/gw-files-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->routes = gw_asprintf("%s/routes.yaml", f->folder);
  f->services = gw_asprintf("%s/services.yaml", f->folder);
  write_file(f->routes, GOOD_ROUTES);
  write_file(f->services, GOOD_SERVICES);
  f->loop = more->loop != NULL ? more->loop : gw_loop_new();
  f->cache = gw_snapshot_cache_new();
  f->catalog = gw_catalog_new(f->loop, f->cache);
  f->guard = gw_guard_new(f->loop, NULL, f->catalog);
  f->sources = gw_sources_new(f->loop, NULL, f->guard, NULL);
  f->options = (struct gw_options){.routes = f->routes, .services = f->services};
  struct gw_files_options options = *more;
  options.loop = f->loop;
  options.options = &f->options;
  options.catalog = f->catalog;
  options.guard = f->guard;
  options.sources = f->sources;
  f->files = gw_files_new(&options);
}

/* The loop is the last to go: whoever else is on it goes before. */
static inline void files_fixture_done(struct files_fixture *f) {
  gw_sources_free(f->sources);
  gw_guard_free(f->guard);
  gw_catalog_free(f->catalog);
  gw_files_free(f->files);
  gw_snapshot_cache_free(f->cache);
  gw_loop_free(f->loop);
  unlink(f->routes);
  unlink(f->services);
  rmdir(f->folder);
  free(f->routes);
  free(f->services);
}

#endif
