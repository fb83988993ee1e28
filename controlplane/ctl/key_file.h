/* Why: files that verbs make and read on this machine: keys, certificates, secrets. Half of one is never seen, and none is replaced
 * unasked. Life: texts are freed by the caller with gw_keys_free_secret. Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_KEY_FILE_H
#define GW_CONTROLPLANE_CTL_KEY_FILE_H

#include <stdbool.h>
#include <sys/types.h>

/* Says "gatewayctl: …" on standard error and returns `exit_code`. */
int gw_ctl_fail(int exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool gw_ctl_file_exists(const char *path);
/* Written beside it and put into place whole: who watches the file never sees half of it. Returns an exit code, and has said why. */
int gw_ctl_put_file(const char *path, const char *text, mode_t mode, bool may_replace);
/* A file of at most 64 KiB, without NUL. Returns an exit code, and has said why. */
int gw_ctl_read_file(const char *path, char **ret_text);

#endif
