#include "common/observe/service_notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"

/* An absolute path, or "@NAME" in the abstract namespace. False: neither. */
static bool parse_address(const char *text, struct sockaddr_un *ret_address, socklen_t *ret_len) {
  size_t len = strlen(text);
  *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if ((text[0] != '/' && text[0] != '@') || len >= sizeof(ret_address->sun_path)) return false;
  memcpy(ret_address->sun_path, text, len);
  if (text[0] == '@') ret_address->sun_path[0] = '\0';
  *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
  return true;
}

static bool send_text(const char *to, const char *text) {
  struct sockaddr_un address;
  socklen_t address_len;
  errno = EINVAL;
  if (!parse_address(to, &address, &address_len)) return false;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool is_sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)(const void *)&address, address_len) >= 0;
  int reason = errno;
  close(fd);
  errno = reason;
  return is_sent;
}

void gw_service_notify(struct gw_log *log, enum gw_service_state state) {
  const char *to = getenv("NOTIFY_SOCKET");
  if (to == NULL || to[0] == '\0') return;
  char reloading[64];
  snprintf(reloading, sizeof(reloading), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, gw_clock_monotonic_us());
  const char *text = state == GW_SERVICE_READY ? "READY=1" : state == GW_SERVICE_STOPPING ? "STOPPING=1" : reloading;
  if (!send_text(to, text)) GW_LOG_WARNING(log, "the service manager at NOTIFY_SOCKET=%s cannot be told: %s", to, strerror(errno));
}
