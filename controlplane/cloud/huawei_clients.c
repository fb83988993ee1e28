#include "controlplane/cloud/huawei_clients.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/cloud/huawei_internal.h"

struct gw_huawei_clients {
  struct gw_loop *loop;
  struct gw_fetcher *fetcher; /* NULL: nobody has asked yet */
  struct gw_list all;
};

struct gw_huawei_clients *gw_huawei_clients_new(struct gw_loop *loop) {
  struct gw_huawei_clients *clients = gw_calloc(1, sizeof(*clients));
  clients->loop = loop;
  gw_list_init(&clients->all);
  return clients;
}

static void remove_client(struct gw_huawei *huawei) {
  gw_list_remove(&huawei->node);
  gw_huawei_free(huawei);
}

void gw_huawei_clients_free(struct gw_huawei_clients *clients) {
  if (clients == NULL) return;
  GW_LIST_FOR_EACH(node, &clients->all) remove_client(GW_LIST_ITEM(node, struct gw_huawei, node));
  gw_fetcher_free(clients->fetcher);
  free(clients);
}

struct gw_huawei *gw_huawei_clients_find(struct gw_huawei_clients *clients, const struct gw_settings *settings) {
  struct gw_huawei *found = NULL;
  GW_LIST_FOR_EACH(node, &clients->all) {
    struct gw_huawei *huawei = GW_LIST_ITEM(node, struct gw_huawei, node);
    if (gw_huawei_has(huawei, settings))
      found = huawei;
    else if (huawei->holders == 0 && gw_huawei_is_idle(huawei))
      remove_client(huawei);
  }
  if (found != NULL) return found;
  if (clients->fetcher == NULL) clients->fetcher = gw_fetcher_new(clients->loop);
  found = gw_huawei_new(clients->loop, clients->fetcher, settings);
  if (found != NULL) gw_list_add_last(&clients->all, &found->node);
  return found;
}

void gw_huawei_hold(struct gw_huawei *huawei) {
  if (huawei != NULL) huawei->holders++;
}

void gw_huawei_let_go(struct gw_huawei *huawei) {
  if (huawei != NULL) huawei->holders--;
}
