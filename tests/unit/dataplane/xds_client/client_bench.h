/* Why: an xDS client beside up to two control planes that the test plays.
 * Life: setup … teardown of each test.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_DATAPLANE_XDS_CLIENT_CLIENT_BENCH_H
#define GW_TESTS_UNIT_DATAPLANE_XDS_CLIENT_CLIENT_BENCH_H

#include "dataplane/xds_client/xds_client.h"
#include "tests/unit/dataplane/xds_client/control_plane.h"

struct bench {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct control_plane planes[2];
  char targets[2][32];
  const char *target_list[3];
  struct gw_xds_client *client;
  uint32_t snapshot_count;
  bool is_complete;
  char version[17];
  uint32_t counts[GW_RESOURCE_TYPE_COUNT];
  const struct gw_resource *cluster; /* the first of the last snapshot, kept alive by `last` */
  struct gw_snapshot *last;
  const char *forbidden;       /* on_check refuses the resource of that name */
  struct gw_agent_query query; /* the last one about failures */
  char wanted_id[32];
  uint32_t call_count;          /* calls of the node's admin API; each is answered with its request */
  struct gw_xds_key_calls keys; /* NULLs: no keys */
};

static inline void on_snapshot(void *arg, struct gw_snapshot *snapshot, bool is_complete) {
  struct bench *bench = arg;
  bench->snapshot_count++;
  bench->is_complete = is_complete;
  memcpy(bench->version, snapshot->version, sizeof(bench->version));
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++)
    bench->counts[type] = snapshot->lists[type].count;
  gw_snapshot_unref(bench->last);
  bench->last = gw_snapshot_ref(snapshot);
  bench->cluster = snapshot->lists[GW_RESOURCE_CLUSTER].count > 0 ? snapshot->lists[GW_RESOURCE_CLUSTER].items[0] : NULL;
}

static inline void on_check(void *arg, const struct gw_resource *resource, struct gw_errors *errors) {
  struct bench *bench = arg;
  if (bench->forbidden != NULL && gw_str_equal(resource->name, gw_str_from(bench->forbidden))) {
    gw_errors_add(errors, "regex", "does not compile");
  }
}

static inline void on_report(void *arg, struct gw_arena *arena, struct gw_agent_report *ret_report) {
  struct bench *bench = arg;
  ret_report->troubles[ret_report->trouble_count++] = gw_arena_strdup(arena, "service a: circuit breaker open");
  memcpy(ret_report->snapshot_version, bench->version, sizeof(ret_report->snapshot_version));
}

static inline void on_find_failures(void *arg, struct gw_agent_query query, struct gw_str request_id) {
  struct bench *bench = arg;
  bench->query = query;
  snprintf(bench->wanted_id, sizeof(bench->wanted_id), "%.*s", GW_STR_ARG(request_id));
}

/* Of the method "Fail": with a status. */
static inline void on_call(void *arg, struct gw_agent_query query, struct gw_str method, struct gw_str request) {
  struct bench *bench = arg;
  bench->call_count++;
  bool fails = gw_str_equal(method, GW_STR("Fail"));
  struct gw_agent_query stale = {.id = query.id, .session = query.session + 1};
  gw_xds_client_tell_answer(bench->client, stale, GW_RPC_OK, NULL, GW_STR("of another session"));
  gw_xds_client_tell_answer(bench->client, query, fails ? GW_RPC_NOT_FOUND : GW_RPC_OK, fails ? "no such thing" : NULL, request);
}

static inline int setup(void **state) {
  struct bench *bench = gw_calloc(1, sizeof(*bench));
  bench->loop = gw_loop_new();
  bench->rpc = gw_rpc_new(bench->loop);
  *state = bench;
  return 0;
}

static inline int teardown(void **state) {
  struct bench *bench = *state;
  gw_xds_client_free(bench->client);
  for (size_t i = 0; i < GW_ARRAY_LEN(bench->planes); i++)
    control_plane_done(&bench->planes[i]);
  gw_snapshot_unref(bench->last);
  gw_rpc_free(bench->rpc);
  gw_loop_free(bench->loop);
  free(bench);
  return 0;
}

static inline void start_client(struct bench *bench, uint32_t target_count) {
  for (uint32_t i = 0; i < target_count; i++) {
    snprintf(bench->targets[i], sizeof(bench->targets[i]), "127.0.0.1:%u", bench->planes[i].port);
    bench->target_list[i] = bench->targets[i];
  }
  struct gw_xds_client_options options = {
      .loop = bench->loop,
      .rpc = bench->rpc,
      .targets = bench->target_list,
      .node_id = "node-1",
      .node_cluster = "default",
      .on_snapshot = on_snapshot,
      .on_check = on_check,
      .arg = bench,
      .keys = bench->keys,
  };
  bench->client = gw_xds_client_new(&options);
  gw_xds_client_set_agent_calls(bench->client, &(struct gw_agent_calls){on_report, on_find_failures, on_call, bench});
  gw_xds_client_start(bench->client);
}

#endif
