#include "controlplane/discovery/dns_client.h"

#include <ares.h>
#include <stdlib.h>
#include <sys/time.h>

#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/event/timer.h"

#define TIMEOUT_MS 1000
#define TRIES 3
#define UDP_BYTES 1232 /* of an answer, such as goes through everywhere */

struct gw_dns_client {
  struct gw_loop *loop;
  ares_channel channel;
  struct gw_timer timer;
  struct gw_list sockets;
};

struct watched {
  struct gw_list node;
  struct gw_dns_client *client;
  ares_socket_t fd;
  struct gw_io *io;
};

/* c-ares can't give up a single query: it lives on, and its answer is nobody's. */
struct gw_dns_query {
  gw_dns_fn fn; /* NULL: cancelled */
  void *arg;
  bool is_starting;
  bool is_over;
};

static void schedule(struct gw_dns_client *client) {
  struct timeval left;
  if (ares_timeout(client->channel, NULL, &left) == NULL)
    gw_timer_stop(&client->timer);
  else
    gw_timer_start(client->loop, &client->timer, (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000 + 1);
}

static void on_timer(struct gw_timer *timer) {
  struct gw_dns_client *client = GW_CONTAINER_OF(timer, struct gw_dns_client, timer);
  ares_process_fd(client->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  schedule(client);
}

static void on_io(void *arg, unsigned ready) {
  const struct watched *watched = arg;
  struct gw_dns_client *client = watched->client;
  ares_socket_t fd = watched->fd; /* it may be gone after this */
  ares_process_fd(client->channel, (ready & GW_IO_READ) != 0 ? fd : ARES_SOCKET_BAD, (ready & GW_IO_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
  schedule(client);
}

static void unwatch(struct watched *watched) {
  gw_list_remove(&watched->node);
  gw_io_free(watched->io);
  free(watched);
}

static void on_socket(void *arg, ares_socket_t fd, int is_readable, int is_writable) {
  struct gw_dns_client *client = arg;
  struct watched *watched = NULL;
  GW_LIST_FOR_EACH(node, &client->sockets)
  if (GW_LIST_ITEM(node, struct watched, node)->fd == fd) watched = GW_LIST_ITEM(node, struct watched, node);
  if (!is_readable && !is_writable) {
    if (watched != NULL) unwatch(watched);
    return;
  }
  if (watched == NULL) {
    watched = gw_calloc(1, sizeof(*watched));
    watched->client = client;
    watched->fd = fd;
    watched->io = gw_io_new(client->loop, fd, on_io, watched);
    gw_list_add_last(&client->sockets, &watched->node);
  }
  gw_io_set(watched->io, (is_readable ? GW_IO_READ : 0) | (is_writable ? GW_IO_WRITE : 0));
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len) {
  (void)timeouts;
  struct gw_dns_query *query = arg;
  bool is_absent = status == ARES_ENOTFOUND || status == ARES_ENODATA;
  bool is_end = status == ARES_EDESTRUCTION || status == ARES_ECANCELLED;
  if (query->fn != NULL && !is_end)
    query->fn(query->arg,
              status == ARES_SUCCESS ? GW_OK
              : is_absent            ? GW_ERR_NOT_FOUND
                                     : GW_ERR_CLOSED,
              bytes, status == ARES_SUCCESS ? (size_t)len : 0, ares_strerror(status));
  query->is_over = true;
  if (!query->is_starting) free(query);
}

struct gw_dns_query *gw_dns_query_start(struct gw_dns_client *client, const char *name, enum gw_dns_type type, gw_dns_fn fn, void *arg) {
  struct gw_dns_query *query = gw_calloc(1, sizeof(*query));
  *query = (struct gw_dns_query){.fn = fn, .arg = arg, .is_starting = true};
  ares_query(client->channel, name, 1 /* IN */, (int)type, on_answer, query);
  query->is_starting = false;
  schedule(client);
  if (!query->is_over) return query;
  free(query);
  return NULL;
}

void gw_dns_query_cancel(struct gw_dns_query *query) {
  if (query != NULL) query->fn = NULL;
}

struct gw_dns_client *gw_dns_client_new(struct gw_loop *loop, const char *servers) {
  struct gw_dns_client *client = gw_calloc(1, sizeof(*client));
  client->loop = loop;
  gw_list_init(&client->sockets);
  gw_timer_init(&client->timer, on_timer);
  struct ares_options options = {.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH,
                                 .timeout = TIMEOUT_MS,
                                 .tries = TRIES,
                                 .ednspsz = UDP_BYTES,
                                 .sock_state_cb = on_socket,
                                 .sock_state_cb_data = client};
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
  GW_ASSERT(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
  GW_ASSERT(ares_init_options(&client->channel, &options, mask) == ARES_SUCCESS);
  if (servers[0] != '\0') GW_ASSERT(ares_set_servers_ports_csv(client->channel, servers) == ARES_SUCCESS); /* the setting was checked */
  return client;
}

void gw_dns_client_free(struct gw_dns_client *client) {
  if (client == NULL) return;
  ares_destroy(client->channel);
  GW_LIST_FOR_EACH(node, &client->sockets) unwatch(GW_LIST_ITEM(node, struct watched, node));
  gw_timer_stop(&client->timer);
  ares_library_cleanup();
  free(client);
}
