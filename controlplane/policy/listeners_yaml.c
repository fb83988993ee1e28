#include "controlplane/policy/listeners_yaml.h"

#include "common/base/mem.h"
#include "common/net/address.h"
#include "controlplane/policy/listener_tls_yaml.h"
#include "controlplane/policy/translate.h"

#define LISTENERS_MAX 64u
#define NAME_MAX_BYTES 60u

static const char *const listener_keys[] =
    {"name",  "address",   "port",        "tls", "redirect_to_https", "forward_client_cert", "client_cert_details",
     "http2", "websocket", "node_groups", NULL};
static const char *const redirect_keys[] = {"listener", "port", NULL};
static const char *const http2_keys[] = {"max_streams", "stream_window", "connection_window", NULL};

static bool is_name(struct gw_str name) {
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!is_good) return false;
  }
  return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static void read_name(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_listener_entry *listener) {
  const struct gw_yaml_node *name = gw_yaml_find(node, "name");
  if (name == NULL) {
    gw_reader_mistake(reader, node, "a listener needs a name, such as https");
  } else if (gw_reader_text(reader, name, "name", &listener->name) && !is_name(listener->name)) {
    gw_reader_mistake(reader, name, "a listener's name has 1 to %u letters, digits, - _ and .", NAME_MAX_BYTES);
  }
}

static void read_address(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_listener_entry *listener) {
  const struct gw_yaml_node *address = gw_yaml_find(node, "address"), *port = gw_yaml_find(node, "port");
  struct gw_address parsed;
  struct gw_str text;
  uint32_t number;
  if (address != NULL && gw_reader_text(reader, address, "address", &text)) {
    if (gw_address_parse_ip(text, 0, &parsed) == GW_OK)
      listener->address = text;
    else
      gw_reader_mistake(reader, address, "address is numeric, such as 0.0.0.0, 127.0.0.1 or \"::\"");
  }
  if (port != NULL && gw_reader_u32(reader, port, "port", 0, 65535, &number)) listener->port = (uint16_t)number;
}

static void read_redirect(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_listener_entry *listener) {
  if (node->kind != GW_YAML_MAPPING) {
    gw_reader_bool(reader, node, "redirect_to_https", &listener->is_redirect);
    return;
  }
  if (!gw_reader_is_mapping(reader, node, "redirect_to_https", redirect_keys)) return;
  const struct gw_yaml_node *to = gw_yaml_find(node, "listener"), *port = gw_yaml_find(node, "port");
  uint32_t number;
  listener->is_redirect = true;
  if (to != NULL) gw_reader_text(reader, to, "listener", &listener->redirect_to);
  if (port != NULL && gw_reader_u32(reader, port, "port", 1, 65535, &number)) {
    listener->has_redirect_port = true;
    listener->redirect_port = (uint16_t)number;
  }
}

static void read_forwarding(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_listener_entry *listener) {
  static const char *const words[] = {[GW_CLIENT_CERT_SANITIZE] = "sanitize",
                                      [GW_CLIENT_CERT_FORWARD_ONLY] = "forward_only",
                                      [GW_CLIENT_CERT_APPEND_FORWARD] = "append_forward",
                                      [GW_CLIENT_CERT_SANITIZE_SET] = "sanitize_set",
                                      [GW_CLIENT_CERT_ALWAYS_FORWARD_ONLY] = "always_forward_only"};
  struct gw_str text;
  if (!gw_reader_text(reader, node, "forward_client_cert", &text)) return;
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++) {
    if (!gw_str_equal(text, gw_str_from(words[i]))) continue;
    listener->forwarding = (enum gw_client_cert_forwarding)i;
    bool needs_certificate = i == GW_CLIENT_CERT_FORWARD_ONLY || i == GW_CLIENT_CERT_APPEND_FORWARD || i == GW_CLIENT_CERT_SANITIZE_SET;
    if (needs_certificate && (listener->tls == NULL || listener->tls->params.validation.len == 0))
      gw_reader_mistake(reader, node, "%s needs tls with client_certificates", words[i]);
    return;
  }
  gw_reader_mistake(reader, node, "forward_client_cert is sanitize, forward_only, append_forward, sanitize_set or always_forward_only");
}

static void read_details(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_listener_entry *listener) {
  if (!gw_reader_is_list(reader, node, "client_cert_details")) return;
  listener->tells_subject = listener->tells_dns = listener->tells_uri = false;
  for (uint32_t i = 0; i < node->count; i++) {
    struct gw_str text = {NULL, 0};
    if (!gw_reader_text(reader, node->items[i], "a detail", &text)) continue;
    bool *detail = gw_str_equal(text, GW_STR("subject")) ? &listener->tells_subject
                   : gw_str_equal(text, GW_STR("dns"))   ? &listener->tells_dns
                   : gw_str_equal(text, GW_STR("uri"))   ? &listener->tells_uri
                                                         : NULL;
    if (detail != NULL)
      *detail = true;
    else
      gw_reader_mistake(reader, node->items[i], "client_cert_details lists subject, dns and uri");
  }
}

static void read_http2(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_listener_entry *listener) {
  if (node->kind != GW_YAML_MAPPING) {
    gw_reader_bool(reader, node, "http2", &listener->has_http2);
    return;
  }
  if (!gw_reader_is_mapping(reader, node, "http2", http2_keys)) return;
  const struct gw_yaml_node *streams = gw_yaml_find(node, "max_streams"), *stream = gw_yaml_find(node, "stream_window"),
                            *connection = gw_yaml_find(node, "connection_window");
  listener->has_http2 = true;
  if (streams != NULL) gw_reader_u32(reader, streams, "max_streams", 1, INT32_MAX, &listener->http2.max_concurrent_streams);
  if (stream != NULL) gw_reader_u32(reader, stream, "stream_window", 65535, INT32_MAX, &listener->http2.initial_stream_window);
  if (connection != NULL)
    gw_reader_u32(reader, connection, "connection_window", 65535, INT32_MAX, &listener->http2.initial_connection_window);
}

static void set_defaults(const struct gw_reader *reader, const struct gw_settings *settings, struct gw_listener_entry *listener) {
  *listener = (struct gw_listener_entry){
      .address = gw_arena_copy(reader->arena, gw_str_from(settings->host)),
      .port = settings->port,
      .tells_subject = true,
      .tells_dns = true,
      .tells_uri = true,
      .has_http2 = settings->has_http2,
      .has_websocket = settings->has_websocket,
      .http2 = gw_policy_translate_http2(settings),
  };
}

static void read_listener(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                          struct gw_secret_list *secrets, struct gw_listener_entry *listener) {
  set_defaults(reader, settings, listener);
  listener->node = node;
  if (!gw_reader_is_mapping(reader, node, "a listener", listener_keys)) return;
  const struct gw_yaml_node *tls = gw_yaml_find(node, "tls"), *redirect = gw_yaml_find(node, "redirect_to_https"),
                            *forwarding = gw_yaml_find(node, "forward_client_cert"), *details = gw_yaml_find(node, "client_cert_details"),
                            *http2 = gw_yaml_find(node, "http2"), *websocket = gw_yaml_find(node, "websocket"),
                            *groups = gw_yaml_find(node, "node_groups");
  if (groups != NULL) gw_node_groups_read(reader, groups, &listener->node_groups);
  read_name(reader, node, listener);
  read_address(reader, node, listener);
  if (http2 != NULL) read_http2(reader, http2, listener);
  if (websocket != NULL) gw_reader_bool(reader, websocket, "websocket", &listener->has_websocket);
  if (redirect != NULL) read_redirect(reader, redirect, listener);
  if (tls != NULL && !gw_yaml_is_null(tls)) listener->tls = gw_listener_tls_read(reader, tls, listener->name, listener->has_http2, secrets);
  if (listener->is_redirect && listener->tls != NULL)
    gw_reader_mistake(reader, redirect, "redirect_to_https is for plaintext; this listener has tls");
  bool has_clients = listener->tls != NULL && listener->tls->params.validation.len > 0;
  listener->forwarding = has_clients ? GW_CLIENT_CERT_SANITIZE_SET : GW_CLIENT_CERT_SANITIZE;
  if (forwarding != NULL) read_forwarding(reader, forwarding, listener);
  if (details != NULL) read_details(reader, details, listener);
}

static void check_doubles(const struct gw_reader *reader, const struct gw_listener_list *list, uint32_t index) {
  const struct gw_listener_entry *listener = &list->items[index];
  for (uint32_t i = 0; i < index; i++) {
    const struct gw_listener_entry *other = &list->items[i];
    if (listener->name.len > 0 && gw_str_equal(listener->name, other->name))
      gw_reader_mistake(reader, listener->node, "listener %.*s is in line %u already", GW_STR_ARG(listener->name), other->node->line);
    bool meets = gw_node_groups_meet(&listener->node_groups, &other->node_groups);
    if (meets && listener->port != 0 && listener->port == other->port && gw_str_equal(listener->address, other->address))
      gw_reader_mistake(reader, listener->node, "%.*s:%u is listened on by the listener in line %u already", GW_STR_ARG(listener->address),
                        listener->port, other->node->line);
  }
}

/* The listener with TLS that a redirect goes to; NULL after a mistake. */
static const struct gw_listener_entry *find_target(const struct gw_reader *reader, const struct gw_listener_list *list,
                                                   const struct gw_listener_entry *from) {
  const struct gw_yaml_node *place = gw_yaml_find(from->node, "redirect_to_https");
  const struct gw_listener_entry *found = NULL;
  uint32_t count = 0;
  for (uint32_t i = 0; i < list->count; i++) {
    const struct gw_listener_entry *candidate = &list->items[i];
    if (candidate->tls == NULL || !gw_node_groups_cover(&candidate->node_groups, &from->node_groups) ||
        (from->redirect_to.len > 0 && !gw_str_equal(candidate->name, from->redirect_to)))
      continue;
    found = candidate;
    count++;
  }
  if (count == 1) return found;
  if (from->redirect_to.len > 0)
    gw_reader_mistake(reader, place, "there is no listener %.*s with tls", GW_STR_ARG(from->redirect_to));
  else
    gw_reader_mistake(reader, place, "%s; {listener: NAME, port: PORT} is allowed, too",
                      count == 0 ? "there is no listener with tls to send clients to" : "there are several listeners with tls: name one");
  return NULL;
}

static void find_redirects(const struct gw_reader *reader, struct gw_listener_list *list) {
  for (uint32_t i = 0; i < list->count; i++) {
    struct gw_listener_entry *listener = &list->items[i];
    if (!listener->is_redirect) continue;
    const struct gw_listener_entry *target = find_target(reader, list, listener);
    if (target != NULL && !listener->has_redirect_port) listener->redirect_port = target->port;
  }
}

void gw_listeners_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                       struct gw_secret_list *secrets, struct gw_listener_list *ret_listeners) {
  uint32_t room = node != NULL && node->kind == GW_YAML_SEQUENCE && node->count > 0 ? node->count : 1;
  *ret_listeners = (struct gw_listener_list){.items = gw_arena_calloc(reader->arena, room, sizeof(struct gw_listener_entry)), .count = 1};
  if (node == NULL) {
    set_defaults(reader, settings, &ret_listeners->items[0]);
    ret_listeners->items[0].name = GW_STR(GW_POLICY_NAME);
    return;
  }
  if (!gw_reader_is_list(reader, node, "listeners")) return;
  if (node->count == 0 || node->count > LISTENERS_MAX) {
    gw_reader_mistake(reader, node, "listeners lists 1 to %u listeners; leave it out for one on HOST and PORT", LISTENERS_MAX);
    return;
  }
  ret_listeners->count = node->count;
  for (uint32_t i = 0; i < node->count; i++) {
    read_listener(reader, node->items[i], settings, secrets, &ret_listeners->items[i]);
    check_doubles(reader, ret_listeners, i);
  }
  find_redirects(reader, ret_listeners);
}
