#include "controlplane/discovery/sources.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/content_hash.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "controlplane/discovery/found.h"

/* Every source there is: one line each. */
static const struct gw_source_kind *const kinds[] = {
    &gw_source_static, &gw_source_consul, &gw_source_nacos, &gw_source_dns, &gw_source_huawei,
};
#define KIND_COUNT GW_ARRAY_LEN(kinds)

/* A kind that something is asked of. */
struct running {
  const struct gw_source_kind *kind;
  void *source;           /* NULL: nobody asks */
  uint64_t settings_hash; /* of those that it was made with */
  uint32_t failing_count;
  uint64_t answers_total;
  uint64_t failures_total;
  uint64_t answered_us;
};

struct gw_report {
  struct gw_sources *sources;
  struct running *running;
  struct gw_str service; /* empty: it is the text's */
  char *words;           /* of the last failure; NULL: there was none since */
};

struct watched {
  struct gw_arena arena;
  struct gw_source_spec spec; /* a copy */
  uint64_t spec_hash;
  struct gw_report report;
  void *watch; /* NULL: it waits for the start */
  bool is_wanted;
};

struct text {
  struct gw_report report;
  char *name; /* NULL: no text is watched */
  struct gw_strbuf bytes;
  struct gw_text_state state;
  void *watch;
  gw_text_fn fn;
  void *arg;
};

struct gw_sources {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_guard *guard;
  struct gw_fetcher *fetcher;
  struct gw_huawei_clients *huawei;
  struct running running[KIND_COUNT];
  struct gw_map *services; /* name → struct watched */
  struct text text;
  bool is_started;
};

/* ---- what sources say ---- */

/* A registry that goes away is told of once, however many services are asked of it. */
static void note_failure(struct gw_report *report, const char *words) {
  bool is_first = report->words == NULL;
  report->running->failures_total++;
  char *copy = gw_strdup(words);
  free(report->words);
  report->words = copy;
  if (!is_first || report->running->failing_count++ > 0) return;
  const struct running *running = report->running;
  const char *where = running->kind->describe != NULL && running->source != NULL ? running->kind->describe(running->source) : "";
  GW_LOG_WARNING(report->sources->log, "%s %s can't be asked: %s; what was known is held", running->kind->name, where, words);
}

static void note_success(struct gw_report *report) {
  report->running->answers_total++;
  report->running->answered_us = gw_loop_now_us(report->sources->loop);
  if (report->words == NULL) return;
  free(report->words);
  report->words = NULL;
  if (--report->running->failing_count == 0) GW_LOG_INFO(report->sources->log, "%s answers again", report->running->kind->name);
}

void gw_report_instances(struct gw_report *report, const struct gw_found_instance *instances, uint32_t count) {
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const char *words;
  struct gw_endpoints endpoints = gw_found_clean(report->service, instances, count, &arena, &words);
  note_success(report);
  gw_guard_offer(report->sources->guard, &endpoints, words);
  gw_arena_done(&arena);
}

void gw_report_written(struct gw_report *report, const struct gw_endpoints *endpoints) {
  gw_guard_set(report->sources->guard, endpoints, report->running->kind->name);
}

void gw_report_text(struct gw_report *report, struct gw_str text) {
  struct text *mine = &report->sources->text;
  bool is_news = !mine->state.is_there || mine->state.words != NULL || !gw_str_equal(mine->state.text, text);
  note_success(report);
  if (!is_news) return;
  gw_strbuf_clear(&mine->bytes);
  gw_strbuf_append_str(&mine->bytes, text);
  mine->state = (struct gw_text_state){.is_there = true, .text = gw_strbuf_str(&mine->bytes)};
  mine->fn(mine->arg);
}

void gw_report_failure(struct gw_report *report, const char *words) {
  note_failure(report, words);
  if (report->service.len > 0) {
    gw_guard_fail(report->sources->guard, report->service, words);
    return;
  }
  struct text *mine = &report->sources->text;
  mine->state.words = report->words;
  mine->fn(mine->arg);
}

/* ---- running ---- */

static struct running *find_running(struct gw_sources *sources, struct gw_str kind) {
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (gw_str_equal(kind, gw_str_from(kinds[i]->name))) return &sources->running[i];
  return NULL;
}

static void stop_watch(struct gw_report *report, void **watch, void (*unwatch)(void *watch)) {
  if (*watch != NULL) unwatch(*watch);
  *watch = NULL;
  if (report->words != NULL) report->running->failing_count--;
  free(report->words);
  report->words = NULL;
}

static void stop_service(struct watched *watched) {
  if (watched->report.running->source != NULL) stop_watch(&watched->report, &watched->watch, watched->report.running->kind->unwatch);
}

static void stop_text(struct text *text) {
  text->state.words = NULL; /* it points to the report's */
  if (text->watch != NULL) stop_watch(&text->report, &text->watch, text->report.running->kind->unwatch_text);
}

/* Static services wait for nobody. */
static void start_service(struct gw_sources *sources, struct watched *watched) {
  struct running *running = watched->report.running;
  if (watched->watch != NULL || (!sources->is_started && running->kind != &gw_source_static)) return;
  watched->watch = running->kind->watch(running->source, &watched->spec, &watched->report);
}

static void start_text(struct text *text) {
  struct running *running = text->report.running;
  const char *colon = strchr(text->name, ':');
  if (text->watch == NULL) text->watch = running->kind->watch_text(running->source, gw_str_from(colon + 1), &text->report);
}

static void stop_running(struct gw_sources *sources, struct running *running) {
  struct gw_str key;
  void *watched;
  if (running->source == NULL) return;
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &watched);)
    if (((struct watched *)watched)->report.running == running) stop_service(watched);
  if (sources->text.report.running == running) stop_text(&sources->text);
  running->kind->free(running->source);
  running->source = NULL;
}

/* Made, and made anew with other settings; what was watched is watched again by who called. */
static void prepare(struct gw_sources *sources, struct running *running, const struct gw_settings *settings) {
  uint64_t hash = gw_settings_hash(settings, running->kind->settings);
  if (running->source != NULL && running->settings_hash == hash) return;
  stop_running(sources, running);
  running->settings_hash = hash;
  const struct gw_source_options options = {.loop = sources->loop,
                                            .log = sources->log,
                                            .fetcher = sources->fetcher,
                                            .huawei = sources->huawei,
                                            .settings = settings};
  running->source = running->kind->new (&options);
}

/* ---- following ---- */

static uint64_t hash_spec(const struct gw_source_spec *spec) {
  struct gw_strbuf all;
  gw_strbuf_init(&all);
  gw_strbuf_printf(&all, "%s", spec->kind);
  for (uint32_t i = 0; i < spec->value_count; i++) {
    gw_strbuf_printf(&all, " %s %u", spec->values[i].key, spec->values[i].count);
    for (uint32_t k = 0; k < spec->values[i].count; k++)
      gw_strbuf_printf(&all, " %zu %.*s", spec->values[i].texts[k].len, GW_STR_ARG(spec->values[i].texts[k]));
  }
  uint64_t hash = gw_content_hash(gw_strbuf_str(&all));
  gw_strbuf_done(&all);
  return hash;
}

static const struct gw_source_value *copy_values(const struct gw_source_spec *spec, struct gw_arena *arena) {
  struct gw_source_value *values = gw_arena_calloc(arena, spec->value_count, sizeof(*values));
  for (uint32_t i = 0; i < spec->value_count; i++) {
    struct gw_str *texts = gw_arena_calloc(arena, spec->values[i].count, sizeof(*texts));
    for (uint32_t k = 0; k < spec->values[i].count; k++)
      texts[k] = gw_arena_copy(arena, spec->values[i].texts[k]);
    values[i] =
        (struct gw_source_value){.key = gw_arena_strdup(arena, spec->values[i].key), .texts = texts, .count = spec->values[i].count};
  }
  return values;
}

static void watched_free(struct watched *watched) {
  stop_service(watched);
  gw_arena_done(&watched->arena);
  free(watched);
}

static struct watched *watched_new(struct gw_sources *sources, struct running *running, const struct gw_source_spec *spec) {
  struct watched *watched = gw_calloc(1, sizeof(*watched));
  gw_arena_init(&watched->arena, 256);
  watched->spec = (struct gw_source_spec){.service = gw_arena_copy(&watched->arena, spec->service),
                                          .kind = running->kind->name,
                                          .place = gw_arena_strdup(&watched->arena, spec->place),
                                          .values = copy_values(spec, &watched->arena),
                                          .value_count = spec->value_count};
  watched->spec_hash = hash_spec(spec);
  watched->report = (struct gw_report){.sources = sources, .running = running, .service = watched->spec.service};
  return watched;
}

/* Instances that stand in the file are borrowed for the moment in which they are read. */
static void follow_static(struct watched *watched, const struct gw_source_spec *spec) {
  stop_service(watched);
  watched->spec.endpoints = spec->endpoints;
  start_service(watched->report.sources, watched);
  watched->spec.endpoints = NULL;
}

static void follow_one(struct gw_sources *sources, const struct gw_source_spec *spec) {
  struct running *running = find_running(sources, gw_str_from(spec->kind));
  struct watched *watched = gw_map_find(sources->services, spec->service);
  bool is_same = watched != NULL && watched->report.running == running && watched->spec_hash == hash_spec(spec);
  if (!is_same) {
    if (watched != NULL) watched_free(watched);
    watched = watched_new(sources, running, spec);
    gw_map_put(sources->services, watched->spec.service, watched);
    if (running->kind != &gw_source_static) gw_guard_expect(sources->guard, watched->spec.service, running->kind->name);
  }
  watched->is_wanted = true;
  if (running->kind == &gw_source_static)
    follow_static(watched, spec);
  else
    start_service(sources, watched);
}

static void drop_unwanted(struct gw_sources *sources) {
  struct gw_str key;
  void *value;
  struct gw_map *kept = gw_map_new();
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &value);) {
    struct watched *watched = value;
    if (watched->is_wanted) {
      gw_map_put(kept, key, watched);
      continue;
    }
    gw_guard_forget(sources->guard, key);
    watched_free(watched);
  }
  gw_map_free(sources->services);
  sources->services = kept;
}

void gw_sources_follow(struct gw_sources *sources, const struct gw_source_spec *specs, uint32_t count, const struct gw_settings *settings) {
  struct gw_str key;
  void *watched;
  bool is_used[KIND_COUNT] = {false};
  gw_guard_set_max_drop(sources->guard, settings->registry_max_drop_percent, GW_GUARD_WINDOW_MS);
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &watched);)
    ((struct watched *)watched)->is_wanted = false;
  for (uint32_t i = 0; i < count; i++)
    is_used[find_running(sources, gw_str_from(specs[i].kind)) - sources->running] = true;
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (is_used[i]) prepare(sources, &sources->running[i], settings);
  for (uint32_t i = 0; i < count; i++)
    follow_one(sources, &specs[i]);
  drop_unwanted(sources);
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (!is_used[i] && sources->text.report.running != &sources->running[i]) stop_running(sources, &sources->running[i]);
  if (sources->text.name != NULL) start_text(&sources->text);
}

void gw_sources_start(struct gw_sources *sources) {
  struct gw_str key;
  void *watched;
  sources->is_started = true;
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &watched);)
    start_service(sources, watched);
}

/* ---- a text ---- */

bool gw_sources_has_text(const char *where) {
  for (size_t i = 0; i < KIND_COUNT; i++) {
    size_t len = strlen(kinds[i]->name);
    if (kinds[i]->watch_text != NULL && strncmp(where, kinds[i]->name, len) == 0 && where[len] == ':' && where[len + 1] != '\0')
      return true;
  }
  return false;
}

void gw_sources_watch_text(struct gw_sources *sources, const char *where, const struct gw_settings *settings, gw_text_fn fn, void *arg) {
  struct text *text = &sources->text;
  if (text->name == NULL) {
    const char *colon = strchr(where, ':');
    text->name = gw_strdup(where);
    text->fn = fn;
    text->arg = arg;
    text->report.sources = sources;
    text->report.running = find_running(sources, (struct gw_str){where, (size_t)(colon - where)});
  }
  struct gw_str key;
  void *watched;
  prepare(sources, text->report.running, settings);
  start_text(text);
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &watched);)
    if (((struct watched *)watched)->report.running == text->report.running) start_service(sources, watched);
}

const struct gw_text_state *gw_sources_text(const struct gw_sources *sources) {
  return &sources->text.state;
}

/* ---- status and life ---- */

static uint32_t count_watches(const struct gw_sources *sources, const struct running *running) {
  uint32_t count = sources->text.watch != NULL && sources->text.report.running == running;
  struct gw_str key;
  void *watched;
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &watched);)
    count += ((const struct watched *)watched)->report.running == running;
  return count;
}

uint32_t gw_sources_list(const struct gw_sources *sources, struct gw_arena *arena, const struct gw_source_status **ret_statuses) {
  struct gw_source_status *statuses = gw_arena_calloc(arena, KIND_COUNT, sizeof(*statuses));
  uint32_t count = 0;
  for (size_t i = 0; i < KIND_COUNT; i++) {
    const struct running *running = &sources->running[i];
    if (running->source == NULL) continue;
    statuses[count++] = (struct gw_source_status){.kind = running->kind->name,
                                                  .where = running->kind->describe != NULL ? running->kind->describe(running->source) : "",
                                                  .watch_count = count_watches(sources, running),
                                                  .failing_count = running->failing_count,
                                                  .answers_total = running->answers_total,
                                                  .failures_total = running->failures_total,
                                                  .answered_us = running->answered_us};
  }
  *ret_statuses = statuses;
  return count;
}

struct gw_sources *gw_sources_new(struct gw_loop *loop, struct gw_log *log, struct gw_guard *guard, struct gw_huawei_clients *huawei) {
  struct gw_sources *sources = gw_calloc(1, sizeof(*sources));
  sources->loop = loop;
  sources->log = log;
  sources->guard = guard;
  sources->fetcher = gw_fetcher_new(loop);
  sources->huawei = huawei;
  sources->services = gw_map_new();
  for (size_t i = 0; i < KIND_COUNT; i++)
    sources->running[i].kind = kinds[i];
  gw_strbuf_init(&sources->text.bytes);
  return sources;
}

void gw_sources_free(struct gw_sources *sources) {
  if (sources == NULL) return;
  struct gw_str key;
  void *watched;
  for (size_t cursor = 0; gw_map_next(sources->services, &cursor, &key, &watched);)
    watched_free(watched);
  stop_text(&sources->text);
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (sources->running[i].source != NULL) kinds[i]->free(sources->running[i].source);
  gw_map_free(sources->services);
  gw_fetcher_free(sources->fetcher);
  gw_strbuf_done(&sources->text.bytes);
  free(sources->text.name);
  free(sources);
}
