#include "dataplane/server/data_plane.h"

int main(int argc, char **argv) {
  struct gw_options options;
  int exit_code = GW_EXIT_OK;
  if (gw_options_parse(argc, argv, &options, &exit_code) != GW_OK) return exit_code;
  exit_code = gw_data_plane_run(&options);
  gw_options_done(&options);
  return exit_code;
}
