#include "controlplane/server/control_plane.h"

int main(int argc, char **argv) {
  struct gw_options options;
  int exit_code = GW_EXIT_OK;
  if (gw_options_parse(argc, argv, &options, &exit_code) != GW_OK) return exit_code;
  exit_code = options.prints_settings ? gw_control_plane_print_settings(&options) : gw_control_plane_run(&options);
  gw_options_done(&options);
  return exit_code;
}
