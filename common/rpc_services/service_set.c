#include "common/rpc_services/service_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

void gw_rpc_service_set_init(struct gw_rpc_service_set *set) {
  *set = (struct gw_rpc_service_set){0};
}

void gw_rpc_service_set_done(struct gw_rpc_service_set *set) {
  free(set->methods);
  gw_rpc_service_set_init(set);
}

void gw_rpc_service_set_add(struct gw_rpc_service_set *set, const struct gw_rpc_method *methods, size_t count, void *arg) {
  set->methods = gw_realloc_array(set->methods, set->count + count, sizeof(*methods));
  for (size_t i = 0; i < count; i++) {
    struct gw_rpc_method *method = &set->methods[set->count + i];
    *method = methods[i];
    method->arg = arg;
  }
  set->count += count;
}
