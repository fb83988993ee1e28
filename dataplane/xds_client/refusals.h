/* Why: what is refused of the newest responses, resource by resource: for the NACK's text, the agent's report and the status pages.
 * Life: embedded (init/done); texts are copies.
 * Thread: one at a time. */
#ifndef GW_DATAPLANE_XDS_CLIENT_REFUSALS_H
#define GW_DATAPLANE_XDS_CLIENT_REFUSALS_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/resource.h"

/* Bounds of what is kept and sent; what is beyond is counted in words. */
#define GW_REFUSALS_MAX 100
#define GW_REFUSALS_REASON_MAX 1024u
#define GW_REFUSALS_TEXT_MAX ((size_t)8 * 1024)

struct gw_refusal {
  enum gw_resource_type type;
  char *resource; /* "" when its name could not be read */
  char *reason;
};

struct gw_refusals {
  struct gw_refusal items[GW_REFUSALS_MAX];
  uint32_t count;
};

void gw_refusals_init(struct gw_refusals *refusals);
void gw_refusals_done(struct gw_refusals *refusals);
void gw_refusals_clear(struct gw_refusals *refusals, enum gw_resource_type type);
/* Those of one resource. */
void gw_refusals_remove(struct gw_refusals *refusals, enum gw_resource_type type, struct gw_str resource);
void gw_refusals_clear_all(struct gw_refusals *refusals);
/* Keeps the mistakes of one resource; the rest is dropped once GW_REFUSALS_MAX are kept. */
void gw_refusals_add(struct gw_refusals *refusals, enum gw_resource_type type, struct gw_str resource, const struct gw_errors *errors);

/* Appends "NAME: PLACE: SENTENCE" lines of the errors to a text of at most GW_REFUSALS_TEXT_MAX bytes; what does not fit is left out
 * and counted in *left_out. */
void gw_refusals_append_text(struct gw_strbuf *text, struct gw_str resource, const struct gw_errors *errors, uint64_t *left_out);

#endif
