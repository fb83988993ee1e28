/* Conditions on fields of the head and on parameters of the query. */
#include "common/xds/decode_route.h"

typedef Envoy__Config__Route__V3__HeaderMatcher HeaderMatcher;
typedef Envoy__Config__Route__V3__QueryParameterMatcher QueryMatcher;
typedef Envoy__Type__Matcher__V3__StringMatcher StringMatcher;

void gw_xds_decode_string_match(struct gw_xds_decoder *d, const struct gw_xds_place *place, const StringMatcher *m,
                                struct gw_string_match *out) {
  out->ignore_case = m->ignore_case;
  switch (m->match_pattern_case) {
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_EXACT:
    out->kind = GW_STRING_MATCH_EXACT;
    out->value = gw_xds_decode_str(d, m->exact);
    return;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX:
    out->kind = GW_STRING_MATCH_PREFIX;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(place, "prefix"), m->prefix);
    return;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SUFFIX:
    out->kind = GW_STRING_MATCH_SUFFIX;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(place, "suffix"), m->suffix);
    return;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_CONTAINS:
    out->kind = GW_STRING_MATCH_CONTAINS;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(place, "contains"), m->contains);
    return;
  case ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX:
    out->kind = GW_STRING_MATCH_REGEX;
    out->ignore_case = false;
    out->value = gw_xds_decode_regex(d, GW_XDS_FIELD(place, "safe_regex"), m->safe_regex);
    return;
  default: gw_xds_refuse(d, place, "needs exact, prefix, suffix, contains or safe_regex");
  }
}

static void decode_header_text(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HeaderMatcher *m,
                               struct gw_string_match *out) {
  switch (m->header_match_specifier_case) {
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH:
    gw_xds_decode_string_match(d, GW_XDS_FIELD(place, "string_match"), m->string_match, out);
    return;
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH: out->kind = GW_STRING_MATCH_PRESENT; return;
  /* The rest are the older spellings of string_match. */
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_EXACT_MATCH:
    out->kind = GW_STRING_MATCH_EXACT;
    out->value = gw_xds_decode_str(d, m->exact_match);
    return;
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PREFIX_MATCH:
    out->kind = GW_STRING_MATCH_PREFIX;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(place, "prefix_match"), m->prefix_match);
    return;
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_SUFFIX_MATCH:
    out->kind = GW_STRING_MATCH_SUFFIX;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(place, "suffix_match"), m->suffix_match);
    return;
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_CONTAINS_MATCH:
    out->kind = GW_STRING_MATCH_CONTAINS;
    out->value = gw_xds_decode_name(d, GW_XDS_FIELD(place, "contains_match"), m->contains_match);
    return;
  case ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_SAFE_REGEX_MATCH:
    out->kind = GW_STRING_MATCH_REGEX;
    out->value = gw_xds_decode_regex(d, GW_XDS_FIELD(place, "safe_regex_match"), m->safe_regex_match);
    return;
  default: out->kind = GW_STRING_MATCH_PRESENT; /* none given: must be there */
  }
}

void gw_xds_decode_header_match(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HeaderMatcher *m,
                                struct gw_header_match *out) {
  struct gw_string_match text = {0};
  decode_header_text(d, place, m, &text);
  bool is_absence =
      m->header_match_specifier_case == ENVOY__CONFIG__ROUTE__V3__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH && !m->present_match;
  *out = (struct gw_header_match){.name = gw_xds_decode_header_name(d, GW_XDS_FIELD(place, "name"), m->name, true),
                                  .kind = text.kind,
                                  .value = text.value,
                                  .ignore_case = text.ignore_case,
                                  .invert = m->invert_match != is_absence,
                                  .takes_missing_as_empty = m->treat_missing_header_as_empty && text.kind != GW_STRING_MATCH_PRESENT};
}

static void decode_query_matcher(struct gw_xds_decoder *d, const struct gw_xds_place *place, const QueryMatcher *m,
                                 struct gw_query_match *out) {
  struct gw_string_match text = {.kind = GW_STRING_MATCH_PRESENT};
  bool is_absence = false;
  if (m->query_parameter_match_specifier_case ==
      ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_STRING_MATCH)
    gw_xds_decode_string_match(d, GW_XDS_FIELD(place, "string_match"), m->string_match, &text);
  else if (m->query_parameter_match_specifier_case ==
           ENVOY__CONFIG__ROUTE__V3__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_PRESENT_MATCH)
    is_absence = !m->present_match;
  *out = (struct gw_query_match){.name = gw_xds_decode_name(d, GW_XDS_FIELD(place, "name"), m->name),
                                 .kind = text.kind,
                                 .value = text.value,
                                 .ignore_case = text.ignore_case,
                                 .invert = is_absence};
}

void gw_xds_decode_matchers(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__RouteMatch *m,
                            struct gw_route_match *out) {
  if (m->n_headers > 0) {
    struct gw_header_match *headers = gw_arena_calloc(d->arena, m->n_headers, sizeof *headers);
    for (size_t i = 0; i < m->n_headers; i++)
      gw_xds_decode_header_match(d, GW_XDS_ITEM(place, "headers", i), m->headers[i], &headers[i]);
    out->headers = headers;
    out->header_count = (uint32_t)m->n_headers;
  }
  if (m->n_query_parameters == 0) return;
  struct gw_query_match *queries = gw_arena_calloc(d->arena, m->n_query_parameters, sizeof *queries);
  for (size_t i = 0; i < m->n_query_parameters; i++)
    decode_query_matcher(d, GW_XDS_ITEM(place, "query_parameters", i), m->query_parameters[i], &queries[i]);
  out->queries = queries;
  out->query_count = (uint32_t)m->n_query_parameters;
}
