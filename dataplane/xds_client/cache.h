/* Why: keeps the last known good configuration in a file, for a start while no control plane answers. With a key it is encrypted and
 * authenticated; without one it has a checksum only.
 * Life: a value; `directory`, names and key are borrowed.
 * Thread: any; one writer at a time. */
#ifndef GW_DATAPLANE_XDS_CLIENT_CACHE_H
#define GW_DATAPLANE_XDS_CLIENT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/crypto/seal.h"
#include "common/model/snapshot.h"

#define GW_CACHE_FILE_NAME "last-known-good"
#define GW_CACHE_FILE_MAX (1u << 30)
#define GW_CACHE_KEY_PURPOSE "gateway last known good"
#define GW_CACHE_SKEW_MS 300000 /* how far ahead of our clock a file's time may be */

struct gw_cache {
  const char *directory;
  const char *node_id;
  const char *node_cluster;
  bool has_key;
  uint8_t key[GW_SEAL_KEY_SIZE];
  uint64_t max_age_ms;
};

/* Appends the file's bytes. Without a key secrets are left out. */
void gw_cache_encode(const struct gw_cache *cache, const struct gw_snapshot *snapshot, uint64_t wall_us, struct gw_strbuf *buf);
/* One reference. *ret_reason (freed with free()) says what is wrong: GW_ERR_INVALID (cut short, changed, of another format, a resource
 * that does not decode), GW_ERR_DENIED (another key, or none where one is needed, or a plain file where a key is set), GW_ERR_TIMEOUT
 * (too old, or from the future), GW_ERR_NOT_FOUND (of another node). */
enum gw_err gw_cache_decode(const struct gw_cache *cache, struct gw_str bytes, uint64_t wall_us, struct gw_snapshot **ret_snapshot,
                            uint64_t *ret_wall_us, char **ret_reason);

/* Blocks on the disk. Written beside, synced, renamed: the file is whole or the one before. Mode 0600. GW_ERR_IO with errno. */
enum gw_err gw_cache_save(const struct gw_cache *cache, const struct gw_snapshot *snapshot, uint64_t wall_us);
/* As decode; GW_ERR_NOT_FOUND without a reason: there is no file. GW_ERR_IO: it can't be read. *ret_wall_us: when it was saved. */
enum gw_err gw_cache_load(const struct gw_cache *cache, uint64_t wall_us, struct gw_snapshot **ret_snapshot, uint64_t *ret_wall_us,
                          char **ret_reason);

#endif
