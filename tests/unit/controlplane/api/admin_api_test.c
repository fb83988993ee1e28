#include "controlplane/api/admin_api.h"

#include <gateway/admin/v1/admin.pb-c.h>

#include "controlplane/snapshot/builder.h"
#include "tests/unit/common/rpc_services/service_fixture.h"

struct fixture {
  struct services services;
  struct gw_snapshot_cache *cache;
  struct gw_node_table *nodes;
  struct gw_errors mistakes;
  struct gw_admin_api *api;
};

static const struct gw_errors *get_mistakes(void *arg) {
  return &((struct fixture *)arg)->mistakes;
}

static uint32_t get_routes(void *arg, struct gw_arena *arena, const struct gw_admin_route **ret_routes) {
  (void)arg;
  static const struct gw_str hosts[] = {{"*", 1}}, methods[] = {{"GET", 3}, {"POST", 4}};
  struct gw_admin_route *routes = gw_arena_calloc(arena, 2, sizeof(*routes));
  routes[0] = (struct gw_admin_route){.name = GW_STR("first"),
                                      .hosts = hosts,
                                      .host_count = 1,
                                      .path = GW_STR("/a"),
                                      .methods = methods,
                                      .method_count = 2,
                                      .service = GW_STR("eds-service"),
                                      .timeout_ms = 30000};
  routes[1] = (struct gw_admin_route){.name = GW_STR("second"),
                                      .path = GW_STR("/b"),
                                      .service = GW_STR("s"),
                                      .direct_status = 501,
                                      .direct_message = GW_STR("not yet")};
  *ret_routes = routes;
  return 2;
}

/* One EDS cluster with an IPv4 and an unhealthy IPv6 endpoint, one STRICT_DNS cluster with a name. */
static void publish(struct fixture *f) {
  static const struct gw_endpoint eds_items[] = {{.address = {"10.0.0.1", 8}, .port = 80, .weight = 2},
                                                 {.address = {"::1", 3}, .port = 81, .weight = 1, .is_unhealthy = true}};
  static const struct gw_endpoint dns_items[] = {{.address = {"backend.local", 13}, .port = 8080, .weight = 1}};
  static const struct gw_endpoints eds = {.cluster_name = {"eds-service", 11}, .items = eds_items, .count = 2};
  static const struct gw_endpoints dns = {.cluster_name = {"dns-service", 11}, .items = dns_items, .count = 1};
  static const struct gw_cluster clusters[] = {{.name = {"dns-service", 11},
                                                .kind = GW_CLUSTER_STRICT_DNS,
                                                .inline_endpoints = &dns,
                                                .connect_timeout_ms = 5000,
                                                .dns_refresh_ms = 5000,
                                                .upstream_idle_timeout_ms = 60000},
                                               {.name = {"eds-service", 11},
                                                .kind = GW_CLUSTER_EDS,
                                                .eds_service_name = {"eds-service", 11},
                                                .connect_timeout_ms = 250,
                                                .dns_refresh_ms = 5000,
                                                .upstream_idle_timeout_ms = 60000}};
  static const struct gw_wanted wanted = {.clusters = clusters, .cluster_count = 2, .endpoints = &eds, .endpoints_count = 1};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_snapshot *snapshot = NULL;
  assert_int_equal(gw_wanted_freeze(&wanted, NULL, &errors, &snapshot), GW_OK);
  gw_errors_done(&errors);
  gw_snapshot_cache_set(f->cache, snapshot, gw_loop_now_us(f->services.loop));
  gw_snapshot_unref(snapshot);
}

static uint32_t get_ports(void *arg, struct gw_admin_port ret_ports[GW_ADMIN_PORTS_MAX]) {
  (void)arg;
  ret_ports[0] = (struct gw_admin_port){.name = "xds", .has_tls = true, .subject = "CN=cp", .not_after_s = 1234567890, .problem = "broken"};
  ret_ports[1] = (struct gw_admin_port){.name = "admin", .subject = ""};
  return 2;
}

static int setup(void **state) {
  struct fixture *f = gw_calloc(1, sizeof(*f));
  services_init(&f->services);
  gw_errors_init(&f->mistakes);
  f->cache = gw_snapshot_cache_new();
  f->nodes = gw_node_table_new();
  struct gw_admin_api_options options = {.loop = f->services.loop,
                                         .cache = f->cache,
                                         .nodes = f->nodes,
                                         .token = GW_STR("secret"),
                                         .source = {.arg = f, .get_mistakes = get_mistakes, .get_routes = get_routes},
                                         .ports = {.get = get_ports}};
  f->api = gw_admin_api_new(&options);
  gw_admin_api_add_to(f->api, &f->services.set);
  services_serve(&f->services);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  services_stop(&f->services);
  gw_admin_api_free(f->api);
  services_done(&f->services);
  gw_node_table_free(f->nodes);
  gw_snapshot_cache_free(f->cache);
  gw_errors_done(&f->mistakes);
  free(f);
  return 0;
}

static int call(struct fixture *f, const char *method, const char *token, const ProtobufCMessageDescriptor *request,
                const ProtobufCMessageDescriptor *reply, ProtobufCMessage **ret_reply) {
  char path[96];
  snprintf(path, sizeof(path), "/gateway.admin.v1.Admin/%s", method);
  ProtobufCMessage *message = gw_arena_alloc(&f->services.arena, request->sizeof_message);
  protobuf_c_message_init(request, message);
  return services_call(&f->services, path, token, message, reply, ret_reply);
}

static const Gateway__Admin__V1__GetStatusResponse *get_status(struct fixture *f) {
  ProtobufCMessage *reply = NULL;
  int code = call(f, "GetStatus", "secret", &gateway__admin__v1__get_status_request__descriptor,
                  &gateway__admin__v1__get_status_response__descriptor, &reply);
  assert_int_equal(code, GW_RPC_OK);
  return (const void *)reply;
}

static void test_calls_without_the_token_are_refused(void **state) {
  struct fixture *f = *state;
  static const char *const tokens[] = {NULL, "", "secre", "secrets", "Secret"};
  for (size_t i = 0; i < GW_ARRAY_LEN(tokens); i++) {
    ProtobufCMessage *reply;
    int code = call(f, "GetVersion", tokens[i], &gateway__admin__v1__get_version_request__descriptor,
                    &gateway__admin__v1__get_version_response__descriptor, &reply);
    assert_int_equal(code, GW_RPC_UNAUTHENTICATED);
  }
}

static void test_version_is_told(void **state) {
  struct fixture *f = *state;
  ProtobufCMessage *reply = NULL;
  int code = call(f, "GetVersion", "secret", &gateway__admin__v1__get_version_request__descriptor,
                  &gateway__admin__v1__get_version_response__descriptor, &reply);
  assert_int_equal(code, GW_RPC_OK);
  assert_string_equal(((Gateway__Admin__V1__GetVersionResponse *)(void *)reply)->version, GW_VERSION);
}

static void test_status_before_the_first_snapshot_is_empty(void **state) {
  struct fixture *f = *state;
  const Gateway__Admin__V1__GetStatusResponse *status = get_status(f);
  assert_string_equal(status->snapshot_version, "");
  assert_int_equal(status->n_nodes, 0);
}

static void test_status_tells_errors_apart_from_warnings(void **state) {
  struct fixture *f = *state;
  gw_errors_warn(&f->mistakes, "routes.yaml:2:3", "careful");
  gw_errors_add(&f->mistakes, "routes.yaml:1:1", "wrong");
  publish(f);
  const Gateway__Admin__V1__GetStatusResponse *status = get_status(f);
  assert_string_equal(status->snapshot_version, gw_snapshot_cache_current(f->cache)->version);
  assert_int_equal(status->n_errors, 1);
  assert_string_equal(status->errors[0], "routes.yaml:1:1: wrong");
  assert_int_equal(status->n_warnings, 1);
  assert_string_equal(status->warnings[0], "routes.yaml:2:3: careful");
}

static void test_status_tells_what_a_node_was_sent_and_refused(void **state) {
  struct fixture *f = *state;
  publish(f);
  struct gw_node *node = gw_node_table_get(f->nodes, GW_STR("n1"), GW_STR("edge"), GW_STR(""), gw_loop_now_us(f->services.loop));
  node->xds_streams = 1;
  node->is_subscribed[GW_RESOURCE_CLUSTER] = true;
  gw_node_table_add_refusal(f->nodes, node, GW_RESOURCE_CLUSTER, "0123456789abcdef", GW_STR("no such field"));
  const Gateway__Admin__V1__GetStatusResponse *status = get_status(f);
  assert_int_equal(status->n_nodes, 1);
  assert_string_equal(status->nodes[0]->id, "n1");
  assert_string_equal(status->nodes[0]->cluster, "edge");
  assert_int_equal(status->nodes[0]->state, GATEWAY__ADMIN__V1__NODE_STATUS__STATE__REFUSED);
  assert_non_null(strstr(status->nodes[0]->reason, "no such field"));
  assert_int_equal(status->nodes[0]->n_types, 1);
  assert_string_equal(status->nodes[0]->types[0]->type, "CDS");
  assert_string_equal(status->nodes[0]->types[0]->refused_version, "0123456789abcdef");
  assert_string_equal(status->nodes[0]->types[0]->refused_reason, "no such field");
}

static void test_routes_are_listed_as_written(void **state) {
  struct fixture *f = *state;
  ProtobufCMessage *reply = NULL;
  int code = call(f, "ListRoutes", "secret", &gateway__admin__v1__list_routes_request__descriptor,
                  &gateway__admin__v1__list_routes_response__descriptor, &reply);
  assert_int_equal(code, GW_RPC_OK);
  const Gateway__Admin__V1__ListRoutesResponse *list = (const void *)reply;
  assert_int_equal(list->n_routes, 2);
  assert_string_equal(list->routes[0]->path, "/a");
  assert_int_equal(list->routes[0]->n_methods, 2);
  assert_string_equal(list->routes[0]->methods[1], "POST");
  assert_int_equal(list->routes[0]->timeout_ms, 30000);
  assert_int_equal(list->routes[1]->direct_status, 501);
  assert_string_equal(list->routes[1]->direct_message, "not yet");
}

static void test_services_are_listed_with_their_endpoints_counted(void **state) {
  struct fixture *f = *state;
  publish(f);
  ProtobufCMessage *reply = NULL;
  int code = call(f, "ListServices", "secret", &gateway__admin__v1__list_services_request__descriptor,
                  &gateway__admin__v1__list_services_response__descriptor, &reply);
  assert_int_equal(code, GW_RPC_OK);
  const Gateway__Admin__V1__ListServicesResponse *list = (const void *)reply;
  assert_int_equal(list->n_services, 2);
  assert_string_equal(list->services[0]->name, "dns-service");
  assert_string_equal(list->services[0]->discovery, "STRICT_DNS");
  assert_int_equal(list->services[0]->endpoint_count, 1);
  assert_string_equal(list->services[1]->discovery, "EDS");
  assert_int_equal(list->services[1]->endpoint_count, 2);
  assert_int_equal(list->services[1]->connect_timeout_ms, 250);
}

static const Gateway__Admin__V1__ListEndpointsResponse *list_endpoints(struct fixture *f, const char *service) {
  Gateway__Admin__V1__ListEndpointsRequest request = GATEWAY__ADMIN__V1__LIST_ENDPOINTS_REQUEST__INIT;
  request.service = (char *)service;
  ProtobufCMessage *reply = NULL;
  int code = services_call(&f->services, "/gateway.admin.v1.Admin/ListEndpoints", "secret", &request.base,
                           &gateway__admin__v1__list_endpoints_response__descriptor, &reply);
  assert_int_equal(code, GW_RPC_OK);
  return (const void *)reply;
}

static void test_endpoints_are_listed_of_all_or_of_one_service(void **state) {
  struct fixture *f = *state;
  publish(f);
  assert_int_equal(list_endpoints(f, "")->n_endpoints, 3);
  assert_int_equal(list_endpoints(f, "no-such-service")->n_endpoints, 0);
  const Gateway__Admin__V1__ListEndpointsResponse *list = list_endpoints(f, "eds-service");
  assert_int_equal(list->n_endpoints, 2);
  for (size_t i = 0; i < list->n_endpoints; i++) {
    const Gateway__Admin__V1__Endpoint *endpoint = list->endpoints[i];
    assert_int_equal(endpoint->healthy, strcmp(endpoint->address, "10.0.0.1") == 0);
  }
}

static void test_administrators_are_told_from_everybody_else(void **state) {
  (void)state;
  assert_true(gw_admin_api_is_admin(GW_STR("spiffe://d.example/gateway-admin/alice")));
  static const char *const others[] = {"spiffe://d/gateway/gateway-admin/alice",
                                       "spiffe://d/gateway-admin/",
                                       "spiffe://d/gateway-admin",
                                       "spiffe:///gateway-admin/alice",
                                       "spiffe://d/gateway-admin/alice/bob",
                                       "spiffe://d/gateway/edge/node",
                                       "https://d/gateway-admin/alice",
                                       "spiffe://d/gateway-admin-x/alice",
                                       "gateway-admin",
                                       ""};
  for (size_t i = 0; i < GW_ARRAY_LEN(others); i++) {
    if (gw_admin_api_is_admin(gw_str_from(others[i]))) fail_msg("%s", others[i]);
  }
}

static void test_status_tells_how_ports_are_protected_and_who_was_denied(void **state) {
  struct fixture *f = *state;
  struct gw_str id = GW_STR("n1"), cluster = GW_STR("edge"), peer = GW_STR("ipv4:127.0.0.1:5");
  gw_node_denials_add(&f->nodes->denials, id, cluster, peer, "why", gw_loop_now_us(f->services.loop));
  gw_node_denials_add(&f->nodes->denials, id, cluster, peer, "why not", gw_loop_now_us(f->services.loop));
  const Gateway__Admin__V1__GetStatusResponse *status = get_status(f);
  assert_int_equal(status->n_ports, 2);
  assert_string_equal(status->ports[0]->name, "xds");
  assert_true(status->ports[0]->tls);
  assert_string_equal(status->ports[0]->certificate, "CN=cp");
  assert_int_equal(status->ports[0]->certificate_not_after_s, 1234567890);
  assert_string_equal(status->ports[0]->problem, "broken");
  assert_false(status->ports[1]->tls);
  assert_string_equal(status->ports[1]->problem, "");
  assert_int_equal(status->n_denials, 1);
  assert_string_equal(status->denials[0]->node_id, "n1");
  assert_string_equal(status->denials[0]->node_cluster, "edge");
  assert_string_equal(status->denials[0]->reason, "why not");
  assert_int_equal(status->denials[0]->count, 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(test_calls_without_the_token_are_refused),
      T(test_version_is_told),
      T(test_status_before_the_first_snapshot_is_empty),
      T(test_status_tells_errors_apart_from_warnings),
      T(test_status_tells_what_a_node_was_sent_and_refused),
      T(test_routes_are_listed_as_written),
      T(test_services_are_listed_with_their_endpoints_counted),
      T(test_endpoints_are_listed_of_all_or_of_one_service),
      cmocka_unit_test(test_administrators_are_told_from_everybody_else),
      T(test_status_tells_how_ports_are_protected_and_who_was_denied),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
