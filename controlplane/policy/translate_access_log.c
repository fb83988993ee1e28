#include "controlplane/policy/translate_access_log.h"

#include "common/base/mem.h"
#include "common/base/percent.h"
#include "common/message/headers.h"
#include "controlplane/policy/route_headers_yaml.h"

#define FIELDS_MAX 256u /* of one log, by the wire's rules */

/* Envoy's names and operators; the path without its query, since queries may hold secrets. Each is in the README's table of log fields. */
static const struct gw_access_log_field json_fields[] = {
#define FIELD(name, format)                                                                                                                \
  {                                                                                                                                        \
    {name, sizeof(name) - 1}, {                                                                                                            \
      format, sizeof(format) - 1                                                                                                           \
    }                                                                                                                                      \
  }
    FIELD("start_time", "%START_TIME%"),
    FIELD("method", "%REQ(:METHOD)%"),
    FIELD("path", "%PATH(NQ)%"),
    FIELD("protocol", "%PROTOCOL%"),
    FIELD("authority", "%REQ(:AUTHORITY)%"),
    FIELD("response_code", "%RESPONSE_CODE%"),
    FIELD("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    FIELD("response_flags", "%RESPONSE_FLAGS%"),
    FIELD("bytes_received", "%BYTES_RECEIVED%"),
    FIELD("bytes_sent", "%BYTES_SENT%"),
    FIELD("duration", "%DURATION%"),
    FIELD("response_duration", "%RESPONSE_DURATION%"),
    FIELD("route_name", "%ROUTE_NAME%"),
    FIELD("upstream_cluster", "%UPSTREAM_CLUSTER%"),
    FIELD("upstream_host", "%UPSTREAM_HOST%"),
    FIELD("upstream_request_attempt_count", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
    FIELD("upstream_attempts", "%DYNAMIC_METADATA(gateway:attempts)%"),
    FIELD("upstream_connection_reused", "%DYNAMIC_METADATA(gateway:upstream_connection_reused)%"),
    FIELD("downstream_connection_reused", "%DYNAMIC_METADATA(gateway:downstream_connection_reused)%"),
    FIELD("snapshot", "%DYNAMIC_METADATA(gateway:snapshot)%"),
    FIELD("consumer", "%DYNAMIC_METADATA(gateway:consumer)%"),
    FIELD("api_key", "%DYNAMIC_METADATA(gateway:api_key)%"),
    FIELD("rate_limit", "%DYNAMIC_METADATA(gateway:rate_limit)%"),
    FIELD("rate_limit_key", "%DYNAMIC_METADATA(gateway:rate_limit_key)%"),
    FIELD("rbac_policy", "%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%"),
    FIELD("rbac_shadow_policy", "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_effective_policy_id)%"),
    FIELD("rbac_shadow_result", "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)%"),
    FIELD("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    FIELD("user_agent", "%REQ(USER-AGENT)%"),
    FIELD("request_id", "%REQ(X-REQUEST-ID)%"),
    FIELD("trace_id", "%TRACE_ID%"),
#undef FIELD
};
static const struct gw_access_log_field type_field = {{"access_log_type", 15}, {"%ACCESS_LOG_TYPE%", 17}};

static const char text_format[] =
    "[%START_TIME%] \"%REQ(:METHOD)% %PATH(NQ)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% "
    "%BYTES_SENT% %DURATION% \"%ROUTE_NAME%\" \"%UPSTREAM_CLUSTER%\" \"%UPSTREAM_HOST%\" \"%DOWNSTREAM_REMOTE_ADDRESS%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" "
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT% \"%DYNAMIC_METADATA(gateway:attempts)%\" \"%DYNAMIC_METADATA(gateway:snapshot)%\" "
    "\"%DYNAMIC_METADATA(envoy.filters.http.rbac:enforced_effective_policy_id)%\" "
    "\"%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_effective_policy_id)%\" "
    "%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)% "
    "\"%DYNAMIC_METADATA(gateway:consumer)%\" \"%DYNAMIC_METADATA(gateway:rate_limit)%\" "
    "%DYNAMIC_METADATA(gateway:upstream_connection_reused)% %TRACE_ID%";

/* ---- which requests ---- */

static struct gw_access_log_filter at_least(enum gw_access_log_filter_kind kind, uint64_t value) {
  return (struct gw_access_log_filter){.kind = kind,
                                       .comparison = GW_COMPARE_AT_LEAST,
                                       .value = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX};
}

static struct gw_access_log_filter make_filter(const struct gw_access_log_rule *rule, struct gw_arena *arena) {
  struct gw_access_log_filter *any = gw_arena_calloc(arena, 3, sizeof(*any));
  uint32_t count = 0;
  any[count++] =
      (struct gw_access_log_filter){.kind = GW_LOG_FILTER_SAMPLE, .numerator = rule->sample_millionths, .denominator = GW_PERCENT_MILLION};
  if (rule->sample_millionths == GW_PERCENT_MILLION) return any[0];
  if (rule->always_status > 0) any[count++] = at_least(GW_LOG_FILTER_STATUS, rule->always_status);
  if (rule->always_ms > 0) any[count++] = at_least(GW_LOG_FILTER_DURATION, rule->always_ms);
  if (count == 1) return any[0];
  return (struct gw_access_log_filter){.kind = GW_LOG_FILTER_OR, .children = any, .child_count = count};
}

const struct gw_access_log_route *gw_policy_translate_access_log_rule(const struct gw_access_log_rule *rule, struct gw_arena *arena) {
  if (rule == NULL) return NULL;
  struct gw_access_log_route *route = gw_arena_calloc(arena, 1, sizeof(*route));
  route->filter = make_filter(rule, arena);
  return route;
}

/* ---- the form ---- */

struct form {
  const struct gw_policy_parts *parts;
  const struct gw_settings *settings;
  struct gw_arena *arena;
  struct gw_access_log_field *fields; /* of JSON */
  uint32_t count;
  struct gw_strbuf text;
};

static bool is_listed(struct gw_str list, struct gw_str name) {
  struct gw_str word;
  while (gw_str_split_next(&list, ',', &word))
    if (gw_str_equal_nocase(gw_str_trim(word), name)) return true;
  return false;
}

/* By nature, because the settings say so, or because API keys or tokens come in it. */
static bool is_hidden(const struct form *form, struct gw_str name) {
  const struct gw_auth_policy *auth = &form->parts->auth;
  if (gw_header_is_credential(gw_header_id_find(name), name)) return true;
  if (is_listed(gw_str_from(form->settings->access_log_redact), name)) return true;
  if (auth->has_api_keys && gw_str_equal_nocase(auth->api_key_header, name)) return true;
  for (uint32_t i = 0; i < auth->provider_count; i++)
    for (uint32_t k = 0; k < auth->providers[i].header_count; k++)
      if (gw_str_equal_nocase(auth->providers[i].headers[k].name, name)) return true;
  return false;
}

/* What is hidden goes by words that only our data planes know, so that other proxies write nothing. */
static void add_header(struct form *form, struct gw_str name, bool is_request) {
  struct gw_arena *arena = form->arena;
  bool hides = is_hidden(form, name);
  const char *format = gw_arena_printf(arena,
                                       !hides       ? (is_request ? "%%REQ(%.*s)%%" : "%%RESP(%.*s)%%")
                                       : is_request ? "%%DYNAMIC_METADATA(gateway:redacted:%.*s)%%"
                                                    : "%%DYNAMIC_METADATA(gateway:redacted_response:%.*s)%%",
                                       GW_STR_ARG(name));
  const char *field = gw_arena_printf(arena, "%s_headers.%.*s", is_request ? "request" : "response", GW_STR_ARG(name));
  if (form->count < FIELDS_MAX) form->fields[form->count++] = (struct gw_access_log_field){gw_str_from(field), gw_str_from(format)};
  gw_strbuf_printf(&form->text, " %s=\"%s\"", field, format);
}

static void add_headers(struct form *form, const char *list, bool is_request) {
  struct gw_str rest = gw_policy_lower(form->arena, gw_str_from(list)), word;
  while (gw_str_split_next(&rest, ',', &word)) {
    word = gw_str_trim(word);
    if (word.len > 0) add_header(form, word, is_request);
  }
}

/* What limits count by may be a header that is to be hidden. */
static struct gw_str limit_key_format(const struct form *form) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf names = {0};
  struct gw_str rest = gw_str_from(form->settings->access_log_redact), word;
  while (gw_str_split_next(&rest, ',', &word)) {
    if (names.len > 0) gw_strbuf_append_char(&names, ',');
    gw_strbuf_append_str(&names, gw_str_trim(word));
  }
  return gw_str_from(
      gw_arena_printf(form->arena, "%%DYNAMIC_METADATA(gateway:rate_limit_key:%.*s)%%", (int)names.len, names.len > 0 ? names.data : ""));
}

static void make_form(struct form *form, struct gw_access_log *log) {
  const struct gw_settings *settings = form->settings;
  form->fields = gw_arena_calloc(form->arena, FIELDS_MAX, sizeof(*form->fields));
  memcpy(form->fields, json_fields, sizeof(json_fields));
  form->count = GW_ARRAY_LEN(json_fields);
  for (uint32_t i = 0; i < form->count && *settings->access_log_redact != '\0'; i++)
    if (gw_str_equal(form->fields[i].name, GW_STR("rate_limit_key"))) form->fields[i].format = limit_key_format(form);
  gw_strbuf_append(&form->text, text_format, sizeof(text_format) - 1);
  if (settings->has_request_records) {
    form->fields[form->count++] = type_field;
    gw_strbuf_printf(&form->text, " %.*s", GW_STR_ARG(type_field.format));
  }
  add_headers(form, settings->access_log_request_headers, true);
  add_headers(form, settings->access_log_response_headers, false);
  gw_strbuf_append_char(&form->text, '\n');
  if (settings->access_log == GW_ACCESS_LOG_JSON) {
    log->fields = form->fields;
    log->field_count = form->count;
  } else {
    log->text = gw_arena_copy(form->arena, gw_strbuf_str(&form->text));
  }
  gw_strbuf_done(&form->text);
}

void gw_policy_translate_access_log(const struct gw_policy_parts *parts, const struct gw_settings *settings, struct gw_arena *arena,
                                    struct gw_http_connection_manager *http) {
  if (settings->access_log == GW_ACCESS_LOG_OFF) return;
  struct gw_access_log *log = gw_arena_calloc(arena, 1, sizeof(*log));
  struct gw_access_log_filter *filter = gw_arena_calloc(arena, 1, sizeof(*filter));
  struct gw_access_log_rule rule = gw_access_log_rule_of(settings);
  struct form form = {.parts = parts, .settings = settings, .arena = arena};
  make_form(&form, log);
  *filter = make_filter(&rule, arena);
  if (rule.sample_millionths < GW_PERCENT_MILLION) log->filter = filter;
  http->logs_new_requests = settings->has_request_records;
  http->access_logs = log;
  http->access_log_count = 1;
}
