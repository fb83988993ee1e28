#include "dataplane/xds_client/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/crypto/digest.h"
#include "common/xds/codec.h"

/* File: magic, format byte, body. Body of format PLAIN: payload, SHA-256 of everything before; of format SEALED: the payload sealed,
 * with magic and format authenticated. Payload: wall time, node id, node cluster, number of resources, then type and Any of each.
 * Numbers are little-endian; strings and Anys have a 32-bit length before them. */
static const char magic[8] = {'G', 'W', 'L', 'K', 'G', 'v', '2', '\n'};
#define HEAD_SIZE (sizeof(magic) + 1)
#define FORMAT_PLAIN 'P'
#define FORMAT_SEALED 'S'

/* ---- writing ---- */

static void put_number(struct gw_strbuf *buf, uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; i++)
    gw_strbuf_append_char(buf, (char)(value >> 8 * i & 0xff));
}

static void put_str(struct gw_strbuf *buf, struct gw_str s) {
  put_number(buf, s.len, 4);
  gw_strbuf_append_str(buf, s);
}

/* In the clear no secret and no API key is written, not even its name. */
static bool is_kept(const struct gw_cache *cache, int type) {
  return cache->has_key || !gw_resource_type_holds_secrets((enum gw_resource_type)type);
}

static void put_payload(const struct gw_cache *cache, const struct gw_snapshot *snapshot, uint64_t wall_us, struct gw_strbuf *buf) {
  uint32_t count = 0;
  size_t size = 8 + 3 * 4 + strlen(cache->node_id) + strlen(cache->node_cluster);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    for (uint32_t i = 0; is_kept(cache, type) && i < snapshot->lists[type].count; i++) {
      count++;
      size += 1 + 4 + snapshot->lists[type].items[i]->any->len;
    }
  }
  gw_strbuf_reserve(buf, size); /* growing would leave copies of keys */
  put_number(buf, wall_us, 8);
  put_str(buf, gw_str_from(cache->node_id));
  put_str(buf, gw_str_from(cache->node_cluster));
  put_number(buf, count, 4);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    for (uint32_t i = 0; is_kept(cache, type) && i < snapshot->lists[type].count; i++) {
      put_number(buf, (uint64_t)type, 1);
      put_str(buf, gw_bytes_str(snapshot->lists[type].items[i]->any));
    }
  }
}

void gw_cache_encode(const struct gw_cache *cache, const struct gw_snapshot *snapshot, uint64_t wall_us, struct gw_strbuf *buf) {
  size_t start = buf->len;
  gw_strbuf_append(buf, magic, sizeof(magic));
  gw_strbuf_append_char(buf, cache->has_key ? FORMAT_SEALED : FORMAT_PLAIN);
  if (!cache->has_key) {
    put_payload(cache, snapshot, wall_us, buf);
    uint8_t digest[GW_SHA256_SIZE];
    gw_digest_sha256((struct gw_str){buf->data + start, buf->len - start}, digest);
    gw_strbuf_append(buf, digest, sizeof(digest));
    return;
  }
  struct gw_strbuf payload;
  gw_strbuf_init(&payload);
  put_payload(cache, snapshot, wall_us, &payload);
  char head[HEAD_SIZE];
  memcpy(head, buf->data + start, sizeof(head));
  GW_ASSERT(gw_seal(cache->key, (struct gw_str){head, sizeof(head)}, gw_strbuf_str(&payload), buf) == GW_OK);
  gw_strbuf_wipe(&payload);
}

/* ---- reading ---- */

static enum gw_err fail(enum gw_err err, char **ret_reason, const char *reason) {
  *ret_reason = gw_strdup(reason);
  return err;
}

static bool take_number(struct gw_str *rest, unsigned size, uint64_t *ret_value) {
  if (rest->len < size) return false;
  *ret_value = 0;
  for (unsigned i = 0; i < size; i++)
    *ret_value |= (uint64_t)(unsigned char)rest->data[i] << 8 * i;
  *rest = gw_str_skip(*rest, size);
  return true;
}

static bool take_str(struct gw_str *rest, struct gw_str *ret_str) {
  uint64_t len;
  if (!take_number(rest, 4, &len) || rest->len < len) return false;
  *ret_str = (struct gw_str){rest->data, (size_t)len};
  *rest = gw_str_skip(*rest, (size_t)len);
  return true;
}

static enum gw_err decode_resources(struct gw_str rest, struct gw_snapshot **ret_snapshot, char **ret_reason) {
  uint64_t count;
  if (!take_number(&rest, 4, &count)) return fail(GW_ERR_INVALID, ret_reason, "it is cut short");
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  struct gw_errors errors;
  gw_errors_init(&errors);
  enum gw_err err = GW_OK;
  for (uint64_t i = 0; err == GW_OK && i < count; i++) {
    uint64_t type;
    struct gw_str any;
    struct gw_resource *resource;
    if (!take_number(&rest, 1, &type) || type >= GW_RESOURCE_TYPE_COUNT || !take_str(&rest, &any)) {
      err = fail(GW_ERR_INVALID, ret_reason, "it is cut short");
      break;
    }
    struct gw_bytes *bytes = gw_bytes_new(any.data, any.len);
    err = gw_xds_decode_resource((enum gw_resource_type)type, bytes, &errors, &arena, NULL, &resource);
    gw_bytes_unref(bytes);
    if (err == GW_OK) {
      gw_snapshot_builder_add(builder, resource);
    } else {
      err = GW_ERR_INVALID;
      *ret_reason = errors.count > 0
                        ? gw_asprintf("a resource in it is not valid here: %s: %s", errors.items[0].place, errors.items[0].sentence)
                        : gw_strdup("a resource in it is not valid here");
    }
  }
  if (err == GW_OK && rest.len > 0) err = fail(GW_ERR_INVALID, ret_reason, "it has more bytes than it should");
  if (err == GW_OK) {
    *ret_snapshot = gw_snapshot_builder_freeze(builder);
  } else {
    gw_snapshot_builder_free(builder);
  }
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  return err;
}

static enum gw_err check_age(const struct gw_cache *cache, uint64_t saved_us, uint64_t wall_us, char **ret_reason) {
  if (saved_us > wall_us + GW_CACHE_SKEW_MS * 1000ull) return fail(GW_ERR_TIMEOUT, ret_reason, "its time lies in the future");
  uint64_t age_ms = saved_us >= wall_us ? 0 : (wall_us - saved_us) / 1000;
  if (age_ms <= cache->max_age_ms) return GW_OK;
  *ret_reason = gw_asprintf("it is too old: %" PRIu64 " s; at most %" PRIu64 " s are allowed (--cache-max-age)", age_ms / 1000,
                            cache->max_age_ms / 1000);
  return GW_ERR_TIMEOUT;
}

static enum gw_err decode_payload(const struct gw_cache *cache, struct gw_str rest, uint64_t wall_us, struct gw_snapshot **ret_snapshot,
                                  uint64_t *ret_wall_us, char **ret_reason) {
  uint64_t saved_us;
  struct gw_str node_id, node_cluster;
  if (!take_number(&rest, 8, &saved_us) || !take_str(&rest, &node_id) || !take_str(&rest, &node_cluster)) {
    return fail(GW_ERR_INVALID, ret_reason, "it is cut short");
  }
  if (!gw_str_equal(node_id, gw_str_from(cache->node_id)) || !gw_str_equal(node_cluster, gw_str_from(cache->node_cluster))) {
    *ret_reason = gw_asprintf("it is of node %.*s in cluster %.*s; this is node %s in cluster %s", GW_STR_ARG(node_id),
                              GW_STR_ARG(node_cluster), cache->node_id, cache->node_cluster);
    return GW_ERR_NOT_FOUND;
  }
  enum gw_err err = check_age(cache, saved_us, wall_us, ret_reason);
  if (err == GW_OK) err = decode_resources(rest, ret_snapshot, ret_reason);
  if (err == GW_OK) *ret_wall_us = saved_us;
  return err;
}

static enum gw_err decode_plain(const struct gw_cache *cache, struct gw_str bytes, uint64_t wall_us, struct gw_snapshot **ret_snapshot,
                                uint64_t *ret_wall_us, char **ret_reason) {
  /* With a key, only what was sealed with it is trusted. */
  if (cache->has_key) return fail(GW_ERR_DENIED, ret_reason, "it is not encrypted, though --cache-key-file is set");
  if (bytes.len < HEAD_SIZE + GW_SHA256_SIZE) return fail(GW_ERR_INVALID, ret_reason, "it is cut short");
  struct gw_str covered = {bytes.data, bytes.len - GW_SHA256_SIZE};
  uint8_t digest[GW_SHA256_SIZE];
  gw_digest_sha256(covered, digest);
  if (memcmp(digest, bytes.data + covered.len, sizeof(digest)) != 0) {
    return fail(GW_ERR_INVALID, ret_reason, "its checksum is wrong: it is damaged");
  }
  return decode_payload(cache, gw_str_skip(covered, HEAD_SIZE), wall_us, ret_snapshot, ret_wall_us, ret_reason);
}

static enum gw_err decode_sealed(const struct gw_cache *cache, struct gw_str bytes, uint64_t wall_us, struct gw_snapshot **ret_snapshot,
                                 uint64_t *ret_wall_us, char **ret_reason) {
  if (!cache->has_key) return fail(GW_ERR_DENIED, ret_reason, "it is encrypted, and no --cache-key-file is set");
  struct gw_strbuf payload;
  gw_strbuf_init(&payload);
  enum gw_err err = gw_unseal(cache->key, (struct gw_str){bytes.data, HEAD_SIZE}, gw_str_skip(bytes, HEAD_SIZE), &payload);
  if (err != GW_OK) {
    err = fail(GW_ERR_DENIED, ret_reason, "it was made with another key, or it is damaged");
  } else {
    err = decode_payload(cache, gw_strbuf_str(&payload), wall_us, ret_snapshot, ret_wall_us, ret_reason);
  }
  gw_strbuf_wipe(&payload);
  return err;
}

enum gw_err gw_cache_decode(const struct gw_cache *cache, struct gw_str bytes, uint64_t wall_us, struct gw_snapshot **ret_snapshot,
                            uint64_t *ret_wall_us, char **ret_reason) {
  if (bytes.len < HEAD_SIZE || memcmp(bytes.data, magic, sizeof(magic)) != 0) {
    return fail(GW_ERR_INVALID, ret_reason, "it is not a configuration saved by this version");
  }
  switch (bytes.data[sizeof(magic)]) {
  case FORMAT_PLAIN: return decode_plain(cache, bytes, wall_us, ret_snapshot, ret_wall_us, ret_reason);
  case FORMAT_SEALED: return decode_sealed(cache, bytes, wall_us, ret_snapshot, ret_wall_us, ret_reason);
  default: return fail(GW_ERR_INVALID, ret_reason, "it is not a configuration saved by this version");
  }
}

/* ---- files ---- */

static bool write_all(int fd, struct gw_str bytes) {
  while (bytes.len > 0) {
    ssize_t written = write(fd, bytes.data, bytes.len);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = gw_str_skip(bytes, (size_t)written);
  }
  return true;
}

/* The rename is on the disk only when its directory is. */
static void sync_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

enum gw_err gw_cache_save(const struct gw_cache *cache, const struct gw_snapshot *snapshot, uint64_t wall_us) {
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/%s", cache->directory, GW_CACHE_FILE_NAME);
  GW_CLEANUP(gw_free_ptr) char *beside = gw_asprintf("%s.new", path);
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  gw_cache_encode(cache, snapshot, wall_us, &buf);
  enum gw_err err = GW_ERR_IO;
  /* Never through a file that somebody else put there. */
  unlink(beside);
  int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) goto out;
  bool is_written = write_all(fd, gw_strbuf_str(&buf)) && fsync(fd) == 0;
  int failure = errno;
  close(fd);
  errno = failure;
  if (!is_written || rename(beside, path) != 0) {
    failure = errno;
    unlink(beside);
    errno = failure;
    goto out;
  }
  sync_directory(cache->directory);
  err = GW_OK;
out:
  gw_strbuf_done(&buf);
  return err;
}

static enum gw_err read_file(const char *path, struct gw_strbuf *buf, char **ret_reason) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) return GW_ERR_NOT_FOUND;
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) {
    *ret_reason = gw_asprintf("it cannot be read: %s", strerror(errno));
    if (fd >= 0) close(fd);
    return GW_ERR_IO;
  }
  if (!S_ISREG(status.st_mode) || status.st_size > (off_t)GW_CACHE_FILE_MAX) {
    close(fd);
    return fail(GW_ERR_INVALID, ret_reason, "it is not a file, or too big");
  }
  gw_strbuf_reserve(buf, (size_t)status.st_size);
  ssize_t len = 0;
  while (buf->len < (size_t)status.st_size && (len = read(fd, buf->data + buf->len, (size_t)status.st_size - buf->len)) > 0)
    buf->len += (size_t)len;
  int failure = errno;
  close(fd);
  if (len >= 0) return GW_OK;
  *ret_reason = gw_asprintf("it cannot be read: %s", strerror(failure));
  return GW_ERR_IO;
}

enum gw_err gw_cache_load(const struct gw_cache *cache, uint64_t wall_us, struct gw_snapshot **ret_snapshot, uint64_t *ret_wall_us,
                          char **ret_reason) {
  *ret_reason = NULL;
  GW_CLEANUP(gw_free_ptr) char *path = gw_asprintf("%s/%s", cache->directory, GW_CACHE_FILE_NAME);
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  enum gw_err err = read_file(path, &buf, ret_reason);
  if (err == GW_OK) err = gw_cache_decode(cache, gw_strbuf_str(&buf), wall_us, ret_snapshot, ret_wall_us, ret_reason);
  gw_strbuf_done(&buf);
  return err;
}
