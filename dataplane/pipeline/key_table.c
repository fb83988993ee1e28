#include "dataplane/pipeline/key_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/json_value.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/crypto/secret.h"

/* Two levels of 64 branches, and buckets of keys below: of 100,000 some 24 in each. Each part is shared by the tables that it did not
 * change between; who edits copies it once, and then owns it. */
#define FAN 64u
#define FAN_BITS 6u

struct bucket {
  atomic_uint refs;
  uint64_t owner; /* the edit that made it, and may change it */
  uint32_t count;
  uint32_t room;
  struct gw_key *keys[];
};

struct branch {
  atomic_uint refs;
  uint64_t owner;
  struct bucket *buckets[FAN]; /* NULL: nothing there */
};

struct gw_key_table {
  atomic_uint refs;
  uint64_t owner;
  uint32_t count;
  struct branch *branches[FAN];
};

/* ---- keys ---- */

static uint64_t place_of(bool is_imported, struct gw_str id, const uint8_t *hash) {
  return is_imported ? gw_hash_keyed(hash, 32) : gw_hash_keyed(id.data, id.len);
}

static const struct gw_str *copy_words(struct gw_arena *arena, const struct gw_str *words, uint32_t count) {
  struct gw_str *copies = gw_arena_calloc(arena, count, sizeof(*copies));
  for (uint32_t i = 0; i < count; i++)
    copies[i] = gw_arena_copy(arena, words[i]);
  return copies;
}

static struct gw_json_value list_value(struct gw_arena *arena, const struct gw_str *words, uint32_t count) {
  struct gw_json_value *items = gw_arena_calloc(arena, count, sizeof(*items));
  for (uint32_t i = 0; i < count; i++)
    items[i] = (struct gw_json_value){.kind = GW_JSON_STRING, .string = words[i]};
  return (struct gw_json_value){.kind = GW_JSON_ARRAY, .count = count, .items = items};
}

/* What a token would say of the same user. */
static const struct gw_json_value *make_claims(struct gw_arena *arena, const struct gw_identity *identity) {
  struct gw_json_member *members = gw_arena_calloc(arena, 4, sizeof(*members));
  members[0] = (struct gw_json_member){GW_STR("sub"), {.kind = GW_JSON_STRING, .string = identity->user_id}};
  members[1] = (struct gw_json_member){GW_STR("name"), {.kind = GW_JSON_STRING, .string = identity->user_name}};
  members[2] = (struct gw_json_member){GW_STR("roles"), list_value(arena, identity->roles, identity->role_count)};
  members[3] = (struct gw_json_member){GW_STR("permissions"), list_value(arena, identity->permissions, identity->permission_count)};
  struct gw_json_value *claims = gw_arena_calloc(arena, 1, sizeof(*claims));
  *claims = (struct gw_json_value){.kind = GW_JSON_OBJECT, .count = 4, .members = members};
  return claims;
}

struct gw_key *gw_key_new(const struct gw_api_key *model, const char version[17]) {
  struct gw_key *key = gw_calloc(1, sizeof(*key));
  atomic_init(&key->refs, 1);
  gw_arena_init(&key->arena, 512);
  struct gw_arena *arena = &key->arena;
  key->id = gw_arena_copy(arena, model->id);
  memcpy(key->hash, model->hash, sizeof(key->hash));
  key->is_imported = model->is_imported;
  key->place = place_of(key->is_imported, key->id, key->hash);
  key->expires_at_s = model->expires_at_s;
  memcpy(key->version, version, sizeof(key->version));
  key->identity = (struct gw_identity){.method = GW_AUTH_API_KEY,
                                       .user_id = gw_arena_copy(arena, model->owner),
                                       .user_name = gw_arena_copy(arena, model->name),
                                       .roles = copy_words(arena, model->roles, model->role_count),
                                       .role_count = model->role_count,
                                       .permissions = copy_words(arena, model->permissions, model->permission_count),
                                       .permission_count = model->permission_count};
  key->identity.claims = make_claims(arena, &key->identity);
  key->plan = (struct gw_plan){.key_id = key->id, .name = gw_arena_copy(arena, model->plan)};
  return key;
}

struct gw_key *gw_key_ref(struct gw_key *key) {
  atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
  return key;
}

void gw_key_unref(struct gw_key *key) {
  if (key == NULL || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1) return;
  gw_arena_done(&key->arena);
  explicit_bzero(key->hash, sizeof(key->hash));
  free(key);
}

/* ---- parts ---- */

static void bucket_unref(struct bucket *bucket) {
  if (bucket == NULL || atomic_fetch_sub_explicit(&bucket->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < bucket->count; i++)
    gw_key_unref(bucket->keys[i]);
  free(bucket);
}

static void branch_unref(struct branch *branch) {
  if (branch == NULL || atomic_fetch_sub_explicit(&branch->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < FAN; i++)
    bucket_unref(branch->buckets[i]);
  free(branch);
}

static void add_ref(atomic_uint *refs) {
  atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* Numbers edits: a part belongs to the one that made it. */
static uint64_t next_owner(void) {
  static atomic_uint_fast64_t last; /* process-wide: a number that no other edit has */
  return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

/* ---- tables ---- */

struct gw_key_table *gw_key_table_new(void) {
  struct gw_key_table *table = gw_calloc(1, sizeof(*table));
  atomic_init(&table->refs, 1);
  table->owner = next_owner();
  return table;
}

struct gw_key_table *gw_key_table_ref(struct gw_key_table *table) {
  if (table != NULL) add_ref(&table->refs);
  return table;
}

void gw_key_table_unref(struct gw_key_table *table) {
  if (table == NULL || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) != 1) return;
  for (uint32_t i = 0; i < FAN; i++)
    branch_unref(table->branches[i]);
  free(table);
}

uint32_t gw_key_table_count(const struct gw_key_table *table) {
  return table->count;
}

static const struct bucket *find_bucket(const struct gw_key_table *table, uint64_t place) {
  const struct branch *branch = table->branches[place % FAN];
  return branch != NULL ? branch->buckets[(place >> FAN_BITS) % FAN] : NULL;
}

struct gw_key *gw_key_table_find(const struct gw_key_table *table, struct gw_str id) {
  uint64_t place = place_of(false, id, NULL);
  const struct bucket *bucket = find_bucket(table, place);
  for (uint32_t i = 0; bucket != NULL && i < bucket->count; i++) {
    struct gw_key *key = bucket->keys[i];
    if (key->place == place && !key->is_imported && gw_str_equal(key->id, id)) return key;
  }
  return NULL;
}

struct gw_key *gw_key_table_find_imported(const struct gw_key_table *table, const uint8_t hash[32]) {
  uint64_t place = place_of(true, (struct gw_str){NULL, 0}, hash);
  const struct bucket *bucket = find_bucket(table, place);
  for (uint32_t i = 0; bucket != NULL && i < bucket->count; i++) {
    struct gw_key *key = bucket->keys[i];
    bool is_it = key->place == place && key->is_imported &&
                 gw_secret_equal((struct gw_str){(const char *)key->hash, 32}, (struct gw_str){(const char *)hash, 32});
    if (is_it) return key;
  }
  return NULL;
}

struct gw_key_table *gw_key_table_edit(const struct gw_key_table *table) {
  struct gw_key_table *copy = gw_key_table_new();
  copy->count = table->count;
  for (uint32_t i = 0; i < FAN; i++) {
    copy->branches[i] = table->branches[i];
    if (copy->branches[i] != NULL) add_ref(&copy->branches[i]->refs);
  }
  return copy;
}

/* The branch at that place, as this edit's own. */
static struct branch *own_branch(struct gw_key_table *table, uint64_t place) {
  struct branch **slot = &table->branches[place % FAN], *before = *slot;
  if (before != NULL && before->owner == table->owner) return before;
  struct branch *branch = gw_calloc(1, sizeof(*branch));
  atomic_init(&branch->refs, 1);
  branch->owner = table->owner;
  for (uint32_t i = 0; before != NULL && i < FAN; i++) {
    branch->buckets[i] = before->buckets[i];
    if (branch->buckets[i] != NULL) add_ref(&branch->buckets[i]->refs);
  }
  branch_unref(before);
  *slot = branch;
  return branch;
}

/* The bucket at that place, as this edit's own, with room for one more. */
static struct bucket *own_bucket(struct gw_key_table *table, uint64_t place) {
  struct bucket **slot = &own_branch(table, place)->buckets[(place >> FAN_BITS) % FAN], *before = *slot;
  uint32_t count = before != NULL ? before->count : 0;
  bool is_own = before != NULL && before->owner == table->owner;
  if (is_own && count < before->room) return before;
  uint32_t room = is_own ? count * 2 + 4 : count + 4;
  struct bucket *bucket = gw_malloc(sizeof(*bucket) + room * sizeof(struct gw_key *));
  atomic_init(&bucket->refs, 1);
  bucket->owner = table->owner;
  bucket->count = count;
  bucket->room = room;
  for (uint32_t i = 0; i < count; i++)
    bucket->keys[i] = gw_key_ref(before->keys[i]);
  bucket_unref(before);
  *slot = bucket;
  return bucket;
}

void gw_key_table_add(struct gw_key_table *table, struct gw_key *key) {
  struct bucket *bucket = own_bucket(table, key->place);
  bucket->keys[bucket->count++] = gw_key_ref(key);
  table->count++;
}

void gw_key_table_remove(struct gw_key_table *table, struct gw_key *key) {
  struct bucket *bucket = own_bucket(table, key->place);
  uint32_t at = 0;
  while (at < bucket->count && bucket->keys[at] != key)
    at++;
  GW_ASSERT(at < bucket->count);
  bucket->keys[at] = bucket->keys[--bucket->count];
  table->count--;
  gw_key_unref(key);
}
