/* Why: all discovery sources together: each service of the policy in force is watched at the source that it names, and what that says goes
 * through the guard to the catalog. Life: gw_sources_new … gw_sources_free, before the guard. Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_DISCOVERY_SOURCES_H
#define GW_CONTROLPLANE_DISCOVERY_SOURCES_H

#include "controlplane/catalog/guard.h"
#include "controlplane/discovery/source.h"

struct gw_sources;

/* `huawei` is only for sources that ask that cloud; it outlives them. */
struct gw_sources *gw_sources_new(struct gw_loop *loop, struct gw_log *log, struct gw_guard *guard, struct gw_huawei_clients *huawei);
void gw_sources_free(struct gw_sources *sources);

/* Watches these and no others (copied). What is watched already, in the same words, goes on undisturbed. Instances of static services are
 * in the catalog when this returns. */
void gw_sources_follow(struct gw_sources *sources, const struct gw_source_spec *specs, uint32_t count, const struct gw_settings *settings);
/* Static services are followed from the start; registries are asked from here on: when what was known before a restart is back. */
void gw_sources_start(struct gw_sources *sources);

/* A text that a source holds; `where` is "KIND:NAME", such as "consul:gateway/routes.yaml". */
struct gw_text_state {
  bool is_there;      /* it was had, since the control plane was started */
  struct gw_str text; /* the newest */
  const char *words;  /* why it can't be had now; NULL: it can */
};
/* Told when something of it is another. */
typedef void (*gw_text_fn)(void *arg);
/* Whether `where` is a source's and no file's. */
bool gw_sources_has_text(const char *where);
/* One text: from now on it is watched with these settings; a second call changes settings only. */
void gw_sources_watch_text(struct gw_sources *sources, const char *where, const struct gw_settings *settings, gw_text_fn fn, void *arg);
const struct gw_text_state *gw_sources_text(const struct gw_sources *sources);

/* A row a source that something is asked of. */
struct gw_source_status {
  const char *kind;
  const char *where;      /* "http://127.0.0.1:8500"; "": nowhere; borrowed until the loop's callback ends */
  uint32_t watch_count;   /* services and texts that it is asked for */
  uint32_t failing_count; /* of them those that it can't be asked for now */
  uint64_t answers_total; /* good ones */
  uint64_t failures_total;
  uint64_t answered_us; /* monotonic, when it gave the last good one; 0: it has given none */
};
uint32_t gw_sources_list(const struct gw_sources *sources, struct gw_arena *arena, const struct gw_source_status **ret_statuses);

#endif
