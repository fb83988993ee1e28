/* A request and its answer, as any other; of gRPC grpc.health.v1.Health/Check, whose two messages are so small that they are written and
 * read here. */
#include <string.h>

#include "common/base/mem.h"
#include "dataplane/cluster/probe_internal.h"

#define USER_AGENT "gateway-health-check"
#define GRPC_PATH "/grpc.health.v1.Health/Check"
#define GRPC_FRAME 5u   /* flags and length before each message */
#define GRPC_SERVING 1u /* HealthCheckResponse.ServingStatus */
#define BODY_MAX 65536u /* what comes beyond it is not waited for */

static bool is_grpc(const struct gw_probe *probe) {
  return probe->check->kind == GW_HEALTH_CHECK_GRPC;
}

/* ---- what is sent ---- */

/* HealthCheckRequest{service}: field 1, a string. */
static struct gw_str make_grpc_request(struct gw_str service, struct gw_arena *arena) {
  char *bytes = gw_arena_alloc_bytes(arena, GRPC_FRAME + 11 + service.len);
  size_t len = GRPC_FRAME;
  if (service.len > 0) {
    bytes[len++] = 0x0a;
    size_t rest = service.len;
    for (; rest >= 128; rest >>= 7)
      bytes[len++] = (char)(rest | 128);
    bytes[len++] = (char)rest;
    memcpy(bytes + len, service.data, service.len);
    len += service.len;
  }
  size_t message_len = len - GRPC_FRAME;
  bytes[0] = 0;
  for (size_t i = 0; i < 4; i++)
    bytes[1 + i] = (char)(message_len >> (8 * (3 - i)));
  return (struct gw_str){bytes, len};
}

static void make_head(struct gw_probe *probe) {
  const struct gw_health_check *check = probe->check;
  struct gw_arena *arena = &probe->http.arena;
  struct gw_str method = is_grpc(probe) ? GW_STR("POST") : check->method;
  probe->http.head = (struct gw_request_head){
      .method = gw_method_find(method),
      .method_name = method,
      .authority = check->host.len > 0 ? check->host : probe->options.cluster->name,
      .version = GW_HTTP_1_1,
      .content_length = is_grpc(probe) ? GW_LENGTH_UNKNOWN : GW_LENGTH_NONE,
  };
  probe->http.head.path = is_grpc(probe) ? GW_STR(GRPC_PATH) : check->path;
  probe->http.head.scheme = probe->options.tls != NULL ? GW_STR("https") : GW_STR("http");
  struct gw_headers *headers = &probe->http.head.headers;
  gw_headers_init(headers, arena, 4);
  gw_headers_add(headers, arena, GW_HEADER_USER_AGENT, GW_STR("user-agent"), GW_STR(USER_AGENT));
  if (!is_grpc(probe)) return;
  gw_headers_add(headers, arena, GW_HEADER_CONTENT_TYPE, GW_STR("content-type"), GW_STR("application/grpc"));
  gw_headers_add(headers, arena, GW_HEADER_TE, GW_STR("te"), GW_STR("trailers"));
}

static void send_rest(struct gw_probe *probe) {
  if (is_grpc(probe)) gw_attempt_send_body(&probe->http.attempt, make_grpc_request(probe->check->grpc_service, &probe->http.arena));
  gw_attempt_send_end(&probe->http.attempt, NULL);
}

/* ---- what is made of the answer ---- */

static bool is_in(const struct gw_status_range *ranges, uint32_t count, uint32_t status) {
  for (uint32_t i = 0; i < count; i++)
    if (status >= ranges[i].first && status <= ranges[i].last) return true;
  return false;
}

static void judge_http(struct gw_probe *probe) {
  const struct gw_health_check *check = probe->check;
  uint32_t status = probe->http.attempt.response.status;
  if (is_in(check->expected, check->expected_count, status)) {
    gw_probe_finish(probe, GW_CHECK_PASSED, NULL);
  } else {
    bool is_retriable = is_in(check->retriable, check->retriable_count, status);
    gw_probe_finish(probe, is_retriable ? GW_CHECK_FAILED : GW_CHECK_REFUSED, "answered %u", status);
  }
}

/* HealthCheckResponse{status}: field 1, an enum; absent: 0. Anything else has no other field that we know. */
static bool read_grpc_status(const char *frame, size_t len, uint32_t *ret_status) {
  const unsigned char *bytes = (const unsigned char *)frame;
  if (len < GRPC_FRAME || bytes[0] != 0) return false;
  size_t message_len = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
  if (message_len != len - GRPC_FRAME) return false;
  *ret_status = 0;
  if (message_len == 0) return true;
  if (message_len != 2 || bytes[GRPC_FRAME] != 0x08 || bytes[GRPC_FRAME + 1] >= 128) return false;
  *ret_status = bytes[GRPC_FRAME + 1];
  return true;
}

static bool is_number(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  return text.len > 0 && text.len <= 2;
}

static void judge_grpc(struct gw_probe *probe) {
  static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  const struct gw_attempt *attempt = &probe->http.attempt;
  const struct gw_headers *trailers = attempt->trailers.count > 0 ? &attempt->trailers : &attempt->response.headers;
  const struct gw_header *code = gw_headers_find(trailers, GW_HEADER_GRPC_STATUS);
  uint32_t status = 0;
  if (attempt->response.status != 200) {
    gw_probe_finish(probe, GW_CHECK_REFUSED, "answered %u", attempt->response.status);
  } else if (code == NULL || !is_number(code->value)) {
    gw_probe_finish(probe, GW_CHECK_REFUSED, "answered without a grpc-status");
  } else if (!gw_str_equal(code->value, GW_STR("0"))) {
    gw_probe_finish(probe, GW_CHECK_REFUSED, "answered grpc-status %.*s", GW_STR_ARG(code->value));
  } else if (probe->http.body_bytes > GW_PROBE_GRPC_ANSWER_MAX ||
             !read_grpc_status(probe->http.grpc_answer, (size_t)probe->http.body_bytes, &status)) {
    gw_probe_finish(probe, GW_CHECK_REFUSED, "answered something else than a HealthCheckResponse");
  } else if (status == GRPC_SERVING) {
    gw_probe_finish(probe, GW_CHECK_PASSED, NULL);
  } else {
    gw_probe_finish(probe, GW_CHECK_REFUSED, "is %s", status < GW_ARRAY_LEN(names) ? names[status] : "in a state that is not known");
  }
}

static void judge(struct gw_probe *probe) {
  if (is_grpc(probe)) {
    judge_grpc(probe);
  } else {
    judge_http(probe);
  }
}

/* ---- the attempt's side ---- */

/* One that waited for ALPN. */
static void on_connected(void *arg) {
  struct gw_probe *probe = arg;
  if (!probe->http.attempt.has_request_ended) send_rest(probe);
}

static void on_head(void *arg) {
  (void)arg;
}

static void on_body(void *arg, struct gw_str data) {
  struct gw_probe *probe = arg;
  uint64_t before = probe->http.body_bytes;
  probe->http.body_bytes += data.len;
  if (is_grpc(probe) && probe->http.body_bytes <= GW_PROBE_GRPC_ANSWER_MAX) memcpy(probe->http.grpc_answer + before, data.data, data.len);
  if (probe->http.body_bytes > BODY_MAX) judge(probe);
}

static void on_end(void *arg) {
  judge(arg);
}

static void on_failure(void *arg, const struct gw_failure *failure);

static void on_drained(void *arg) {
  (void)arg;
}

static const struct gw_attempt_calls attempt_calls = {on_connected, on_head, on_body, on_end, on_failure, on_drained};

static void start(struct gw_probe *probe, bool is_new) {
  struct gw_failure failure;
  probe->http.body_bytes = 0;
  if (!gw_attempt_start(&probe->http.attempt, probe->http.pool, is_new ? GW_ATTEMPT_IS_NEW : 0, &probe->http.head, &probe->http.arena,
                        &attempt_calls, probe, &failure)) {
    gw_probe_finish(probe, GW_CHECK_FAILED, "%.*s", GW_STR_ARG(failure.detail));
  } else if (!gw_attempt_is_waiting(&probe->http.attempt)) {
    send_rest(probe);
  }
}

/* A kept connection that had just been closed says nothing of the endpoint's health. */
static void on_failure(void *arg, const struct gw_failure *failure) {
  struct gw_probe *probe = arg;
  if (probe->http.attempt.is_reused && !probe->http.has_retried) {
    probe->http.has_retried = true;
    start(probe, true);
    return;
  }
  gw_probe_finish(probe, GW_CHECK_FAILED, "%.*s", GW_STR_ARG(failure->detail));
}

/* ---- life ---- */

static enum gw_upstream_protocol protocol_of(const struct gw_probe *probe) {
  if (probe->options.cluster->protocol == GW_UPSTREAM_AUTO) return GW_UPSTREAM_AUTO;
  return probe->check->is_http2 ? GW_UPSTREAM_HTTP2 : GW_UPSTREAM_HTTP1;
}

void gw_http_probe_init(struct gw_probe *probe) {
  const struct gw_cluster *cluster = probe->options.cluster;
  struct gw_upstream_pool_options options = {
      .loop = probe->options.loop,
      .random = probe->options.random,
      .address = probe->options.address,
      .idle_timeout_ms = cluster->upstream_idle_timeout_ms,
      .protocol = protocol_of(probe),
      .http2 = cluster->http2,
      .tls = probe->options.tls,
      .sni = cluster->tls != NULL ? cluster->tls->sni : (struct gw_str){0},
      .counts = probe->options.counts,
  };
  probe->http.pool = gw_upstream_pool_new(&options);
  gw_arena_init(&probe->http.arena, 1024);
}

void gw_http_probe_start(struct gw_probe *probe) {
  gw_arena_reset(&probe->http.arena);
  make_head(probe);
  probe->http.has_retried = false;
  start(probe, false);
}

void gw_http_probe_stop(struct gw_probe *probe) {
  gw_attempt_cancel(&probe->http.attempt);
}

void gw_http_probe_done(struct gw_probe *probe) {
  gw_upstream_pool_free(probe->http.pool);
  gw_arena_done(&probe->http.arena);
}
