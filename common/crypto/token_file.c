#include "common/crypto/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/folder.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/crypto/secret.h"

char *gw_token_file_default_path(void) {
  const char *state = getenv("XDG_STATE_HOME");
  if (state != NULL && state[0] == '/') return gw_asprintf("%s/gateway/admin.token", state);
  const char *home = getenv("HOME");
  if (home != NULL && home[0] == '/') return gw_asprintf("%s/.local/state/gateway/admin.token", home);
  return gw_strdup("admin.token");
}

static enum gw_err fail(enum gw_err err, char *reason, char **ret_reason) {
  *ret_reason = reason;
  return err;
}

static enum gw_err fail_errno(const char *path, const char *what, int error, char **ret_reason) {
  enum gw_err err = error == ENOENT ? GW_ERR_NOT_FOUND : error == EACCES || error == EPERM ? GW_ERR_DENIED : GW_ERR_IO;
  return fail(err, gw_asprintf("the token file %s cannot be %s: %s", path, what, strerror(error)), ret_reason);
}

static bool is_token(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] <= ' ' || text.data[i] > '~') return false;
  }
  return text.len > 0;
}

static enum gw_err read_open_file(int fd, const char *path, char **ret_token, char **ret_reason) {
  struct stat status;
  if (fstat(fd, &status) != 0) return fail_errno(path, "read", errno, ret_reason);
  if (!S_ISREG(status.st_mode)) return fail(GW_ERR_INVALID, gw_asprintf("the token file %s is not a file", path), ret_reason);
  if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return fail(GW_ERR_DENIED,
                gw_asprintf("the token file %s is open to others (mode %03o): chmod 600 it", path, (unsigned)status.st_mode & 0777u),
                ret_reason);
  }
  char text[GW_TOKEN_LEN_MAX + 2];
  ssize_t len = read(fd, text, sizeof(text));
  if (len < 0) return fail_errno(path, "read", errno, ret_reason);
  struct gw_str token = {text, (size_t)len};
  while (token.len > 0 && (token.data[token.len - 1] == '\n' || token.data[token.len - 1] == '\r'))
    token.len--;
  if (token.len > GW_TOKEN_LEN_MAX || !is_token(token)) {
    return fail(GW_ERR_INVALID, gw_asprintf("the token file %s holds no token: one line of printable characters is wanted", path),
                ret_reason);
  }
  *ret_token = gw_str_dup(token);
  return GW_OK;
}

enum gw_err gw_token_file_read(const char *path, char **ret_token, char **ret_reason) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail_errno(path, "read", errno, ret_reason);
  enum gw_err err = read_open_file(fd, path, ret_token, ret_reason);
  close(fd);
  return err;
}

static int write_token(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  char token[GW_SECRET_TOKEN_SIZE];
  gw_secret_new_token(token);
  token[GW_SECRET_TOKEN_SIZE - 1] = '\n';
  int error = 0;
  if (write(fd, token, sizeof(token)) != (ssize_t)sizeof(token) || fsync(fd) != 0) error = errno != 0 ? errno : ENOSPC;
  close(fd);
  return error;
}

/* Written beside it and linked into place: nobody ever reads half a token, and who comes second finds the first one's. */
static int make_file(const char *path) {
  int error = gw_folder_make_for(path);
  if (error != 0) return error;
  GW_CLEANUP(gw_free_ptr) char *fresh = gw_asprintf("%s.%ld", path, (long)getpid());
  unlink(fresh);
  error = write_token(fresh);
  if (error == 0 && link(fresh, path) != 0 && errno != EEXIST) error = errno;
  unlink(fresh);
  return error;
}

enum gw_err gw_token_file_read_or_make(const char *path, char **ret_token, char **ret_reason) {
  char *reason = NULL;
  enum gw_err err = gw_token_file_read(path, ret_token, &reason);
  if (err != GW_ERR_NOT_FOUND) return err == GW_OK ? GW_OK : fail(err, reason, ret_reason);
  free(reason);
  int error = make_file(path);
  if (error != 0) return fail_errno(path, "made", error, ret_reason);
  return gw_token_file_read(path, ret_token, ret_reason);
}
