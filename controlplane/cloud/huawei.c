#include "controlplane/cloud/huawei.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/cloud/huawei_internal.h"

struct gw_huawei *gw_huawei_new(struct gw_loop *loop, struct gw_fetcher *fetcher, const struct gw_settings *settings) {
  struct gw_huawei *huawei = gw_calloc(1, sizeof(*huawei));
  huawei->loop = loop;
  huawei->fetcher = fetcher;
  if (gw_huawei_config_init(&huawei->config, settings) != GW_OK) {
    free(huawei);
    return NULL;
  }
  gw_random_init(&huawei->random, 0);
  gw_list_init(&huawei->calls);
  return huawei;
}

void gw_huawei_free(struct gw_huawei *huawei) {
  if (huawei == NULL) return;
  GW_LIST_FOR_EACH(node, &huawei->calls) gw_huawei_call_cancel(GW_LIST_ITEM(node, struct gw_huawei_call, node));
  gw_huawei_session_reset(huawei);
  gw_huawei_config_done(&huawei->config);
  free(huawei);
}

bool gw_huawei_has(const struct gw_huawei *huawei, const struct gw_settings *settings) {
  struct gw_huawei_config config;
  if (gw_huawei_config_init(&config, settings) != GW_OK) return false;
  bool is_equal = gw_huawei_config_is_equal(&huawei->config, &config);
  gw_huawei_config_done(&config);
  return is_equal;
}

bool gw_huawei_is_idle(const struct gw_huawei *huawei) {
  return gw_list_is_empty(&huawei->calls);
}

struct gw_str gw_huawei_ecs_endpoint(const struct gw_huawei *huawei) {
  return huawei->config.ecs_endpoint;
}
