#include "controlplane/catalog/guard.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"

/* The catalog's name for all that goes through here: a service has one source, and it may change without a gap. */
#define CATALOG_SOURCE "guard"

/* Instances as they were said once; shared. */
struct set {
  uint32_t refs;
  struct gw_arena arena;
  struct gw_endpoints endpoints;
};

struct guarded {
  struct gw_guard *guard;
  struct gw_guard_service status;
  char *name;
  char *words;
  struct set *served;    /* NULL: nothing was ever said */
  struct set *base;      /* the largest within the window: what a drop is measured by */
  struct set *offered;   /* held back */
  uint64_t base_ms;      /* since when it is the base */
  bool has_new_question; /* the next answer is taken as it is */
};

/* What was served before a restart, of a service that nobody has asked about yet. */
struct remembered {
  struct set *set;
  char *source;
  uint64_t known_us;
};

struct gw_guard {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_catalog *catalog;
  struct gw_map *services;   /* name → struct guarded */
  struct gw_map *remembered; /* name → struct remembered */
  uint32_t max_drop_percent;
  uint64_t window_ms;
  gw_guard_fn fn;
  void *arg;
};

static const struct gw_endpoints nothing = {0};

/* ---- sets ---- */

static struct set *set_ref(struct set *set) {
  if (set != NULL) set->refs++;
  return set;
}

static void set_unref(struct set *set) {
  if (set == NULL || --set->refs > 0) return;
  gw_arena_done(&set->arena);
  free(set);
}

static void put_set(struct set **at, struct set *set) {
  struct set *before = *at;
  *at = set_ref(set);
  set_unref(before);
}

static struct set *set_new(const struct gw_endpoints *from) {
  struct set *set = gw_calloc(1, sizeof(*set));
  set->refs = 1;
  gw_arena_init(&set->arena, 256);
  struct gw_endpoint *items = gw_arena_calloc(&set->arena, from->count, sizeof(*items));
  for (uint32_t i = 0; i < from->count; i++) {
    items[i] = from->items[i];
    items[i].address = gw_arena_copy(&set->arena, from->items[i].address);
  }
  set->endpoints =
      (struct gw_endpoints){.cluster_name = gw_arena_copy(&set->arena, from->cluster_name), .items = items, .count = from->count};
  return set;
}

static bool is_same_set(const struct set *set, const struct gw_endpoints *other) {
  if (set == NULL || set->endpoints.count != other->count) return false;
  for (uint32_t i = 0; i < other->count; i++) {
    const struct gw_endpoint *a = &set->endpoints.items[i], *b = &other->items[i];
    if (!gw_str_equal(a->address, b->address) || a->port != b->port || a->weight != b->weight || a->priority != b->priority ||
        a->is_unhealthy != b->is_unhealthy)
      return false;
  }
  return true;
}

/* ---- a service ---- */

static struct guarded *find(const struct gw_guard *guard, struct gw_str service) {
  return gw_map_find(guard->services, service);
}

static struct guarded *get(struct gw_guard *guard, struct gw_str service) {
  struct guarded *guarded = find(guard, service);
  if (guarded != NULL) return guarded;
  guarded = gw_calloc(1, sizeof(*guarded));
  guarded->guard = guard;
  guarded->name = gw_str_dup(service);
  guarded->words = gw_strdup("");
  guarded->status = (struct gw_guard_service){.service = {guarded->name, service.len},
                                              .source = "",
                                              .state = GW_GUARD_WAITING,
                                              .endpoints = &nothing,
                                              .since_us = gw_loop_wall_us(guard->loop),
                                              .words = guarded->words};
  gw_map_put(guard->services, service, guarded);
  return guarded;
}

static void guarded_free(struct guarded *guarded) {
  if (guarded == NULL) return;
  set_unref(guarded->served);
  set_unref(guarded->base);
  set_unref(guarded->offered);
  free(guarded->name);
  free(guarded->words);
  free(guarded);
}

static void tell(struct guarded *guarded) {
  if (guarded->guard->fn != NULL) guarded->guard->fn(guarded->guard->arg, &guarded->status);
}

static bool set_words(struct guarded *guarded, const char *words) {
  if (strcmp(guarded->words, words) == 0) return false;
  char *copy = gw_strdup(words); /* they may be the ones before */
  free(guarded->words);
  guarded->words = copy;
  guarded->status.words = copy;
  return true;
}

/* `since` of who is not live is since it was. */
static bool set_state(struct guarded *guarded, enum gw_guard_state state) {
  enum gw_guard_state before = guarded->status.state;
  if (before == state) return false;
  bool was_bad = before == GW_GUARD_AWAY || before == GW_GUARD_HELD, is_bad = state == GW_GUARD_AWAY || state == GW_GUARD_HELD;
  if (!was_bad || !is_bad) guarded->status.since_us = gw_loop_wall_us(guarded->guard->loop);
  guarded->status.state = state;
  return true;
}

/* Takes the reference. */
static void serve(struct guarded *guarded, struct set *set) {
  struct set *before = guarded->served;
  guarded->served = set;
  set_unref(before);
  guarded->status.endpoints = &guarded->served->endpoints;
  gw_catalog_set_endpoints(guarded->guard->catalog, CATALOG_SOURCE, guarded->status.endpoints);
}

static void keep_base(struct guarded *guarded) {
  GW_ASSERT(guarded->served != NULL);
  uint64_t now_ms = gw_loop_now_ms(guarded->guard->loop);
  bool is_old = now_ms - guarded->base_ms > guarded->guard->window_ms;
  if (guarded->base != NULL && !is_old && guarded->served->endpoints.count < guarded->base->endpoints.count) return;
  put_set(&guarded->base, guarded->served);
  guarded->base_ms = now_ms;
}

static void accept(struct guarded *guarded, const struct gw_endpoints *endpoints, const char *words) {
  bool is_news = !is_same_set(guarded->served, endpoints);
  if (is_news) serve(guarded, set_new(endpoints));
  put_set(&guarded->offered, NULL);
  guarded->status.said_count = endpoints->count;
  guarded->status.known_us = gw_loop_wall_us(guarded->guard->loop);
  guarded->has_new_question = false;
  is_news = set_state(guarded, GW_GUARD_LIVE) || is_news;
  is_news = set_words(guarded, words) || is_news;
  keep_base(guarded);
  if (is_news) tell(guarded);
}

/* ---- what sources say ---- */

/* What the offer is measured by: the largest set of the window, and of who is held that which is held, however old. */
static struct set *find_measure(const struct guarded *guarded) {
  bool is_live = guarded->status.state == GW_GUARD_LIVE;
  bool is_old = gw_loop_now_ms(guarded->guard->loop) - guarded->base_ms > guarded->guard->window_ms;
  return guarded->base != NULL && is_live && !is_old ? guarded->base : guarded->served;
}

static bool is_too_few(const struct guarded *guarded, const struct set *measure, uint32_t count) {
  uint32_t before = measure->endpoints.count;
  return count < before && (uint64_t)(before - count) * 100 > (uint64_t)before * guarded->guard->max_drop_percent;
}

static void hold(struct guarded *guarded, struct set *measure, const struct gw_endpoints *endpoints) {
  GW_CLEANUP(gw_free_ptr)
  char *words = gw_asprintf("%s says %u of %u instances", guarded->status.source, endpoints->count, measure->endpoints.count);
  bool is_news = !is_same_set(guarded->offered, endpoints);
  struct set *offered = set_new(endpoints);
  put_set(&guarded->offered, offered);
  set_unref(offered);
  if (measure != guarded->served) serve(guarded, set_ref(measure));
  guarded->status.said_count = endpoints->count;
  bool is_new_state = set_state(guarded, GW_GUARD_HELD);
  is_news = set_words(guarded, words) || is_news || is_new_state;
  if (is_new_state)
    GW_LOG_WARNING(guarded->guard->log, "service %s: %s: the last good ones are held; `gatewayctl services release %s` lets go",
                   guarded->name, words, guarded->name);
  if (is_news) tell(guarded);
}

void gw_guard_offer(struct gw_guard *guard, const struct gw_endpoints *endpoints, const char *words) {
  struct guarded *guarded = get(guard, endpoints->cluster_name);
  bool was_held = guarded->status.state == GW_GUARD_HELD;
  struct set *measure = find_measure(guarded);
  if (!guarded->has_new_question && measure != NULL && is_too_few(guarded, measure, endpoints->count)) {
    hold(guarded, measure, endpoints);
    return;
  }
  accept(guarded, endpoints, words);
  if (was_held)
    GW_LOG_INFO(guard->log, "service %s: %s says %u instances again: they are served", guarded->name, guarded->status.source,
                endpoints->count);
}

void gw_guard_set(struct gw_guard *guard, const struct gw_endpoints *endpoints, const char *source) {
  struct guarded *guarded = get(guard, endpoints->cluster_name);
  guarded->status.source = source;
  guarded->status.is_written = true;
  accept(guarded, endpoints, "");
}

void gw_guard_fail(struct gw_guard *guard, struct gw_str service, const char *words) {
  struct guarded *guarded = find(guard, service);
  if (guarded == NULL) return;
  put_set(&guarded->offered, NULL);
  bool is_news = set_state(guarded, GW_GUARD_AWAY);
  is_news = set_words(guarded, words) || is_news;
  if (is_news) tell(guarded);
}

/* ---- what was served before a restart ---- */

static void remembered_free(struct remembered *remembered) {
  if (remembered == NULL) return;
  set_unref(remembered->set);
  free(remembered->source);
  free(remembered);
}

static void take_back(struct guarded *guarded, const struct remembered *remembered) {
  if (guarded->served != NULL || strcmp(remembered->source, guarded->status.source) != 0) return;
  serve(guarded, set_ref(remembered->set));
  guarded->status.known_us = remembered->known_us;
  guarded->has_new_question = false;
}

void gw_guard_restore(struct gw_guard *guard, const struct gw_endpoints *endpoints, struct gw_str source, uint64_t known_us) {
  struct guarded *guarded = find(guard, endpoints->cluster_name);
  struct remembered *remembered = gw_malloc(sizeof(*remembered));
  *remembered = (struct remembered){.set = set_new(endpoints), .source = gw_str_dup(source), .known_us = known_us};
  if (guarded == NULL) {
    remembered_free(gw_map_put(guard->remembered, endpoints->cluster_name, remembered));
    return;
  }
  take_back(guarded, remembered);
  remembered_free(remembered);
}

/* ---- what operators say ---- */

void gw_guard_expect(struct gw_guard *guard, struct gw_str service, const char *source) {
  struct guarded *guarded = get(guard, service);
  guarded->status.source = source;
  guarded->status.is_written = false;
  guarded->has_new_question = true;
  put_set(&guarded->offered, NULL);
  put_set(&guarded->base, NULL);
  set_state(guarded, GW_GUARD_WAITING);
  set_words(guarded, "");
  struct remembered *remembered = gw_map_remove(guard->remembered, service);
  if (remembered != NULL) take_back(guarded, remembered);
  remembered_free(remembered);
}

void gw_guard_forget(struct gw_guard *guard, struct gw_str service) {
  struct guarded *guarded = gw_map_remove(guard->services, service);
  if (guarded == NULL) return;
  gw_catalog_remove_endpoints(guard->catalog, CATALOG_SOURCE, guarded->status.service);
  guarded_free(guarded);
}

enum gw_err gw_guard_release(struct gw_guard *guard, struct gw_str service) {
  struct guarded *guarded = find(guard, service);
  if (guarded == NULL) return GW_ERR_NOT_FOUND;
  if (guarded->status.state != GW_GUARD_HELD) return GW_ERR_INVALID;
  struct set *offered = guarded->offered;
  guarded->offered = NULL;
  put_set(&guarded->base, NULL);
  accept(guarded, &offered->endpoints, "");
  set_unref(offered);
  gw_catalog_publish(guard->catalog);
  GW_LOG_INFO(guard->log, "service %s: let go: %u instances are served, as %s says", guarded->name, guarded->status.endpoints->count,
              guarded->status.source);
  return GW_OK;
}

void gw_guard_set_max_drop(struct gw_guard *guard, uint32_t percent, uint64_t window_ms) {
  guard->max_drop_percent = percent;
  guard->window_ms = window_ms;
}

/* ---- what others ask ---- */

void gw_guard_observe(struct gw_guard *guard, gw_guard_fn fn, void *arg) {
  guard->fn = fn;
  guard->arg = arg;
}

const struct gw_guard_service *gw_guard_find(struct gw_guard *guard, struct gw_str service) {
  const struct guarded *guarded = find(guard, service);
  return guarded != NULL ? &guarded->status : NULL;
}

static int compare_services(const void *left, const void *right) {
  const struct gw_guard_service *a = left, *b = right;
  return gw_str_compare(a->service, b->service);
}

uint32_t gw_guard_list(struct gw_guard *guard, struct gw_arena *arena, const struct gw_guard_service **ret_services) {
  struct gw_guard_service *services = gw_arena_calloc(arena, gw_map_count(guard->services), sizeof(*services));
  uint32_t count = 0;
  struct gw_str key;
  void *guarded;
  for (size_t cursor = 0; gw_map_next(guard->services, &cursor, &key, &guarded);)
    services[count++] = ((const struct guarded *)guarded)->status;
  qsort(services, count, sizeof(*services), compare_services);
  *ret_services = services;
  return count;
}

uint32_t gw_guard_count(const struct gw_guard *guard, enum gw_guard_state state) {
  uint32_t count = 0;
  struct gw_str key;
  void *guarded;
  for (size_t cursor = 0; gw_map_next(guard->services, &cursor, &key, &guarded);)
    count += ((const struct guarded *)guarded)->status.state == state;
  return count;
}

/* ---- life ---- */

struct gw_guard *gw_guard_new(struct gw_loop *loop, struct gw_log *log, struct gw_catalog *catalog) {
  struct gw_guard *guard = gw_calloc(1, sizeof(*guard));
  guard->loop = loop;
  guard->log = log;
  guard->catalog = catalog;
  guard->services = gw_map_new();
  guard->remembered = gw_map_new();
  guard->max_drop_percent = 100;
  guard->window_ms = GW_GUARD_WINDOW_MS;
  return guard;
}

void gw_guard_free(struct gw_guard *guard) {
  if (guard == NULL) return;
  struct gw_str key;
  void *guarded;
  for (size_t cursor = 0; gw_map_next(guard->services, &cursor, &key, &guarded);)
    guarded_free(guarded);
  gw_map_free(guard->services);
  void *remembered;
  for (size_t cursor = 0; gw_map_next(guard->remembered, &cursor, &key, &remembered);)
    remembered_free(remembered);
  gw_map_free(guard->remembered);
  free(guard);
}
