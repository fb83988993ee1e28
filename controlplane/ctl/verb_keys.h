/* Why: what `keys` is asked for, and how a file of keys to import is read.
 * Life: strings point into argv, or into the arena.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_VERB_KEYS_H
#define GW_CONTROLPLANE_CTL_VERB_KEYS_H

#include <gateway/admin/v1/admin.pb-c.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* "never", a duration from now ("30d" is 720h: hours are the largest unit), or a time: 2027-01-31, 2027-01-31T12:00:00Z. GW_ERR_INVALID. */
enum gw_err gw_ctl_parse_expiry(struct gw_str text, int64_t now_s, int64_t *ret_expires_at_s);
/* For messages: what is allowed. */
#define GW_CTL_EXPIRY_ALLOWED "never, a duration such as 720h, a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z"

/* One key a line: KEY OWNER [name=TEXT] [roles=A,B] [permissions=A,B] [plan=NAME] [expires=WHEN], with white space between; KEY may be
 * hmac:HEX, its hash. Empty lines and those that begin with # count nothing. Mistakes are told by line, without what is in it. */
enum gw_err gw_ctl_read_imports(struct gw_str text, const char *file, int64_t now_s, struct gw_arena *arena, struct gw_errors *errors,
                                Gateway__Admin__V1__ImportedApiKey ***ret_keys, size_t *ret_count);

#endif
