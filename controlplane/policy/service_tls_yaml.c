#include "controlplane/policy/service_tls_yaml.h"

#include "common/base/mem.h"
#include "common/net/address.h"

static const char *const tls_keys[] = {"ca", "verify", "sni", "names", "certificate", "key", NULL};

static const char *secret_name(const struct gw_reader *reader, const struct gw_service_entry *service, const char *what) {
  return gw_arena_printf(reader->arena, "service/%.*s/%s", GW_STR_ARG(service->name), what);
}

static void read_protocol(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_service_entry *service) {
  static const char *const words[] = {[GW_UPSTREAM_HTTP1] = "http1", [GW_UPSTREAM_HTTP2] = "h2", [GW_UPSTREAM_AUTO] = "auto"};
  struct gw_str text;
  if (!gw_reader_text(reader, node, "protocol", &text)) return;
  for (size_t i = 0; i < GW_ARRAY_LEN(words); i++) {
    if (!gw_str_equal(text, gw_str_from(words[i]))) continue;
    service->protocol = (enum gw_upstream_protocol)i;
    if (i == GW_UPSTREAM_AUTO && !service->is_https)
      gw_reader_mistake(reader, node, "auto is what TLS agrees on, and needs https:// instances; http1 and h2 are allowed");
    return;
  }
  gw_reader_mistake(reader, node, "protocol is http1, h2 or auto");
}

/* The name to ask for: that of all instances. Addresses are none (RFC 6066). */
static void find_host(const struct gw_reader *reader, const struct gw_yaml_node *tls_node, const struct gw_service_entry *service,
                      bool has_sni, struct gw_upstream_tls *tls) {
  struct gw_str host = {NULL, 0};
  bool differs = false;
  for (uint32_t i = 0; i < service->endpoint_count; i++) {
    struct gw_address address;
    struct gw_str name = service->endpoints[i].address;
    if (gw_address_parse_ip(name, 0, &address) == GW_OK) continue;
    differs = differs || (host.len > 0 && !gw_str_equal(host, name));
    host = name;
  }
  if (has_sni) return;
  if (differs)
    gw_reader_mistake(reader, tls_node, "the instances of %.*s have different host names; tls: {sni: NAME} says which one to ask for",
                      GW_STR_ARG(service->name));
  tls->sni = host;
}

/* What the certificate must be of: what was asked for, else the hosts of the instances. */
static void name_hosts(const struct gw_reader *reader, const struct gw_service_entry *service, struct gw_upstream_tls *tls) {
  struct gw_san_match *sans = gw_arena_calloc(reader->arena, service->endpoint_count + 1u, sizeof(*sans));
  if (tls->sni.len > 0) sans[tls->params.san_count++] = gw_tls_name_of_host(tls->sni);
  for (uint32_t i = 0; tls->sni.len == 0 && i < service->endpoint_count; i++) {
    bool is_new = i == 0 || !gw_str_equal(service->endpoints[i].address, service->endpoints[i - 1].address); /* they are sorted */
    if (is_new) sans[tls->params.san_count++] = gw_tls_name_of_host(service->endpoints[i].address);
  }
  tls->params.sans = sans;
}

static void read_pair(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_secret_list *secrets,
                      const struct gw_service_entry *service, struct gw_upstream_tls *tls) {
  const struct gw_yaml_node *certificate = gw_yaml_find(node, "certificate"), *key = gw_yaml_find(node, "key");
  if (certificate == NULL && key == NULL) return;
  if (certificate == NULL || key == NULL) {
    gw_reader_mistake(reader, certificate != NULL ? certificate : key, "certificate and key go together");
    return;
  }
  struct gw_str paths[2];
  bool is_good = gw_reader_text(reader, certificate, "certificate", &paths[0]);
  if (!gw_reader_text(reader, key, "key", &paths[1]) || !is_good) return;
  struct gw_str *names = gw_arena_calloc(reader->arena, 1, sizeof(*names));
  names[0] = gw_secret_list_add(secrets, reader, certificate, GW_SECRET_CERTIFICATE, secret_name(reader, service, "certificate"), paths, 2);
  tls->params.certificates = names;
  tls->params.certificate_count = 1;
}

static void read_sni(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_upstream_tls *tls) {
  struct gw_address address;
  if (!gw_reader_text(reader, node, "sni", &tls->sni)) return;
  if (gw_address_parse_ip(tls->sni, 0, &address) == GW_OK)
    gw_reader_mistake(reader, node, "sni is a host name; for an address leave it out, and write it under names if it differs");
}

/* Whom to trust, and about what. */
static void read_trust(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_secret_list *secrets,
                       const struct gw_service_entry *service, struct gw_upstream_tls *tls, bool *ret_needs_system_ca) {
  const struct gw_yaml_node *ca = node != NULL ? gw_yaml_find(node, "ca") : NULL,
                            *names = node != NULL ? gw_yaml_find(node, "names") : NULL,
                            *verify = node != NULL ? gw_yaml_find(node, "verify") : NULL;
  bool is_verified = true;
  if (verify != NULL) gw_reader_bool(reader, verify, "verify", &is_verified);
  if (!is_verified) {
    if (ca != NULL || names != NULL) gw_reader_mistake(reader, ca != NULL ? ca : names, "is of no use with verify: false");
    gw_reader_warn(reader, verify, "whoever answers for %.*s is believed: verify is false", GW_STR_ARG(service->name));
    return;
  }
  struct gw_str path;
  if (ca == NULL) {
    tls->params.validation = GW_STR(GW_SYSTEM_CA);
    *ret_needs_system_ca = true;
  } else if (gw_reader_text(reader, ca, "ca", &path)) {
    tls->params.validation = gw_secret_list_add(secrets, reader, ca, GW_SECRET_VALIDATION, secret_name(reader, service, "ca"), &path, 1);
  }
  if (names != NULL)
    gw_tls_read_names(reader, names, &tls->params.sans, &tls->params.san_count);
  else
    name_hosts(reader, service, tls);
}

static void set_alpn(const struct gw_service_entry *service, struct gw_upstream_tls *tls) {
  static const struct gw_str both[] = {{"h2", 2}, {"http/1.1", 8}};
  tls->params.alpn = service->protocol == GW_UPSTREAM_HTTP1 ? &both[1] : both;
  tls->params.alpn_count = service->protocol == GW_UPSTREAM_AUTO ? 2 : 1;
}

void gw_service_tls_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_secret_list *secrets,
                         struct gw_service_entry *service, bool *ret_needs_system_ca) {
  const struct gw_yaml_node *protocol = gw_yaml_find(node, "protocol"), *tls_node = gw_yaml_find(node, "tls");
  if (protocol != NULL) read_protocol(reader, protocol, service);
  if (tls_node != NULL && gw_yaml_is_null(tls_node)) tls_node = NULL;
  if (!service->is_https) {
    if (tls_node != NULL) gw_reader_mistake(reader, tls_node, "tls is for instances with https:// urls");
    return;
  }
  struct gw_upstream_tls *tls = gw_arena_calloc(reader->arena, 1, sizeof(*tls));
  tls->params.max_version = GW_TLS_1_3;
  service->tls = tls;
  if (tls_node != NULL && !gw_reader_is_mapping(reader, tls_node, "tls", tls_keys)) return;
  const struct gw_yaml_node *sni = tls_node != NULL ? gw_yaml_find(tls_node, "sni") : NULL;
  if (sni != NULL) read_sni(reader, sni, tls);
  find_host(reader, tls_node != NULL ? tls_node : service->key, service, sni != NULL, tls);
  read_trust(reader, tls_node, secrets, service, tls, ret_needs_system_ca);
  if (tls_node != NULL) read_pair(reader, tls_node, secrets, service, tls);
  set_alpn(service, tls);
}
