/* Why: the files of -f: which of them holds routes, and which services.
 * Life: gw_given_files_read … gw_given_files_done; names borrow from the command line.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_GIVEN_FILES_H
#define GW_CONTROLPLANE_CTL_GIVEN_FILES_H

#include "common/base/str.h"
#include "controlplane/ctl/ctl.h"

struct gw_given_file {
  const char *name; /* NULL: none is given */
  struct gw_str text;
};
struct gw_given_files {
  struct gw_given_file routes;
  struct gw_given_file services;
};

/* GW_CTL_OK, or GW_CTL_INVALID after words on standard error. */
int gw_given_files_read(const struct gw_ctl *ctl, struct gw_given_files *ret_files);
void gw_given_files_done(struct gw_given_files *files);

#endif
