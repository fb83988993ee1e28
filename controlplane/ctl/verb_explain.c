/* gatewayctl explain: what becomes of a request, and by which rule, in words. */
#include <stdio.h>

#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/explain_offline.h"
#include "controlplane/ctl/explain_question.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"
#include "controlplane/ctl/terminal_text.h"

#define FAR_SHOWN 20u /* candidates of other paths */

typedef Gateway__Dataplane__V1__ExplainRequest Request;
typedef Gateway__Dataplane__V1__ExplainResponse Response;
typedef Gateway__Dataplane__V1__Candidate Candidate;
typedef Gateway__Dataplane__V1__Step Step;
typedef Gateway__Dataplane__V1__Destination Destination;
typedef Gateway__Dataplane__V1__Instance Instance;

static void print_line(const char *label, struct gw_strbuf *text) {
  struct gw_strbuf clean = {0};
  gw_terminal_text_append(&clean, gw_strbuf_str(text));
  printf("%-11s %.*s\n", label, GW_STR_ARG(gw_strbuf_str(&clean)));
  gw_strbuf_done(&clean);
  gw_strbuf_clear(text);
}

static void print_answer(const Response *answer, struct gw_strbuf *text) {
  if (answer->status == 0)
    gw_strbuf_append_str(text, GW_STR("the service's"));
  else
    gw_strbuf_printf(text, "%u, %s", answer->status, answer->detail);
  gw_strbuf_printf(text, ", by %s", answer->filter);
  if (answer->rule[0] != '\0') gw_strbuf_printf(text, " %s", answer->rule);
  if (answer->n_steps > 0) gw_strbuf_printf(text, ": %s", answer->steps[answer->n_steps - 1]->words);
  print_line("answer", text);
}

static void print_head(const Request *question, const Response *answer) {
  struct gw_strbuf text = {0};
  gw_strbuf_printf(&text, "%s %s://%s%s", question->method, question->scheme, question->authority, answer->path);
  print_line("request", &text);
  gw_strbuf_printf(&text, "%s", answer->listener);
  if (answer->virtual_host[0] != '\0') gw_strbuf_printf(&text, ", virtual host %s", answer->virtual_host);
  if (answer->snapshot_version[0] != '\0') gw_strbuf_printf(&text, ", configuration %s", answer->snapshot_version);
  print_line("listener", &text);
  if (answer->node_cluster[0] != '\0') {
    gw_strbuf_printf(&text, "of cluster %s", answer->node_cluster);
    print_line("nodes", &text);
  }
  print_answer(answer, &text);
  gw_strbuf_append_str(&text, answer->has_route ? gw_str_from(answer->route) : GW_STR("none"));
  if (answer->has_route) gw_strbuf_printf(&text, " (%s)", answer->route_path);
  print_line("route", &text);
  if (answer->forwarded_path[0] != '\0' && answer->n_services > 0) {
    gw_strbuf_printf(&text, "%s", answer->forwarded_path);
    if (answer->forwarded_host[0] != '\0') gw_strbuf_printf(&text, " of host %s", answer->forwarded_host);
    if (answer->timeout_ms > 0) gw_strbuf_printf(&text, ", within %llu ms", (unsigned long long)answer->timeout_ms);
    if (answer->retries > 0) gw_strbuf_printf(&text, ", up to %u retries", answer->retries);
    print_line("forwarded", &text);
  }
  gw_strbuf_done(&text);
}

static void print_steps(const Response *answer) {
  static const char *const heads[] = {"VERDICT", "FILTER", "RULE", "WHY"};
  static const char *const verdicts[] = {"", "passes", "matches", "differs", "counts", "answers"};
  struct gw_table table;
  if (answer->n_steps == 0) return;
  gw_table_init(&table, heads, 4);
  for (size_t i = 0; i < answer->n_steps; i++) {
    const Step *step = answer->steps[i];
    bool is_known = step->verdict > 0 && (size_t)step->verdict < sizeof(verdicts) / sizeof(verdicts[0]);
    gw_table_printf(&table, "%s%s", is_known ? verdicts[step->verdict] : "", step->shadow ? " (shadow)" : "");
    gw_table_add(&table, step->filter);
    gw_table_add(&table, step->rule);
    gw_table_add(&table, step->words);
  }
  puts("\nWhat is looked at, in that order:");
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static bool is_far(const Candidate *candidate) {
  return candidate->part == GATEWAY__DATAPLANE__V1__CANDIDATE__PART__PATH;
}

static void print_candidates(const Response *answer) {
  static const char *const heads[] = {"FAILS BY", "ROUTE", "PATH", "WANTS"};
  static const char *const parts[] = {"", "order", "path", "method", "header", "query", "undecided"};
  struct gw_table table;
  size_t far_count = 0;
  if (answer->n_candidates == 0) return;
  gw_table_init(&table, heads, 4);
  for (size_t i = 0; i < answer->n_candidates; i++) {
    const Candidate *candidate = answer->candidates[i];
    bool is_known = candidate->part > 0 && (size_t)candidate->part < sizeof(parts) / sizeof(parts[0]);
    if (is_far(candidate) && ++far_count > FAR_SHOWN) continue;
    gw_table_add(&table, is_known ? parts[candidate->part] : "");
    gw_table_add(&table, candidate->route);
    gw_table_add(&table, candidate->path);
    gw_table_add(&table, candidate->words);
  }
  puts("\nRoutes that don't win:");
  gw_table_print(&table, stdout);
  gw_table_done(&table);
  size_t left_out = (far_count > FAR_SHOWN ? far_count - FAR_SHOWN : 0) + answer->left_out_candidates;
  if (left_out > 0) printf("… and %zu more, of other paths\n", left_out);
}

static void add_instance(struct gw_table *table, const Instance *instance) {
  gw_table_printf(table, "%s:%u", instance->address, instance->port);
  gw_table_printf(table, "%u", instance->weight);
  gw_table_printf(table, "%u", instance->priority);
  if (instance->state[0] != '\0')
    gw_table_add(table, instance->state);
  else
    gw_table_add(table, instance->healthy ? "in use" : "unhealthy by discovery");
}

static void add_no_instance(struct gw_table *table, const Destination *service) {
  gw_table_add(table, service->known ? "none is known" : "no such service");
  for (int column = 0; column < 3; column++)
    gw_table_add(table, "");
}

static void print_services(const Response *answer) {
  static const char *const heads[] = {"SERVICE", "SHARE", "CIRCUIT", "INSTANCE", "WEIGHT", "PRIORITY", "STATE"};
  struct gw_table table;
  if (answer->n_services == 0) return;
  gw_table_init(&table, heads, 7);
  for (size_t i = 0; i < answer->n_services; i++) {
    const Destination *service = answer->services[i];
    size_t rows = service->n_instances > 0 ? service->n_instances : 1;
    for (size_t k = 0; k < rows; k++) {
      gw_table_add(&table, service->name);
      gw_table_printf(&table, "%u/%u", service->weight, service->total_weight);
      gw_table_add(&table, service->circuit);
      if (service->n_instances > 0)
        add_instance(&table, service->instances[k]);
      else
        add_no_instance(&table, service);
    }
  }
  puts("");
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static void print_assumptions(const Response *answer) {
  struct gw_strbuf text = {0};
  if (answer->n_assumptions > 0) puts("\nTaken for granted:");
  for (size_t i = 0; i < answer->n_assumptions; i++) {
    gw_terminal_text_append(&text, gw_str_from(answer->assumptions[i]));
    printf("  %.*s\n", GW_STR_ARG(gw_strbuf_str(&text)));
    gw_strbuf_clear(&text);
  }
  gw_strbuf_done(&text);
}

static int ask(const struct gw_ctl *ctl, const Request *question, struct gw_arena *arena, Response **ret_answer) {
  const uint64_t offline = GW_CTL_FLAG_FILE | GW_CTL_FLAG_ROUTES | GW_CTL_FLAG_SERVICES;
  bool is_offline = (ctl->given & (offline | GW_CTL_FLAG_ENV_FILE)) != 0, is_of_node = (ctl->given & GW_CTL_FLAG_NODE) != 0;
  bool is_of_revision = (ctl->given & GW_CTL_FLAG_REVISION) != 0;
  if ((is_offline || is_of_revision) && is_of_node)
    return gw_ctl_fail_usage("--node asks a data plane; it does not go with files or revisions");
  if (is_of_node && ctl->explain.node_cluster != NULL) return gw_ctl_fail_usage("--node asks a data plane, which has a cluster of its own");
  if (is_of_revision && (ctl->given & offline) != 0) return gw_ctl_fail_usage("--revision has its own texts; it does not go with files");
  if (is_of_revision) return gw_ctl_explain_revision(ctl, question, arena, ret_answer);
  if (is_offline) return gw_ctl_explain_offline(ctl, question, arena, ret_answer);
  ProtobufCMessage *reply;
  const ProtobufCMessageDescriptor *type = &gateway__dataplane__v1__explain_response__descriptor;
  int exit_code = is_of_node ? gw_admin_client_ask_node(ctl, ctl->pki.nodes[0], "Explain", &question->base, type, arena, &reply)
                             : gw_admin_client_ask(ctl, "Explain", &question->base, type, arena, &reply);
  if (exit_code == GW_CTL_OK) *ret_answer = (Response *)(void *)reply;
  return exit_code;
}

int gw_ctl_explain(const struct gw_ctl *ctl) {
  struct gw_arena arena;
  Request *question = NULL;
  Response *answer = NULL;
  gw_arena_init(&arena, 16384);
  int exit_code = gw_ctl_explain_question(ctl, &arena, &question);
  if (exit_code == GW_CTL_OK) exit_code = ask(ctl, question, &arena, &answer);
  if (answer != NULL && ctl->is_json) {
    gw_message_json_print(&answer->base);
  } else if (answer != NULL) {
    print_head(question, answer);
    print_steps(answer);
    print_candidates(answer);
    print_services(answer);
    print_assumptions(answer);
  }
  gw_arena_done(&arena);
  return exit_code;
}
