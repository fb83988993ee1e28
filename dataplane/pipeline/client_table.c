#include "dataplane/pipeline/client_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/mem.h"

/* Workers that accept at once seldom meet. */
#define SHARDS 64

struct shard {
  pthread_mutex_t lock;
  struct gw_map *counts; /* key → the count, as a pointer's value */
};

struct gw_client_table {
  struct shard shards[SHARDS];
};

/* IPv4 and IPv6 can't be confused: no /64 that is routed begins with 32 zero bits. */
void gw_client_key(const struct gw_address *client, char ret_key[GW_CLIENT_KEY_BYTES]) {
  memset(ret_key, 0, GW_CLIENT_KEY_BYTES);
  if (client->any.sa_family == AF_INET) {
    memcpy(ret_key + 4, &client->v4.sin_addr, 4);
  } else if (IN6_IS_ADDR_V4MAPPED(&client->v6.sin6_addr)) {
    memcpy(ret_key + 4, client->v6.sin6_addr.s6_addr + 12, 4);
  } else {
    memcpy(ret_key, client->v6.sin6_addr.s6_addr, GW_CLIENT_KEY_BYTES);
  }
}

struct gw_client_table *gw_client_table_new(void) {
  struct gw_client_table *table = gw_calloc(1, sizeof(*table));
  for (size_t i = 0; i < SHARDS; i++) {
    pthread_mutex_init(&table->shards[i].lock, NULL);
    table->shards[i].counts = gw_map_new();
  }
  return table;
}

void gw_client_table_free(struct gw_client_table *table) {
  if (table == NULL) return;
  for (size_t i = 0; i < SHARDS; i++) {
    pthread_mutex_destroy(&table->shards[i].lock);
    gw_map_free(table->shards[i].counts);
  }
  free(table);
}

static struct shard *lock_shard(struct gw_client_table *table, const struct gw_address *client, char ret_key[GW_CLIENT_KEY_BYTES]) {
  gw_client_key(client, ret_key);
  struct shard *shard = &table->shards[gw_hash_keyed(ret_key, GW_CLIENT_KEY_BYTES) % SHARDS];
  pthread_mutex_lock(&shard->lock);
  return shard;
}

bool gw_client_table_enter(struct gw_client_table *table, const struct gw_address *client, uint32_t max) {
  char key[GW_CLIENT_KEY_BYTES];
  struct shard *shard = lock_shard(table, client, key);
  struct gw_str name = {key, GW_CLIENT_KEY_BYTES};
  uintptr_t count = (uintptr_t)gw_map_find(shard->counts, name);
  bool may_enter = count < max;
  if (may_enter) gw_map_put(shard->counts, name, (void *)(count + 1));
  pthread_mutex_unlock(&shard->lock);
  return may_enter;
}

void gw_client_table_leave(struct gw_client_table *table, const struct gw_address *client) {
  char key[GW_CLIENT_KEY_BYTES];
  struct shard *shard = lock_shard(table, client, key);
  struct gw_str name = {key, GW_CLIENT_KEY_BYTES};
  uintptr_t count = (uintptr_t)gw_map_find(shard->counts, name);
  GW_ASSERT(count > 0);
  if (count == 1) {
    gw_map_remove(shard->counts, name);
  } else {
    gw_map_put(shard->counts, name, (void *)(count - 1));
  }
  pthread_mutex_unlock(&shard->lock);
}

uint64_t gw_client_table_count(struct gw_client_table *table) {
  uint64_t count = 0;
  for (size_t i = 0; i < SHARDS; i++) {
    pthread_mutex_lock(&table->shards[i].lock);
    count += gw_map_count(table->shards[i].counts);
    pthread_mutex_unlock(&table->shards[i].lock);
  }
  return count;
}
