/* Why: the registry guard: stands between discovery sources and the catalog. A registry that is away, talks nonsense or suddenly drops most
 * of a service's instances does not empty it: the last good set is held, until the registry has come to its senses or an operator lets go.
 * Life: gw_guard_new … gw_guard_free, before the catalog.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CATALOG_GUARD_H
#define GW_CONTROLPLANE_CATALOG_GUARD_H

#include "common/observe/log.h"
#include "controlplane/catalog/catalog.h"

struct gw_guard;

/* A drop is counted over so long: a registry that loses its nodes one by one has dropped them all the same. */
#define GW_GUARD_WINDOW_MS 30000u

enum gw_guard_state {
  GW_GUARD_WAITING, /* its source has said nothing yet: what was known before serves, if anything */
  GW_GUARD_LIVE,    /* what its source says is what is served */
  GW_GUARD_AWAY,    /* its source can't be asked: the last good set serves */
  GW_GUARD_HELD,    /* its source says so few that the last good set serves, until it is let go */
};

/* Strings are the guard's, until it is called again. */
struct gw_guard_service {
  struct gw_str service;
  const char *source; /* "consul" */
  bool is_written;    /* an operator wrote its instances: no registry is asked */
  enum gw_guard_state state;
  const struct gw_endpoints *endpoints; /* what is served */
  uint32_t said_count;                  /* instances that its source says, when it is held */
  uint64_t since_us;                    /* wall clock: since when it is in this state; 0: not known */
  uint64_t known_us;                    /* wall clock: when its source last said what is served; 0: never */
  const char *words;                    /* why it is not live; what is wrong with some of its instances; "" */
};

/* Told after a service's good set, or its state, has changed. */
typedef void (*gw_guard_fn)(void *arg, const struct gw_guard_service *service);

struct gw_guard *gw_guard_new(struct gw_loop *loop, struct gw_log *log, struct gw_catalog *catalog);
void gw_guard_free(struct gw_guard *guard);
/* One observer. */
void gw_guard_observe(struct gw_guard *guard, gw_guard_fn fn, void *arg);
/* More than this share may not go within the window; 100: any may. Who is held stays it, until it is let go or they are back. */
void gw_guard_set_max_drop(struct gw_guard *guard, uint32_t percent, uint64_t window_ms);

/* The service comes from that source now (a name that lives for ever). What is served stays until it has answered; the first answer is
 * taken as it is, since it answers another question than the one before. */
void gw_guard_expect(struct gw_guard *guard, struct gw_str service, const char *source);
/* The service is gone. */
void gw_guard_forget(struct gw_guard *guard, struct gw_str service);

/* What an operator wrote: served without a question. */
void gw_guard_set(struct gw_guard *guard, const struct gw_endpoints *endpoints, const char *source);
/* What a registry says: served, or held back. `words`: what is wrong with instances that were left out; "" */
void gw_guard_offer(struct gw_guard *guard, const struct gw_endpoints *endpoints, const char *words);
/* The registry can't be asked about it, or what it says can't be understood: why. */
void gw_guard_fail(struct gw_guard *guard, struct gw_str service, const char *words);

/* What was served before a restart, as of `known_us`. Ignored where the service is not expected from that source, or has answered. */
void gw_guard_restore(struct gw_guard *guard, const struct gw_endpoints *endpoints, struct gw_str source, uint64_t known_us);

/* Serves what the registry says, however little, from now on. GW_ERR_NOT_FOUND: no such service; GW_ERR_INVALID: nothing is held of it. */
enum gw_err gw_guard_release(struct gw_guard *guard, struct gw_str service);

/* NULL: absent. */
const struct gw_guard_service *gw_guard_find(struct gw_guard *guard, struct gw_str service);
/* All services, sorted by name; the array is in the arena. */
uint32_t gw_guard_list(struct gw_guard *guard, struct gw_arena *arena, const struct gw_guard_service **ret_services);
/* How many of those are waiting: none of them, and nothing has to be waited for. */
uint32_t gw_guard_count(const struct gw_guard *guard, enum gw_guard_state state);
/* A warning for each service that is not live, and for instances that were left out. */
void gw_guard_append_warnings(struct gw_guard *guard, struct gw_errors *errors);

#endif
