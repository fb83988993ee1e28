#include "controlplane/ctl/node_state.h"

#include <gateway/admin/v1/admin.pb-c.h>

const char *gw_node_state_name(int state) {
  switch (state) {
  case GATEWAY__ADMIN__V1__NODE_STATUS__STATE__SYNCED: return "SYNCED";
  case GATEWAY__ADMIN__V1__NODE_STATUS__STATE__STALE: return "STALE";
  case GATEWAY__ADMIN__V1__NODE_STATUS__STATE__REFUSED: return "REFUSED";
  default: return "UNKNOWN"; /* of a newer control plane */
  }
}
