#include "controlplane/policy/huawei_settings.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/net/address.h"

#define REFRESH_MIN_MS 1000u

static bool is_given(const char *text) {
  return text[0] != '\0';
}

bool gw_settings_has_huawei(const struct gw_settings *settings) {
  return is_given(settings->huawei_access_key) || is_given(settings->huawei_user) || is_given(settings->huawei_credentials_file);
}

static bool is_wanted(const struct gw_settings *settings) {
  struct gw_str rest = gw_str_from(settings->discovery_type), piece;
  while (gw_str_split_next(&rest, ',', &piece))
    if (gw_str_equal(gw_str_trim(piece), GW_STR("huawei"))) return true;
  return false;
}

struct part {
  const char *name;
  const char *text;
};

/* All, or none of them. */
static void check_whole(const struct gw_settings *settings, const struct part *parts, size_t count, struct gw_errors *errors) {
  const char *given = NULL;
  for (size_t i = 0; i < count; i++)
    if (given == NULL && is_given(parts[i].text)) given = parts[i].name;
  for (size_t i = 0; given != NULL && i < count; i++)
    if (!is_given(parts[i].text)) gw_errors_add(errors, gw_settings_place(settings, given), "%s is given without %s", given, parts[i].name);
}

static void check_credentials(const struct gw_settings *settings, struct gw_errors *errors) {
  const struct part key[] = {{"GATEWAY_HUAWEI_ACCESS_KEY", settings->huawei_access_key},
                             {"GATEWAY_HUAWEI_SECRET_KEY", settings->huawei_secret_key}};
  const struct part user[] = {{"GATEWAY_HUAWEI_USER", settings->huawei_user},
                              {"GATEWAY_HUAWEI_PASSWORD", settings->huawei_password},
                              {"GATEWAY_HUAWEI_DOMAIN", settings->huawei_domain}};
  check_whole(settings, key, GW_ARRAY_LEN(key), errors);
  check_whole(settings, user, GW_ARRAY_LEN(user), errors);
  if (is_given(settings->huawei_security_token) && !is_given(settings->huawei_access_key))
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_SECURITY_TOKEN"),
                  "GATEWAY_HUAWEI_SECURITY_TOKEN is given without the key that it belongs to: GATEWAY_HUAWEI_ACCESS_KEY");
  for (const char *at = settings->huawei_security_token; *at != '\0'; at++) {
    if (*at > ' ' && *at < 0x7f) continue;
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_SECURITY_TOKEN"),
                  "GATEWAY_HUAWEI_SECURITY_TOKEN: ASCII without spaces is allowed");
    break;
  }
  const struct part ways[] = {key[0], user[0], {"GATEWAY_HUAWEI_CREDENTIALS_FILE", settings->huawei_credentials_file}};
  const char *first = NULL;
  for (size_t i = 0; i < GW_ARRAY_LEN(ways); i++) {
    if (!is_given(ways[i].text)) continue;
    if (first != NULL)
      gw_errors_add(errors, gw_settings_place(settings, ways[i].name), "%s and %s exclude each other: a key, a user, or a file", first,
                    ways[i].name);
    first = ways[i].name;
  }
}

/* What is signed travels in the clear over http, and so does a password. */
static void check_endpoint(const struct gw_settings *settings, const char *name, const char *text, struct gw_errors *errors) {
  struct gw_str url = gw_str_from(text), host = {0};
  if (!is_given(text)) return;
  bool is_https = gw_str_has_prefix(url, GW_STR("https://")), is_http = gw_str_has_prefix(url, GW_STR("http://"));
  if (is_https || is_http) host = gw_str_skip(url, is_https ? 8 : 7);
  while (host.len > 0 && host.data[host.len - 1] == '/')
    host.len--;
  bool is_good = host.len > 0;
  for (size_t i = 0; i < host.len; i++)
    is_good = is_good && strchr("/?#@\\", host.data[i]) == NULL;
  if (!is_good)
    gw_errors_add(errors, gw_settings_place(settings, name), "%s: https://HOST[:PORT] is allowed", name);
  else if (is_http && !gw_address_is_loopback_target(host))
    gw_errors_add(errors, gw_settings_place(settings, name), "%s: http:// is allowed on loopback only; https:// is wanted", name);
}

void gw_huawei_settings_check(const struct gw_settings *settings, struct gw_errors *errors) {
  check_credentials(settings, errors);
  check_endpoint(settings, "GATEWAY_HUAWEI_ECS_ENDPOINT", settings->huawei_ecs_endpoint, errors);
  check_endpoint(settings, "GATEWAY_HUAWEI_IAM_ENDPOINT", settings->huawei_iam_endpoint, errors);
  bool is_there = gw_settings_has_huawei(settings);
  if (is_there && !is_given(settings->huawei_region))
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_REGION"), "GATEWAY_HUAWEI_REGION is wanted, such as cn-north-4");
  if (strspn(settings->huawei_region, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(settings->huawei_region))
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_REGION"),
                  "GATEWAY_HUAWEI_REGION: the name of a region is allowed, such as cn-north-4");
  if (strspn(settings->huawei_project_id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
      strlen(settings->huawei_project_id))
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_PROJECT_ID"),
                  "GATEWAY_HUAWEI_PROJECT_ID: the id of a project is allowed");
  if (settings->huawei_timeout_ms == 0)
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_TIMEOUT"), "GATEWAY_HUAWEI_TIMEOUT: more than 0 is wanted");
  if (settings->huawei_refresh_ms < REFRESH_MIN_MS)
    gw_errors_add(errors, gw_settings_place(settings, "GATEWAY_HUAWEI_REFRESH"), "GATEWAY_HUAWEI_REFRESH: 1s or more is wanted");
  if (!is_there && is_wanted(settings))
    gw_errors_add(errors, gw_settings_place(settings, "SERVICE_DISCOVERY_TYPE"),
                  "SERVICE_DISCOVERY_TYPE names huawei, and there are no credentials: GATEWAY_HUAWEI_ACCESS_KEY and "
                  "GATEWAY_HUAWEI_SECRET_KEY, GATEWAY_HUAWEI_USER, or GATEWAY_HUAWEI_CREDENTIALS_FILE");
}
