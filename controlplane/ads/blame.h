/* Why: which resources a refusal's text names; incremental xDS has no other way to say it.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_ADS_BLAME_H
#define GW_CONTROLPLANE_ADS_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define GW_BLAME_TEXT_MAX 16384u /* of a text is read; our data planes write 8 KiB at most */

/* Sets is_blamed[i] of each of the names (sorted, none twice) that stands in the text by itself, as in "NAME: …", "… cluster(s) NAME: …",
 * "… 'NAME' …". Returns how many do. Time grows with the text and the logarithm of the names, since strangers write the text. */
uint32_t gw_blame_find(struct gw_str text, const struct gw_str *names, uint32_t count, bool *is_blamed);

#endif
