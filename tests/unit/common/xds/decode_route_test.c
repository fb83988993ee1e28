#include "common/xds/decode.h"

#include "tests/unit/common/xds/refusals.h"
#include "tests/unit/common/xds/samples.h"

typedef Envoy__Config__Route__V3__RouteConfiguration RouteConfiguration;
typedef Envoy__Config__Route__V3__Route Route;
typedef Envoy__Config__Route__V3__HeaderMatcher HeaderMatcher;
#define ROUTE(config, host, index) ((RouteConfiguration *)(config))->virtual_hosts[host]->routes[index]
#define CHANGE(name) static void name(struct gw_arena *arena, void *m)
#define UNUSED (void)arena

CHANGE(no_name) {
  UNUSED;
  ((RouteConfiguration *)m)->name = (char *)"";
}
CHANGE(unknown_hedge_policy) {
  add_unknown(arena, &ROUTE(m, 0, 1)->route->base, 27);
}
#define REDIRECT(m, index) ROUTE(m, 1, index)->redirect
CHANGE(odd_scheme) {
  REDIRECT(m, 2)->scheme_redirect = gw_xds_encode_str(arena, GW_STR("ftp"));
}
CHANGE(odd_code) {
  UNUSED;
  REDIRECT(m, 1)->response_code = 7;
}
CHANGE(port_70000) {
  UNUSED;
  REDIRECT(m, 1)->port_redirect = 70000;
}
CHANGE(split_host) {
  REDIRECT(m, 1)->host_redirect = gw_xds_encode_str(arena, GW_STR("a\r\nset-cookie: b"));
}
CHANGE(space_in_path) {
  REDIRECT(m, 1)->path_redirect = gw_xds_encode_str(arena, GW_STR("/a b"));
}
CHANGE(negative_grpc_timeout) {
  UNUSED;
  ROUTE(m, 0, 0)->route->max_grpc_timeout->seconds = -1;
}
CHANGE(unknown_number) {
  add_unknown(arena, &ROUTE(m, 0, 2)->base, 4711);
}
CHANGE(unknown_top) {
  add_unknown(arena, m, 9);
}
CHANGE(no_match) {
  UNUSED;
  ROUTE(m, 0, 0)->match = NULL;
}
CHANGE(no_path) {
  UNUSED;
  ROUTE(m, 0, 0)->match->path_specifier_case = 0;
}
CHANGE(no_action) {
  UNUSED;
  ROUTE(m, 0, 0)->action_case = 0;
}
CHANGE(no_cluster) {
  UNUSED;
  ROUTE(m, 0, 0)->route->cluster_specifier_case = 0;
}
CHANGE(empty_cluster) {
  ROUTE(m, 0, 0)->route->cluster = gw_xds_encode_str(arena, GW_STR(""));
}
CHANGE(negative_timeout) {
  UNUSED;
  ROUTE(m, 0, 0)->route->timeout->seconds = -1;
}
CHANGE(big_nanos) {
  UNUSED;
  ROUTE(m, 0, 0)->route->timeout->nanos = 1000000000;
}
CHANGE(endless_timeout) {
  UNUSED;
  ROUTE(m, 0, 0)->route->timeout->seconds = INT64_C(315576000000);
}
CHANGE(two_rewrites) {
  ROUTE(m, 0, 1)->route->prefix_rewrite = gw_xds_encode_str(arena, GW_STR("/x"));
}
CHANGE(rewrite_without_pattern) {
  UNUSED;
  ROUTE(m, 0, 1)->route->regex_rewrite->pattern = NULL;
}
CHANGE(empty_regex) {
  UNUSED;
  ROUTE(m, 0, 3)->match->safe_regex->regex = (char *)"";
}
CHANGE(prefix_with_slash) {
  ROUTE(m, 0, 2)->match->path_separated_prefix = gw_xds_encode_str(arena, GW_STR("/c/"));
}
CHANGE(prefix_with_query) {
  ROUTE(m, 0, 2)->match->path_separated_prefix = gw_xds_encode_str(arena, GW_STR("/c?d"));
}
CHANGE(foreign_policy) {
  ROUTE(m, 0, 1)->match->path_match_policy->typed_config->type_url = gw_xds_encode_str(arena, GW_STR("x/y.Z"));
}
CHANGE(garbled_policy) {
  UNUSED;
  ROUTE(m, 0, 1)->match->path_match_policy->typed_config->value.len--;
}
CHANGE(status_0) {
  UNUSED;
  ROUTE(m, 0, 2)->direct_response->status = 0;
}
CHANGE(status_600) {
  UNUSED;
  ROUTE(m, 0, 2)->direct_response->status = 600;
}
CHANGE(body_without_source) {
  UNUSED;
  ROUTE(m, 0, 2)->direct_response->body->specifier_case = 0;
}
CHANGE(big_body) {
  UNUSED;
  static char body[4098];
  memset(body, 'x', sizeof body - 1);
  ROUTE(m, 0, 2)->direct_response->body->inline_string = body;
}
CHANGE(header_name) {
  ROUTE(m, 0, 0)->match->headers[1]->name = gw_xds_encode_str(arena, GW_STR("x y"));
}
CHANGE(empty_header_name) {
  UNUSED;
  ROUTE(m, 0, 0)->match->headers[1]->name = (char *)"";
}
CHANGE(empty_prefix) {
  ROUTE(m, 0, 0)->match->headers[1]->string_match->prefix = gw_xds_encode_str(arena, GW_STR(""));
}
CHANGE(no_pattern) {
  UNUSED;
  ROUTE(m, 0, 0)->match->headers[1]->string_match->match_pattern_case = 0;
}
CHANGE(range_match) {
  add_unknown(arena, &ROUTE(m, 0, 0)->match->headers[2]->base, 6);
}
CHANGE(grpc_match) {
  add_unknown(arena, &ROUTE(m, 0, 0)->match->base, 8);
}
CHANGE(query_without_name) {
  UNUSED;
  ROUTE(m, 0, 0)->match->query_parameters[1]->name = (char *)"";
}
CHANGE(query_without_pattern) {
  UNUSED;
  ROUTE(m, 0, 0)->match->query_parameters[1]->string_match->match_pattern_case = 0;
}
#define RETRY(m) ROUTE(m, 0, 0)->route->retry_policy
CHANGE(retriable_headers) {
  add_unknown(arena, &RETRY(m)->base, 9);
}
CHANGE(odd_retry_word) {
  RETRY(m)->retry_on = gw_xds_encode_str(arena, GW_STR("5xx, envoy-ratelimited"));
}
CHANGE(retry_code_42) {
  UNUSED;
  RETRY(m)->retriable_status_codes[1] = 42;
}
CHANGE(no_backoff) {
  UNUSED;
  RETRY(m)->retry_back_off->base_interval = NULL;
}
CHANGE(short_backoff) {
  RETRY(m)->retry_back_off->max_interval = gw_xds_encode_duration(arena, 29);
}
CHANGE(odd_host_predicate) {
  RETRY(m)->retry_host_predicate[0]->typed_config = NULL;
  RETRY(m)->retry_host_predicate[0]->name = gw_xds_encode_str(arena, GW_STR("omit_canary_hosts"));
}
CHANGE(minus_one_host) {
  UNUSED;
  RETRY(m)->host_selection_retry_max_attempts = -1;
}
CHANGE(grpc_timeout_header_max) {
  add_unknown(arena, &ROUTE(m, 0, 0)->route->max_stream_duration->base, 2);
}
CHANGE(attempt_count_in_response) {
  add_unknown(arena, &((RouteConfiguration *)m)->virtual_hosts[0]->base, 19);
}
CHANGE(weight_by_header) {
  add_unknown(arena, &ROUTE(m, 0, 1)->route->weighted_clusters->base, 4);
}
CHANGE(headers_of_a_share) {
  add_unknown(arena, &ROUTE(m, 0, 1)->route->weighted_clusters->clusters[0]->base, 4);
}
CHANGE(no_shares) {
  UNUSED;
  ROUTE(m, 0, 1)->route->weighted_clusters->n_clusters = 0;
}
CHANGE(share_of_nobody) {
  UNUSED;
  ROUTE(m, 0, 1)->route->weighted_clusters->clusters[2]->name = (char *)"";
}
CHANGE(no_weight) {
  UNUSED;
  for (size_t i = 0; i < 3; i++)
    ROUTE(m, 0, 1)->route->weighted_clusters->clusters[i]->weight = NULL;
}
CHANGE(too_much_weight) {
  UNUSED;
  ROUTE(m, 0, 1)->route->weighted_clusters->clusters[0]->weight->value = UINT32_MAX;
}
CHANGE(no_destination) {
  UNUSED;
  ROUTE(m, 0, 1)->route->cluster_specifier_case = 0;
}
CHANGE(space_in_host) {
  ROUTE(m, 0, 1)->route->host_rewrite_literal = gw_xds_encode_str(arena, GW_STR("a\r\nb: c"));
}
CHANGE(redirect) {
  add_unknown(arena, &ROUTE(m, 0, 0)->base, 5);
}
CHANGE(filter_config) {
  ROUTE(m, 0, 0)->typed_per_filter_config[0]->value->type_url = gw_xds_encode_str(arena, GW_STR("x/y.Z"));
}
CHANGE(disabled_filter) {
  Envoy__Config__Route__V3__FilterConfig *config = gw_xds_encode_new(arena, &envoy__config__route__v3__filter_config__descriptor);
  add_unknown(arena, &config->base, 3);
  ROUTE(m, 0, 0)->typed_per_filter_config[0]->value = gw_xds_encode_any(arena, &config->base);
}
CHANGE(operator_in_value) {
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header->value = gw_xds_encode_str(arena, GW_STR("%HOSTNAME%"));
}
CHANGE(answer_in_request) {
  ROUTE(m, 0, 0)->request_headers_to_add[1]->header->value = gw_xds_encode_str(arena, GW_STR("%RESP(a)%"));
}
CHANGE(open_operator) {
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header->value = gw_xds_encode_str(arena, GW_STR("50%"));
}
CHANGE(length_header) {
  ROUTE(m, 0, 0)->request_headers_to_add[1]->header->key = gw_xds_encode_str(arena, GW_STR("Content-Length"));
}
CHANGE(removed_connection) {
  ROUTE(m, 0, 0)->request_headers_to_remove[1] = gw_xds_encode_str(arena, GW_STR("Connection"));
}
CHANGE(line_end_in_value) {
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header->value = gw_xds_encode_str(arena, GW_STR("a\r\nb: c"));
}
CHANGE(empty_value) {
  UNUSED;
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header->value = (char *)"";
}
CHANGE(no_header) {
  UNUSED;
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header = NULL;
}
CHANGE(pseudo_header) {
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header->key = gw_xds_encode_str(arena, GW_STR(":status"));
}
CHANGE(host_header) {
  ROUTE(m, 0, 0)->response_headers_to_add[1]->header->key = gw_xds_encode_str(arena, GW_STR("Host"));
}
CHANGE(unknown_action) {
  UNUSED;
  ROUTE(m, 0, 0)->response_headers_to_add[1]->append_action = 77;
}
CHANGE(both_appends) {
  ROUTE(m, 0, 0)->response_headers_to_add[1]->append = gw_xds_encode_bool(arena, true);
}
CHANGE(no_domains) {
  UNUSED;
  ((RouteConfiguration *)m)->virtual_hosts[1]->n_domains = 0;
}
CHANGE(wildcard_in_the_middle) {
  ((RouteConfiguration *)m)->virtual_hosts[1]->domains[0] = gw_xds_encode_str(arena, GW_STR("a.*.c"));
}
CHANGE(same_domain) {
  ((RouteConfiguration *)m)->virtual_hosts[1]->domains[0] = gw_xds_encode_str(arena, GW_STR("EXAMPLE.com"));
}
CHANGE(same_host_name) {
  ((RouteConfiguration *)m)->virtual_hosts[1]->name = gw_xds_encode_str(arena, GW_STR("first"));
}
CHANGE(no_host_name) {
  UNUSED;
  ((RouteConfiguration *)m)->virtual_hosts[1]->name = (char *)"";
}
CHANGE(not_utf8) {
  ROUTE(m, 0, 0)->name = gw_xds_encode_str(arena, GW_STR("\xc3\x28"));
}

#define HASH(m, index) ROUTE(m, 0, 0)->route->hash_policy[index]
CHANGE(hash_by_filter_state) {
  add_unknown(arena, &HASH(m, 0)->base, 6);
}
CHANGE(hash_by_nothing) {
  UNUSED;
  HASH(m, 0)->policy_specifier_case = 0;
}
CHANGE(hash_by_odd_header) {
  HASH(m, 0)->header->header_name = gw_xds_encode_str(arena, GW_STR("a b"));
}
CHANGE(hash_header_rewrite) {
  add_unknown(arena, &HASH(m, 0)->header->base, 2);
}
CHANGE(cookie_injection) {
  HASH(m, 1)->cookie->name = gw_xds_encode_str(arena, GW_STR("a=b; c"));
}
CHANGE(cookie_path_injection) {
  HASH(m, 1)->cookie->path = gw_xds_encode_str(arena, GW_STR("/a; Domain=x"));
}
CHANGE(cookie_attributes) {
  add_unknown(arena, &HASH(m, 1)->cookie->base, 4);
}
CHANGE(hash_by_no_parameter) {
  HASH(m, 4)->query_parameter->name = gw_xds_encode_str(arena, GW_STR(""));
}
CHANGE(hash_not_by_source) {
  UNUSED;
  HASH(m, 5)->connection_properties->source_ip = false;
}

static const struct refusal refusals[] = {
    {hash_by_filter_state, "virtual_hosts[0].routes[0].route.hash_policy[0].filter_state: not supported"},
    {hash_by_nothing, "virtual_hosts[0].routes[0].route.hash_policy[0]: needs header, cookie, connection_properties or query_parameter"},
    {hash_by_odd_header, "virtual_hosts[0].routes[0].route.hash_policy[0].header.header_name: \"a b\" is not the name of a header"},
    {hash_header_rewrite, "virtual_hosts[0].routes[0].route.hash_policy[0].header.regex_rewrite: not supported"},
    {cookie_injection, "virtual_hosts[0].routes[0].route.hash_policy[1].cookie.name: \"a=b; c\" is not a token"},
    {cookie_path_injection, "virtual_hosts[0].routes[0].route.hash_policy[1].cookie.path: holds ';'"},
    {cookie_attributes, "virtual_hosts[0].routes[0].route.hash_policy[1].cookie.attributes: not supported"},
    {hash_by_no_parameter, "virtual_hosts[0].routes[0].route.hash_policy[4].query_parameter.name: is empty"},
    {hash_not_by_source, "virtual_hosts[0].routes[0].route.hash_policy[5].connection_properties.source_ip: must be true"},
    {no_name, "name: is empty"},
    {unknown_hedge_policy, "virtual_hosts[0].routes[1].route.hedge_policy: not supported"},
    {odd_scheme, "virtual_hosts[1].routes[2].redirect.scheme_redirect: \"ftp\" is not http or https"},
    {odd_code, "virtual_hosts[1].routes[1].redirect.response_code: value 7 is not known"},
    {port_70000, "virtual_hosts[1].routes[1].redirect.port_redirect: must be a port"},
    {split_host, "virtual_hosts[1].routes[1].redirect.host_redirect: holds a space or a control character"},
    {space_in_path, "virtual_hosts[1].routes[1].redirect.path_redirect: holds a space or a control character"},
    {negative_grpc_timeout, "virtual_hosts[0].routes[0].route.max_grpc_timeout: is not a duration"},
    {unknown_number, "virtual_hosts[0].routes[2].field 4711: not known"},
    {unknown_top, "vhds: not supported"},
    {no_match, "virtual_hosts[0].routes[0].match: is missing"},
    {no_path, "virtual_hosts[0].routes[0].match: needs prefix"},
    {no_action, "virtual_hosts[0].routes[0]: needs route, redirect or direct_response"},
    {no_cluster, "virtual_hosts[0].routes[0].route: needs cluster"},
    {empty_cluster, "virtual_hosts[0].routes[0].route.cluster: is empty"},
    {negative_timeout, "virtual_hosts[0].routes[0].route.timeout: is not a duration"},
    {big_nanos, "virtual_hosts[0].routes[0].route.timeout: is not a duration"},
    {endless_timeout, "virtual_hosts[0].routes[0].route.timeout: is more than 100 years"},
    {two_rewrites, "virtual_hosts[0].routes[1].route.regex_rewrite: and prefix_rewrite exclude each other"},
    {rewrite_without_pattern, "virtual_hosts[0].routes[1].route.regex_rewrite.pattern: is missing"},
    {empty_regex, "virtual_hosts[0].routes[3].match.safe_regex.regex: is empty"},
    {prefix_with_slash, "virtual_hosts[0].routes[2].match.path_separated_prefix: must have"},
    {prefix_with_query, "virtual_hosts[0].routes[2].match.path_separated_prefix: must have"},
    {foreign_policy, "virtual_hosts[0].routes[1].match.path_match_policy.typed_config: type \"x/y.Z\" is not supported here"},
    {garbled_policy, "virtual_hosts[0].routes[1].match.path_match_policy.typed_config: is cut short"},
    {status_0, "virtual_hosts[0].routes[2].direct_response.status: is 0; allowed is 200 to 599"},
    {status_600, "virtual_hosts[0].routes[2].direct_response.status: is 600; allowed is 200 to 599"},
    {body_without_source, "virtual_hosts[0].routes[2].direct_response.body: needs inline_string or inline_bytes"},
    {big_body, "virtual_hosts[0].routes[2].direct_response.body: has 4097 bytes; at most 4096"},
    {header_name, "virtual_hosts[0].routes[0].match.headers[1].name: \"x y\" is not the name of a header"},
    {empty_header_name, "virtual_hosts[0].routes[0].match.headers[1].name: \"\" is not the name of a header"},
    {empty_prefix, "virtual_hosts[0].routes[0].match.headers[1].string_match.prefix: is empty"},
    {no_pattern, "virtual_hosts[0].routes[0].match.headers[1].string_match: needs exact"},
    {range_match, "virtual_hosts[0].routes[0].match.headers[2].range_match: not supported"},
    {grpc_match, "virtual_hosts[0].routes[0].match.grpc: not supported"},
    {query_without_name, "virtual_hosts[0].routes[0].match.query_parameters[1].name: is empty"},
    {query_without_pattern, "virtual_hosts[0].routes[0].match.query_parameters[1].string_match: needs exact"},
    {retriable_headers, "virtual_hosts[0].routes[0].route.retry_policy.retriable_headers: not supported"},
    {odd_retry_word, "virtual_hosts[0].routes[0].route.retry_policy.retry_on: \"envoy-ratelimited\" is not one of 5xx,"},
    {retry_code_42, "virtual_hosts[0].routes[0].route.retry_policy.retriable_status_codes[1]: is 42; allowed is 100 to 599"},
    {no_backoff, "virtual_hosts[0].routes[0].route.retry_policy.retry_back_off.base_interval: must be 1 ms or more"},
    {short_backoff, "virtual_hosts[0].routes[0].route.retry_policy.retry_back_off.max_interval: must not be less"},
    {odd_host_predicate, "virtual_hosts[0].routes[0].route.retry_policy.retry_host_predicate[0].name: only envoy.retry_host_predicates"},
    {minus_one_host, "virtual_hosts[0].routes[0].route.retry_policy.host_selection_retry_max_attempts: allowed is 0 to 1000"},
    {grpc_timeout_header_max, "virtual_hosts[0].routes[0].route.max_stream_duration.grpc_timeout_header_max: not supported"},
    {attempt_count_in_response, "virtual_hosts[0].include_attempt_count_in_response: not supported"},
    {weight_by_header, "virtual_hosts[0].routes[1].route.weighted_clusters.header_name: not supported"},
    {headers_of_a_share, "virtual_hosts[0].routes[1].route.weighted_clusters.clusters[0].request_headers_to_add: not supported"},
    {no_shares, "virtual_hosts[0].routes[1].route.weighted_clusters.clusters: is empty"},
    {share_of_nobody, "virtual_hosts[0].routes[1].route.weighted_clusters.clusters[2].name: is empty"},
    {no_weight, "virtual_hosts[0].routes[1].route.weighted_clusters.clusters: have a total weight of 0"},
    {too_much_weight, "virtual_hosts[0].routes[1].route.weighted_clusters.clusters: have a total weight of 4294967305"},
    {no_destination, "virtual_hosts[0].routes[1].route: needs cluster or weighted_clusters"},
    {space_in_host, "virtual_hosts[0].routes[1].route.host_rewrite_literal: holds a space or a control character"},
    {redirect, "virtual_hosts[0].routes[0].decorator: not supported"},
    {filter_config, "virtual_hosts[0].routes[0].typed_per_filter_config[0]: type \"x/y.Z\" is not supported here"},
    {disabled_filter, "virtual_hosts[0].routes[0].typed_per_filter_config[0].disabled: not supported"},
    {operator_in_value, "virtual_hosts[0].routes[0].response_headers_to_add[1].header.value: %HOSTNAME% is not supported; allowed are"},
    {answer_in_request, "virtual_hosts[0].routes[0].request_headers_to_add[1].header.value: %RESP(a)% is not supported; allowed are"},
    {open_operator, "virtual_hosts[0].routes[0].response_headers_to_add[1].header.value: %% is not supported"},
    {length_header, "virtual_hosts[0].routes[0].request_headers_to_add[1].header.key: \"Content-Length\" can't be changed here: it says"},
    {removed_connection, "virtual_hosts[0].routes[0].request_headers_to_remove[1]: \"Connection\" can't be changed here: it is for one"},
    {line_end_in_value, "virtual_hosts[0].routes[0].response_headers_to_add[1].header.value: holds a control character"},
    {empty_value, "virtual_hosts[0].routes[0].response_headers_to_add[1].header.value: is empty"},
    {no_header, "virtual_hosts[0].routes[0].response_headers_to_add[1].header: is missing"},
    {pseudo_header, "virtual_hosts[0].routes[0].response_headers_to_add[1].header.key: \":status\" is not the name of a header"},
    {host_header, "virtual_hosts[0].routes[0].response_headers_to_add[1].header.key: \"Host\" can't be changed here: it is changed by"},
    {unknown_action, "virtual_hosts[0].routes[0].response_headers_to_add[1].append_action: value 77 is not known"},
    {both_appends, "virtual_hosts[0].routes[0].response_headers_to_add[1].append_action: and append exclude each other"},
    {no_domains, "virtual_hosts[1].domains: is empty"},
    {wildcard_in_the_middle, "virtual_hosts[1].domains[0]: \"a.*.c\" is not like"},
    {same_domain, "virtual_hosts[1].domains[0]: \"example.com\" is there already"},
    {same_host_name, "virtual_hosts[1].name: \"first\" is there already"},
    {no_host_name, "virtual_hosts[1].name: is empty"},
    {not_utf8, "virtual_hosts[0].routes[0].name: is not UTF-8"},
};

static void test_every_bad_value_and_field_is_refused_at_its_place(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(refusals); i++) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    RouteConfiguration *message = gw_xds_encode_route_config_message(&arena, &sample_route_config);
    refusals[i].change(&arena, message);
    char *text = decode_packed(&arena, GW_RESOURCE_ROUTE_CONFIG, &message->base);
    assert_mistake(text, refusals[i].mistake);
    free(text);
    gw_arena_done(&arena);
  }
}

static void test_all_mistakes_show_at_once(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  RouteConfiguration *message = gw_xds_encode_route_config_message(&arena, &sample_route_config);
  unknown_hedge_policy(&arena, message);
  no_match(&arena, message);
  status_600(&arena, message);
  char *text = decode_packed(&arena, GW_RESOURCE_ROUTE_CONFIG, &message->base);
  assert_mistake(text, "virtual_hosts[0].routes[1].route.hedge_policy: not supported");
  assert_mistake(text, "virtual_hosts[0].routes[0].match: is missing");
  assert_mistake(text, "virtual_hosts[0].routes[2].direct_response.status: is 600");
  free(text);
  gw_arena_done(&arena);
}

static void test_ignored_fields_are_ignored(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  RouteConfiguration *message = gw_xds_encode_route_config_message(&arena, &sample_route_config);
  add_unknown(&arena, &message->base, 17);                             /* metadata */
  add_unknown(&arena, &message->virtual_hosts[0]->base, 24);           /* metadata */
  add_unknown(&arena, &message->virtual_hosts[0]->routes[0]->base, 4); /* metadata */
  assert_null(decode_packed(&arena, GW_RESOURCE_ROUTE_CONFIG, &message->base));
  gw_arena_done(&arena);
}

/* Decodes the sample with its first route's headers replaced by one. */
static struct gw_header_match decode_header(struct gw_arena *arena, HeaderMatcher *header, struct gw_arena *scratch) {
  RouteConfiguration *message = gw_xds_encode_route_config_message(scratch, &sample_route_config);
  message->virtual_hosts[0]->routes[0]->match->n_headers = 1;
  message->virtual_hosts[0]->routes[0]->match->headers[0] = header;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = arena, .scratch = scratch, .errors = &errors};
  const struct gw_route_config *config = gw_xds_decode_route_config(&decoder, NULL, message);
  assert_int_equal(errors.error_count, 0);
  gw_errors_done(&errors);
  return config->virtual_hosts[0].routes[0].match.headers[0];
}

static void test_older_header_matchers_mean_string_match(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  HeaderMatcher *header = gw_xds_encode_new(&arena, &envoy__config__route__v3__header_matcher__descriptor);
  header->name = gw_xds_encode_str(&arena, GW_STR("X-Upper"));
  const struct {
    uint32_t number;
    enum gw_string_match_kind kind;
  } kinds[] = {{4, GW_STRING_MATCH_EXACT}, {9, GW_STRING_MATCH_PREFIX}, {10, GW_STRING_MATCH_SUFFIX}, {12, GW_STRING_MATCH_CONTAINS}};
  for (size_t i = 0; i < GW_ARRAY_LEN(kinds); i++) {
    header->header_match_specifier_case = kinds[i].number;
    header->exact_match = gw_xds_encode_str(&arena, GW_STR("v"));
    struct gw_header_match got = decode_header(&arena, header, &arena);
    assert_int_equal(got.kind, kinds[i].kind);
    assert_true(gw_str_equal(got.value, GW_STR("v")));
    assert_true(gw_str_equal(got.name, GW_STR("x-upper")));
  }
  header->header_match_specifier_case = 11;
  header->safe_regex_match = gw_xds_encode_regex(&arena, GW_STR("a+"));
  assert_int_equal(decode_header(&arena, header, &arena).kind, GW_STRING_MATCH_REGEX);
  gw_arena_done(&arena);
}

static void test_present_match_false_means_absent(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  HeaderMatcher *header = gw_xds_encode_new(&arena, &envoy__config__route__v3__header_matcher__descriptor);
  header->name = gw_xds_encode_str(&arena, GW_STR("a"));
  assert_int_equal(decode_header(&arena, header, &arena).kind, GW_STRING_MATCH_PRESENT);
  assert_false(decode_header(&arena, header, &arena).invert);
  header->header_match_specifier_case = 7;
  header->present_match = false;
  assert_true(decode_header(&arena, header, &arena).invert);
  header->invert_match = true;
  assert_false(decode_header(&arena, header, &arena).invert);
  header->present_match = true;
  assert_true(decode_header(&arena, header, &arena).invert);
  gw_arena_done(&arena);
}

/* A route's own policy counts instead of its virtual host's, as a whole; a limit of its own counts with either. */
static void test_retry_policies_of_hosts_and_routes_have_envoys_defaults(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  RouteConfiguration *message = gw_xds_encode_route_config_message(&arena, &sample_route_config);
  Envoy__Config__Route__V3__VirtualHost *host = message->virtual_hosts[0];
  Envoy__Config__Route__V3__RetryPolicy *bare = gw_xds_encode_new(&arena, &envoy__config__route__v3__retry_policy__descriptor);
  bare->retry_on = gw_xds_encode_str(&arena, GW_STR("5xx,reset , unavailable"));
  host->routes[0]->route->retry_policy = bare;
  host->routes[0]->request_body_buffer_limit = NULL;
  host->request_body_buffer_limit = NULL;
  host->routes[1]->request_body_buffer_limit = gw_xds_encode_retry_buffer(&arena, &sample_retry);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = &arena, .scratch = &arena, .errors = &errors};
  const struct gw_virtual_host *got = &gw_xds_decode_route_config(&decoder, NULL, message)->virtual_hosts[0];
  assert_int_equal(errors.error_count, 0);
  const struct gw_retry_policy *own = got->routes[0].forward.retry;
  assert_int_equal(own->on, GW_RETRY_5XX | GW_RETRY_RESET | GW_RETRY_GRPC_UNAVAILABLE);
  assert_int_equal(own->count, 1);
  assert_int_equal(own->backoff_base_ms, 25);
  assert_int_equal(own->backoff_max_ms, 250);
  assert_false(own->avoids_previous_hosts);
  assert_int_equal(own->buffer_bytes, 1048576);
  assert_int_equal(got->retry->buffer_bytes, 1048576);
  const struct gw_retry_policy *limited = got->routes[1].forward.retry;
  assert_ptr_not_equal(limited, got->retry);
  assert_int_equal(limited->on, got->retry->on);
  assert_int_equal(limited->buffer_bytes, 70000);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

static void test_defaults_are_envoys(void **state) {
  (void)state;
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  RouteConfiguration *message = gw_xds_encode_route_config_message(&arena, &sample_route_config);
  Route *route = ROUTE(message, 0, 0);
  route->route->timeout = NULL;
  route->route->idle_timeout = NULL;
  route->match->case_sensitive = NULL;
  route->response_headers_to_add[1]->append_action = 0;
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_xds_decoder decoder = {.arena = &arena, .scratch = &arena, .errors = &errors};
  const struct gw_route *got = &gw_xds_decode_route_config(&decoder, NULL, message)->virtual_hosts[0].routes[0];
  assert_int_equal(errors.error_count, 0);
  assert_int_equal(got->forward.timeout_ms, 15000);
  assert_false(got->forward.has_idle_timeout);
  assert_false(got->match.ignore_case);
  assert_int_equal(got->response_headers->add[1].action, GW_HEADER_APPEND);
  gw_errors_done(&errors);
  gw_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_bad_value_and_field_is_refused_at_its_place),
      cmocka_unit_test(test_all_mistakes_show_at_once),
      cmocka_unit_test(test_ignored_fields_are_ignored),
      cmocka_unit_test(test_older_header_matchers_mean_string_match),
      cmocka_unit_test(test_present_match_false_means_absent),
      cmocka_unit_test(test_retry_policies_of_hosts_and_routes_have_envoys_defaults),
      cmocka_unit_test(test_defaults_are_envoys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
