/* Conditions on fields of the head and on parameters of the query. */
#include "common/base/mem.h"
#include "common/xds/encode_route.h"

typedef Envoy__Config__Route__V3__HeaderMatcher HeaderMatcher;
typedef Envoy__Config__Route__V3__QueryParameterMatcher QueryMatcher;
typedef Envoy__Type__Matcher__V3__StringMatcher StringMatcher;

StringMatcher *gw_xds_encode_string_match(struct gw_arena *arena, const struct gw_string_match *match) {
  StringMatcher *m = gw_xds_encode_new(arena, &envoy__type__matcher__v3__string_matcher__descriptor);
  m->ignore_case = match->ignore_case;
  char *value = gw_xds_encode_str(arena, match->value);
  switch (match->kind) {
  case GW_STRING_MATCH_EXACT:
    m->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT;
    m->exact = value;
    return m;
  case GW_STRING_MATCH_PREFIX:
    m->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX;
    m->prefix = value;
    return m;
  case GW_STRING_MATCH_SUFFIX:
    m->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SUFFIX;
    m->suffix = value;
    return m;
  case GW_STRING_MATCH_CONTAINS:
    m->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_CONTAINS;
    m->contains = value;
    return m;
  case GW_STRING_MATCH_REGEX:
    m->match_pattern_case = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX;
    m->safe_regex = gw_xds_encode_regex(arena, match->value);
    return m;
  case GW_STRING_MATCH_PRESENT: break;
  }
  GW_PANIC("string match kind %d", (int)match->kind);
}

HeaderMatcher *gw_xds_encode_header_match(struct gw_arena *arena, const struct gw_header_match *header) {
  HeaderMatcher *m = gw_xds_encode_new(arena, &envoy__config__route__v3__header_matcher__descriptor);
  m->name = gw_xds_encode_str(arena, header->name);
  m->invert_match = header->invert;
  m->treat_missing_header_as_empty = header->takes_missing_as_empty && header->kind != GW_STRING_MATCH_PRESENT;
  if (header->kind == GW_STRING_MATCH_PRESENT) {
    m->header_match_specifier_case = ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH;
    m->present_match = true;
  } else {
    m->header_match_specifier_case = ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH;
    const struct gw_string_match text = {header->kind, header->ignore_case, header->value};
    m->string_match = gw_xds_encode_string_match(arena, &text);
  }
  return m;
}

static QueryMatcher *encode_query_matcher(struct gw_arena *arena, const struct gw_query_match *query) {
  QueryMatcher *m = gw_xds_encode_new(arena, &envoy__config__route__v3__query_parameter_matcher__descriptor);
  m->name = gw_xds_encode_str(arena, query->name);
  if (query->kind == GW_STRING_MATCH_PRESENT) {
    m->query_parameter_match_specifier_case =
        ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_PRESENT_MATCH;
    m->present_match = !query->invert;
  } else {
    m->query_parameter_match_specifier_case =
        ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_STRING_MATCH;
    const struct gw_string_match text = {query->kind, query->ignore_case, query->value};
    m->string_match = gw_xds_encode_string_match(arena, &text);
  }
  return m;
}

void gw_xds_encode_matchers(struct gw_arena *arena, const struct gw_route_match *match, Envoy__Config__Route__V3__RouteMatch *m) {
  m->n_headers = match->header_count;
  m->headers = gw_xds_encode_array(arena, m->n_headers);
  for (uint32_t i = 0; i < match->header_count; i++)
    m->headers[i] = gw_xds_encode_header_match(arena, &match->headers[i]);
  m->n_query_parameters = match->query_count;
  m->query_parameters = gw_xds_encode_array(arena, m->n_query_parameters);
  for (uint32_t i = 0; i < match->query_count; i++)
    m->query_parameters[i] = encode_query_matcher(arena, &match->queries[i]);
}
