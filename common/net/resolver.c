#include "common/net/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/event/mailbox.h"

/* RFC 1035 section 2.3.4; a final dot more. */
#define HOST_LEN_MAX 254
/* getaddrinfo and what it loads want some; the default of 8 MiB is only address space, but counts where overcommit is off. */
#define STACK_SIZE ((size_t)1024 * 1024)

struct gw_resolver_query {
  struct gw_mail mail;
  struct gw_list node; /* linked while it waits for a thread */
  struct gw_resolver *resolver;
  gw_resolver_fn fn; /* NULL: cancelled */
  void *arg;
  char *host;
  uint16_t port;
  enum gw_err err;
  const char *reason;
  uint32_t count;
  struct gw_address *addresses; /* allocated by the thread that found them */
};

struct gw_resolver {
  struct gw_mailbox *mailbox;
  pthread_mutex_t mutex; /* guards waiting and must_stop; what is done with a query meanwhile is its holder's alone */
  pthread_cond_t changed;
  struct gw_list waiting;
  bool must_stop;
  bool is_freed; /* the loop's own: mail is not delivered any more */
  uint32_t thread_count;
  pthread_t threads[];
};

static void free_query(struct gw_resolver_query *query) {
  free(query->addresses);
  free(query->host);
  free(query);
}

static void deliver(void *arg, struct gw_mail *mail) {
  struct gw_resolver *resolver = arg;
  struct gw_resolver_query *query = GW_CONTAINER_OF(mail, struct gw_resolver_query, mail);
  if (query->fn != NULL && !resolver->is_freed) query->fn(query->arg, query->err, query->addresses, query->count, query->reason);
  free_query(query);
}

/* IPv4 before IPv6, each by its bytes: the same answer in any order is the same list. */
static int compare(const void *a, const void *b) {
  const struct gw_address *one = a;
  const struct gw_address *other = b;
  if (one->any.sa_family != other->any.sa_family) return one->any.sa_family == AF_INET ? -1 : 1;
  if (one->any.sa_family == AF_INET) return memcmp(&one->v4.sin_addr, &other->v4.sin_addr, sizeof(one->v4.sin_addr));
  int order = memcmp(&one->v6.sin6_addr, &other->v6.sin6_addr, sizeof(one->v6.sin6_addr));
  if (order != 0) return order;
  return (one->v6.sin6_scope_id > other->v6.sin6_scope_id) - (one->v6.sin6_scope_id < other->v6.sin6_scope_id);
}

static bool take_address(const struct addrinfo *info, uint16_t port, struct gw_address *ret_address) {
  struct gw_address address = {0};
  if (info->ai_addrlen > sizeof(address)) return false;
  memcpy(&address, info->ai_addr, info->ai_addrlen);
  if (info->ai_family == AF_INET) {
    address.v4.sin_port = htons(port);
  } else if (info->ai_family == AF_INET6) {
    address.v6.sin6_port = htons(port);
  } else {
    return false;
  }
  *ret_address = address;
  return true;
}

static void take_answer(struct gw_resolver_query *query, const struct addrinfo *answer) {
  uint32_t found = 0;
  query->addresses = gw_calloc(GW_RESOLVER_ADDRESSES_MAX, sizeof(struct gw_address));
  for (const struct addrinfo *info = answer; info != NULL && found < GW_RESOLVER_ADDRESSES_MAX; info = info->ai_next) {
    if (take_address(info, query->port, &query->addresses[found])) found++;
  }
  qsort(query->addresses, found, sizeof(struct gw_address), compare);
  for (uint32_t i = 0; i < found; i++) {
    if (query->count > 0 && compare(&query->addresses[query->count - 1], &query->addresses[i]) == 0) continue;
    query->addresses[query->count++] = query->addresses[i];
  }
}

static void look_up(struct gw_resolver_query *query) {
  /* ADDRCONFIG: no IPv6 addresses on a machine that has none itself. */
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
  struct addrinfo *answer = NULL;
  int result = getaddrinfo(query->host, NULL, &hints, &answer);
  if (result == 0) {
    take_answer(query, answer);
    freeaddrinfo(answer);
  }
  bool is_absent = result == 0 || result == EAI_NONAME || result == EAI_NODATA || result == EAI_ADDRFAMILY;
  if (query->count > 0) {
    query->err = GW_OK;
    query->reason = "resolved";
  } else {
    query->err = is_absent ? GW_ERR_NOT_FOUND : GW_ERR_IO;
    query->reason = gai_strerror(result == 0 ? EAI_NODATA : result); /* a constant string */
  }
}

static void *run_thread(void *arg) {
  struct gw_resolver *resolver = arg;
  pthread_mutex_lock(&resolver->mutex);
  for (;;) {
    while (gw_list_is_empty(&resolver->waiting) && !resolver->must_stop)
      pthread_cond_wait(&resolver->changed, &resolver->mutex);
    if (resolver->must_stop) break;
    struct gw_resolver_query *query = GW_LIST_ITEM(resolver->waiting.next, struct gw_resolver_query, node);
    gw_list_remove(&query->node);
    pthread_mutex_unlock(&resolver->mutex);
    look_up(query);
    gw_mailbox_post(resolver->mailbox, &query->mail);
    pthread_mutex_lock(&resolver->mutex);
  }
  pthread_mutex_unlock(&resolver->mutex);
  return NULL;
}

static void start_threads(struct gw_resolver *resolver) {
  pthread_attr_t attributes;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's affair */
  for (uint32_t i = 0; i < resolver->thread_count; i++) {
    int error = pthread_create(&resolver->threads[i], &attributes, run_thread, resolver);
    if (error != 0) GW_PANIC("a resolver thread cannot be started: %s", strerrordesc_np(error));
    pthread_setname_np(resolver->threads[i], "resolver");
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
}

struct gw_resolver *gw_resolver_new(struct gw_loop *loop, uint32_t thread_count) {
  GW_ASSERT(thread_count > 0);
  struct gw_resolver *resolver = gw_calloc(1, sizeof(struct gw_resolver) + (size_t)thread_count * sizeof(pthread_t));
  resolver->mailbox = gw_mailbox_new(loop, deliver, resolver);
  resolver->thread_count = thread_count;
  gw_list_init(&resolver->waiting);
  pthread_mutex_init(&resolver->mutex, NULL);
  pthread_cond_init(&resolver->changed, NULL);
  start_threads(resolver);
  return resolver;
}

void gw_resolver_free(struct gw_resolver *resolver) {
  if (resolver == NULL) return;
  pthread_mutex_lock(&resolver->mutex);
  resolver->must_stop = true;
  pthread_cond_broadcast(&resolver->changed);
  pthread_mutex_unlock(&resolver->mutex);
  for (uint32_t i = 0; i < resolver->thread_count; i++)
    pthread_join(resolver->threads[i], NULL);
  resolver->is_freed = true;
  gw_mailbox_free(resolver->mailbox);
  GW_LIST_FOR_EACH(node, &resolver->waiting) {
    gw_list_remove(node);
    free_query(GW_LIST_ITEM(node, struct gw_resolver_query, node));
  }
  pthread_cond_destroy(&resolver->changed);
  pthread_mutex_destroy(&resolver->mutex);
  free(resolver);
}

/* What no lookup is needed for. */
static bool answer_at_once(struct gw_resolver_query *query, struct gw_str host) {
  struct gw_address address;
  if (gw_address_parse_ip(host, query->port, &address) == GW_OK) {
    query->addresses = gw_calloc(1, sizeof(address));
    query->addresses[0] = address;
    query->count = 1;
    query->err = GW_OK;
    query->reason = "numeric";
    return true;
  }
  if (host.len == 0 || host.len > HOST_LEN_MAX || memchr(host.data, '\0', host.len) != NULL) {
    query->err = GW_ERR_NOT_FOUND;
    query->reason = "not a host name";
    return true;
  }
  return false;
}

struct gw_resolver_query *gw_resolver_resolve(struct gw_resolver *resolver, struct gw_str host, uint16_t port, gw_resolver_fn fn,
                                              void *arg) {
  struct gw_resolver_query *query = gw_calloc(1, sizeof(*query));
  query->resolver = resolver;
  query->fn = fn;
  query->arg = arg;
  query->host = gw_str_dup(host);
  query->port = port;
  if (answer_at_once(query, host)) {
    gw_mailbox_post(resolver->mailbox, &query->mail);
    return query;
  }
  pthread_mutex_lock(&resolver->mutex);
  gw_list_add_last(&resolver->waiting, &query->node);
  pthread_cond_signal(&resolver->changed);
  pthread_mutex_unlock(&resolver->mutex);
  return query;
}

void gw_resolver_cancel(struct gw_resolver_query *query) {
  if (query == NULL) return;
  struct gw_resolver *resolver = query->resolver;
  pthread_mutex_lock(&resolver->mutex);
  bool was_waiting = gw_list_is_linked(&query->node);
  gw_list_remove(&query->node);
  pthread_mutex_unlock(&resolver->mutex);
  if (was_waiting) {
    free_query(query);
  } else {
    query->fn = NULL; /* the loop's own; a thread never looks at it */
  }
}
