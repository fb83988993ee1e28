#include "controlplane/policy/rate_limit_yaml.h"

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/message/headers.h"
#include "controlplane/policy/services_yaml.h"

#define REQUESTS_MAX 1000000000u
#define PER_MS 60000u
#define PER_MIN_MS 1000u
#define KEYS_MAX 8u
#define PLANS_MAX 100u

static const char *const limit_keys[] = {"requests", "per", "burst", "key", "scope", "shared", "plans", NULL};
static const char *const numbers_keys[] = {"requests", "per", "burst", NULL};
static const char *const key_keys[] = {"header", "claim", NULL};
static const char *const common_keys[] = {"global", "services", "plans", NULL};

#define KEYS "user, api_key, client, caller, all, {header: NAME}, {claim: NAME} or a list of them"

static const struct {
  const char *word;
  enum gw_rate_limit_key_kind kind;
} key_words[] = {{"caller", GW_RATE_LIMIT_KEY_CALLER},
                 {"user", GW_RATE_LIMIT_KEY_USER},
                 {"api_key", GW_RATE_LIMIT_KEY_API_KEY},
                 {"client", GW_RATE_LIMIT_KEY_CLIENT}};

static const struct gw_rate_limit_key by_caller = {.kind = GW_RATE_LIMIT_KEY_CALLER};

/* ---- numbers ---- */

/* 100, or what `node` says in long form. */
static bool read_numbers(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what,
                         struct gw_rate_limit_numbers *ret_numbers) {
  struct gw_rate_limit_numbers numbers = {.per_ms = PER_MS};
  if (node->kind != GW_YAML_MAPPING) {
    if (!gw_reader_u32(reader, node, what, 1, REQUESTS_MAX, &numbers.requests)) return false;
    numbers.burst = numbers.requests;
    *ret_numbers = numbers;
    return true;
  }
  const struct gw_yaml_node *requests = gw_yaml_find(node, "requests"), *per = gw_yaml_find(node, "per"),
                            *burst = gw_yaml_find(node, "burst");
  if (requests == NULL) {
    gw_reader_mistake(reader, node, "%s needs requests: how many are allowed", what);
    return false;
  }
  bool is_good = gw_reader_u32(reader, requests, "requests", 1, REQUESTS_MAX, &numbers.requests);
  if (per != NULL && !gw_reader_duration(reader, per, "per", &numbers.per_ms)) is_good = false;
  numbers.burst = numbers.requests;
  if (burst != NULL && !gw_reader_u32(reader, burst, "burst", 1, REQUESTS_MAX, &numbers.burst)) is_good = false;
  if (!is_good) return false;
  if (numbers.per_ms < PER_MIN_MS) {
    gw_reader_mistake(reader, per, "per is at least 1s; fewer requests in a second are a smaller number");
  } else if (gw_rate_limit_numbers_are_too_slow(&numbers)) {
    gw_reader_mistake(reader, node, "%s takes more than a year to allow its burst again", what);
  }
  *ret_numbers = numbers;
  return true;
}

/* ---- keys ---- */

static void read_named_key(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_rate_limit_key *key) {
  if (!gw_reader_is_mapping(reader, node, "key", key_keys)) return;
  const struct gw_yaml_node *header = gw_yaml_find(node, "header"), *claim = gw_yaml_find(node, "claim");
  struct gw_json_path path;
  if ((header != NULL) == (claim != NULL)) {
    gw_reader_mistake(reader, node, "key is " KEYS);
  } else if (header != NULL) {
    key->kind = GW_RATE_LIMIT_KEY_HEADER;
    if (gw_reader_text(reader, header, "header", &key->name) && !gw_header_name_is_valid(key->name))
      gw_reader_mistake(reader, header, "header is the name of a header");
    key->name = gw_arena_copy(reader->arena, key->name);
    for (size_t i = 0; i < key->name.len; i++)
      if (key->name.data[i] >= 'A' && key->name.data[i] <= 'Z') ((char *)(uintptr_t)key->name.data)[i] |= 0x20;
  } else {
    key->kind = GW_RATE_LIMIT_KEY_CLAIM;
    if (gw_reader_text(reader, claim, "claim", &key->name) && gw_json_path_parse(key->name, reader->arena, &path) != GW_OK)
      gw_reader_mistake(reader, claim, "claim is the name of a claim, such as tenant or org.id");
  }
}

static void read_key(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_rate_limit_key *key) {
  if (node->kind == GW_YAML_MAPPING) {
    read_named_key(reader, node, key);
    return;
  }
  for (size_t i = 0; node->kind == GW_YAML_SCALAR && i < GW_ARRAY_LEN(key_words); i++) {
    if (!gw_str_equal(node->text, gw_str_from(key_words[i].word))) continue;
    key->kind = key_words[i].kind;
    return;
  }
  gw_reader_mistake(reader, node, "key is " KEYS);
}

static void read_keys(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_limit_entry *entry) {
  if (node->kind == GW_YAML_SCALAR && gw_str_equal(node->text, GW_STR("all"))) {
    entry->key_count = 0;
    return;
  }
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  if (is_list && (node->count == 0 || node->count > KEYS_MAX)) {
    gw_reader_mistake(reader, node, "key lists 1 to %u things to count by; all requests together are key: all", KEYS_MAX);
    return;
  }
  entry->key_count = is_list ? node->count : 1;
  struct gw_rate_limit_key *keys = gw_arena_calloc(reader->arena, entry->key_count, sizeof(*keys));
  for (uint32_t i = 0; i < entry->key_count; i++)
    read_key(reader, is_list ? node->items[i] : node, &keys[i]);
  entry->keys = keys;
}

/* ---- a limit ---- */

static void read_plans(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_limit_entry *entry) {
  if (!gw_reader_is_mapping(reader, node, what, NULL)) return;
  if (node->count == 0 || node->count > PLANS_MAX) {
    gw_reader_mistake(reader, node, "%s has 1 to %u plans, each with its limit", what, PLANS_MAX);
    return;
  }
  struct gw_rate_limit_plan *plans = gw_arena_calloc(reader->arena, node->count, sizeof(*plans));
  for (uint32_t i = 0; i < node->count; i++) {
    const struct gw_yaml_node *value = node->pairs[i].value;
    plans[i].name = node->pairs[i].key->text;
    if (plans[i].name.len == 0) gw_reader_mistake(reader, node->pairs[i].key, "a plan has a name");
    if (value->kind == GW_YAML_MAPPING && !gw_reader_is_mapping(reader, value, "the limit of a plan", numbers_keys)) continue;
    read_numbers(reader, value, "the limit of a plan", &plans[i].numbers);
  }
  entry->plans = plans;
  entry->plan_count = node->count;
}

static void read_scope(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_limit_entry *entry) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, "scope", &text)) return;
  for (int scope = GW_RATE_LIMIT_SCOPE_ROUTE; scope <= GW_RATE_LIMIT_SCOPE_GLOBAL; scope++) {
    if (!gw_str_equal(text, gw_rate_limit_scope_name((enum gw_rate_limit_scope)scope))) continue;
    entry->scope = (enum gw_rate_limit_scope)scope;
    return;
  }
  gw_reader_mistake(reader, node, "scope is route, service or global");
}

/* `what`: "rate_limit". Limits that don't belong to a route have no scope of their own. */
static void read_limit(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, enum gw_rate_limit_scope scope,
                       struct gw_limit_entry *entry) {
  *entry = (struct gw_limit_entry){.node = node, .scope = scope, .keys = &by_caller, .key_count = 1};
  if (node->kind == GW_YAML_MAPPING) {
    if (!gw_reader_is_mapping(reader, node, what, limit_keys)) return;
    const struct gw_yaml_node *key = gw_yaml_find(node, "key"), *scope_node = gw_yaml_find(node, "scope"),
                              *shared = gw_yaml_find(node, "shared"), *plans = gw_yaml_find(node, "plans");
    if (key != NULL) read_keys(reader, key, entry);
    if (scope_node != NULL && scope != GW_RATE_LIMIT_SCOPE_ROUTE) {
      gw_reader_mistake(reader, scope_node, "scope is for limits of a route; this one is of %s",
                        scope == GW_RATE_LIMIT_SCOPE_SERVICE ? "a service" : "all routes");
    } else if (scope_node != NULL) {
      read_scope(reader, scope_node, entry);
    }
    if (shared != NULL) entry->has_shared = gw_reader_bool(reader, shared, "shared", &entry->is_shared);
    if (plans != NULL) read_plans(reader, plans, "plans", entry);
    if (plans != NULL && gw_yaml_find(node, "requests") == NULL) return; /* only who has one of the plans is limited */
  }
  read_numbers(reader, node, what, &entry->numbers);
}

/* One limit, or a list of them. */
static void read_limits(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, enum gw_rate_limit_scope scope,
                        struct gw_limits_entry *ret_limits) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  if (is_list && (node->count == 0 || node->count > GW_LIMITS_MAX)) {
    gw_reader_mistake(reader, node, "%s lists 1 to %d limits", what, GW_LIMITS_MAX);
    return;
  }
  ret_limits->count = is_list ? node->count : 1;
  ret_limits->items = gw_arena_calloc(reader->arena, ret_limits->count, sizeof(*ret_limits->items));
  for (uint32_t i = 0; i < ret_limits->count; i++)
    read_limit(reader, is_list ? node->items[i] : node, is_list ? "a limit" : what, scope, &ret_limits->items[i]);
}

void gw_limits_read_route(const struct gw_reader *reader, const struct gw_yaml_node *route, struct gw_limits_entry *ret_limits) {
  const struct gw_yaml_node *one = gw_yaml_find(route, "rate_limit"), *several = gw_yaml_find(route, "rate_limits");
  *ret_limits = (struct gw_limits_entry){0};
  if (one != NULL && gw_yaml_is_null(one)) one = NULL;
  if (one != NULL && several != NULL) {
    gw_reader_mistake(reader, several, "a route has either rate_limit or rate_limits");
  } else if (one != NULL && one->kind == GW_YAML_SEQUENCE) {
    gw_reader_mistake(reader, one, "rate_limit is one limit; several are rate_limits");
  } else if (one != NULL) {
    read_limits(reader, one, "rate_limit", GW_RATE_LIMIT_SCOPE_ROUTE, ret_limits);
  } else if (several != NULL && gw_reader_is_list(reader, several, "rate_limits")) {
    read_limits(reader, several, "rate_limits", GW_RATE_LIMIT_SCOPE_ROUTE, ret_limits);
  }
}

/* ---- beside the routes ---- */

static void read_services(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                          struct gw_common_limits *out) {
  if (!gw_reader_is_mapping(reader, node, "services", NULL)) return;
  out->services = gw_arena_calloc(reader->arena, node->count, sizeof(*out->services));
  for (uint32_t i = 0; i < node->count; i++) {
    const struct gw_yaml_node *key = node->pairs[i].key;
    if (services != NULL && gw_map_find(services->by_name, key->text) == NULL)
      gw_reader_mistake(reader, key, "there is no service %.*s", GW_STR_ARG(key->text));
    struct gw_service_limits *limits = &out->services[out->service_count++];
    limits->service = key->text;
    read_limits(reader, node->pairs[i].value, "the limit of a service", GW_RATE_LIMIT_SCOPE_SERVICE, &limits->limits);
  }
}

void gw_limits_read_common(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_service_list *services,
                           struct gw_common_limits *ret_limits) {
  *ret_limits = (struct gw_common_limits){0};
  if (node == NULL || !gw_reader_is_mapping(reader, node, "rate_limits", common_keys)) return;
  const struct gw_yaml_node *global = gw_yaml_find(node, "global"), *of_services = gw_yaml_find(node, "services"),
                            *plans = gw_yaml_find(node, "plans");
  if (global != NULL) read_limits(reader, global, "global", GW_RATE_LIMIT_SCOPE_GLOBAL, &ret_limits->global);
  if (of_services != NULL) read_services(reader, of_services, services, ret_limits);
  if (plans == NULL) return;
  ret_limits->has_plans = true;
  ret_limits->plans = (struct gw_limit_entry){.node = plans, .scope = GW_RATE_LIMIT_SCOPE_PLAN, .keys = &by_caller, .key_count = 1};
  read_plans(reader, plans, "plans", &ret_limits->plans);
}
