/* Why: the composition root: makes every part of the control plane, joins them, runs until a signal ends it.
 * Life: one call.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_SERVER_CONTROL_PLANE_H
#define GW_CONTROLPLANE_SERVER_CONTROL_PLANE_H

#include "controlplane/server/options.h"

/* Returns the program's exit code; what was wrong is on standard error. */
int gw_control_plane_run(const struct gw_options *options);
/* --print-settings. */
int gw_control_plane_print_settings(const struct gw_options *options);

#endif
