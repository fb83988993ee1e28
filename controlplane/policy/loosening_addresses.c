/* Sets of addresses, compared exactly: the ranges cut all addresses into pieces of which each is in or out as a whole. */
#include "common/net/address.h"
#include "controlplane/policy/loosening_internal.h"

#define V4_BITS 96u /* IPv4 is mapped IPv6 */

struct ranges {
  struct gw_cidr *items;
  uint32_t count;
};

/* How much of a piece is in a set. */
enum part { PART_NONE, PART_SOME, PART_ALL };

struct sets {
  struct ranges before_allow, before_deny, after_allow, after_deny;
};

static bool is_v4(const struct gw_cidr *cidr) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return cidr->bits >= V4_BITS && memcmp(cidr->bytes, mapped, sizeof(mapped)) == 0;
}

/* Those of one family; an empty list that means everybody is told by `is_all`. */
static struct ranges read_ranges(const struct gw_words *words, bool wants_v4, struct gw_arena *arena) {
  struct ranges ranges = {gw_arena_calloc(arena, words->count, sizeof(struct gw_cidr)), 0};
  for (uint32_t i = 0; i < words->count; i++) {
    struct gw_cidr cidr;
    if (gw_cidr_parse(words->items[i], &cidr) == GW_OK && is_v4(&cidr) == wants_v4) ranges.items[ranges.count++] = cidr;
  }
  return ranges;
}

static bool shares_bits(const struct gw_cidr *a, const struct gw_cidr *b, unsigned bits) {
  unsigned whole = bits / 8, rest = bits % 8;
  if (memcmp(a->bytes, b->bytes, whole) != 0) return false;
  return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

static enum part part_in(const struct gw_cidr *piece, const struct ranges *set) {
  enum part part = PART_NONE;
  for (uint32_t i = 0; i < set->count; i++) {
    const struct gw_cidr *range = &set->items[i];
    unsigned bits = range->bits < piece->bits ? range->bits : piece->bits;
    if (!shares_bits(piece, range, bits)) continue;
    if (range->bits <= piece->bits) return PART_ALL;
    part = PART_SOME;
  }
  return part;
}

/* Whether an address of the piece may ask after and might not before; the piece is cut in two until nothing of it is PART_SOME. */
static bool opens(const struct sets *sets, struct gw_cidr piece, struct gw_cidr *ret_example) {
  enum part after_allow = part_in(&piece, &sets->after_allow), after_deny = part_in(&piece, &sets->after_deny);
  if (after_allow == PART_NONE || after_deny == PART_ALL) return false;
  enum part before_allow = part_in(&piece, &sets->before_allow), before_deny = part_in(&piece, &sets->before_deny);
  if (before_allow == PART_ALL && before_deny == PART_NONE) return false;
  bool was_closed = before_allow == PART_NONE || before_deny == PART_ALL;
  if (was_closed && after_allow == PART_ALL && after_deny == PART_NONE) {
    *ret_example = piece;
    return true;
  }
  GW_ASSERT(piece.bits < 128); /* a single address is in or out */
  struct gw_cidr half = piece;
  half.bits++;
  if (opens(sets, half, ret_example)) return true;
  half.bytes[piece.bits / 8] |= (uint8_t)(0x80u >> (piece.bits % 8));
  return opens(sets, half, ret_example);
}

static const char *format(const struct gw_cidr *piece, bool wants_v4, struct gw_arena *arena) {
  const uint8_t *b = piece->bytes;
  if (wants_v4) return gw_arena_printf(arena, "%u.%u.%u.%u/%u", b[12], b[13], b[14], b[15], piece->bits - V4_BITS);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (int i = 0; i < 16; i += 2)
    gw_strbuf_printf(&text, "%s%x", i > 0 ? ":" : "", (unsigned)b[i] << 8 | b[i + 1]);
  const char *result = gw_arena_printf(arena, "%s/%u", text.data, piece->bits);
  gw_strbuf_done(&text);
  return result;
}

bool gw_loosening_opens_addresses(const struct gw_loosening_addresses *before, const struct gw_loosening_addresses *after,
                                  struct gw_arena *arena, const char **ret_example) {
  for (int family = 0; family < 2; family++) {
    bool wants_v4 = family == 0;
    struct gw_cidr all = {.bits = wants_v4 ? V4_BITS : 0}, example;
    if (wants_v4) all.bytes[10] = all.bytes[11] = 0xff;
    struct ranges everybody = {&all, 1};
    struct sets sets = {.before_allow = before->allow->count > 0 ? read_ranges(before->allow, wants_v4, arena) : everybody,
                        .before_deny = read_ranges(before->deny, wants_v4, arena),
                        .after_allow = after->allow->count > 0 ? read_ranges(after->allow, wants_v4, arena) : everybody,
                        .after_deny = read_ranges(after->deny, wants_v4, arena)};
    if (!opens(&sets, all, &example)) continue;
    *ret_example = format(&example, wants_v4, arena);
    return true;
  }
  return false;
}
