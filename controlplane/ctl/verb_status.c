/* gatewayctl status: what is served, what is wrong with the files, and whether each node runs what is served. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/node_state.h"
#include "controlplane/ctl/table.h"

static void print_lines(const char *label, char *const *lines, size_t count) {
  for (size_t i = 0; i < count; i++)
    printf("  %s: %s\n", label, lines[i]);
}

static void print_nodes(const Gateway__Admin__V1__GetStatusResponse *status) {
  static const char *const heads[] = {"NODE", "CLUSTER", "KIND", "VERSION", "XDS", "STATE", "RUNS", "FOR", "AT", "REASON"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < status->n_nodes; i++) {
    const Gateway__Admin__V1__NodeStatus *node = status->nodes[i];
    gw_table_add(&table, node->id);
    gw_table_add(&table, node->cluster);
    gw_table_add(&table, node->kind);
    gw_table_add(&table, node->version);
    gw_table_add(&table, node->xds_protocol);
    gw_table_add(&table, gw_node_state_name((int)node->state));
    gw_table_add(&table, node->snapshot_version);
    if (node->snapshot_version[0] != '\0') {
      gw_table_add_duration(&table, node->snapshot_age_ms);
    } else {
      gw_table_add(&table, "");
    }
    gw_table_add(&table, node->control_plane);
    gw_table_add(&table, node->reason);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static void print_troubles(const Gateway__Admin__V1__GetStatusResponse *status) {
  static const char *const heads[] = {"NODE", "TROUBLE"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  size_t count = 0;
  for (size_t i = 0; i < status->n_nodes; i++) {
    for (size_t k = 0; k < status->nodes[i]->n_troubles; k++) {
      gw_table_add(&table, status->nodes[i]->id);
      gw_table_add(&table, status->nodes[i]->troubles[k]);
      count++;
    }
  }
  if (count > 0) {
    putchar('\n');
    gw_table_print(&table, stdout);
  }
  gw_table_done(&table);
}

/* Of the ports that have TLS; plaintext is worth no line. */
static void print_ports(const Gateway__Admin__V1__GetStatusResponse *status) {
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000);
  for (size_t i = 0; i < status->n_ports; i++) {
    const Gateway__Admin__V1__Port *port = status->ports[i];
    if (!port->tls) continue;
    char left[GW_DURATION_TEXT_SIZE];
    int64_t left_s = port->certificate_not_after_s - now_s;
    gw_duration_format(left_s > 0 ? (uint64_t)left_s * 1000 : 0, left);
    printf("TLS of the %s port: certificate of %s, valid for %s%s%s\n", port->name, port->certificate, left,
           port->problem[0] != '\0' ? "; DEGRADED: " : "", port->problem);
  }
}

static void print_store(const Gateway__Admin__V1__Store *store) {
  if (store == NULL) return;
  bool is_ready = store->state == GATEWAY__ADMIN__V1__STORE__STATE__READY;
  bool is_away = store->state == GATEWAY__ADMIN__V1__STORE__STATE__AWAY;
  printf("Store %s: ", store->url);
  if (is_ready) printf("%u API keys", store->api_keys);
  if (is_away) printf("AWAY: %s; the %u API keys that were read keep working, and can't be changed", store->problem, store->api_keys);
  puts(is_ready || is_away ? "" : "not there yet");
}

/* Of several on one store. */
static void print_control_planes(const Gateway__Admin__V1__GetStatusResponse *status) {
  static const char *const heads[] = {"CONTROL PLANE", "VERSION", "CONFIGURATION", "NODES", "HEARD OF"};
  if (status->n_control_planes < 2) return;
  putchar('\n');
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < status->n_control_planes; i++) {
    const Gateway__Admin__V1__ControlPlane *plane = status->control_planes[i];
    gw_table_add(&table, plane->name);
    gw_table_add(&table, plane->version);
    gw_table_add(&table, plane->snapshot_version);
    gw_table_printf(&table, "%u", plane->nodes);
    if (plane->last_seen_ms > 0) {
      gw_table_add_duration(&table, plane->last_seen_ms);
    } else {
      gw_table_add(&table, "this one");
    }
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static void print_denials(const Gateway__Admin__V1__GetStatusResponse *status) {
  static const char *const heads[] = {"DENIED", "CLUSTER", "PEER", "TIMES", "LAST", "REASON"};
  if (status->n_denials == 0) return;
  putchar('\n');
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < status->n_denials; i++) {
    const Gateway__Admin__V1__Denial *denial = status->denials[i];
    gw_table_add(&table, denial->node_id);
    gw_table_add(&table, denial->node_cluster);
    gw_table_add(&table, denial->peer);
    gw_table_printf(&table, "%llu", (unsigned long long)denial->count);
    gw_table_add_duration(&table, denial->last_age_ms);
    gw_table_add(&table, denial->reason);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static void print_status(const struct gw_ctl *ctl, const Gateway__Admin__V1__GetStatusResponse *status) {
  char text[GW_DURATION_TEXT_SIZE];
  printf("Control plane %s at %s, up %s\n", status->version, ctl->admin, gw_duration_format(status->uptime_ms, text));
  printf("Configuration %s, for %s%s\n", status->snapshot_version, gw_duration_format(status->snapshot_age_ms, text),
         status->n_errors > 0 ? ": DEGRADED, what is served is not what should be" : "");
  if (status->revision > 0) printf("Revision %llu, from %s\n", (unsigned long long)status->revision, status->config_source);
  print_lines("error", status->errors, status->n_errors);
  print_lines("warning", status->warnings, status->n_warnings);
  print_ports(status);
  print_store(status->store);
  if (status->n_nodes == 0) {
    puts("No data plane is connected");
  } else {
    putchar('\n');
    print_nodes(status);
    print_troubles(status);
  }
  print_control_planes(status);
  print_denials(status);
}

int gw_ctl_status(const struct gw_ctl *ctl) {
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  Gateway__Admin__V1__GetStatusRequest request = GATEWAY__ADMIN__V1__GET_STATUS_REQUEST__INIT;
  ProtobufCMessage *reply;
  int exit_code =
      gw_admin_client_ask(ctl, "GetStatus", &request.base, &gateway__admin__v1__get_status_response__descriptor, &arena, &reply);
  if (exit_code == GW_CTL_OK && ctl->is_json) {
    gw_message_json_print(reply);
  } else if (exit_code == GW_CTL_OK) {
    print_status(ctl, (const void *)reply);
  }
  gw_arena_done(&arena);
  return exit_code;
}
