/* A client that behaves: requests on kept connections with pauses between them, and how long their answers took.
 *
 *   measure h1|h2 PORT [connections=4] [pause_us=4000] [path=/] [key=API key, of h1]
 *
 * A line on standard input ends a phase, which is told as a line of JSON; its end ends the program. It comes from 127.0.0.2, so that no
 * limit on who misbehaves is its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/str.h"

#define CONNECTIONS_MAX 64u
#define SAMPLES_MAX 1000000u
#define STDIN_MARK UINT32_MAX
#define PATIENCE_US 10000000u
#define FRAME_HEAD 9u
#define FRAME_DATA 0
#define FRAME_HEADERS 1
#define FRAME_SETTINGS 4
#define FRAME_GOAWAY 7

struct connection {
  int fd;
  uint32_t index;
  uint32_t stream_id;
  uint64_t asked_us; /* 0: nothing is on its way */
  uint64_t next_us;
  struct gw_strbuf in;
  bool is_whole; /* the answer is */
};

static struct {
  bool is_h2;
  struct sockaddr_in server;
  uint32_t connections;
  uint64_t pause_us;
  const char *path;
  const char *key; /* NULL: none */
  int epoll_fd;
  struct connection items[CONNECTIONS_MAX];
  uint32_t *samples;
  uint32_t count;
  uint32_t errors;
} run = {.connections = 4, .pause_us = 4000, .path = "/"};

static void fail(const char *what) {
  fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void send_all(struct connection *connection, struct gw_str bytes) {
  /* Less than any socket's buffer. */
  if (send(connection->fd, bytes.data, bytes.len, MSG_NOSIGNAL) < 0) run.errors++;
}

static void append_head(struct gw_strbuf *buf, uint32_t len, int type, int flags, uint32_t stream_id) {
  const unsigned char head[FRAME_HEAD] = {
      (unsigned char)(len >> 16),
      (unsigned char)(len >> 8),
      (unsigned char)len,
      (unsigned char)type,
      (unsigned char)flags,
      (unsigned char)(stream_id >> 24),
      (unsigned char)(stream_id >> 16),
      (unsigned char)(stream_id >> 8),
      (unsigned char)stream_id,
  };
  gw_strbuf_append(buf, head, sizeof(head));
}

static void open_connection(struct connection *connection, uint64_t now_us) {
  struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002u)};
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (bind(fd, (struct sockaddr *)&source, sizeof(source)) != 0) fail("bind");
  if (connect(fd, (struct sockaddr *)&run.server, sizeof(run.server)) != 0) fail("connect");
  *connection = (struct connection){.fd = fd, .index = connection->index, .stream_id = 1};
  connection->next_us = now_us + (uint64_t)rand() % (2 * run.pause_us);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = connection->index};
  if (epoll_ctl(run.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  if (!run.is_h2) return;
  /* The largest window that can be, so that no more need be said of it: 2^31 - 1 - 65535. */
  struct gw_strbuf buf = {0};
  gw_strbuf_append_str(&buf, GW_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  append_head(&buf, 0, FRAME_SETTINGS, 0, 0);
  append_head(&buf, 4, 8, 0, 0);
  gw_strbuf_append(&buf, "\x7f\xff\x00\x00", 4);
  send_all(connection, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
}

static void reopen(struct connection *connection, uint64_t now_us) {
  run.errors++;
  close(connection->fd);
  gw_strbuf_done(&connection->in);
  open_connection(connection, now_us);
}

static void ask(struct connection *connection, uint64_t now_us) {
  struct gw_strbuf buf = {0};
  if (run.is_h2) {
    struct gw_strbuf block = {0};
    gw_strbuf_printf(&block, "\x82\x86\x04%c%s\x01%c%s", (char)strlen(run.path), run.path, 12, "measure.test");
    append_head(&buf, (uint32_t)block.len, FRAME_HEADERS, 5, connection->stream_id);
    gw_strbuf_append_str(&buf, gw_strbuf_str(&block));
    gw_strbuf_done(&block);
  } else {
    gw_strbuf_printf(&buf, "GET %s HTTP/1.1\r\nHost: measure.test\r\n", run.path);
    if (run.key != NULL) gw_strbuf_printf(&buf, "X-API-Key: %s\r\n", run.key);
    gw_strbuf_append(&buf, "\r\n", 2);
  }
  connection->asked_us = now_us;
  connection->is_whole = false;
  send_all(connection, gw_strbuf_str(&buf));
  gw_strbuf_done(&buf);
}

static void drop(struct gw_strbuf *buf, size_t len) {
  memmove(buf->data, buf->data + len, buf->len - len);
  buf->len -= len;
}

/* An answer with Content-Length and status 200; anything else is an error. */
static void take_h1(struct connection *connection) {
  struct gw_strbuf *in = &connection->in;
  char *end = memmem(in->data, in->len, "\r\n\r\n", 4);
  if (end == NULL) return;
  *end = '\0';
  const char *length = strcasestr(in->data, "content-length:");
  size_t total = (size_t)(end - in->data) + 4 + (length == NULL ? 0 : strtoul(length + 15, NULL, 10));
  if (strncmp(in->data, "HTTP/1.1 200", 12) != 0) run.errors++;
  *end = '\r';
  if (in->len < total) return;
  drop(in, total);
  connection->is_whole = true;
}

/* false: the server has given the connection up. */
static bool take_h2(struct connection *connection) {
  struct gw_strbuf *in = &connection->in;
  while (in->len >= FRAME_HEAD) {
    const unsigned char *head = (const unsigned char *)in->data;
    size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    int type = head[3];
    int flags = head[4];
    if (in->len < FRAME_HEAD + len) return true;
    if (type == FRAME_GOAWAY) return false;
    if (type == FRAME_HEADERS && head[FRAME_HEAD] != 0x88) run.errors++; /* :status 200 */
    if ((type == FRAME_HEADERS || type == FRAME_DATA) && (flags & 1) != 0) connection->is_whole = true;
    if (type == FRAME_SETTINGS && (flags & 1) == 0) {
      struct gw_strbuf buf = {0};
      append_head(&buf, 0, FRAME_SETTINGS, 1, 0);
      send_all(connection, gw_strbuf_str(&buf));
      gw_strbuf_done(&buf);
    }
    drop(in, FRAME_HEAD + len);
  }
  return true;
}

static void on_readable(struct connection *connection) {
  static char buf[65536];
  ssize_t got = recv(connection->fd, buf, sizeof(buf), MSG_DONTWAIT);
  uint64_t now_us = gw_clock_monotonic_us();
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    reopen(connection, now_us);
    return;
  }
  gw_strbuf_append(&connection->in, buf, (size_t)got);
  if (!run.is_h2) {
    take_h1(connection);
  } else if (!take_h2(connection)) {
    reopen(connection, now_us);
    return;
  }
  if (!connection->is_whole || connection->asked_us == 0) return;
  if (run.count < SAMPLES_MAX) run.samples[run.count++] = (uint32_t)(now_us - connection->asked_us);
  connection->asked_us = 0;
  connection->stream_id += 2;
  connection->next_us = now_us + run.pause_us / 2 + (uint64_t)rand() % run.pause_us;
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a;
  uint32_t y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static uint32_t at_share(double share) {
  return run.count == 0 ? 0 : run.samples[(uint32_t)(share * (run.count - 1))];
}

static void report(uint64_t now_us) {
  /* What has not been answered by now has taken so long at least. */
  for (uint32_t i = 0; i < run.connections; i++) {
    uint64_t asked_us = run.items[i].asked_us;
    if (asked_us != 0 && now_us - asked_us > 100000 && run.count < SAMPLES_MAX) run.samples[run.count++] = (uint32_t)(now_us - asked_us);
  }
  qsort(run.samples, run.count, sizeof(*run.samples), by_value);
  printf("{\"count\": %u, \"errors\": %u, \"p50\": %u, \"p99\": %u, \"max\": %u}\n", run.count, run.errors, at_share(0.5), at_share(0.99),
         at_share(1));
  fflush(stdout);
  run.count = run.errors = 0;
}

/* Asks where it is time; until when there is nothing to do. */
static uint64_t ask_all(uint64_t now_us) {
  uint64_t next_us = now_us + 1000000;
  for (uint32_t i = 0; i < run.connections; i++) {
    struct connection *connection = &run.items[i];
    if (connection->asked_us != 0) {
      if (now_us - connection->asked_us > PATIENCE_US) reopen(connection, now_us);
    } else if (connection->next_us <= now_us) {
      ask(connection, now_us);
    } else if (connection->next_us < next_us) {
      next_us = connection->next_us;
    }
  }
  return next_us;
}

int main(int argc, char **argv) {
  char line[64];
  if (argc < 3) return 64;
  run.is_h2 = strcmp(argv[1], "h2") == 0;
  run.server = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 3; i < argc; i++) {
    if (strncmp(argv[i], "connections=", 12) == 0) run.connections = (uint32_t)strtoul(argv[i] + 12, NULL, 10);
    if (strncmp(argv[i], "pause_us=", 9) == 0) run.pause_us = strtoull(argv[i] + 9, NULL, 10);
    if (strncmp(argv[i], "path=", 5) == 0) run.path = argv[i] + 5;
    if (strncmp(argv[i], "key=", 4) == 0) run.key = argv[i] + 4;
  }
  if (run.connections > CONNECTIONS_MAX || strlen(run.path) > 126 || (run.is_h2 && run.key != NULL)) return 64;
  run.samples = gw_calloc(SAMPLES_MAX, sizeof(*run.samples));
  run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = STDIN_MARK};
  if (epoll_ctl(run.epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) fail("standard input");
  for (uint32_t i = 0; i < run.connections; i++) {
    run.items[i].index = i;
    open_connection(&run.items[i], gw_clock_monotonic_us());
  }
  for (;;) {
    uint64_t now_us = gw_clock_monotonic_us();
    uint64_t wait_us = ask_all(now_us) - now_us;
    struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
    if (epoll_pwait2(run.epoll_fd, &event, 1, &wait, NULL) <= 0) continue;
    if (event.data.u32 != STDIN_MARK) {
      on_readable(&run.items[event.data.u32]);
    } else if (read(STDIN_FILENO, line, sizeof(line)) > 0) {
      report(gw_clock_monotonic_us());
    } else {
      break;
    }
  }
  for (uint32_t i = 0; i < run.connections; i++) {
    close(run.items[i].fd);
    gw_strbuf_done(&run.items[i].in);
  }
  free(run.samples);
  return 0;
}
