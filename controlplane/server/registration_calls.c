#include "controlplane/server/registration_calls.h"

static void add(void *arg, struct gw_str registry, const struct gw_instance *instance, gw_registration_fn fn, void *fn_arg) {
  gw_registrations_add(arg, registry, instance, fn, fn_arg);
}

static void take_out(void *arg, struct gw_str registry, const struct gw_instance *instance, gw_registration_fn fn, void *fn_arg) {
  gw_registrations_remove(arg, registry, instance, fn, fn_arg);
}

static void forget(void *arg, const void *fn_arg) {
  gw_registrations_forget(arg, fn_arg);
}

static bool get(void *arg, uint32_t index, struct gw_registration_status *ret_status) {
  return gw_registrations_get(arg, index, ret_status);
}

struct gw_admin_registrations gw_registration_calls_of(struct gw_registrations *registrations) {
  return (struct gw_admin_registrations){.arg = registrations, .add = add, .remove = take_out, .forget = forget, .get = get};
}
