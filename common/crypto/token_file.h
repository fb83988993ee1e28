/* Why: the admin token lies in a file that only its owner may read: where it is by default, how it is made and read.
 * Life: paths, tokens and reasons are freed by the caller with free().
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_TOKEN_FILE_H
#define GW_COMMON_CRYPTO_TOKEN_FILE_H

#include "common/base/err.h"

#define GW_TOKEN_LEN_MAX 4096

/* "admin.token" in the folder for state: $XDG_STATE_HOME/gateway, else ~/.local/state/gateway, else the working directory. */
char *gw_token_file_default_path(void);
/* Reads the token, one line, of printable characters. GW_ERR_NOT_FOUND: no such file; GW_ERR_DENIED: somebody beside owner and group may
 * read it, or we may not; GW_ERR_INVALID: it holds no token; GW_ERR_IO. *ret_reason is a sentence then. */
enum gw_err gw_token_file_read(const char *path, char **ret_token, char **ret_reason);
/* The same, but makes the file (mode 0600, its folder 0700) with a new token when it is absent. Of several that start at once, one makes
 * it. */
enum gw_err gw_token_file_read_or_make(const char *path, char **ret_token, char **ret_reason);

#endif
