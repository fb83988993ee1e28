/* OTLP/gRPC: one unary call a request, on a channel that is kept. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/otlp/exporter_internal.h"
#include "common/rpc/client.h"
#include "common/rpc/credentials.h"

#define METHOD "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define ANSWER_MAX_BYTES 65536u
#define KEEPALIVE_MS 30000u

struct grpc_way {
  struct gw_otlp_exporter *exporter;
  const struct gw_otlp_runtime *runtime;
  const struct gw_otlp_options *options;
  struct gw_rpc_credentials *credentials; /* NULL: plaintext */
  struct gw_rpc_metadata *metadata;
  struct gw_rpc_channel *channel; /* to: */
  uint32_t target;
  struct gw_rpc_stream *call; /* NULL: none is under way */
  struct otlp_answer answer;
  bool has_answer;
};

static void free_way(void *state) {
  struct grpc_way *way = state;
  if (way->call != NULL) gw_rpc_stream_abandon(way->call);
  gw_rpc_channel_free(way->channel);
  gw_rpc_credentials_free(way->credentials);
  free(way->metadata);
  free(way);
}

static void *new_way(struct gw_otlp_exporter *exporter, const struct gw_otlp_runtime *runtime, const struct gw_otlp_options *options,
                     const char *place, struct gw_errors *errors) {
  struct grpc_way *way = gw_calloc(1, sizeof(*way));
  way->exporter = exporter;
  way->runtime = runtime;
  way->options = options;
  (void)place;
  (void)errors;
  if (options->tls != NULL)
    way->credentials = gw_rpc_credentials_new_fixed(runtime->loop, options->tls->ca, options->tls->cert, options->tls->key);
  way->metadata = gw_calloc(options->header_count + 1, sizeof(*way->metadata));
  for (uint32_t i = 0; i < options->header_count; i++)
    way->metadata[i] = (struct gw_rpc_metadata){options->headers[i].key.data, options->headers[i].value.data};
  return way;
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  (void)stream;
  struct grpc_way *way = state;
  way->has_answer = otlp_answer_parse(message, &way->answer);
}

/* As OTLP's specification lists them; RESOURCE_EXHAUSTED only where the server says when to come again, which it does in details that
 * C core does not hand out. */
static bool may_retry(int code) {
  switch (code) {
  case GW_RPC_CANCELLED:
  case GW_RPC_DEADLINE_EXCEEDED:
  case GW_RPC_ABORTED:
  case GW_RPC_OUT_OF_RANGE:
  case GW_RPC_UNAVAILABLE:
  case GW_RPC_DATA_LOSS: return true;
  default: return false;
  }
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)stream;
  struct grpc_way *way = state;
  struct otlp_answer answer = way->answer;
  way->call = NULL;
  GW_CLEANUP(gw_free_ptr) char *sentence = NULL;
  if (code != GW_RPC_OK || !way->has_answer) {
    GW_CLEANUP(gw_free_ptr)
    char *cause = code == GW_RPC_UNAVAILABLE ? gw_rpc_explain_unavailable(reason, way->credentials != NULL, false) : gw_str_dup(reason);
    sentence = gw_asprintf("%s: %s", gw_rpc_code_name(code), code == GW_RPC_OK ? "no answer that can be read" : cause);
    answer = (struct otlp_answer){.outcome = may_retry(code) ? OTLP_RETRY : OTLP_REFUSED, .reason = gw_str_from(sentence)};
  }
  otlp_exporter_on_answer(way->exporter, &answer);
}

static void open_channel(struct grpc_way *way, uint32_t target) {
  if (way->channel != NULL && way->target == target) return;
  struct gw_rpc_channel_options options = {.target = way->options->targets[target],
                                           .credentials = way->credentials,
                                           .tls_host = way->options->tls != NULL ? way->options->tls->host : (struct gw_str){NULL, 0},
                                           .max_message_bytes = ANSWER_MAX_BYTES,
                                           .keepalive_ms = KEEPALIVE_MS};
  gw_rpc_channel_free(way->channel);
  way->channel = gw_rpc_channel_new(way->runtime->rpc, &options);
  way->target = target;
}

static void send_request(void *state, uint32_t target, struct gw_bytes *const *parts, size_t part_count) {
  static const struct gw_rpc_events events = {.on_message = on_message, .on_closed = on_closed};
  struct grpc_way *way = state;
  open_channel(way, target);
  way->has_answer = false;
  way->call =
      gw_rpc_channel_open(way->channel, METHOD, way->options->timeout_ms, false, way->metadata, way->options->header_count, &events, way);
  gw_rpc_stream_send(way->call, parts, part_count);
  gw_rpc_stream_half_close(way->call);
}

const struct otlp_way otlp_grpc = {.new = new_way, .free = free_way, .send = send_request};
