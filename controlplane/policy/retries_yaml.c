#include "controlplane/policy/retries_yaml.h"

#include "common/base/byte_count.h"
#include "common/base/mem.h"

#define ATTEMPTS_MAX 10u
#define ON_MAX 64u
#define BUFFER_MAX ((uint64_t)16 << 20)

static const char *const retries_keys[] = {"attempts", "on", "methods", "backoff", "other_instance", "buffer", NULL};
static const char *const backoff_keys[] = {"base", "max", NULL};
static const char *const route_timeouts_keys[] = {"request", "per_try", "per_try_idle", "stream_idle", "max_duration", NULL};
static const char *const service_timeouts_keys[] = {"connect", "request", "per_try", "per_try_idle", "stream_idle", "max_duration", NULL};
static const char *const budget_keys[] = {"percent", "min_concurrency", NULL};

/* A word of Envoy's, or a status code. */
static bool read_condition(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_retries_entry *out, uint32_t *codes) {
  uint64_t code;
  uint32_t bit = node->kind == GW_YAML_SCALAR ? gw_retry_on_find(node->text) : 0;
  if (bit != 0 && bit != GW_RETRY_RETRIABLE_STATUS_CODES) {
    out->on |= bit;
    return true;
  }
  if (node->kind == GW_YAML_SCALAR && gw_str_parse_u64(node->text, &code) == GW_OK && code >= 400 && code <= 599) {
    out->on |= GW_RETRY_RETRIABLE_STATUS_CODES;
    codes[out->status_code_count++] = (uint32_t)code;
    return true;
  }
  gw_reader_mistake(reader, node,
                    "on lists status codes from 400 to 599 and: 5xx, gateway-error, connect-failure, reset, reset-before-request, "
                    "refused-stream, retriable-4xx, cancelled, deadline-exceeded, resource-exhausted, internal, unavailable");
  return false;
}

/* What is always safe need not be said. */
static void read_on(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_retries_entry *out) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  uint32_t count = is_list ? node->count : 1;
  if (count > ON_MAX) {
    gw_reader_mistake(reader, node, "on lists at most %u conditions", ON_MAX);
    return;
  }
  out->has_on = true;
  out->on = GW_RETRY_ALWAYS_SAFE;
  uint32_t *codes = gw_arena_calloc(reader->arena, count + 1, sizeof(*codes));
  out->status_codes = codes;
  for (uint32_t i = 0; i < count; i++)
    if (!read_condition(reader, is_list ? node->items[i] : node, out, codes)) return;
}

static void read_backoff(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_retries_entry *out) {
  const struct gw_yaml_node *base = node, *max = NULL;
  if (node->kind == GW_YAML_MAPPING) {
    if (!gw_reader_is_mapping(reader, node, "backoff", backoff_keys)) return;
    base = gw_yaml_find(node, "base");
    max = gw_yaml_find(node, "max");
  }
  if (base != NULL) out->has_base = gw_reader_duration(reader, base, "backoff", &out->base_ms);
  if (max != NULL) out->has_max = gw_reader_duration(reader, max, "max", &out->max_ms);
  if (out->has_base && out->has_max && out->max_ms < out->base_ms) gw_reader_mistake(reader, max, "max is not less than base");
}

static void read_methods(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_retries_entry *out) {
  out->takes_all_methods = node->kind == GW_YAML_SCALAR && gw_str_equal(node->text, GW_STR("all"));
  out->has_methods = out->takes_all_methods || (node->kind == GW_YAML_SCALAR && gw_str_equal(node->text, GW_STR("idempotent")));
  if (!out->has_methods)
    gw_reader_mistake(reader, node,
                      "methods is idempotent (GET, HEAD, PUT, DELETE, OPTIONS) or all: retries of others may do things twice");
}

static void read_buffer(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_retries_entry *out) {
  out->has_buffer =
      node->kind == GW_YAML_SCALAR && gw_byte_count_parse(node->text, &out->buffer_bytes) == GW_OK && out->buffer_bytes <= BUFFER_MAX;
  if (!out->has_buffer) gw_reader_mistake(reader, node, "buffer is bytes from 0 to 16MiB, such as 65536 or 64KiB");
}

void gw_retries_read(const struct gw_reader *reader, const struct gw_yaml_node *of, struct gw_retries_entry *ret_entry) {
  struct gw_retries_entry *out = ret_entry;
  *out = (struct gw_retries_entry){0};
  const struct gw_yaml_node *node = gw_yaml_find(of, "retries");
  if (node == NULL) return;
  if (node->kind == GW_YAML_SCALAR) {
    bool is_off = node->is_plain && (gw_str_equal(node->text, GW_STR("off")) || gw_str_equal(node->text, GW_STR("false")));
    out->has_attempts = is_off || gw_reader_u32(reader, node, "retries (a number, off, or a mapping)", 0, ATTEMPTS_MAX, &out->attempts);
    return;
  }
  if (!gw_reader_is_mapping(reader, node, "retries", retries_keys)) return;
  const struct gw_yaml_node *attempts = gw_yaml_find(node, "attempts"), *on = gw_yaml_find(node, "on"),
                            *methods = gw_yaml_find(node, "methods"), *backoff = gw_yaml_find(node, "backoff"),
                            *other = gw_yaml_find(node, "other_instance"), *buffer = gw_yaml_find(node, "buffer");
  if (attempts != NULL) out->has_attempts = gw_reader_u32(reader, attempts, "attempts", 0, ATTEMPTS_MAX, &out->attempts);
  if (on != NULL) read_on(reader, on, out);
  if (methods != NULL) read_methods(reader, methods, out);
  if (backoff != NULL) read_backoff(reader, backoff, out);
  if (other != NULL) out->has_other_instance = gw_reader_bool(reader, other, "other_instance", &out->wants_other_instance);
  if (buffer != NULL) read_buffer(reader, buffer, out);
}

void gw_timeouts_read(const struct gw_reader *reader, const struct gw_yaml_node *of, bool is_service, struct gw_timeouts_entry *ret_entry) {
  *ret_entry = (struct gw_timeouts_entry){0};
  const struct gw_yaml_node *node = gw_yaml_find(of, "timeouts");
  if (node == NULL || !gw_reader_is_mapping(reader, node, "timeouts", is_service ? service_timeouts_keys : route_timeouts_keys)) return;
  const struct {
    const char *key;
    uint64_t *ms;
  } rows[] = {
      {"connect", &ret_entry->connect_ms},         {"request", &ret_entry->request_ms},
      {"per_try", &ret_entry->per_try_ms},         {"per_try_idle", &ret_entry->per_try_idle_ms},
      {"stream_idle", &ret_entry->stream_idle_ms}, {"max_duration", &ret_entry->max_duration_ms},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    const struct gw_yaml_node *value = gw_yaml_find(node, rows[i].key);
    if (value != NULL) gw_reader_duration(reader, value, rows[i].key, rows[i].ms);
  }
}

struct gw_retry_budget_entry gw_retry_budget_read(const struct gw_reader *reader, const struct gw_yaml_node *service) {
  struct gw_retry_budget_entry out = {0};
  const struct gw_yaml_node *node = gw_yaml_find(service, "retry_budget");
  if (node == NULL || !gw_reader_is_mapping(reader, node, "retry_budget", budget_keys)) return out;
  const struct gw_yaml_node *percent = gw_yaml_find(node, "percent"), *min = gw_yaml_find(node, "min_concurrency");
  if (percent != NULL) out.has_percent = gw_reader_u32(reader, percent, "percent", 0, 100, &out.percent);
  if (min != NULL) out.has_min = gw_reader_u32(reader, min, "min_concurrency", 0, 1000000, &out.min_concurrency);
  return out;
}
