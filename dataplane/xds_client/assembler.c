#include "dataplane/xds_client/assembler.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/listener.h"

struct wanted {
  bool is_given_up; /* was missing for too long: nothing waits for it */
};

struct held {
  struct gw_map *by_name;    /* → struct gw_resource, one reference each */
  struct gw_map *by_content; /* hash of the Any → struct gw_resource */
  struct gw_map *wanted;     /* of types that are asked for by name: name → struct wanted */
  struct gw_str *names;      /* the keys of `wanted`, sorted, own copies */
  uint32_t name_count;
  struct gw_map *versions; /* name → text: how a server calls what is held, where that is not the resource's own version */
  struct gw_map *refused;  /* names of clusters or listeners that were refused and are not held */
  bool has_more_refused;   /* than are kept by name */
  size_t bytes;            /* of what is held, encoded */
  bool was_answered;
};

struct gw_assembler {
  struct held types[GW_RESOURCE_TYPE_COUNT];
  struct gw_snapshot *seed;
  struct gw_map *seed_by_content[GW_RESOURCE_TYPE_COUNT];
  uint64_t blocked_since_us; /* 0: not waiting */
  bool has_changed;
  bool knows_keys;
  bool has_given_up_keys; /* they were missing for too long: nothing waits for them */
};

/* Of what is longer, so much is hashed: of two that begin alike the map has one, and the other is decoded again. */
#define HASHED_BYTES ((size_t)4096)

struct content_key {
  uint64_t hash;
  uint64_t len;
};

static struct gw_str content_key(const struct gw_bytes *any, struct content_key *key) {
  key->hash = gw_hash_keyed(any->data, any->len < HASHED_BYTES ? any->len : HASHED_BYTES);
  key->len = any->len;
  return (struct gw_str){(const char *)key, sizeof(*key)};
}

static void put_content(struct gw_map *map, struct gw_resource *resource) {
  struct content_key key;
  gw_map_put(map, content_key(resource->any, &key), resource);
}

static void remove_content(struct gw_map *map, struct gw_resource *resource) {
  struct content_key key;
  struct gw_str name = content_key(resource->any, &key);
  if (gw_map_find(map, name) == resource) gw_map_remove(map, name);
}

static struct gw_resource *find_content(const struct gw_map *map, const struct gw_bytes *any) {
  if (map == NULL) return NULL;
  struct content_key key;
  struct gw_resource *resource = gw_map_find(map, content_key(any, &key));
  if (resource == NULL || !gw_str_equal(gw_bytes_str(resource->any), gw_bytes_str(any))) return NULL;
  return resource;
}

static void free_resources(struct gw_map *by_name) {
  size_t cursor = 0;
  struct gw_str name;
  void *value;
  while (gw_map_next(by_name, &cursor, &name, &value))
    gw_resource_unref(value);
  gw_map_free(by_name);
}

/* A map and its values. */
static void free_values(struct gw_map *map) {
  size_t cursor = 0;
  struct gw_str name;
  void *value;
  while (gw_map_next(map, &cursor, &name, &value))
    free(value);
  gw_map_free(map);
}

static void free_names(struct held *held) {
  for (uint32_t i = 0; i < held->name_count; i++)
    free((void *)(uintptr_t)held->names[i].data);
  free(held->names);
}

struct gw_assembler *gw_assembler_new(void) {
  struct gw_assembler *assembler = gw_calloc(1, sizeof(*assembler));
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    assembler->types[type] = (struct held){.by_name = gw_map_new(),
                                           .by_content = gw_map_new(),
                                           .wanted = gw_map_new(),
                                           .versions = gw_map_new(),
                                           .refused = gw_map_new()};
  }
  return assembler;
}

static void forget_seed(struct gw_assembler *assembler) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    gw_map_free(assembler->seed_by_content[type]);
    assembler->seed_by_content[type] = NULL;
  }
  gw_snapshot_unref(assembler->seed);
  assembler->seed = NULL;
}

void gw_assembler_free(struct gw_assembler *assembler) {
  if (assembler == NULL) return;
  forget_seed(assembler);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct held *held = &assembler->types[type];
    free_resources(held->by_name);
    gw_map_free(held->by_content);
    free_values(held->wanted);
    free_values(held->versions);
    gw_map_free(held->refused);
    free_names(held);
  }
  free(assembler);
}

void gw_assembler_seed(struct gw_assembler *assembler, struct gw_snapshot *snapshot) {
  forget_seed(assembler);
  assembler->seed = gw_snapshot_ref(snapshot);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    assembler->seed_by_content[type] = gw_map_new();
    for (uint32_t i = 0; i < snapshot->lists[type].count; i++)
      put_content(assembler->seed_by_content[type], snapshot->lists[type].items[i]);
  }
}

struct gw_resource *gw_assembler_find_same(const struct gw_assembler *assembler, enum gw_resource_type type, const struct gw_bytes *any) {
  struct gw_resource *resource = find_content(assembler->types[type].by_content, any);
  return resource != NULL ? resource : find_content(assembler->seed_by_content[type], any);
}

const struct gw_resource *gw_assembler_find(const struct gw_assembler *assembler, enum gw_resource_type type, struct gw_str name) {
  return gw_map_find(assembler->types[type].by_name, name);
}

uint32_t gw_assembler_size(const struct gw_assembler *assembler, enum gw_resource_type type, size_t *ret_bytes) {
  *ret_bytes = assembler->types[type].bytes;
  return (uint32_t)gw_map_count(assembler->types[type].by_name);
}

/* `version` empty, or the resource's own: nothing to remember. */
static void set_version(struct held *held, struct gw_str name, struct gw_str version, const char *own) {
  bool is_own = version.len == 0 || version.len > GW_ASSEMBLER_VERSION_MAX || gw_str_equal(version, gw_str_from(own));
  free(is_own ? gw_map_remove(held->versions, name) : gw_map_put(held->versions, name, gw_str_dup(version)));
}

/* `version`: as the server says; empty: it does not. */
static void hold(struct held *held, struct gw_resource *resource, struct gw_str version) {
  set_version(held, resource->name, version, resource->version);
  gw_map_remove(held->refused, resource->name);
  struct gw_resource *before = gw_map_put(held->by_name, resource->name, resource);
  if (before != NULL && before != resource) remove_content(held->by_content, before);
  put_content(held->by_content, resource);
  held->bytes += resource->any->len - (before != NULL ? before->any->len : 0);
  gw_resource_unref(before);
}

static void let_go(struct held *held, struct gw_str name) {
  gw_map_remove(held->refused, name);
  free(gw_map_remove(held->versions, name));
  struct gw_resource *resource = gw_map_remove(held->by_name, name);
  if (resource == NULL) return;
  remove_content(held->by_content, resource);
  held->bytes -= resource->any->len;
  gw_resource_unref(resource);
}

static void forget_refused(struct held *held) {
  gw_map_free(held->refused);
  held->refused = gw_map_new();
  held->has_more_refused = false;
}

static void replace_all(struct held *held, struct gw_resource **resources, uint32_t count) {
  struct gw_map *before = held->by_name;
  gw_map_free(held->by_content);
  held->by_name = gw_map_new();
  held->by_content = gw_map_new();
  held->bytes = 0;
  free_values(held->versions);
  held->versions = gw_map_new();
  forget_refused(held);
  for (uint32_t i = 0; i < count; i++)
    hold(held, resources[i], (struct gw_str){0});
  free_resources(before);
}

static int compare_names(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

/* Makes the sorted list of names from `wanted`; true when it differs from the one before. */
static bool list_names(struct held *held) {
  uint32_t count = (uint32_t)gw_map_count(held->wanted);
  struct gw_str *names = gw_calloc(count + 1, sizeof(*names));
  size_t cursor = 0;
  struct gw_str name;
  void *value;
  for (uint32_t i = 0; gw_map_next(held->wanted, &cursor, &name, &value); i++)
    names[i] = (struct gw_str){gw_str_dup(name), name.len};
  qsort(names, count, sizeof(*names), compare_names);
  bool has_changed = count != held->name_count;
  for (uint32_t i = 0; !has_changed && i < count; i++)
    has_changed = !gw_str_equal(names[i], held->names[i]);
  free_names(held);
  held->names = names;
  held->name_count = count;
  return has_changed;
}

/* Drops what nobody names any more. */
static void drop_unwanted(struct held *held) {
  struct gw_map *by_name = gw_map_new();
  size_t cursor = 0;
  struct gw_str name;
  void *value;
  while (gw_map_next(held->by_name, &cursor, &name, &value)) {
    if (gw_map_find(held->wanted, name) != NULL) {
      gw_map_put(by_name, name, value);
    } else {
      free(gw_map_remove(held->versions, name));
      remove_content(held->by_content, value);
      held->bytes -= ((const struct gw_resource *)value)->any->len;
      gw_resource_unref(value);
    }
  }
  gw_map_free(held->by_name);
  held->by_name = by_name;
}

/* What `from` (all clusters or all listeners) names of that type becomes wanted; what was wanted before keeps its state. */
static void add_names(const struct held *from, enum gw_resource_type type, struct gw_map *before, struct gw_map *wanted) {
  size_t position = 0;
  struct gw_str key, name;
  void *value;
  while (gw_map_next(from->by_name, &position, &key, &value)) {
    enum gw_resource_type named;
    for (uint32_t cursor = 0; gw_resource_next_name(value, &cursor, &named, &name);) {
      if (named != type || gw_map_find(wanted, name) != NULL) continue;
      struct wanted *known = gw_map_remove(before, name);
      gw_map_put(wanted, name, known != NULL ? known : gw_calloc(1, sizeof(*known)));
    }
  }
}

/* True: other names than before. */
static bool follow_names(struct gw_assembler *assembler, enum gw_resource_type type) {
  struct held *held = &assembler->types[type];
  struct gw_map *wanted = gw_map_new();
  add_names(&assembler->types[GW_RESOURCE_CLUSTER], type, held->wanted, wanted);
  add_names(&assembler->types[GW_RESOURCE_LISTENER], type, held->wanted, wanted);
  free_values(held->wanted);
  held->wanted = wanted;
  drop_unwanted(held);
  return list_names(held);
}

/* The bits of the types whose names changed. */
static unsigned follow_all_names(struct gw_assembler *assembler) {
  unsigned renamed = 0;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    if (gw_resource_type_is_named((enum gw_resource_type)type) && follow_names(assembler, (enum gw_resource_type)type))
      renamed |= 1u << type;
  return renamed;
}

unsigned gw_assembler_accept(struct gw_assembler *assembler, enum gw_resource_type type, struct gw_resource **resources, uint32_t count) {
  struct held *held = &assembler->types[type];
  assembler->has_changed = true;
  held->was_answered = true;
  if (gw_resource_type_is_named(type)) {
    for (uint32_t i = 0; i < count; i++) {
      if (gw_map_find(held->wanted, resources[i]->name) != NULL) {
        hold(held, resources[i], (struct gw_str){0});
      } else {
        gw_resource_unref(resources[i]);
      }
    }
    return 0;
  }
  replace_all(held, resources, count);
  return follow_all_names(assembler);
}

static void take_change(struct held *held, bool is_named, struct gw_resource *resource, struct gw_str name, struct gw_str version) {
  if (resource == NULL) {
    bool is_lacking = !is_named && gw_map_find(held->by_name, name) == NULL;
    bool has_room = gw_map_count(held->refused) < GW_ASSEMBLER_REFUSED_MAX;
    if (is_lacking && has_room) gw_map_put(held->refused, name, held);
    if (is_lacking && !has_room) held->has_more_refused = true;
  } else if (!is_named || gw_map_find(held->wanted, resource->name) != NULL) {
    hold(held, resource, version);
  } else {
    gw_resource_unref(resource);
  }
}

unsigned gw_assembler_accept_changes(struct gw_assembler *assembler, enum gw_resource_type type,
                                     const struct gw_discovery_response *response, struct gw_resource **resources) {
  struct held *held = &assembler->types[type];
  bool is_named = gw_resource_type_is_named(type);
  assembler->has_changed = true;
  held->was_answered = true;
  for (uint32_t i = 0; i < response->removed_count && !is_named; i++)
    let_go(held, response->removed[i]);
  for (uint32_t i = 0; i < response->resource_count; i++)
    take_change(held, is_named, resources[i], response->resource_names[i], response->resource_versions[i]);
  return is_named ? 0 : follow_all_names(assembler);
}

uint32_t gw_assembler_held(const struct gw_assembler *assembler, enum gw_resource_type type, struct gw_arena *arena,
                           const struct gw_str **ret_names, const struct gw_str **ret_versions) {
  const struct held *held = &assembler->types[type];
  size_t room = gw_map_count(held->by_name);
  struct gw_str *names = gw_arena_calloc(arena, room + 1, sizeof *names);
  struct gw_str *versions = gw_arena_calloc(arena, room + 1, sizeof *versions);
  uint32_t count = 0;
  size_t cursor = 0;
  void *value;
  while (gw_map_next(held->by_name, &cursor, &names[count], &value)) {
    const char *version = gw_map_find(held->versions, names[count]);
    versions[count] = gw_str_from(version != NULL ? version : ((const struct gw_resource *)value)->version);
    count++;
  }
  *ret_names = names;
  *ret_versions = versions;
  return count;
}

void gw_assembler_forget_refused(struct gw_assembler *assembler) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    forget_refused(&assembler->types[type]);
}

const struct gw_str *gw_assembler_names(const struct gw_assembler *assembler, enum gw_resource_type type, uint32_t *ret_count) {
  *ret_count = assembler->types[type].name_count;
  return assembler->types[type].names;
}

bool gw_assembler_needs_keys(const struct gw_assembler *assembler) {
  size_t cursor = 0;
  struct gw_str name;
  void *value;
  while (gw_map_next(assembler->types[GW_RESOURCE_LISTENER].by_name, &cursor, &name, &value)) {
    const struct gw_http_connection_manager *http = &((const struct gw_resource *)value)->listener->http;
    for (uint32_t i = 0; i < http->filter_count; i++)
      if (http->filters[i].kind == GW_FILTER_API_KEY) return true;
  }
  return false;
}

void gw_assembler_set_keys_known(struct gw_assembler *assembler) {
  assembler->has_changed = assembler->has_changed || !assembler->knows_keys;
  assembler->knows_keys = true;
}

struct missing {
  uint32_t all;
  uint32_t waited_for; /* those not given up */
};

static struct missing count_missing(const struct gw_assembler *assembler) {
  struct missing missing = {0};
  if (!assembler->knows_keys && gw_assembler_needs_keys(assembler)) {
    missing.all++;
    missing.waited_for += !assembler->has_given_up_keys;
  }
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    const struct held *held = &assembler->types[type];
    missing.all += (uint32_t)gw_map_count(held->refused) + held->has_more_refused;
    size_t cursor = 0;
    struct gw_str name;
    void *value;
    while (gw_map_next(held->wanted, &cursor, &name, &value)) {
      if (gw_map_find(held->by_name, name) != NULL) continue;
      missing.all++;
      if (!((struct wanted *)value)->is_given_up) missing.waited_for++;
    }
  }
  return missing;
}

/* Given up is what is missing now; what has come is waited for again should it ever go. */
static void give_up_missing(struct gw_assembler *assembler) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    struct held *held = &assembler->types[type];
    size_t cursor = 0;
    struct gw_str name;
    void *value;
    while (gw_map_next(held->wanted, &cursor, &name, &value))
      ((struct wanted *)value)->is_given_up = gw_map_find(held->by_name, name) == NULL;
  }
}

static struct gw_snapshot *build(const struct gw_assembler *assembler) {
  struct gw_snapshot_builder *builder = gw_snapshot_builder_new();
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    size_t cursor = 0;
    struct gw_str name;
    void *value;
    while (gw_map_next(assembler->types[type].by_name, &cursor, &name, &value))
      gw_snapshot_builder_add(builder, gw_resource_ref(value));
  }
  return gw_snapshot_builder_freeze(builder);
}

enum gw_err gw_assembler_assemble(struct gw_assembler *assembler, uint64_t now_us, struct gw_snapshot **ret_snapshot,
                                  bool *ret_is_complete) {
  if (!assembler->has_changed) return GW_ERR_AGAIN;
  /* Without all clusters and all listeners nothing can be said to be missing: what serves now, goes on. */
  if (!assembler->types[GW_RESOURCE_CLUSTER].was_answered || !assembler->types[GW_RESOURCE_LISTENER].was_answered) return GW_ERR_AGAIN;
  struct missing missing = count_missing(assembler);
  if (missing.waited_for > 0) {
    if (assembler->blocked_since_us == 0) assembler->blocked_since_us = now_us;
    if (now_us - assembler->blocked_since_us < GW_ASSEMBLER_BOUND_MS * 1000ull) return GW_ERR_AGAIN;
  }
  give_up_missing(assembler);
  assembler->has_given_up_keys = true;
  assembler->blocked_since_us = 0;
  assembler->has_changed = false;
  *ret_snapshot = build(assembler);
  *ret_is_complete = missing.all == 0;
  if (*ret_is_complete) forget_seed(assembler);
  return GW_OK;
}

uint64_t gw_assembler_deadline_us(const struct gw_assembler *assembler) {
  return assembler->blocked_since_us == 0 ? 0 : assembler->blocked_since_us + GW_ASSEMBLER_BOUND_MS * 1000ull;
}
