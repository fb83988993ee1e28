#include "controlplane/ads/ads_server.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/ads/ads_share.h"

#define STREAMS_MAX 10000u

struct gw_ads_server {
  struct gw_ads_shares *shares;
  uint32_t stream_count;
};

struct gw_ads_server *gw_ads_server_new(struct gw_loop *loop, struct gw_snapshot_cache *cache, struct gw_node_table *nodes,
                                        struct gw_log *log) {
  struct gw_ads_server *server = gw_calloc(1, sizeof *server);
  struct gw_ads_shared base = {.loop = loop, .cache = cache, .nodes = nodes, .log = log, .server = server};
  server->shares = gw_ads_shares_new(&base);
  return server;
}

void gw_ads_server_free(struct gw_ads_server *server) {
  if (server == NULL) return;
  gw_ads_shares_free(server->shares);
  free(server);
}

void gw_ads_stream_join(struct gw_ads_stream *stream, struct gw_str cluster, bool is_stranger) {
  gw_ads_shares_move(stream->shared->server->shares, stream, cluster, is_stranger);
}

struct gw_str gw_ads_stream_foreign_words(const struct gw_ads_stream *stream) {
  return gw_ads_shares_foreign_words(stream->shared->server->shares, gw_str_from(stream->node->cluster));
}

static struct gw_ads_stream *open_stream(struct gw_ads_server *server, struct gw_rpc_stream *rpc, bool is_delta) {
  if (server->stream_count >= STREAMS_MAX) {
    gw_rpc_stream_finish(rpc, GW_RPC_RESOURCE_EXHAUSTED, "too many xDS streams are open here");
    return NULL;
  }
  struct gw_ads_stream *stream = gw_ads_stream_new(gw_ads_shares_base(server->shares), rpc, is_delta);
  gw_ads_shares_add(server->shares, stream);
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
  server->stream_count--;
  gw_ads_shares_remove(server->shares, stream);
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
