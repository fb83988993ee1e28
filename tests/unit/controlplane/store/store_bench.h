/* What the store's tests share: a folder of their own with an SQLite file in it. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_STORE_STORE_BENCH_H
#define GW_TESTS_UNIT_CONTROLPLANE_STORE_STORE_BENCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "controlplane/store/target.h"

struct store_folder {
  char folder[64];
  struct gw_store_target target;
};

static inline void store_folder_init(struct store_folder *it) {
  snprintf(it->folder, sizeof(it->folder), "/tmp/gw-store-XXXXXX");
  assert_non_null(mkdtemp(it->folder));
  it->target = (struct gw_store_target){.kind = GW_STORE_SQLITE, .path = gw_asprintf("%s/gateway.db", it->folder)};
}

static inline void store_folder_done(struct store_folder *it) {
  DIR *folder = opendir(it->folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/%s", it->folder, entry->d_name);
    unlink(path);
  }
  closedir(folder);
  rmdir(it->folder);
  gw_store_target_done(&it->target);
}

#endif
