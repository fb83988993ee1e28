/* Apply, Rollback, ListRevisions and CompareRevisions. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "controlplane/api/admin_changes.h"
#include "controlplane/api/admin_reply.h"
#include "controlplane/api/admin_roles.h"

#define PAGE_MAX 1000u

/* A call whose answer comes from the store. Its client may leave before. */
struct waiting {
  struct gw_admin_call *call; /* NULL: the client has gone */
  const struct gw_admin_api_options *options;
};

static void on_gone(void *arg) {
  ((struct waiting *)arg)->call = NULL;
}

static struct waiting *wait_for(const struct gw_admin_request *request, struct gw_admin_call *call) {
  struct waiting *waiting = gw_calloc(1, sizeof(*waiting));
  *waiting = (struct waiting){call, request->options};
  gw_admin_call_wait(call, on_gone, waiting);
  return waiting;
}

/* The message that what was found becomes. */
typedef ProtobufCMessage *(*make_fn)(const struct waiting *waiting, const void *found, struct gw_arena *arena);

static void finish(struct waiting *waiting, enum gw_err err, const char *words, make_fn make, const void *found) {
  if (waiting->call != NULL && err != GW_OK) {
    gw_admin_call_fail(waiting->call, err, words);
  } else if (waiting->call != NULL) {
    struct gw_arena arena;
    gw_arena_init(&arena, 4096);
    gw_admin_call_answer(waiting->call, make(waiting, found, &arena));
    gw_arena_done(&arena);
  }
  free(waiting);
}

static Gateway__Admin__V1__Revision *make_revision(struct gw_arena *arena, const struct gw_revision *from) {
  if (from == NULL) return NULL;
  Gateway__Admin__V1__Revision *m = gw_admin_message_new(arena, &gateway__admin__v1__revision__descriptor);
  m->number = from->number;
  m->at_ms = from->at_ms;
  m->author = gw_admin_text(arena, from->author);
  m->message = gw_admin_text(arena, from->message);
  m->hash = gw_admin_text(arena, from->hash);
  m->routes_bytes = from->routes_bytes;
  m->services_bytes = from->services_bytes;
  m->rollback_to = from->of;
  m->routes_name = gw_admin_text(arena, from->routes_name);
  m->services_name = gw_admin_text(arena, from->services_name);
  return m;
}

static Gateway__Admin__V1__Loosening **make_loosenings(struct gw_arena *arena, const struct gw_admin_loosening *from, uint32_t count) {
  Gateway__Admin__V1__Loosening **list = gw_arena_calloc(arena, count, sizeof(void *));
  for (uint32_t i = 0; i < count; i++) {
    list[i] = gw_admin_message_new(arena, &gateway__admin__v1__loosening__descriptor);
    list[i]->kind = gw_arena_strdup(arena, from[i].kind);
    list[i]->route = gw_admin_text(arena, from[i].route);
    list[i]->words = gw_arena_strdup(arena, from[i].words);
    list[i]->place = gw_arena_strdup(arena, from[i].place);
  }
  return list;
}

/* ---- changes ---- */

static void add_mistakes(Gateway__Admin__V1__ApplyResponse *m, const struct gw_errors *mistakes, struct gw_arena *arena) {
  m->errors = gw_arena_calloc(arena, mistakes->count + 1, sizeof(*m->errors));
  m->warnings = gw_arena_calloc(arena, mistakes->count, sizeof(*m->warnings));
  for (size_t i = 0; i < mistakes->count; i++) {
    char *text = gw_arena_printf(arena, "%s: %s", mistakes->items[i].place, mistakes->items[i].sentence);
    if (mistakes->items[i].severity == GW_SEVERITY_ERROR)
      m->errors[m->n_errors++] = text;
    else
      m->warnings[m->n_warnings++] = text;
  }
  size_t left_out = mistakes->error_count - m->n_errors;
  if (left_out > 0) m->errors[m->n_errors++] = gw_arena_printf(arena, "and %zu more", left_out);
}

static Gateway__Admin__V1__ApplyResponse__Outcome outcome_on_wire(enum gw_admin_outcome outcome) {
  switch (outcome) {
  case GW_ADMIN_ACCEPTED: return GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__ACCEPTED;
  case GW_ADMIN_UNCHANGED: return GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__UNCHANGED;
  case GW_ADMIN_VALID: return GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__VALID;
  case GW_ADMIN_INVALID: return GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__INVALID;
  case GW_ADMIN_LOOSENS: return GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__LOOSENS;
  }
  return GATEWAY__ADMIN__V1__APPLY_RESPONSE__OUTCOME__OUTCOME_UNSPECIFIED;
}

static ProtobufCMessage *make_change(const struct waiting *waiting, const void *found, struct gw_arena *arena) {
  const struct gw_admin_changed *changed = found;
  Gateway__Admin__V1__ApplyResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__apply_response__descriptor);
  const struct gw_snapshot *snapshot = gw_snapshot_cache_current(waiting->options->cache);
  m->outcome = outcome_on_wire(changed->outcome);
  m->revision = make_revision(arena, changed->revision);
  if (snapshot != NULL) m->snapshot_version = gw_arena_strdup(arena, snapshot->version);
  if (changed->mistakes != NULL) add_mistakes(m, changed->mistakes, arena);
  m->loosenings = make_loosenings(arena, changed->loosenings, changed->loosening_count);
  m->n_loosenings = changed->loosening_count;
  return &m->base;
}

static void on_changed(void *arg, const struct gw_admin_changed *changed) {
  finish(arg, changed->err, changed->words, make_change, changed);
}

/* As the audit calls them. The administrators' one token says nothing of who holds it, so its holder's word is taken, and marked as such.
 */
static struct gw_str find_author(const struct gw_admin_request *request, const struct gw_admin_call *call, const char *claimed) {
  const struct gw_admin_identity *who = gw_admin_call_who(call);
  if (who->has_certificate || !gw_str_equal(who->name, GW_STR(GW_ADMIN_TOKEN_NAME))) return who->name;
  return gw_str_from(gw_arena_printf(request->arena, "%.200s (by token)", claimed[0] != '\0' ? claimed : "unnamed"));
}

static void start_change(const struct gw_admin_request *request, struct gw_admin_call *call, const struct gw_admin_change *change) {
  const struct gw_admin_changes *changes = request->options->changes;
  const struct gw_str words[] = {change->message, change->request_id, change->texts.routes_name, change->texts.services_name};
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++) {
    if (words[i].len <= GW_REVISION_WORDS_MAX) continue;
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT,
                         gw_arena_printf(request->arena, "message, request_id and names have at most %u bytes", GW_REVISION_WORDS_MAX));
    return;
  }
  changes->change(changes->arg, change, on_changed, wait_for(request, call));
}

static struct gw_str bytes_of(ProtobufCBinaryData data) {
  return (struct gw_str){(const char *)data.data, data.len};
}

void gw_admin_start_apply(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__ApplyRequest *m = (const void *)request->message;
  if (!m->has_routes && !m->has_services) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "routes or services are wanted, or both");
    return;
  }
  struct gw_admin_change change = {.texts = {.routes_name = gw_str_from(m->routes_name[0] != '\0' ? m->routes_name : "routes.yaml"),
                                             .routes = bytes_of(m->routes),
                                             .services_name = gw_str_from(m->services_name[0] != '\0' ? m->services_name : "services.yaml"),
                                             .services = bytes_of(m->services)},
                                   .has_routes = m->has_routes,
                                   .has_services = m->has_services,
                                   .is_dry = m->dry_run,
                                   .allows_loosening = m->allow_loosening,
                                   .checks_revision = m->checks_revision,
                                   .if_revision = m->if_revision,
                                   .author = find_author(request, call, m->author),
                                   .message = gw_str_from(m->message),
                                   .request_id = gw_str_from(m->request_id)};
  start_change(request, call, &change);
}

void gw_admin_start_rollback(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__RollbackRequest *m = (const void *)request->message;
  if (m->revision == 0) {
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, "revisions are numbered from 1");
    return;
  }
  struct gw_admin_change change = {.rollback_to = m->revision,
                                   .allows_loosening = true,
                                   .checks_revision = m->checks_revision,
                                   .if_revision = m->if_revision,
                                   .author = find_author(request, call, m->author),
                                   .message = gw_str_from(m->message),
                                   .request_id = gw_str_from(m->request_id)};
  start_change(request, call, &change);
}

/* ---- history ---- */

ProtobufCMessage *gw_admin_reply_revisions(const struct gw_admin_request *request) {
  const Gateway__Admin__V1__ListRevisionsRequest *asked = (const void *)request->message;
  const struct gw_admin_changes *changes = request->options->changes;
  struct gw_arena *arena = request->arena;
  Gateway__Admin__V1__ListRevisionsResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__list_revisions_response__descriptor);
  uint32_t max = asked->page_size > 0 && asked->page_size < PAGE_MAX ? asked->page_size : PAGE_MAX;
  m->revisions = gw_arena_calloc(arena, max, sizeof(void *));
  for (uint32_t i = gw_revisions_count(changes->revisions); i > 0 && m->n_revisions < max; i--) {
    const struct gw_revision *revision = gw_revisions_at(changes->revisions, i - 1);
    if (asked->before == 0 || revision->number < asked->before) m->revisions[m->n_revisions++] = make_revision(arena, revision);
  }
  m->current = changes->current(changes->arg);
  m->config_source = gw_arena_strdup(arena, changes->source_name);
  if (!gw_revisions_are_known(changes->revisions)) {
    const char *words = gw_revisions_store_status(changes->revisions)->words;
    m->problem = gw_arena_printf(arena, "the database is away: %s", words != NULL ? words : "it has not answered yet");
  }
  return &m->base;
}

/* ---- comparing ---- */

static ProtobufCBinaryData lend(struct gw_str text) {
  return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

static ProtobufCMessage *make_comparison(const struct waiting *waiting, const void *arg, struct gw_arena *arena) {
  (void)waiting;
  const struct gw_admin_comparison *found = arg;
  Gateway__Admin__V1__CompareRevisionsResponse *m =
      gw_admin_message_new(arena, &gateway__admin__v1__compare_revisions_response__descriptor);
  m->from = make_revision(arena, found->from);
  m->to = make_revision(arena, found->to);
  m->from_routes = lend(found->from_texts->routes);
  m->from_services = lend(found->from_texts->services);
  m->to_routes = lend(found->to_texts->routes);
  m->to_services = lend(found->to_texts->services);
  m->loosenings = make_loosenings(arena, found->loosenings, found->loosening_count);
  m->n_loosenings = found->loosening_count;
  if (found->problem != NULL) m->problem = gw_arena_strdup(arena, found->problem);
  return &m->base;
}

static void on_compared(void *arg, const struct gw_admin_comparison *found) {
  finish(arg, found->err, found->words, make_comparison, found);
}

void gw_admin_start_compare(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__CompareRevisionsRequest *m = (const void *)request->message;
  const struct gw_admin_changes *changes = request->options->changes;
  changes->compare(changes->arg, m->from, m->to, on_compared, wait_for(request, call));
}
