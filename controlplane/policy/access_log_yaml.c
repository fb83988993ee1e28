#include "controlplane/policy/access_log_yaml.h"

#include "common/base/percent.h"

static const char *const log_keys[] = {"sample_percent", "always_status", "always_duration", NULL};

struct gw_access_log_rule gw_access_log_rule_of(const struct gw_settings *settings) {
  return (struct gw_access_log_rule){.sample_millionths = settings->access_log_sample_millionths,
                                     .always_status = settings->access_log_always_status,
                                     .always_ms = settings->access_log_always_ms};
}

static void read_mapping(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_access_log_rule *rule) {
  const struct gw_yaml_node *sample = gw_yaml_find(node, "sample_percent"), *status = gw_yaml_find(node, "always_status"),
                            *duration = gw_yaml_find(node, "always_duration");
  struct gw_str text;
  if (sample != NULL && gw_reader_text(reader, sample, "sample_percent", &text) &&
      gw_percent_parse(text, &rule->sample_millionths) != GW_OK)
    gw_reader_mistake(reader, sample, "sample_percent is %s; %.*s is not", GW_PERCENT_ALLOWED, GW_STR_ARG(text));
  if (status != NULL) gw_reader_u32(reader, status, "always_status", 100, 599, &rule->always_status);
  if (duration != NULL) gw_reader_duration(reader, duration, "always_duration", &rule->always_ms);
}

const struct gw_access_log_rule *gw_access_log_read(const struct gw_reader *reader, const struct gw_yaml_node *route,
                                                    const struct gw_access_log_rule *of_settings) {
  const struct gw_yaml_node *node = gw_yaml_find(route, "access_log");
  if (node == NULL) return NULL;
  struct gw_access_log_rule *rule = gw_arena_calloc(reader->arena, 1, sizeof(*rule));
  bool is_on;
  if (node->kind == GW_YAML_MAPPING) {
    *rule = *of_settings;
    if (gw_reader_is_mapping(reader, node, "access_log", log_keys)) read_mapping(reader, node, rule);
  } else if (gw_reader_bool(reader, node, "access_log", &is_on)) {
    rule->sample_millionths = is_on ? GW_PERCENT_MILLION : 0;
  }
  return rule;
}
