#include "controlplane/server/cloud.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/policy/settings.h"

struct gw_cloud {
  struct gw_huawei_clients *clients;
  const struct gw_options *options;
  struct gw_huawei *huawei; /* held: of the last good settings; NULL: nobody has asked yet, or they have no credentials */
};

struct gw_cloud *gw_cloud_new(struct gw_huawei_clients *clients, const struct gw_options *options) {
  struct gw_cloud *cloud = gw_calloc(1, sizeof(*cloud));
  *cloud = (struct gw_cloud){.clients = clients, .options = options};
  return cloud;
}

void gw_cloud_free(struct gw_cloud *cloud) {
  if (cloud == NULL) return;
  gw_huawei_let_go(cloud->huawei);
  free(cloud);
}

static void follow(struct gw_cloud *cloud, const struct gw_settings *settings) {
  struct gw_huawei *before = cloud->huawei;
  gw_huawei_hold(cloud->huawei = gw_huawei_clients_find(cloud->clients, settings));
  gw_huawei_let_go(before);
}

static struct gw_huawei *get(void *arg, char **ret_words) {
  struct gw_cloud *cloud = arg;
  struct gw_errors errors;
  struct gw_settings *settings = NULL;
  gw_errors_init(&errors);
  if (gw_settings_load(cloud->options->env_file, cloud->options->settings, &errors, &settings) == GW_OK) {
    follow(cloud, settings);
    gw_settings_free(settings);
    if (cloud->huawei == NULL)
      *ret_words =
          gw_strdup("the control plane has no credentials for Huawei Cloud: GATEWAY_HUAWEI_REGION, and GATEWAY_HUAWEI_ACCESS_KEY with "
                    "GATEWAY_HUAWEI_SECRET_KEY, GATEWAY_HUAWEI_USER, or GATEWAY_HUAWEI_CREDENTIALS_FILE, are its settings");
  } else if (cloud->huawei == NULL) {
    *ret_words = gw_asprintf("the control plane's settings have mistakes: %s: %s", errors.items[0].place, errors.items[0].sentence);
  }
  gw_errors_done(&errors);
  return cloud->huawei;
}

struct gw_admin_cloud gw_cloud_for_admin(struct gw_cloud *cloud) {
  return (struct gw_admin_cloud){.arg = cloud, .get = get};
}
