#include "common/xds/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/xds/encode.h"
#include "common/xds/wire.h"
#include "tests/unit/common/xds/samples.h"

static void assert_str(struct gw_str got, struct gw_str want) {
  assert_int_equal(got.len, want.len);
  if (want.len > 0) assert_memory_equal(got.data, want.data, want.len);
}

static void assert_header(const struct gw_header_match *got, const struct gw_header_match *want) {
  assert_str(got->name, want->name);
  assert_int_equal(got->kind, want->kind);
  assert_str(got->value, want->value);
  assert_int_equal(got->ignore_case, want->ignore_case);
  assert_int_equal(got->invert, want->invert);
  assert_int_equal(got->takes_missing_as_empty, want->takes_missing_as_empty);
}

static void assert_redirect(const struct gw_route_redirect *got, const struct gw_route_redirect *want) {
  assert_int_equal(got->status, want->status);
  assert_str(got->scheme, want->scheme);
  assert_str(got->host, want->host);
  assert_int_equal(got->port, want->port);
  assert_str(got->path, want->path);
  assert_str(got->prefix_rewrite, want->prefix_rewrite);
  assert_str(got->regex_rewrite_pattern, want->regex_rewrite_pattern);
  assert_str(got->regex_rewrite_substitution, want->regex_rewrite_substitution);
  assert_int_equal(got->strips_query, want->strips_query);
}

static void assert_hash_policies(const struct gw_route_forward *got, const struct gw_route_forward *want) {
  assert_int_equal(got->hash_policy_count, want->hash_policy_count);
  for (uint32_t i = 0; i < want->hash_policy_count; i++) {
    assert_int_equal(got->hash_policies[i].kind, want->hash_policies[i].kind);
    assert_str(got->hash_policies[i].name, want->hash_policies[i].name);
    assert_int_equal(got->hash_policies[i].is_terminal, want->hash_policies[i].is_terminal);
    assert_int_equal(got->hash_policies[i].has_cookie_ttl, want->hash_policies[i].has_cookie_ttl);
    assert_int_equal(got->hash_policies[i].cookie_ttl_ms, want->hash_policies[i].cookie_ttl_ms);
    assert_str(got->hash_policies[i].cookie_path, want->hash_policies[i].cookie_path);
  }
}

static void assert_balancing(const struct gw_load_balancing *got, const struct gw_load_balancing *want) {
  assert_int_equal(got->policy, want->policy);
  assert_int_equal(got->panic_threshold_percent, want->panic_threshold_percent);
  assert_int_equal(got->slow_start.window_ms, want->slow_start.window_ms);
  assert_true(got->slow_start.aggression == want->slow_start.aggression);
  assert_true(got->slow_start.min_weight_percent == want->slow_start.min_weight_percent);
  assert_int_equal(got->choice_count, want->choice_count);
  assert_true(got->active_request_bias == want->active_request_bias);
  assert_int_equal(got->ring_size_min, want->ring_size_min);
  assert_int_equal(got->ring_size_max, want->ring_size_max);
  assert_int_equal(got->table_size, want->table_size);
}

static void assert_retry(const struct gw_retry_policy *got, const struct gw_retry_policy *want) {
  assert_int_equal(got != NULL, want != NULL);
  if (want == NULL) return;
  assert_int_equal(got->on, want->on);
  assert_int_equal(got->count, want->count);
  assert_int_equal(got->per_try_timeout_ms, want->per_try_timeout_ms);
  assert_int_equal(got->per_try_idle_timeout_ms, want->per_try_idle_timeout_ms);
  assert_int_equal(got->backoff_base_ms, want->backoff_base_ms);
  assert_int_equal(got->backoff_max_ms, want->backoff_max_ms);
  assert_int_equal(got->avoids_previous_hosts, want->avoids_previous_hosts);
  assert_int_equal(got->host_attempts, want->host_attempts);
  assert_int_equal(got->status_code_count, want->status_code_count);
  for (uint32_t i = 0; i < want->status_code_count; i++)
    assert_int_equal(got->status_codes[i], want->status_codes[i]);
  assert_int_equal(got->buffer_bytes, want->buffer_bytes);
}

static void assert_queries(const struct gw_route_match *got, const struct gw_route_match *want) {
  assert_int_equal(got->query_count, want->query_count);
  for (uint32_t i = 0; i < want->query_count; i++) {
    assert_str(got->queries[i].name, want->queries[i].name);
    assert_int_equal(got->queries[i].kind, want->queries[i].kind);
    assert_str(got->queries[i].value, want->queries[i].value);
    assert_int_equal(got->queries[i].ignore_case, want->queries[i].ignore_case);
    assert_int_equal(got->queries[i].invert, want->queries[i].invert);
  }
}

static void assert_changes(const struct gw_header_changes *got, const struct gw_header_changes *want) {
  assert_int_equal(got != NULL, want != NULL);
  if (want == NULL) return;
  assert_int_equal(got->remove_count, want->remove_count);
  for (uint32_t i = 0; i < want->remove_count; i++)
    assert_str(got->remove[i], want->remove[i]);
  assert_int_equal(got->add_count, want->add_count);
  for (uint32_t i = 0; i < want->add_count; i++) {
    assert_str(got->add[i].name, want->add[i].name);
    assert_str(got->add[i].value, want->add[i].value);
    assert_int_equal(got->add[i].action, want->add[i].action);
    assert_int_equal(got->add[i].is_format, want->add[i].is_format);
    assert_int_equal(got->add[i].keeps_empty, want->add[i].keeps_empty);
  }
}

static void assert_split(const struct gw_route_split *got, const struct gw_route_split *want) {
  assert_int_equal(got != NULL, want != NULL);
  if (want == NULL) return;
  assert_int_equal(got->count, want->count);
  assert_int_equal(got->total_weight, want->total_weight);
  assert_int_equal(got->by_hash, want->by_hash);
  for (uint32_t i = 0; i < want->count; i++) {
    assert_str(got->clusters[i].name, want->clusters[i].name);
    assert_int_equal(got->clusters[i].weight, want->clusters[i].weight);
  }
}

static void assert_route(const struct gw_route *got, const struct gw_route *want) {
  assert_str(got->name, want->name);
  assert_int_equal(got->index, want->index);
  assert_int_equal(got->match.kind, want->match.kind);
  assert_str(got->match.path, want->match.path);
  assert_int_equal(got->match.ignore_case, want->match.ignore_case);
  assert_int_equal(got->match.header_count, want->match.header_count);
  for (uint32_t i = 0; i < want->match.header_count; i++)
    assert_header(&got->match.headers[i], &want->match.headers[i]);
  assert_queries(&got->match, &want->match);
  assert_int_equal(got->action, want->action);
  assert_str(got->forward.cluster, want->forward.cluster);
  assert_split(got->forward.split, want->forward.split);
  assert_str(got->forward.host_rewrite, want->forward.host_rewrite);
  assert_int_equal(got->forward.timeout_ms, want->forward.timeout_ms);
  assert_int_equal(got->forward.has_idle_timeout, want->forward.has_idle_timeout);
  assert_int_equal(got->forward.idle_timeout_ms, want->forward.idle_timeout_ms);
  assert_str(got->forward.prefix_rewrite, want->forward.prefix_rewrite);
  assert_str(got->forward.regex_rewrite_pattern, want->forward.regex_rewrite_pattern);
  assert_str(got->forward.regex_rewrite_substitution, want->forward.regex_rewrite_substitution);
  assert_hash_policies(&got->forward, &want->forward);
  assert_int_equal(got->forward.has_grpc_timeout, want->forward.has_grpc_timeout);
  assert_int_equal(got->forward.max_grpc_timeout_ms, want->forward.max_grpc_timeout_ms);
  assert_int_equal(got->forward.max_duration_ms, want->forward.max_duration_ms);
  assert_retry(got->forward.retry, want->forward.retry);
  assert_int_equal(got->forward.tells_attempt_count, want->forward.tells_attempt_count);
  assert_int_equal(got->redirect != NULL, want->redirect != NULL);
  if (want->redirect != NULL) assert_redirect(got->redirect, want->redirect);
  assert_int_equal(got->direct.status, want->direct.status);
  assert_str(got->direct.body, want->direct.body);
  assert_changes(got->request_headers, want->request_headers);
  assert_changes(got->response_headers, want->response_headers);
  assert_int_equal(got->has_body_limit, want->has_body_limit);
  assert_int_equal(got->max_request_body_bytes, want->max_request_body_bytes);
}

static void assert_route_config(const struct gw_route_config *got, const struct gw_route_config *want) {
  assert_str(got->name, want->name);
  assert_int_equal(got->virtual_host_count, want->virtual_host_count);
  assert_int_equal(got->route_count, want->route_count);
  assert_int_equal(got->ignores_port, want->ignores_port);
  for (uint32_t v = 0; v < want->virtual_host_count; v++) {
    const struct gw_virtual_host *got_host = &got->virtual_hosts[v], *want_host = &want->virtual_hosts[v];
    assert_str(got_host->name, want_host->name);
    assert_int_equal(got_host->domain_count, want_host->domain_count);
    for (uint32_t i = 0; i < want_host->domain_count; i++)
      assert_str(got_host->domains[i], want_host->domains[i]);
    assert_int_equal(got_host->route_count, want_host->route_count);
    assert_retry(got_host->retry, want_host->retry);
    assert_int_equal(got_host->tells_attempt_count, want_host->tells_attempt_count);
    for (uint32_t i = 0; i < want_host->route_count; i++) {
      assert_route(&got_host->routes[i], &want_host->routes[i]);
      /* The host's is kept once. */
      assert_int_equal(got_host->routes[i].forward.retry == got_host->retry, want_host->routes[i].forward.retry == want_host->retry);
    }
  }
}

static void assert_endpoints(const struct gw_endpoints *got, const struct gw_endpoints *want) {
  assert_str(got->cluster_name, want->cluster_name);
  assert_int_equal(got->count, want->count);
  for (uint32_t i = 0; i < want->count; i++) {
    assert_str(got->items[i].address, want->items[i].address);
    assert_int_equal(got->items[i].port, want->items[i].port);
    assert_int_equal(got->items[i].weight, want->items[i].weight);
    assert_int_equal(got->items[i].is_unhealthy, want->items[i].is_unhealthy);
    assert_int_equal(got->items[i].priority, want->items[i].priority);
  }
}

/* Again from the bytes: the same content, the same version. */
static void assert_decodes_again(const struct gw_resource *resource) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  struct gw_str name = {NULL, 0};
  struct gw_resource *again;
  assert_int_equal(gw_xds_decode_resource(resource->type, resource->any, &errors, &arena, &name, &again), GW_OK);
  assert_str(name, resource->name);
  assert_str(again->name, resource->name);
  assert_string_equal(again->version, resource->version);
  assert_int_equal(errors.error_count, 0);
  gw_resource_unref(again);
  gw_arena_done(&arena);
  gw_errors_done(&errors);
}

static void test_route_config_with_every_field_comes_back(void **state) {
  (void)state;
  struct gw_resource *resource = gw_xds_encode_route_config(&sample_route_config);
  assert_route_config(resource->route_config, &sample_route_config);
  assert_decodes_again(resource);
  gw_resource_unref(resource);
}

/* What encoding keeps is a copy, and what it writes is written by parts: neither may differ from the whole way. */
static void assert_same_as_the_whole_way(const struct gw_route_config *config) {
  struct gw_resource *resource = gw_xds_encode_route_config(config);
  struct gw_arena arena;
  gw_arena_init(&arena, 256);
  Google__Protobuf__Any *any = gw_xds_encode_any(&arena, &gw_xds_encode_route_config_message(&arena, resource->route_config)->base);
  struct gw_bytes *whole = gw_wire_pack(&any->base);
  assert_int_equal(resource->any->len, whole->len);
  assert_memory_equal(resource->any->data, whole->data, whole->len);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_resource *decoded;
  assert_int_equal(gw_xds_decode_resource(GW_RESOURCE_ROUTE_CONFIG, whole, &errors, &arena, NULL, &decoded), GW_OK);
  assert_route_config(resource->route_config, decoded->route_config);
  assert_string_equal(resource->version, decoded->version);
  assert_str(resource->name, decoded->name);
  gw_resource_unref(decoded);
  gw_errors_done(&errors);
  gw_bytes_unref(whole);
  gw_arena_done(&arena);
  gw_resource_unref(resource);
}

static void test_route_config_is_kept_as_it_would_be_decoded(void **state) {
  (void)state;
  assert_same_as_the_whole_way(&sample_route_config);
  const struct gw_str domain = GW_STR("Example.COM");
  const struct gw_header_match header = {GW_STR("X-Version"), GW_STRING_MATCH_REGEX, GW_STR("[A-Z]+"), true, false, true};
  const struct gw_header_option option = {GW_STR("Allow"), GW_STR("GET"), GW_HEADER_OVERWRITE, false, false};
  const struct gw_str removed = GW_STR("X-Old");
  const struct gw_header_changes changes = {&removed, 1, 1, &option};
  struct gw_route route = {.match = {GW_PATH_MATCH_REGEX, GW_STR("/A+"), true, &header, 1, 0, NULL},
                           .action = GW_ROUTE_FORWARD,
                           .forward = {.cluster = GW_STR("Alpha")},
                           .response_headers = &changes};
  const struct gw_virtual_host host = {GW_STR("All"), &domain, 1, &route, 1, NULL, false};
  const struct gw_route_config config = {GW_STR("odd"), &host, 1, 1, false};
  assert_same_as_the_whole_way(&config);
}

static void test_route_config_without_routes_or_hosts_comes_back(void **state) {
  (void)state;
  const struct gw_virtual_host host = {GW_STR("none"), sample_any_domain, 1, NULL, 0, NULL, false};
  const struct gw_route_config no_routes = {GW_STR("main"), &host, 1, 0, false}, no_hosts = {GW_STR("main"), NULL, 0, 0, true};
  assert_same_as_the_whole_way(&no_routes);
  assert_same_as_the_whole_way(&no_hosts);
}

static void test_endpoints_with_priorities_come_back(void **state) {
  (void)state;
  struct gw_resource *resource = gw_xds_encode_endpoints(&sample_endpoints);
  assert_endpoints(resource->endpoints, &sample_endpoints);
  assert_decodes_again(resource);
  gw_resource_unref(resource);
}

static void test_empty_endpoints_come_back(void **state) {
  (void)state;
  const struct gw_endpoints empty = {.cluster_name = GW_STR("none")};
  struct gw_resource *resource = gw_xds_encode_endpoints(&empty);
  assert_endpoints(resource->endpoints, &empty);
  gw_resource_unref(resource);
}

static void assert_http2(const struct gw_http2_options *got, const struct gw_http2_options *want) {
  assert_int_equal(got->hpack_table_size, want->hpack_table_size);
  assert_int_equal(got->max_concurrent_streams, want->max_concurrent_streams);
  assert_int_equal(got->initial_stream_window, want->initial_stream_window);
  assert_int_equal(got->initial_connection_window, want->initial_connection_window);
  assert_int_equal(got->allows_connect, want->allows_connect);
  assert_int_equal(got->max_outbound_control_frames, want->max_outbound_control_frames);
  assert_int_equal(got->max_consecutive_empty_frames, want->max_consecutive_empty_frames);
  assert_int_equal(got->max_priority_frames, want->max_priority_frames);
  assert_int_equal(got->max_window_updates, want->max_window_updates);
}

static void assert_strs(const struct gw_str *got, uint32_t got_count, const struct gw_str *want, uint32_t want_count) {
  assert_int_equal(got_count, want_count);
  for (uint32_t i = 0; i < want_count; i++)
    assert_str(got[i], want[i]);
}

static void assert_sans(const struct gw_san_match *got, uint32_t got_count, const struct gw_san_match *want, uint32_t want_count) {
  assert_int_equal(got_count, want_count);
  for (uint32_t i = 0; i < want_count; i++) {
    assert_int_equal(got[i].kind, want[i].kind);
    assert_int_equal(got[i].match, want[i].match);
    assert_str(got[i].value, want[i].value);
  }
}

static void assert_tls_params(const struct gw_tls_params *got, const struct gw_tls_params *want) {
  assert_int_equal(got->min_version, want->min_version);
  assert_int_equal(got->max_version, want->max_version);
  assert_str(got->cipher_suites, want->cipher_suites);
  assert_str(got->curves, want->curves);
  assert_strs(got->alpn, got->alpn_count, want->alpn, want->alpn_count);
  assert_strs(got->certificates, got->certificate_count, want->certificates, want->certificate_count);
  assert_str(got->validation, want->validation);
  assert_sans(got->sans, got->san_count, want->sans, want->san_count);
}

static void assert_ranges(const struct gw_status_range *got, uint32_t got_count, const struct gw_status_range *want, uint32_t want_count) {
  assert_int_equal(got_count, want_count);
  for (uint32_t i = 0; i < want_count; i++) {
    assert_int_equal(got[i].first, want[i].first);
    assert_int_equal(got[i].last, want[i].last);
  }
}

static void assert_health_check(const struct gw_health_check *got, const struct gw_health_check *want) {
  assert_int_equal(got != NULL, want != NULL);
  if (want == NULL) return;
  assert_int_equal(got->kind, want->kind);
  assert_int_equal(got->timeout_ms, want->timeout_ms);
  assert_int_equal(got->interval_ms, want->interval_ms);
  assert_int_equal(got->unhealthy_interval_ms, want->unhealthy_interval_ms);
  assert_int_equal(got->no_traffic_interval_ms, want->no_traffic_interval_ms);
  assert_int_equal(got->initial_jitter_ms, want->initial_jitter_ms);
  assert_int_equal(got->interval_jitter_ms, want->interval_jitter_ms);
  assert_int_equal(got->interval_jitter_percent, want->interval_jitter_percent);
  assert_int_equal(got->unhealthy_threshold, want->unhealthy_threshold);
  assert_int_equal(got->healthy_threshold, want->healthy_threshold);
  assert_int_equal(got->port, want->port);
  assert_str(got->host, want->host);
  assert_int_equal(got->is_http2, want->is_http2);
  assert_str(got->method, want->method);
  assert_str(got->path, want->path);
  assert_ranges(got->expected, got->expected_count, want->expected, want->expected_count);
  assert_ranges(got->retriable, got->retriable_count, want->retriable, want->retriable_count);
  assert_str(got->grpc_service, want->grpc_service);
}

static void assert_outlier(const struct gw_outlier_detection *got, const struct gw_outlier_detection *want) {
  assert_int_equal(got != NULL, want != NULL);
  if (want == NULL) return;
  assert_int_equal(got->interval_ms, want->interval_ms);
  assert_int_equal(got->base_ejection_ms, want->base_ejection_ms);
  assert_int_equal(got->max_ejection_ms, want->max_ejection_ms);
  assert_int_equal(got->ejection_jitter_ms, want->ejection_jitter_ms);
  assert_int_equal(got->max_ejection_percent, want->max_ejection_percent);
  assert_int_equal(got->may_always_eject_one, want->may_always_eject_one);
  assert_int_equal(got->has_check_ending_ejection, want->has_check_ending_ejection);
  assert_int_equal(got->consecutive_5xx, want->consecutive_5xx);
  assert_int_equal(got->consecutive_5xx_enforcing_percent, want->consecutive_5xx_enforcing_percent);
  assert_int_equal(got->consecutive_gateway_failure, want->consecutive_gateway_failure);
  assert_int_equal(got->consecutive_gateway_failure_enforcing_percent, want->consecutive_gateway_failure_enforcing_percent);
  assert_int_equal(got->success_rate_enforcing_percent, want->success_rate_enforcing_percent);
  assert_int_equal(got->success_rate_minimum_hosts, want->success_rate_minimum_hosts);
  assert_int_equal(got->success_rate_request_volume, want->success_rate_request_volume);
  assert_int_equal(got->success_rate_stdev_factor, want->success_rate_stdev_factor);
}

static void test_clusters_of_each_kind_come_back(void **state) {
  (void)state;
  const struct gw_cluster *clusters[] = {&sample_eds_cluster, &sample_dns_cluster, &sample_static_cluster, &sample_tls_cluster,
                                         &sample_http2_cluster};
  for (size_t i = 0; i < GW_ARRAY_LEN(clusters); i++) {
    struct gw_resource *resource = gw_xds_encode_cluster(clusters[i]);
    const struct gw_cluster *got = resource->cluster;
    assert_str(got->name, clusters[i]->name);
    assert_int_equal(got->kind, clusters[i]->kind);
    assert_balancing(&got->balancing, &clusters[i]->balancing);
    assert_int_equal(got->balancing.has_uncounted_new, clusters[i]->balancing.has_uncounted_new);
    assert_health_check(got->health_check, clusters[i]->health_check);
    assert_outlier(got->outlier, clusters[i]->outlier);
    assert_str(got->eds_service_name, clusters[i]->eds_service_name);
    assert_int_equal(got->connect_timeout_ms, clusters[i]->connect_timeout_ms);
    assert_int_equal(got->dns_refresh_ms, clusters[i]->dns_refresh_ms);
    assert_int_equal(got->upstream_idle_timeout_ms, clusters[i]->upstream_idle_timeout_ms);
    assert_int_equal(got->inline_endpoints != NULL, clusters[i]->inline_endpoints != NULL);
    if (got->inline_endpoints != NULL) assert_endpoints(got->inline_endpoints, clusters[i]->inline_endpoints);
    assert_int_equal(got->protocol, clusters[i]->protocol);
    assert_true(got->retry_budget.percent == clusters[i]->retry_budget.percent);
    assert_int_equal(got->retry_budget.min_concurrency, clusters[i]->retry_budget.min_concurrency);
    assert_http2(&got->http2, &clusters[i]->http2);
    assert_int_equal(got->limits != NULL, clusters[i]->limits != NULL);
    if (got->limits != NULL) assert_memory_equal(got->limits, clusters[i]->limits, sizeof(*got->limits));
    assert_int_equal(got->breaking != NULL, clusters[i]->breaking != NULL);
    if (got->breaking != NULL) assert_true(gw_circuit_breaking_equal(got->breaking, clusters[i]->breaking));
    assert_int_equal(got->tls != NULL, clusters[i]->tls != NULL);
    if (got->tls != NULL) {
      assert_tls_params(&got->tls->params, &clusters[i]->tls->params);
      assert_str(got->tls->sni, clusters[i]->tls->sni);
      assert_int_equal(got->tls->has_auto_sni, clusters[i]->tls->has_auto_sni);
    }
    assert_decodes_again(resource);
    gw_resource_unref(resource);
  }
}

static void test_secrets_of_each_kind_come_back(void **state) {
  (void)state;
  for (size_t i = 0; i < GW_ARRAY_LEN(sample_secrets); i++) {
    const struct gw_secret *want = &sample_secrets[i];
    struct gw_resource *resource = gw_xds_encode_secret(want);
    const struct gw_secret *got = resource->secret;
    assert_str(got->name, want->name);
    assert_int_equal(got->kind, want->kind);
    assert_str(got->certificate_chain, want->certificate_chain);
    assert_str(got->private_key, want->private_key);
    assert_str(got->trusted_ca, want->trusted_ca);
    assert_sans(got->sans, got->san_count, want->sans, want->san_count);
    assert_strs(got->ticket_keys, got->ticket_key_count, want->ticket_keys, want->ticket_key_count);
    assert_true(resource->any->is_secret); /* and so overwritten before it is freed */
    assert_decodes_again(resource);
    gw_resource_unref(resource);
  }
}

static void test_api_keys_come_back(void **state) {
  (void)state;
  const struct gw_str roles[] = {GW_STR("admin"), GW_STR("viewer")}, permissions[] = {GW_STR("projects:*")};
  struct gw_api_key want = {.id = GW_STR("abcdefghij234567"),
                            .is_imported = true,
                            .owner = GW_STR("ann"),
                            .name = GW_STR("of the nightly job"),
                            .roles = roles,
                            .role_count = 2,
                            .permissions = permissions,
                            .permission_count = 1,
                            .plan = GW_STR("gold"),
                            .created_at_s = 1,
                            .expires_at_s = 2,
                            .revoked_at_s = 3};
  memset(want.hash, 0xab, sizeof want.hash);
  struct gw_resource *resource = gw_xds_encode_api_key(&want);
  const struct gw_api_key *got = resource->api_key;
  assert_str(resource->name, want.id);
  assert_str(got->id, want.id);
  assert_memory_equal(got->hash, want.hash, sizeof want.hash);
  assert_true(got->is_imported);
  assert_str(got->owner, want.owner);
  assert_str(got->name, want.name);
  assert_strs(got->roles, got->role_count, want.roles, want.role_count);
  assert_strs(got->permissions, got->permission_count, want.permissions, want.permission_count);
  assert_str(got->plan, want.plan);
  assert_int_equal(got->created_at_s, 1);
  assert_int_equal(got->expires_at_s, 2);
  assert_int_equal(got->revoked_at_s, 3);
  assert_true(resource->any->is_secret && gw_resource_is_confidential(resource));
  assert_decodes_again(resource);

  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_resource *stored = NULL;
  assert_int_equal(gw_xds_decode_api_key_bytes(gw_xds_api_key_bytes(resource), &errors, &stored), GW_OK);
  assert_string_equal(stored->version, resource->version);
  gw_resource_unref(stored);
  gw_resource_unref(resource);
  gw_errors_done(&errors);
}

static void test_api_keys_that_are_none_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t len;
    const char *words;
  } cases[] = {
      {"\x0a\x01k\x12\x02hh\x22\x01o", 10, "hash"},                                           /* a short hash */
      {"\x12\x01h\x22\x01o", 6, "id"},                                                        /* no id */
      {"\x0a\x01k\x22\x01o\x58\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 17, "revoked_at_s"}, /* -1 */
      {"\x0a\x01k\x22\x01o\x9a\x06\x01x", 10, "99"},                                          /* a field of a newer program */
      {"\x0a\x01", 2, ""},                                                                    /* cut off */
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    struct gw_errors errors;
    gw_errors_init(&errors);
    struct gw_resource *resource = NULL;
    assert_int_equal(gw_xds_decode_api_key_bytes((struct gw_str){cases[i].bytes, cases[i].len}, &errors, &resource), GW_ERR_INVALID);
    char *text = gw_errors_format(&errors);
    if (strstr(text, cases[i].words) == NULL) fail_msg("%s, not of %s", text, cases[i].words);
    free(text);
    gw_errors_done(&errors);
  }
}

static void assert_filters(const struct gw_http_connection_manager *got, const struct gw_http_connection_manager *want) {
  assert_int_equal(got->filter_count, want->filter_count);
  for (uint32_t i = 0; i < want->filter_count; i++) {
    assert_str(got->filters[i].name, want->filters[i].name);
    assert_int_equal(got->filters[i].kind, want->filters[i].kind);
    if (want->filters[i].kind == GW_FILTER_LIMITS) {
      const size_t without_padding = offsetof(struct gw_limits, max_metric_series) + sizeof(uint32_t); /* which compilers fill or not */
      assert_memory_equal(&got->filters[i].settings.limits, &want->filters[i].settings.limits, without_padding);
      continue;
    }
    const struct gw_node_endpoints *a = &got->filters[i].settings.node_endpoints, *b = &want->filters[i].settings.node_endpoints;
    assert_int_equal(a->has_health, b->has_health);
    assert_int_equal(a->has_ready, b->has_ready);
    assert_int_equal(a->has_metrics, b->has_metrics);
    assert_int_equal(a->metrics_allow_count, b->metrics_allow_count);
    for (uint32_t k = 0; k < b->metrics_allow_count; k++)
      assert_str(a->metrics_allow[k], b->metrics_allow[k]);
  }
}

static void assert_logs(const struct gw_http_connection_manager *got, const struct gw_http_connection_manager *want) {
  assert_int_equal(got->access_log_count, want->access_log_count);
  for (uint32_t i = 0; i < want->access_log_count; i++) {
    const struct gw_access_log *a = &got->access_logs[i], *b = &want->access_logs[i];
    assert_int_equal(a->field_count, b->field_count);
    for (uint32_t k = 0; k < b->field_count; k++) {
      assert_str(a->fields[k].name, b->fields[k].name);
      assert_str(a->fields[k].format, b->fields[k].format);
    }
    assert_str(a->text, b->text);
  }
}

static void test_listener_with_every_field_comes_back(void **state) {
  (void)state;
  struct gw_resource *resource = gw_xds_encode_listener(&sample_listener);
  assert_str(resource->listener->name, sample_listener.name);
  assert_str(resource->listener->address, sample_listener.address);
  assert_int_equal(resource->listener->port, sample_listener.port);
  assert_false(resource->listener->is_api_only);
  const struct gw_http_connection_manager *got = &resource->listener->http, *want = &sample_listener.http;
  assert_filters(got, want);
  assert_logs(got, want);
  assert_str(got->stat_prefix, want->stat_prefix);
  assert_str(got->route_config_name, want->route_config_name);
  assert_null(got->inline_routes);
  assert_int_equal(got->normalize_path, want->normalize_path);
  assert_int_equal(got->merge_slashes, want->merge_slashes);
  assert_int_equal(got->escaped_slashes, want->escaped_slashes);
  assert_int_equal(got->underscores, want->underscores);
  assert_int_equal(got->use_remote_address, want->use_remote_address);
  assert_int_equal(got->xff_num_trusted_hops, want->xff_num_trusted_hops);
  assert_int_equal(got->generate_request_id, want->generate_request_id);
  assert_int_equal(got->preserve_external_request_id, want->preserve_external_request_id);
  assert_int_equal(got->always_set_request_id_in_response, want->always_set_request_id_in_response);
  assert_str(got->server_name, want->server_name);
  assert_int_equal(got->max_request_headers_kb, want->max_request_headers_kb);
  assert_int_equal(got->max_headers_count, want->max_headers_count);
  assert_int_equal(got->idle_timeout_ms, want->idle_timeout_ms);
  assert_int_equal(got->stream_idle_timeout_ms, want->stream_idle_timeout_ms);
  assert_int_equal(got->request_timeout_ms, want->request_timeout_ms);
  assert_int_equal(got->request_headers_timeout_ms, want->request_headers_timeout_ms);
  assert_int_equal(got->drain_timeout_ms, want->drain_timeout_ms);
  assert_strs(got->trusted_cidrs, got->trusted_cidr_count, want->trusted_cidrs, want->trusted_cidr_count);
  assert_int_equal(got->codec, want->codec);
  assert_http2(&got->http2, &want->http2);
  assert_int_equal(got->has_websocket, want->has_websocket);
  assert_int_equal(got->max_requests_per_connection, want->max_requests_per_connection);
  assert_int_equal(got->client_cert_forwarding, want->client_cert_forwarding);
  assert_int_equal(got->has_client_cert_subject, want->has_client_cert_subject);
  assert_int_equal(got->has_client_cert_dns, want->has_client_cert_dns);
  assert_int_equal(got->has_client_cert_uri, want->has_client_cert_uri);
  const struct gw_downstream_tls *tls = resource->listener->tls;
  assert_non_null(tls);
  assert_tls_params(&tls->params, &sample_downstream_tls.params);
  assert_true(tls->requires_client_certificate);
  assert_false(tls->has_no_tickets);
  assert_str(tls->ticket_keys, sample_downstream_tls.ticket_keys);
  assert_decodes_again(resource);
  gw_resource_unref(resource);
}

static void test_listener_with_inline_routes_comes_back(void **state) {
  (void)state;
  struct gw_listener listener = sample_listener;
  listener.http.route_config_name = GW_STR("");
  listener.http.inline_routes = &sample_route_config;
  struct gw_resource *resource = gw_xds_encode_listener(&listener);
  assert_int_equal(resource->listener->http.route_config_name.len, 0);
  assert_route_config(resource->listener->http.inline_routes, &sample_route_config);
  gw_resource_unref(resource);
}

static void test_listener_with_a_plain_certificate_and_no_tickets_comes_back(void **state) {
  (void)state;
  const struct gw_downstream_tls tls = {.params = {.max_version = GW_TLS_1_3, .certificates = sample_certificates, .certificate_count = 1},
                                        .has_no_tickets = true};
  struct gw_listener listener = sample_listener;
  listener.tls = &tls;
  listener.http.trusted_cidr_count = 0;
  listener.http.xff_num_trusted_hops = 3;
  struct gw_resource *resource = gw_xds_encode_listener(&listener);
  assert_tls_params(&resource->listener->tls->params, &tls.params);
  assert_true(resource->listener->tls->has_no_tickets);
  assert_false(resource->listener->tls->requires_client_certificate);
  assert_int_equal(resource->listener->tls->ticket_keys.len, 0);
  assert_int_equal(resource->listener->http.xff_num_trusted_hops, 3);
  gw_resource_unref(resource);
}

static void test_api_listener_is_kept_unopened(void **state) {
  (void)state;
  struct gw_listener listener = sample_listener;
  listener.is_api_only = true;
  struct gw_resource *resource = gw_xds_encode_listener(&listener);
  assert_true(resource->listener->is_api_only);
  assert_str(resource->name, listener.name);
  assert_decodes_again(resource);
  gw_resource_unref(resource);
}

static void test_same_model_gives_same_bytes_and_version(void **state) {
  (void)state;
  struct gw_resource *a = gw_xds_encode_listener(&sample_listener), *b = gw_xds_encode_listener(&sample_listener);
  assert_int_equal(a->any->len, b->any->len);
  assert_memory_equal(a->any->data, b->any->data, a->any->len);
  assert_string_equal(a->version, b->version);
  struct gw_listener other = sample_listener;
  other.port = 8001;
  struct gw_resource *c = gw_xds_encode_listener(&other);
  assert_string_not_equal(a->version, c->version);
  gw_resource_unref(a);
  gw_resource_unref(b);
  gw_resource_unref(c);
}

static void test_type_urls_are_found_back(void **state) {
  (void)state;
  const char *short_names[GW_RESOURCE_TYPE_COUNT] = {"SDS", "CDS", "EDS", "LDS", "RDS", "keys"};
  for (int type = 0; type < GW_RESOURCE_TYPE_COUNT; type++) {
    enum gw_resource_type found;
    assert_int_equal(gw_xds_parse_type_url(gw_str_from(gw_xds_type_url((enum gw_resource_type)type)), &found), GW_OK);
    assert_int_equal(found, type);
    assert_string_equal(gw_xds_type_short((enum gw_resource_type)type), short_names[type]);
  }
  enum gw_resource_type found;
  assert_int_equal(gw_xds_parse_type_url(GW_STR("type.googleapis.com/envoy.config.cluster.v3.Cluste"), &found), GW_ERR_NOT_FOUND);
}

static void test_ten_thousand_routes_are_encoded_and_decoded(void **state) {
  (void)state;
  enum { COUNT = 10000 };
  struct gw_route *routes = gw_calloc(COUNT, sizeof *routes);
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  for (uint32_t i = 0; i < COUNT; i++) {
    routes[i] = (struct gw_route){.name = gw_str_from(gw_arena_printf(&arena, "route-%u", i)),
                                  .index = i,
                                  .match = {GW_PATH_MATCH_EXACT, gw_str_from(gw_arena_printf(&arena, "/r/%u", i)), false, sample_headers, 1,
                                            0, NULL},
                                  .forward = {.cluster = GW_STR("alpha"), .timeout_ms = 30000}};
  }
  const struct gw_virtual_host host = {GW_STR("all"), sample_any_domain, 1, routes, COUNT, NULL, false};
  const struct gw_route_config config = {GW_STR("big"), &host, 1, COUNT, false};
  struct gw_resource *resource = gw_xds_encode_route_config(&config);
  assert_route_config(resource->route_config, &config);
  /* What stays: at most 5 KiB a route over the whole data plane are allowed. */
  assert_true(resource->arena.used_bytes + resource->any->len < COUNT * 768);
  gw_resource_unref(resource);
  gw_arena_done(&arena);
  free(routes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_route_config_with_every_field_comes_back),
      cmocka_unit_test(test_route_config_is_kept_as_it_would_be_decoded),
      cmocka_unit_test(test_route_config_without_routes_or_hosts_comes_back),
      cmocka_unit_test(test_endpoints_with_priorities_come_back),
      cmocka_unit_test(test_empty_endpoints_come_back),
      cmocka_unit_test(test_clusters_of_each_kind_come_back),
      cmocka_unit_test(test_listener_with_every_field_comes_back),
      cmocka_unit_test(test_listener_with_inline_routes_comes_back),
      cmocka_unit_test(test_listener_with_a_plain_certificate_and_no_tickets_comes_back),
      cmocka_unit_test(test_secrets_of_each_kind_come_back),
      cmocka_unit_test(test_api_keys_come_back),
      cmocka_unit_test(test_api_keys_that_are_none_are_refused),
      cmocka_unit_test(test_api_listener_is_kept_unopened),
      cmocka_unit_test(test_same_model_gives_same_bytes_and_version),
      cmocka_unit_test(test_type_urls_are_found_back),
      cmocka_unit_test(test_ten_thousand_routes_are_encoded_and_decoded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
