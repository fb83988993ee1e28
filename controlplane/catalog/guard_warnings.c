/* What the guard has to tell operators of: who can't be asked, and who is held. */
#include "common/base/clock.h"
#include "controlplane/catalog/guard.h"

/* How many services can't be asked for at that source, if `services[at]` is the first of them; else 0. */
static uint32_t count_away(const struct gw_guard_service *services, uint32_t count, uint32_t at) {
  uint32_t same = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (services[i].state != GW_GUARD_AWAY || strcmp(services[i].source, services[at].source) != 0 ||
        strcmp(services[i].words, services[at].words) != 0)
      continue;
    if (i < at) return 0;
    same++;
  }
  return same;
}

/* A registry that is away is one warning, not one for each of a thousand services. */
static void warn_of_away(const struct gw_guard_service *services, uint32_t count, uint32_t at, const char *place,
                         struct gw_errors *errors) {
  const struct gw_guard_service *service = &services[at];
  uint32_t same = count_away(services, count, at);
  if (same == 1)
    gw_errors_warn(errors, place, "%s can't be asked: %s; %s", service->source, service->words,
                   service->endpoints->count > 0 ? "the last good instances are held" : "it has no instances");
  else if (same > 1)
    gw_errors_warn(errors, place, "%s can't be asked for it and %u others: %s; the last good instances are held", service->source, same - 1,
                   service->words);
}

static void warn_of_held(const struct gw_guard_service *service, const char *place, struct gw_errors *errors) {
  char since[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339(service->since_us, since);
  gw_errors_warn(errors, place, "%s: the last good ones are held since %s; `gatewayctl services release %.*s` lets go", service->words,
                 since, GW_STR_ARG(service->service));
}

void gw_guard_append_warnings(struct gw_guard *guard, struct gw_errors *errors) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_guard_service *services;
  uint32_t count = gw_guard_list(guard, &arena, &services);
  for (uint32_t i = 0; i < count; i++) {
    const struct gw_guard_service *service = &services[i];
    const char *place = gw_arena_printf(&arena, "service %.*s", GW_STR_ARG(service->service));
    if (service->state == GW_GUARD_AWAY)
      warn_of_away(services, count, i, place, errors);
    else if (service->state == GW_GUARD_HELD)
      warn_of_held(service, place, errors);
    else if (service->words[0] != '\0')
      gw_errors_warn(errors, place, "%s", service->words);
  }
  gw_arena_done(&arena);
}
