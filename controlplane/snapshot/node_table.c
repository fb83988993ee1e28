#include "controlplane/snapshot/node_table.h"

#include <stdlib.h>

#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/model/snapshot.h"
#include "common/xds/codec.h"

#define REASON_MAX 2000

struct gw_node_table *gw_node_table_new(void) {
  struct gw_node_table *table = gw_calloc(1, sizeof *table);
  gw_list_init(&table->nodes);
  table->by_key = gw_map_new();
  return table;
}

/* The length keeps "ab" + "c" and "a" + "bc" apart. */
static char *make_key(struct gw_str id, struct gw_str cluster) {
  return gw_asprintf("%zu:%.*s%.*s", id.len, GW_STR_ARG(id), GW_STR_ARG(cluster));
}

static void forget_types(struct gw_node *node) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    free(node->types[type].refused_reason);
    node->types[type] = (struct gw_node_type_status){0};
    node->is_subscribed[type] = false;
  }
}

static struct gw_node *find_first(const struct gw_node_table *table, struct gw_str id, struct gw_str cluster) {
  char *key = make_key(id, cluster);
  struct gw_node *node = gw_map_find(table->by_key, gw_str_from(key));
  free(key);
  return node;
}

static void set_first(struct gw_node_table *table, const struct gw_node *of, struct gw_node *first) {
  char *key = make_key(gw_str_from(of->id), gw_str_from(of->cluster));
  if (first != NULL)
    gw_map_put(table->by_key, gw_str_from(key), first);
  else
    gw_map_remove(table->by_key, gw_str_from(key));
  free(key);
}

static void remove_node(struct gw_node_table *table, struct gw_node *node) {
  struct gw_node *first = find_first(table, gw_str_from(node->id), gw_str_from(node->cluster));
  if (first == node) {
    set_first(table, node, node->next_namesake);
  } else {
    while (first->next_namesake != node)
      first = first->next_namesake;
    first->next_namesake = node->next_namesake;
  }
  gw_list_remove(&node->link);
  table->count--;
  forget_types(node);
  free(node->id);
  free(node->cluster);
  free(node->kind);
  free(node->version);
  free(node->peer);
  free(node->instance_id);
  free(node->refusals);
  free(node->troubles);
  free(node);
}

void gw_node_table_free(struct gw_node_table *table) {
  if (table == NULL) return;
  GW_LIST_FOR_EACH(link, &table->nodes) remove_node(table, GW_LIST_ITEM(link, struct gw_node, link));
  gw_map_free(table->by_key);
  gw_node_denials_done(&table->denials);
  free(table);
}

static struct gw_node *add_node(struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id,
                                uint64_t now_us) {
  struct gw_node *node = gw_calloc(1, sizeof *node);
  node->id = gw_str_dup(id);
  node->cluster = gw_str_dup(cluster);
  node->kind = gw_strdup("");
  node->version = gw_strdup("");
  node->peer = gw_strdup("");
  node->instance_id = gw_str_dup(instance_id);
  node->connected_us = now_us;
  node->next_namesake = find_first(table, id, cluster);
  gw_list_init(&node->streams);
  gw_list_add_last(&table->nodes, &node->link);
  table->count++;
  set_first(table, node, node);
  return node;
}

/* Whether it may be this entry's: of two that tell their instance the same, of an older data plane's stream and session whichever has no
 * partner yet, and of strangers, which tell none, all of one id. */
static bool is_instance(const struct gw_node *node, struct gw_str instance_id) {
  bool knows = node->instance_id[0] != '\0', tells = instance_id.len > 0;
  if (knows == tells) return gw_str_equal(gw_str_from(node->instance_id), instance_id);
  return knows ? node->xds_streams == 0 : node->agent_streams == 0 && strcmp(node->kind, "gateway-dataplane") == 0;
}

struct gw_node *gw_node_table_get(struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id,
                                  uint64_t now_us) {
  struct gw_node *node = find_first(table, id, cluster);
  while (node != NULL && !is_instance(node, instance_id))
    node = node->next_namesake;
  if (node == NULL) return add_node(table, id, cluster, instance_id, now_us);
  if (instance_id.len > 0) gw_node_set_text(&node->instance_id, instance_id);
  return node;
}

bool gw_node_table_has(const struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id) {
  const struct gw_node *node = find_first(table, id, cluster);
  for (; node != NULL; node = node->next_namesake) {
    bool is_unsure = node->instance_id[0] == '\0' || instance_id.len == 0;
    if (is_unsure || gw_str_equal(gw_str_from(node->instance_id), instance_id)) return true;
  }
  return false;
}

const struct gw_node *gw_node_table_find_namesake(const struct gw_node_table *table, const struct gw_node *node) {
  const struct gw_node *first = find_first(table, gw_str_from(node->id), gw_str_from(node->cluster));
  return first != node ? first : node->next_namesake;
}

void gw_node_table_release(struct gw_node_table *table, struct gw_node *node) {
  if (node->xds_streams == 0 && node->agent_streams == 0) remove_node(table, node);
}

struct gw_node *gw_node_table_open_stream(struct gw_node_table *table, struct gw_str id, struct gw_str cluster, struct gw_str instance_id,
                                          struct gw_str peer, uint64_t now_us, struct gw_node_stream *stream) {
  struct gw_node *node = gw_node_table_get(table, id, cluster, instance_id, now_us);
  node->xds_streams++;
  stream->peer = gw_str_dup(peer);
  gw_list_add_first(&node->streams, &stream->link);
  gw_node_set_text(&node->peer, peer);
  gw_node_refresh(node);
  return node;
}

void gw_node_table_close_stream(struct gw_node_table *table, struct gw_node *node, struct gw_node_stream *stream) {
  gw_list_remove(&stream->link);
  node->xds_streams--;
  if (gw_list_is_empty(&node->streams)) forget_types(node);
  gw_node_refresh(node);
  gw_node_table_release(table, node);
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    free(stream->types[type].refused_reason);
  free(stream->peer);
}

void gw_node_set_text(char **text, struct gw_str value) {
  free(*text);
  *text = gw_str_dup(value);
}

void gw_node_type_status_set_refusal(struct gw_node_type_status *status, const char *version, struct gw_str reason) {
  memcpy(status->refused_version, version, sizeof status->refused_version);
  if (reason.len > REASON_MAX) {
    reason.len = REASON_MAX;
    while (reason.len > 0 && ((unsigned char)reason.data[reason.len] & 0xc0u) == 0x80u)
      reason.len--; /* not inside a UTF-8 sequence */
  }
  gw_node_set_text(&status->refused_reason, reason);
}

void gw_node_type_status_clear_refusal(struct gw_node_type_status *status) {
  status->refused_version[0] = '\0';
  free(status->refused_reason);
  status->refused_reason = NULL;
}

void gw_node_table_add_refusal(struct gw_node_table *table, struct gw_node *node, enum gw_resource_type type, const char *version,
                               struct gw_str reason) {
  table->refused_total++;
  gw_node_type_status_set_refusal(&node->types[type], version, reason);
}

static void add_sent(struct gw_xds_sent *total, const struct gw_xds_sent *sent) {
  total->responses += sent->responses;
  total->resources += sent->resources;
  total->removed += sent->removed;
  total->bytes += sent->bytes;
}

void gw_node_table_add_sent(struct gw_node_table *table, struct gw_node *node, bool is_delta, enum gw_resource_type type,
                            const struct gw_xds_sent *sent) {
  add_sent(&table->sent[is_delta][type], sent);
  add_sent(&node->sent[type], sent);
}

static bool is_up_to_date(const struct gw_node_type_status *status) {
  return status->wanted_version[0] != '\0' && strcmp(status->accepted_version, status->wanted_version) == 0;
}

static int trouble_of(const struct gw_node_type_status *status) {
  if (!status->is_subscribed) return 0;
  if (status->refused_version[0] != '\0') return 3;
  return is_up_to_date(status) ? 1 : 2;
}

static const struct gw_node_type_status *find_worst(const struct gw_node *node, int type) {
  const struct gw_node_type_status *worst = NULL;
  GW_LIST_FOR_EACH(link, &node->streams) {
    const struct gw_node_type_status *status = &GW_LIST_ITEM(link, struct gw_node_stream, link)->types[type];
    if (worst == NULL || trouble_of(status) > trouble_of(worst)) worst = status;
  }
  return worst;
}

void gw_node_table_watch(struct gw_node_table *table, gw_node_watch_fn fn, void *arg) {
  table->watch_fn = fn;
  table->watch_arg = arg;
}

void gw_node_refresh(struct gw_node *node) {
  node->has_twin = false;
  node->secrets_withheld = 0;
  node->delta_streams = 0;
  GW_LIST_FOR_EACH(link, &node->streams) {
    const struct gw_node_stream *stream = GW_LIST_ITEM(link, struct gw_node_stream, link);
    node->has_twin = node->has_twin || strcmp(stream->peer, node->peer) != 0;
    node->delta_streams += stream->is_delta;
    if (stream->secrets_withheld > node->secrets_withheld) node->secrets_withheld = stream->secrets_withheld;
  }
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    const struct gw_node_type_status *worst = find_worst(node, type);
    if (worst == NULL) return;
    char *before = node->types[type].refused_reason;
    node->types[type] = *worst;
    node->types[type].refused_reason = worst->refused_reason != NULL ? gw_strdup(worst->refused_reason) : NULL;
    node->is_subscribed[type] = worst->is_subscribed;
    free(before);
  }
}

static char *find_refusal(const struct gw_node *node) {
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    const struct gw_node_type_status *status = &node->types[type];
    if (node->is_subscribed[type] && status->refused_version[0] != '\0')
      return gw_asprintf("%s: %s", gw_xds_type_short((enum gw_resource_type)type),
                         status->refused_reason != NULL ? status->refused_reason : "refused without a reason");
  }
  return node->has_report && node->refusals != NULL ? gw_strdup(node->refusals) : NULL;
}

/* By its agent; NULL: it runs the snapshot, or there is none. */
static char *find_other_running(const struct gw_node *node, const struct gw_snapshot *snapshot, bool with_endpoints) {
  bool is_of_policy = !with_endpoints && node->policy_version[0] != '\0';
  const char *running = is_of_policy ? node->policy_version : node->snapshot_version;
  if (!node->has_report || strcmp(running, is_of_policy ? snapshot->policy_version : snapshot->version) == 0) return NULL;
  return gw_asprintf("it runs snapshot %s, and %s is current", node->snapshot_version[0] != '\0' ? node->snapshot_version : "(none)",
                     snapshot->version);
}

static char *find_lag(const struct gw_node *node, const struct gw_snapshot *snapshot, bool with_endpoints) {
  if (node->xds_streams == 0) return gw_strdup("it has no xDS stream");
  if (node->has_twin)
    return gw_asprintf("%u xDS streams from different peers use this node id: give each data plane its own --node-id", node->xds_streams);
  bool has_asked = false;
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    if (!node->is_subscribed[type]) continue;
    has_asked = true;
    if (type == GW_RESOURCE_API_KEY && !snapshot->knows_api_keys) continue; /* the store is away: that is no fault of the node's */
    if (type == GW_RESOURCE_ENDPOINTS && !with_endpoints) continue;
    const struct gw_node_type_status *status = &node->types[type];
    if (is_up_to_date(status)) continue;
    const char *name = gw_xds_type_short((enum gw_resource_type)type);
    if (status->accepted_version[0] == '\0') return gw_asprintf("it has not accepted any %s yet", name);
    return gw_asprintf("it has %s %s, and %s is current", name, status->accepted_version, status->wanted_version);
  }
  if (!has_asked) return gw_strdup("it has not asked for anything yet");
  if (node->secrets_withheld > 0) return gw_asprintf("%u secrets withheld: " GW_NODE_WITHHELD, node->secrets_withheld);
  return find_other_running(node, snapshot, with_endpoints);
}

static enum gw_node_state judge(const struct gw_node *node, const struct gw_snapshot *snapshot, bool with_endpoints, char **ret_reason) {
  char *reason = find_refusal(node);
  enum gw_node_state state = GW_NODE_REFUSED;
  if (reason == NULL) {
    reason = find_lag(node, snapshot, with_endpoints);
    state = reason != NULL ? GW_NODE_STALE : GW_NODE_SYNCED;
  }
  *ret_reason = reason;
  return state;
}

enum gw_node_state gw_node_state_of(const struct gw_node *node, const struct gw_snapshot *snapshot, char **ret_reason) {
  return judge(node, snapshot, true, ret_reason);
}

enum gw_node_state gw_node_policy_state_of(const struct gw_node *node, const struct gw_snapshot *snapshot, char **ret_reason) {
  return judge(node, snapshot, false, ret_reason);
}
