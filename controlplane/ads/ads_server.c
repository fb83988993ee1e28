#include "controlplane/ads/ads_server.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/ads/ads_stream.h"
#include "controlplane/snapshot/foreign.h"

#define STREAMS_MAX 10000u

struct gw_ads_server {
  struct gw_ads_shared shared;
  struct gw_ads_shared foreign; /* of streams that are no data planes of ours; its cache is NULL before the first of them */
  struct gw_foreign *making;
  struct gw_snapshot_watch watch;
  struct gw_list streams;
  uint32_t stream_count;
};

static void make_foreign(struct gw_ads_server *server) {
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(server->shared.cache);
  if (server->foreign.cache == NULL || snapshot == NULL) return;
  struct gw_snapshot *made = gw_foreign_make(server->making, snapshot);
  gw_snapshot_cache_set(server->foreign.cache, made, gw_snapshot_cache_set_us(server->shared.cache));
  gw_snapshot_unref(made);
}

const struct gw_ads_shared *gw_ads_server_share_foreign(struct gw_ads_server *server) {
  if (server->foreign.cache == NULL) {
    server->making = gw_foreign_new();
    server->foreign = server->shared;
    server->foreign.cache = gw_snapshot_cache_new();
    server->foreign.name_sets = gw_name_sets_new(server->foreign.cache);
    make_foreign(server);
  }
  return &server->foreign;
}

struct gw_str gw_ads_server_foreign_words(const struct gw_ads_server *server) {
  return gw_foreign_words(server->making);
}

static void on_snapshot(void *arg) {
  struct gw_ads_server *server = arg;
  bool is_keys_alone = gw_snapshot_cache_is_keys_alone(server->shared.cache); /* which are nothing to others */
  if (!is_keys_alone) make_foreign(server);
  GW_LIST_FOR_EACH(link, &server->streams) {
    struct gw_ads_stream *stream = GW_LIST_ITEM(link, struct gw_ads_stream, link);
    if (!is_keys_alone || stream->shared == &server->shared) gw_ads_stream_on_snapshot(stream);
  }
}

struct gw_ads_server *gw_ads_server_new(struct gw_loop *loop, struct gw_snapshot_cache *cache, struct gw_node_table *nodes,
                                        struct gw_log *log) {
  struct gw_ads_server *server = gw_calloc(1, sizeof *server);
  server->shared = (struct gw_ads_shared){.loop = loop, .cache = cache, .nodes = nodes, .log = log, .name_sets = gw_name_sets_new(cache)};
  server->shared.server = server;
  gw_list_init(&server->streams);
  server->watch = (struct gw_snapshot_watch){.fn = on_snapshot, .arg = server};
  gw_snapshot_cache_watch(cache, &server->watch);
  return server;
}

void gw_ads_server_free(struct gw_ads_server *server) {
  if (server == NULL) return;
  GW_ASSERT(gw_list_is_empty(&server->streams));
  gw_list_remove(&server->watch.node);
  gw_name_sets_free(server->shared.name_sets);
  if (server->foreign.cache != NULL) {
    gw_name_sets_free(server->foreign.name_sets);
    gw_snapshot_cache_free(server->foreign.cache);
    gw_foreign_free(server->making);
  }
  free(server);
}

static struct gw_ads_stream *open_stream(struct gw_ads_server *server, struct gw_rpc_stream *rpc, bool is_delta) {
  if (server->stream_count >= STREAMS_MAX) {
    gw_rpc_stream_finish(rpc, GW_RPC_RESOURCE_EXHAUSTED, "too many xDS streams are open here");
    return NULL;
  }
  struct gw_ads_stream *stream = gw_ads_stream_new(&server->shared, rpc, is_delta);
  gw_list_add_last(&server->streams, &stream->link);
  server->stream_count++;
  return stream;
}

static void *on_open(void *arg, struct gw_rpc_stream *rpc) {
  return open_stream(arg, rpc, false);
}

static void *on_open_delta(void *arg, struct gw_rpc_stream *rpc) {
  return open_stream(arg, rpc, true);
}

static void on_message(void *state, struct gw_rpc_stream *rpc, struct gw_str message) {
  (void)rpc;
  gw_ads_stream_on_request(state, message);
}

static void on_drained(void *state, struct gw_rpc_stream *rpc) {
  (void)rpc;
  gw_ads_stream_advance(state);
}

static void on_closed(void *state, struct gw_rpc_stream *rpc, int code, struct gw_str reason) {
  (void)rpc, (void)code, (void)reason;
  struct gw_ads_stream *stream = state;
  struct gw_ads_server *server = stream->shared->server;
  gw_list_remove(&stream->link);
  server->stream_count--;
  gw_ads_stream_free(stream);
}

static const struct gw_rpc_method methods[] = {
    {.path = GW_XDS_ADS_METHOD, .events = {.on_message = on_message, .on_drained = on_drained, .on_closed = on_closed}, .on_open = on_open},
    {.path = GW_XDS_DELTA_METHOD,
     .events = {.on_message = on_message, .on_drained = on_drained, .on_closed = on_closed},
     .on_open = on_open_delta},
};

const struct gw_rpc_method *gw_ads_server_methods(size_t *ret_count) {
  *ret_count = GW_ARRAY_LEN(methods);
  return methods;
}
