#include "controlplane/ctl/ctl.h"

int main(int argc, char **argv) {
  return gw_ctl_run(argc, argv);
}
