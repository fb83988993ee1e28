#include "dataplane/listener/listen_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/model/listener.h"
#include "common/net/socket.h"

#define BACKLOG 4096
#define TRAFFIC_LISTENER "gateway" /* the name that our control plane gives */

struct entry {
  struct gw_list node;
  char name[sizeof(((struct gw_engine_socket *)NULL)->listener_name)];
  struct gw_address wanted; /* port 0: any */
  struct gw_address bound;
  bool is_bound;
  bool is_wanted; /* by the snapshot that is being taken up */
  int *fds;       /* by worker */
};

struct gw_listen_set {
  uint32_t worker_count;
  bool has_override;
  struct gw_address traffic_override;
  struct gw_list entries;
};

struct gw_listen_set *gw_listen_set_new(uint32_t worker_count, const struct gw_address *traffic_override) {
  struct gw_listen_set *set = gw_calloc(1, sizeof(*set));
  set->worker_count = worker_count;
  set->has_override = traffic_override != NULL;
  if (set->has_override) set->traffic_override = *traffic_override;
  gw_list_init(&set->entries);
  return set;
}

static void close_fds(const int *fds, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    close(fds[i]);
}

static void entry_free(struct gw_listen_set *set, struct entry *entry) {
  gw_list_remove(&entry->node);
  if (entry->is_bound) close_fds(entry->fds, set->worker_count);
  free(entry->fds);
  free(entry);
}

void gw_listen_set_free(struct gw_listen_set *set) {
  if (set == NULL) return;
  GW_LIST_FOR_EACH(node, &set->entries) entry_free(set, GW_LIST_ITEM(node, struct entry, node));
  free(set);
}

static bool has_port(const struct gw_listen_set *set, uint16_t port) {
  GW_LIST_FOR_EACH(node, &set->entries) {
    const struct entry *entry = GW_LIST_ITEM(node, struct entry, node);
    if (entry->is_bound && gw_address_port(&entry->bound) == port) return true;
  }
  return false;
}

/* One socket a worker; the first finds out whether the port is free, unless we have it already (on another address), and which one it is.
 */
static enum gw_err bind_all(struct gw_listen_set *set, const struct gw_address *wanted, int *fds, struct gw_address *ret_bound) {
  bool is_ours = has_port(set, gw_address_port(wanted));
  enum gw_err err = is_ours ? gw_socket_listen(wanted, true, BACKLOG, &fds[0]) : gw_socket_listen_exclusive(wanted, BACKLOG, &fds[0]);
  if (err != GW_OK) return err;
  struct gw_address bound;
  uint32_t count = 1;
  err = gw_socket_local_address(fds[0], &bound);
  for (; err == GW_OK && count < set->worker_count; count++) {
    err = gw_socket_listen(&bound, true, BACKLOG, &fds[count]);
    if (err != GW_OK) break;
  }
  if (err != GW_OK) {
    int reason = errno;
    close_fds(fds, count);
    errno = reason;
    return err;
  }
  *ret_bound = bound;
  return GW_OK;
}

static struct entry *find_entry(const struct gw_listen_set *set, struct gw_str name) {
  GW_LIST_FOR_EACH(node, &set->entries) {
    struct entry *entry = GW_LIST_ITEM(node, struct entry, node);
    if (gw_str_equal(gw_str_from(entry->name), name)) return entry;
  }
  return NULL;
}

static struct entry *find_address(const struct gw_listen_set *set, const struct gw_address *wanted) {
  if (gw_address_port(wanted) == 0) return NULL;
  GW_LIST_FOR_EACH(node, &set->entries) {
    struct entry *entry = GW_LIST_ITEM(node, struct entry, node);
    if (entry->is_bound && gw_address_equal(&entry->wanted, wanted)) return entry;
  }
  return NULL;
}

static bool want_address(const struct gw_listen_set *set, const struct gw_listener *listener, bool is_traffic, const char *place,
                         struct gw_errors *errors, struct gw_address *ret_address) {
  if (is_traffic && set->has_override) {
    *ret_address = set->traffic_override;
    return true;
  }
  if (gw_address_parse_ip(listener->address, listener->port, ret_address) == GW_OK) return true;
  gw_errors_add(errors, place, "\"%.*s\" is not an IP address", GW_STR_ARG(listener->address));
  return false;
}

static struct entry *add_entry(struct gw_listen_set *set, struct gw_str name) {
  struct entry *entry = gw_calloc(1, sizeof(*entry));
  snprintf(entry->name, sizeof(entry->name), "%.*s", GW_STR_ARG(name));
  gw_list_add_last(&set->entries, &entry->node);
  return entry;
}

static void bind_entry(struct gw_listen_set *set, struct entry *entry, const struct gw_address *wanted, const char *place,
                       struct gw_errors *errors) {
  char text[GW_ADDRESS_TEXT_SIZE];
  const struct entry *holder = find_address(set, wanted);
  if (holder != NULL) {
    gw_errors_add(errors, place, "%.*s is listened on by listener %s", GW_STR_ARG(gw_address_format(wanted, text)), holder->name);
    return;
  }
  int *fds = gw_calloc(set->worker_count, sizeof(*fds));
  struct gw_address bound;
  if (bind_all(set, wanted, fds, &bound) != GW_OK) {
    gw_errors_add(errors, place, "%.*s can't be listened on: %s", GW_STR_ARG(gw_address_format(wanted, text)), strerror(errno));
    free(fds);
    return;
  }
  if (entry->is_bound) close_fds(entry->fds, set->worker_count);
  free(entry->fds);
  entry->fds = fds;
  entry->wanted = *wanted;
  entry->bound = bound;
  entry->is_bound = true;
}

static void update_listener(struct gw_listen_set *set, const struct gw_listener *listener, bool is_traffic, struct gw_errors *errors) {
  GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("listener %.*s", GW_STR_ARG(listener->name));
  struct gw_address wanted;
  if (listener->name.len >= sizeof(((struct entry *)NULL)->name)) {
    gw_errors_add(errors, place, "the name has more than %zu bytes", sizeof(((struct entry *)NULL)->name) - 1);
    return;
  }
  struct entry *entry = find_entry(set, listener->name);
  if (!want_address(set, listener, is_traffic, place, errors, &wanted)) return;
  if (entry == NULL) {
    /* A listener that only got another name keeps its socket. */
    entry = find_address(set, &wanted);
    if (entry != NULL && entry->is_wanted) entry = NULL;
    if (entry != NULL) snprintf(entry->name, sizeof(entry->name), "%.*s", GW_STR_ARG(listener->name));
  }
  if (entry == NULL) entry = add_entry(set, listener->name);
  entry->is_wanted = true;
  if (!entry->is_bound || !gw_address_equal(&entry->wanted, &wanted)) bind_entry(set, entry, &wanted, place, errors);
}

/* Which one --listen is about; NULL: there is none. */
static const struct gw_listener *find_traffic_listener(const struct gw_resource_list *listeners) {
  const struct gw_listener *first = NULL;
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_listener *listener = listeners->items[i]->listener;
    if (listener->is_api_only) continue;
    if (gw_str_equal(listener->name, GW_STR(TRAFFIC_LISTENER))) return listener;
    if (first == NULL) first = listener;
  }
  return first;
}

void gw_listen_set_update(struct gw_listen_set *set, const struct gw_snapshot *snapshot, struct gw_errors *errors) {
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  GW_LIST_FOR_EACH(node, &set->entries)
  GW_LIST_ITEM(node, struct entry, node)->is_wanted = false;
  for (uint32_t i = 0; i < listeners->count; i++) {
    struct entry *entry = find_entry(set, listeners->items[i]->name);
    if (entry != NULL && !listeners->items[i]->listener->is_api_only) entry->is_wanted = true;
  }
  const struct gw_listener *traffic = find_traffic_listener(listeners);
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_listener *listener = listeners->items[i]->listener;
    if (!listener->is_api_only) update_listener(set, listener, listener == traffic, errors);
  }
  GW_LIST_FOR_EACH(node, &set->entries) {
    struct entry *entry = GW_LIST_ITEM(node, struct entry, node);
    if (!entry->is_wanted) entry_free(set, entry);
  }
}

struct gw_engine_socket *gw_listen_set_sockets(struct gw_listen_set *set, uint32_t worker_index, uint32_t *ret_count) {
  uint32_t count = 0;
  GW_LIST_FOR_EACH(node, &set->entries)
  count += GW_LIST_ITEM(node, struct entry, node)->is_bound ? 1 : 0;
  struct gw_engine_socket *sockets = gw_calloc(count, sizeof(*sockets));
  uint32_t at = 0;
  GW_LIST_FOR_EACH(node, &set->entries) {
    const struct entry *entry = GW_LIST_ITEM(node, struct entry, node);
    if (!entry->is_bound) continue;
    sockets[at] = (struct gw_engine_socket){.fd = fcntl(entry->fds[worker_index], F_DUPFD_CLOEXEC, 0)};
    memcpy(sockets[at++].listener_name, entry->name, sizeof(entry->name));
  }
  *ret_count = at;
  return sockets;
}

enum gw_err gw_listen_set_address(const struct gw_listen_set *set, struct gw_str listener_name, struct gw_address *ret_address) {
  const struct entry *entry = find_entry(set, listener_name);
  if (entry == NULL || !entry->is_bound) return GW_ERR_NOT_FOUND;
  *ret_address = entry->bound;
  return GW_OK;
}
