#include "controlplane/ctl/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/crypto/keys.h"
#include "controlplane/ctl/ctl.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)

int gw_ctl_fail(int exit_code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("gatewayctl: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return exit_code;
}

bool gw_ctl_file_exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

static int write_text(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return errno;
  size_t len = strlen(text);
  int error = 0;
  if (write(fd, text, len) != (ssize_t)len || fchmod(fd, mode) != 0 || fsync(fd) != 0) error = errno != 0 ? errno : ENOSPC;
  close(fd);
  return error;
}

int gw_ctl_put_file(const char *path, const char *text, mode_t mode, bool may_replace) {
  GW_CLEANUP(gw_free_ptr) char *fresh = gw_asprintf("%s.%ld", path, (long)getpid());
  errno = 0;
  int error = write_text(fresh, text, mode);
  if (error == 0 && may_replace && rename(fresh, path) != 0) error = errno;
  if (error == 0 && !may_replace && link(fresh, path) != 0) error = errno;
  unlink(fresh);
  return error == 0 ? GW_CTL_OK : gw_ctl_fail(GW_CTL_SYSTEM, "%s cannot be written: %s", path, strerror(error));
}

/* -1 and errno, or how much there was; beyond `size` it is cut off. */
static ssize_t read_whole(const char *path, char *ret_bytes, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t len = 0;
  ssize_t got = 1;
  while (got > 0 && len < size) {
    got = read(fd, ret_bytes + len, size - len);
    if (got > 0) len += (size_t)got;
  }
  int error = errno;
  close(fd);
  errno = error;
  return got < 0 ? -1 : (ssize_t)len;
}

int gw_ctl_read_file(const char *path, char **ret_text) {
  char *text = gw_calloc(1, FILE_BYTES_MAX + 2); /* whole from the start: growing would leave copies */
  ssize_t len = read_whole(path, text, FILE_BYTES_MAX + 1);
  int exit_code = GW_CTL_OK;
  if (len < 0) {
    exit_code = gw_ctl_fail(GW_CTL_SYSTEM, "%s cannot be read: %s", path, strerror(errno));
  } else if ((size_t)len > FILE_BYTES_MAX || strlen(text) != (size_t)len) {
    exit_code = gw_ctl_fail(GW_CTL_INVALID, "%s is no key: a text of at most %zu KiB is wanted", path, FILE_BYTES_MAX / 1024);
  }
  if (exit_code == GW_CTL_OK) {
    *ret_text = text;
  } else {
    gw_keys_free_secret(text);
  }
  return exit_code;
}
