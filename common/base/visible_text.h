/* Why: text of strangers as a line of a log may hold it: nothing in it ends the line, steers a terminal or closes a quotation.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_BASE_VISIBLE_TEXT_H
#define GW_COMMON_BASE_VISIBLE_TEXT_H

#include <stdbool.h>

#include "common/base/str.h"

/* Control characters (also the C1 ones that terminals obey) and bytes that are no UTF-8 as \n and \xHH; with `is_quoted`, '"' and '\' with
 * a
 * '\' before them. */
void gw_visible_text_append(struct gw_strbuf *buf, struct gw_str s, bool is_quoted);

#endif
