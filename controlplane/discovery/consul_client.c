#include "controlplane/discovery/consul_client.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/mem.h"
#include "common/crypto/token_file.h"
#include "common/net/address.h"

struct gw_consul_client {
  struct gw_fetcher *fetcher;
  struct gw_arena arena; /* of all strings */
  const char *url;
  const char *token;
  const char *token_file;
  const char *ca_file;
  const char *cert_file; /* NULL: none */
  const char *key_file;
};

static const char *or_null(struct gw_arena *arena, const char *text) {
  return text[0] != '\0' ? gw_arena_strdup(arena, text) : NULL;
}

struct gw_consul_client *gw_consul_client_new(struct gw_fetcher *fetcher, const struct gw_settings *settings) {
  struct gw_consul_client *client = gw_calloc(1, sizeof(*client));
  struct gw_arena *arena = &client->arena;
  gw_arena_init(arena, 1024);
  client->fetcher = fetcher;
  bool is_v6 = strchr(settings->consul_host, ':') != NULL && settings->consul_host[0] != '[';
  client->url = gw_arena_printf(arena, "%s://%s%s%s:%u", settings->consul_scheme, is_v6 ? "[" : "", settings->consul_host, is_v6 ? "]" : "",
                                settings->consul_port);
  client->token = gw_arena_strdup(arena, settings->consul_token);
  client->token_file = gw_arena_strdup(arena, settings->consul_token_file);
  client->ca_file = gw_arena_strdup(arena, settings->consul_ca_file[0] != '\0' ? settings->consul_ca_file : settings->ca_file);
  client->cert_file = or_null(arena, settings->consul_cert_file);
  client->key_file = or_null(arena, settings->consul_key_file);
  return client;
}

void gw_consul_client_free(struct gw_consul_client *client) {
  if (client == NULL) return;
  gw_arena_wipe(&client->arena);
  gw_arena_done(&client->arena);
  free(client);
}

void gw_consul_client_warn(const struct gw_consul_client *client, struct gw_log *log) {
  struct gw_str url = gw_str_from(client->url), http = GW_STR("http://");
  bool has_token = client->token[0] != '\0' || client->token_file[0] != '\0';
  if (has_token && gw_str_has_prefix(url, http) && !gw_address_is_loopback_target(gw_str_skip(url, http.len)))
    GW_LOG_WARNING(log, "the token for %s travels in the clear; CONSUL_SCHEME=https hides it", client->url);
}

const char *gw_consul_client_url(const struct gw_consul_client *client) {
  return client->url;
}

/* NULL with GW_OK: there is none. The file is read each time, since tokens are renewed. */
static enum gw_err make_token_header(const struct gw_consul_client *client, char **ret_header, char **ret_reason) {
  char *read = NULL;
  *ret_header = NULL;
  if (client->token_file[0] != '\0' && gw_token_file_read(client->token_file, &read, ret_reason) != GW_OK) return GW_ERR_INVALID;
  const char *token = read != NULL ? read : client->token;
  if (token[0] != '\0') *ret_header = gw_asprintf("X-Consul-Token: %s", token);
  if (read != NULL) explicit_bzero(read, strlen(read));
  free(read);
  return GW_OK;
}

struct gw_fetch *gw_consul_client_call(const struct gw_consul_client *client, const struct gw_consul_call *call, gw_fetch_fn fn, void *arg,
                                       char **ret_reason) {
  char *header;
  if (make_token_header(client, &header, ret_reason) != GW_OK) return NULL;
  char *url = gw_asprintf("%s%s", client->url, call->path);
  const char *headers[] = {header};
  const struct gw_fetch_request request = {.url = url,
                                           .ca_file = client->ca_file,
                                           .timeout_ms = call->timeout_ms,
                                           .bytes_max = call->bytes_max,
                                           .method = call->method,
                                           .body = call->body,
                                           .headers = headers,
                                           .header_count = header != NULL ? 1 : 0,
                                           .cert_file = client->cert_file,
                                           .key_file = client->key_file,
                                           .takes_any_status = true};
  struct gw_fetch *fetch = gw_fetch_start(client->fetcher, &request, fn, arg);
  if (header != NULL) explicit_bzero(header, strlen(header));
  free(header);
  free(url);
  return fetch;
}
