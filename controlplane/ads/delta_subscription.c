#include "controlplane/ads/delta_subscription.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/secret.h"
#include "controlplane/ads/blame.h"

#define REFUSED_MAX 100000u /* of one type on one stream; then all are tried again */
#define BLAMED_SHOWN 5

void gw_delta_subscription_settle(struct gw_subscription *subscription) {
  for (uint32_t i = 0; i < subscription->asked_count; i++)
    free((void *)(uintptr_t)subscription->asked[i].data);
  free(subscription->asked);
  subscription->asked = NULL;
  subscription->asked_count = 0;
  subscription->must_answer = false;
}

static void forget_refusals(struct gw_subscription *subscription) {
  size_t cursor = 0;
  struct gw_str key;
  void *refusal;
  while (subscription->refused != NULL && gw_map_next(subscription->refused, &cursor, &key, &refusal)) {
    free(((struct gw_refusal *)refusal)->reason);
    free(refusal);
  }
  gw_map_free(subscription->refused);
  subscription->refused = NULL;
}

void gw_delta_subscription_done(struct gw_subscription *subscription) {
  gw_delta_subscription_settle(subscription);
  forget_refusals(subscription);
  gw_resource_set_unref(subscription->sent_from);
  gw_resource_set_unref(subscription->sent_to);
}

/* ---- names ---- */

bool gw_delta_subscription_is_too_big(const struct gw_subscription *subscription) {
  const struct gw_resource_filter *filter = gw_name_set_filter(subscription->names);
  if (filter->name_count > GW_DELTA_NAMES_MAX || subscription->asked_count > GW_DELTA_NAMES_MAX) return true;
  size_t asked_bytes = 0, filter_bytes = 0;
  for (uint32_t i = 0; i < subscription->asked_count; i++)
    asked_bytes += subscription->asked[i].len;
  for (uint32_t i = 0; i < filter->name_count; i++)
    filter_bytes += filter->names[i].len;
  return asked_bytes > GW_DELTA_NAME_BYTES_MAX || filter_bytes > GW_DELTA_NAME_BYTES_MAX;
}

static int compare_names(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

static bool has_name(const struct gw_str *sorted, uint32_t count, struct gw_str name) {
  return count > 0 && bsearch(&name, sorted, count, sizeof name, compare_names) != NULL;
}

/* The names of a request: sorted, none twice, without the wildcard. */
struct names {
  struct gw_str *items;
  uint32_t count;
  bool has_star;
};

static struct names sort_names(const struct gw_str *items, uint32_t count, bool may_take_all) {
  struct names names = {.items = gw_malloc(((size_t)count + 1) * sizeof(struct gw_str))};
  for (uint32_t i = 0; i < count; i++) {
    bool is_star = may_take_all && gw_str_equal(items[i], GW_STR("*"));
    names.has_star = names.has_star || is_star;
    if (!is_star) names.items[names.count++] = items[i];
  }
  if (names.count == 0) return names;
  qsort(names.items, names.count, sizeof *names.items, compare_names);
  uint32_t kept = 1;
  for (uint32_t i = 1; i < names.count; i++)
    if (!gw_str_equal(names.items[i], names.items[kept - 1])) names.items[kept++] = names.items[i];
  names.count = kept;
  return names;
}

static bool is_held(const struct gw_resource_set *set, struct gw_str name) {
  if (set == NULL) return false;
  const struct gw_resource_list *list = gw_resource_set_list(set);
  uint32_t low = 0, high = list->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = gw_str_compare(list->items[middle]->name, name);
    if (order == 0) return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

static void forget_in(struct gw_resource_set **slot, const struct gw_str *names, uint32_t count) {
  struct gw_resource_set *rest = gw_resource_set_without(*slot, names, count);
  gw_subscription_set(slot, rest);
  gw_resource_set_unref(rest);
}

void gw_delta_subscription_forget(struct gw_subscription *subscription, const struct gw_str *names, uint32_t count) {
  forget_in(&subscription->has, names, count);
  forget_in(&subscription->accepted, names, count);
}

static void add_asked(struct gw_subscription *subscription, const struct names *names) {
  if (names->count == 0) return;
  uint32_t before = subscription->asked_count;
  subscription->asked = gw_realloc_array(subscription->asked, (size_t)before + names->count, sizeof(struct gw_str));
  for (uint32_t i = 0; i < names->count; i++)
    if (!has_name(subscription->asked, before, names->items[i]))
      subscription->asked[subscription->asked_count++] = (struct gw_str){gw_str_dup(names->items[i]), names->items[i].len};
  qsort(subscription->asked, subscription->asked_count, sizeof(struct gw_str), compare_names);
}

static void set_names(struct gw_subscription *subscription, struct gw_name_sets *name_sets, const struct names *more,
                      const struct names *fewer, bool takes_all) {
  static const struct gw_resource_filter nothing = {0};
  const struct gw_resource_filter *before = subscription->names != NULL ? gw_name_set_filter(subscription->names) : &nothing;
  struct gw_str *names = gw_malloc(((size_t)before->name_count + more->count + 1) * sizeof *names);
  uint32_t count = 0;
  for (uint32_t i = 0; i < before->name_count; i++)
    if (!has_name(fewer->items, fewer->count, before->names[i])) names[count++] = before->names[i];
  for (uint32_t i = 0; i < more->count; i++)
    names[count++] = more->items[i];
  struct gw_name_set *set = gw_name_sets_get(name_sets, &(struct gw_names_wanted){.type = subscription->type,
                                                                                  .takes_all = takes_all,
                                                                                  .withholds = subscription->withholds,
                                                                                  .names = names,
                                                                                  .name_count = count});
  free(names);
  gw_name_set_unref(subscription->names);
  subscription->names = set;
}

/* Asked for again is sent again. So is what a client no longer names, but still gets with all others: the protocol wants it told. */
static void change_names(struct gw_subscription *subscription, struct gw_name_sets *name_sets, const struct gw_delta_request *request) {
  bool may_take_all = !gw_resource_type_is_named(subscription->type);
  struct names more = sort_names(request->subscribe, request->subscribe_count, may_take_all);
  struct names fewer = sort_names(request->unsubscribe, request->unsubscribe_count, may_take_all);
  bool took_all = subscription->names != NULL && gw_name_set_filter(subscription->names)->takes_all;
  bool is_legacy_wildcard = !subscription->is_subscribed && may_take_all && request->subscribe_count == 0;
  bool takes_all = more.has_star || is_legacy_wildcard || (took_all && !fewer.has_star);
  bool is_change = more.count > 0 || fewer.count > 0 || takes_all != took_all || subscription->names == NULL;
  if (is_change) {
    set_names(subscription, name_sets, &more, &fewer, takes_all);
    gw_delta_subscription_forget(subscription, more.items, more.count);
    gw_delta_subscription_forget(subscription, fewer.items, fewer.count);
    add_asked(subscription, &more);
    if (takes_all) add_asked(subscription, &fewer);
  }
  free(more.items);
  free(fewer.items);
}

/* ---- what a returning client has ---- */

/* Of a resource whose content we may not know: it names nothing. */
static struct gw_resource *make_unknown(enum gw_resource_type type, struct gw_str name, struct gw_str version) {
  static const struct gw_cluster no_cluster = {.kind = GW_CLUSTER_STATIC};
  static const struct gw_listener no_listener = {.is_api_only = true};
  static const struct gw_secret no_secret = {.kind = GW_SECRET_CERTIFICATE};
  struct gw_resource *resource = gw_resource_new(type);
  resource->name = gw_arena_copy(&resource->arena, name);
  if (version.len == sizeof resource->version - 1)
    memcpy(resource->version, version.data, version.len);
  else
    gw_content_hash_format(version, resource->version); /* another control plane's: it is none of ours */
  if (type == GW_RESOURCE_CLUSTER) resource->cluster = &no_cluster;
  if (type == GW_RESOURCE_LISTENER) resource->listener = &no_listener;
  if (type == GW_RESOURCE_SECRET) resource->secret = &no_secret;
  return resource;
}

/* What is served is the very thing, if it is what the client says. That gives no right to it: who may not have it has an unknown one. */
static struct gw_resource *find_known(const struct gw_subscription *subscription, struct gw_name_sets *name_sets, struct gw_str name,
                                      struct gw_str version) {
  struct gw_resource *resource = gw_name_sets_find(name_sets, subscription->type, name);
  bool is_it = resource != NULL && gw_str_equal(version, gw_str_from(resource->version)) &&
               !(subscription->withholds && gw_resource_is_confidential(resource));
  return is_it ? gw_resource_ref(resource) : make_unknown(subscription->type, name, version);
}

static int compare_resources(const void *a, const void *b) {
  return gw_str_compare((*(struct gw_resource *const *)a)->name, (*(struct gw_resource *const *)b)->name);
}

static void take_held(struct gw_subscription *subscription, struct gw_name_sets *name_sets, const struct gw_delta_request *request) {
  const struct gw_resource_filter *filter = gw_name_set_filter(subscription->names);
  struct gw_resource_list list = {.items = gw_malloc(((size_t)request->held_count + 1) * sizeof(struct gw_resource *))};
  for (uint32_t i = 0; i < request->held_count; i++)
    if (gw_resource_filter_takes(filter, request->held_names[i]))
      list.items[list.count++] = find_known(subscription, name_sets, request->held_names[i], request->held_versions[i]);
  if (list.count > 0) qsort(list.items, list.count, sizeof(struct gw_resource *), compare_resources);
  uint32_t kept = 0; /* a map has no name twice, yet strangers write what they like */
  for (uint32_t i = 0; i < list.count; i++) {
    if (kept > 0 && gw_str_equal(list.items[kept - 1]->name, list.items[i]->name))
      gw_resource_unref(list.items[i]);
    else
      list.items[kept++] = list.items[i];
  }
  list.count = kept;
  struct gw_resource_set *set = gw_name_sets_make(name_sets, subscription->type, &list);
  gw_subscription_set(&subscription->has, set);
  gw_subscription_set(&subscription->accepted, set);
  gw_resource_set_unref(set);
  for (uint32_t i = 0; i < list.count; i++)
    gw_resource_unref(list.items[i]);
  free(list.items);
}

/* The first request of a type on this stream. */
static void on_first(struct gw_subscription *subscription, struct gw_name_sets *name_sets, const struct gw_delta_request *request) {
  bool may_wait = subscription->warms && subscription->type == GW_RESOURCE_ENDPOINTS;
  if (request->held_count > 0 && !may_wait) take_held(subscription, name_sets, request);
  /* Who starts with nothing waits to hear that there is nothing. */
  subscription->must_answer = request->held_count == 0 && gw_name_set_filter(subscription->names)->takes_all;
}

/* ---- refusals ---- */

static struct gw_refusal *find_refused(const struct gw_subscription *subscription, const struct gw_resource *resource) {
  if (subscription->refused == NULL) return NULL;
  struct gw_strbuf key;
  gw_strbuf_init(&key);
  gw_strbuf_append_str(&key, gw_str_from(resource->version));
  gw_strbuf_append_str(&key, resource->name);
  struct gw_refusal *refusal = gw_map_find(subscription->refused, gw_strbuf_str(&key));
  gw_strbuf_done(&key);
  return refusal;
}

/* `reason` NULL: takes it out. */
static void set_refused(struct gw_subscription *subscription, const struct gw_resource *resource, const char *reason, bool is_named) {
  if (subscription->refused == NULL && reason == NULL) return;
  if (subscription->refused != NULL && gw_map_count(subscription->refused) >= REFUSED_MAX) forget_refusals(subscription);
  if (subscription->refused == NULL) subscription->refused = gw_map_new();
  struct gw_strbuf key;
  gw_strbuf_init(&key);
  gw_strbuf_append_str(&key, gw_str_from(resource->version));
  gw_strbuf_append_str(&key, resource->name);
  struct gw_refusal *before;
  if (reason != NULL) {
    struct gw_refusal *refusal = gw_calloc(1, sizeof *refusal);
    memcpy(refusal->version, resource->version, sizeof refusal->version);
    refusal->reason = gw_strdup(reason);
    refusal->is_named = is_named;
    before = gw_map_put(subscription->refused, gw_strbuf_str(&key), refusal);
    subscription->newest_refusal = refusal;
  } else {
    before = gw_map_remove(subscription->refused, gw_strbuf_str(&key));
  }
  gw_strbuf_done(&key);
  if (before != NULL) free(before->reason);
  free(before);
}

static bool next_sent(const struct gw_subscription *subscription, struct gw_resource_step *step) {
  while (gw_resource_set_next_step(subscription->sent_to, subscription->sent_from, step))
    if (step->now != NULL) return true;
  return false;
}

/* The text, with the names that it lacks before it. */
static char *make_reason(struct gw_str message, const struct gw_str *names, uint32_t count, bool names_any) {
  if (names_any) return gw_refusal_keep_reason(message);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (uint32_t i = 0; i < count && i < BLAMED_SHOWN; i++)
    gw_strbuf_printf(&text, "%s%.*s", i > 0 ? ", " : "", GW_STR_ARG(names[i]));
  if (count > BLAMED_SHOWN) gw_strbuf_printf(&text, " and %u more", count - BLAMED_SHOWN);
  gw_strbuf_printf(&text, ": %.*s", GW_STR_ARG(message));
  char *reason = gw_refusal_keep_reason(gw_strbuf_str(&text));
  gw_strbuf_done(&text);
  return reason;
}

/* Refused are those that the message names, or all when it names none. The others go again, since some clients take all or nothing.
 * False: nothing was there to refuse. */
static bool refuse_sent(struct gw_subscription *subscription, struct gw_str message) {
  size_t room = (size_t)gw_resource_set_list(subscription->sent_to)->count + 1;
  struct gw_str *names = gw_malloc(room * sizeof *names);
  uint32_t count = 0;
  for (struct gw_resource_step step = {0}; next_sent(subscription, &step);)
    names[count++] = step.now->name;
  bool *is_blamed = gw_malloc(room * sizeof *is_blamed);
  bool names_any = gw_blame_find(message, names, count, is_blamed) > 0;
  char *reason = make_reason(message, names, count, names_any);
  uint32_t at = 0;
  for (struct gw_resource_step step = {0}; next_sent(subscription, &step); at++)
    if (!names_any || is_blamed[at]) set_refused(subscription, step.now, reason, names_any);
  free(reason);
  free(is_blamed);
  free(names);
  return count > 0;
}

const struct gw_refusal *gw_delta_subscription_find_refusal(const struct gw_subscription *subscription,
                                                            const struct gw_resource_set *target) {
  if (subscription->refused == NULL || gw_map_count(subscription->refused) == 0) return NULL;
  const struct gw_resource_list *list = gw_resource_set_list(target);
  for (uint32_t i = 0; i < list->count; i++) {
    const struct gw_refusal *refusal = find_refused(subscription, list->items[i]);
    if (refusal != NULL) return refusal;
  }
  return NULL;
}

/* `only_named`: those refused in a group are not left out. */
static struct gw_resource_set *leave_out(const struct gw_subscription *subscription, struct gw_name_sets *name_sets,
                                         struct gw_resource_set *set, bool only_named, bool *ret_leaves_group) {
  const struct gw_resource_list *wanted = gw_resource_set_list(set);
  const struct gw_resource_list *accepted = subscription->accepted != NULL ? gw_resource_set_list(subscription->accepted) : NULL;
  struct gw_resource_list list = {.items = gw_malloc(((size_t)wanted->count + 1) * sizeof(struct gw_resource *))};
  for (uint32_t i = 0, j = 0; i < wanted->count; i++) {
    struct gw_resource *resource = wanted->items[i];
    const struct gw_refusal *refusal = find_refused(subscription, resource);
    bool is_left_out = refusal != NULL && (refusal->is_named || !only_named);
    if (is_left_out && !refusal->is_named) *ret_leaves_group = true;
    while (accepted != NULL && j < accepted->count && gw_str_compare(accepted->items[j]->name, resource->name) < 0)
      j++;
    bool has_other = accepted != NULL && j < accepted->count && gw_str_equal(accepted->items[j]->name, resource->name);
    if (!is_left_out) list.items[list.count++] = resource;
    if (is_left_out && has_other) list.items[list.count++] = accepted->items[j];
  }
  struct gw_resource_set *rest = gw_name_sets_make(name_sets, subscription->type, &list);
  free(list.items);
  return rest;
}

/* Who refused several together without naming one gets them again with the next different content, as in a state of the world. */
struct gw_resource_set *gw_delta_subscription_without_refused(const struct gw_subscription *subscription, struct gw_resource_set *set) {
  if (subscription->refused == NULL || gw_map_count(subscription->refused) == 0) return gw_resource_set_ref(set);
  struct gw_name_sets *name_sets = gw_name_set_table(subscription->names);
  bool leaves_group = false;
  struct gw_resource_set *rest = leave_out(subscription, name_sets, set, false, &leaves_group);
  bool brings_other = false;
  for (struct gw_resource_step step = {0}; leaves_group && !brings_other && gw_resource_set_next_step(rest, subscription->has, &step);)
    brings_other = step.now != NULL;
  if (!brings_other) return rest;
  gw_resource_set_unref(rest);
  return leave_out(subscription, name_sets, set, true, &leaves_group);
}

/* ---- requests and responses ---- */

static enum gw_request_kind on_answer(struct gw_subscription *subscription, const struct gw_delta_request *request, uint64_t now_ms) {
  subscription->is_pending = false;
  subscription->answered_ms = now_ms;
  bool is_refused = request->has_error && refuse_sent(subscription, request->error_message);
  if (is_refused) {
    gw_subscription_set(&subscription->has, subscription->accepted);
  } else {
    for (struct gw_resource_step step = {0}; subscription->refused != NULL && next_sent(subscription, &step);)
      set_refused(subscription, step.now, NULL, false);
    gw_subscription_set(&subscription->accepted, subscription->has);
  }
  gw_subscription_set(&subscription->sent_from, NULL);
  gw_subscription_set(&subscription->sent_to, NULL);
  return is_refused ? GW_REQUEST_NACK : GW_REQUEST_ACK;
}

enum gw_request_kind gw_delta_subscription_on_request(struct gw_subscription *subscription, struct gw_name_sets *name_sets,
                                                      const struct gw_delta_request *request, uint64_t now_ms) {
  uint64_t nonce = 0;
  bool is_answer = subscription->is_pending && request->response_nonce.len > 0 &&
                   gw_str_parse_u64(request->response_nonce, &nonce) == GW_OK && nonce == subscription->nonce;
  /* The answer first: it is about what was asked for before. */
  enum gw_request_kind kind = is_answer ? on_answer(subscription, request, now_ms) : GW_REQUEST_ASKS;
  bool is_first = !subscription->is_subscribed;
  change_names(subscription, name_sets, request);
  subscription->is_subscribed = true;
  if (is_first) on_first(subscription, name_sets, request);
  return kind;
}

uint32_t gw_delta_subscription_absent(const struct gw_subscription *subscription, const struct gw_resource_set *target,
                                      struct gw_str *ret_names) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < subscription->asked_count; i++) {
    struct gw_str name = subscription->asked[i];
    if (!is_held(target, name) && !is_held(subscription->has, name)) ret_names[count++] = name;
  }
  return count;
}

bool gw_delta_subscription_wants(const struct gw_subscription *subscription, const struct gw_resource_set *target) {
  if (subscription->must_answer) return true;
  struct gw_resource_step step = {0};
  if (gw_resource_set_next_step(target, subscription->has, &step)) return true;
  if (subscription->asked_count == 0) return false;
  struct gw_str *names = gw_malloc(subscription->asked_count * sizeof *names);
  bool has_absent = gw_delta_subscription_absent(subscription, target, names) > 0;
  free(names);
  return has_absent;
}

void gw_delta_subscription_on_sent(struct gw_subscription *subscription, struct gw_resource_set *target) {
  gw_subscription_set(&subscription->sent_from, subscription->has);
  gw_subscription_set(&subscription->sent_to, target);
  gw_delta_subscription_settle(subscription);
}
