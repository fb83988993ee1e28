#include <string.h>

#include "common/http_server/healthcheck.h"
#include "dataplane/server/data_plane.h"

static const struct gw_healthcheck healthcheck = {"gateway-dataplane", "status-http", "GATEWAY_STATUS_HTTP", "127.0.0.1:9903",
                                                  "status_http"};

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "healthcheck") == 0) return gw_healthcheck_run(&healthcheck, argc - 1, argv + 1);
  struct gw_options options;
  int exit_code = GW_EXIT_OK;
  if (gw_options_parse(argc, argv, &options, &exit_code) != GW_OK) return exit_code;
  exit_code = gw_data_plane_run(&options);
  gw_options_done(&options);
  return exit_code;
}
