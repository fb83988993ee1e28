/* Why: instances that operators have put into registries through this control plane: their beats are kept up as long as it lives, and they
 * are taken out at its orderly end. Life: gw_registrations_new … gw_registrations_free; a waiting caller's callback comes before, or never
 * (free). Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_DISCOVERY_REGISTRATIONS_H
#define GW_CONTROLPLANE_DISCOVERY_REGISTRATIONS_H

#include "controlplane/discovery/registrar.h"

#define GW_REGISTRATIONS_MAX 1000u

struct gw_registrations;

struct gw_registrations *gw_registrations_new(struct gw_loop *loop, struct gw_log *log);
void gw_registrations_free(struct gw_registrations *registrations);
/* Where registries are, and with which credentials; before all else, and again when they change: what is registered is put there anew. */
void gw_registrations_follow(struct gw_registrations *registrations, const struct gw_settings *settings);

/* `registry`: "consul", "nacos"; empty: the first that SERVICE_DISCOVERY_TYPE names. The callback may come at once. An instance that is
 * there already is put there anew, with what is said now. Not taken by the registry: it is not kept. */
void gw_registrations_add(struct gw_registrations *registrations, struct gw_str registry, const struct gw_instance *instance,
                          gw_registration_fn fn, void *arg);
/* Also one that others have put there. Not reached: it stays, with its beats. */
void gw_registrations_remove(struct gw_registrations *registrations, struct gw_str registry, const struct gw_instance *instance,
                             gw_registration_fn fn, void *arg);
/* Forgets a caller: its callback does not come, while what it asked for goes on. */
void gw_registrations_forget(struct gw_registrations *registrations, const void *arg);

/* Takes all out, in so much time at most; the callback comes later, or at once when there are none. Nothing is taken in any more. */
void gw_registrations_stop(struct gw_registrations *registrations, uint64_t within_ms, void (*fn)(void *arg), void *arg);

/* Strings are borrowed until the next turn. In the order of their coming; false at the end. `index` from 0. */
bool gw_registrations_get(const struct gw_registrations *registrations, uint32_t index, struct gw_registration_status *ret_status);
/* One for each that fails. */
void gw_registrations_append_warnings(const struct gw_registrations *registrations, struct gw_errors *errors);

#endif
