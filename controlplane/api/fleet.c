#include "controlplane/api/fleet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/event/timer.h"
#include "common/xds/wire.h"
#include "controlplane/api/node_status.h"

#define RECORDS_PER_MEMBER (GW_FLEET_BUCKETS + 1) /* its buckets, behind them itself */
#define ITSELF GW_FLEET_BUCKETS
#define ID_SIZE 16

/* One record of the store as it is known here. */
struct known {
  uint64_t change; /* 0: it was never there */
  bool is_empty;
  struct gw_arena arena; /* of `message` */
  const ProtobufCMessage *message;
};

/* The place of one control plane. */
struct place {
  struct known records[RECORDS_PER_MEMBER];
  uint64_t seen_us; /* when its own record last changed, as seen from here */
};

struct gw_fleet {
  struct gw_fleet_options options;
  char *name; /* NULL: has not joined */
  char instance_id[GW_UUID_SIZE];
  struct gw_timer timer;
  struct place places[GW_FLEET_MEMBERS_MAX];
  int own;         /* its place; -1: none yet */
  bool knows_all;  /* what is in the store */
  bool is_writing; /* a write waits for its answer */
  uint64_t beat;
  uint64_t beaten_ms;                 /* when it was last written */
  uint64_t told_revision;             /* what was written then */
  uint64_t written[GW_FLEET_BUCKETS]; /* hash of what stands there; 0: not known */
  uint64_t writing[GW_FLEET_BUCKETS];
  uint32_t others;
};

static const struct gw_str kind = {GW_FLEET_KIND, sizeof(GW_FLEET_KIND) - 1};

/* ---- what the store says ---- */

static bool parse_id(struct gw_str id, uint32_t *ret_place, uint32_t *ret_record) {
  struct gw_str rest = id, word;
  uint64_t place = 0, bucket = ITSELF;
  if (!gw_str_split_next(&rest, '/', &word) || gw_str_parse_u64(word, &place) != GW_OK) return false;
  if (gw_str_split_next(&rest, '/', &word) && (gw_str_parse_u64(word, &bucket) != GW_OK || bucket >= GW_FLEET_BUCKETS)) return false;
  *ret_place = (uint32_t)place;
  *ret_record = (uint32_t)bucket;
  return place < GW_FLEET_MEMBERS_MAX;
}

static void forget(struct known *known) {
  if (known->message != NULL) gw_arena_done(&known->arena);
  known->message = NULL;
}

static void take_record(struct gw_fleet *fleet, const struct gw_store_record *record) {
  uint32_t index, which;
  if (!parse_id(record->id, &index, &which)) return;
  struct place *place = &fleet->places[index];
  struct known *known = &place->records[which];
  forget(known);
  known->change = record->change;
  known->is_empty = record->body.len == 0;
  if (which == ITSELF) place->seen_us = gw_loop_now_us(fleet->options.loop);
  if (known->is_empty) return;
  gw_arena_init(&known->arena, 1024);
  ProtobufCMessage *message;
  const ProtobufCMessageDescriptor *descriptor =
      which == ITSELF ? &gateway__store__v1__fleet_member__descriptor : &gateway__store__v1__fleet_nodes__descriptor;
  if (gw_wire_unpack(descriptor, record->body, &known->arena, &message) == GW_OK) {
    known->message = message;
  } else {
    gw_arena_done(&known->arena); /* of another program's making: nobody to count */
  }
}

static const Gateway__Store__V1__FleetMember *member_of(const struct place *place) {
  return (const void *)place->records[ITSELF].message;
}

/* Of the run that the place's own record is of; NULL: none. */
static const Gateway__Store__V1__FleetNodes *bucket_of(const struct place *place, uint32_t bucket) {
  const Gateway__Store__V1__FleetNodes *nodes = (const void *)place->records[bucket].message;
  return nodes != NULL && strcmp(nodes->instance_id, member_of(place)->instance_id) == 0 ? nodes : NULL;
}

static bool is_other(const struct gw_fleet *fleet, uint32_t index) {
  const struct place *place = &fleet->places[index];
  if (member_of(place) == NULL || strcmp(member_of(place)->instance_id, fleet->instance_id) == 0) return false;
  return gw_loop_now_us(fleet->options.loop) - place->seen_us < GW_FLEET_DEAD_MS * 1000ull;
}

/* Nodes of the others that are not connected here, each once: it may have moved a moment ago. */
static void count_others(struct gw_fleet *fleet) {
  struct gw_map *seen = gw_map_new();
  for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX; i++) {
    for (uint32_t b = 0; b < GW_FLEET_BUCKETS && is_other(fleet, i); b++) {
      const Gateway__Store__V1__FleetNodes *nodes = bucket_of(&fleet->places[i], b);
      for (size_t n = 0; nodes != NULL && n < nodes->n_nodes; n++) {
        const Gateway__Admin__V1__NodeStatus *node = nodes->nodes[n];
        if (gw_node_table_has(fleet->options.nodes, gw_str_from(node->id), gw_str_from(node->cluster), gw_str_from(node->instance_id)))
          continue;
        GW_CLEANUP(gw_free_ptr) char *key = gw_asprintf("%zu:%s%s %s", strlen(node->id), node->id, node->cluster, node->instance_id);
        gw_map_put(seen, gw_str_from(key), fleet);
      }
    }
  }
  fleet->others = (uint32_t)gw_map_count(seen);
  gw_map_free(seen);
}

static void lose_place(struct gw_fleet *fleet) {
  fleet->own = -1;
  memset(fleet->written, 0, sizeof(fleet->written));
}

static void on_batch(void *arg, const struct gw_store_batch *batch) {
  struct gw_fleet *fleet = arg;
  if (batch->begins_whole) {
    for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX; i++)
      for (uint32_t r = 0; r < RECORDS_PER_MEMBER; r++) {
        forget(&fleet->places[i].records[r]);
        fleet->places[i].records[r] = (struct known){0};
      }
    lose_place(fleet);
    fleet->knows_all = false;
  }
  for (uint32_t i = 0; i < batch->count; i++)
    take_record(fleet, &batch->records[i]);
  if (batch->ends_whole) fleet->knows_all = true;
  if (fleet->own >= 0) {
    const Gateway__Store__V1__FleetMember *member = member_of(&fleet->places[fleet->own]);
    if (member != NULL && strcmp(member->instance_id, fleet->instance_id) != 0) lose_place(fleet);
  }
  count_others(fleet);
}

/* ---- what it writes ---- */

struct writing {
  struct gw_store_write items[RECORDS_PER_MEMBER];
  char ids[RECORDS_PER_MEMBER][ID_SIZE];
  struct gw_bytes *bodies[RECORDS_PER_MEMBER];
  uint32_t count;
};

static void add_write(struct writing *writing, const struct gw_fleet *fleet, uint32_t place, uint32_t record, struct gw_bytes *body) {
  char *id = writing->ids[writing->count];
  if (record == ITSELF)
    snprintf(id, ID_SIZE, "%" PRIu32, place);
  else
    snprintf(id, ID_SIZE, "%" PRIu32 "/%" PRIu32, place, record);
  struct gw_str bytes = {NULL, 0};
  if (body != NULL) bytes = (struct gw_str){body->data, body->len};
  writing->bodies[writing->count] = body;
  writing->items[writing->count++] =
      (struct gw_store_write){.kind = kind, .id = gw_str_from(id), .seen = fleet->places[place].records[record].change, .body = bytes};
}

static void done_writing(struct writing *writing) {
  for (uint32_t i = 0; i < writing->count; i++)
    gw_bytes_unref(writing->bodies[i]);
}

static uint32_t bucket_of_node(const struct gw_node *node) {
  return (uint32_t)(gw_content_hash(gw_str_from(node->id)) % GW_FLEET_BUCKETS);
}

/* What of its nodes differs from what stands in the store. */
static void add_buckets(struct gw_fleet *fleet, struct writing *writing) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  uint32_t count = fleet->options.nodes->count;
  Gateway__Store__V1__FleetNodes buckets[GW_FLEET_BUCKETS];
  for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++) {
    gateway__store__v1__fleet_nodes__init(&buckets[b]);
    buckets[b].instance_id = fleet->instance_id;
    buckets[b].nodes = gw_arena_calloc(&arena, count, sizeof(void *));
  }
  GW_LIST_FOR_EACH(item, &fleet->options.nodes->nodes) {
    const struct gw_node *node = GW_LIST_ITEM(item, struct gw_node, link);
    Gateway__Store__V1__FleetNodes *bucket = &buckets[bucket_of_node(node)];
    bucket->nodes[bucket->n_nodes++] = gw_node_status_brief(&arena, node, fleet->options.cache);
  }
  for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++) {
    struct gw_bytes *body = gw_wire_pack(&buckets[b].base);
    uint64_t hash = gw_content_hash((struct gw_str){body->data, body->len});
    bool is_due = hash != fleet->written[b] && body->len <= GW_STORE_BODY_MAX;
    fleet->writing[b] = is_due ? hash : fleet->written[b];
    if (is_due)
      add_write(writing, fleet, (uint32_t)fleet->own, b, body);
    else
      gw_bytes_unref(body);
  }
  gw_arena_done(&arena);
}

static void add_itself(struct gw_fleet *fleet, struct writing *writing) {
  Gateway__Store__V1__FleetMember member = GATEWAY__STORE__V1__FLEET_MEMBER__INIT;
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(fleet->options.cache);
  char version[sizeof(snapshot->version)] = "";
  if (snapshot != NULL) memcpy(version, snapshot->version, sizeof(version));
  member.instance_id = fleet->instance_id;
  member.name = fleet->name;
  member.version = (char *)(uintptr_t)GW_VERSION;
  member.snapshot_version = version;
  member.beat = ++fleet->beat;
  member.nodes = fleet->options.nodes->count;
  member.revision = fleet->told_revision = fleet->options.revision(fleet->options.arg);
  add_write(writing, fleet, (uint32_t)fleet->own, ITSELF, gw_wire_pack(&member.base));
}

static void on_written(void *arg, enum gw_err err, const char *words) {
  struct gw_fleet *fleet = arg;
  (void)words; /* the storage tells */
  fleet->is_writing = false;
  if (err == GW_OK)
    memcpy(fleet->written, fleet->writing, sizeof(fleet->written));
  else if (err == GW_ERR_INVALID)
    lose_place(fleet); /* somebody else has taken it meanwhile */
}

static void write(struct gw_fleet *fleet, struct writing *writing) {
  if (writing->count > 0 && gw_store_write(fleet->options.store, writing->items, writing->count, on_written, fleet) == GW_OK)
    fleet->is_writing = true;
  done_writing(writing);
}

/* The first that is nobody's. One whose holder died a moment ago is still its own. */
static void choose_place(struct gw_fleet *fleet) {
  for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX && fleet->own < 0; i++) {
    const struct known *itself = &fleet->places[i].records[ITSELF];
    if (itself->change == 0 || itself->is_empty) fleet->own = (int)i;
  }
}

/* Its place becomes anybody's. True: that is being written. */
static bool bury_the_dead(struct gw_fleet *fleet) {
  uint64_t now_us = gw_loop_now_us(fleet->options.loop);
  for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX; i++) {
    const struct place *place = &fleet->places[i];
    bool is_there = place->records[ITSELF].change != 0 && !place->records[ITSELF].is_empty;
    if ((int)i == fleet->own || !is_there || now_us - place->seen_us < GW_FLEET_FORGET_MS * 1000ull) continue;
    struct writing writing = {.count = 0};
    for (uint32_t r = 0; r < RECORDS_PER_MEMBER; r++)
      if (place->records[r].change != 0 && !place->records[r].is_empty) add_write(&writing, fleet, i, r, NULL);
    memcpy(fleet->writing, fleet->written, sizeof(fleet->writing));
    write(fleet, &writing);
    return true;
  }
  return false;
}

static bool has_others(const struct gw_fleet *fleet) {
  for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX; i++)
    if (is_other(fleet, i)) return true;
  return false;
}

static void write_what_is_due(struct gw_fleet *fleet) {
  if (fleet->own < 0) choose_place(fleet);
  if (fleet->own < 0) return;
  struct writing writing = {.count = 0};
  if (has_others(fleet)) add_buckets(fleet, &writing);
  uint64_t now_ms = gw_loop_now_ms(fleet->options.loop);
  bool has_news = writing.count > 0 || fleet->options.revision(fleet->options.arg) != fleet->told_revision;
  if (has_news || fleet->beat == 0 || now_ms - fleet->beaten_ms >= GW_FLEET_BEAT_MS) {
    add_itself(fleet, &writing);
    fleet->beaten_ms = now_ms;
  }
  write(fleet, &writing);
}

static void on_timer(struct gw_timer *timer) {
  struct gw_fleet *fleet = GW_CONTAINER_OF(timer, struct gw_fleet, timer);
  uint32_t nodes = fleet->options.nodes->count;
  gw_timer_start(fleet->options.loop, &fleet->timer, nodes > GW_FLEET_WRITE_MS ? nodes : GW_FLEET_WRITE_MS);
  count_others(fleet); /* the dead count no more */
  bool is_ready = fleet->knows_all && !fleet->is_writing && gw_store_status(fleet->options.store)->state == GW_STORE_READY;
  if (is_ready && !bury_the_dead(fleet)) write_what_is_due(fleet);
}

/* ---- life ---- */

struct gw_fleet *gw_fleet_new(const struct gw_fleet_options *options) {
  struct gw_fleet *fleet = gw_calloc(1, sizeof(*fleet));
  fleet->options = *options;
  fleet->own = -1;
  struct gw_random random;
  uint64_t seed;
  gw_random_secure(&seed, sizeof(seed));
  gw_random_init(&random, seed);
  gw_random_uuid(&random, fleet->instance_id);
  gw_timer_init(&fleet->timer, on_timer);
  gw_store_follow(options->store, kind, on_batch, fleet);
  return fleet;
}

void gw_fleet_free(struct gw_fleet *fleet) {
  if (fleet == NULL) return;
  gw_timer_stop(&fleet->timer);
  for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX; i++)
    for (uint32_t r = 0; r < RECORDS_PER_MEMBER; r++)
      forget(&fleet->places[i].records[r]);
  free(fleet->name);
  free(fleet);
}

void gw_fleet_join(struct gw_fleet *fleet, const char *name) {
  fleet->name = gw_strdup(name);
  gw_timer_start(fleet->options.loop, &fleet->timer, 1);
}

static void on_left(void *arg, enum gw_err err, const char *words) {
  (void)arg, (void)err, (void)words; /* what could not be written others find out in time */
}

void gw_fleet_leave(struct gw_fleet *fleet) {
  gw_timer_stop(&fleet->timer);
  if (fleet->own < 0 || fleet->is_writing) return;
  struct writing writing = {.count = 0};
  for (uint32_t r = 0; r < RECORDS_PER_MEMBER; r++)
    if (fleet->places[fleet->own].records[r].change != 0) add_write(&writing, fleet, (uint32_t)fleet->own, r, NULL);
  if (writing.count > 0) gw_store_write(fleet->options.store, writing.items, writing.count, on_left, fleet);
  fleet->own = -1;
}

uint32_t gw_fleet_others(const struct gw_fleet *fleet) {
  return fleet->others;
}

const char *gw_fleet_name(const struct gw_fleet *fleet) {
  return fleet->name != NULL ? fleet->name : "";
}

uint32_t gw_fleet_list(const struct gw_fleet *fleet, struct gw_fleet_member *ret_members) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < GW_FLEET_MEMBERS_MAX; i++) {
    if (!is_other(fleet, i)) continue;
    struct gw_fleet_member *member = &ret_members[count++];
    *member = (struct gw_fleet_member){.record = member_of(&fleet->places[i]), .seen_us = fleet->places[i].seen_us};
    for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++)
      member->buckets[b] = bucket_of(&fleet->places[i], b);
  }
  return count;
}
