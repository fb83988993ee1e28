#include "controlplane/policy/tracing_settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/net/address.h"
#include "common/otlp/pairs.h"
#include "controlplane/policy/translate.h"

#define GRPC_PORT 4317
#define HTTP_PORT 4318
#define TRACES_PATH "/v1/traces"
#define RATE_MAX 1e6
#define COLLECTOR_CONNECT_MS 5000u

/* OTEL_EXPORTER_OTLP_… and OTEL_EXPORTER_OTLP_TRACES_…, of which the latter goes first, and is taken as it is. */
struct endpoint {
  const char *name; /* of the setting */
  const char *text; /* empty: there is none */
  bool is_whole;    /* its path is not a base */
  bool is_https;
  struct gw_str host;
  uint16_t port;
  struct gw_str path; /* of the URL */
};

static const char *either(const char *first, const char *second) {
  return first[0] != '\0' ? first : second;
}

/* false: it is no http:// or https:// URL of a host. */
static bool parse_url(struct endpoint *endpoint, uint16_t default_port) {
  struct gw_str rest = gw_str_from(endpoint->text);
  endpoint->is_https = gw_str_has_prefix(rest, GW_STR("https://"));
  if (rest.data == NULL || (!endpoint->is_https && !gw_str_has_prefix(rest, GW_STR("http://")))) return false;
  rest = gw_str_skip(rest, endpoint->is_https ? 8 : 7);
  ptrdiff_t slash = gw_str_find_char(rest, '/');
  endpoint->path = slash < 0 ? (struct gw_str){NULL, 0} : gw_str_skip(rest, (size_t)slash);
  struct gw_str authority = slash < 0 ? rest : (struct gw_str){rest.data, (size_t)slash};
  if (authority.len == 0 || gw_str_find_char(authority, '@') >= 0 || gw_str_find_char(rest, '?') >= 0 || gw_str_find_char(rest, '#') >= 0)
    return false;
  if (gw_address_split(authority, &endpoint->host, &endpoint->port) == GW_OK) return true;
  endpoint->port = default_port;
  bool is_v6 = authority.len > 2 && authority.data[0] == '[' && authority.data[authority.len - 1] == ']';
  endpoint->host = is_v6 ? (struct gw_str){authority.data + 1, authority.len - 2} : authority;
  return is_v6 || gw_str_find_char(authority, ':') < 0;
}

static bool is_http(const struct gw_settings *settings) {
  const char *protocol = strcmp(settings->otlp_traces_protocol, "auto") != 0 ? settings->otlp_traces_protocol : settings->otlp_protocol;
  if (strcmp(protocol, "auto") != 0) return strcmp(protocol, "http/protobuf") == 0;
  struct endpoint endpoint = {.text = either(settings->otlp_traces_endpoint, settings->otlp_endpoint)};
  return !parse_url(&endpoint, HTTP_PORT) || endpoint.port != GRPC_PORT; /* OpenTelemetry's default, but on gRPC's own port */
}

static struct endpoint endpoint_of(const struct gw_settings *settings, bool *ret_is_url) {
  bool is_whole = settings->otlp_traces_endpoint[0] != '\0';
  struct endpoint endpoint = {.name = is_whole ? "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" : "OTEL_EXPORTER_OTLP_ENDPOINT",
                              .text = is_whole ? settings->otlp_traces_endpoint : settings->otlp_endpoint,
                              .is_whole = is_whole};
  *ret_is_url = parse_url(&endpoint, is_http(settings) ? HTTP_PORT : GRPC_PORT);
  return endpoint;
}

static struct gw_str path_of(const struct endpoint *endpoint, struct gw_arena *arena) {
  struct gw_str base = endpoint->path;
  if (endpoint->is_whole) return base.len > 0 ? gw_arena_copy(arena, base) : GW_STR("/");
  while (base.len > 0 && base.data[base.len - 1] == '/')
    base.len--;
  return gw_str_from(gw_arena_printf(arena, "%.*s" TRACES_PATH, GW_STR_ARG(base)));
}

static uint64_t timeout_of(const struct gw_settings *settings) {
  return settings->otlp_traces_timeout_ms > 0 ? settings->otlp_traces_timeout_ms : settings->otlp_timeout_ms;
}

bool gw_tracing_is_on(const struct gw_settings *settings) {
  return !settings->is_otel_disabled && either(settings->otlp_traces_endpoint, settings->otlp_endpoint)[0] != '\0';
}

/* ---- samplers ---- */

struct sampler {
  bool heeds_parent;
  bool has_ratio; /* the argument is one */
  bool has_rate;
  double value;
};

static struct sampler sampler_of(const struct gw_settings *settings) {
  const char *name = settings->otel_sampler;
  struct sampler sampler = {.heeds_parent = strncmp(name, "parentbased_", 12) == 0, .value = 1};
  if (sampler.heeds_parent) name += 12;
  sampler.has_ratio = strcmp(name, "traceidratio") == 0;
  sampler.has_rate = strcmp(name, "ratelimited") == 0;
  if (strcmp(name, "always_off") == 0) sampler.value = 0;
  return sampler;
}

static bool parse_argument(const struct gw_settings *settings, struct sampler *sampler) {
  char *end;
  if (!sampler->has_ratio && !sampler->has_rate) return true;
  if (settings->otel_sampler_arg[0] == '\0') return true;
  sampler->value = strtod(settings->otel_sampler_arg, &end);
  return *end == '\0' && sampler->value >= 0 && sampler->value <= (sampler->has_ratio ? 1 : RATE_MAX) &&
         (sampler->has_ratio || sampler->value > 0);
}

/* ---- propagators ---- */

/* false: one is not known. */
static bool parse_propagators(const char *text, unsigned *ret_ways) {
  static const struct {
    const char *name;
    unsigned way;
  } known[] = {{"tracecontext", GW_PROPAGATE_W3C},
               {"b3", GW_PROPAGATE_B3},
               {"b3multi", GW_PROPAGATE_B3_MULTI},
               {"baggage", 0},
               {"none", 0}};
  struct gw_str rest = gw_str_from(text), piece;
  *ret_ways = 0;
  while (gw_str_split_next(&rest, ',', &piece)) {
    size_t i = 0;
    piece = gw_str_trim(piece);
    while (i < GW_ARRAY_LEN(known) && !gw_str_equal(piece, gw_str_from(known[i].name)))
      i++;
    if (i == GW_ARRAY_LEN(known)) return false;
    *ret_ways |= known[i].way;
  }
  return true;
}

/* ---- checks ---- */

/* As gRPC has them, too. */
static bool is_header_name(struct gw_str name) {
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool is_alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_alphanumeric && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

static void check_pairs(const struct gw_settings *settings, const char *name, const char *text, bool are_headers,
                        struct gw_errors *errors) {
  struct gw_arena arena;
  const struct gw_otlp_pair *pairs;
  uint32_t count = 0;
  gw_arena_init(&arena, 512);
  if (gw_otlp_pairs_parse(gw_str_from(text), &arena, &pairs, &count) != GW_OK)
    gw_errors_add(errors, gw_settings_place(settings, name), "%s: name=value with commas is allowed, percent-encoded", name);
  for (uint32_t i = 0; are_headers && i < count; i++) {
    if (is_header_name(pairs[i].key)) continue;
    gw_errors_add(errors, gw_settings_place(settings, name), "%s: the names of headers are letters, digits, - _ and .", name);
    break;
  }
  gw_arena_wipe(&arena); /* credentials */
  gw_arena_done(&arena);
}

void gw_tracing_settings_check(const struct gw_settings *settings, struct gw_errors *errors) {
  bool is_url;
  unsigned ways;
  struct sampler sampler = sampler_of(settings);
  struct endpoint endpoint = endpoint_of(settings, &is_url);
  if (endpoint.text[0] != '\0' && !is_url)
    gw_errors_add(errors, gw_settings_place(settings, endpoint.name),
                  "%s: a URL is allowed, such as http://127.0.0.1:4317 or https://collector.example:4318", endpoint.name);
  check_pairs(settings, "OTEL_EXPORTER_OTLP_HEADERS", settings->otlp_headers, true, errors);
  check_pairs(settings, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", settings->otlp_traces_headers, true, errors);
  check_pairs(settings, "OTEL_RESOURCE_ATTRIBUTES", settings->otel_resource_attributes, false, errors);
  if (!parse_argument(settings, &sampler))
    gw_errors_add(errors, gw_settings_place(settings, "OTEL_TRACES_SAMPLER_ARG"), "OTEL_TRACES_SAMPLER_ARG: %s is allowed",
                  sampler.has_ratio ? "a share from 0 to 1, such as 0.01," : "a number of traces a second, more than 0,");
  if (!parse_propagators(settings->otel_propagators, &ways))
    gw_errors_add(errors, gw_settings_place(settings, "OTEL_PROPAGATORS"),
                  "OTEL_PROPAGATORS: tracecontext, baggage, b3, b3multi and none are allowed, also several with commas");
}

/* ---- for data planes ---- */

static struct gw_str copy(struct gw_arena *arena, const char *text) {
  return gw_arena_copy(arena, gw_str_from(text));
}

static struct gw_str authority_of(const struct endpoint *endpoint, struct gw_arena *arena) {
  bool is_v6 = gw_str_find_char(endpoint->host, ':') >= 0;
  return gw_str_from(gw_arena_printf(arena, "%s%.*s%s:%u", is_v6 ? "[" : "", GW_STR_ARG(endpoint->host), is_v6 ? "]" : "", endpoint->port));
}

static const struct gw_otlp_pair *attributes_of(const struct gw_settings *settings, struct gw_arena *arena, uint32_t *ret_count) {
  const struct gw_otlp_pair *pairs = NULL;
  *ret_count = 0;
  gw_otlp_pairs_parse(gw_str_from(settings->otel_resource_attributes), arena, &pairs, ret_count);
  return pairs;
}

/* OTEL_SERVICE_NAME goes before service.name of OTEL_RESOURCE_ATTRIBUTES. */
static struct gw_str service_name_of(const struct gw_settings *settings, struct gw_arena *arena) {
  uint32_t count;
  const struct gw_otlp_pair *pairs = attributes_of(settings, arena, &count);
  if (settings->otel_service_name[0] != '\0') return copy(arena, settings->otel_service_name);
  for (uint32_t i = 0; i < count; i++)
    if (gw_str_equal(pairs[i].key, GW_STR("service.name"))) return pairs[i].value;
  return GW_STR("gateway");
}

static void set_sampler(const struct gw_settings *settings, struct gw_tracing *tracing) {
  struct sampler sampler = sampler_of(settings);
  parse_argument(settings, &sampler);
  tracing->heeds_parent = sampler.heeds_parent;
  if (sampler.has_rate)
    tracing->sampled_per_s = sampler.value;
  else
    tracing->sampled_millionths = (uint32_t)(sampler.value * GW_TRACING_ALL + 0.5);
}

static void set_attributes(const struct gw_settings *settings, struct gw_arena *arena, struct gw_tracing *tracing) {
  uint32_t count;
  const struct gw_otlp_pair *pairs = attributes_of(settings, arena, &count);
  struct gw_trace_pair *attributes = gw_arena_calloc(arena, count, sizeof(*attributes));
  for (uint32_t i = 0; i < count; i++)
    if (!gw_str_equal(pairs[i].key, GW_STR("service.name")))
      attributes[tracing->attribute_count++] = (struct gw_trace_pair){pairs[i].key, pairs[i].value};
  tracing->attributes = attributes;
}

const struct gw_tracing *gw_tracing_translate(const struct gw_settings *settings, struct gw_arena *arena) {
  bool is_url;
  struct endpoint endpoint = endpoint_of(settings, &is_url);
  struct gw_tracing *tracing = gw_arena_calloc(arena, 1, sizeof(*tracing));
  *tracing = (struct gw_tracing){.is_http = is_http(settings),
                                 .cluster = GW_STR(GW_TRACING_CLUSTER),
                                 .authority = authority_of(&endpoint, arena),
                                 .timeout_ms = timeout_of(settings),
                                 .service_name = service_name_of(settings, arena),
                                 .samples_errors = settings->samples_errors,
                                 .has_attempt_spans = true,
                                 .max_path_len = GW_TRACING_PATH_LEN,
                                 .tells_client = settings->tells_trace_ids};
  if (tracing->is_http) tracing->path = path_of(&endpoint, arena);
  if (either(settings->otlp_traces_headers, settings->otlp_headers)[0] != '\0')
    tracing->headers_secret = GW_STR(GW_SECRET_NAME_OTLP_HEADERS);
  parse_propagators(settings->otel_propagators, &tracing->propagation);
  set_sampler(settings, tracing);
  set_attributes(settings, arena, tracing);
  return tracing;
}

static const struct gw_upstream_tls *translate_tls(const struct endpoint *endpoint, bool is_grpc, struct gw_arena *arena) {
  static const struct gw_str h2 = {"h2", 2}, http = {"http/1.1", 8};
  if (!endpoint->is_https) return NULL;
  struct gw_upstream_tls *tls = gw_arena_calloc(arena, 1, sizeof(*tls));
  struct gw_san_match *san = gw_arena_calloc(arena, 1, sizeof(*san));
  struct gw_address address;
  struct gw_str host = gw_arena_copy(arena, endpoint->host);
  bool is_ip = gw_address_parse_ip(host, 0, &address) == GW_OK;
  *san = (struct gw_san_match){.kind = is_ip ? GW_SAN_IP : GW_SAN_DNS, .match = GW_STRING_MATCH_EXACT, .value = host};
  *tls = (struct gw_upstream_tls){.params = {.max_version = GW_TLS_1_3,
                                             .alpn = is_grpc ? &h2 : &http,
                                             .alpn_count = 1,
                                             .validation = GW_STR(GW_TRACING_CA),
                                             .sans = san,
                                             .san_count = 1},
                                  .sni = is_ip ? (struct gw_str){NULL, 0} : host};
  return tls;
}

struct gw_cluster gw_tracing_translate_cluster(const struct gw_settings *settings, struct gw_arena *arena) {
  bool is_url, is_grpc = !is_http(settings);
  struct endpoint endpoint = endpoint_of(settings, &is_url);
  struct gw_address address;
  struct gw_endpoint *item = gw_arena_calloc(arena, 1, sizeof(*item));
  struct gw_endpoints *endpoints = gw_arena_calloc(arena, 1, sizeof(*endpoints));
  *item = (struct gw_endpoint){.address = gw_arena_copy(arena, endpoint.host), .port = endpoint.port, .weight = 1};
  *endpoints = (struct gw_endpoints){.cluster_name = GW_STR(GW_TRACING_CLUSTER), .items = item, .count = 1};
  bool is_ip = gw_address_parse_ip(item->address, 0, &address) == GW_OK;
  return (struct gw_cluster){.name = GW_STR(GW_TRACING_CLUSTER),
                             .kind = is_ip ? GW_CLUSTER_STATIC : GW_CLUSTER_STRICT_DNS,
                             .balancing = gw_load_balancing_default(GW_LB_ROUND_ROBIN),
                             .inline_endpoints = endpoints,
                             .connect_timeout_ms = COLLECTOR_CONNECT_MS,
                             .dns_refresh_ms = settings->dns_refresh_ms,
                             .upstream_idle_timeout_ms = settings->upstream_idle_timeout_ms,
                             .protocol = is_grpc ? GW_UPSTREAM_HTTP2 : GW_UPSTREAM_HTTP1,
                             .http2 = is_grpc ? gw_policy_translate_http2(settings) : (struct gw_http2_options){0},
                             .tls = translate_tls(&endpoint, is_grpc, arena)};
}

static const char *ca_file_of(const struct gw_settings *settings) {
  return either(settings->otlp_certificate, settings->ca_file);
}

uint32_t gw_tracing_translate_secrets(const struct gw_settings *settings, struct gw_arena *arena, struct gw_policy_secret *secrets) {
  bool is_url;
  const char *headers = either(settings->otlp_traces_headers, settings->otlp_headers);
  uint32_t count = 0;
  if (headers[0] != '\0') {
    struct gw_policy_keys *keys = gw_arena_calloc(arena, 1, sizeof(*keys));
    *keys = (struct gw_policy_keys){.kind = GW_KEYS_PLAIN, .text = copy(arena, headers)};
    secrets[count++] = (struct gw_policy_secret){.name = GW_STR(GW_SECRET_NAME_OTLP_HEADERS),
                                                 .kind = GW_SECRET_GENERIC,
                                                 .place = "OTEL_EXPORTER_OTLP_HEADERS",
                                                 .keys = keys};
  }
  if (!endpoint_of(settings, &is_url).is_https) return count;
  const char **path = gw_arena_calloc(arena, 1, sizeof(*path));
  path[0] = gw_arena_strdup(arena, ca_file_of(settings));
  secrets[count++] = (struct gw_policy_secret){.name = GW_STR(GW_TRACING_CA),
                                               .kind = GW_SECRET_VALIDATION,
                                               .paths = path,
                                               .path_count = 1,
                                               .place = "OTEL_EXPORTER_OTLP_CERTIFICATE"};
  return count;
}

/* ---- for the control plane itself ---- */

static const struct gw_otlp_pair *make_resource(const struct gw_settings *settings, struct gw_arena *arena, struct gw_str instance,
                                                uint32_t *ret_count) {
  uint32_t count;
  const struct gw_otlp_pair *given = attributes_of(settings, arena, &count);
  struct gw_otlp_pair *all = gw_arena_calloc(arena, count + 3, sizeof(*all));
  struct gw_str service = service_name_of(settings, arena);
  *ret_count = 0;
  all[(*ret_count)++] =
      (struct gw_otlp_pair){GW_STR("service.name"), gw_str_from(gw_arena_printf(arena, "%.*s-controlplane", GW_STR_ARG(service)))};
  all[(*ret_count)++] = (struct gw_otlp_pair){GW_STR("service.instance.id"), instance};
  all[(*ret_count)++] = (struct gw_otlp_pair){GW_STR("service.version"), GW_STR(GW_VERSION)};
  for (uint32_t i = 0; i < count; i++) {
    bool is_ours = false;
    for (uint32_t k = 0; k < 3; k++)
      is_ours = is_ours || gw_str_equal(given[i].key, all[k].key);
    if (!is_ours) all[(*ret_count)++] = given[i];
  }
  return all;
}

struct gw_otlp_options gw_tracing_export_options(const struct gw_settings *settings, struct gw_arena *arena, struct gw_str instance,
                                                 const char **ret_ca_file) {
  bool is_url;
  struct endpoint endpoint = endpoint_of(settings, &is_url);
  struct gw_str *target = gw_arena_calloc(arena, 1, sizeof(*target));
  *target = authority_of(&endpoint, arena);
  struct gw_otlp_options options = {.protocol = is_http(settings) ? GW_OTLP_HTTP : GW_OTLP_GRPC,
                                    .targets = target,
                                    .target_count = 1,
                                    .path = path_of(&endpoint, arena),
                                    .timeout_ms = timeout_of(settings)};
  const char *headers = either(settings->otlp_traces_headers, settings->otlp_headers);
  gw_otlp_pairs_parse(gw_str_from(headers), arena, &options.headers, &options.header_count);
  for (uint32_t i = 0; i < options.header_count; i++) /* gRPC takes no capitals; the bytes are the arena's */
    for (char *at = (char *)(uintptr_t)options.headers[i].key.data; *at != '\0'; at++)
      if (*at >= 'A' && *at <= 'Z') *at |= 0x20;
  options.resource = make_resource(settings, arena, instance, &options.resource_count);
  *ret_ca_file = endpoint.is_https ? ca_file_of(settings) : NULL;
  return options;
}
