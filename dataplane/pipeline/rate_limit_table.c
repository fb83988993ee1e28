#include "dataplane/pipeline/rate_limit_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/base/err.h"
#include "common/base/mem.h"

/* A sixteenth of a nanosecond: fine enough for a million tokens a second without rounding, and 36 years fit. */
#define TICKS_PER_US UINT64_C(16000)
#define GROUP_KEYS 8
#define INSERT_LOCKS 32
/* In a place of `states`: somebody is giving the place to another key. */
#define STATE_BUSY UINT64_MAX

/* Places that a key can have: two cache lines. A state is the moment at which the bucket is full; past: it is. */
struct group {
  _Atomic uint64_t keys[GROUP_KEYS]; /* 0: free */
  _Atomic uint64_t states[GROUP_KEYS];
};

/* Only who is new to the table locks, so that nobody gets two places; alone on a cache line. */
struct insert_lock {
  _Alignas(64) pthread_mutex_t mutex;
  uint64_t keys;
  uint64_t evictions_full;
  uint64_t evictions_active;
};

struct gw_rate_limit_table {
  struct group *groups; /* address space for the most keys; the first group_count can be used */
  _Atomic uint64_t group_count;
  uint64_t usable_count;
  _Atomic uint32_t fleet;
  _Atomic uint64_t alone_us;
  struct insert_lock locks[INSERT_LOCKS];
};

#define MAX_GROUPS (GW_RATE_LIMIT_KEYS_MAX / GROUP_KEYS)

/* ---- rates ---- */

struct gw_rate_limit_rate gw_rate_limit_rate_make(uint32_t tokens, uint64_t per_ms, uint32_t burst) {
  GW_ASSERT(tokens > 0 && per_ms > 0 && burst > 0);
  unsigned __int128 per_ticks = (unsigned __int128)per_ms * 1000 * TICKS_PER_US;
  unsigned __int128 interval = (per_ticks + tokens - 1) / tokens;
  GW_ASSERT(interval * burst <= (unsigned __int128)2 * GW_RATE_LIMIT_MAX_FILL_MS * 1000 * TICKS_PER_US);
  return (struct gw_rate_limit_rate){
      .interval_ticks = (uint64_t)interval,
      .burst_ticks = (uint64_t)interval * burst,
      .burst = burst,
  };
}

/* ---- the table ---- */

struct gw_rate_limit_table *gw_rate_limit_table_new(uint64_t max_keys) {
  struct gw_rate_limit_table *table = aligned_alloc(64, sizeof(*table));
  if (table == NULL) GW_PANIC("out of memory");
  *table = (struct gw_rate_limit_table){0};
  for (size_t i = 0; i < INSERT_LOCKS; i++)
    pthread_mutex_init(&table->locks[i].mutex, NULL);
  /* Without access it costs no memory and counts for no limit but that of addresses. */
  void *space = mmap(NULL, MAX_GROUPS * sizeof(struct group), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) GW_PANIC("no address space for rate limits");
  table->groups = space;
  gw_rate_limit_table_set_max_keys(table, max_keys);
  gw_rate_limit_table_set_fleet(table, 1);
  return table;
}

void gw_rate_limit_table_free(struct gw_rate_limit_table *table) {
  if (table == NULL) return;
  munmap(table->groups, MAX_GROUPS * sizeof(struct group));
  for (size_t i = 0; i < INSERT_LOCKS; i++)
    pthread_mutex_destroy(&table->locks[i].mutex);
  free(table);
}

static void lock_all(struct gw_rate_limit_table *table) {
  for (size_t i = 0; i < INSERT_LOCKS; i++)
    pthread_mutex_lock(&table->locks[i].mutex);
}

static void unlock_all(struct gw_rate_limit_table *table) {
  for (size_t i = 0; i < INSERT_LOCKS; i++)
    pthread_mutex_unlock(&table->locks[i].mutex);
}

/* Places that are no longer used stay accessible, for who has just looked the count up, and give their memory back. */
void gw_rate_limit_table_set_max_keys(struct gw_rate_limit_table *table, uint64_t max_keys) {
  if (max_keys > GW_RATE_LIMIT_KEYS_MAX) max_keys = GW_RATE_LIMIT_KEYS_MAX;
  uint64_t count = max_keys > GROUP_KEYS ? (max_keys + GROUP_KEYS - 1) / GROUP_KEYS : 1;
  uint64_t before = atomic_load_explicit(&table->group_count, memory_order_relaxed);
  if (count == before) return;
  if (count > table->usable_count) {
    if (mprotect(table->groups, count * sizeof(struct group), PROT_READ | PROT_WRITE) != 0) GW_PANIC("no memory for rate limits");
    table->usable_count = count;
  }
  lock_all(table);
  if (before > 0 && madvise(table->groups, before * sizeof(struct group), MADV_DONTNEED) == 0) {
    for (size_t i = 0; i < INSERT_LOCKS; i++)
      table->locks[i].keys = 0;
  }
  atomic_store_explicit(&table->group_count, count, memory_order_release);
  unlock_all(table);
}

uint64_t gw_rate_limit_table_max_keys(const struct gw_rate_limit_table *table) {
  return atomic_load_explicit(&table->group_count, memory_order_relaxed) * GROUP_KEYS;
}

void gw_rate_limit_table_set_fleet(struct gw_rate_limit_table *table, uint32_t size) {
  atomic_store_explicit(&table->fleet, size > 0 ? size : 1, memory_order_relaxed);
}

uint32_t gw_rate_limit_table_fleet(const struct gw_rate_limit_table *table) {
  return atomic_load_explicit(&table->fleet, memory_order_relaxed);
}

void gw_rate_limit_table_note_alone(struct gw_rate_limit_table *table, uint64_t now_us) {
  atomic_store_explicit(&table->alone_us, now_us, memory_order_relaxed);
}

uint64_t gw_rate_limit_table_alone_us(const struct gw_rate_limit_table *table) {
  return atomic_load_explicit(&table->alone_us, memory_order_relaxed);
}

void gw_rate_limit_table_get_counts(const struct gw_rate_limit_table *table, struct gw_rate_limit_counts *ret_counts) {
  *ret_counts = (struct gw_rate_limit_counts){0};
  for (size_t i = 0; i < INSERT_LOCKS; i++) {
    struct insert_lock *lock = (struct insert_lock *)&table->locks[i];
    pthread_mutex_lock(&lock->mutex);
    ret_counts->keys += lock->keys;
    ret_counts->evictions_full += lock->evictions_full;
    ret_counts->evictions_active += lock->evictions_active;
    pthread_mutex_unlock(&lock->mutex);
  }
}

/* ---- places ---- */

static uint64_t group_index(const struct gw_rate_limit_table *table, uint64_t key) {
  uint64_t count = atomic_load_explicit(&table->group_count, memory_order_acquire);
  return (uint64_t)((unsigned __int128)key * count >> 64);
}

/* The place of a key, or NULL; with its state as it was while the place was the key's. */
static _Atomic uint64_t *find(struct group *group, uint64_t key, uint64_t *ret_state) {
  for (size_t i = 0; i < GROUP_KEYS; i++) {
    if (atomic_load_explicit(&group->keys[i], memory_order_acquire) != key) continue;
    uint64_t state = atomic_load_explicit(&group->states[i], memory_order_acquire);
    /* Who takes a place over marks the state, changes the key, then writes the new state: that the key is still the same behind the state
     * says whose it was. */
    if (state == STATE_BUSY || atomic_load_explicit(&group->keys[i], memory_order_relaxed) != key) return NULL;
    *ret_state = state;
    return &group->states[i];
  }
  return NULL;
}

/* Whose place a new key takes: a free one, else the bucket that is full, or the first to be. */
static size_t pick_victim(const struct group *group, uint64_t *ret_state) {
  size_t victim = 0;
  uint64_t least = STATE_BUSY;
  for (size_t i = 0; i < GROUP_KEYS; i++) {
    if (atomic_load_explicit(&group->keys[i], memory_order_relaxed) == 0) {
      *ret_state = 0;
      return i;
    }
    uint64_t state = atomic_load_explicit(&group->states[i], memory_order_relaxed);
    if (state >= least) continue;
    least = state;
    victim = i;
  }
  *ret_state = least;
  return victim;
}

static uint64_t least_of(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* With the lock: gives the key a place whose bucket begins full, or as empty as what it replaces but for one token. */
static void insert(struct insert_lock *lock, struct group *group, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now) {
  for (;;) {
    uint64_t state;
    size_t i = pick_victim(group, &state);
    bool is_free = atomic_load_explicit(&group->keys[i], memory_order_relaxed) == 0;
    if (!atomic_compare_exchange_strong_explicit(&group->states[i], &state, STATE_BUSY, memory_order_acq_rel, memory_order_relaxed)) {
      continue; /* a token was just taken there */
    }
    bool is_active = !is_free && state > now;
    if (is_free) {
      lock->keys++;
    } else if (is_active) {
      lock->evictions_active++;
    } else {
      lock->evictions_full++;
    }
    uint64_t begin = is_active ? least_of(state, now + rate->burst_ticks - rate->interval_ticks) : 0;
    atomic_store_explicit(&group->keys[i], key, memory_order_release);
    atomic_store_explicit(&group->states[i], begin, memory_order_release);
    return;
  }
}

/* The key's place, which is made if it has none. */
static _Atomic uint64_t *find_or_insert(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                        uint64_t now, uint64_t *ret_state) {
  uint64_t index = group_index(table, key);
  struct group *group = &table->groups[index];
  _Atomic uint64_t *place = find(group, key, ret_state);
  while (place == NULL) {
    struct insert_lock *lock = &table->locks[index % INSERT_LOCKS];
    pthread_mutex_lock(&lock->mutex);
    place = find(group, key, ret_state);
    if (place == NULL) insert(lock, group, key, rate, now);
    pthread_mutex_unlock(&lock->mutex);
    if (place == NULL) place = find(group, key, ret_state);
  }
  return place;
}

/* 0 stands for a free place. */
static uint64_t usable_key(uint64_t key) {
  return key != 0 ? key : 1;
}

/* ---- buckets ---- */

/* When the bucket is full, as far as this rate can say so: of a rate that has become smaller there may be more missing than fits. */
static uint64_t full_at(uint64_t state, const struct gw_rate_limit_rate *rate, uint64_t now) {
  if (state <= now) return now;
  return least_of(state, now + rate->burst_ticks);
}

static void fill_outcome(struct gw_rate_limit_outcome *outcome, bool is_allowed, uint64_t full, const struct gw_rate_limit_rate *rate,
                         uint64_t now) {
  uint64_t missing = full - now, left = rate->burst_ticks - missing;
  *outcome = (struct gw_rate_limit_outcome){
      .is_allowed = is_allowed,
      .remaining = (uint32_t)(left / rate->interval_ticks),
      .wait_us = is_allowed || left >= rate->interval_ticks ? 0 : (rate->interval_ticks - left + TICKS_PER_US - 1) / TICKS_PER_US,
      .full_us = (missing + TICKS_PER_US - 1) / TICKS_PER_US,
  };
}

void gw_rate_limit_table_take(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now_us,
                              struct gw_rate_limit_outcome *ret_outcome) {
  uint64_t now = now_us * TICKS_PER_US, state;
  key = usable_key(key);
  for (;;) {
    _Atomic uint64_t *place = find_or_insert(table, key, rate, now, &state);
    uint64_t full = full_at(state, rate, now);
    if (full + rate->interval_ticks > now + rate->burst_ticks) {
      fill_outcome(ret_outcome, false, full, rate, now);
      return;
    }
    full += rate->interval_ticks;
    if (!atomic_compare_exchange_strong_explicit(place, &state, full, memory_order_acq_rel, memory_order_relaxed)) continue;
    fill_outcome(ret_outcome, true, full, rate, now);
    return;
  }
}

void gw_rate_limit_table_give_back(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                   uint64_t now_us) {
  uint64_t now = now_us * TICKS_PER_US, state;
  struct group *group = &table->groups[group_index(table, usable_key(key))];
  for (;;) {
    _Atomic uint64_t *place = find(group, usable_key(key), &state);
    if (place == NULL || state <= now) return; /* forgotten, or full again meanwhile */
    if (atomic_compare_exchange_strong_explicit(place, &state, state - least_of(rate->interval_ticks, state), memory_order_acq_rel,
                                                memory_order_relaxed)) {
      return;
    }
  }
}

uint64_t gw_rate_limit_table_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate, uint64_t now_us) {
  uint64_t now = now_us * TICKS_PER_US, state;
  struct group *group = &table->groups[group_index(table, usable_key(key))];
  if (find(group, usable_key(key), &state) == NULL) return 0;
  return (uint64_t)((unsigned __int128)(full_at(state, rate, now) - now) * 1000 / rate->interval_ticks);
}

/* No more than fits, so that nothing overflows. */
static uint64_t ticks_of(const struct gw_rate_limit_rate *rate, uint64_t thousandths) {
  uint64_t most = (uint64_t)rate->burst * 1000;
  return (uint64_t)((unsigned __int128)rate->interval_ticks * least_of(thousandths, most) / 1000);
}

void gw_rate_limit_table_add_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                  uint64_t used_thousandths, uint64_t now_us) {
  uint64_t now = now_us * TICKS_PER_US, state, full;
  _Atomic uint64_t *place;
  do {
    place = find_or_insert(table, usable_key(key), rate, now, &state);
    full = least_of(full_at(state, rate, now) + ticks_of(rate, used_thousandths), now + rate->burst_ticks);
  } while (!atomic_compare_exchange_strong_explicit(place, &state, full, memory_order_acq_rel, memory_order_relaxed));
}

uint64_t gw_rate_limit_table_claim_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                        uint64_t now_us) {
  uint64_t now = now_us * TICKS_PER_US, state;
  struct group *group = &table->groups[group_index(table, usable_key(key))];
  for (;;) {
    _Atomic uint64_t *place = find(group, usable_key(key), &state);
    if (place == NULL || state <= now) return 0;
    if (!atomic_compare_exchange_strong_explicit(place, &state, 0, memory_order_acq_rel, memory_order_relaxed)) continue;
    return (uint64_t)((unsigned __int128)(full_at(state, rate, now) - now) * 1000 / rate->interval_ticks);
  }
}

void gw_rate_limit_table_set_used(struct gw_rate_limit_table *table, uint64_t key, const struct gw_rate_limit_rate *rate,
                                  uint64_t used_thousandths, uint64_t now_us) {
  uint64_t now = now_us * TICKS_PER_US, state;
  uint64_t full = now + ticks_of(rate, used_thousandths);
  for (;;) {
    _Atomic uint64_t *place = find_or_insert(table, usable_key(key), rate, now, &state);
    if (atomic_compare_exchange_strong_explicit(place, &state, full, memory_order_acq_rel, memory_order_relaxed)) return;
  }
}
