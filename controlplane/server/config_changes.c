/* Changes that the admin API asks for: judged, written, and put in force; and the comparison of two revisions. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/policy/loosening.h"
#include "controlplane/server/config_source_internal.h"

#define TRIES_MAX 5u

struct change {
  struct gw_list node; /* in the queue */
  struct gw_config_source *source;
  struct gw_arena arena; /* what is asked */
  struct gw_admin_change wish;
  struct gw_revision_texts texts; /* that are to be in force; in the arena */
  char hash[GW_REVISION_HASH_SIZE];
  bool is_begun;
  bool is_written; /* the store may have it */
  uint32_t tries;
  struct gw_errors mistakes;
  struct gw_admin_loosening *loosenings; /* in the arena */
  uint32_t loosening_count;
  gw_admin_changed_fn fn;
  void *arg;
};

static void begin_next(struct gw_config_source *source);
static void begin_again(struct change *change);

static void change_free(struct change *change) {
  change->source->queued--;
  gw_errors_done(&change->mistakes);
  gw_arena_done(&change->arena);
  free(change);
}

/* ---- answers ---- */

static void end(struct change *change, struct gw_admin_changed *changed) {
  struct gw_config_source *source = change->source;
  changed->mistakes = &change->mistakes;
  changed->loosenings = change->loosenings;
  changed->loosening_count = change->loosening_count;
  if (changed->err == GW_OK && changed->revision == NULL) changed->revision = gw_revisions_newest(source->revisions);
  change->fn(change->arg, changed);
  gw_list_remove(&change->node);
  change_free(change);
  begin_next(source);
}

static void refuse(struct change *change, enum gw_err err, const char *words) {
  struct gw_admin_changed changed = {.err = err, .words = words};
  end(change, &changed);
}

static void refuse_away(struct change *change, const char *words) {
  if (words == NULL) words = gw_revisions_store_status(change->source->revisions)->words;
  if (words == NULL) words = "it has not answered yet";
  refuse(change, GW_ERR_CLOSED, gw_arena_printf(&change->arena, "the database is away: %s", words));
}

static void succeed(struct change *change, enum gw_admin_outcome outcome) {
  struct gw_admin_changed changed = {.outcome = outcome};
  end(change, &changed);
}

/* ---- writing ---- */

/* Followers were told before, so it is in force; and perhaps another control plane's that came right behind it is the newest by now. */
static void acknowledge(struct change *change) {
  struct gw_revisions *revisions = change->source->revisions;
  const struct gw_admin_change *wish = &change->wish;
  struct gw_admin_changed changed = {.outcome = GW_ADMIN_ACCEPTED, .revision = gw_revisions_find_request(revisions, wish->request_id)};
  if (changed.revision == NULL) changed.revision = gw_revisions_newest(revisions);
  GW_LOG_INFO(change->source->log, "revision %llu is by %.*s%s%.*s", (unsigned long long)changed.revision->number, GW_STR_ARG(wish->author),
              wish->message.len > 0 ? ": " : "", GW_STR_ARG(wish->message));
  end(change, &changed);
}

static void on_added(void *arg, enum gw_err err, const char *words) {
  struct change *change = arg;
  bool is_late = err == GW_ERR_AGAIN && !change->wish.checks_revision && ++change->tries < TRIES_MAX;
  if (err == GW_OK) {
    acknowledge(change);
  } else if (err == GW_ERR_CLOSED) {
    refuse_away(change, words);
  } else if (err == GW_ERR_TIMEOUT) { /* gatewayctl asks again */
    refuse(change, GW_ERR_CLOSED,
           gw_arena_printf(&change->arena, "the database went away before it said that it has the revision: %s", words));
  } else if (is_late) {
    begin_again(change); /* upon what another control plane has written */
  } else {
    refuse(change, err, words);
  }
}

static void write_it(struct change *change) {
  struct gw_config_source *source = change->source;
  change->is_written = true;
  const struct gw_revision wish = {.author = change->wish.author,
                                   .message = change->wish.message,
                                   .request_id = change->wish.request_id,
                                   .of = change->wish.rollback_to};
  gw_revisions_add(source->revisions, &wish, &change->texts, on_added, change);
}

const struct gw_revision_texts *gw_config_changes_find_texts(const struct gw_config_source *source, struct gw_str hash) {
  if (gw_list_is_empty(&source->queue)) return NULL;
  const struct change *first = GW_LIST_ITEM(source->queue.next, struct change, node);
  return first->is_written && gw_str_equal(gw_str_from(first->hash), hash) ? &first->texts : NULL;
}

/* ---- judging ---- */

static const char *place_of(const struct gw_loosening *loosening, const char *file, struct gw_arena *arena) {
  return loosening->line > 0 ? gw_arena_printf(arena, "%s:%u:%u", file, loosening->line, loosening->column) : "";
}

static uint32_t find_loosenings(const struct gw_policy *before, const struct gw_policy *after, struct gw_str file, struct gw_arena *arena,
                                struct gw_admin_loosening **ret_list) {
  const struct gw_loosening *found = NULL;
  uint32_t count = gw_loosening_find(before, after, arena, &found);
  const char *name = gw_arena_printf(arena, "%.*s", GW_STR_ARG(file));
  struct gw_admin_loosening *list = gw_arena_calloc(arena, count, sizeof(*list));
  for (uint32_t i = 0; i < count; i++)
    list[i] = (struct gw_admin_loosening){.kind = gw_loosening_kind_name(found[i].kind),
                                          .route = found[i].route,
                                          .words = found[i].words,
                                          .place = place_of(&found[i], name, arena)};
  *ret_list = list;
  return count;
}

static struct gw_files_texts for_files(const struct gw_revision_texts *texts, struct gw_arena *arena) {
  return (struct gw_files_texts){.routes_name = gw_arena_copy(arena, texts->routes_name).data,
                                 .routes = texts->routes,
                                 .services_name = gw_arena_copy(arena, texts->services_name).data,
                                 .services = texts->services};
}

/* The texts are whole by now. */
static void judge(struct change *change) {
  struct gw_config_source *source = change->source;
  const struct gw_files_texts texts = for_files(&change->texts, &change->arena);
  struct gw_policy *policy = NULL;
  if (gw_files_check(source->files, &texts, &change->mistakes, &policy) != GW_OK) {
    succeed(change, GW_ADMIN_INVALID);
    return;
  }
  const struct gw_policy *before = gw_files_policy(source->files);
  if (before != NULL)
    change->loosening_count = find_loosenings(before, policy, change->texts.routes_name, &change->arena, &change->loosenings);
  gw_policy_free(policy);
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  gw_revisions_hash(&change->texts, change->hash);
  bool is_same = newest != NULL && gw_str_equal(newest->hash, gw_str_from(change->hash));
  if (change->loosening_count > 0 && !change->wish.allows_loosening && !is_same)
    succeed(change, GW_ADMIN_LOOSENS);
  else if (change->wish.is_dry)
    succeed(change, GW_ADMIN_VALID);
  else if (is_same)
    succeed(change, GW_ADMIN_UNCHANGED);
  else
    write_it(change);
}

static void on_old_texts(void *arg, enum gw_err err, const char *words, const struct gw_revision_texts *texts) {
  struct change *change = arg;
  if (err == GW_ERR_CLOSED) {
    refuse_away(change, words);
  } else if (err != GW_OK) {
    refuse(change, err, gw_arena_printf(&change->arena, "revision %llu: %s", (unsigned long long)change->wish.rollback_to, words));
  } else {
    change->texts = (struct gw_revision_texts){.routes_name = gw_arena_copy(&change->arena, texts->routes_name),
                                               .routes = gw_arena_copy(&change->arena, texts->routes),
                                               .services_name = gw_arena_copy(&change->arena, texts->services_name),
                                               .services = gw_arena_copy(&change->arena, texts->services)};
    judge(change);
  }
}

/* What is not given stays as it is in force. */
static void fill_texts(struct change *change) {
  const struct gw_files_texts *now = gw_files_texts(change->source->files);
  change->texts = change->wish.texts;
  if (!change->wish.has_routes) {
    change->texts.routes_name = gw_arena_copy(&change->arena, gw_str_from(now->routes_name));
    change->texts.routes = gw_arena_copy(&change->arena, now->routes);
  }
  if (!change->wish.has_services) {
    change->texts.services_name = gw_arena_copy(&change->arena, gw_str_from(now->services_name));
    change->texts.services = gw_arena_copy(&change->arena, now->services);
  }
}

/* False: it was refused. */
static bool may_begin(struct change *change) {
  struct gw_config_source *source = change->source;
  const struct gw_admin_change *wish = &change->wish;
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  uint64_t number = newest != NULL ? newest->number : 0;
  bool is_known = gw_revisions_are_known(source->revisions);
  if (wish->texts.routes.len + wish->texts.services.len > GW_REVISION_TEXT_MAX) {
    refuse(change, GW_ERR_LIMIT, "the texts are too large: together 16 MiB are allowed");
  } else if (!source->is_api && !wish->is_dry) {
    refuse(change, GW_ERR_DENIED,
           "GATEWAY_CONFIG_SOURCE is files: what counts is the control plane's own files, so change those; or set it to api");
  } else if (!is_known && (!wish->is_dry || wish->checks_revision)) {
    refuse_away(change, NULL);
  } else if (wish->checks_revision && wish->if_revision != number) {
    refuse(change, GW_ERR_AGAIN,
           gw_arena_printf(&change->arena, "the newest revision is %llu, not %llu", (unsigned long long)number,
                           (unsigned long long)wish->if_revision));
  } else if (wish->rollback_to == 0 && (!wish->has_routes || !wish->has_services) && gw_files_texts(source->files) == NULL) {
    refuse(change, GW_ERR_INVALID, "nothing is in force yet: the first revision needs routes and services");
  } else {
    return true;
  }
  return false;
}

/* Whether it builds on what is in force here: another control plane may have written a newer revision, which is on its way. */
static bool must_wait(const struct gw_config_source *source) {
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  return source->is_api && newest != NULL && newest->number > source->newest_tried;
}

static void begin(struct change *change) {
  struct gw_config_source *source = change->source;
  const struct gw_revision *done = gw_revisions_find_request(source->revisions, change->wish.request_id);
  if (must_wait(source)) return; /* gw_config_changes_go_on comes */
  change->is_begun = true;
  if (done != NULL) { /* it was asked before, and the answer was lost */
    struct gw_admin_changed changed = {.outcome = GW_ADMIN_ACCEPTED, .revision = done};
    end(change, &changed);
    return;
  }
  if (!may_begin(change)) return;
  if (change->wish.rollback_to > 0) {
    gw_revisions_read(source->revisions, change->wish.rollback_to, on_old_texts, change);
  } else {
    fill_texts(change);
    judge(change);
  }
}

static void begin_next(struct gw_config_source *source) {
  if (!gw_list_is_empty(&source->queue)) begin(GW_LIST_ITEM(source->queue.next, struct change, node));
}

static void begin_again(struct change *change) {
  change->is_begun = change->is_written = false;
  change->loosening_count = 0;
  gw_errors_done(&change->mistakes);
  gw_errors_init(&change->mistakes);
  begin(change);
}

void gw_config_changes_go_on(struct gw_config_source *source) {
  if (gw_list_is_empty(&source->queue)) return;
  struct change *first = GW_LIST_ITEM(source->queue.next, struct change, node);
  if (!first->is_begun) begin(first);
}

void gw_config_changes_end(struct gw_config_source *source) {
  GW_LIST_FOR_EACH(node, &source->queue) {
    struct change *change = GW_LIST_ITEM(node, struct change, node);
    GW_ASSERT(!change->is_begun); /* the store has answered it */
    struct gw_admin_changed changed = {.err = GW_ERR_CLOSED, .words = "the control plane is ending"};
    change->fn(change->arg, &changed);
    gw_list_remove(&change->node);
    change_free(change);
  }
}

static struct gw_admin_change copy_wish(const struct gw_admin_change *wish, struct gw_arena *arena) {
  struct gw_admin_change copy = *wish;
  struct gw_str *const words[] = {&copy.texts.routes_name, &copy.texts.routes, &copy.texts.services_name,
                                  &copy.texts.services,    &copy.author,       &copy.message,
                                  &copy.request_id};
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++)
    *words[i] = gw_arena_copy(arena, *words[i]);
  return copy;
}

void gw_config_changes_change(void *arg, const struct gw_admin_change *wish, gw_admin_changed_fn fn, void *fn_arg) {
  struct gw_config_source *source = arg;
  if (source->queued >= GW_CONFIG_CHANGES_MAX) {
    const struct gw_admin_changed changed = {.err = GW_ERR_LIMIT, .words = "too many changes wait for each other; try again in a moment"};
    fn(fn_arg, &changed);
    return;
  }
  struct change *change = gw_calloc(1, sizeof(*change));
  change->source = source;
  gw_arena_init(&change->arena, 4096);
  change->wish = copy_wish(wish, &change->arena);
  gw_errors_init(&change->mistakes);
  change->fn = fn;
  change->arg = fn_arg;
  bool is_first = gw_list_is_empty(&source->queue);
  gw_list_add_last(&source->queue, &change->node);
  source->queued++;
  if (is_first) begin(change);
}

/* ---- comparing ---- */

struct comparison {
  struct gw_config_source *source;
  uint64_t numbers[2]; /* from, to */
  struct gw_arena arena;
  struct gw_revision_texts texts[2]; /* in the arena */
  gw_admin_compared_fn fn;
  void *arg;
};

static void end_comparison(struct comparison *comparison, const struct gw_admin_comparison *found) {
  comparison->fn(comparison->arg, found);
  gw_arena_done(&comparison->arena);
  free(comparison);
}

/* By what settings say today, as a rollback would be judged. */
static void find_what_was_loosened(struct comparison *comparison, struct gw_admin_comparison *found) {
  struct gw_policy *policies[2] = {NULL, NULL};
  struct gw_errors errors;
  gw_errors_init(&errors);
  for (int i = 0; i < 2 && found->problem == NULL; i++) {
    const struct gw_files_texts texts = for_files(&comparison->texts[i], &comparison->arena);
    if (gw_files_check(comparison->source->files, &texts, &errors, &policies[i]) != GW_OK)
      found->problem = gw_arena_printf(&comparison->arena, "revision %llu is not valid any more: %s: %s",
                                       (unsigned long long)comparison->numbers[i], errors.items[0].place, errors.items[0].sentence);
  }
  struct gw_admin_loosening *list = NULL;
  if (found->problem == NULL)
    found->loosening_count = find_loosenings(policies[0], policies[1], comparison->texts[1].routes_name, &comparison->arena, &list);
  found->loosenings = list;
  gw_policy_free(policies[0]);
  gw_policy_free(policies[1]);
  gw_errors_done(&errors);
}

static void on_compared_texts(void *arg, enum gw_err err, const char *words, const struct gw_revision_texts *texts) {
  struct comparison *comparison = arg;
  struct gw_revisions *revisions = comparison->source->revisions;
  int at = comparison->texts[0].routes_name.data == NULL ? 0 : 1;
  if (err != GW_OK) {
    struct gw_admin_comparison failed = {.err = err};
    failed.words = err == GW_ERR_CLOSED
                       ? gw_arena_printf(&comparison->arena, "the database is away: %s", words)
                       : gw_arena_printf(&comparison->arena, "revision %llu: %s", (unsigned long long)comparison->numbers[at], words);
    end_comparison(comparison, &failed);
    return;
  }
  comparison->texts[at] = (struct gw_revision_texts){.routes_name = gw_arena_copy(&comparison->arena, texts->routes_name),
                                                     .routes = gw_arena_copy(&comparison->arena, texts->routes),
                                                     .services_name = gw_arena_copy(&comparison->arena, texts->services_name),
                                                     .services = gw_arena_copy(&comparison->arena, texts->services)};
  if (at == 0) {
    gw_revisions_read(revisions, comparison->numbers[1], on_compared_texts, comparison);
    return;
  }
  struct gw_admin_comparison found = {.from = gw_revisions_find(revisions, comparison->numbers[0]),
                                      .to = gw_revisions_find(revisions, comparison->numbers[1]),
                                      .from_texts = &comparison->texts[0],
                                      .to_texts = &comparison->texts[1]};
  find_what_was_loosened(comparison, &found);
  end_comparison(comparison, &found);
}

void gw_config_changes_compare(void *arg, uint64_t from, uint64_t to, gw_admin_compared_fn fn, void *fn_arg) {
  struct gw_config_source *source = arg;
  const struct gw_revision *newest = gw_revisions_newest(source->revisions);
  struct comparison *comparison = gw_calloc(1, sizeof(*comparison));
  *comparison = (struct comparison){.source = source, .numbers = {from, to}, .fn = fn, .arg = fn_arg};
  if (to == 0 && newest != NULL) comparison->numbers[1] = newest->number;
  gw_arena_init(&comparison->arena, 4096);
  gw_revisions_read(source->revisions, from, on_compared_texts, comparison);
}
