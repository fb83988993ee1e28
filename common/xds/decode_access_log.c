/* envoy.config.accesslog.v3.AccessLog: where it goes, its form and its filter. */
#include "common/base/mem.h"
#include "common/xds/access_log_codec.h"
#include "common/xds/decode_route.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb-c.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb-c.h"

#define FIELDS_MAX 256
#define STDOUT "/dev/stdout"
/* Envoy's, but for the query, which is never logged unless a format asks for it. */
#define DEFAULT_TEXT                                                                                                                       \
  "[%START_TIME%] \"%REQ(:METHOD)% %PATH(NQ)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% "                             \
  "%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "                        \
  "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n"

typedef Envoy__Config__Accesslog__V3__AccessLog AccessLog;
typedef Envoy__Config__Accesslog__V3__AccessLogFilter AccessLogFilter;
typedef Envoy__Config__Accesslog__V3__ComparisonFilter ComparisonFilter;
typedef Envoy__Config__Core__V3__SubstitutionFormatString Format;
typedef Envoy__Extensions__AccessLoggers__File__V3__FileAccessLog FileAccessLog;
typedef Envoy__Extensions__AccessLoggers__Stream__V3__StdoutAccessLog StdoutAccessLog;
#define FILTER(name) ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_##name##_FILTER

/* ---- filters ---- */

static void decode_comparison(struct gw_xds_decoder *d, const struct gw_xds_place *place, const ComparisonFilter *m,
                              struct gw_access_log_filter *out) {
  if (m == NULL || m->value == NULL) {
    gw_xds_refuse(d, place, "needs a value");
    return;
  }
  if ((unsigned)m->op > GW_COMPARE_OTHER) {
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "op"), &envoy__config__accesslog__v3__comparison_filter__op__descriptor, (int)m->op);
    return;
  }
  out->comparison = (enum gw_comparison)m->op;
  out->value = m->value->default_value;
}

static void decode_sample(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Accesslog__V3__RuntimeFilter *m,
                          struct gw_access_log_filter *out) {
  out->kind = GW_LOG_FILTER_SAMPLE;
  out->is_independent = m->use_independent_randomness;
  out->denominator = gw_xds_decode_denominator(d, GW_XDS_FIELD(place, "percent_sampled"), m->percent_sampled);
  if (out->denominator != 0) out->numerator = m->percent_sampled->numerator;
}

static void decode_types(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Accesslog__V3__LogTypeFilter *m,
                         struct gw_access_log_filter *out) {
  out->kind = GW_LOG_FILTER_TYPE;
  out->is_excluded = m->exclude;
  if (m->n_types == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, "types"), "is empty, and must not be");
  for (size_t i = 0; i < m->n_types; i++) {
    if (protobuf_c_enum_descriptor_get_value(&envoy__data__accesslog__v3__access_log_type__descriptor, (int)m->types[i]) != NULL)
      out->types |= 1u << (unsigned)m->types[i];
    else
      gw_xds_refuse_enum(d, GW_XDS_ITEM(place, "types", i), &envoy__data__accesslog__v3__access_log_type__descriptor, (int)m->types[i]);
  }
}

static void decode_flags(struct gw_xds_decoder *d, const Envoy__Config__Accesslog__V3__ResponseFlagFilter *m,
                         struct gw_access_log_filter *out) {
  struct gw_str *flags = gw_arena_calloc(d->arena, m->n_flags, sizeof *flags);
  for (size_t i = 0; i < m->n_flags; i++)
    flags[i] = gw_xds_decode_str(d, m->flags[i]);
  out->kind = GW_LOG_FILTER_FLAGS;
  out->flags = flags;
  out->flag_count = (uint32_t)m->n_flags;
}

static void decode_header(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Accesslog__V3__HeaderFilter *m,
                          struct gw_access_log_filter *out) {
  out->kind = GW_LOG_FILTER_HEADER;
  if (m->header == NULL) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "header"), "is missing");
    return;
  }
  struct gw_header_match *header = gw_arena_calloc(d->arena, 1, sizeof *header);
  gw_xds_decode_header_match(d, GW_XDS_FIELD(place, "header"), m->header, header);
  out->header = header;
}

static void decode_filter(struct gw_xds_decoder *d, const struct gw_xds_place *place, const AccessLogFilter *m, uint32_t depth,
                          struct gw_access_log_filter *out);

static void decode_children(struct gw_xds_decoder *d, const struct gw_xds_place *place, AccessLogFilter *const *items, size_t count,
                            uint32_t depth, struct gw_access_log_filter *out) {
  if (count < 2 || count > GW_LOG_FILTER_CHILD_MAX || depth == GW_LOG_FILTER_DEPTH_MAX) {
    gw_xds_refuse(d, place, "has %zu filters, %u deep; allowed is 2 to %d, up to %d deep", count, depth, GW_LOG_FILTER_CHILD_MAX,
                  GW_LOG_FILTER_DEPTH_MAX);
    return;
  }
  struct gw_access_log_filter *children = gw_arena_calloc(d->arena, count, sizeof *children);
  for (size_t i = 0; i < count; i++)
    decode_filter(d, GW_XDS_ITEM(place, "filters", i), items[i], depth + 1, &children[i]);
  out->children = children;
  out->child_count = (uint32_t)count;
}

static void decode_filter(struct gw_xds_decoder *d, const struct gw_xds_place *place, const AccessLogFilter *m, uint32_t depth,
                          struct gw_access_log_filter *out) {
  const struct gw_xds_place *at;
  switch (m->filter_specifier_case) {
  case FILTER(STATUS_CODE):
    at = GW_XDS_FIELD(place, "status_code_filter");
    out->kind = GW_LOG_FILTER_STATUS;
    decode_comparison(d, GW_XDS_FIELD(at, "comparison"), m->status_code_filter->comparison, out);
    return;
  case FILTER(DURATION):
    at = GW_XDS_FIELD(place, "duration_filter");
    out->kind = GW_LOG_FILTER_DURATION;
    decode_comparison(d, GW_XDS_FIELD(at, "comparison"), m->duration_filter->comparison, out);
    return;
  case FILTER(RUNTIME): decode_sample(d, GW_XDS_FIELD(place, "runtime_filter"), m->runtime_filter, out); return;
  case FILTER(AND):
    out->kind = GW_LOG_FILTER_AND;
    decode_children(d, GW_XDS_FIELD(place, "and_filter"), m->and_filter->filters, m->and_filter->n_filters, depth, out);
    return;
  case FILTER(OR):
    out->kind = GW_LOG_FILTER_OR;
    decode_children(d, GW_XDS_FIELD(place, "or_filter"), m->or_filter->filters, m->or_filter->n_filters, depth, out);
    return;
  case FILTER(HEADER): decode_header(d, GW_XDS_FIELD(place, "header_filter"), m->header_filter, out); return;
  case FILTER(RESPONSE_FLAG): decode_flags(d, m->response_flag_filter, out); return;
  case FILTER(LOG_TYPE): decode_types(d, GW_XDS_FIELD(place, "log_type_filter"), m->log_type_filter, out); return;
  default: gw_xds_refuse(d, place, "needs a filter_specifier");
  }
}

void gw_xds_decode_access_log_filter(struct gw_xds_decoder *d, const struct gw_xds_place *place, const AccessLogFilter *m,
                                     struct gw_access_log_filter *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  decode_filter(d, place, m, 0, out);
}

/* ---- formats ---- */

static void decode_json_format(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Struct *m,
                               struct gw_access_log *out) {
  if (m->n_fields == 0 || m->n_fields > FIELDS_MAX) {
    gw_xds_refuse(d, place, "has %zu fields; allowed is 1 to %d", m->n_fields, FIELDS_MAX);
    return;
  }
  struct gw_access_log_field *fields = gw_arena_calloc(d->arena, m->n_fields, sizeof *fields);
  for (size_t i = 0; i < m->n_fields; i++) {
    const Google__Protobuf__Struct__FieldsEntry *entry = m->fields[i];
    const struct gw_xds_place *at = GW_XDS_FIELD(place, entry->key);
    fields[i].name = gw_xds_decode_name(d, at, entry->key);
    for (size_t k = 0; k < i; k++) {
      if (gw_str_equal(fields[k].name, fields[i].name)) gw_xds_refuse(d, at, "is there twice");
    }
    if (entry->value != NULL && entry->value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
      fields[i].format = gw_xds_decode_str(d, entry->value->string_value);
    else
      gw_xds_refuse(d, at, "only strings are supported");
  }
  out->fields = fields;
  out->field_count = (uint32_t)m->n_fields;
}

/* NULL: none is said. */
static void decode_format(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Format *m, struct gw_access_log *out) {
  if (m == NULL) {
    out->text = GW_STR(DEFAULT_TEXT);
    return;
  }
  out->omits_empty = m->omit_empty_values;
  switch (m->format_case) {
  case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT:
    decode_json_format(d, GW_XDS_FIELD(place, "json_format"), m->json_format, out);
    return;
  case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE: {
    const struct gw_xds_place *text = GW_XDS_FIELD(place, "text_format_source");
    out->text = gw_xds_decode_data_source(d, text, m->text_format_source);
    if (out->text.len == 0) gw_xds_refuse(d, text, "is empty, and must not be");
    return;
  }
  default: gw_xds_refuse(d, place, "needs json_format or text_format_source");
  }
}

static void decode_file(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                        struct gw_access_log *out) {
  const FileAccessLog *log = gw_xds_decode_any(d, place, any, &envoy__extensions__access_loggers__file__v3__file_access_log__descriptor);
  if (log == NULL) return;
  if (strcmp(log->path, STDOUT) != 0)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "path"), "\"%s\" is not supported; " STDOUT " is, and the node says where that goes", log->path);
  bool has_format =
      log->access_log_format_case == ENVOY__EXTENSIONS__ACCESS_LOGGERS__FILE__V3__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT;
  decode_format(d, GW_XDS_FIELD(place, "log_format"), has_format ? log->log_format : NULL, out);
}

static void decode_stdout(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                          struct gw_access_log *out) {
  const StdoutAccessLog *log =
      gw_xds_decode_any(d, place, any, &envoy__extensions__access_loggers__stream__v3__stdout_access_log__descriptor);
  if (log == NULL) return;
  bool has_format =
      log->access_log_format_case == ENVOY__EXTENSIONS__ACCESS_LOGGERS__STREAM__V3__STDOUT_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT;
  decode_format(d, GW_XDS_FIELD(place, "log_format"), has_format ? log->log_format : NULL, out);
}

void gw_xds_decode_access_log(struct gw_xds_decoder *d, const struct gw_xds_place *place, const AccessLog *m, struct gw_access_log *out) {
  bool has_config = m->config_type_case == ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
  const Google__Protobuf__Any *any = has_config ? m->typed_config : NULL;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  if (strcmp(gw_xds_any_message(any), envoy__extensions__access_loggers__file__v3__file_access_log__descriptor.name) == 0)
    decode_file(d, at, any, out);
  else
    decode_stdout(d, at, any, out);
  if (m->filter == NULL) return;
  struct gw_access_log_filter *filter = gw_arena_calloc(d->arena, 1, sizeof *filter);
  decode_filter(d, GW_XDS_FIELD(place, "filter"), m->filter, 0, filter);
  out->filter = filter;
}
