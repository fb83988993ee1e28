#include "common/http_server/healthcheck.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/duration.h"
#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/net/address.h"

#define EXIT_NOT_WELL 1
#define EXIT_BAD_USAGE 64
#define TIMEOUT_MS 2000
#define ANSWER_MAX 16384
#define PORTS_FILE_MAX 65536

struct run {
  const struct gw_healthcheck *healthcheck;
  const char *address_text;
  const char *ports_file;
  const char *path;
  uint64_t timeout_ms;
  struct gw_address address;
};

static void print_help(const struct gw_healthcheck *healthcheck) {
  printf("%s healthcheck: asks the one that runs on this machine, and ends with 0 when it is ready, else with 1\n\n", healthcheck->program);
  printf("  --%s HOST:PORT%*s where it listens (%s, else %s)\n", healthcheck->flag, (int)(12 - strlen(healthcheck->flag)), "",
         healthcheck->environment, healthcheck->default_address);
  puts("  --ports-file FILE       the file that it writes its ports to, where it was given port 0 (GATEWAY_PORTS_FILE)\n"
       "  --live                  only whether it answers (/health), not whether it is ready (/ready)\n"
       "  --timeout DURATION      how long each step of asking may take (2s)");
}

/* ---- where it is ---- */

/* 0: the file does not say. */
static uint16_t read_port(const char *path, const char *key) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  GW_CLEANUP(gw_free_ptr) char *text = gw_malloc(PORTS_FILE_MAX);
  size_t len = fread(text, 1, PORTS_FILE_MAX, file);
  fclose(file);
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  const struct gw_json_limits limits = {.bytes_max = PORTS_FILE_MAX, .depth_max = 4, .values_max = 4096};
  const struct gw_json_value *ports = NULL;
  gw_json_parse((struct gw_str){text, len}, &limits, &arena, &ports);
  const struct gw_json_value *port = gw_json_find(ports, gw_str_from(key));
  bool is_port = port != NULL && port->kind == GW_JSON_INTEGER && port->integer > 0 && port->integer <= UINT16_MAX;
  uint16_t found = is_port ? (uint16_t)port->integer : 0;
  gw_arena_done(&arena);
  return found;
}

/* Who listens everywhere is asked at home. */
static void turn_home(struct gw_address *address) {
  if (address->any.sa_family == AF_INET && address->v4.sin_addr.s_addr == htonl(INADDR_ANY))
    address->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr)) address->v6.sin6_addr = in6addr_loopback;
}

static bool find_address(struct run *run) {
  const struct gw_healthcheck *healthcheck = run->healthcheck;
  if (gw_address_parse(gw_str_from(run->address_text), &run->address) != GW_OK) {
    fprintf(stderr, "%s: --%s %s: a numeric address and a port are wanted, such as 127.0.0.1:9901\n", healthcheck->program,
            healthcheck->flag, run->address_text);
    return false;
  }
  if (gw_address_port(&run->address) == 0) {
    uint16_t port = run->ports_file != NULL ? read_port(run->ports_file, healthcheck->port_key) : 0;
    run->address.v4.sin_port = htons(port); /* of IPv6 it lies at the same place */
  }
  turn_home(&run->address);
  return true;
}

/* ---- asking ---- */

static int connect_to(const struct run *run) {
  int fd = socket(run->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct timeval timeout = {.tv_sec = (time_t)(run->timeout_ms / 1000), .tv_usec = (suseconds_t)(run->timeout_ms % 1000 * 1000)};
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
      connect(fd, &run->address.any, gw_address_len(&run->address)) == 0)
    return fd;
  int failure = errno;
  close(fd);
  errno = failure;
  return -1;
}

/* Returns the length of what was answered, which ends with a NUL; 0 with errno: nothing was. */
static size_t ask(const struct run *run, char answer[ANSWER_MAX]) {
  char text[GW_ADDRESS_TEXT_SIZE], request[256];
  gw_address_format(&run->address, text);
  int fd = connect_to(run);
  if (fd < 0) return 0;
  int size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", run->path, text);
  size_t len = 0;
  ssize_t got = send(fd, request, (size_t)size, MSG_NOSIGNAL);
  while (got > 0 && len + 1 < ANSWER_MAX && (got = recv(fd, answer + len, ANSWER_MAX - 1 - len, 0)) > 0)
    len += (size_t)got;
  int failure = got == 0 && len == 0 ? ECONNRESET : errno;
  close(fd);
  errno = failure;
  answer[len] = '\0';
  return len;
}

static int judge(const struct run *run) {
  char answer[ANSWER_MAX], text[GW_ADDRESS_TEXT_SIZE];
  gw_address_format(&run->address, text);
  if (ask(run, answer) == 0) {
    fprintf(stderr, "%s: %s%s: no answer: %s\n", run->healthcheck->program, text, run->path,
            errno == EAGAIN || errno == EINPROGRESS ? "it takes too long" : strerror(errno));
    return EXIT_NOT_WELL;
  }
  const char *body = strstr(answer, "\r\n\r\n");
  bool is_well = strncmp(answer, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) == 0 && body != NULL;
  fprintf(is_well ? stdout : stderr, "%s: %s%s: %.3s %s", run->healthcheck->program, text, run->path,
          strlen(answer) > 12 ? answer + 9 : "???", body != NULL ? body + 4 : "\n");
  return is_well ? 0 : EXIT_NOT_WELL;
}

/* ---- the command line ---- */

static bool take_timeout(struct run *run, const char *text) {
  if (gw_duration_parse(gw_str_from(text), &run->timeout_ms) == GW_OK && run->timeout_ms > 0) return true;
  fprintf(stderr, "%s: --timeout %s: a duration is wanted, such as 500ms or 2s\n", run->healthcheck->program, text);
  return false;
}

static const char *first_of(const char *variable, const char *otherwise) {
  const char *value = getenv(variable);
  return value != NULL && value[0] != '\0' ? value : otherwise;
}

int gw_healthcheck_run(const struct gw_healthcheck *healthcheck, int argc, char **argv) {
  enum { OPT_ADDRESS = 256, OPT_PORTS_FILE, OPT_LIVE, OPT_TIMEOUT, OPT_HELP };
  const struct option options[] = {{healthcheck->flag, required_argument, NULL, OPT_ADDRESS},
                                   {"ports-file", required_argument, NULL, OPT_PORTS_FILE},
                                   {"live", no_argument, NULL, OPT_LIVE},
                                   {"timeout", required_argument, NULL, OPT_TIMEOUT},
                                   {"help", no_argument, NULL, OPT_HELP},
                                   {NULL, 0, NULL, 0}};
  struct run run = {.healthcheck = healthcheck,
                    .address_text = first_of(healthcheck->environment, healthcheck->default_address),
                    .ports_file = first_of("GATEWAY_PORTS_FILE", NULL),
                    .path = "/ready",
                    .timeout_ms = TIMEOUT_MS};
  int id;
  bool is_right = true;
  optind = 0; /* glibc: from the start */
  while (is_right && (id = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (id) {
    case OPT_ADDRESS: run.address_text = optarg; break;
    case OPT_PORTS_FILE: run.ports_file = optarg; break;
    case OPT_LIVE: run.path = "/health"; break;
    case OPT_TIMEOUT: is_right = take_timeout(&run, optarg); break;
    case OPT_HELP: print_help(healthcheck); return 0;
    default: is_right = false; break; /* getopt has said why */
    }
  }
  if (is_right && optind < argc) {
    fprintf(stderr, "%s: healthcheck: %s: only options are taken\n", healthcheck->program, argv[optind]);
    is_right = false;
  }
  return is_right && find_address(&run) ? judge(&run) : EXIT_BAD_USAGE;
}
