/* Why: what has changed from one text to another, as a unified diff (as `diff -u` writes it).
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_CTL_TEXT_DIFF_H
#define GW_CONTROLPLANE_CTL_TEXT_DIFF_H

#include "common/base/str.h"

/* Appends nothing when they are equal. Texts that differ in more than some thousand lines are written as one replacement of all that lies
 * between their common beginning and end: right, if not the shortest. */
void gw_text_diff(struct gw_str before, struct gw_str after, const char *before_name, const char *after_name, struct gw_strbuf *out);

#endif
