/* FindFailures: answers once the data planes have. */
#include <gateway/admin/v1/admin.pb-c.h>

#include "controlplane/api/admin_reply.h"

static void on_answer(void *arg, const Gateway__Admin__V1__FindFailuresResponse *answer) {
  gw_admin_call_answer(arg, &answer->base);
}

static void on_client_gone(void *arg) {
  gw_failure_query_cancel(arg);
}

void gw_admin_start_find_failures(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__FindFailuresRequest *message = (const void *)request->message;
  struct gw_failure_query *query;
  switch (gw_failure_query_start(request->options->failures, message->request_id, on_answer, call, &query)) {
  case GW_OK: gw_admin_call_wait(call, on_client_gone, query); break;
  case GW_ERR_LIMIT:
    gw_admin_call_refuse(call, GW_RPC_RESOURCE_EXHAUSTED,
                         gw_arena_printf(request->arena, "%u questions for failures are under way already; ask again in a moment",
                                         GW_FAILURE_QUERIES_MAX));
    break;
  default:
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT,
                         gw_arena_printf(request->arena, "request_id has %zu bytes: 1 to %u are allowed", strlen(message->request_id),
                                         GW_FAILURE_REQUEST_ID_MAX));
  }
}
