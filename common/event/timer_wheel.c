#include "common/event/timer_wheel.h"

#define SLOT_BITS 6
#define SLOT_MASK 63u
#define ALL_BITS (SLOT_BITS * GW_TIMER_WHEEL_LEVELS)

/* A timer lies on the level of the highest digit (base 64) in which its expiry differs from now. So everything on a level expires
 * before everything on the next, in each level after now's own slot, and the lowest occupied slot of the lowest occupied level is
 * the next to look at. When now reaches a slot of a higher level, its timers differ in a lower digit only and move down. */

void gw_timer_wheel_init(struct gw_timer_wheel *wheel, uint64_t now_ms) {
  *wheel = (struct gw_timer_wheel){.now_ms = now_ms, .next_ms = UINT64_MAX};
  gw_list_init(&wheel->due);
  gw_list_init(&wheel->far);
  for (unsigned level = 0; level < GW_TIMER_WHEEL_LEVELS; level++) {
    for (unsigned slot = 0; slot < GW_TIMER_WHEEL_SLOTS; slot++)
      gw_list_init(&wheel->slots[level][slot]);
  }
}

/* When the block of 64 slots (of `level`) begins that now is in. */
static uint64_t block_start(uint64_t now_ms, unsigned level) {
  return now_ms >> (SLOT_BITS * (level + 1)) << (SLOT_BITS * (level + 1));
}

static uint64_t slot_start(uint64_t now_ms, unsigned level, unsigned slot) {
  return block_start(now_ms, level) | (uint64_t)slot << (SLOT_BITS * level);
}

/* When the far timers are to be looked at again. */
static uint64_t next_far_ms(uint64_t now_ms) {
  return ((now_ms >> ALL_BITS) + 1) << ALL_BITS;
}

/* Returns when the timer, or the slot that it is in, has to be looked at. */
static uint64_t place(struct gw_timer_wheel *wheel, struct gw_timer *timer) {
  if (timer->expires_ms <= wheel->now_ms) {
    gw_list_add_last(&wheel->due, &timer->node);
    return wheel->now_ms;
  }
  unsigned highest_bit = 63u - (unsigned)__builtin_clzll(timer->expires_ms ^ wheel->now_ms);
  if (highest_bit >= ALL_BITS) {
    gw_list_add_last(&wheel->far, &timer->node);
    return next_far_ms(wheel->now_ms);
  }
  unsigned level = highest_bit / SLOT_BITS;
  unsigned slot = (unsigned)(timer->expires_ms >> (SLOT_BITS * level)) & SLOT_MASK;
  gw_list_add_last(&wheel->slots[level][slot], &timer->node);
  wheel->occupied[level] |= (uint64_t)1 << slot;
  return slot_start(wheel->now_ms, level, slot);
}

void gw_timer_wheel_add(struct gw_timer_wheel *wheel, struct gw_timer *timer, uint64_t now_ms) {
  if (now_ms > wheel->now_ms && now_ms < wheel->next_ms) wheel->now_ms = now_ms;
  uint64_t at_ms = place(wheel, timer);
  if (at_ms < wheel->next_ms) wheel->next_ms = at_ms;
}

static void move_all(struct gw_list *from, struct gw_list *to) {
  if (gw_list_is_empty(from)) return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  gw_list_init(from);
}

/* The next slot that holds timers; its time, or UINT64_MAX. */
static uint64_t find_next_slot(struct gw_timer_wheel *wheel, unsigned *ret_level, unsigned *ret_slot) {
  for (unsigned level = 0; level < GW_TIMER_WHEEL_LEVELS; level++) {
    unsigned current = (unsigned)(wheel->now_ms >> (SLOT_BITS * level)) & SLOT_MASK;
    uint64_t later = current == SLOT_MASK ? 0 : ~(uint64_t)0 << (current + 1);
    wheel->occupied[level] &= later; /* what is behind was emptied */
    while (wheel->occupied[level] != 0) {
      unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
      if (!gw_list_is_empty(&wheel->slots[level][slot])) {
        *ret_level = level;
        *ret_slot = slot;
        return slot_start(wheel->now_ms, level, slot);
      }
      wheel->occupied[level] &= ~((uint64_t)1 << slot);
    }
  }
  *ret_level = GW_TIMER_WHEEL_LEVELS;
  *ret_slot = 0;
  return gw_list_is_empty(&wheel->far) ? UINT64_MAX : next_far_ms(wheel->now_ms);
}

static void place_all(struct gw_timer_wheel *wheel, struct gw_list *from) {
  struct gw_list moving;
  gw_list_init(&moving);
  move_all(from, &moving);
  while (!gw_list_is_empty(&moving)) {
    struct gw_timer *timer = GW_LIST_ITEM(moving.next, struct gw_timer, node);
    gw_list_remove(&timer->node);
    place(wheel, timer);
  }
}

void gw_timer_wheel_advance(struct gw_timer_wheel *wheel, uint64_t now_ms, struct gw_list *ret_due) {
  if (now_ms < wheel->next_ms) {
    if (now_ms > wheel->now_ms) wheel->now_ms = now_ms;
    return;
  }
  unsigned level;
  unsigned slot;
  uint64_t at_ms;
  move_all(&wheel->due, ret_due);
  while ((at_ms = find_next_slot(wheel, &level, &slot)) <= now_ms) {
    wheel->now_ms = at_ms;
    if (level == GW_TIMER_WHEEL_LEVELS) {
      place_all(wheel, &wheel->far);
    } else {
      place_all(wheel, &wheel->slots[level][slot]);
    }
    move_all(&wheel->due, ret_due);
  }
  if (now_ms > wheel->now_ms) wheel->now_ms = now_ms;
  wheel->next_ms = at_ms;
}
