/* Why: a client of incremental xDS beside the fixture's.
 * Life: delta_open … the end of the teardown, which closes what is open: static in the test.
 * Thread: the test's own. */
#ifndef GW_TESTS_UNIT_CONTROLPLANE_ADS_DELTA_FIXTURE_H
#define GW_TESTS_UNIT_CONTROLPLANE_ADS_DELTA_FIXTURE_H

#include "ads_fixture.h"

/* The last answer of a type. */
struct delta_answer {
  uint32_t count;
  char nonce[24];
  char names[256];   /* of its resources, joined by spaces */
  char removed[256]; /* likewise */
  char held[512];    /* "NAME=VERSION " of its resources */
};

struct delta_client {
  struct gw_rpc_stream *stream; /* NULL once closed */
  struct delta_answer answers[GW_RESOURCE_TYPE_COUNT];
  char log[1024]; /* "CDS(a b) EDS(a -b) ": all answers in order; what is removed has a minus */
  uint32_t total;
  const char *node_id;
  const char *kind;
  bool has_said_node;
  int code;
};

static inline void join(char *text, size_t size, struct gw_str word) {
  size_t len = strlen(text);
  snprintf(text + len, size - len, "%s%.*s", len > 0 ? " " : "", GW_STR_ARG(word));
}

static inline void delta_on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct delta_client *client = state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  struct gw_discovery_response response;
  enum gw_resource_type type;
  assert_int_equal(gw_delta_response_decode(message, &arena, &response), GW_OK);
  assert_int_equal(gw_xds_parse_type_url(response.type_url, &type), GW_OK);
  struct delta_answer *answer = &client->answers[type];
  answer->count++;
  client->total++;
  snprintf(answer->nonce, sizeof answer->nonce, "%.*s", GW_STR_ARG(response.nonce));
  answer->names[0] = answer->removed[0] = answer->held[0] = '\0';
  char all[512] = "";
  for (uint32_t i = 0; i < response.resource_count; i++) {
    struct gw_errors errors;
    gw_errors_init(&errors);
    struct gw_resource *resource;
    if (gw_xds_decode_resource(type, response.resources[i], &errors, &arena, NULL, &resource) != GW_OK)
      fail_msg("%s", gw_errors_format(&errors));
    assert_true(gw_str_equal(resource->name, response.resource_names[i]));
    assert_true(gw_str_equal(gw_str_from(resource->version), response.resource_versions[i]));
    join(answer->names, sizeof answer->names, resource->name);
    join(all, sizeof all, resource->name);
    append(answer->held, sizeof answer->held, gw_arena_printf(&arena, "%.*s=%s ", GW_STR_ARG(resource->name), resource->version));
    gw_resource_unref(resource);
    gw_bytes_unref(response.resources[i]);
    gw_errors_done(&errors);
  }
  for (uint32_t i = 0; i < response.removed_count; i++) {
    join(answer->removed, sizeof answer->removed, response.removed[i]);
    join(all, sizeof all, gw_str_from(gw_arena_printf(&arena, "-%.*s", GW_STR_ARG(response.removed[i]))));
  }
  append(client->log, sizeof client->log, gw_arena_printf(&arena, "%s(%s) ", gw_xds_type_short(type), all));
  gw_arena_done(&arena);
}
static inline void delta_on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream, (void)reason;
  struct delta_client *client = state;
  client->stream = NULL;
  client->code = code;
}
static const struct gw_rpc_events delta_events = {.on_message = delta_on_message, .on_closed = delta_on_closed};

static inline void delta_open(struct ads_fixture *f, struct delta_client *client, const char *kind) {
  *client = (struct delta_client){.node_id = "node-1", .kind = kind};
  client->stream = gw_rpc_channel_open(f->channel, GW_XDS_DELTA_METHOD, 0, true, NULL, 0, &delta_events, client);
}

static inline uint32_t split(const char *words, struct gw_str *list, uint32_t room) {
  struct gw_str rest = gw_str_from(words);
  uint32_t count = 0;
  while (count < room && rest.len > 0 && gw_str_split_next(&rest, ' ', &list[count]))
    count += list[count].len > 0;
  return count;
}

/* Words joined by spaces; "" for none. */
struct delta_say {
  const char *subscribe;
  const char *unsubscribe;
  const char *held; /* "NAME=VERSION …" */
  const char *nonce;
  const char *error;
};
static inline void delta_say_all(struct delta_client *client, enum gw_resource_type type, const struct delta_say *say) {
  struct gw_str subscribe[64], unsubscribe[64], names[64], versions[64];
  struct gw_delta_request request = {.type_url = gw_str_from(gw_xds_type_url(type)),
                                     .subscribe = subscribe,
                                     .subscribe_count = split(say->subscribe, subscribe, 64),
                                     .unsubscribe = unsubscribe,
                                     .unsubscribe_count = split(say->unsubscribe, unsubscribe, 64),
                                     .held_names = names,
                                     .held_versions = versions,
                                     .held_count = split(say->held, names, 64),
                                     .response_nonce = gw_str_from(say->nonce),
                                     .has_error = say->error != NULL,
                                     .error_code = GW_RPC_INVALID_ARGUMENT,
                                     .error_message = gw_str_from(say->error)};
  for (uint32_t i = 0; i < request.held_count; i++) {
    struct gw_str pair = names[i];
    assert_true(gw_str_split_next(&pair, '=', &names[i]));
    versions[i] = pair;
  }
  if (!client->has_said_node) {
    request.has_node = true;
    request.node = (struct gw_xds_node){gw_str_from(client->node_id), GW_STR("test"), gw_str_from(client->kind), GW_STR("1"), GW_STR("")};
    client->has_said_node = true;
  }
  struct gw_bytes *bytes = gw_delta_request_encode(&request);
  gw_rpc_stream_send(client->stream, &bytes, 1);
  gw_bytes_unref(bytes);
}
#define DELTA_SAY(client, type, ...) delta_say_all(client, type, &(struct delta_say){__VA_ARGS__})
static inline void delta_ack(struct delta_client *client, enum gw_resource_type type) {
  DELTA_SAY(client, type, .nonce = client->answers[type].nonce);
}
static inline void delta_nack(struct delta_client *client, enum gw_resource_type type, const char *error) {
  DELTA_SAY(client, type, .nonce = client->answers[type].nonce, .error = error);
}

static inline void delta_no_more(struct ads_fixture *f, const struct delta_client *client) {
  uint32_t total = client->total;
  for (int i = 0; i < 8; i++) {
    gw_loop_run_once(f->loop, 10);
    if (client->total != total) fail_msg("unasked: %s", client->log);
  }
}

/* The client asks for everything and accepts it, as a data plane does at its start. */
static inline void delta_sync(struct ads_fixture *f, struct delta_client *client, const char *clusters) {
  DELTA_SAY(client, CDS, .subscribe = "");
  WAIT_ANSWER(f, client, CDS, 1);
  delta_ack(client, CDS);
  DELTA_SAY(client, EDS, .subscribe = clusters);
  WAIT_ANSWER(f, client, EDS, 1);
  delta_ack(client, EDS);
  DELTA_SAY(client, LDS, .subscribe = "");
  WAIT_ANSWER(f, client, LDS, 1);
  delta_ack(client, LDS);
  DELTA_SAY(client, RDS, .subscribe = "routes");
  WAIT_ANSWER(f, client, RDS, 1);
  delta_ack(client, RDS);
  delta_no_more(f, client);
  client->log[0] = '\0';
}

#endif
