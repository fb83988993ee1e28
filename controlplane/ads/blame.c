#include "controlplane/ads/blame.h"

#include <string.h>

/* strchr finds the end of its text, too. */
static bool is_one_of(char c, const char *marks) {
  return c != '\0' && strchr(marks, c) != NULL;
}

static bool is_boundary_before(struct gw_str text, size_t at) {
  return at == 0 || is_one_of(text.data[at - 1], " \n\t'\"(,;:");
}

static bool is_boundary_after(struct gw_str text, size_t at) {
  return at == text.len || is_one_of(text.data[at], ":,;'\")\n");
}

/* Of names [low, high), which agree in their first `at` bytes, the first whose next byte is `byte` or greater. */
static uint32_t find_from(const struct gw_str *names, uint32_t low, uint32_t high, size_t at, unsigned byte) {
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    bool is_before = names[middle].len == at || (unsigned char)names[middle].data[at] < byte;
    if (is_before)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Marks the names that the text from `start` on begins with. Returns how many were not marked before. */
static uint32_t mark(struct gw_str text, size_t start, const struct gw_str *names, uint32_t count, bool *is_blamed) {
  uint32_t low = 0, high = count, marked = 0;
  for (size_t at = 0; low < high; at++) {
    bool is_whole = at > 0 && names[low].len == at; /* the shortest comes first */
    if (is_whole && !is_blamed[low] && is_boundary_after(text, start + at)) {
      is_blamed[low] = true;
      marked++;
    }
    if (start + at == text.len) break;
    unsigned byte = (unsigned char)text.data[start + at];
    low = find_from(names, low, high, at, byte);
    high = find_from(names, low, high, at, byte + 1);
  }
  return marked;
}

uint32_t gw_blame_find(struct gw_str text, const struct gw_str *names, uint32_t count, bool *is_blamed) {
  if (text.len > GW_BLAME_TEXT_MAX) text.len = GW_BLAME_TEXT_MAX;
  if (count > 0) memset(is_blamed, 0, count * sizeof *is_blamed);
  uint32_t blamed = 0;
  for (size_t at = 0; at < text.len; at++)
    if (is_boundary_before(text, at)) blamed += mark(text, at, names, count, is_blamed);
  return blamed;
}
