/* Why: when an endpoint that fails requests is ejected, for how long, and who stands out by its success rate: Envoy's rules (its
 * architecture overview, "outlier detection"), without I/O or a clock.
 * Life: values. Thread: one at a time. */
#ifndef GW_DATAPLANE_CLUSTER_OUTLIER_H
#define GW_DATAPLANE_CLUSTER_OUTLIER_H

#include "common/base/random.h"
#include "common/model/health.h"
#include "dataplane/cluster/host.h"

/* "consecutive_5xx" … */
const char *gw_outlier_cause_name(enum gw_outlier_cause cause);

struct gw_outlier_state {
  bool is_ejected;
  enum gw_outlier_cause cause; /* of the last ejection */
  uint32_t backoff;            /* the ejection lasts so many base times; sinks by one with each interval that goes well */
  uint64_t until_ms;           /* while it is ejected */
};

enum gw_outlier_verdict {
  GW_OUTLIER_EJECTED,
  GW_OUTLIER_KEPT_BY_CHANCE,  /* the enforcing percentage */
  GW_OUTLIER_KEPT_BY_MAXIMUM, /* too many are ejected already */
};
/* An endpoint stands out. `ejected_count` of `count` endpoints are ejected; it is none of them. */
enum gw_outlier_verdict gw_outlier_eject(const struct gw_outlier_detection *settings, struct gw_outlier_state *state,
                                         enum gw_outlier_cause cause, uint32_t ejected_count, uint32_t count, uint64_t now_ms,
                                         struct gw_random *random);
/* Once an interval. true: its ejection is over. */
bool gw_outlier_on_interval(struct gw_outlier_state *state, uint64_t now_ms);

/* What an endpoint did in an interval. */
struct gw_outlier_sample {
  uint64_t request_count;
  uint64_t success_count;
  bool ret_is_outlier; /* its rate lies too far below the others' */
};
/* Returns the rate, in percent, below which they are outliers; less than 0: too few endpoints had enough requests to say. */
double gw_outlier_compare(const struct gw_outlier_detection *settings, struct gw_outlier_sample *samples, uint32_t count);

#endif
