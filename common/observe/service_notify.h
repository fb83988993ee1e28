/* Why: tells a service manager when the program is ready, reads its configuration again, or ends: systemd's Type=notify, sd_notify(3).
 * Life: no state; who listens is read from the environment (NOTIFY_SOCKET) each time.
 * Thread: main. */
#ifndef GW_COMMON_OBSERVE_SERVICE_NOTIFY_H
#define GW_COMMON_OBSERVE_SERVICE_NOTIFY_H

#include "common/observe/log.h"

enum gw_service_state {
  GW_SERVICE_READY,
  GW_SERVICE_RELOADING, /* READY ends it */
  GW_SERVICE_STOPPING,
};

/* Nothing happens where nobody listens. That somebody can't be told is logged, and no reason to stop. */
void gw_service_notify(struct gw_log *log, enum gw_service_state state);

#endif
