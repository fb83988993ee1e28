/* Why: tells others which ports are in use: those of port 0, and the listeners', which come by xDS.
 * Life: embedded (init/done).
 * Thread: main. */
#ifndef GW_DATAPLANE_SERVER_PORTS_FILE_H
#define GW_DATAPLANE_SERVER_PORTS_FILE_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/snapshot.h"
#include "dataplane/listener/listen_set.h"

struct gw_ports_file {
  const char *path; /* NULL: none is written; borrowed */
  uint16_t status_http;
  uint16_t admin_http;
  uint16_t admin_grpc;
  struct gw_strbuf written; /* what stands there */
};

void gw_ports_file_init(struct gw_ports_file *file, const char *path);
void gw_ports_file_done(struct gw_ports_file *file);
/* {"pid":…,"listeners":{"gateway":PORT},"status_http":…,"admin_http":…,"admin_grpc":…}, whole or as before. `snapshot` may be NULL.
 * Nothing is done when nothing changed. GW_ERR_IO with errno. */
enum gw_err gw_ports_file_update(struct gw_ports_file *file, const struct gw_snapshot *snapshot, const struct gw_listen_set *listeners);

#endif
