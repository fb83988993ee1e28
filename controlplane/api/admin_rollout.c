/* GetRollout: which nodes of the fleet run what is served now, which have refused it, and which have not told yet. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/model/snapshot.h"
#include "common/xds/codec.h"
#include "controlplane/api/admin_changes.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/fleet.h"

#define NODES_SHOWN 100u
/* What a node's agent says of refusals names no version, so it counts once it must be of what is served now. */
#define AGENT_WAIT_US 1000000u
/* Another control plane's nodes may have refused what was before, as long as it has not written since. */
#define OTHERS_WAIT_US (UINT64_C(2000) * GW_FLEET_WRITE_MS)

struct rollout {
  const struct gw_admin_request *request;
  uint64_t revision; /* in force here */
  uint64_t age_us;   /* of what is served */
};

static const struct gw_node_type_status *find_refused_type(const struct gw_node *node, enum gw_resource_type *ret_type) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    if (!node->is_subscribed[type] || node->types[type].refused_version[0] == '\0') continue;
    *ret_type = (enum gw_resource_type)type;
    return &node->types[type];
  }
  return NULL;
}

/* Whether what was refused is in what is served now: a state of the world, or one resource of it. */
static bool is_of_now(const struct gw_node_type_status *status, const struct gw_resource_list *list) {
  if (strcmp(status->refused_version, status->wanted_version) == 0) return true;
  for (uint32_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i]->version, status->refused_version) == 0) return true;
  return false;
}

/* The longest name of a resource of that type that stands in the text; of one alone nobody needs to say it. */
static struct gw_str find_resource(const struct gw_resource_list *list, struct gw_str text) {
  struct gw_str found = {NULL, 0};
  if (list->count == 1) return list->items[0]->name;
  for (uint32_t i = 0; i < list->count; i++) {
    struct gw_str name = list->items[i]->name;
    if (name.len > found.len && gw_str_has_name(text, name)) found = name;
  }
  return found;
}

/* Where what is refused was written. */
static void find_place(const struct rollout *rollout, enum gw_resource_type type, Gateway__Admin__V1__RolloutNode *m) {
  const struct gw_admin_changes *changes = rollout->request->options->changes;
  struct gw_arena *arena = rollout->request->arena;
  const char *place = changes->find_place(changes->arg, type, gw_str_from(m->cluster), gw_str_from(m->reason), arena);
  if (place != NULL) m->place = gw_arena_strdup(arena, place);
}

static void describe_refusal(const struct rollout *rollout, const struct gw_node *node, const struct gw_snapshot *snapshot,
                             Gateway__Admin__V1__RolloutNode *m) {
  struct gw_arena *arena = rollout->request->arena;
  enum gw_resource_type type = GW_RESOURCE_ROUTE_CONFIG;
  if (find_refused_type(node, &type) != NULL) {
    struct gw_str name = find_resource(&snapshot->lists[type], gw_str_from(m->reason));
    m->resource = gw_arena_printf(arena, "%s%s%.*s", gw_xds_type_short(type), name.len > 0 ? " " : "", GW_STR_ARG(name));
  }
  find_place(rollout, type, m);
}

static Gateway__Admin__V1__RolloutNode *make_node(const struct rollout *rollout, const char *id, const char *cluster, const char *kind,
                                                  const char *reason) {
  struct gw_arena *arena = rollout->request->arena;
  Gateway__Admin__V1__RolloutNode *m = gw_admin_message_new(arena, &gateway__admin__v1__rollout_node__descriptor);
  m->id = gw_arena_strdup(arena, id);
  m->cluster = gw_arena_strdup(arena, cluster);
  m->kind = gw_arena_strdup(arena, kind);
  m->reason = gw_arena_strdup(arena, reason);
  return m;
}

/* NULL: it runs what is served to its group, as far as that was written: endpoints are no matter of a revision. */
static Gateway__Admin__V1__RolloutNode *judge(const struct rollout *rollout, const struct gw_node *node) {
  char *reason = NULL;
  const struct gw_snapshot *snapshot = gw_snapshot_cache_of(rollout->request->options->cache, gw_str_from(node->cluster));
  enum gw_node_state state = gw_node_policy_state_of(node, snapshot, &reason);
  Gateway__Admin__V1__RolloutNode *m = NULL;
  if (state != GW_NODE_SYNCED) {
    m = make_node(rollout, node->id, node->cluster, node->kind, reason != NULL ? reason : "");
    enum gw_resource_type type;
    const struct gw_node_type_status *refused = find_refused_type(node, &type);
    bool is_now = refused != NULL ? is_of_now(refused, &snapshot->lists[type]) : rollout->age_us >= AGENT_WAIT_US;
    m->refused = state == GW_NODE_REFUSED && is_now;
    if (m->refused) describe_refusal(rollout, node, snapshot, m);
  }
  free(reason);
  return m;
}

/* The same of a node of another control plane, which that one has judged by what it serves itself. It may see registries otherwise, and be
 * right about its nodes all the same; it counts once it has this revision in force. */
static Gateway__Admin__V1__RolloutNode *judge_other(const struct rollout *rollout, const Gateway__Store__V1__FleetMember *member,
                                                    const Gateway__Admin__V1__NodeStatus *node) {
  struct gw_arena *arena = rollout->request->arena;
  bool is_behind = member->revision == 0 || member->revision != rollout->revision;
  if (!is_behind && node->policy_state == GATEWAY__ADMIN__V1__NODE_STATUS__STATE__SYNCED) return NULL;
  const char *reason = node->policy_reason;
  if (is_behind) reason = gw_arena_printf(arena, "its control plane %s has revision %" PRIu64 " in force", member->name, member->revision);
  Gateway__Admin__V1__RolloutNode *m = make_node(rollout, node->id, node->cluster, node->kind, reason);
  m->refused = node->policy_state == GATEWAY__ADMIN__V1__NODE_STATUS__STATE__REFUSED && !is_behind && rollout->age_us >= OTHERS_WAIT_US;
  if (m->refused) find_place(rollout, GW_RESOURCE_ROUTE_CONFIG, m);
  return m;
}

static void add_node(Gateway__Admin__V1__GetRolloutResponse *reply, Gateway__Admin__V1__RolloutNode *node) {
  reply->refused += node->refused ? 1 : 0;
  reply->waiting += node->refused ? 0 : 1;
  if (reply->n_nodes < NODES_SHOWN) {
    reply->nodes[reply->n_nodes++] = node;
    return;
  }
  for (size_t i = NODES_SHOWN; node->refused && i > 0; i--) {
    if (reply->nodes[i - 1]->refused) continue;
    reply->nodes[i - 1] = node;
    return;
  }
}

static int compare_nodes(const void *left, const void *right) {
  const Gateway__Admin__V1__RolloutNode *a = *(Gateway__Admin__V1__RolloutNode *const *)left,
                                        *b = *(Gateway__Admin__V1__RolloutNode *const *)right;
  return a->refused != b->refused ? (int)b->refused - (int)a->refused : strcmp(a->id, b->id);
}

static void add_verdict(Gateway__Admin__V1__GetRolloutResponse *reply, Gateway__Admin__V1__RolloutNode *node) {
  if (node != NULL)
    add_node(reply, node);
  else
    reply->running++;
}

/* Those that are connected here by now are judged here. */
static void add_others(const struct rollout *rollout, Gateway__Admin__V1__GetRolloutResponse *reply) {
  const struct gw_admin_api_options *options = rollout->request->options;
  struct gw_fleet_member members[GW_FLEET_MEMBERS_MAX];
  uint32_t count = options->fleet != NULL ? gw_fleet_list(options->fleet, members) : 0;
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t b = 0; b < GW_FLEET_BUCKETS; b++) {
      const Gateway__Store__V1__FleetNodes *nodes = members[i].buckets[b];
      for (size_t n = 0; nodes != NULL && n < nodes->n_nodes; n++) {
        const Gateway__Admin__V1__NodeStatus *node = nodes->nodes[n];
        if (!gw_node_table_has(options->nodes, gw_str_from(node->id), gw_str_from(node->cluster), gw_str_from(node->instance_id)))
          add_verdict(reply, judge_other(rollout, members[i].record, node));
      }
    }
  }
}

ProtobufCMessage *gw_admin_reply_rollout(const struct gw_admin_request *request) {
  const struct gw_admin_api_options *options = request->options;
  const struct gw_admin_changes *changes = options->changes;
  Gateway__Admin__V1__GetRolloutResponse *reply =
      gw_admin_message_new(request->arena, &gateway__admin__v1__get_rollout_response__descriptor);
  const struct gw_revision *newest = gw_revisions_newest(changes->revisions);
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(options->cache);
  struct rollout rollout = {.request = request, .revision = changes->current(changes->arg)};
  reply->current = rollout.revision;
  reply->newest = newest != NULL ? newest->number : 0;
  reply->nodes = gw_arena_calloc(request->arena, NODES_SHOWN, sizeof(void *));
  if (snapshot == NULL) return &reply->base;
  reply->snapshot_version = gw_arena_strdup(request->arena, snapshot->version);
  rollout.age_us = gw_loop_now_us(options->loop) - gw_snapshot_cache_set_us(options->cache);
  GW_LIST_FOR_EACH(item, &options->nodes->nodes) {
    add_verdict(reply, judge(&rollout, GW_LIST_ITEM(item, struct gw_node, link)));
  }
  add_others(&rollout, reply);
  if (reply->n_nodes > 1) qsort(reply->nodes, reply->n_nodes, sizeof(void *), compare_nodes);
  return &reply->base;
}
