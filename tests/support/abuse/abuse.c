/* Misbehaves towards an HTTP server in one of many ways, as fast as it can, for a while, and tells what came of it as a line of JSON.
 *
 *   abuse MODE HOST PORT [seconds=10] [connections=N] [sources=1] [path=/] [tls=0] [pace_ms=N] [pieces=N] [cpu_nice=0]
 *   abuse list
 *
 * sources: the connections come from so many addresses of 127.0.1.0/24. It ends by itself; one thread, at most 10,000 connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/support/abuse/abuse.h"

#define CONNECTIONS_MAX 10000u
#define BATCH_BYTES 65536u
#define PIECES_A_TURN 4096u
#define CODES 16u

struct options options = {.path = "/"};

static struct {
  uint64_t opened;
  uint64_t refused; /* not connected at all */
  uint64_t closed;  /* by the peer */
  uint64_t sent_bytes;
  uint64_t received_bytes;
  uint64_t pieces;
  uint64_t statuses[600]; /* 0: an answer's head in HTTP/2 */
  uint64_t goaways[CODES];
  uint64_t resets[CODES];
} counts;

static struct {
  const struct mode *mode;
  struct sockaddr_in server;
  uint64_t seconds;
  uint64_t connections;
  uint64_t sources;
  uint64_t has_tls;
  uint64_t pace_ms;
  uint64_t pieces_max;
  uint64_t nice;
  SSL_CTX *ssl_ctx;
  int epoll_fd;
  struct connection *items;
} run = {.seconds = 10, .sources = 1};

void count_status(unsigned status) {
  counts.statuses[status < GW_ARRAY_LEN(counts.statuses) ? status : 0]++;
}
void count_goaway(uint32_t error) {
  counts.goaways[error < CODES ? error : CODES - 1]++;
}
void count_reset(uint32_t error) {
  counts.resets[error < CODES ? error : CODES - 1]++;
}

static void fail(const char *what) {
  fprintf(stderr, "abuse: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* ---- connections ---- */

static void watch(struct connection *connection, uint32_t events) {
  if (connection->watched == events) return;
  struct epoll_event event = {.events = events, .data.u32 = connection->index};
  int operation = connection->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(run.epoll_fd, operation, connection->fd, &event) != 0) fail("epoll_ctl");
  connection->watched = events;
}

static uint32_t reading(void) {
  return run.mode->is_deaf ? 0 : EPOLLIN;
}

static void open_connection(struct connection *connection) {
  struct sockaddr_in source = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  int receive_bytes = (int)run.mode->receive_bytes;
  if (fd < 0) fail("socket");
  source.sin_addr.s_addr = htonl(0x7f000101u + (uint32_t)(connection->index % run.sources));
  setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
  if (receive_bytes > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
  if (bind(fd, (struct sockaddr *)&source, sizeof(source)) != 0) fail("bind");
  counts.opened++;
  if (connect(fd, (struct sockaddr *)&run.server, sizeof(run.server)) != 0 && errno != EINPROGRESS) {
    counts.refused++;
    close(fd);
    return;
  }
  connection->fd = fd;
  if (run.ssl_ctx != NULL) {
    connection->ssl = SSL_new(run.ssl_ctx);
    SSL_set_fd(connection->ssl, fd);
    SSL_set_connect_state(connection->ssl);
  }
  watch(connection, EPOLLIN | EPOLLOUT);
}

/* By a reset, so that no port is kept for a minute. */
static void close_connection(struct connection *connection) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  uint32_t index = connection->index;
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  SSL_free(connection->ssl);
  close(connection->fd);
  gw_strbuf_done(&connection->out);
  gw_strbuf_done(&connection->in);
  *connection = (struct connection){.fd = -1, .index = index};
}

static void on_closed(struct connection *connection) {
  if (connection->is_connected) {
    counts.closed++;
  } else {
    counts.refused++;
  }
  close_connection(connection);
}

/* ---- bytes: 0: not now, -1: the end ---- */

static ssize_t result_of(struct connection *connection, int result) {
  if (result > 0) return result;
  int error = SSL_get_error(connection->ssl, result);
  ERR_clear_error();
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t send_some(struct connection *connection) {
  const char *at = connection->out.data + connection->out_at;
  size_t len = connection->out.len - connection->out_at;
  if (connection->ssl != NULL) return result_of(connection, SSL_write(connection->ssl, at, (int)len));
  ssize_t sent = send(connection->fd, at, len, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN ? 0 : -1;
  return sent;
}

static ssize_t receive_some(struct connection *connection, char *buf, size_t cap) {
  if (connection->ssl != NULL) return result_of(connection, SSL_read(connection->ssl, buf, (int)cap));
  ssize_t got = recv(connection->fd, buf, cap, 0);
  if (got < 0) return errno == EAGAIN ? 0 : -1;
  return got == 0 ? -1 : got;
}

/* false: the connection has ended. */
static bool flush_out(struct connection *connection) {
  while (connection->out_at < connection->out.len) {
    ssize_t sent = send_some(connection);
    if (sent < 0) return false;
    if (sent == 0) return true;
    counts.sent_bytes += (uint64_t)sent;
    connection->out_at += (size_t)sent;
  }
  gw_strbuf_clear(&connection->out);
  connection->out_at = 0;
  return true;
}

static bool has_out(const struct connection *connection) {
  return connection->out_at < connection->out.len;
}

/* Statuses of answers that come one behind the other; a line may come in two pieces. */
static void take_h1(struct connection *connection, struct gw_str bytes) {
  struct gw_str mark = GW_STR("HTTP/1.1 ");
  gw_strbuf_append_str(&connection->in, bytes);
  char *at = connection->in.data;
  char *end = at + connection->in.len;
  char *found;
  while ((found = memmem(at, (size_t)(end - at), mark.data, mark.len)) != NULL && end - found >= (ptrdiff_t)mark.len + 3) {
    at = found + mark.len;
    count_status((unsigned)strtoul(at, NULL, 10));
  }
  size_t keep = found != NULL ? (size_t)(end - found) : (size_t)(end - at) < mark.len ? (size_t)(end - at) : mark.len;
  memmove(connection->in.data, end - keep, keep);
  connection->in.len = keep;
}

static void on_readable(struct connection *connection) {
  static char buf[65536];
  ssize_t got = receive_some(connection, buf, sizeof(buf));
  if (got < 0) {
    on_closed(connection);
  } else if (got > 0) {
    counts.received_bytes += (uint64_t)got;
    struct gw_str bytes = {buf, (size_t)got};
    if (run.mode->is_h2) {
      h2_take(connection, bytes);
    } else {
      take_h1(connection, bytes);
    }
  }
}

static void say_piece(struct connection *connection) {
  if (run.mode->more != NULL) run.mode->more(connection);
  connection->pieces++;
  counts.pieces++;
  connection->is_mute = run.pieces_max != 0 && connection->pieces >= run.pieces_max;
}

/* As much as the socket takes, or one piece when there is a pace. */
static void speak(struct connection *connection, uint64_t now_ms) {
  bool has_pace = run.pace_ms != 0;
  uint32_t pieces = 0;
  while (!connection->is_mute && connection->out.len < BATCH_BYTES && pieces < PIECES_A_TURN &&
         (!has_pace || now_ms >= connection->next_ms)) {
    say_piece(connection);
    pieces++;
    if (has_pace) connection->next_ms = now_ms + run.pace_ms;
    if (run.mode->more == NULL) break;
  }
  if (!flush_out(connection)) {
    on_closed(connection);
  } else if (connection->is_mute && run.mode->closes && !has_out(connection)) {
    close_connection(connection);
  } else {
    bool wants_to_speak = has_out(connection) || (!connection->is_mute && !has_pace && run.mode->more != NULL);
    /* Its end is told even to who never reads. */
    watch(connection, reading() | EPOLLRDHUP | (wants_to_speak ? EPOLLOUT : 0));
  }
}

static bool connect_through(struct connection *connection, uint64_t now_ms) {
  if (connection->ssl != NULL) {
    int result = SSL_do_handshake(connection->ssl);
    if (result != 1 && result_of(connection, result) == 0) {
      watch(connection, EPOLLIN | (SSL_want_write(connection->ssl) ? EPOLLOUT : 0));
      return false;
    }
    if (result != 1) {
      on_closed(connection);
      return false;
    }
  }
  connection->is_connected = true;
  /* Not all in one step. */
  connection->next_ms = now_ms + (run.pace_ms != 0 ? connection->index % run.pace_ms : 0);
  if (run.mode->begin != NULL) run.mode->begin(connection);
  return true;
}

static void on_event(struct connection *connection, uint32_t events, uint64_t now_ms) {
  if (connection->fd < 0) return;
  bool has_failed = (events & (EPOLLERR | EPOLLHUP)) != 0 || ((events & EPOLLRDHUP) != 0 && run.mode->is_deaf);
  if (has_failed && (run.mode->is_deaf || !connection->is_connected)) {
    on_closed(connection);
    return;
  }
  if (!connection->is_connected && !connect_through(connection, now_ms)) return;
  if ((events & EPOLLIN) != 0) on_readable(connection);
  if (connection->fd >= 0) speak(connection, now_ms);
}

/* ---- the whole ---- */

static void run_until(uint64_t end_us) {
  static struct epoll_event events[512];
  uint64_t looked_ms = 0;
  for (;;) {
    uint64_t now_us = gw_clock_monotonic_us();
    uint64_t now_ms = now_us / 1000;
    if (now_us >= end_us) return;
    int count = epoll_wait(run.epoll_fd, events, (int)GW_ARRAY_LEN(events), 1);
    for (int i = 0; i < count; i++)
      on_event(&run.items[events[i].data.u32], events[i].events, now_ms);
    if (now_ms == looked_ms) continue;
    looked_ms = now_ms;
    for (uint32_t i = 0; i < run.connections; i++) {
      struct connection *connection = &run.items[i];
      if (connection->fd < 0 && run.mode->reopens) open_connection(connection);
      bool is_due = run.pace_ms != 0 && connection->is_connected && !connection->is_mute && now_ms >= connection->next_ms;
      if (connection->fd >= 0 && is_due) speak(connection, now_ms);
    }
  }
}

static void write_counts(struct gw_json_writer *json, const char *name, const uint64_t *values, size_t len) {
  gw_json_key(json, name);
  gw_json_object_begin(json);
  for (size_t i = 0; i < len; i++) {
    char key[24];
    snprintf(key, sizeof(key), "%zu", i);
    if (values[i] == 0) continue;
    gw_json_key(json, key);
    gw_json_u64(json, values[i]);
  }
  gw_json_object_end(json);
}

static void report(void) {
  struct gw_strbuf text = {0};
  struct gw_json_writer json;
  uint64_t open = 0;
  for (uint32_t i = 0; i < run.connections; i++)
    open += run.items[i].is_connected;
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = {{"opened", counts.opened}, {"refused", counts.refused}, {"closed", counts.closed},          {"open", open},
              {"pieces", counts.pieces}, {"sent", counts.sent_bytes}, {"received", counts.received_bytes}};
  gw_json_writer_init(&json, &text);
  gw_json_object_begin(&json);
  gw_json_key(&json, "mode");
  gw_json_string(&json, gw_str_from(run.mode->name));
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    gw_json_key(&json, rows[i].name);
    gw_json_u64(&json, rows[i].value);
  }
  write_counts(&json, "statuses", counts.statuses, GW_ARRAY_LEN(counts.statuses));
  write_counts(&json, "goaways", counts.goaways, CODES);
  write_counts(&json, "resets", counts.resets, CODES);
  gw_json_object_end(&json);
  puts(text.data);
  gw_strbuf_done(&text);
}

static const struct mode *find_mode(const char *name) {
  static const struct mode *const tables[] = {h1_modes, h2_modes, tls_modes};
  for (size_t i = 0; i < GW_ARRAY_LEN(tables); i++) {
    for (const struct mode *mode = tables[i]; mode->name != NULL; mode++) {
      if (strcmp(name, "list") == 0) puts(mode->name);
      if (strcmp(name, mode->name) == 0) return mode;
    }
  }
  return NULL;
}

static void read_option(const char *word) {
  const struct {
    const char *name;
    uint64_t *value;
  } rows[] = {{"seconds", &run.seconds}, {"connections", &run.connections}, {"sources", &run.sources}, {"tls", &run.has_tls},
              {"pace_ms", &run.pace_ms}, {"pieces", &run.pieces_max},       {"cpu_nice", &run.nice}};
  const char *equals = strchr(word, '=');
  size_t len = equals == NULL ? 0 : (size_t)(equals - word);
  if (len == 4 && strncmp(word, "path", len) == 0) {
    options.path = equals + 1;
    return;
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(rows); i++) {
    if (len != strlen(rows[i].name) || strncmp(word, rows[i].name, len) != 0) continue;
    *rows[i].value = strtoull(equals + 1, NULL, 10);
    return;
  }
  fprintf(stderr, "abuse: %s is no option\n", word);
  exit(64);
}

static void prepare_tls(void) {
  static const unsigned char h1_alpn[] = "\x08http/1.1";
  static const unsigned char h2_alpn[] = "\x02h2";
  if (run.mode->tls != TLS_ALWAYS && (run.has_tls == 0 || run.mode->tls == TLS_NEVER)) return;
  run.ssl_ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(run.ssl_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_min_proto_version(run.ssl_ctx, (int)run.mode->tls_version);
  SSL_CTX_set_max_proto_version(run.ssl_ctx, (int)run.mode->tls_version);
  if (run.mode->is_h2) {
    SSL_CTX_set_alpn_protos(run.ssl_ctx, h2_alpn, sizeof(h2_alpn) - 1);
  } else {
    SSL_CTX_set_alpn_protos(run.ssl_ctx, h1_alpn, sizeof(h1_alpn) - 1);
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    find_mode("list");
    return 0;
  }
  if (argc < 4 || (run.mode = find_mode(argv[1])) == NULL) {
    fprintf(stderr, "abuse MODE HOST PORT [name=value...], abuse list\n");
    return 64;
  }
  run.connections = run.mode->connections;
  run.pace_ms = run.mode->pace_ms;
  run.pieces_max = run.mode->pieces_max;
  for (int i = 4; i < argc; i++)
    read_option(argv[i]);
  if (run.connections > CONNECTIONS_MAX) run.connections = CONNECTIONS_MAX;
  if (run.sources == 0 || run.sources > 250) run.sources = 1;
  run.server.sin_family = AF_INET;
  run.server.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
  if (inet_pton(AF_INET, argv[2], &run.server.sin_addr) != 1) fail(argv[2]);
  signal(SIGPIPE, SIG_IGN);
  if (run.nice != 0 && setpriority(PRIO_PROCESS, 0, (int)run.nice) != 0) fail("setpriority");
  prepare_tls();
  h2_init();
  run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  run.items = gw_calloc(run.connections, sizeof(*run.items));
  for (uint32_t i = 0; i < run.connections; i++)
    run.items[i] = (struct connection){.fd = -1, .index = i};
  uint64_t end_us = gw_clock_monotonic_us() + run.seconds * 1000000;
  for (uint32_t i = 0; i < run.connections; i++)
    open_connection(&run.items[i]);
  run_until(end_us);
  report();
  for (uint32_t i = 0; i < run.connections; i++)
    if (run.items[i].fd >= 0) close_connection(&run.items[i]);
  free(run.items);
  SSL_CTX_free(run.ssl_ctx);
  gw_strbuf_done(&options.h2_request);
  gw_strbuf_done(&options.h2_upload);
  gw_strbuf_done(&options.h2_post);
  return 0;
}
