/* Why: a level of endpoints and a worker with a fake clock and fake counters, for the balancers' tests.
 * Life: fixture_start … fixture_stop.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_DATAPLANE_CLUSTER_LB_BALANCER_FIXTURE_H
#define GW_TESTS_UNIT_DATAPLANE_CLUSTER_LB_BALANCER_FIXTURE_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/xxh64.h"
#include "dataplane/cluster/lb/balancer.h"

struct fixture {
  struct gw_load_balancing balancing;
  struct gw_frozen_endpoint *endpoints;
  struct gw_arena arena; /* of names */
  struct gw_load *load;
  struct gw_random random;
  uint64_t now_ms;
  uint32_t *active;
  struct gw_balancer_worker worker;
  const struct gw_balancer *balancer;
  void *state;
};

static uint64_t fixture_now_ms(void *arg) {
  return ((struct fixture *)arg)->now_ms;
}

static uint32_t fixture_count_active(void *arg, uint32_t endpoint) {
  return ((struct fixture *)arg)->active[endpoint];
}

/* Endpoints with those weights (NULL: 1 each), whose names begin at `first`; `random` starts at `seed`. */
static inline void fixture_start_at(struct fixture *f, struct gw_load_balancing balancing, const uint32_t *weights, uint32_t first,
                                    uint32_t count, uint64_t seed) {
  *f = (struct fixture){.balancing = balancing, .now_ms = 1000};
  gw_arena_init(&f->arena, 1024);
  gw_random_init(&f->random, seed);
  f->endpoints = gw_calloc(count, sizeof(*f->endpoints));
  f->active = gw_calloc(count, sizeof(*f->active));
  for (uint32_t i = 0; i < count; i++) {
    uint32_t n = first + i;
    f->endpoints[i] = (struct gw_frozen_endpoint){.weight = weights != NULL ? weights[i] : 1, .is_healthy = true};
    f->endpoints[i].text = gw_str_from(gw_arena_printf(&f->arena, "10.%u.%u.%u:8000", n >> 16, (n >> 8) & 255, n & 255));
  }
  f->load = gw_load_build(&f->balancing, f->endpoints, count);
  f->worker = (struct gw_balancer_worker){.random = &f->random, .now_ms = fixture_now_ms, .count_active = fixture_count_active, .arg = f};
  f->balancer = gw_balancer_get(balancing.policy);
  f->state = f->balancer->build(&f->load->levels[0], &f->worker);
}

static inline void fixture_start(struct fixture *f, struct gw_load_balancing balancing, const uint32_t *weights, uint32_t count,
                                 uint64_t seed) {
  fixture_start_at(f, balancing, weights, 0, count, seed);
}

static inline void fixture_stop(struct fixture *f) {
  f->balancer->free(f->state);
  gw_load_free(f->load);
  free(f->endpoints);
  free(f->active);
  gw_arena_done(&f->arena);
}

static inline uint32_t fixture_pick(struct fixture *f) {
  return f->balancer->pick(f->state, &(struct gw_balancer_key){false, 0});
}

static inline uint32_t fixture_pick_key(struct fixture *f, uint64_t key) {
  uint64_t hash = gw_xxh64((struct gw_str){(const char *)&key, sizeof(key)}, 0);
  return f->balancer->pick(f->state, &(struct gw_balancer_key){true, hash});
}

/* Pearson's statistic of picks without a key against shares by weight. */
static inline double fixture_chi_square(struct fixture *f, const uint32_t *weights, uint32_t count, uint32_t picks) {
  GW_CLEANUP(gw_free_ptr) uint32_t *seen = gw_calloc(count, sizeof(*seen));
  double sum = 0, chi = 0;
  for (uint32_t i = 0; i < count; i++)
    sum += weights[i];
  for (uint32_t i = 0; i < picks; i++)
    seen[fixture_pick(f)]++;
  for (uint32_t i = 0; i < count; i++) {
    double wanted = picks * (weights[i] / sum);
    chi += (seen[i] - wanted) * (seen[i] - wanted) / wanted;
  }
  return chi;
}

#endif
