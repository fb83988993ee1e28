/* Why: all API keys of the node, found by id or by hash: a map that is never changed but replaced, so that workers read it without a lock,
 * and one change of 100,000 keys copies a few hundred pointers.
 * Life: tables and keys are ref-counted; the last reference frees what no other table has.
 * Thread: edits: main. Reading and references: any; counts are atomic. */
#ifndef GW_DATAPLANE_PIPELINE_KEY_TABLE_H
#define GW_DATAPLANE_PIPELINE_KEY_TABLE_H

#include <stdatomic.h>

#include "common/base/arena.h"
#include "common/model/api_key.h"
#include "dataplane/pipeline/identity.h"

/* One key, ready for use. */
struct gw_key {
  atomic_uint refs;
  uint64_t place; /* where it lies in the table */
  struct gw_str id;
  uint8_t hash[32];
  bool is_imported;
  int64_t expires_at_s; /* 0: never */
  char version[17];     /* as the control plane calls it */
  struct gw_identity identity;
  struct gw_plan plan;
  atomic_uint_fast64_t used_s; /* Unix time of the last use; 0: none yet */
  uint64_t told_s;             /* main's: as it was reported */
  struct gw_arena arena;
};

struct gw_key *gw_key_new(const struct gw_api_key *model, const char version[17]);
struct gw_key *gw_key_ref(struct gw_key *key);
void gw_key_unref(struct gw_key *key);

struct gw_key_table;

/* An empty one. */
struct gw_key_table *gw_key_table_new(void);
struct gw_key_table *gw_key_table_ref(struct gw_key_table *table);
void gw_key_table_unref(struct gw_key_table *table);
uint32_t gw_key_table_count(const struct gw_key_table *table);
/* NULL: there is none. No reference. */
struct gw_key *gw_key_table_find(const struct gw_key_table *table, struct gw_str id);
struct gw_key *gw_key_table_find_imported(const struct gw_key_table *table, const uint8_t hash[32]);

/* A copy that can be changed until it is shown to anybody. */
struct gw_key_table *gw_key_table_edit(const struct gw_key_table *table);
/* Adds it (a reference is taken); the one with the same id must be out. */
void gw_key_table_add(struct gw_key_table *table, struct gw_key *key);
/* The key must be in. */
void gw_key_table_remove(struct gw_key_table *table, struct gw_key *key);

#endif
