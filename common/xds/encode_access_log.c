/* envoy.config.accesslog.v3.AccessLog, always as StdoutAccessLog. */
#include "common/xds/access_log_codec.h"
#include "common/xds/encode_route.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb-c.h"

#define STDOUT_LOG_NAME "envoy.access_loggers.stdout"
/* Envoy wants one; nobody sets it. */
#define RUNTIME_KEY "access_log"

typedef Envoy__Config__Accesslog__V3__AccessLog AccessLog;
typedef Envoy__Config__Accesslog__V3__AccessLogFilter AccessLogFilter;
typedef Envoy__Config__Accesslog__V3__ComparisonFilter ComparisonFilter;
#define NEW(arena, name) gw_xds_encode_new((arena), &envoy__config__accesslog__v3__##name##__descriptor)
#define FILTER(name) ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_##name##_FILTER

/* ---- filters ---- */

static ComparisonFilter *encode_comparison(struct gw_arena *arena, const struct gw_access_log_filter *filter) {
  ComparisonFilter *m = NEW(arena, comparison_filter);
  m->op = (Envoy__Config__Accesslog__V3__ComparisonFilter__Op)filter->comparison;
  m->value = gw_xds_encode_new(arena, &envoy__config__core__v3__runtime_uint32__descriptor);
  m->value->default_value = filter->value;
  m->value->runtime_key = gw_xds_encode_str(arena, GW_STR(RUNTIME_KEY));
  return m;
}

static Envoy__Config__Accesslog__V3__RuntimeFilter *encode_sample(struct gw_arena *arena, const struct gw_access_log_filter *filter) {
  Envoy__Config__Accesslog__V3__RuntimeFilter *m = NEW(arena, runtime_filter);
  m->runtime_key = gw_xds_encode_str(arena, GW_STR(RUNTIME_KEY));
  m->percent_sampled = gw_xds_encode_new(arena, &envoy__type__v3__fractional_percent__descriptor);
  m->percent_sampled->numerator = filter->numerator;
  m->percent_sampled->denominator = filter->denominator == 100     ? ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED
                                    : filter->denominator == 10000 ? ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__TEN_THOUSAND
                                                                   : ENVOY__TYPE__V3__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION;
  m->use_independent_randomness = filter->is_independent;
  return m;
}

static Envoy__Config__Accesslog__V3__LogTypeFilter *encode_types(struct gw_arena *arena, const struct gw_access_log_filter *filter) {
  Envoy__Config__Accesslog__V3__LogTypeFilter *m = NEW(arena, log_type_filter);
  m->types = gw_arena_calloc(arena, 32, sizeof(*m->types));
  for (unsigned i = 0; i < 32; i++)
    if ((filter->types & (1u << i)) != 0) m->types[m->n_types++] = (Envoy__Data__Accesslog__V3__AccessLogType)i;
  m->exclude = filter->is_excluded;
  return m;
}

static Envoy__Config__Accesslog__V3__ResponseFlagFilter *encode_flags(struct gw_arena *arena, const struct gw_access_log_filter *filter) {
  Envoy__Config__Accesslog__V3__ResponseFlagFilter *m = NEW(arena, response_flag_filter);
  m->n_flags = filter->flag_count;
  m->flags = gw_xds_encode_array(arena, m->n_flags);
  for (uint32_t i = 0; i < filter->flag_count; i++)
    m->flags[i] = gw_xds_encode_str(arena, filter->flags[i]);
  return m;
}

static AccessLogFilter **encode_children(struct gw_arena *arena, const struct gw_access_log_filter *filter) {
  AccessLogFilter **items = gw_xds_encode_array(arena, filter->child_count);
  for (uint32_t i = 0; i < filter->child_count; i++)
    items[i] = gw_xds_encode_access_log_filter(arena, &filter->children[i]);
  return items;
}

AccessLogFilter *gw_xds_encode_access_log_filter(struct gw_arena *arena, const struct gw_access_log_filter *filter) {
  AccessLogFilter *m = NEW(arena, access_log_filter);
  switch (filter->kind) {
  case GW_LOG_FILTER_STATUS:
    m->filter_specifier_case = FILTER(STATUS_CODE);
    m->status_code_filter = NEW(arena, status_code_filter);
    m->status_code_filter->comparison = encode_comparison(arena, filter);
    break;
  case GW_LOG_FILTER_DURATION:
    m->filter_specifier_case = FILTER(DURATION);
    m->duration_filter = NEW(arena, duration_filter);
    m->duration_filter->comparison = encode_comparison(arena, filter);
    break;
  case GW_LOG_FILTER_SAMPLE:
    m->filter_specifier_case = FILTER(RUNTIME);
    m->runtime_filter = encode_sample(arena, filter);
    break;
  case GW_LOG_FILTER_HEADER:
    m->filter_specifier_case = FILTER(HEADER);
    m->header_filter = NEW(arena, header_filter);
    m->header_filter->header = gw_xds_encode_header_match(arena, filter->header);
    break;
  case GW_LOG_FILTER_FLAGS:
    m->filter_specifier_case = FILTER(RESPONSE_FLAG);
    m->response_flag_filter = encode_flags(arena, filter);
    break;
  case GW_LOG_FILTER_TYPE:
    m->filter_specifier_case = FILTER(LOG_TYPE);
    m->log_type_filter = encode_types(arena, filter);
    break;
  case GW_LOG_FILTER_AND:
    m->filter_specifier_case = FILTER(AND);
    m->and_filter = NEW(arena, and_filter);
    m->and_filter->n_filters = filter->child_count;
    m->and_filter->filters = encode_children(arena, filter);
    break;
  case GW_LOG_FILTER_OR:
    m->filter_specifier_case = FILTER(OR);
    m->or_filter = NEW(arena, or_filter);
    m->or_filter->n_filters = filter->child_count;
    m->or_filter->filters = encode_children(arena, filter);
    break;
  }
  return m;
}

/* ---- the log ---- */

static Google__Protobuf__Struct *encode_json_format(struct gw_arena *arena, const struct gw_access_log *log) {
  Google__Protobuf__Struct *m = gw_xds_encode_new(arena, &google__protobuf__struct__descriptor);
  m->n_fields = log->field_count;
  m->fields = gw_xds_encode_array(arena, log->field_count);
  for (uint32_t i = 0; i < log->field_count; i++) {
    Google__Protobuf__Struct__FieldsEntry *entry = gw_xds_encode_new(arena, &google__protobuf__struct__fields_entry__descriptor);
    entry->key = gw_xds_encode_str(arena, log->fields[i].name);
    entry->value = gw_xds_encode_new(arena, &google__protobuf__value__descriptor);
    entry->value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    entry->value->string_value = gw_xds_encode_str(arena, log->fields[i].format);
    m->fields[i] = entry;
  }
  return m;
}

AccessLog *gw_xds_encode_access_log(struct gw_arena *arena, const struct gw_access_log *log) {
  Envoy__Config__Core__V3__SubstitutionFormatString *format =
      gw_xds_encode_new(arena, &envoy__config__core__v3__substitution_format_string__descriptor);
  format->omit_empty_values = log->omits_empty;
  if (log->field_count > 0) {
    format->format_case = ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT;
    format->json_format = encode_json_format(arena, log);
  } else {
    format->format_case = ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE;
    format->text_format_source = gw_xds_encode_data_source(arena, log->text);
  }
  Envoy__Extensions__AccessLoggers__Stream__V3__StdoutAccessLog *stdout_log =
      gw_xds_encode_new(arena, &envoy__extensions__access_loggers__stream__v3__stdout_access_log__descriptor);
  stdout_log->access_log_format_case = ENVOY__EXTENSIONS__ACCESS_LOGGERS__STREAM__V3__STDOUT_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT;
  stdout_log->log_format = format;
  AccessLog *m = NEW(arena, access_log);
  m->name = gw_xds_encode_str(arena, GW_STR(STDOUT_LOG_NAME));
  m->config_type_case = ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
  m->typed_config = gw_xds_encode_any(arena, &stdout_log->base);
  if (log->filter != NULL) m->filter = gw_xds_encode_access_log_filter(arena, log->filter);
  return m;
}
