/* Why: what a discovery source is: where instances of services come from (and texts, such as routes.yaml). One constant table a source, one
 * file each, one line in sources.c to register; what may be written about it in services.yaml is its row in
 * controlplane/policy/source_yaml.c. Life: a source from new to free; a watch of it from watch to unwatch, before the source. Thread: the
 * control plane's loop. Nothing here blocks; names are looked up and files of TLS read by others. */
#ifndef GW_CONTROLPLANE_DISCOVERY_SOURCE_H
#define GW_CONTROLPLANE_DISCOVERY_SOURCE_H

#include "common/event/loop.h"
#include "common/observe/log.h"
#include "controlplane/cloud/huawei_clients.h"
#include "controlplane/fetch/fetch.h"
#include "controlplane/policy/source_yaml.h"

/* ---- what a source says: to the one who asked ---- */

/* The receiver of one watch; valid until unwatch. */
struct gw_report;

/* An instance as a registry has it: whatever that is. Bad ones are left out and told, and harm nobody else: host names, port 0, weights
 * that are no numbers. */
struct gw_found_instance {
  struct gw_str address; /* numeric, v4 or v6 */
  uint64_t port;
  double weight;     /* 1 is usual; 0: it is not sent traffic. Fractions keep their proportions */
  uint32_t priority; /* 0 first */
  bool is_off;       /* known, but not to be sent traffic: not healthy, disabled */
};

/* The service has these instances now (borrowed until this returns), in any order. Saying it again costs little. */
void gw_report_instances(struct gw_report *report, const struct gw_found_instance *instances, uint32_t count);
/* What an operator wrote: served without a question. */
void gw_report_written(struct gw_report *report, const struct gw_endpoints *endpoints);
/* The text is this now. */
void gw_report_text(struct gw_report *report, struct gw_str text);
/* It can't be asked, or can't be understood: a sentence without secrets. What was said before holds on. */
void gw_report_failure(struct gw_report *report, const char *words);

/* ---- what a source is ---- */

struct gw_source_options {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_fetcher *fetcher;         /* shared by all sources */
  struct gw_huawei_clients *huawei;   /* shared with the admin API */
  const struct gw_settings *settings; /* valid during `new` only: copy what is needed, and wipe copied secrets in `free` */
};

struct gw_source_kind {
  const char *name; /* as SERVICE_DISCOVERY_TYPE and `source` have it */
  /* Names of the settings that it depends on, NULL-terminated: when one of them changes, the source is made anew, and so are all its
   * watches, while what was found stays. */
  const char *const *settings;
  void *(*new)(const struct gw_source_options *options);
  void (*free)(void *source);
  /* Asks from now on, and keeps asking. `spec` is valid until unwatch. The first report may come at once. */
  void *(*watch)(void *source, const struct gw_source_spec *spec, struct gw_report *report);
  void (*unwatch)(void *watch);
  /* The same for a text: the key, or the data id (`name` is valid until unwatch). NULL: it has no texts. */
  void *(*watch_text)(void *source, struct gw_str name, struct gw_report *report);
  void (*unwatch_text)(void *watch);
  /* Where it is asked, for people: "http://127.0.0.1:8500". NULL: nowhere. */
  const char *(*describe)(const void *source);
};

extern const struct gw_source_kind gw_source_static;
extern const struct gw_source_kind gw_source_consul;
extern const struct gw_source_kind gw_source_nacos;
extern const struct gw_source_kind gw_source_dns;
extern const struct gw_source_kind gw_source_huawei;

#endif
