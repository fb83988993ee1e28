#include "controlplane/policy/balancing_yaml.h"

#include "common/base/mem.h"
#include "common/message/headers.h"

#define HASHES_MAX 16u
#define RING_SIZE 16384u       /* a thousand points for each of 16 instances: shares within some 3 % */
#define RING_SIZE_MAX 1048576u /* of memory's: 12 bytes a point */
#define CHOICES_MAX 100u
#define AGGRESSION_MAX 100u

static const char *const balancing_keys[] = {"policy",    "hash",       "slow_start", "panic_threshold", "choices", "active_request_bias",
                                             "ring_size", "table_size", NULL};
static const char *const slow_start_keys[] = {"window", "aggression", "min_weight_percent", NULL};
static const char *const hash_keys[] = {"header", "cookie", "query", "client_address", "terminal", NULL};
static const char *const cookie_keys[] = {"name", "ttl", "path", NULL};

#define POLICIES "round_robin, weighted, least_connections, random, weighted_random, ring_hash or maglev"

/* What they are called, here and elsewhere. Round robin goes by weight, so weighted is the same. Nothing on the wire draws by weight but
 * the balancers that go by a hash, for requests without one: so do our data planes and Envoy. */
static const struct name {
  const char *word;
  enum gw_lb_policy policy;
  bool has_hash;
} names[] = {
    {"round_robin", GW_LB_ROUND_ROBIN, false},
    {"weighted", GW_LB_ROUND_ROBIN, false},
    {"least_connections", GW_LB_LEAST_REQUEST, false},
    {"random", GW_LB_RANDOM, false},
    {"weighted_random", GW_LB_MAGLEV, false},
    {"ring_hash", GW_LB_RING_HASH, true},
    {"maglev", GW_LB_MAGLEV, true},
    {"roundrobin", GW_LB_ROUND_ROBIN, false},
    {"weighted_round_robin", GW_LB_ROUND_ROBIN, false},
    {"least_connection", GW_LB_LEAST_REQUEST, false},
    {"least_conn", GW_LB_LEAST_REQUEST, false},
    {"least_requests", GW_LB_LEAST_REQUEST, false},
    {"least_request", GW_LB_LEAST_REQUEST, false},
};

/* "Least Connections", "least-connections" and "least_connections" are one word. */
static bool is_spelled(struct gw_str text, const char *word) {
  size_t i = 0;
  for (; i < text.len && word[i] != '\0'; i++) {
    char c = text.data[i];
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (c == '-' || c == ' ') c = '_';
    if (c != word[i]) return false;
  }
  return i == text.len && word[i] == '\0';
}

static const struct name *read_policy(const struct gw_reader *reader, const struct gw_yaml_node *node) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, "policy", &text)) return NULL;
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++)
    if (is_spelled(text, names[i].word)) return &names[i];
  gw_reader_mistake(reader, node, "policy is " POLICIES);
  return NULL;
}

/* ---- hash ---- */

static void read_cookie(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_hash_policy *policy) {
  const struct gw_yaml_node *name = node;
  policy->kind = GW_HASH_COOKIE;
  if (node->kind == GW_YAML_MAPPING) {
    if (!gw_reader_is_mapping(reader, node, "cookie", cookie_keys)) return;
    const struct gw_yaml_node *ttl = gw_yaml_find(node, "ttl"), *path = gw_yaml_find(node, "path");
    name = gw_yaml_find(node, "name");
    policy->has_cookie_ttl = ttl != NULL;
    bool is_session = ttl != NULL && ttl->kind == GW_YAML_SCALAR && gw_str_equal(ttl->text, GW_STR("session"));
    if (ttl != NULL && !is_session) gw_reader_duration(reader, ttl, "ttl (or session)", &policy->cookie_ttl_ms);
    if (path != NULL && gw_reader_text(reader, path, "path", &policy->cookie_path) &&
        (policy->cookie_path.data[0] != '/' || !gw_route_cookie_path_is_valid(policy->cookie_path)))
      gw_reader_mistake(reader, path, "the path of a cookie begins with / and is ASCII without ;");
    if (name == NULL) {
      gw_reader_mistake(reader, node, "a cookie needs a name");
      return;
    }
  }
  if (gw_reader_text(reader, name, "the name of a cookie", &policy->name) && !gw_header_name_is_valid(policy->name))
    gw_reader_mistake(reader, name, "the name of a cookie is letters, digits and !#$%%&'*+-.^_`|~");
}

static bool read_client_address(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_hash_policy *policy) {
  bool is_wanted = false;
  policy->kind = GW_HASH_CLIENT;
  if (gw_reader_bool(reader, node, "client_address", &is_wanted) && !is_wanted)
    gw_reader_mistake(reader, node, "client_address is true, or is left out");
  return is_wanted;
}

/* {header: X}, {cookie: …}, {query: q}, {client_address: true} or client_address. */
static void read_hash(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_hash_policy *policy) {
  if (node->kind == GW_YAML_SCALAR && gw_str_equal(node->text, GW_STR("client_address"))) {
    policy->kind = GW_HASH_CLIENT;
    return;
  }
  if (!gw_reader_is_mapping(reader, node, "hash", hash_keys)) return;
  const struct gw_yaml_node *header = gw_yaml_find(node, "header"), *cookie = gw_yaml_find(node, "cookie"),
                            *query = gw_yaml_find(node, "query"), *client = gw_yaml_find(node, "client_address"),
                            *terminal = gw_yaml_find(node, "terminal");
  if ((header != NULL) + (cookie != NULL) + (query != NULL) + (client != NULL) != 1) {
    gw_reader_mistake(reader, node, "hash is one of header, cookie, query and client_address; a list of such takes several");
    return;
  }
  if (terminal != NULL) gw_reader_bool(reader, terminal, "terminal", &policy->is_terminal);
  if (header != NULL && gw_reader_text(reader, header, "header", &policy->name) && !gw_header_name_is_valid(policy->name))
    gw_reader_mistake(reader, header, "header is the name of a header");
  if (cookie != NULL) read_cookie(reader, cookie, policy);
  if (client != NULL) read_client_address(reader, client, policy);
  if (query == NULL) return;
  policy->kind = GW_HASH_QUERY;
  gw_reader_text(reader, query, "query", &policy->name);
}

void gw_balancing_read_hashes(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_service_balancing *out) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  if (is_list && (node->count == 0 || node->count > HASHES_MAX)) {
    gw_reader_mistake(reader, node, "hash lists 1 to %u things to go by", HASHES_MAX);
    return;
  }
  out->hash_policy_count = is_list ? node->count : 1;
  struct gw_hash_policy *policies = gw_arena_calloc(reader->arena, out->hash_policy_count, sizeof(*policies));
  for (uint32_t i = 0; i < out->hash_policy_count; i++)
    read_hash(reader, is_list ? node->items[i] : node, &policies[i]);
  out->hash_policies = policies;
}

/* ---- the rest ---- */

static void read_slow_start(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_slow_start *slow) {
  *slow = (struct gw_slow_start){.aggression = GW_LB_AGGRESSION, .min_weight_percent = GW_LB_MIN_WEIGHT_PERCENT};
  const struct gw_yaml_node *window = node;
  if (node->kind == GW_YAML_MAPPING) {
    if (!gw_reader_is_mapping(reader, node, "slow_start", slow_start_keys)) return;
    const struct gw_yaml_node *aggression = gw_yaml_find(node, "aggression"), *percent = gw_yaml_find(node, "min_weight_percent");
    uint32_t value;
    if (aggression != NULL && gw_reader_u32(reader, aggression, "aggression", 1, AGGRESSION_MAX, &value)) slow->aggression = value;
    if (percent != NULL && gw_reader_u32(reader, percent, "min_weight_percent", 1, 100, &value)) slow->min_weight_percent = value;
    window = gw_yaml_find(node, "window");
    if (window == NULL) {
      gw_reader_mistake(reader, node, "slow_start needs a window, such as 30s");
      return;
    }
  }
  gw_reader_duration(reader, window, "slow_start", &slow->window_ms);
}

/* A key that the policy does not look at would be a promise that nobody keeps. */
static void check_use(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *key, bool is_used, const char *whose) {
  const struct gw_yaml_node *value = gw_yaml_find(node, key);
  if (value != NULL && !is_used) gw_reader_mistake(reader, value, "%s is for %s", key, whose);
}

static void read_numbers(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_load_balancing *out) {
  const struct gw_yaml_node *panic = gw_yaml_find(node, "panic_threshold"), *choices = gw_yaml_find(node, "choices"),
                            *ring = gw_yaml_find(node, "ring_size"), *table = gw_yaml_find(node, "table_size"),
                            *bias = gw_yaml_find(node, "active_request_bias");
  uint32_t value;
  if (panic != NULL) gw_reader_u32(reader, panic, "panic_threshold", 0, 100, &out->panic_threshold_percent);
  if (choices != NULL) gw_reader_u32(reader, choices, "choices", 2, CHOICES_MAX, &out->choice_count);
  if (bias != NULL && gw_reader_u32(reader, bias, "active_request_bias", 0, 10, &value)) out->active_request_bias = value;
  if (ring != NULL) gw_reader_u32(reader, ring, "ring_size", 1, RING_SIZE_MAX, &out->ring_size_min);
  if (table != NULL && gw_reader_u32(reader, table, "table_size", 2, GW_LB_TABLE_SIZE_MAX, &out->table_size) &&
      !gw_lb_table_size_is_valid(out->table_size))
    gw_reader_mistake(reader, table, "table_size is a prime number, such as 65537");
}

static struct gw_load_balancing default_of(enum gw_lb_policy policy) {
  struct gw_load_balancing out = gw_load_balancing_default(policy);
  if (policy != GW_LB_RING_HASH) return out;
  out.ring_size_min = RING_SIZE;
  out.ring_size_max = RING_SIZE_MAX;
  return out;
}

static void read_mapping(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct name *name,
                         struct gw_service_balancing *out) {
  enum gw_lb_policy policy = name->policy;
  bool has_turns = policy == GW_LB_ROUND_ROBIN || policy == GW_LB_LEAST_REQUEST;
  const struct gw_yaml_node *hash = gw_yaml_find(node, "hash"), *slow_start = gw_yaml_find(node, "slow_start");
  check_use(reader, node, "hash", name->has_hash, "ring_hash and maglev");
  check_use(reader, node, "slow_start", has_turns, "round_robin, weighted and least_connections");
  check_use(reader, node, "choices", policy == GW_LB_LEAST_REQUEST, "least_connections");
  check_use(reader, node, "active_request_bias", policy == GW_LB_LEAST_REQUEST, "least_connections");
  check_use(reader, node, "ring_size", policy == GW_LB_RING_HASH, "ring_hash");
  check_use(reader, node, "table_size", policy == GW_LB_MAGLEV, "maglev and weighted_random");
  if (name->has_hash && hash != NULL) gw_balancing_read_hashes(reader, hash, out);
  if (slow_start != NULL) read_slow_start(reader, slow_start, &out->balancing.slow_start);
  read_numbers(reader, node, &out->balancing);
}

struct gw_service_balancing gw_balancing_read(const struct gw_reader *reader, const struct gw_yaml_node *node) {
  const struct name *name = &names[0];
  struct gw_service_balancing out = {.balancing = default_of(name->policy)};
  if (node == NULL) return out;
  const struct gw_yaml_node *policy = node;
  if (node->kind != GW_YAML_SCALAR) {
    if (!gw_reader_is_mapping(reader, node, "load_balancing", balancing_keys)) return out;
    policy = gw_yaml_find(node, "policy");
  }
  if (policy != NULL) name = read_policy(reader, policy);
  if (name == NULL) return out;
  out.balancing = default_of(name->policy);
  if (name->has_hash && gw_yaml_find(node, "hash") == NULL)
    gw_reader_mistake(reader, policy, "%s needs to know what to go by: hash: {header: X-User}, {cookie: …}, {query: q} or client_address",
                      name->word);
  if (node->kind == GW_YAML_MAPPING) read_mapping(reader, node, name, &out);
  return out;
}
