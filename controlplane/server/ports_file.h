/* Why: tells which ports were taken, for those who asked for port 0.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_SERVER_PORTS_FILE_H
#define GW_CONTROLPLANE_SERVER_PORTS_FILE_H

#include <stdint.h>

#include "common/base/err.h"

struct gw_ports {
  uint16_t xds;
  uint16_t admin;
  uint16_t http;
};

/* {"xds": N, "admin": N, "http": N}, put into place by rename, so that who sees the file sees all of it. errno on GW_ERR_IO. */
enum gw_err gw_ports_file_write(const char *path, const struct gw_ports *ports);

#endif
