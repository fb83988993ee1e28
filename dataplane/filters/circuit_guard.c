#include "dataplane/filters/circuit_guard.h"

#include "common/message/status.h"

#define PROBES_RETRY_S 1 /* Retry-After while probes are out: nobody knows how long they take */

static uint64_t now_ms(const struct gw_stream *stream) {
  return gw_loop_now_ms(stream->pipeline->loop);
}

/* ---- what changed ---- */

static void report(const struct gw_circuit_breaker *breaker, struct gw_stream *stream, const struct gw_circuit_change *change) {
  const struct gw_circuit_breaking *settings = gw_circuit_breaker_settings(breaker);
  struct gw_log *log = stream->pipeline->options.log;
  struct gw_str name = gw_worker_cluster_name(stream->cluster);
  if (!change->has_changed) return;
  gw_worker_cluster_counts(stream->cluster)->circuit_changes_total[change->state]++;
  switch (change->state) {
  case GW_CIRCUIT_OPEN:
    if (change->requests > 0) {
      GW_LOG_WARNING(log, "circuit breaker of %.*s opens for %llu ms: %u of %u requests failed within %llu ms", GW_STR_ARG(name),
                     (unsigned long long)settings->open_ms, change->failures, change->requests, (unsigned long long)settings->window_ms);
    } else {
      GW_LOG_WARNING(log, "circuit breaker of %.*s opens again for %llu ms: a probe failed", GW_STR_ARG(name),
                     (unsigned long long)settings->open_ms);
    }
    break;
  case GW_CIRCUIT_HALF_OPEN: GW_LOG_INFO(log, "circuit breaker of %.*s is half-open: the service is probed", GW_STR_ARG(name)); break;
  case GW_CIRCUIT_CLOSED:
    GW_LOG_INFO(log, "circuit breaker of %.*s closes: %u probes succeeded", GW_STR_ARG(name), settings->successes);
    break;
  }
}

static void leave(struct gw_circuit_guard *guard, struct gw_stream *stream, enum gw_circuit_outcome outcome) {
  struct gw_circuit_change change;
  if (guard->was_success && outcome == GW_CIRCUIT_FAILURE) outcome = GW_CIRCUIT_LATE_FAILURE;
  bool is_news = !guard->was_success || outcome == GW_CIRCUIT_LATE_FAILURE;
  if (is_news) {
    gw_circuit_breaker_leave(guard->breaker, guard->pass, outcome, now_ms(stream), &change);
    report(guard->breaker, stream, &change);
  }
  if (outcome == GW_CIRCUIT_SUCCESS && !guard->was_success) {
    guard->was_success = true;
    return;
  }
  gw_circuit_breaker_unref(guard->breaker);
  *guard = (struct gw_circuit_guard){0};
}

/* ---- requests ---- */

static void refuse(struct gw_stream *stream, uint64_t wait_ms) {
  uint64_t wait_s = wait_ms > 0 ? (wait_ms + 999) / 1000 : PROBES_RETRY_S;
  const char *text = gw_arena_printf(&stream->arena, "%llu", (unsigned long long)wait_s);
  gw_worker_cluster_counts(stream->cluster)->circuit_refusals_total++;
  gw_headers_add(&stream->response.headers, &stream->arena, GW_HEADER_RETRY_AFTER, GW_STR("retry-after"), gw_str_from(text));
  gw_stream_fail(stream, &(struct gw_failure){.status = 503,
                                              .side = GW_FAILURE_GATEWAY,
                                              .flag = GW_FLAG_CIRCUIT_BREAKER,
                                              .detail = GW_STR("circuit_breaker_open"),
                                              .message = GW_STR("the service fails too often and is given time to recover")});
}

bool gw_circuit_guard_enter(struct gw_circuit_guard *guard, struct gw_stream *stream) {
  struct gw_circuit_breaker *breaker = gw_worker_cluster_breaker(stream->cluster);
  if (breaker == NULL) return true;
  struct gw_circuit_change change;
  uint64_t wait_ms;
  if (guard->breaker != NULL) leave(guard, stream, GW_CIRCUIT_NO_MATTER); /* of a try whose answer nobody wanted */
  bool may_pass = gw_circuit_breaker_enter(breaker, now_ms(stream), &guard->pass, &wait_ms, &change);
  report(breaker, stream, &change);
  if (!may_pass) {
    refuse(stream, wait_ms);
    return false;
  }
  guard->breaker = gw_circuit_breaker_ref(breaker);
  return true;
}

static bool counts(const struct gw_circuit_guard *guard, unsigned kinds) {
  return (gw_circuit_breaker_settings(guard->breaker)->failure_on & kinds) != 0;
}

static bool is_failure(const struct gw_circuit_guard *guard, uint32_t status) {
  if (status == 502 || status == 503 || status == 504) return counts(guard, GW_CIRCUIT_ON_5XX | GW_CIRCUIT_ON_GATEWAY_ERROR);
  return status >= 500 && counts(guard, GW_CIRCUIT_ON_5XX);
}

/* gRPC says in grpc-status what HTTP says in its status. */
static bool has_failed_grpc(const struct gw_circuit_guard *guard, const struct gw_stream *stream, const struct gw_headers *headers) {
  const struct gw_header *status = gw_headers_find(headers, GW_HEADER_GRPC_STATUS);
  return status != NULL && gw_stream_is_grpc(stream) && is_failure(guard, gw_status_from_grpc(status->value));
}

/* A success is told with the head already: a download, or a stream that lasts, is no reason to hold a probe. */
void gw_circuit_guard_tell_head(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_response_head *head) {
  bool has_failed = is_failure(guard, head->status) || has_failed_grpc(guard, stream, &head->headers);
  leave(guard, stream, has_failed ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_SUCCESS);
}

void gw_circuit_guard_tell_end(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_headers *trailers) {
  leave(guard, stream, has_failed_grpc(guard, stream, trailers) ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_NO_MATTER);
}

/* Of flags. */
static unsigned kinds_of(uint32_t flags) {
  unsigned kinds = 0;
  if ((flags & GW_FLAG_UPSTREAM_CONNECT_FAILURE) != 0) kinds |= GW_CIRCUIT_ON_CONNECT_FAILURE;
  if ((flags & (GW_FLAG_UPSTREAM_TERMINATION | GW_FLAG_UPSTREAM_REMOTE_RESET | GW_FLAG_UPSTREAM_PROTOCOL_ERROR)) != 0)
    kinds |= GW_CIRCUIT_ON_RESET;
  if ((flags & GW_FLAG_UPSTREAM_TIMEOUT) != 0) kinds |= GW_CIRCUIT_ON_TIMEOUT;
  return kinds;
}

void gw_circuit_guard_tell_failure(struct gw_circuit_guard *guard, struct gw_stream *stream, const struct gw_failure *failure) {
  unsigned kinds = kinds_of(failure->flag);
  /* A kept connection that was just being closed, or a stream that was not looked at: how services restart, not how they fail. */
  if (failure->retry_ok) kinds &= ~(unsigned)GW_CIRCUIT_ON_RESET;
  leave(guard, stream, counts(guard, kinds) ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_NO_MATTER);
}

void gw_circuit_guard_tell_cancel(struct gw_circuit_guard *guard, struct gw_stream *stream) {
  unsigned kinds = kinds_of(stream->flags & GW_FLAG_UPSTREAM_TIMEOUT);
  /* Silence of a service that has the whole request; of a client that does not send it, it would be 408. */
  if ((stream->flags & GW_FLAG_STREAM_IDLE_TIMEOUT) != 0 && stream->is_request_complete) kinds |= GW_CIRCUIT_ON_TIMEOUT;
  leave(guard, stream, counts(guard, kinds) ? GW_CIRCUIT_FAILURE : GW_CIRCUIT_NO_MATTER);
}
