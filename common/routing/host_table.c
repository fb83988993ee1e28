#include "common/routing/host_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define STACK_AUTHORITY_MAX 256
#define MAP_ENTRY_BYTES 100 /* of a gw_map, with its key and the free places around it */

void gw_host_table_init(struct gw_host_table *table) {
  *table = (struct gw_host_table){.exact = gw_map_new(), .suffixes.map = gw_map_new(), .prefixes.map = gw_map_new()};
}

void gw_host_table_done(struct gw_host_table *table) {
  gw_map_free(table->exact);
  gw_map_free(table->suffixes.map);
  gw_map_free(table->prefixes.map);
  free(table->suffixes.lengths);
  free(table->prefixes.lengths);
}

static void add_length(struct gw_wildcard_hosts *hosts, uint32_t length) {
  uint32_t at = 0;
  while (at < hosts->length_count && hosts->lengths[at] > length)
    at++;
  if (at < hosts->length_count && hosts->lengths[at] == length) return;
  hosts->lengths = gw_realloc_array(hosts->lengths, hosts->length_count + 1, sizeof *hosts->lengths);
  memmove(&hosts->lengths[at + 1], &hosts->lengths[at], (hosts->length_count - at) * sizeof *hosts->lengths);
  hosts->lengths[at] = length;
  hosts->length_count++;
}

static bool put(struct gw_map *map, struct gw_str key, void *value) {
  return gw_map_find(map, key) == NULL && gw_map_put(map, key, value) == NULL;
}

bool gw_host_table_add(struct gw_host_table *table, struct gw_str domain, void *value) {
  if (gw_str_equal(domain, GW_STR("*"))) {
    bool is_new = table->any == NULL;
    if (is_new) table->any = value;
    return is_new;
  }
  table->has_others = true;
  if (gw_str_has_prefix(domain, GW_STR("*"))) {
    add_length(&table->suffixes, (uint32_t)domain.len - 1);
    return put(table->suffixes.map, gw_str_skip(domain, 1), value);
  }
  if (gw_str_has_suffix(domain, GW_STR("*"))) {
    add_length(&table->prefixes, (uint32_t)domain.len - 1);
    return put(table->prefixes.map, (struct gw_str){domain.data, domain.len - 1}, value);
  }
  return put(table->exact, domain, value);
}

/* The star stands for one character at least. */
static void *find_wildcard(const struct gw_wildcard_hosts *hosts, struct gw_str host, bool is_suffix) {
  for (uint32_t i = 0; i < hosts->length_count; i++) {
    uint32_t length = hosts->lengths[i];
    if (length >= host.len) continue;
    void *value = gw_map_find(hosts->map, (struct gw_str){is_suffix ? host.data + host.len - length : host.data, length});
    if (value != NULL) return value;
  }
  return NULL;
}

void *gw_host_table_find(const struct gw_host_table *table, struct gw_str authority, struct gw_arena *scratch) {
  if (!table->has_others) return table->any;
  char on_stack[STACK_AUTHORITY_MAX];
  char *lower = authority.len <= sizeof on_stack ? on_stack : gw_arena_alloc_bytes(scratch, authority.len);
  for (size_t i = 0; i < authority.len; i++) {
    char c = authority.data[i];
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    lower[i] = c;
  }
  struct gw_str host = {lower, authority.len};
  void *value = gw_map_find(table->exact, host);
  if (value == NULL) value = find_wildcard(&table->suffixes, host, true);
  if (value == NULL) value = find_wildcard(&table->prefixes, host, false);
  return value != NULL ? value : table->any;
}

size_t gw_host_table_bytes(const struct gw_host_table *table) {
  size_t count = gw_map_count(table->exact) + gw_map_count(table->suffixes.map) + gw_map_count(table->prefixes.map);
  return count * MAP_ENTRY_BYTES;
}
