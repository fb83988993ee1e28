#include "dataplane/pipeline/log_filter.h"

#include "common/routing/text_rule.h"
#include "dataplane/pipeline/stream.h"

struct gw_log_filter {
  const struct gw_access_log_filter *model;
  struct gw_header_rule header; /* of HEADER */
  uint32_t flags;               /* of FLAGS */
  struct gw_log_filter *children;
};

/* ---- building ---- */

static void build(const struct gw_access_log_filter *model, struct gw_arena *arena, struct gw_errors *errors, const char *place,
                  struct gw_log_filter *out) {
  *out = (struct gw_log_filter){.model = model};
  for (uint32_t i = 0; i < model->flag_count; i++) {
    uint32_t flag = gw_response_flag_find(model->flags[i]);
    if (flag == GW_FLAG_NONE) gw_errors_add(errors, place, "filter: \"%.*s\" is no response flag of ours", GW_STR_ARG(model->flags[i]));
    out->flags |= flag;
  }
  if (model->header != NULL) {
    char why[GW_REGEX_WHY_SIZE];
    out->header = (struct gw_header_rule){.match = model->header, .id = gw_header_id_find(model->header->name)};
    if (model->header->kind == GW_STRING_MATCH_REGEX &&
        gw_regex_new(model->header->value, (struct gw_regex_options){.is_fast = true}, why, &out->header.regex) != GW_OK)
      gw_errors_add(errors, place, "filter: \"%.*s\": %s", GW_STR_ARG(model->header->value), why);
  }
  out->children = gw_arena_calloc(arena, model->child_count, sizeof(*out->children));
  for (uint32_t i = 0; i < model->child_count; i++)
    build(&model->children[i], arena, errors, place, &out->children[i]);
}

const struct gw_log_filter *gw_log_filter_build(const struct gw_access_log_filter *model, struct gw_arena *arena, struct gw_errors *errors,
                                                const char *place) {
  struct gw_log_filter *filter = gw_arena_alloc(arena, sizeof(*filter));
  build(model, arena, errors, place, filter);
  return filter;
}

void gw_log_filter_done(const struct gw_log_filter *filter) {
  if (filter == NULL) return;
  gw_regex_free(filter->header.regex);
  for (uint32_t i = 0; i < filter->model->child_count; i++)
    gw_log_filter_done(&filter->children[i]);
}

/* ---- requests ---- */

static bool compare(const struct gw_access_log_filter *model, uint64_t value) {
  switch (model->comparison) {
  case GW_COMPARE_EQUAL: return value == model->value;
  case GW_COMPARE_AT_LEAST: return value >= model->value;
  case GW_COMPARE_AT_MOST: return value <= model->value;
  case GW_COMPARE_OTHER: break;
  }
  return value != model->value;
}

/* The first eight digits of a request's id, as in Envoy; false: it has none. */
static bool number_of_id(struct gw_str id, uint32_t *ret_number) {
  uint32_t number = 0;
  if (id.len < 8) return false;
  for (size_t i = 0; i < 8; i++) {
    char c = id.data[i], lower = (char)(c | 0x20);
    if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'f')) return false;
    number = number << 4 | (uint32_t)(c <= '9' ? c - '0' : lower - 'a' + 10);
  }
  *ret_number = number;
  return true;
}

/* By the request's id, so that its records are all there or none, here and in the proxies behind. */
static bool is_sampled(const struct gw_access_log_filter *model, const struct gw_stream *stream) {
  uint32_t number;
  if (model->is_independent || !number_of_id(stream->request_id, &number))
    return gw_random_below(&stream->pipeline->random, model->denominator) < model->numerator;
  return number % model->denominator < model->numerator;
}

static bool has_flag(const struct gw_log_filter *filter, const struct gw_stream *stream) {
  return filter->model->flag_count == 0 ? stream->flags != 0 : (stream->flags & filter->flags) != 0;
}

bool gw_log_filter_match(const struct gw_log_filter *filter, struct gw_stream *stream, enum gw_access_log_type type) {
  const struct gw_access_log_filter *model = filter->model;
  switch (model->kind) {
  case GW_LOG_FILTER_STATUS: return compare(model, stream->status);
  case GW_LOG_FILTER_DURATION: return compare(model, (gw_loop_now_us(stream->pipeline->loop) - stream->started_us) / 1000);
  case GW_LOG_FILTER_SAMPLE: return is_sampled(model, stream);
  case GW_LOG_FILTER_HEADER:
    return gw_header_rule_match(&filter->header, &stream->request, &(struct gw_route_work){.scratch = &stream->arena});
  case GW_LOG_FILTER_FLAGS: return has_flag(filter, stream);
  case GW_LOG_FILTER_TYPE: return ((model->types & 1u << type) != 0) != model->is_excluded;
  case GW_LOG_FILTER_AND:
  case GW_LOG_FILTER_OR: break;
  }
  bool ends_with = model->kind == GW_LOG_FILTER_OR;
  for (uint32_t i = 0; i < model->child_count; i++)
    if (gw_log_filter_match(&filter->children[i], stream, type) == ends_with) return ends_with;
  return !ends_with;
}
