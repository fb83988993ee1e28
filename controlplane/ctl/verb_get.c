/* gatewayctl get: lists of what the control plane serves. One kind is one row. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/node_state.h"
#include "controlplane/ctl/table.h"

static void add_list(struct gw_table *table, char *const *items, size_t count, const char *none) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < count; i++)
    gw_strbuf_printf(&text, "%s%s", i > 0 ? "," : "", items[i]);
  gw_table_add(table, count > 0 ? text.data : none);
  gw_strbuf_done(&text);
}

/* What it asks of a request, and of the node. */
static void add_conditions(struct gw_table *table, const Gateway__Admin__V1__Route *route) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_strbuf_printf(&text, "%s", route->conditions);
  for (size_t i = 0; i < route->n_node_groups; i++)
    gw_strbuf_printf(&text, "%s%s", i > 0 ? "|" : text.len > 0 ? ", node group " : "node group ", route->node_groups[i]);
  gw_table_add(table, text.data);
  gw_strbuf_done(&text);
}

static void add_routes(struct gw_table *table, const ProtobufCMessage *reply) {
  const Gateway__Admin__V1__ListRoutesResponse *list = (const void *)reply;
  for (size_t i = 0; i < list->n_routes; i++) {
    const Gateway__Admin__V1__Route *route = list->routes[i];
    add_list(table, route->hosts, route->n_hosts, "*");
    gw_table_add(table, route->path);
    add_list(table, route->methods, route->n_methods, "*");
    add_conditions(table, route);
    gw_table_add(table, route->service);
    if (route->direct_status != 0) {
      gw_table_add(table, "");
      gw_table_printf(table, "%u", route->direct_status);
    } else {
      gw_table_add_duration(table, route->timeout_ms);
      gw_table_add(table, "");
    }
    gw_table_add(table, route->changes);
  }
}

static void add_services(struct gw_table *table, const ProtobufCMessage *reply) {
  const Gateway__Admin__V1__ListServicesResponse *list = (const void *)reply;
  for (size_t i = 0; i < list->n_services; i++) {
    const Gateway__Admin__V1__Service *service = list->services[i];
    gw_table_add(table, service->name);
    gw_table_add(table, service->discovery);
    gw_table_add(table, service->lb_policy);
    gw_table_printf(table, "%u", service->endpoint_count);
    gw_table_add_duration(table, service->connect_timeout_ms);
  }
}

static void add_endpoints(struct gw_table *table, const ProtobufCMessage *reply) {
  const Gateway__Admin__V1__ListEndpointsResponse *list = (const void *)reply;
  for (size_t i = 0; i < list->n_endpoints; i++) {
    const Gateway__Admin__V1__Endpoint *endpoint = list->endpoints[i];
    gw_table_add(table, endpoint->service);
    gw_table_printf(table, strchr(endpoint->address, ':') != NULL ? "[%s]:%u" : "%s:%u", endpoint->address, endpoint->port);
    gw_table_printf(table, "%u", endpoint->weight);
    gw_table_add(table, endpoint->healthy ? "yes" : "no");
  }
}

static void add_nodes(struct gw_table *table, const ProtobufCMessage *reply) {
  const Gateway__Admin__V1__GetStatusResponse *status = (const void *)reply;
  for (size_t i = 0; i < status->n_nodes; i++) {
    const Gateway__Admin__V1__NodeStatus *node = status->nodes[i];
    bool has_report = node->snapshot_source[0] != '\0' || node->snapshot_version[0] != '\0';
    gw_table_add(table, node->id);
    gw_table_add(table, node->cluster);
    gw_table_add(table, node->kind);
    gw_table_add(table, node->version);
    gw_table_add(table, node->peer);
    gw_table_add_duration(table, node->connected_ms);
    gw_table_add(table, gw_node_state_name((int)node->state));
    gw_table_add(table, !has_report ? "" : node->draining ? "draining" : node->ready ? "yes" : "no");
    if (has_report) {
      gw_table_printf(table, "%llu", (unsigned long long)node->requests_total);
    } else {
      gw_table_add(table, "");
    }
  }
}

struct kind {
  const char *name;
  const char *method;
  const ProtobufCMessageDescriptor *request;
  const ProtobufCMessageDescriptor *reply;
  bool takes_service;
  void (*add_rows)(struct gw_table *table, const ProtobufCMessage *reply);
  const char *heads[GW_TABLE_COLUMNS_MAX]; /* NULL ends them */
};

static const struct kind kinds[] = {
    {"routes",
     "ListRoutes",
     &gateway__admin__v1__list_routes_request__descriptor,
     &gateway__admin__v1__list_routes_response__descriptor,
     false,
     add_routes,
     {"HOSTS", "PATH", "METHODS", "MATCH", "SERVICE", "TIMEOUT", "ANSWERS", "CHANGES"}},
    {"services",
     "ListServices",
     &gateway__admin__v1__list_services_request__descriptor,
     &gateway__admin__v1__list_services_response__descriptor,
     false,
     add_services,
     {"SERVICE", "DISCOVERY", "BALANCER", "ENDPOINTS", "CONNECT TIMEOUT"}},
    {"endpoints",
     "ListEndpoints",
     &gateway__admin__v1__list_endpoints_request__descriptor,
     &gateway__admin__v1__list_endpoints_response__descriptor,
     true,
     add_endpoints,
     {"SERVICE", "ADDRESS", "WEIGHT", "HEALTHY"}},
    {"nodes",
     "GetStatus",
     &gateway__admin__v1__get_status_request__descriptor,
     &gateway__admin__v1__get_status_response__descriptor,
     false,
     add_nodes,
     {"NODE", "CLUSTER", "KIND", "VERSION", "PEER", "CONNECTED", "STATE", "READY", "REQUESTS"}},
};

static void print_table(const struct kind *kind, const ProtobufCMessage *reply) {
  uint32_t columns = 0;
  while (columns < GW_TABLE_COLUMNS_MAX && kind->heads[columns] != NULL)
    columns++;
  struct gw_table table;
  gw_table_init(&table, kind->heads, columns);
  kind->add_rows(&table, reply);
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

/* Nodes come with the status; only they are shown. */
static void print_json(const struct kind *kind, const ProtobufCMessage *reply) {
  if (kind->add_rows == add_nodes) {
    const Gateway__Admin__V1__GetStatusResponse *status = (const void *)reply;
    struct gw_strbuf text;
    gw_strbuf_init(&text);
    struct gw_json_writer json;
    gw_json_writer_init(&json, &text);
    gw_json_object_begin(&json);
    gw_json_key(&json, "nodes");
    gw_json_array_begin(&json);
    for (size_t i = 0; i < status->n_nodes; i++)
      gw_message_json_write(&json, &status->nodes[i]->base);
    gw_json_array_end(&json);
    gw_json_object_end(&json);
    puts(text.data);
    gw_strbuf_done(&text);
  } else {
    gw_message_json_print(reply);
  }
}

int gw_ctl_get(const struct gw_ctl *ctl) {
  const struct kind *kind = NULL;
  for (size_t i = 0; i < GW_ARRAY_LEN(kinds); i++) {
    if (strcmp(kinds[i].name, ctl->words[0]) == 0) kind = &kinds[i];
  }
  if (kind == NULL) return gw_ctl_fail_usage("get %s: routes, services, endpoints and nodes are allowed", ctl->words[0]);
  if (ctl->word_count > 1 && !kind->takes_service) return gw_ctl_fail_usage("get %s takes no name", kind->name);
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  ProtobufCMessage *request = gw_arena_alloc(&arena, kind->request->sizeof_message);
  protobuf_c_message_init(kind->request, request);
  if (ctl->word_count > 1) ((Gateway__Admin__V1__ListEndpointsRequest *)(void *)request)->service = (char *)ctl->words[1];
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, kind->method, request, kind->reply, &arena, &reply);
  if (exit_code == GW_CTL_OK && ctl->is_json) {
    print_json(kind, reply);
  } else if (exit_code == GW_CTL_OK) {
    print_table(kind, reply);
  }
  gw_arena_done(&arena);
  return exit_code;
}
