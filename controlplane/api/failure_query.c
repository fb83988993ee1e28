#include "controlplane/api/failure_query.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/xds/wire.h"

/* A session that does not read what it is sent is not sent more, but all queries may begin in one turn. */
#define SOURCE_PENDING_MAX ((size_t)2 * GW_FAILURE_QUERIES_MAX)

struct gw_failure_queries {
  struct gw_loop *loop;
  struct gw_list sources;
  uint32_t source_count;
  struct gw_list running;
  uint32_t running_count;
  uint64_t last_id;
};

struct gw_failure_query {
  struct gw_list link;
  struct gw_failure_queries *queries;
  uint64_t id;
  struct gw_list unanswered; /* of struct ask */
  struct gw_timer timer;
  struct gw_arena arena; /* of the asks and of the answer */
  size_t kept_bytes;
  Gateway__Admin__V1__FindFailuresResponse answer;
  gw_failure_query_fn fn;
  void *arg;
};

/* One source that one query waits for. */
struct ask {
  struct gw_list source_link;
  struct gw_list query_link;
  struct gw_failure_query *query;
  struct gw_failure_query_source *source;
};

/* ---- what is kept of a failure ---- */

static void cut_text(char *text) {
  static const char ellipsis[] = "…";
  size_t len = strlen(text);
  if (len <= GW_FAILURE_TEXT_MAX) return;
  len = GW_FAILURE_TEXT_MAX - (sizeof(ellipsis) - 1);
  while (((unsigned char)text[len] & 0xc0u) == 0x80u)
    len--; /* not inside a UTF-8 sequence */
  memcpy(text + len, ellipsis, sizeof(ellipsis));
}

static void cut_texts(ProtobufCMessage *message) {
  message->n_unknown_fields = 0;
  for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
    if (field->type == PROTOBUF_C_TYPE_STRING) cut_text(*(char **)(void *)((char *)message + field->offset));
  }
}

static void cut_failure(Gateway__Agent__V1__Failure *failure) {
  cut_texts(&failure->base);
  if (failure->n_attempts > GW_FAILURE_ATTEMPTS_MAX) {
    failure->attempts[GW_FAILURE_ATTEMPTS_MAX - 1] = failure->attempts[failure->n_attempts - 1];
    failure->n_attempts = GW_FAILURE_ATTEMPTS_MAX;
  }
  for (size_t i = 0; i < failure->n_attempts; i++)
    cut_texts(&failure->attempts[i]->base);
}

/* false: there are enough. */
static bool keep_failure(struct gw_failure_query *query, const struct gw_node *node, Gateway__Agent__V1__Failure *failure) {
  if (query->answer.n_failures == GW_FAILURES_MAX) return false;
  cut_failure(failure);
  struct gw_bytes *bytes = gw_wire_pack(&failure->base);
  bool fits = bytes->len <= GW_FAILURES_BYTES_MAX - query->kept_bytes;
  if (fits) {
    ProtobufCMessage *copy;
    enum gw_err err = gw_wire_unpack_checked(&gateway__agent__v1__failure__descriptor, gw_bytes_str(bytes), &query->arena, &copy);
    GW_ASSERT(err == GW_OK);
    Gateway__Admin__V1__NodeFailure *kept = gw_arena_alloc(&query->arena, sizeof(*kept));
    gateway__admin__v1__node_failure__init(kept);
    kept->node_id = gw_arena_strdup(&query->arena, node->id);
    kept->node_cluster = gw_arena_strdup(&query->arena, node->cluster);
    cut_texts(&kept->base);
    kept->failure = (Gateway__Agent__V1__Failure *)(void *)copy;
    query->answer.failures[query->answer.n_failures++] = kept;
    query->kept_bytes += bytes->len;
  }
  gw_bytes_unref(bytes);
  return fits;
}

static void keep_failures(struct gw_failure_query *query, const struct gw_node *node, const Gateway__Agent__V1__FoundFailures *found) {
  size_t first = found->n_failures > GW_FAILURES_PER_NODE_MAX ? found->n_failures - GW_FAILURES_PER_NODE_MAX : 0;
  query->answer.left_out_failures += (uint32_t)first;
  for (size_t i = first; i < found->n_failures; i++) {
    if (!keep_failure(query, node, found->failures[i])) query->answer.left_out_failures++;
  }
}

static void add_silent(struct gw_failure_query *query, const struct gw_node *node) {
  char *id = gw_arena_strdup(&query->arena, node->id);
  cut_text(id);
  query->answer.silent_nodes[query->answer.n_silent_nodes++] = id;
}

/* ---- queries ---- */

struct gw_failure_queries *gw_failure_queries_new(struct gw_loop *loop) {
  struct gw_failure_queries *queries = gw_calloc(1, sizeof(*queries));
  queries->loop = loop;
  gw_list_init(&queries->sources);
  gw_list_init(&queries->running);
  return queries;
}

void gw_failure_queries_free(struct gw_failure_queries *queries) {
  if (queries == NULL) return;
  GW_ASSERT(gw_list_is_empty(&queries->sources) && gw_list_is_empty(&queries->running));
  free(queries);
}

void gw_failure_query_cancel(struct gw_failure_query *query) {
  if (query == NULL) return;
  GW_LIST_FOR_EACH(item, &query->unanswered) {
    gw_list_remove(&GW_LIST_ITEM(item, struct ask, query_link)->source_link);
  }
  gw_timer_stop(&query->timer);
  gw_list_remove(&query->link);
  query->queries->running_count--;
  gw_arena_done(&query->arena);
  free(query);
}

static int compare_failures(const void *a, const void *b) {
  const Gateway__Admin__V1__NodeFailure *first = *(Gateway__Admin__V1__NodeFailure *const *)a;
  const Gateway__Admin__V1__NodeFailure *second = *(Gateway__Admin__V1__NodeFailure *const *)b;
  if (first->failure->at_ms != second->failure->at_ms) return first->failure->at_ms < second->failure->at_ms ? -1 : 1;
  return strcmp(first->node_id, second->node_id);
}

static void finish(struct gw_failure_query *query) {
  qsort(query->answer.failures, query->answer.n_failures, sizeof(void *), compare_failures);
  query->fn(query->arg, &query->answer);
  gw_failure_query_cancel(query);
}

static void on_time_over(struct gw_timer *timer) {
  struct gw_failure_query *query = GW_CONTAINER_OF(timer, struct gw_failure_query, timer);
  GW_LIST_FOR_EACH(item, &query->unanswered) {
    add_silent(query, GW_LIST_ITEM(item, struct ask, query_link)->source->node);
  }
  finish(query);
}

/* It may have been the last one that was waited for: the query is gone then. */
static void end_ask(struct ask *ask) {
  struct gw_failure_query *query = ask->query;
  gw_list_remove(&ask->source_link);
  gw_list_remove(&ask->query_link);
  if (gw_list_is_empty(&query->unanswered)) finish(query);
}

static void ask_source(struct gw_failure_query *query, struct gw_failure_query_source *source, struct gw_bytes *question, struct ask *ask) {
  query->answer.asked_nodes++;
  if (gw_rpc_stream_pending(source->stream) >= SOURCE_PENDING_MAX) {
    add_silent(query, source->node);
    return;
  }
  *ask = (struct ask){.query = query, .source = source};
  gw_list_add_last(&source->asks, &ask->source_link);
  gw_list_add_last(&query->unanswered, &ask->query_link);
  gw_rpc_stream_send(source->stream, &question, 1);
}

static struct gw_bytes *pack_question(uint64_t query_id, const char *request_id) {
  Gateway__Agent__V1__FindFailures find = GATEWAY__AGENT__V1__FIND_FAILURES__INIT;
  find.query_id = query_id;
  find.request_id = (char *)request_id;
  Gateway__Agent__V1__ControlMessage message = GATEWAY__AGENT__V1__CONTROL_MESSAGE__INIT;
  message.message_case = GATEWAY__AGENT__V1__CONTROL_MESSAGE__MESSAGE_FIND_FAILURES;
  message.find_failures = &find;
  return gw_wire_pack(&message.base);
}

enum gw_err gw_failure_query_start(struct gw_failure_queries *queries, const char *request_id, gw_failure_query_fn fn, void *arg,
                                   struct gw_failure_query **ret_query) {
  size_t len = strlen(request_id);
  if (len == 0 || len > GW_FAILURE_REQUEST_ID_MAX) return GW_ERR_INVALID;
  if (queries->running_count >= GW_FAILURE_QUERIES_MAX) return GW_ERR_LIMIT;
  struct gw_failure_query *query = gw_calloc(1, sizeof(*query));
  query->queries = queries;
  query->id = ++queries->last_id;
  query->fn = fn;
  query->arg = arg;
  gw_list_init(&query->unanswered);
  gw_timer_init(&query->timer, on_time_over);
  gw_arena_init(&query->arena, 4096);
  gateway__admin__v1__find_failures_response__init(&query->answer);
  query->answer.failures = gw_arena_calloc(&query->arena, GW_FAILURES_MAX, sizeof(void *));
  query->answer.silent_nodes = gw_arena_calloc(&query->arena, queries->source_count, sizeof(char *));
  struct ask *asks = gw_arena_calloc(&query->arena, queries->source_count, sizeof(*asks));
  struct gw_bytes *question = pack_question(query->id, request_id);
  GW_LIST_FOR_EACH(item, &queries->sources) {
    ask_source(query, GW_LIST_ITEM(item, struct gw_failure_query_source, link), question, &asks[query->answer.asked_nodes]);
  }
  gw_bytes_unref(question);
  gw_list_add_last(&queries->running, &query->link);
  queries->running_count++;
  gw_timer_start(queries->loop, &query->timer, gw_list_is_empty(&query->unanswered) ? 0 : GW_FAILURE_QUERY_WAIT_MS);
  *ret_query = query;
  return GW_OK;
}

/* ---- sources ---- */

static void forget_older(struct gw_failure_queries *queries, const struct gw_failure_query_source *source) {
  GW_LIST_FOR_EACH(item, &queries->sources) {
    struct gw_failure_query_source *other = GW_LIST_ITEM(item, struct gw_failure_query_source, link);
    if (other->node == source->node && strcmp(other->instance_id, source->instance_id) == 0) gw_failure_query_source_remove(other);
  }
}

void gw_failure_query_source_add(struct gw_failure_queries *queries, struct gw_failure_query_source *source, struct gw_rpc_stream *stream,
                                 const struct gw_node *node, const char *instance_id) {
  *source = (struct gw_failure_query_source){.queries = queries, .stream = stream, .node = node, .instance_id = instance_id};
  if (instance_id[0] != '\0') forget_older(queries, source);
  gw_list_init(&source->asks);
  gw_list_add_last(&queries->sources, &source->link);
  queries->source_count++;
}

void gw_failure_query_source_remove(struct gw_failure_query_source *source) {
  if (!gw_list_is_linked(&source->link)) return;
  gw_list_remove(&source->link);
  source->queries->source_count--;
  GW_LIST_FOR_EACH(item, &source->asks) {
    struct ask *ask = GW_LIST_ITEM(item, struct ask, source_link);
    add_silent(ask->query, source->node);
    end_ask(ask);
  }
}

void gw_failure_query_source_on_found(struct gw_failure_query_source *source, Gateway__Agent__V1__FoundFailures *found) {
  if (!gw_list_is_linked(&source->link)) return;
  GW_LIST_FOR_EACH(item, &source->asks) {
    struct ask *ask = GW_LIST_ITEM(item, struct ask, source_link);
    if (ask->query->id != found->query_id) continue;
    keep_failures(ask->query, source->node, found);
    if (found->silent_workers > 0) add_silent(ask->query, source->node);
    end_ask(ask);
    return;
  }
}
