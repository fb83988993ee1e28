#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "controlplane/policy/policy.h"

/* The file may grow or shrink while it is read: what counts is what was read until its end. */
static enum gw_err read_all(int fd, struct gw_strbuf *buf) {
  for (;;) {
    gw_strbuf_reserve(buf, 65536);
    ssize_t got = read(fd, buf->data + buf->len, buf->cap - buf->len - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return GW_ERR_IO;
    if (got == 0) return GW_OK;
    buf->len += (size_t)got;
    buf->data[buf->len] = '\0';
    if (buf->len > GW_POLICY_FILE_MAX) return GW_ERR_LIMIT;
  }
}

enum gw_err gw_policy_read_file(const char *path, struct gw_errors *errors, struct gw_str *ret_text) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    gw_errors_add(errors, path, "cannot be opened: %s", strerror(errno));
    return GW_ERR_IO;
  }
  struct gw_strbuf buf;
  gw_strbuf_init(&buf);
  struct stat stat;
  enum gw_err err = fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode) ? GW_ERR_INVALID : read_all(fd, &buf);
  if (err == GW_ERR_INVALID) gw_errors_add(errors, path, "is a directory; a file is wanted");
  if (err == GW_ERR_IO) gw_errors_add(errors, path, "cannot be read: %s", strerror(errno));
  if (err == GW_ERR_LIMIT) gw_errors_add(errors, path, "is too large; %zu MiB are allowed", GW_POLICY_FILE_MAX >> 20);
  close(fd);
  if (err != GW_OK) {
    gw_strbuf_done(&buf);
    return err;
  }
  size_t len = buf.len;
  *ret_text = (struct gw_str){gw_strbuf_take(&buf), len};
  return GW_OK;
}
