/* Why: reads the files of a secret, and says why they can't be one.
 * Life: the secret lives in the arena given, which its owner wipes.
 * Thread: any; blocks on the disk. */
#ifndef GW_CONTROLPLANE_POLICY_SECRET_FILE_H
#define GW_CONTROLPLANE_POLICY_SECRET_FILE_H

#include "controlplane/policy/policy.h"

#define GW_SECRET_FILE_MAX ((size_t)4 << 20)

/* GW_OK: *ret_secret; *ret_words (freed with free()) is NULL, or what is odd about it: it has expired. Else *ret_words says what is wrong:
 * GW_ERR_IO: a file can't be read; GW_ERR_INVALID: it is not what it should be; GW_ERR_AGAIN: certificate and key don't belong together,
 * as in the midst of a rotation. Words never tell what is in a key. `wall_s`: Unix time. */
enum gw_err gw_secret_file_read(const struct gw_policy_secret *source, int64_t wall_s, struct gw_arena *arena, struct gw_secret *ret_secret,
                                char **ret_words);

#endif
