#include "controlplane/ctl/why_words.h"

#include "common/base/mem.h"

/* What a word of a data plane means. */
struct row {
  const char *word;
  const char *meaning;
  const char *limit; /* NULL: it is none */
};

static const struct row flags_table[] = {
    {"NR", "no route matched", NULL},
    {"UH", "the service had no instance that could be used", NULL},
    {"UF", "no connection to an instance could be made", NULL},
    {"UC", "the connection to the instance ended before its answer was complete", NULL},
    {"UT", "the service did not answer in time", NULL},
    {"UO", "a limit of the service was reached: its requests, those that wait, or its retry budget", NULL},
    {"UPE", "what the instance answered was not valid HTTP", NULL},
    {"DC", "the client left before its answer was complete", NULL},
    {"DPE", "what the client sent was not valid HTTP", NULL},
    {"SI", "nothing moved for too long", NULL},
    {"NC", "the route's service was not known", NULL},
    {"OM", "the data plane was overloaded", NULL},
    {"DT", "the request took longer than a request may in all", NULL},
    {"UR", "the instance reset the request's stream", NULL},
    {"URX", "it would have been tried again, but the retries were used up", "retries: attempts (GATEWAY_RETRY_ATTEMPTS)"},
    {"CB", "the service's circuit breaker was open", NULL},
    {"UAEX", "the request's credentials were missing or not accepted, or they did not allow it", NULL},
    {"RL", "too many requests had come", NULL},
};

#define LIMIT_BODY "max_request_body of the route (GATEWAY_MAX_REQUEST_BODY)"
#define LIMIT_HEAD "the size of a request's head (GATEWAY_MAX_REQUEST_HEADERS_KB)"
#define LIMIT_FIELDS "the number of a request's header fields (GATEWAY_MAX_HEADERS_COUNT)"
#define LIMIT_URI "the length of path and query (GATEWAY_MAX_URI)"

static const struct row details_table[] = {
    {"via_upstream", "the answer is the service's own", NULL},
    /* no service was asked */
    {"route_not_found", "no route matches its host, path, method and conditions", NULL},
    {"route_configuration_missing", "the listener had no routes yet", NULL},
    {"route_regex_limit", "a regular expression took too long to say which route it is", "the work of a regular expression"},
    {"cluster_not_found", "the route leads to a service that this data plane did not know", NULL},
    {"no_healthy_upstream", "the service had no instance that could be used: there are none, or none of them was healthy", NULL},
    {"circuit_breaker_open", "the service had failed too often, so its circuit breaker let nothing through to it",
     "circuit_breaker of the service"},
    {"local_rate_limited", "more requests had come than the route takes", "rate_limit of the route"},
    {"request_rate_limited", "more requests had come than a limit takes, of the route, its service, a plan or all together",
     "rate_limit of the route, rate_limits: services, global or plans"},
    {"rate_limit_unavailable", "Redis, which counts requests, did not answer, and the limits are to be closed then",
     "GATEWAY_REDIS_ON_FAILURE"},
    {"redirect", "the route redirects", NULL},
    {"redirect_without_host", "the route redirects, and the request named no host", NULL},
    {"direct_response", "the route answers by itself", NULL},
    {"overload", "the data plane had too much to do",
     "memory or descriptors (GATEWAY_OVERLOAD_MEMORY_PERCENT, GATEWAY_OVERLOAD_DESCRIPTORS_PERCENT)"},
    /* time */
    {"response_timeout", "the service had not answered when the request's time was over",
     "timeout of the route, or timeouts: request; of a gRPC call its grpc-timeout"},
    {"max_duration_timeout", "the request, with all that belongs to it, took longer than it may", "timeouts: max_duration"},
    {"upstream_per_try_timeout", "the instance did not begin to answer within the time of one try", "timeouts: per_try"},
    {"upstream_per_try_idle_timeout", "nothing moved between gateway and instance within the time for that", "timeouts: per_try_idle"},
    {"stream_idle_timeout", "nothing moved, neither way", "timeouts: stream_idle (GATEWAY_STREAM_IDLE_TIMEOUT)"},
    {"request_overall_timeout", "the client did not send all of its request in time", "the listener's request_timeout"},
    {"request_header_timeout", "the client did not send all of the request's head in time", "GATEWAY_REQUEST_HEADERS_TIMEOUT"},
    {"request_body_timeout", "the client stopped sending the request's body", "GATEWAY_REQUEST_BODY_TIMEOUT"},
    {"client_send_timeout", "the client took nothing of its answer for too long", "GATEWAY_SEND_TIMEOUT"},
    /* what the client did */
    {"downstream_remote_disconnect", "the client left before it had its answer", NULL},
    {"request_payload_too_large", "the request's body is too large", LIMIT_BODY},
    {"request_uri_too_long", "path and query are too long", LIMIT_URI},
    {"path_normalization_failed", "the path is not valid, or has escaped slashes", NULL},
    {"path_normalization_redirect", "the path has another normal form, to which the client was sent", NULL},
    {"header_name_with_underscore", "a header's name has an underscore", NULL},
    {"method_not_allowed", "CONNECT and TRACE are not served", NULL},
    {"bad_websocket_handshake", "the WebSocket handshake was not valid", NULL},
    {"unknown_protocol", "it asked for a protocol that is not served", NULL},
    {"address_not_allowed", "the route is not for the client's address", "allow_from and deny_from of the route"},
    {"too_many_failed_credentials", "the client's address had shown too many credentials that were refused",
     "GATEWAY_MAX_FAILED_CREDENTIALS"},
    {"api_key_access_denied{missing}", "the route asks for an API key", NULL},
    {"api_key_access_denied{several}", "the request had more than one API key", NULL},
    {"api_key_access_denied{invalid}", "the request's API key is not known, or has expired", NULL},
    {"api_key_access_denied{no_keys}", "the data plane had no API keys yet, or may not have them (plaintext xDS)", NULL},
    {"cors_response", "the gateway answered a browser's question about another origin itself", NULL},
    {"cors_origin_not_allowed", "a browser asked for another origin, which the route does not allow", NULL},
    {"rbac_access_denied_undecided", "a regular expression took too long to say whether it may", "the work of a regular expression"},
    {"upgrade_failed", "WebSockets are switched off for this listener", NULL},
    {"tunnel_drained", "the data plane was being ended, and this connection with it", NULL},
    /* the data plane's own pages */
    {"node_health", "the data plane answered itself: /health", NULL},
    {"node_ready", "the data plane answered itself: /ready", NULL},
    {"node_metrics", "the data plane answered itself: /metrics", NULL},
    {"metrics_not_allowed", "/metrics is not for this client (GATEWAY_METRICS_ALLOW)", NULL},
    {"metrics_unavailable", "the data plane's metrics could not be had", NULL},
};

/* What is wrong with bytes that should be HTTP, of requests and of answers. */
static const struct row protocol_table[] = {
    {"http1.bad_method", "the method is no token, or no single space follows", NULL},
    {"http1.bad_target", "the target has none of the forms it may have", NULL},
    {"http1.bad_request_line", "the request line does not end in HTTP/1.0 or HTTP/1.1", NULL},
    {"http1.unsupported_version", "a version of HTTP that is not spoken here", NULL},
    {"http1.bad_status_line", "the answer does not begin with HTTP/1 and a status", NULL},
    {"http1.bad_line_end", "a bare CR or LF, or a head without an end", NULL},
    {"http1.bad_header_name", "a header's name is no token", NULL},
    {"http1.bad_header_value", "a header's value has a control character", NULL},
    {"http1.too_many_headers", "too many header fields", LIMIT_FIELDS},
    {"http1.head_too_large", "the head is too large", LIMIT_HEAD},
    {"http1.headers_too_large", "the header fields are too large", LIMIT_HEAD},
    {"http1.target_too_long", "the request line is too long", LIMIT_HEAD},
    {"http1.too_many_connection_options", "more than 64 options in Connection", NULL},
    {"http1.no_host", "HTTP/1.1 without Host", NULL},
    {"http1.several_hosts", "more than one Host", NULL},
    {"http1.bad_host", "Host is not host[:port]", NULL},
    {"http1.host_differs", "the target names another host than Host", NULL},
    {"http1.bad_content_length", "Content-Length is no number", NULL},
    {"http1.several_content_lengths", "more than one Content-Length", NULL},
    {"http1.content_length_and_transfer_encoding", "both Content-Length and Transfer-Encoding", NULL},
    {"http1.bad_transfer_encoding", "Transfer-Encoding does not end in chunked, once", NULL},
    {"http1.unsupported_transfer_encoding", "a coding before chunked", NULL},
    {"http1.interim_with_body", "an interim answer that announces a body", NULL},
    {"http1.bad_chunk", "a chunk or trailer that is not valid", NULL},
    {"http2.too_many_headers", "too many header fields", LIMIT_FIELDS},
    {"http2.head_too_large", "the head is too large", LIMIT_HEAD},
    {"http2.host_differs", "Host and :authority differ", NULL},
    {"http2.no_authority", "neither :authority nor Host", NULL},
    {"http2.bad_authority", ":authority is not host[:port]", NULL},
    {"http2.bad_target", ":path is not valid", NULL},
    {"http2.malformed_request", "its frames or fields break the rules of HTTP/2", NULL},
    /* of answers only */
    {"bad_chunk", "a chunk or trailer that is not valid", NULL},
    {"head_too_large", "its head is too large", NULL},
    {"too_many_interim_answers", "too many interim answers", NULL},
    {"unrequested_upgrade", "it changed the protocol, which nobody had asked for", NULL},
    {"bad_websocket_accept", "its Sec-WebSocket-Accept does not fit the key", NULL},
    {"http2", "its frames or fields break the rules of HTTP/2", NULL},
};

static const struct row overflow_table[] = {
    {"max_connections", "the service had all the connections that it may have", "limits: max_connections of the service"},
    {"max_pending_requests", "as many requests as may wait for a connection to the service were waiting",
     "limits: max_pending_requests of the service"},
    {"max_requests", "the service had as many requests at once as it may have", "limits: max_requests of the service"},
};

/* RFC 9113 section 7, by number. */
static const char *const h2_errors[] = {
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
};

#define FIND(table, word) find(table, GW_ARRAY_LEN(table), word)

static const struct row *find(const struct row *rows, size_t count, struct gw_str word) {
  for (size_t i = 0; i < count; i++) {
    if (gw_str_equal(gw_str_from(rows[i].word), word)) return &rows[i];
  }
  return NULL;
}

const char *gw_why_flag(struct gw_str flag) {
  const struct row *row = FIND(flags_table, flag);
  return row != NULL ? row->meaning : NULL;
}

/* ---- upstream_reset_before_response_started{REASON,…}: how a try ended without an answer, or within it ---- */

struct reset {
  bool is_after; /* the answer had begun */
  struct gw_str reason;
  struct gw_str more; /* behind the reason; may be empty */
};

static bool parse_reset(struct gw_str detail, struct reset *ret_reset) {
  const struct gw_str before = GW_STR("upstream_reset_before_response_started{"), after = GW_STR("upstream_reset_after_response_started{");
  bool is_after = gw_str_has_prefix(detail, after);
  if ((!is_after && !gw_str_has_prefix(detail, before)) || !gw_str_has_suffix(detail, GW_STR("}"))) return false;
  struct gw_str inner = gw_str_skip(detail, is_after ? after.len : before.len);
  inner.len--;
  /* How old the connection was is told elsewhere. */
  for (size_t i = 0; i < inner.len; i++) {
    if (gw_str_has_prefix(gw_str_skip(inner, i), GW_STR(",reused,idle_ms="))) inner.len = i;
  }
  ptrdiff_t comma = gw_str_find_char(inner, ',');
  size_t len = comma < 0 ? inner.len : (size_t)comma;
  *ret_reset = (struct reset){.is_after = is_after,
                              .reason = {inner.data, len},
                              .more = comma < 0 ? (struct gw_str){0} : gw_str_skip(inner, len + 1)};
  return true;
}

static const char *phase_of(const struct reset *reset) {
  return reset->is_after ? " in the middle of its answer" : " before it had answered";
}

/* "Connection_refused" */
static void append_reason(struct gw_strbuf *out, const struct reset *reset) {
  if (reset->more.len > 0) gw_strbuf_append_str(out, GW_STR(": "));
  for (size_t i = 0; i < reset->more.len; i++)
    gw_strbuf_append_char(out, (char)(reset->more.data[i] == '_' ? ' ' : reset->more.data[i]));
}

static bool append_connect_failure(struct gw_strbuf *out, const struct reset *reset) {
  gw_strbuf_append_str(out, GW_STR("no connection could be made"));
  append_reason(out, reset);
  return true;
}

static bool append_tls(struct gw_strbuf *out, const struct reset *reset) {
  gw_strbuf_append_str(out, GW_STR("TLS with the instance failed"));
  append_reason(out, reset);
  return true;
}

static bool append_connect_timeout(struct gw_strbuf *out, const struct reset *reset) {
  (void)reset;
  gw_strbuf_append_str(out, GW_STR("no connection stood in time"));
  return true;
}

static bool append_termination(struct gw_strbuf *out, const struct reset *reset) {
  gw_strbuf_printf(out, "the instance closed the connection%s", phase_of(reset));
  return true;
}

static bool append_remote_reset(struct gw_strbuf *out, const struct reset *reset) {
  const struct gw_str prefix = GW_STR("http2_error_");
  if (gw_str_has_prefix(reset->more, prefix)) {
    struct gw_str number = gw_str_skip(reset->more, prefix.len);
    uint64_t error;
    bool is_known = gw_str_parse_u64(number, &error) == GW_OK && error < GW_ARRAY_LEN(h2_errors);
    struct gw_str name = is_known ? gw_str_from(h2_errors[error]) : number;
    gw_strbuf_printf(out, "the instance reset the request's stream, with HTTP/2's error %.*s,%s", GW_STR_ARG(name), phase_of(reset));
  } else {
    gw_strbuf_printf(out, "the instance reset the connection%s", phase_of(reset));
  }
  return true;
}

static bool append_refused_stream(struct gw_strbuf *out, const struct reset *reset) {
  (void)reset;
  gw_strbuf_append_str(out, GW_STR("the instance refused the request's stream without having looked at it"));
  return true;
}

static bool append_goaway(struct gw_strbuf *out, const struct reset *reset) {
  (void)reset;
  gw_strbuf_append_str(out, GW_STR("the instance closed the connection to new requests (GOAWAY), this one among them"));
  return true;
}

static bool append_protocol_changed(struct gw_strbuf *out, const struct reset *reset) {
  (void)reset;
  gw_strbuf_append_str(out, GW_STR("the instance speaks another version of HTTP than it did before"));
  return true;
}

static bool append_protocol_error(struct gw_strbuf *out, const struct reset *reset) {
  const struct row *row = FIND(protocol_table, reset->more);
  struct gw_str meaning = row != NULL ? gw_str_from(row->meaning) : reset->more;
  gw_strbuf_printf(out, "what the instance answered was not valid HTTP: %.*s", GW_STR_ARG(meaning));
  return true;
}

static bool append_overflow(struct gw_strbuf *out, const struct reset *reset) {
  const struct row *row = FIND(overflow_table, reset->more);
  if (row != NULL) gw_strbuf_append_str(out, gw_str_from(row->meaning));
  return row != NULL;
}

static const struct reset_row {
  const char *reason;
  bool (*append)(struct gw_strbuf *out, const struct reset *reset);
} resets_table[] = {
    {"remote_connection_failure", append_connect_failure},
    {"connection_timeout", append_connect_timeout},
    {"tls", append_tls},
    {"overflow", append_overflow},
    {"connection_termination", append_termination},
    {"remote_reset", append_remote_reset},
    {"remote_refused_stream_reset", append_refused_stream},
    {"remote_goaway", append_goaway},
    {"protocol_error", append_protocol_error},
    {"protocol_changed", append_protocol_changed},
};

static bool append_reset(struct gw_strbuf *out, const struct reset *reset) {
  for (size_t i = 0; i < GW_ARRAY_LEN(resets_table); i++) {
    if (gw_str_equal(gw_str_from(resets_table[i].reason), reset->reason)) return resets_table[i].append(out, reset);
  }
  return false;
}

/* "rbac_access_denied_matched_policy[none]" */
static bool append_policy(struct gw_strbuf *out, struct gw_str detail) {
  struct gw_str prefix = GW_STR("rbac_access_denied_matched_policy["), name;
  if (!gw_str_has_prefix(detail, prefix) || !gw_str_has_suffix(detail, GW_STR("]"))) return false;
  name = (struct gw_str){detail.data + prefix.len, detail.len - prefix.len - 1};
  if (gw_str_equal(name, GW_STR("none")))
    gw_strbuf_append_str(out, GW_STR("no access rule of the route allows it to who asked"));
  else
    gw_strbuf_printf(out, "the access rule %.*s denies it", GW_STR_ARG(name));
  return true;
}

/* "jwt_authn_access_denied{Jwt_is_expired}" */
static bool append_token(struct gw_strbuf *out, struct gw_str detail) {
  struct gw_str prefix = GW_STR("jwt_authn_access_denied{");
  if (!gw_str_has_prefix(detail, prefix) || detail.data[detail.len - 1] != '}') return false;
  gw_strbuf_append_str(out, GW_STR("the request's token was not accepted: "));
  for (size_t i = prefix.len; i + 1 < detail.len; i++) {
    bool is_space = detail.data[i] == '_';
    gw_strbuf_append_str(out, is_space ? GW_STR(" ") : (struct gw_str){detail.data + i, 1});
  }
  return true;
}

bool gw_why_append_detail(struct gw_strbuf *out, struct gw_str detail) {
  struct reset reset;
  const struct row *row = FIND(details_table, detail);
  if (row != NULL) {
    gw_strbuf_append_str(out, gw_str_from(row->meaning));
    return true;
  }
  row = gw_str_has_prefix(detail, GW_STR("http")) ? FIND(protocol_table, detail) : NULL;
  if (row != NULL) {
    gw_strbuf_printf(out, "what the client sent was not valid HTTP, or not as it is taken here: %s", row->meaning);
    return true;
  }
  if (append_policy(out, detail)) return true;
  if (parse_reset(detail, &reset) && append_reset(out, &reset)) return true;
  if (append_token(out, detail)) return true;
  gw_strbuf_append_str(out, detail);
  return false;
}

/* ---- limits ---- */

static void add_limit(struct gw_why_limits *limits, const char *limit) {
  if (limit == NULL || limits->count == GW_WHY_LIMITS_MAX) return;
  for (uint32_t i = 0; i < limits->count; i++) {
    if (strcmp(limits->items[i], limit) == 0) return;
  }
  limits->items[limits->count++] = limit;
}

static const char *limit_of(const struct row *row) {
  return row != NULL ? row->limit : NULL;
}

void gw_why_add_limits(struct gw_why_limits *limits, struct gw_str flags, struct gw_str detail) {
  struct reset reset;
  bool is_reset = parse_reset(detail, &reset);
  bool is_overflow = is_reset && gw_str_equal(reset.reason, GW_STR("overflow"));
  add_limit(limits, limit_of(FIND(details_table, detail)));
  add_limit(limits, limit_of(FIND(protocol_table, detail)));
  if (is_overflow) add_limit(limits, limit_of(FIND(overflow_table, reset.more)));
  if (is_reset && gw_str_equal(reset.reason, GW_STR("connection_timeout")))
    add_limit(limits, "timeouts: connect of the service (GATEWAY_CONNECT_TIMEOUT)");
  struct gw_str flag;
  while (gw_str_split_next(&flags, ',', &flag)) {
    add_limit(limits, limit_of(FIND(flags_table, flag)));
    /* Of the service's limits the one that has no detail of its own. */
    if (gw_str_equal(flag, GW_STR("UO")) && !is_overflow) add_limit(limits, "retry_budget of the service (GATEWAY_RETRY_BUDGET_PERCENT)");
  }
}
