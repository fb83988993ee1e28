#include "controlplane/discovery/registrations.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/event/timer.h"

/* Every registry that instances can be put into: one line each. */
static const struct gw_registrar_kind *const kinds[] = {
    &gw_registrar_consul,
    &gw_registrar_nacos,
};
#define KIND_COUNT GW_ARRAY_LEN(kinds)
#define RETRY_MS 1000u

struct registrar {
  const struct gw_registrar_kind *kind;
  void *it;
  uint64_t settings_hash;
};

struct registration {
  struct gw_list node;
  struct gw_registrations *owner;
  struct registrar *registrar;
  struct gw_arena arena;
  struct gw_instance instance; /* in the arena */
  enum gw_registration_state state;
  bool is_held; /* it was put there by us: else it is only to be taken out */
  enum gw_registrar_verb verb;
  void *request; /* NULL: none is under way */
  struct gw_timer timer;
  char *words; /* why it fails; NULL: it does not */
  uint64_t since_ms;
  uint64_t beat_ms;
  gw_registration_fn fn; /* NULL: nobody waits */
  void *arg;
};

struct gw_registrations {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_fetcher *fetcher;
  struct registrar registrars[KIND_COUNT];
  const struct gw_registrar_kind *first; /* that SERVICE_DISCOVERY_TYPE names; NULL: none */
  struct gw_list all;
  uint32_t count;
  bool is_stopping;
  struct gw_timer stop_timer;
  void (*on_stopped)(void *arg);
  void *stopped_arg;
};

static void send(struct registration *registration, enum gw_registrar_verb verb);

/* ---- one registration ---- */

static void cancel(struct registration *registration) {
  gw_timer_stop(&registration->timer);
  if (registration->request != NULL) registration->registrar->kind->cancel(registration->request);
  registration->request = NULL;
}

static void tell(struct registration *registration, enum gw_err err, const char *words) {
  gw_registration_fn fn = registration->fn;
  registration->fn = NULL;
  if (fn != NULL) fn(registration->arg, err, words);
}

static void end_stop(struct gw_registrations *all) {
  void (*fn)(void *arg) = all->on_stopped;
  all->on_stopped = NULL;
  gw_timer_stop(&all->stop_timer);
  if (fn != NULL) fn(all->stopped_arg);
}

static void registration_free(struct registration *registration) {
  struct gw_registrations *all = registration->owner;
  cancel(registration);
  gw_list_remove(&registration->node);
  all->count--;
  gw_arena_done(&registration->arena);
  free(registration->words);
  free(registration);
  if (all->is_stopping && all->count == 0) end_stop(all);
}

static void set_words(struct registration *registration, const char *words) {
  free(registration->words);
  registration->words = words != NULL ? gw_strdup(words) : NULL;
}

static void be_alive(struct registration *registration) {
  const struct gw_instance *instance = &registration->instance;
  uint64_t now_ms = gw_loop_now_ms(registration->owner->loop);
  if (registration->state != GW_REGISTRATION_ALIVE)
    GW_LOG_INFO(registration->owner->log, "%s has %.*s at %.*s:%u", registration->registrar->kind->name, GW_STR_ARG(instance->service),
                GW_STR_ARG(instance->address), instance->port);
  if (registration->since_ms == 0) registration->since_ms = now_ms;
  registration->beat_ms = now_ms;
  registration->state = GW_REGISTRATION_ALIVE;
  set_words(registration, NULL);
  gw_timer_start(registration->owner->loop, &registration->timer, registration->registrar->kind->beat_ms);
}

static void be_failing(struct registration *registration, const char *words) {
  const struct gw_instance *instance = &registration->instance;
  if (registration->state != GW_REGISTRATION_FAILING)
    GW_LOG_WARNING(registration->owner->log, "%s at %.*s:%u can't be kept in %s: %s", instance->service.data, GW_STR_ARG(instance->address),
                   instance->port, registration->registrar->kind->name, words);
  registration->state = GW_REGISTRATION_FAILING;
  set_words(registration, words);
  gw_timer_start(registration->owner->loop, &registration->timer, RETRY_MS);
}

/* What the registry did not take at the first time is not kept; what it loses later is put there again. */
static void on_put(struct registration *registration, enum gw_err err, const char *words) {
  if (err == GW_OK) {
    be_alive(registration);
    tell(registration, GW_OK, "");
  } else if (registration->state == GW_REGISTRATION_PENDING) {
    tell(registration, err, words);
    registration_free(registration);
  } else {
    be_failing(registration, words);
    tell(registration, err, words);
  }
}

static void on_taken_out(struct registration *registration, enum gw_err err, const char *words) {
  bool is_out = err == GW_OK || (err == GW_ERR_NOT_FOUND && registration->is_held);
  if (is_out || !registration->is_held || registration->owner->is_stopping) {
    tell(registration, is_out ? GW_OK : err, words);
    registration_free(registration);
  } else {
    be_failing(registration, words);
    tell(registration, err, words);
  }
}

static void on_done(void *arg, enum gw_err err, const char *words) {
  struct registration *registration = arg;
  registration->request = NULL;
  switch (registration->verb) {
  case GW_REGISTRAR_PUT: on_put(registration, err, words); return;
  case GW_REGISTRAR_TAKE_OUT: on_taken_out(registration, err, words); return;
  case GW_REGISTRAR_BEAT: break;
  }
  if (err == GW_OK)
    be_alive(registration);
  else if (err == GW_ERR_NOT_FOUND)
    send(registration, GW_REGISTRAR_PUT);
  else
    be_failing(registration, words);
}

static void send(struct registration *registration, enum gw_registrar_verb verb) {
  cancel(registration);
  registration->verb = verb;
  registration->request =
      registration->registrar->kind->send(registration->registrar->it, verb, &registration->instance, on_done, registration);
}

static void on_timer(struct gw_timer *timer) {
  send(GW_CONTAINER_OF(timer, struct registration, timer), GW_REGISTRAR_BEAT);
}

static struct registration *registration_new(struct gw_registrations *all, struct registrar *registrar,
                                             const struct gw_instance *instance) {
  struct registration *registration = gw_calloc(1, sizeof(*registration));
  registration->owner = all;
  registration->registrar = registrar;
  gw_arena_init(&registration->arena, 512);
  registration->instance = gw_instance_copy(instance, &registration->arena);
  gw_timer_init(&registration->timer, on_timer);
  gw_list_add_last(&all->all, &registration->node);
  all->count++;
  return registration;
}

static struct registration *find_same(struct gw_registrations *all, const struct registrar *registrar, const struct gw_instance *instance) {
  GW_LIST_FOR_EACH(node, &all->all) {
    struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    if (registration->registrar == registrar && registration->is_held && registrar->kind->is_same(&registration->instance, instance))
      return registration;
  }
  return NULL;
}

/* ---- what is asked for ---- */

static struct registrar *find_registrar(struct gw_registrations *all, struct gw_str registry) {
  for (size_t i = 0; i < KIND_COUNT; i++) {
    const struct gw_registrar_kind *kind = all->registrars[i].kind;
    if (registry.len > 0 ? gw_str_equal(registry, gw_str_from(kind->name)) : kind == all->first) return &all->registrars[i];
  }
  return NULL;
}

/* NULL: the caller was told why. */
static struct registrar *check(struct gw_registrations *all, struct gw_str registry, const struct gw_instance *instance,
                               gw_registration_fn fn, void *arg) {
  struct registrar *registrar = find_registrar(all, registry);
  const char *mistake = gw_instance_find_mistake(instance);
  if (mistake == NULL && registrar != NULL) mistake = registrar->kind->find_mistake(instance);
  if (all->is_stopping) {
    fn(arg, GW_ERR_AGAIN, "this control plane is stopping");
  } else if (registrar == NULL) {
    fn(arg, GW_ERR_INVALID,
       registry.len > 0 ? "consul and nacos are the registries that instances can be put into"
                        : "which registry? SERVICE_DISCOVERY_TYPE names neither consul nor nacos");
  } else if (mistake != NULL) {
    fn(arg, GW_ERR_INVALID, mistake);
  } else {
    return registrar;
  }
  return NULL;
}

void gw_registrations_add(struct gw_registrations *all, struct gw_str registry, const struct gw_instance *instance, gw_registration_fn fn,
                          void *arg) {
  struct registrar *registrar = check(all, registry, instance, fn, arg);
  if (registrar == NULL) return;
  struct registration *registration = find_same(all, registrar, instance);
  if (registration == NULL && all->count >= GW_REGISTRATIONS_MAX) {
    fn(arg, GW_ERR_LIMIT, "this control plane keeps 1000 instances in registries already");
    return;
  }
  if (registration == NULL) {
    registration = registration_new(all, registrar, instance);
    registration->is_held = true;
  } else {
    cancel(registration);
    tell(registration, GW_ERR_AGAIN, "somebody else registers it at this moment");
    struct gw_arena before = registration->arena;
    gw_arena_init(&registration->arena, 512);
    registration->instance = gw_instance_copy(instance, &registration->arena);
    gw_arena_done(&before);
  }
  registration->fn = fn;
  registration->arg = arg;
  send(registration, GW_REGISTRAR_PUT);
}

void gw_registrations_remove(struct gw_registrations *all, struct gw_str registry, const struct gw_instance *instance,
                             gw_registration_fn fn, void *arg) {
  struct registrar *registrar = check(all, registry, instance, fn, arg);
  if (registrar == NULL) return;
  struct registration *registration = find_same(all, registrar, instance);
  if (registration == NULL) registration = registration_new(all, registrar, instance);
  tell(registration, GW_ERR_AGAIN, "somebody else deregisters it at this moment");
  registration->state = GW_REGISTRATION_LEAVING;
  registration->fn = fn;
  registration->arg = arg;
  send(registration, GW_REGISTRAR_TAKE_OUT);
}

void gw_registrations_forget(struct gw_registrations *all, const void *arg) {
  GW_LIST_FOR_EACH(node, &all->all) {
    struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    if (registration->arg == arg) registration->fn = NULL;
  }
}

/* ---- settings ---- */

static void renew(struct gw_registrations *all, struct registrar *registrar, const struct gw_settings *settings) {
  uint64_t hash = gw_settings_hash(settings, registrar->kind->settings);
  if (registrar->it != NULL && registrar->settings_hash == hash) return;
  GW_LIST_FOR_EACH(node, &all->all) {
    struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    if (registration->registrar == registrar) cancel(registration);
  }
  if (registrar->it != NULL) registrar->kind->free(registrar->it);
  registrar->it = registrar->kind->new (all->loop, all->log, all->fetcher, settings);
  registrar->settings_hash = hash;
  GW_LIST_FOR_EACH(node, &all->all) {
    struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    if (registration->registrar == registrar)
      send(registration, registration->state == GW_REGISTRATION_LEAVING ? GW_REGISTRAR_TAKE_OUT : GW_REGISTRAR_PUT);
  }
}

void gw_registrations_follow(struct gw_registrations *all, const struct gw_settings *settings) {
  struct gw_str rest = gw_str_from(settings->discovery_type), piece;
  all->first = NULL;
  while (all->first == NULL && gw_str_split_next(&rest, ',', &piece))
    for (size_t i = 0; i < KIND_COUNT; i++)
      if (gw_str_equal(gw_str_trim(piece), gw_str_from(kinds[i]->name))) all->first = kinds[i];
  for (size_t i = 0; i < KIND_COUNT; i++)
    renew(all, &all->registrars[i], settings);
}

/* ---- status and life ---- */

bool gw_registrations_get(const struct gw_registrations *all, uint32_t index, struct gw_registration_status *ret_status) {
  GW_LIST_FOR_EACH(node, (struct gw_list *)(uintptr_t)&all->all) {
    const struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    if (!registration->is_held || index-- > 0) continue;
    *ret_status = (struct gw_registration_status){.registry = registration->registrar->kind->name,
                                                  .instance = &registration->instance,
                                                  .state = registration->state,
                                                  .words = registration->words != NULL ? registration->words : "",
                                                  .since_ms = registration->since_ms,
                                                  .beat_ms = registration->beat_ms};
    return true;
  }
  return false;
}

void gw_registrations_append_warnings(const struct gw_registrations *all, struct gw_errors *errors) {
  GW_LIST_FOR_EACH(node, (struct gw_list *)(uintptr_t)&all->all) {
    const struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    const struct gw_instance *instance = &registration->instance;
    if (registration->words == NULL) continue;
    gw_errors_warn(errors, registration->registrar->kind->name, "%s at %s:%u can't be kept there: %s", instance->service.data,
                   instance->address.data, instance->port, registration->words);
  }
}

static void on_stop_timer(struct gw_timer *timer) {
  struct gw_registrations *all = GW_CONTAINER_OF(timer, struct gw_registrations, stop_timer);
  GW_LOG_WARNING(all->log, "%u instances could not be taken out of their registries in time; they run out there by themselves", all->count);
  end_stop(all);
}

void gw_registrations_stop(struct gw_registrations *all, uint64_t within_ms, void (*fn)(void *arg), void *arg) {
  all->is_stopping = true;
  all->on_stopped = fn;
  all->stopped_arg = arg;
  if (all->count == 0) {
    end_stop(all);
    return;
  }
  gw_timer_start(all->loop, &all->stop_timer, within_ms);
  GW_LIST_FOR_EACH(node, &all->all) {
    struct registration *registration = GW_LIST_ITEM(node, struct registration, node);
    tell(registration, GW_ERR_AGAIN, "this control plane is stopping");
    registration->state = GW_REGISTRATION_LEAVING;
    send(registration, GW_REGISTRAR_TAKE_OUT);
  }
}

struct gw_registrations *gw_registrations_new(struct gw_loop *loop, struct gw_log *log) {
  struct gw_registrations *all = gw_calloc(1, sizeof(*all));
  all->loop = loop;
  all->log = log;
  all->fetcher = gw_fetcher_new(loop);
  for (size_t i = 0; i < KIND_COUNT; i++)
    all->registrars[i].kind = kinds[i];
  gw_list_init(&all->all);
  gw_timer_init(&all->stop_timer, on_stop_timer);
  return all;
}

void gw_registrations_free(struct gw_registrations *all) {
  if (all == NULL) return;
  all->on_stopped = NULL;
  GW_LIST_FOR_EACH(node, &all->all) registration_free(GW_LIST_ITEM(node, struct registration, node));
  gw_timer_stop(&all->stop_timer);
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (all->registrars[i].it != NULL) kinds[i]->free(all->registrars[i].it);
  gw_fetcher_free(all->fetcher);
  free(all);
}
