#include "dataplane/cluster/circuit_breaker.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/mem.h"

/* The window's; with each new one the oldest is forgotten. */
#define BUCKETS 10
/* Of bucket words: which turn of the ring, requests, failures. */
#define COUNT_BITS 20
#define COUNT_MAX ((1u << COUNT_BITS) - 1)
#define TURN_MASK ((1u << 24) - 1)
/* Of the state's word, from the lowest: what the state needs, generation, state. */
#define PAYLOAD_BITS 42
#define PAYLOAD_MASK ((UINT64_C(1) << PAYLOAD_BITS) - 1)
#define GENERATION_BITS 20
#define GENERATION_MASK ((1u << GENERATION_BITS) - 1)
#define PROBE_BITS 21
#define PROBE_MASK ((UINT64_C(1) << PROBE_BITS) - 1)

/* All of the state is in one word, so that a change is one compare-and-swap and everybody sees the same. The generation changes with the
 * state: what belongs to an earlier one is seen by it. */
struct gw_circuit_breaker {
  struct gw_circuit_breaking settings;
  uint64_t bucket_ms;
  _Atomic uint64_t word;
  char between[64]; /* what is read with every request shares no cache line with what is written with every request */
  atomic_uint refs;
  _Atomic uint64_t buckets[BUCKETS];
};

static enum gw_circuit_state state_of(uint64_t word) {
  return (enum gw_circuit_state)(word >> (PAYLOAD_BITS + GENERATION_BITS));
}

static uint32_t generation_of(uint64_t word) {
  return (uint32_t)(word >> PAYLOAD_BITS) & GENERATION_MASK;
}

static uint64_t make_word(enum gw_circuit_state state, uint32_t generation, uint64_t payload) {
  return (uint64_t)state << (PAYLOAD_BITS + GENERATION_BITS) | (uint64_t)(generation & GENERATION_MASK) << PAYLOAD_BITS |
         (payload & PAYLOAD_MASK);
}

/* OPEN's payload is when it ends, HALF_OPEN's what has become of the probes. */
static uint32_t probes_of(uint64_t word) {
  return (uint32_t)(word >> PROBE_BITS & PROBE_MASK);
}

static uint32_t successes_of(uint64_t word) {
  return (uint32_t)(word & PROBE_MASK);
}

static uint64_t half_open_word(uint32_t generation, uint32_t probes, uint32_t successes) {
  return make_word(GW_CIRCUIT_HALF_OPEN, generation, (uint64_t)probes << PROBE_BITS | successes);
}

static bool swap(struct gw_circuit_breaker *breaker, uint64_t *expected, uint64_t word) {
  return atomic_compare_exchange_weak_explicit(&breaker->word, expected, word, memory_order_acq_rel, memory_order_acquire);
}

/* ---- the window ---- */

static uint64_t make_bucket(uint32_t turn, uint32_t requests, uint32_t failures) {
  return (uint64_t)turn << (2 * COUNT_BITS) | (uint64_t)requests << COUNT_BITS | failures;
}

static uint32_t turn_of(uint64_t bucket) {
  return (uint32_t)(bucket >> (2 * COUNT_BITS));
}

static uint32_t requests_of(uint64_t bucket) {
  return (uint32_t)(bucket >> COUNT_BITS) & COUNT_MAX;
}

static uint32_t failures_of(uint64_t bucket) {
  return (uint32_t)bucket & COUNT_MAX;
}

static uint32_t turn_at(uint64_t tick) {
  return (uint32_t)(tick / BUCKETS) & TURN_MASK;
}

static void count(struct gw_circuit_breaker *breaker, uint64_t now_ms, uint32_t requests, uint32_t failures) {
  uint64_t tick = now_ms / breaker->bucket_ms;
  uint32_t turn = turn_at(tick);
  _Atomic uint64_t *bucket = &breaker->buckets[tick % BUCKETS];
  uint64_t old = atomic_load_explicit(bucket, memory_order_relaxed), next;
  do {
    uint32_t had_requests = 0, had_failures = 0;
    if (turn_of(old) == turn) {
      had_requests = requests_of(old);
      had_failures = failures_of(old);
    } else if (turn_of(old) == ((turn + 1) & TURN_MASK) && requests_of(old) > 0) {
      return; /* the clock of another worker is ahead of this one's by a window: too late */
    }
    if (had_requests == COUNT_MAX || had_failures == COUNT_MAX) { /* full: the ratio stays */
      had_requests /= 2;
      had_failures /= 2;
    }
    next = make_bucket(turn, had_requests + requests, had_failures + failures);
  } while (!atomic_compare_exchange_weak_explicit(bucket, &old, next, memory_order_relaxed, memory_order_relaxed));
}

static void sum(const struct gw_circuit_breaker *breaker, uint64_t now_ms, uint32_t *ret_requests, uint32_t *ret_failures) {
  uint64_t newest = now_ms / breaker->bucket_ms;
  *ret_requests = *ret_failures = 0;
  for (uint64_t i = 0; i < BUCKETS && i <= newest; i++) {
    uint64_t bucket = atomic_load_explicit(&breaker->buckets[(newest - i) % BUCKETS], memory_order_relaxed);
    if (turn_of(bucket) != turn_at(newest - i)) continue;
    *ret_requests += requests_of(bucket);
    *ret_failures += failures_of(bucket);
  }
}

static void forget(struct gw_circuit_breaker *breaker) {
  for (size_t i = 0; i < BUCKETS; i++)
    atomic_store_explicit(&breaker->buckets[i], 0, memory_order_relaxed);
}

static bool is_too_much(const struct gw_circuit_breaking *settings, uint32_t requests, uint32_t failures) {
  if (settings->failures > 0 && failures >= settings->failures) return true;
  return settings->failure_percent > 0 && requests >= settings->min_requests &&
         (uint64_t)failures * 100 >= (uint64_t)settings->failure_percent * requests;
}

/* ---- requests ---- */

bool gw_circuit_breaker_enter(struct gw_circuit_breaker *breaker, uint64_t now_ms, struct gw_circuit_pass *ret_pass, uint64_t *ret_wait_ms,
                              struct gw_circuit_change *ret_change) {
  const struct gw_circuit_breaking *settings = &breaker->settings;
  uint64_t word = atomic_load_explicit(&breaker->word, memory_order_acquire);
  *ret_change = (struct gw_circuit_change){0};
  for (;;) {
    uint32_t generation = generation_of(word);
    if (state_of(word) == GW_CIRCUIT_CLOSED) {
      ret_pass->generation = generation;
      return true;
    }
    if (state_of(word) == GW_CIRCUIT_OPEN) {
      uint64_t until_ms = word & PAYLOAD_MASK;
      if (now_ms < until_ms) {
        /* The clock of the thread that opened it may be a little ahead of this one's. */
        *ret_wait_ms = until_ms - now_ms < settings->open_ms ? until_ms - now_ms : settings->open_ms;
        return false;
      }
      if (!swap(breaker, &word, half_open_word(generation + 1, 1, 0))) continue;
      ret_pass->generation = (generation + 1) & GENERATION_MASK;
      *ret_change = (struct gw_circuit_change){.has_changed = true, .state = GW_CIRCUIT_HALF_OPEN};
      return true;
    }
    uint32_t probes = probes_of(word), successes = successes_of(word);
    if (probes >= settings->probes || probes + successes >= settings->successes) {
      *ret_wait_ms = 0;
      return false;
    }
    if (!swap(breaker, &word, half_open_word(generation, probes + 1, successes))) continue;
    ret_pass->generation = generation;
    return true;
  }
}

static uint64_t open_word(const struct gw_circuit_breaker *breaker, uint64_t word, uint64_t now_ms) {
  return make_word(GW_CIRCUIT_OPEN, generation_of(word) + 1, now_ms + breaker->settings.open_ms);
}

static void leave_closed(struct gw_circuit_breaker *breaker, uint64_t word, enum gw_circuit_outcome outcome, uint64_t now_ms,
                         struct gw_circuit_change *ret_change) {
  uint32_t generation = generation_of(word), requests, failures;
  if (outcome == GW_CIRCUIT_NO_MATTER) return;
  count(breaker, now_ms, outcome != GW_CIRCUIT_LATE_FAILURE, outcome != GW_CIRCUIT_SUCCESS);
  if (outcome == GW_CIRCUIT_SUCCESS) return;
  sum(breaker, now_ms, &requests, &failures);
  if (!is_too_much(&breaker->settings, requests, failures)) return;
  while (generation_of(word) == generation) {
    if (!swap(breaker, &word, open_word(breaker, word, now_ms))) continue;
    *ret_change = (struct gw_circuit_change){.has_changed = true, .state = GW_CIRCUIT_OPEN, .requests = requests, .failures = failures};
    return;
  }
}

static void leave_half_open(struct gw_circuit_breaker *breaker, uint64_t word, enum gw_circuit_outcome outcome, uint64_t now_ms,
                            struct gw_circuit_change *ret_change) {
  uint32_t generation = generation_of(word);
  while (generation_of(word) == generation) {
    uint32_t probes = probes_of(word), successes = successes_of(word);
    enum gw_circuit_state state = GW_CIRCUIT_HALF_OPEN;
    uint64_t next;
    if (outcome == GW_CIRCUIT_FAILURE || outcome == GW_CIRCUIT_LATE_FAILURE) {
      state = GW_CIRCUIT_OPEN;
      next = open_word(breaker, word, now_ms);
    } else if (outcome == GW_CIRCUIT_NO_MATTER || successes + 1 < breaker->settings.successes) {
      next = half_open_word(generation, probes - 1, successes + (outcome == GW_CIRCUIT_SUCCESS));
    } else {
      state = GW_CIRCUIT_CLOSED;
      next = make_word(state, generation + 1, 0);
      forget(breaker); /* nobody counts before the word says closed */
    }
    if (!swap(breaker, &word, next)) continue;
    ret_change->has_changed = state != GW_CIRCUIT_HALF_OPEN;
    ret_change->state = state;
    return;
  }
}

void gw_circuit_breaker_leave(struct gw_circuit_breaker *breaker, struct gw_circuit_pass pass, enum gw_circuit_outcome outcome,
                              uint64_t now_ms, struct gw_circuit_change *ret_change) {
  uint64_t word = atomic_load_explicit(&breaker->word, memory_order_acquire);
  *ret_change = (struct gw_circuit_change){0};
  if (generation_of(word) != pass.generation) return;
  if (state_of(word) == GW_CIRCUIT_CLOSED) {
    leave_closed(breaker, word, outcome, now_ms, ret_change);
  } else {
    leave_half_open(breaker, word, outcome, now_ms, ret_change);
  }
}

/* ---- the rest ---- */

struct gw_circuit_breaker *gw_circuit_breaker_new(const struct gw_circuit_breaking *settings) {
  struct gw_circuit_breaker *breaker = gw_calloc(1, sizeof(*breaker));
  atomic_init(&breaker->refs, 1);
  breaker->settings = *settings;
  breaker->bucket_ms = (settings->window_ms + BUCKETS - 1) / BUCKETS;
  if (breaker->bucket_ms == 0) breaker->bucket_ms = 1;
  return breaker;
}

struct gw_circuit_breaker *gw_circuit_breaker_ref(struct gw_circuit_breaker *breaker) {
  atomic_fetch_add_explicit(&breaker->refs, 1, memory_order_relaxed);
  return breaker;
}

void gw_circuit_breaker_unref(struct gw_circuit_breaker *breaker) {
  if (breaker != NULL && atomic_fetch_sub_explicit(&breaker->refs, 1, memory_order_acq_rel) == 1) free(breaker);
}

const struct gw_circuit_breaking *gw_circuit_breaker_settings(const struct gw_circuit_breaker *breaker) {
  return &breaker->settings;
}

const char *gw_circuit_state_name(enum gw_circuit_state state) {
  static const char *const names[] = {[GW_CIRCUIT_CLOSED] = "closed", [GW_CIRCUIT_OPEN] = "open", [GW_CIRCUIT_HALF_OPEN] = "half_open"};
  return names[state];
}

enum gw_circuit_state gw_circuit_breaker_state(const struct gw_circuit_breaker *breaker) {
  return state_of(atomic_load_explicit(&breaker->word, memory_order_acquire));
}

void gw_circuit_breaker_get_status(const struct gw_circuit_breaker *breaker, uint64_t now_ms, struct gw_circuit_status *ret_status) {
  uint64_t word = atomic_load_explicit(&breaker->word, memory_order_acquire);
  *ret_status = (struct gw_circuit_status){.state = state_of(word)};
  switch (ret_status->state) {
  case GW_CIRCUIT_CLOSED: sum(breaker, now_ms, &ret_status->requests, &ret_status->failures); break;
  case GW_CIRCUIT_OPEN: ret_status->open_left_ms = (word & PAYLOAD_MASK) > now_ms ? (word & PAYLOAD_MASK) - now_ms : 0; break;
  case GW_CIRCUIT_HALF_OPEN:
    ret_status->probes = probes_of(word);
    ret_status->successes = successes_of(word);
    break;
  }
}
