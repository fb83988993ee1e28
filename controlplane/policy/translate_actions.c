#include "common/base/mem.h"
#include "controlplane/policy/translate.h"
#include "controlplane/policy/translate_routes.h"

static struct gw_str join(struct gw_arena *arena, struct gw_str a, struct gw_str b) {
  return gw_str_from(gw_arena_printf(arena, "%.*s%.*s", GW_STR_ARG(a), GW_STR_ARG(b)));
}

/* What becomes of a path: the whole of it, or by a regular expression; neither: nothing. */
struct path_result {
  struct gw_str whole;
  struct gw_str pattern;
  struct gw_str substitution;
};

/* With the service's base path before all that goes to it. */
static struct path_result translate_path(const struct gw_route_entry *entry, struct gw_str base, struct gw_arena *arena) {
  const struct gw_path_change *change = &entry->actions.rewrite;
  const struct gw_path_pattern *path = &entry->path;
  struct path_result result = {.pattern = change->pattern, .substitution = change->substitution};
  if (change->has_prefix) {
    struct gw_str target = join(arena, base, change->prefix);
    if (path->variable_count == 0) {
      result.whole = target.len > 0 ? target : GW_STR("/");
    } else {
      result.pattern = gw_path_pattern_beginning_regex(path, arena);
      result.substitution = join(arena, target, GW_STR("/"));
    }
  } else if (change->path.len > 0) {
    const char *why;
    struct gw_str target = join(arena, base, change->path);
    /* Envoy has no prefix_rewrite beside a template. */
    if (gw_str_find_char(change->path, '{') < 0 && (path->variable_count == 0 || entry->actions.redirect != NULL)) {
      result.whole = target;
    } else {
      result.pattern = gw_path_pattern_regex(path, arena);
      gw_path_pattern_substitute(path, target, arena, &result.substitution, &why);
    }
  } else if (base.len > 0) {
    result.pattern = GW_STR("^/");
    result.substitution = join(arena, base, GW_STR("/"));
  }
  return result;
}

static const struct gw_route_split *translate_split(const struct gw_route_actions *actions, struct gw_arena *arena) {
  struct gw_route_split *split = gw_arena_calloc(arena, 1, sizeof(*split));
  struct gw_weighted_cluster *clusters = gw_arena_calloc(arena, actions->share_count, sizeof(*clusters));
  for (uint32_t i = 0; i < actions->share_count; i++) {
    clusters[i] = (struct gw_weighted_cluster){actions->shares[i].service->name, actions->shares[i].weight};
    split->total_weight += actions->shares[i].weight;
  }
  split->clusters = clusters;
  split->count = actions->share_count;
  split->by_hash = actions->is_sticky;
  return split;
}

static void translate_forward(const struct gw_route_entry *entry, struct gw_arena *arena, struct gw_route *route) {
  const struct gw_route_actions *actions = &entry->actions;
  const struct gw_service_entry *service = gw_route_actions_service(actions);
  const struct gw_timeouts_entry *own = &entry->timeouts, *of_service = &service->timeouts;
  struct path_result path = translate_path(entry, service->base_path, arena);
  route->action = GW_ROUTE_FORWARD;
  route->forward = (struct gw_route_forward){.timeout_ms = entry->timeout_ms,
                                             .prefix_rewrite = path.whole,
                                             .regex_rewrite_pattern = path.pattern,
                                             .regex_rewrite_substitution = path.substitution,
                                             .host_rewrite = actions->host_rewrite,
                                             .hash_policies = actions->hash_policies,
                                             .hash_policy_count = actions->hash_policy_count};
  route->forward.idle_timeout_ms = gw_timeout_or(own->stream_idle_ms, of_service->stream_idle_ms);
  route->forward.has_idle_timeout = route->forward.idle_timeout_ms != 0;
  route->forward.max_duration_ms = gw_timeout_or(own->max_duration_ms, of_service->max_duration_ms);
  /* A default is no reason to end a stream that was meant to last. */
  route->forward.has_grpc_timeout = true;
  route->forward.max_grpc_timeout_ms = entry->has_timeout ? entry->timeout_ms : 0;
  if (actions->share_count > 0) {
    route->forward.split = translate_split(actions, arena);
  } else {
    route->forward.cluster = service->name;
    route->forward.hash_policies = service->balancing.hash_policies;
    route->forward.hash_policy_count = service->balancing.hash_policy_count;
  }
  route->has_body_limit = actions->has_body_limit;
  route->max_request_body_bytes = actions->max_request_body_bytes;
}

static void translate_redirect(const struct gw_route_entry *entry, struct gw_arena *arena, struct gw_route *route) {
  struct gw_route_redirect *redirect = gw_arena_calloc(arena, 1, sizeof(*redirect));
  struct path_result path = translate_path(entry, (struct gw_str){NULL, 0}, arena);
  *redirect = *entry->actions.redirect;
  redirect->path = path.whole;
  redirect->regex_rewrite_pattern = path.pattern;
  redirect->regex_rewrite_substitution = path.substitution;
  route->action = GW_ROUTE_REDIRECT;
  route->redirect = redirect;
}

/* A type of its own stands before what the route sets. */
static const struct gw_header_changes *with_content_type(const struct gw_header_changes *changes, struct gw_str type,
                                                         struct gw_arena *arena) {
  uint32_t count = changes != NULL ? changes->add_count : 0;
  struct gw_header_option *add = gw_arena_calloc(arena, count + 1u, sizeof(*add));
  add[0] = (struct gw_header_option){.name = GW_STR("content-type"), .value = type, .action = GW_HEADER_OVERWRITE};
  for (uint32_t i = 0; i < count; i++)
    add[i + 1] = changes->add[i];
  struct gw_header_changes *out = gw_arena_calloc(arena, 1, sizeof(*out));
  if (changes != NULL) *out = *changes;
  out->add = add;
  out->add_count = count + 1;
  return out;
}

void gw_policy_translate_action(const struct gw_route_entry *entry, struct gw_arena *arena, struct gw_route *route) {
  const struct gw_route_actions *actions = &entry->actions;
  route->request_headers = entry->request_headers;
  route->response_headers = entry->response_headers;
  if (actions->redirect != NULL) {
    translate_redirect(entry, arena, route);
  } else if (actions->respond != NULL) {
    route->action = GW_ROUTE_DIRECT_RESPONSE;
    route->direct = *actions->respond;
    if (actions->content_type.len > 0) route->response_headers = with_content_type(entry->response_headers, actions->content_type, arena);
  } else {
    translate_forward(entry, arena, route);
  }
}

struct gw_str gw_policy_describe_services(const struct gw_route_actions *actions, struct gw_arena *arena) {
  if (actions->share_count == 0) return actions->service != NULL ? actions->service->name : GW_STR("");
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  for (uint32_t i = 0; i < actions->share_count; i++)
    gw_strbuf_printf(&buf, "%s%.*s %u", i > 0 ? ", " : "", GW_STR_ARG(actions->shares[i].service->name), actions->shares[i].weight);
  return gw_arena_copy(arena, gw_strbuf_str(&buf));
}

struct gw_str gw_policy_describe_changes(const struct gw_route_entry *entry, struct gw_arena *arena) {
  const struct gw_route_actions *actions = &entry->actions;
  const struct gw_path_change *path = &actions->rewrite;
  bool rewrites = path->has_prefix || path->path.len > 0 || path->pattern.len > 0 || actions->host_rewrite.len > 0;
  const struct {
    bool is_there;
    const char *word;
  } changes[] = {{actions->is_sticky, "sticky"},
                 {rewrites && actions->redirect == NULL, "rewrite"},
                 {entry->request_headers != NULL, "request_headers"},
                 {entry->response_headers != NULL, "response_headers"},
                 {actions->has_body_limit, "max_request_body"}};
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  for (size_t i = 0; i < GW_ARRAY_LEN(changes); i++)
    if (changes[i].is_there) gw_strbuf_printf(&buf, "%s%s", buf.len > 0 ? ", " : "", changes[i].word);
  return buf.len > 0 ? gw_arena_copy(arena, gw_strbuf_str(&buf)) : GW_STR("");
}
