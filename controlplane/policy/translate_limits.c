#include "controlplane/policy/translate_limits.h"

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "controlplane/policy/services_yaml.h"

#define MILLION 1000000u
#define PASSWORD_SECRET "redis/password"
#define IPV6_CLIENT_BITS 64u      /* what one host gets */
#define DEFAULT_MAX_KEYS 1048576u /* as data planes have it, too */
#define STOCK_DYNAMIC_DESCRIPTORS 100000u
/* What a caller without a name is counted by, where a descriptor has to have a value. */
#define NOBODY "-"

static bool is_shared(const struct gw_limit_entry *limit, const struct gw_settings *settings) {
  return settings->redis_host[0] != '\0' && (!limit->has_shared || limit->is_shared);
}

/* ---- Envoy's: of one route, in one process ---- */

/* The caller of a route without authentication is the client, since credentials are not looked at there; where only tokens are taken it is
 * the user. */
static enum gw_rate_limit_key_kind kind_of(const struct gw_route_entry *entry, const struct gw_rate_limit_key *key) {
  if (key->kind != GW_RATE_LIMIT_KEY_CALLER) return key->kind;
  if (!entry->auth.is_required) return GW_RATE_LIMIT_KEY_CLIENT;
  return entry->auth.takes_api_key ? GW_RATE_LIMIT_KEY_CALLER : GW_RATE_LIMIT_KEY_USER;
}

/* Whether Envoy's message says the same. A field that is missing takes the whole descriptor away, so such a key stands alone. */
static bool stock_can_say(const struct gw_route_entry *entry, const struct gw_settings *settings) {
  const struct gw_limits_entry *limits = &entry->limits;
  for (uint32_t i = 0; i < limits->count; i++) {
    const struct gw_limit_entry *limit = &limits->items[i];
    if (limit->scope != GW_RATE_LIMIT_SCOPE_ROUTE || limit->plan_count > 0 || is_shared(limit, settings)) return false;
    for (uint32_t k = 0; k < limit->key_count; k++) {
      enum gw_rate_limit_key_kind kind = kind_of(entry, &limit->keys[k]);
      if (kind == GW_RATE_LIMIT_KEY_CALLER || kind == GW_RATE_LIMIT_KEY_API_KEY) return false;
      if (kind == GW_RATE_LIMIT_KEY_HEADER && (limits->count > 1 || limit->key_count > 1)) return false;
    }
  }
  return limits->count > 0;
}

/* envoy.filters.http.jwt_authn, payload, and the way to the claim. */
static void set_claim(struct gw_str way, struct gw_arena *arena, struct gw_rate_limit_action *action) {
  struct gw_json_path path = {0};
  (void)gw_json_path_parse(way, arena, &path); /* it was checked when it was read */
  struct gw_str *segments = gw_arena_calloc(arena, path.count + 1u, sizeof(*segments));
  segments[0] = GW_STR("payload");
  for (uint32_t i = 0; i < path.count; i++)
    segments[i + 1] = path.segments[i];
  action->kind = GW_RATE_LIMIT_METADATA;
  action->from = GW_STR("envoy.filters.http.jwt_authn");
  action->path = segments;
  action->path_count = path.count + 1;
  action->value = GW_STR(NOBODY);
}

static void set_action(const struct gw_route_entry *entry, const struct gw_rate_limit_key *key, struct gw_arena *arena,
                       struct gw_rate_limit_action *action) {
  switch (kind_of(entry, key)) {
  case GW_RATE_LIMIT_KEY_USER:
    action->key = GW_STR("user");
    set_claim(GW_STR("sub"), arena, action);
    return;
  case GW_RATE_LIMIT_KEY_CLAIM:
    action->key = gw_str_from(gw_arena_printf(arena, "claim %.*s", GW_STR_ARG(key->name)));
    set_claim(key->name, arena, action);
    return;
  case GW_RATE_LIMIT_KEY_HEADER:
    *action = (struct gw_rate_limit_action){.kind = GW_RATE_LIMIT_HEADER, .from = key->name};
    action->key = gw_str_from(gw_arena_printf(arena, "header %.*s", GW_STR_ARG(key->name)));
    return;
  default:
    *action = (struct gw_rate_limit_action){.kind = GW_RATE_LIMIT_MASKED_ADDRESS,
                                            .key = GW_STR("masked_remote_address"),
                                            .v4_bits = 32,
                                            .v6_bits = IPV6_CLIENT_BITS};
  }
}

static struct gw_token_bucket make_bucket(const struct gw_rate_limit_numbers *numbers) {
  return (struct gw_token_bucket){.max_tokens = numbers->burst, .tokens_per_fill = numbers->requests, .fill_interval_ms = numbers->per_ms};
}

/* Each limit is a descriptor: which one it is, then what it counts by. */
static void set_descriptor(const struct gw_route_entry *entry, uint32_t index, struct gw_arena *arena,
                           struct gw_rate_limit_descriptor *descriptor, struct gw_rate_limit_actions *actions) {
  const struct gw_limit_entry *limit = &entry->limits.items[index];
  uint32_t count = limit->key_count + 1;
  struct gw_rate_limit_action *items = gw_arena_calloc(arena, count, sizeof(*items));
  struct gw_rate_limit_entry *entries = gw_arena_calloc(arena, count, sizeof(*entries));
  items[0] = (struct gw_rate_limit_action){.kind = GW_RATE_LIMIT_GENERIC_KEY, .key = GW_STR("limit")};
  items[0].value = gw_str_from(gw_arena_printf(arena, "%u", index));
  entries[0] = (struct gw_rate_limit_entry){items[0].key, items[0].value};
  for (uint32_t k = 0; k < limit->key_count; k++) {
    set_action(entry, &limit->keys[k], arena, &items[k + 1]);
    entries[k + 1].key = items[k + 1].key;
    entries[k + 1].value = GW_STR("");
  }
  *descriptor = (struct gw_rate_limit_descriptor){.entries = entries, .count = count, .bucket = make_bucket(&limit->numbers)};
  *actions = (struct gw_rate_limit_actions){items, count};
}

static struct gw_local_limit make_filter(struct gw_str stat_prefix) {
  return (struct gw_local_limit){.stat_prefix = stat_prefix,
                                 .status = 429,
                                 .is_resource_exhausted = true,
                                 .max_dynamic_descriptors = STOCK_DYNAMIC_DESCRIPTORS};
}

static const struct gw_local_limit_route *translate_local(const struct gw_route_entry *entry, const struct gw_settings *settings,
                                                          struct gw_arena *arena) {
  const struct gw_limits_entry *limits = &entry->limits;
  struct gw_rate_limit_descriptor *descriptors = gw_arena_calloc(arena, limits->count, sizeof(*descriptors));
  struct gw_rate_limit_actions *actions = gw_arena_calloc(arena, limits->count, sizeof(*actions));
  for (uint32_t i = 0; i < limits->count; i++)
    set_descriptor(entry, i, arena, &descriptors[i], &actions[i]);
  struct gw_local_limit_route *route = gw_arena_calloc(arena, 1, sizeof(*route));
  route->limit = make_filter(GW_STR("rate_limit"));
  route->limit.has_bucket = true; /* of requests without the field that they are counted by */
  route->limit.bucket = make_bucket(&limits->items[0].numbers);
  route->limit.tells_x_headers = settings->rate_limit_headers == GW_RATE_LIMIT_HEADERS_ALWAYS;
  route->limit.enabled_millionths = route->limit.enforced_millionths = MILLION;
  route->limit.descriptors = descriptors;
  route->limit.rate_limits = actions;
  route->limit.descriptor_count = route->limit.rate_limit_count = limits->count;
  return route;
}

/* ---- ours ---- */

/* A limit that several routes have under one name is one limit, so the name says which it is. */
static struct gw_str name_limit(const struct gw_limit_entry *limit, struct gw_str of, uint32_t index, bool is_written_there,
                                struct gw_arena *arena) {
  struct gw_str scope = gw_rate_limit_scope_name(limit->scope);
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_strbuf_append_str(&buf, scope);
  if (of.len > 0) gw_strbuf_printf(&buf, "/%.*s", GW_STR_ARG(of));
  if (is_written_there) {
    gw_strbuf_printf(&buf, "/%u", index);
    return gw_arena_copy(arena, gw_strbuf_str(&buf));
  }
  gw_strbuf_printf(&buf, "/%u/%llu/%u", limit->numbers.requests, (unsigned long long)limit->numbers.per_ms, limit->numbers.burst);
  for (uint32_t i = 0; i < limit->key_count; i++)
    gw_strbuf_printf(&buf, "/%d%.*s", (int)limit->keys[i].kind, GW_STR_ARG(limit->keys[i].name));
  return gw_arena_copy(arena, gw_strbuf_str(&buf));
}

static struct gw_rate_limit make_limit(const struct gw_limit_entry *entry, struct gw_str name, const struct gw_settings *settings) {
  return (struct gw_rate_limit){.name = name,
                                .scope = entry->scope,
                                .is_shared = is_shared(entry, settings),
                                .numbers = entry->numbers,
                                .plans = entry->plans,
                                .plan_count = entry->plan_count,
                                .key_count = entry->key_count,
                                .keys = entry->keys};
}

static const struct gw_limits_entry *limits_of_service(const struct gw_route_entry *entry, const struct gw_common_limits *common,
                                                       struct gw_str *ret_name) {
  const struct gw_service_entry *service = gw_route_actions_service(&entry->actions);
  *ret_name = service != NULL ? service->name : GW_STR("");
  for (uint32_t i = 0; service != NULL && i < common->service_count; i++)
    if (gw_str_equal(common->services[i].service, service->name)) return &common->services[i].limits;
  return NULL;
}

static const struct gw_shared_limit_route *translate_own(const struct gw_route_entry *entry, struct gw_str name, bool has_own,
                                                         const struct gw_common_limits *common, const struct gw_settings *settings,
                                                         struct gw_arena *arena) {
  struct gw_str service;
  const struct gw_limits_entry *of_service = limits_of_service(entry, common, &service);
  uint32_t count = (has_own ? entry->limits.count : 0) + (of_service != NULL ? of_service->count : 0);
  if (count == 0) return NULL;
  struct gw_shared_limit_route *route = gw_arena_calloc(arena, 1, sizeof(*route));
  struct gw_rate_limit *limits = gw_arena_calloc(arena, count, sizeof(*limits));
  for (uint32_t i = 0; has_own && i < entry->limits.count; i++) {
    const struct gw_limit_entry *limit = &entry->limits.items[i];
    bool is_route = limit->scope == GW_RATE_LIMIT_SCOPE_ROUTE;
    struct gw_str of = is_route ? name : limit->scope == GW_RATE_LIMIT_SCOPE_SERVICE ? service : GW_STR("");
    limits[route->count++] = make_limit(limit, name_limit(limit, of, i, is_route, arena), settings);
  }
  for (uint32_t i = 0; of_service != NULL && i < of_service->count; i++)
    limits[route->count++] = make_limit(&of_service->items[i], name_limit(&of_service->items[i], service, i, true, arena), settings);
  route->limits = limits;
  return route;
}

bool gw_limits_translate_route(const struct gw_route_entry *entry, struct gw_str name, const struct gw_common_limits *common,
                               const struct gw_settings *settings, struct gw_arena *arena, struct gw_route_filters *filters) {
  if (!settings->has_rate_limits) return false;
  bool is_stock = stock_can_say(entry, settings);
  if (is_stock) filters->local_limit = translate_local(entry, settings, arena);
  filters->shared_limit = translate_own(entry, name, !is_stock, common, settings, arena);
  return filters->local_limit != NULL || filters->shared_limit != NULL;
}

/* ---- listeners ---- */

void gw_limits_add_secrets(const struct gw_settings *settings, struct gw_arena *arena, struct gw_secret_list *secrets) {
  static const struct gw_yaml_node nowhere = {.kind = GW_YAML_SCALAR, .line = 1, .column = 1};
  if (settings->redis_host[0] == '\0' || settings->redis_password[0] == '\0' || !settings->has_rate_limits) return;
  struct gw_policy_keys *keys = gw_arena_calloc(arena, 1, sizeof(*keys));
  *keys = (struct gw_policy_keys){.kind = GW_KEYS_PLAIN, .text = gw_arena_copy(arena, gw_str_from(settings->redis_password))};
  const struct gw_reader reader = {.name = "settings", .arena = arena};
  gw_secret_list_add(secrets, &reader, &nowhere, GW_SECRET_GENERIC, PASSWORD_SECRET, NULL, 0);
  secrets->last->secret.keys = keys;
  secrets->last->secret.place = "REDIS_PASSWORD";
}

static const struct gw_rate_limit_redis *make_redis(const struct gw_settings *settings, struct gw_arena *arena) {
  if (settings->redis_host[0] == '\0') return NULL;
  struct gw_rate_limit_redis *redis = gw_arena_calloc(arena, 1, sizeof(*redis));
  *redis = (struct gw_rate_limit_redis){.host = gw_str_from(gw_arena_strdup(arena, settings->redis_host)),
                                        .port = settings->redis_port,
                                        .database = settings->redis_database,
                                        .user = gw_str_from(gw_arena_strdup(arena, settings->redis_user)),
                                        .password_secret = gw_str_from(settings->redis_password[0] != '\0' ? PASSWORD_SECRET : ""),
                                        .prefix = gw_str_from(gw_arena_strdup(arena, settings->redis_prefix)),
                                        .timeout_ms = settings->redis_timeout_ms,
                                        .on_failure = settings->redis_on_failure};
  return redis;
}

static const struct gw_shared_limit *make_shared(const struct gw_common_limits *common, const struct gw_settings *settings,
                                                 struct gw_arena *arena) {
  struct gw_shared_limit *shared = gw_arena_calloc(arena, 1, sizeof(*shared));
  struct gw_rate_limit *limits = gw_arena_calloc(arena, common->global.count + 1u, sizeof(*limits));
  for (uint32_t i = 0; i < common->global.count; i++) {
    const struct gw_limit_entry *limit = &common->global.items[i];
    limits[shared->count++] = make_limit(limit, name_limit(limit, GW_STR(""), i, true, arena), settings);
  }
  if (common->has_plans) limits[shared->count++] = make_limit(&common->plans, GW_STR("plan"), settings);
  shared->limits = limits;
  shared->redis = make_redis(settings, arena);
  shared->headers = settings->rate_limit_headers;
  shared->max_keys = settings->rate_limit_max_keys;
  return shared;
}

uint32_t gw_limits_translate_filters(const struct gw_route_list *routes, const struct gw_common_limits *common,
                                     const struct gw_settings *settings, struct gw_arena *arena,
                                     struct gw_http_filter ret_filters[GW_LIMIT_FILTERS_MAX]) {
  if (!settings->has_rate_limits) return 0;
  bool has_stock = false, has_own = common->global.count > 0 || common->service_count > 0 || common->has_plans;
  has_own = has_own || settings->rate_limit_max_keys != DEFAULT_MAX_KEYS;
  for (uint32_t i = 0; i < routes->count; i++) {
    bool is_stock = stock_can_say(&routes->items[i], settings);
    has_stock = has_stock || is_stock;
    has_own = has_own || (!is_stock && routes->items[i].limits.count > 0);
  }
  uint32_t count = 0;
  if (has_stock)
    ret_filters[count++] = (struct gw_http_filter){.name = GW_STR("envoy.filters.http.local_ratelimit"),
                                                   .kind = GW_FILTER_LOCAL_LIMIT,
                                                   .settings.local_limit = make_filter(GW_STR("rate_limit"))};
  if (has_own)
    ret_filters[count++] = (struct gw_http_filter){.name = GW_STR("gateway.filters.http.rate_limit"),
                                                   .kind = GW_FILTER_SHARED_LIMIT,
                                                   .settings.shared_limit = *make_shared(common, settings, arena)};
  return count;
}

/* ---- checks ---- */

static void check_entry(const struct gw_reader *reader, const struct gw_settings *settings, const struct gw_route_entry *entry) {
  for (uint32_t i = 0; i < entry->limits.count; i++) {
    const struct gw_limit_entry *limit = &entry->limits.items[i];
    if (limit->scope == GW_RATE_LIMIT_SCOPE_SERVICE && (entry->actions.service == NULL || entry->actions.share_count > 0))
      gw_reader_mistake(reader, limit->node, "scope: service is for a route with one service");
    if (reader->errors->error_count > 0) continue; /* first things first */
    for (uint32_t k = 0; k < limit->key_count; k++) {
      enum gw_rate_limit_key_kind kind = limit->keys[k].kind;
      if (!entry->auth.is_required &&
          (kind == GW_RATE_LIMIT_KEY_USER || kind == GW_RATE_LIMIT_KEY_API_KEY || kind == GW_RATE_LIMIT_KEY_CLAIM))
        gw_reader_warn(reader, limit->node, "without auth_required nobody is known here, so that all requests have one bucket");
    }
    if (limit->has_shared && limit->is_shared && settings->redis_host[0] == '\0')
      gw_reader_warn(reader, limit->node, "without REDIS_HOST each data plane counts alone");
  }
}

void gw_limits_check(const struct gw_reader *reader, const struct gw_settings *settings, const struct gw_route_list *routes,
                     const struct gw_common_limits *common) {
  bool has_limits = common->global.count > 0 || common->service_count > 0 || common->has_plans;
  for (uint32_t i = 0; i < routes->count; i++) {
    const struct gw_route_entry *entry = &routes->items[i];
    if (entry->host_count > 1 && !gw_str_equal(entry->host, entry->hosts[0])) continue; /* it was looked at */
    check_entry(reader, settings, entry);
    has_limits = has_limits || entry->limits.count > 0;
  }
  if (has_limits && !settings->has_rate_limits)
    gw_errors_warn(reader->errors, reader->name, "there are rate limits, but RATE_LIMIT_ENABLED is false: they are not enforced");
}
