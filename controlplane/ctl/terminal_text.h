/* Why: what comes from nodes, files and command lines, shown to a person: it must not move a cursor, colour a line or turn its order
 * around. Life: no objects. Thread: any. */
#ifndef GW_CONTROLPLANE_CTL_TERMINAL_TEXT_H
#define GW_CONTROLPLANE_CTL_TERMINAL_TEXT_H

#include "common/base/str.h"

/* Appends the text on one line: a line end within it is shown as "; ", and control characters (C0, DEL, C1), Unicode's line separators and
 * marks of direction, and bytes that are not UTF-8 as "?". */
void gw_terminal_text_append(struct gw_strbuf *out, struct gw_str text);

#endif
