#include "controlplane/policy/services_yaml.h"

#include <stdlib.h>

#include "common/message/uri.h"
#include "common/net/address.h"
#include "controlplane/policy/service_tls_yaml.h"

#define NAME_MAX_BYTES 255u
#define INSTANCES_MAX 100000u
#define WEIGHT_MAX 1000000u
#define PRIORITY_MAX 128u

static const char *const service_keys[] = {"instances",         "load_balancing",  "protocol",     "tls",
                                           "retries",           "timeouts",        "retry_budget", "health_check",
                                           "outlier_detection", "circuit_breaker", "limits",       NULL};
static const char *const instance_keys[] = {"url", "weight", "healthy", "priority", NULL};

struct url {
  struct gw_str host;
  uint16_t port;
  struct gw_str base_path;
  bool is_name;
  bool is_https;
};

static bool is_host_name(struct gw_str host) {
  size_t label = 0;
  bool has_letter = false;
  for (size_t i = 0; i < host.len; i++) {
    char c = host.data[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (c == '.' ? label == 0 : !is_letter || label == 63) return false;
    label = c == '.' ? 0 : label + 1;
    /* All digits and dots would be an address, if it were a good one. */
    has_letter = has_letter || (c != '.' && (c < '0' || c > '9'));
  }
  return has_letter && host.len <= 253;
}

/* One spelling for each host, so that equal ones are found: names in lower case, addresses as they are formatted. */
static struct gw_str spell(struct gw_str host, const struct gw_address *address, struct gw_arena *arena) {
  char text[GW_ADDRESS_TEXT_SIZE];
  struct gw_str spelled = gw_arena_copy(arena, address != NULL ? gw_address_format_ip(address, text) : host);
  for (size_t i = 0; i < spelled.len; i++) {
    char c = spelled.data[i];
    if (c >= 'A' && c <= 'Z') ((char *)(uintptr_t)spelled.data)[i] = (char)(c - 'A' + 'a');
  }
  return spelled;
}

/* host, host:port, [v6], [v6]:port. */
static bool parse_authority(struct gw_str authority, struct gw_arena *arena, struct url *url) {
  struct gw_str host = gw_uri_authority_host(authority);
  if (!gw_uri_authority_is_valid(authority)) return false;
  url->port = url->is_https ? 443 : 80;
  url->host = host;
  if (host.len < authority.len && gw_address_split(authority, &url->host, &url->port) != GW_OK) return false;
  if (host.len == authority.len && host.len > 2 && host.data[0] == '[') url->host = (struct gw_str){host.data + 1, host.len - 2};
  struct gw_address address;
  url->is_name = gw_address_parse_ip(url->host, url->port, &address) != GW_OK;
  url->host = spell(url->host, url->is_name ? NULL : &address, arena);
  return url->port != 0 && (!url->is_name || is_host_name(url->host));
}

static bool parse_url(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_str text, struct url *ret_url) {
  struct url url = {.is_https = gw_str_has_prefix(text, GW_STR("https://"))};
  struct gw_str rest = url.is_https                                 ? gw_str_skip(text, 8)
                       : gw_str_has_prefix(text, GW_STR("http://")) ? gw_str_skip(text, 7)
                                                                    : (struct gw_str){0};
  ptrdiff_t slash = gw_str_find_char(rest, '/');
  struct gw_str authority = {rest.data, slash < 0 ? rest.len : (size_t)slash};
  if (rest.len == 0 || !parse_authority(authority, reader->arena, &url)) {
    gw_reader_mistake(reader, node, "url is http[s]://HOST[:PORT][/BASE], such as http://10.0.0.7:8000 or https://orders/api");
    return false;
  }
  struct gw_str base = gw_str_skip(rest, authority.len), normal = base;
  while (base.len > 0 && base.data[base.len - 1] == '/')
    base.len--;
  struct gw_uri_rules rules = {.normalize_path = true, .merge_slashes = true, .escaped_slashes = GW_URI_ESCAPED_SLASHES_REJECT};
  bool must_redirect;
  bool is_plain = memchr(text.data, '?', text.len) == NULL && memchr(text.data, '\\', text.len) == NULL;
  if (base.len > 0 &&
      (!is_plain || gw_uri_normalize(base, &rules, reader->arena, &normal, &must_redirect) != GW_OK || !gw_str_equal(base, normal))) {
    gw_reader_mistake(reader, node, "the base path of a url is a plain path in normal form, such as /api/v1");
    return false;
  }
  url.base_path = base;
  *ret_url = url;
  return true;
}

/* Sorted by address, then port. */
static int compare_endpoints(const void *left, const void *right) {
  const struct gw_endpoint *a = left, *b = right;
  int by_address = gw_str_compare(a->address, b->address);
  return by_address != 0 ? by_address : (int)a->port - (int)b->port;
}

static int compare_by_priority(const void *left, const void *right) {
  const struct gw_endpoint *a = left, *b = right;
  if (a->priority != b->priority) return a->priority < b->priority ? -1 : 1;
  return compare_endpoints(left, right);
}

struct instance {
  struct gw_endpoint endpoint;
  const struct gw_yaml_node *node;
};

static int compare_instances(const void *left, const void *right) {
  const struct instance *a = left, *b = right;
  int by_endpoint = compare_endpoints(&a->endpoint, &b->endpoint);
  return by_endpoint != 0 ? by_endpoint : a->node->line < b->node->line ? -1 : a->node->line > b->node->line;
}

static void check_doubles(const struct gw_reader *reader, struct instance *instances, uint32_t count) {
  qsort(instances, count, sizeof(*instances), compare_instances);
  for (uint32_t i = 1; i < count; i++) {
    if (compare_endpoints(&instances[i - 1].endpoint, &instances[i].endpoint) != 0) continue;
    gw_reader_mistake(reader, instances[i].node, "this instance stands here twice; the first is in line %u", instances[i - 1].node->line);
  }
}

/* Writes down where the service's base path came from, so that a different one can name its line. */
static bool read_instance(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_service_entry *service,
                          const struct gw_yaml_node **first_url, struct instance *ret_instance, bool *ret_takes_traffic) {
  if (!gw_reader_is_mapping(reader, node, "an instance", instance_keys)) return false;
  const struct gw_yaml_node *url_node = gw_yaml_find(node, "url");
  struct gw_str text;
  struct url url;
  if (url_node == NULL) {
    gw_reader_mistake(reader, node, "an instance needs a url, such as http://10.0.0.7:8000");
    return false;
  }
  uint32_t weight = 1, priority = 0;
  bool is_healthy = true;
  const struct gw_yaml_node *weight_node = gw_yaml_find(node, "weight"), *healthy_node = gw_yaml_find(node, "healthy"),
                            *priority_node = gw_yaml_find(node, "priority");
  if (weight_node != NULL) gw_reader_u32(reader, weight_node, "weight", 0, WEIGHT_MAX, &weight);
  if (healthy_node != NULL) gw_reader_bool(reader, healthy_node, "healthy", &is_healthy);
  if (priority_node != NULL) gw_reader_u32(reader, priority_node, "priority", 0, PRIORITY_MAX, &priority);
  if (!gw_reader_text(reader, url_node, "url", &text) || !parse_url(reader, url_node, text, &url)) return false;
  if (*first_url == NULL) {
    *first_url = url_node;
    service->base_path = url.base_path;
    service->is_https = url.is_https;
  } else if (service->is_https != url.is_https) {
    gw_reader_mistake(reader, url_node, "all instances of a service have one scheme; line %u has %s://", (*first_url)->line,
                      service->is_https ? "https" : "http");
  } else if (!gw_str_equal(service->base_path, url.base_path)) {
    gw_reader_mistake(reader, url_node, "all instances of a service have one base path; line %u has \"%.*s\"", (*first_url)->line,
                      GW_STR_ARG(service->base_path));
  }
  service->has_names = service->has_names || url.is_name;
  *ret_instance =
      (struct instance){.endpoint = {.address = url.host, .port = url.port, .weight = weight, .priority = priority}, .node = url_node};
  *ret_takes_traffic = weight > 0 && is_healthy;
  return true;
}

static void read_instances(const struct gw_reader *reader, const struct gw_yaml_node *list, struct gw_service_entry *service) {
  if (list->count > INSTANCES_MAX) {
    gw_reader_mistake(reader, list, "a service has at most %u instances", INSTANCES_MAX);
    return;
  }
  struct instance *all = gw_arena_calloc(reader->arena, list->count, sizeof(*all));
  service->endpoints = gw_arena_calloc(reader->arena, list->count, sizeof(*service->endpoints));
  const struct gw_yaml_node *first_url = NULL;
  uint32_t count = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    bool takes_traffic;
    if (!read_instance(reader, list->items[i], service, &first_url, &all[count], &takes_traffic)) continue;
    if (takes_traffic) service->endpoints[service->endpoint_count++] = all[count].endpoint;
    count++;
  }
  check_doubles(reader, all, count);
  qsort(service->endpoints, service->endpoint_count, sizeof(*service->endpoints), compare_endpoints);
}

static bool is_service_name(struct gw_str name) {
  for (size_t i = 0; i < name.len; i++)
    if (name.data[i] <= ' ' || name.data[i] == 127 || (unsigned char)name.data[i] >= 0x80 || name.data[i] == '/') return false;
  return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

/* Equal weights are what random wants: with others somebody would wait in vain for their share. */
static void check_weights(const struct gw_reader *reader, const struct gw_yaml_node *balancing, const struct gw_service_entry *service) {
  if (service->balancing.balancing.policy != GW_LB_RANDOM) return;
  for (uint32_t i = 1; i < service->endpoint_count; i++) {
    if (service->endpoints[i].weight == service->endpoints[0].weight) continue;
    gw_reader_warn(reader, balancing, "random does not look at weights, which differ in %.*s; weighted_random does",
                   GW_STR_ARG(service->name));
    return;
  }
}

static void read_service(const struct gw_reader *reader, const struct gw_yaml_pair *pair, const char *const *keys,
                         struct gw_secret_list *secrets, struct gw_service_entry *service, bool *ret_needs_system_ca) {
  *service = (struct gw_service_entry){.name = pair->key->text, .key = pair->key};
  if (!is_service_name(service->name)) {
    gw_reader_mistake(reader, pair->key, "a service's name has 1 to 255 printable ASCII characters, no space and no /");
  }
  if (!gw_reader_is_mapping(reader, pair->value, "a service", keys)) return;
  service->node = pair->value;
  const struct gw_yaml_node *list = gw_yaml_find(pair->value, "instances");
  if (list != NULL && !gw_yaml_is_null(list) && gw_reader_is_list(reader, list, "instances")) read_instances(reader, list, service);
  /* Without instances, and with those of a registry, nothing but tls tells the scheme. */
  if (list == NULL || list->count == 0) service->is_https = gw_yaml_find(pair->value, "tls") != NULL;
  gw_service_tls_read(reader, pair->value, secrets, service, ret_needs_system_ca);
  service->protection = gw_service_protection_read(reader, pair->value);
  const struct gw_yaml_node *balancing = gw_yaml_find(pair->value, "load_balancing");
  service->balancing = gw_balancing_read(reader, balancing);
  check_weights(reader, balancing, service);
  service->health = gw_health_read(reader, pair->value, service->protocol);
  /* Else ten new instances beside one would be a panic until they were checked. */
  service->balancing.balancing.has_uncounted_new = service->health.check != NULL;
  gw_retries_read(reader, pair->value, &service->retries);
  gw_timeouts_read(reader, pair->value, true, &service->timeouts);
  service->retry_budget = gw_retry_budget_read(reader, pair->value);
  if (service->endpoint_count > 0) qsort(service->endpoints, service->endpoint_count, sizeof(*service->endpoints), compare_by_priority);
}

bool gw_services_read(const struct gw_reader *reader, const struct gw_yaml_node *root, struct gw_secret_list *secrets,
                      struct gw_service_list *ret_services) {
  *ret_services = (struct gw_service_list){.by_name = gw_map_new()};
  const struct gw_yaml_node *services = gw_reader_find_root(reader, root, (const char *const[]){"services", NULL}, "{}");
  if (services == NULL || !gw_reader_is_mapping(reader, services, "services", NULL)) return false;
  const char *const *keys = gw_source_add_keys(service_keys, reader->arena);
  ret_services->items = gw_arena_calloc(reader->arena, services->count, sizeof(*ret_services->items));
  for (uint32_t i = 0; i < services->count; i++) {
    struct gw_service_entry *service = &ret_services->items[ret_services->count++];
    read_service(reader, &services->pairs[i], keys, secrets, service, &ret_services->needs_system_ca);
    if (service->name.len > 0) gw_map_put(ret_services->by_name, service->name, service);
  }
  return true;
}
