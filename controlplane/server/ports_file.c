#include "controlplane/server/ports_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/mem.h"

enum gw_err gw_ports_file_write(const char *path, const struct gw_ports *ports) {
  GW_CLEANUP(gw_free_ptr) char *fresh = gw_asprintf("%s.%ld", path, (long)getpid());
  FILE *file = fopen(fresh, "we");
  if (file == NULL) return GW_ERR_IO;
  bool is_written = fprintf(file, "{\"xds\": %u, \"admin\": %u, \"http\": %u}\n", ports->xds, ports->admin, ports->http) > 0;
  is_written = fclose(file) == 0 && is_written;
  if (is_written && rename(fresh, path) == 0) return GW_OK;
  int error = errno;
  unlink(fresh);
  errno = error;
  return GW_ERR_IO;
}
