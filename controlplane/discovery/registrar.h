/* Why: what a registry is that instances are put into: one constant table a registry, listed in registrations.c.
 * Life: a registrar from new to free; a request of it until its callback or cancel, before the registrar.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_DISCOVERY_REGISTRAR_H
#define GW_CONTROLPLANE_DISCOVERY_REGISTRAR_H

#include "common/base/arena.h"
#include "common/event/loop.h"
#include "common/model/registration.h"
#include "common/observe/log.h"
#include "controlplane/fetch/fetch.h"
#include "controlplane/policy/settings.h"

/* Whatever registry it is for: a sentence, or NULL when nothing is wrong with it. */
const char *gw_instance_find_mistake(const struct gw_instance *instance);
struct gw_instance gw_instance_copy(const struct gw_instance *instance, struct gw_arena *arena);

enum gw_registrar_verb {
  GW_REGISTRAR_PUT,
  GW_REGISTRAR_BEAT, /* it lives still. GW_ERR_NOT_FOUND: the registry has forgotten it, so that it is to be put again */
  GW_REGISTRAR_TAKE_OUT,
};

/* GW_OK; GW_ERR_NOT_FOUND: no such instance; GW_ERR_DENIED: it doesn't take us; GW_ERR_INVALID: it doesn't take what is said of the
 * instance; GW_ERR_CLOSED: it does not answer, or not with what can be understood. `words`: a sentence, "" when GW_OK. */
typedef void (*gw_registrar_fn)(void *arg, enum gw_err err, const char *words);

struct gw_registrar_kind {
  const char *name;            /* "consul" */
  uint64_t beat_ms;            /* between beats; the registry takes an instance for dead after three of them */
  const char *const *settings; /* names of those that it depends on, NULL-terminated */
  void *(*new)(struct gw_loop *loop, struct gw_log *log, struct gw_fetcher *fetcher, const struct gw_settings *settings);
  void (*free)(void *registrar);
  /* The callback comes later. */
  void *(*send)(void *registrar, enum gw_registrar_verb verb, const struct gw_instance *instance, gw_registrar_fn fn, void *arg);
  void (*cancel)(void *request);
  /* What this registry can't say of an instance: a sentence, or NULL. */
  const char *(*find_mistake)(const struct gw_instance *instance);
  /* Whether both are one to the registry. */
  bool (*is_same)(const struct gw_instance *a, const struct gw_instance *b);
};

extern const struct gw_registrar_kind gw_registrar_consul;
extern const struct gw_registrar_kind gw_registrar_nacos;

#endif
