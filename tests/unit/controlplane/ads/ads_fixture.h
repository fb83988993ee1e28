/* Why: a control plane's xDS port and clients of it on loopback, in one process on one loop.
 * Life: setup and teardown of each test.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_ADS_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_ADS_FIXTURE_H

#include "../snapshot/snapshot_fixture.h"
#include "common/base/clock.h"
#include "common/rpc/client.h"
#include "common/xds/codec.h"
#include "common/xds/discovery.h"
#include "controlplane/ads/ads_server.h"

#define SDS GW_RESOURCE_SECRET
#define CDS GW_RESOURCE_CLUSTER
#define EDS GW_RESOURCE_ENDPOINTS
#define LDS GW_RESOURCE_LISTENER
#define RDS GW_RESOURCE_ROUTE_CONFIG

#define WAIT_FOR(loop, condition)                                                                                                          \
  do {                                                                                                                                     \
    uint64_t wait_until_us = gw_clock_monotonic_us() + 20u * 1000000u;                                                                     \
    while (!(condition)) {                                                                                                                 \
      if (gw_clock_monotonic_us() > wait_until_us) fail_msg("never: %s", #condition);                                                      \
      gw_loop_run_once(loop, 50);                                                                                                          \
    }                                                                                                                                      \
  } while (0)

/* The last answer of a type. */
struct answer {
  uint32_t count; /* answers so far */
  char version[17];
  char nonce[24];
  char names[512]; /* of its resources, joined by spaces (cut) */
  uint32_t resource_count;
};

struct ads_client {
  struct gw_rpc_stream *stream; /* NULL once closed */
  struct answer answers[GW_RESOURCE_TYPE_COUNT];
  char log[1024]; /* "CDS(a b) EDS(a) ": all answers in order (cut) */
  uint32_t total;
  bool has_said_node;
  const char *node_id;
  const char *cluster; /* NULL: "test" */
  const char *kind;    /* NULL: "tester", which is a stranger */
  int code;
  char reason[200];
};

struct ads_fixture {
  struct gw_loop *loop;
  struct gw_rpc *rpc;
  struct gw_snapshot_cache *cache;
  struct gw_node_table *nodes;
  struct gw_ads_server *ads;
  struct gw_rpc_server *server;
  struct gw_rpc_channel *channel;
  bool is_stopped;
  struct ads_client client; /* of most tests */
};

static inline void append(char *text, size_t size, const char *more) {
  size_t len = strlen(text);
  snprintf(text + len, size - len, "%s", more);
}

static inline void client_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct ads_client *client = state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_discovery_response response;
  enum gw_resource_type type;
  assert_int_equal(gw_discovery_response_decode(message, &arena, &response), GW_OK);
  assert_int_equal(gw_xds_parse_type_url(response.type_url, &type), GW_OK);
  struct answer *answer = &client->answers[type];
  answer->count++;
  client->total++;
  snprintf(answer->version, sizeof answer->version, "%.*s", GW_STR_ARG(response.version_info));
  snprintf(answer->nonce, sizeof answer->nonce, "%.*s", GW_STR_ARG(response.nonce));
  answer->resource_count = response.resource_count;
  answer->names[0] = '\0';
  for (uint32_t i = 0; i < response.resource_count; i++) {
    struct gw_errors errors;
    gw_errors_init(&errors);
    struct gw_str name;
    struct gw_resource *resource = NULL;
    bool is_short = i < 20;
    if (is_short && gw_xds_decode_resource(type, response.resources[i], &errors, &arena, &name, &resource) != GW_OK)
      fail_msg("%s", gw_errors_format(&errors));
    if (is_short) append(answer->names, sizeof answer->names, gw_arena_printf(&arena, "%s%.*s", i > 0 ? " " : "", GW_STR_ARG(name)));
    gw_resource_unref(resource);
    gw_bytes_unref(response.resources[i]);
    gw_errors_done(&errors);
  }
  append(client->log, sizeof client->log, gw_arena_printf(&arena, "%s(%s) ", gw_xds_type_short(type), answer->names));
  gw_arena_done(&arena);
}
static inline void client_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream;
  struct ads_client *client = state;
  client->stream = NULL;
  client->code = code;
  snprintf(client->reason, sizeof client->reason, "%.*s", GW_STR_ARG(reason));
}
static const struct gw_rpc_events client_events = {.on_message = client_on_message, .on_closed = client_on_closed};

static inline void client_open(struct ads_fixture *f, struct ads_client *client, const char *node_id) {
  *client = (struct ads_client){.node_id = node_id};
  client->stream = gw_rpc_channel_open(f->channel, GW_XDS_ADS_METHOD, 0, true, NULL, 0, &client_events, client);
}

/* names: "a b"; NULL or "" for none. error: NULL for none. */
static inline void client_say(struct ads_client *client, enum gw_resource_type type, const char *names, const char *version,
                              const char *nonce, const char *error) {
  struct gw_str list[32], rest = gw_str_from(names);
  uint32_t count = 0;
  while (rest.len > 0 && gw_str_split_next(&rest, ' ', &list[count]))
    count++;
  struct gw_discovery_request request = {.version_info = gw_str_from(version),
                                         .resource_names = list,
                                         .resource_name_count = count,
                                         .type_url = gw_str_from(gw_xds_type_url(type)),
                                         .response_nonce = gw_str_from(nonce),
                                         .has_error = error != NULL,
                                         .error_code = GW_RPC_INVALID_ARGUMENT,
                                         .error_message = gw_str_from(error)};
  if (!client->has_said_node) {
    request.has_node = true;
    request.node = (struct gw_xds_node){.id = gw_str_from(client->node_id),
                                        .cluster = gw_str_from(client->cluster != NULL ? client->cluster : "test"),
                                        .user_agent_name = gw_str_from(client->kind != NULL ? client->kind : "tester"),
                                        .user_agent_version = GW_STR("1")};
    client->has_said_node = true;
  }
  struct gw_bytes *bytes = gw_discovery_request_encode(&request);
  gw_rpc_stream_send(client->stream, &bytes, 1);
  gw_bytes_unref(bytes);
}
static inline void client_ask(struct ads_client *client, enum gw_resource_type type, const char *names) {
  client_say(client, type, names, "", "", NULL);
}
static inline void client_ack(struct ads_client *client, enum gw_resource_type type, const char *names) {
  client_say(client, type, names, client->answers[type].version, client->answers[type].nonce, NULL);
}
static inline void client_nack(struct ads_client *client, enum gw_resource_type type, const char *names, const char *version) {
  client_say(client, type, names, version, client->answers[type].nonce, "bad thing");
}

/* Lets the loop turn for a while. */
static inline void assert_no_more(struct ads_fixture *f, const struct ads_client *client) {
  uint32_t total = client->total;
  for (int i = 0; i < 8; i++) {
    gw_loop_run_once(f->loop, 10);
    if (client->total != total) fail_msg("unasked: %s", client->log);
  }
}

static inline struct gw_node *only_node(struct ads_fixture *f) {
  assert_int_equal(f->nodes->count, 1);
  return GW_LIST_ITEM(f->nodes->nodes.next, struct gw_node, link);
}

static inline void assert_state(struct ads_fixture *f, enum gw_node_state state, const char *reason_part) {
  char *reason = NULL;
  enum gw_node_state got = gw_node_state_of(only_node(f), gw_snapshot_cache_current(f->cache), &reason);
  if (got != state) fail_msg("state %d: %s", (int)got, reason != NULL ? reason : "");
  if (reason_part == NULL)
    assert_null(reason);
  else if (reason == NULL || strstr(reason, reason_part) == NULL)
    fail_msg("reason: %s", reason != NULL ? reason : "none");
  free(reason);
}

static inline void serve(struct ads_fixture *f, const struct snapshot_plan *plan) {
  struct gw_snapshot *snapshot = make_snapshot(plan, gw_snapshot_cache_current(f->cache));
  gw_snapshot_cache_set(f->cache, snapshot, gw_loop_now_us(f->loop));
  gw_snapshot_unref(snapshot);
}
#define SERVE(f, ...) serve(f, &(struct snapshot_plan){__VA_ARGS__})

static inline const char *current_version(struct ads_fixture *f, enum gw_resource_type type) {
  return gw_snapshot_cache_current(f->cache)->list_versions[type];
}

/* Waits for the n-th answer of a type. */
#define WAIT_ANSWER(f, client, type, n) WAIT_FOR((f)->loop, (client)->answers[type].count >= (n))
/* The client asks for everything and accepts it, as a data plane does at its start. */
static inline void client_sync(struct ads_fixture *f, struct ads_client *client, const char *clusters) {
  client_ask(client, CDS, "");
  WAIT_ANSWER(f, client, CDS, 1);
  client_ack(client, CDS, "");
  client_ask(client, EDS, clusters);
  WAIT_ANSWER(f, client, EDS, 1);
  client_ack(client, EDS, clusters);
  client_ask(client, LDS, "");
  WAIT_ANSWER(f, client, LDS, 1);
  client_ack(client, LDS, "");
  client_ask(client, RDS, "routes");
  WAIT_ANSWER(f, client, RDS, 1);
  client_ack(client, RDS, "routes");
}

static inline int ads_setup(void **state) {
  struct ads_fixture *f = gw_calloc(1, sizeof *f);
  f->loop = gw_loop_new();
  f->rpc = gw_rpc_new(f->loop);
  f->cache = gw_snapshot_cache_new();
  f->nodes = gw_node_table_new();
  f->ads = gw_ads_server_new(f->loop, f->cache, f->nodes, NULL);
  size_t count;
  const struct gw_rpc_method *methods = gw_ads_server_methods(&count);
  struct gw_rpc_server_options options = {.listen = GW_STR("127.0.0.1:0"), .max_message_bytes = 4u * 1024 * 1024};
  if (gw_rpc_server_new(f->rpc, &options, methods, count, f->ads, &f->server) != GW_OK) return -1;
  char target[32];
  snprintf(target, sizeof target, "127.0.0.1:%u", gw_rpc_server_port(f->server));
  struct gw_rpc_channel_options channel_options = {.target = gw_str_from(target)};
  f->channel = gw_rpc_channel_new(f->rpc, &channel_options);
  client_open(f, &f->client, "node-1");
  *state = f;
  return 0;
}
static inline void ads_on_stopped(void *arg) {
  ((struct ads_fixture *)arg)->is_stopped = true;
}
static inline int ads_teardown(void **state) {
  struct ads_fixture *f = *state;
  gw_rpc_channel_free(f->channel);
  gw_rpc_server_stop(f->server, 0, ads_on_stopped, f);
  WAIT_FOR(f->loop, f->is_stopped);
  gw_rpc_server_free(f->server);
  assert_int_equal(f->nodes->count, 0);
  gw_ads_server_free(f->ads);
  gw_rpc_free(f->rpc);
  gw_node_table_free(f->nodes);
  gw_snapshot_cache_free(f->cache);
  gw_loop_free(f->loop);
  free(f);
  return 0;
}
#define ADS_TEST(test) cmocka_unit_test_setup_teardown(test, ads_setup, ads_teardown)

#endif
