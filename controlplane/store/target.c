#include "controlplane/store/target.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/net/address.h"

#define FORMS "sqlite:///PATH and mysql://[USER@]HOST[:PORT]/DATABASE are allowed"

static enum gw_err fail(char **ret_words, char *words) {
  *ret_words = words;
  return GW_ERR_INVALID;
}

/* The piece before `separator`, which is cut off with it; `rest` stays as it is when there is none. */
static bool cut(struct gw_str *rest, char separator, struct gw_str *ret_piece) {
  ptrdiff_t at = gw_str_find_char(*rest, separator);
  if (at < 0) return false;
  *ret_piece = (struct gw_str){rest->data, (size_t)at};
  *rest = gw_str_skip(*rest, (size_t)at + 1);
  return true;
}

static char *or_setting(struct gw_str text, const char *setting) {
  return text.len > 0 ? gw_str_dup(text) : gw_strdup(setting != NULL ? setting : "");
}

static enum gw_err parse_port(struct gw_str text, uint16_t *ret_port) {
  uint64_t value;
  if (gw_str_parse_u64(text, &value) != GW_OK || value == 0 || value > UINT16_MAX) return GW_ERR_INVALID;
  *ret_port = (uint16_t)value;
  return GW_OK;
}

/* HOST[:PORT] or [IPV6][:PORT]. */
static enum gw_err parse_host(struct gw_str text, struct gw_str *ret_host, uint16_t *ret_port) {
  struct gw_str rest = text;
  if (text.len > 0 && text.data[0] == '[') {
    rest = gw_str_skip(text, 1);
    if (!cut(&rest, ']', ret_host) || ret_host->len == 0) return GW_ERR_INVALID;
    if (rest.len == 0) return GW_OK;
    return rest.data[0] == ':' ? parse_port(gw_str_skip(rest, 1), ret_port) : GW_ERR_INVALID;
  }
  if (cut(&rest, ':', ret_host)) return parse_port(rest, ret_port);
  *ret_host = text;
  return GW_OK;
}

static bool is_given(const char *setting) {
  return setting != NULL && setting[0] != '\0';
}

static bool is_on_this_machine(const char *host) {
  bool is_ipv6 = strchr(host, ':') != NULL;
  GW_CLEANUP(gw_free_ptr) char *with_port = gw_asprintf(is_ipv6 ? "[%s]:1" : "%s:1", host);
  return gw_address_is_loopback_target(gw_str_from(with_port));
}

/* Passwords and hashes go over that connection. */
static enum gw_err take_tls(const struct gw_store_settings *settings, struct gw_store_target *target, char **ret_words) {
  if (is_given(settings->tls_cert) != is_given(settings->tls_key))
    return fail(ret_words, gw_strdup("MYSQL_SSL_CERT and MYSQL_SSL_KEY go together"));
  if (settings->tls == GW_STORE_TLS_OFF && is_given(settings->tls_ca))
    return fail(ret_words, gw_strdup("MYSQL_SSL_CA is given, and GATEWAY_MYSQL_TLS=false says that there is no TLS"));
  target->uses_tls = settings->tls == GW_STORE_TLS_ON ||
                     (settings->tls == GW_STORE_TLS_AUTO && (is_given(settings->tls_ca) || !is_on_this_machine(target->host)));
  target->tls_ca = gw_strdup(is_given(settings->tls_ca) ? settings->tls_ca : settings->default_ca != NULL ? settings->default_ca : "");
  target->tls_cert = or_setting(gw_str_from(""), settings->tls_cert);
  target->tls_key = or_setting(gw_str_from(""), settings->tls_key);
  return GW_OK;
}

static enum gw_err take_mysql(struct gw_str rest, const struct gw_store_settings *settings, struct gw_store_target *ret_target,
                              char **ret_words) {
  struct gw_str authority = rest, user = {NULL, 0}, host = {NULL, 0};
  uint16_t port = settings->port != 0 ? settings->port : GW_STORE_MYSQL_PORT;
  struct gw_str database = rest;
  if (!cut(&database, '/', &authority)) database = (struct gw_str){NULL, 0};
  if (cut(&authority, '@', &user) && gw_str_find_char(user, ':') >= 0)
    return fail(ret_words, gw_strdup("a password in a URL is shown by ps: give it as MYSQL_PASSWORD, in the environment or a file"));
  if (parse_host(authority, &host, &port) != GW_OK) return fail(ret_words, gw_asprintf("%.*s is no HOST[:PORT]", GW_STR_ARG(authority)));
  struct gw_store_target target = {.kind = GW_STORE_MYSQL,
                                   .port = port,
                                   .host = or_setting(host, settings->host),
                                   .user = or_setting(user, settings->user),
                                   .password = gw_strdup(settings->password != NULL ? settings->password : ""),
                                   .database = or_setting(database, settings->database)};
  const char *gap = target.host[0] == '\0'       ? "a host (MYSQL_HOST)"
                    : target.user[0] == '\0'     ? "a user (MYSQL_USER)"
                    : target.database[0] == '\0' ? "a database (MYSQL_DATABASE)"
                                                 : NULL;
  enum gw_err err = gap == NULL ? take_tls(settings, &target, ret_words) : fail(ret_words, gw_asprintf("MySQL needs %s", gap));
  if (err != GW_OK) {
    gw_store_target_done(&target);
    return err;
  }
  *ret_target = target;
  return GW_OK;
}

enum gw_err gw_store_target_init(const char *url, const struct gw_store_settings *settings, const char *default_path,
                                 struct gw_store_target *ret_target, char **ret_words) {
  static const struct gw_str sqlite = {"sqlite://", 9}, mysql = {"mysql://", 8};
  if (url == NULL) {
    if (settings->host != NULL && settings->host[0] != '\0') return take_mysql((struct gw_str){"", 0}, settings, ret_target, ret_words);
    *ret_target = (struct gw_store_target){.kind = GW_STORE_SQLITE, .path = gw_strdup(default_path)};
    return GW_OK;
  }
  struct gw_str text = gw_str_from(url);
  if (gw_str_has_prefix(text, mysql)) return take_mysql(gw_str_skip(text, mysql.len), settings, ret_target, ret_words);
  if (!gw_str_has_prefix(text, sqlite)) return fail(ret_words, gw_strdup(FORMS));
  struct gw_str path = gw_str_skip(text, sqlite.len);
  if (path.len < 2 || path.data[0] != '/' || path.data[path.len - 1] == '/')
    return fail(ret_words, gw_strdup("SQLite's file is an absolute path, behind three slashes: sqlite:///var/lib/gateway/gateway.db"));
  *ret_target = (struct gw_store_target){.kind = GW_STORE_SQLITE, .path = gw_str_dup(path)};
  return GW_OK;
}

void gw_store_target_done(struct gw_store_target *target) {
  free(target->path);
  free(target->host);
  free(target->user);
  if (target->password != NULL) explicit_bzero(target->password, strlen(target->password));
  free(target->password);
  free(target->database);
  free(target->tls_ca);
  free(target->tls_cert);
  free(target->tls_key);
  *target = (struct gw_store_target){0};
}

char *gw_store_target_format(const struct gw_store_target *target) {
  if (target->kind == GW_STORE_SQLITE) return gw_asprintf("sqlite://%s", target->path);
  return gw_asprintf("mysql://%s@%s:%u/%s", target->user, target->host, (unsigned)target->port, target->database);
}
