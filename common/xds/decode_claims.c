/* Conditions on claims, which Envoy calls metadata. */
#include <math.h>

#include "common/xds/rbac_codec.h"

typedef Envoy__Type__Matcher__V3__ValueMatcher ValueMatcher;
typedef Envoy__Type__Matcher__V3__MetadataMatcher MetadataMatcher;
#define VALUE(name) ENVOY__TYPE__MATCHER__V3__VALUE_MATCHER__MATCH_PATTERN_##name
#define PATH_MAX_SEGMENTS 16u

static void decode_value(struct gw_xds_decoder *d, const struct gw_xds_place *place, const ValueMatcher *m, struct gw_value_match *out);

static void decode_number(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Type__Matcher__V3__DoubleMatcher *m,
                          struct gw_value_match *out) {
  switch (m->match_pattern_case) {
  case ENVOY__TYPE__MATCHER__V3__DOUBLE_MATCHER__MATCH_PATTERN_EXACT:
    out->kind = GW_VALUE_MATCH_EXACT_NUMBER;
    out->from = m->exact;
    break;
  case ENVOY__TYPE__MATCHER__V3__DOUBLE_MATCHER__MATCH_PATTERN_RANGE:
    out->kind = GW_VALUE_MATCH_RANGE;
    out->from = m->range->start;
    out->to = m->range->end;
    break;
  default: gw_xds_refuse(d, place, "needs exact or range");
  }
  if (!isfinite(out->from) || !isfinite(out->to)) gw_xds_refuse(d, place, "must be finite");
}

static void decode_list(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Type__Matcher__V3__ListMatcher *m,
                        struct gw_value_match *out) {
  struct gw_value_match *item = gw_arena_calloc(d->arena, 1, sizeof *item);
  out->kind = GW_VALUE_MATCH_LIST;
  out->values = item;
  out->value_count = 1;
  bool is_one = m->match_pattern_case == ENVOY__TYPE__MATCHER__V3__LIST_MATCHER__MATCH_PATTERN_ONE_OF;
  decode_value(d, GW_XDS_FIELD(place, "one_of"), is_one ? m->one_of : NULL, item);
}

static void decode_or(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Type__Matcher__V3__OrMatcher *m,
                      struct gw_value_match *out) {
  struct gw_value_match *values = gw_arena_calloc(d->arena, m->n_value_matchers, sizeof *values);
  if (m->n_value_matchers < 2) gw_xds_refuse(d, GW_XDS_FIELD(place, "value_matchers"), "are %zu; two or more", m->n_value_matchers);
  for (size_t i = 0; i < m->n_value_matchers; i++)
    decode_value(d, GW_XDS_ITEM(place, "value_matchers", i), m->value_matchers[i], &values[i]);
  out->kind = GW_VALUE_MATCH_OR;
  out->values = values;
  out->value_count = (uint32_t)m->n_value_matchers;
}

static void decode_value(struct gw_xds_decoder *d, const struct gw_xds_place *place, const ValueMatcher *m, struct gw_value_match *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  switch (m->match_pattern_case) {
  case VALUE(NULL_MATCH): out->kind = GW_VALUE_MATCH_NULL; return;
  case VALUE(DOUBLE_MATCH): decode_number(d, GW_XDS_FIELD(place, "double_match"), m->double_match, out); return;
  case VALUE(STRING_MATCH):
    out->kind = GW_VALUE_MATCH_STRING;
    gw_xds_decode_string_match(d, GW_XDS_FIELD(place, "string_match"), m->string_match, &out->string);
    return;
  case VALUE(BOOL_MATCH):
    out->kind = GW_VALUE_MATCH_BOOL;
    out->boolean = m->bool_match;
    return;
  case VALUE(PRESENT_MATCH):
    out->kind = GW_VALUE_MATCH_PRESENT;
    out->boolean = m->present_match;
    return;
  case VALUE(LIST_MATCH): decode_list(d, GW_XDS_FIELD(place, "list_match"), m->list_match, out); return;
  case VALUE(OR_MATCH): decode_or(d, GW_XDS_FIELD(place, "or_match"), m->or_match, out); return;
  default: gw_xds_refuse(d, place, "needs null_match, double_match, string_match, bool_match, present_match, list_match or or_match");
  }
}

static void decode_path(struct gw_xds_decoder *d, const struct gw_xds_place *place, const MetadataMatcher *m, struct gw_claim_match *out) {
  struct gw_str *path = gw_arena_calloc(d->arena, m->n_path, sizeof *path);
  if (m->n_path == 0 || m->n_path > PATH_MAX_SEGMENTS)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "path"), "has %zu segments; allowed are 1 to %u", m->n_path, PATH_MAX_SEGMENTS);
  for (size_t i = 0; i < m->n_path; i++) {
    bool is_key = m->path[i]->segment_case == ENVOY__TYPE__MATCHER__V3__METADATA_MATCHER__PATH_SEGMENT__SEGMENT_KEY;
    path[i] = gw_xds_decode_name(d, GW_XDS_FIELD(GW_XDS_ITEM(place, "path", i), "key"), is_key ? m->path[i]->key : "");
  }
  out->path = path;
  out->path_count = (uint32_t)m->n_path;
}

void gw_xds_decode_claim(struct gw_xds_decoder *d, const struct gw_xds_place *place, const MetadataMatcher *m, struct gw_claim_match *out) {
  if (m == NULL) {
    gw_xds_refuse(d, place, "is missing");
    return;
  }
  if (strcmp(m->filter, GW_CLAIMS_FILTER) != 0)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "filter"), "\"%s\" is not supported; %s is", m->filter, GW_CLAIMS_FILTER);
  decode_path(d, place, m, out);
  out->invert = m->invert;
  decode_value(d, GW_XDS_FIELD(place, "value"), m->value, &out->value);
}
