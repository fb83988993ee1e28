#include "common/base/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/mem.h"

int gw_folder_make_for(const char *path) {
  GW_CLEANUP(gw_free_ptr) char *folder = gw_strdup(path);
  for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return errno;
    *slash = '/';
  }
  return 0;
}
