/* GetRollout: which nodes of the fleet run what is served now, which have refused it, and which have not told yet. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/model/snapshot.h"
#include "common/xds/codec.h"
#include "controlplane/api/admin_changes.h"
#include "controlplane/api/admin_reply.h"

#define NODES_SHOWN 100u
/* What a node's agent says of refusals names no version, so it counts once it must be of what is served now. */
#define AGENT_WAIT_US 1000000u

struct rollout {
  const struct gw_admin_request *request;
  struct gw_snapshot *snapshot;
  uint64_t age_us;
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

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool names(struct gw_str text, struct gw_str name) {
  for (struct gw_str rest = text; name.len > 0;) {
    const char *at = memmem(rest.data, rest.len, name.data, name.len);
    if (at == NULL) return false;
    const char *end = at + name.len;
    bool is_alone = (at == text.data || !is_letter(at[-1])) && (end == text.data + text.len || !is_letter(*end));
    if (is_alone) return true;
    rest = (struct gw_str){end, (size_t)(text.data + text.len - end)};
  }
  return false;
}

/* The longest name of a resource of that type that stands in the text; of one alone nobody needs to say it. */
static struct gw_str find_resource(const struct gw_resource_list *list, struct gw_str text) {
  struct gw_str found = {NULL, 0};
  if (list->count == 1) return list->items[0]->name;
  for (uint32_t i = 0; i < list->count; i++) {
    struct gw_str name = list->items[i]->name;
    if (name.len > found.len && names(text, name)) found = name;
  }
  return found;
}

static void describe_refusal(const struct rollout *rollout, const struct gw_node *node, Gateway__Admin__V1__RolloutNode *m) {
  const struct gw_admin_changes *changes = rollout->request->options->changes;
  struct gw_arena *arena = rollout->request->arena;
  enum gw_resource_type type = GW_RESOURCE_ROUTE_CONFIG;
  struct gw_str reason = gw_str_from(m->reason);
  if (find_refused_type(node, &type) != NULL) {
    struct gw_str name = find_resource(&rollout->snapshot->lists[type], reason);
    m->resource = gw_arena_printf(arena, "%s%s%.*s", gw_xds_type_short(type), name.len > 0 ? " " : "", GW_STR_ARG(name));
  }
  const char *place = changes->find_place(changes->arg, type, reason, arena);
  if (place != NULL) m->place = gw_arena_strdup(arena, place);
}

/* NULL: it runs what is served. */
static Gateway__Admin__V1__RolloutNode *judge(const struct rollout *rollout, const struct gw_node *node) {
  char *reason = NULL;
  enum gw_node_state state = gw_node_state_of(node, rollout->snapshot, &reason);
  Gateway__Admin__V1__RolloutNode *m = NULL;
  if (state != GW_NODE_SYNCED) {
    struct gw_arena *arena = rollout->request->arena;
    m = gw_admin_message_new(arena, &gateway__admin__v1__rollout_node__descriptor);
    m->id = gw_arena_strdup(arena, node->id);
    m->cluster = gw_arena_strdup(arena, node->cluster);
    m->kind = gw_arena_strdup(arena, node->kind);
    m->reason = gw_arena_strdup(arena, reason != NULL ? reason : "");
    enum gw_resource_type type;
    const struct gw_node_type_status *refused = find_refused_type(node, &type);
    bool is_now = refused != NULL ? is_of_now(refused, &rollout->snapshot->lists[type]) : rollout->age_us >= AGENT_WAIT_US;
    m->refused = state == GW_NODE_REFUSED && is_now;
    if (m->refused) describe_refusal(rollout, node, m);
  }
  free(reason);
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

ProtobufCMessage *gw_admin_reply_rollout(const struct gw_admin_request *request) {
  const struct gw_admin_api_options *options = request->options;
  const struct gw_admin_changes *changes = options->changes;
  Gateway__Admin__V1__GetRolloutResponse *reply =
      gw_admin_message_new(request->arena, &gateway__admin__v1__get_rollout_response__descriptor);
  const struct gw_revision *newest = gw_revisions_newest(changes->revisions);
  struct rollout rollout = {.request = request, .snapshot = gw_snapshot_cache_current(options->cache)};
  reply->current = changes->current(changes->arg);
  reply->newest = newest != NULL ? newest->number : 0;
  reply->nodes = gw_arena_calloc(request->arena, NODES_SHOWN, sizeof(void *));
  if (rollout.snapshot == NULL) return &reply->base;
  reply->snapshot_version = gw_arena_strdup(request->arena, rollout.snapshot->version);
  rollout.age_us = gw_loop_now_us(options->loop) - gw_snapshot_cache_set_us(options->cache);
  GW_LIST_FOR_EACH(item, &options->nodes->nodes) {
    Gateway__Admin__V1__RolloutNode *node = judge(&rollout, GW_LIST_ITEM(item, struct gw_node, link));
    if (node != NULL)
      add_node(reply, node);
    else
      reply->running++;
  }
  if (reply->n_nodes > 1) qsort(reply->nodes, reply->n_nodes, sizeof(void *), compare_nodes);
  return &reply->base;
}
