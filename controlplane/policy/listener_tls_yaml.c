#include "controlplane/policy/listener_tls_yaml.h"

#include "common/base/mem.h"

#define CERTIFICATES_MAX 1000u
#define TICKET_KEYS_MAX 16u
#define CIPHERS_MAX 32u

static const char *const tls_keys[] = {"certificates", "min_version",     "cipher_suites", "client_certificates",
                                       "ticket_keys",  "session_tickets", "alpn",          NULL};
static const char *const certificate_keys[] = {"certificate", "key", NULL};
static const char *const client_keys[] = {"ca", "require", "names", NULL};

/* Of TLS 1.2, by OpenSSL's names; both our data plane and stock Envoy have them. */
static const char *const cipher_suites[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
};

struct tls_reading {
  const struct gw_reader *reader;
  struct gw_str listener;
  struct gw_secret_list *secrets;
  struct gw_downstream_tls *tls;
};

static const char *secret_name(const struct tls_reading *r, const char *what) {
  return gw_arena_printf(r->reader->arena, "listener/%.*s/%s", GW_STR_ARG(r->listener), what);
}

static bool read_pair(const struct tls_reading *r, const struct gw_yaml_node *node, struct gw_str paths[2]) {
  if (!gw_reader_is_mapping(r->reader, node, "a certificate", certificate_keys)) return false;
  const struct gw_yaml_node *certificate = gw_yaml_find(node, "certificate"), *key = gw_yaml_find(node, "key");
  if (certificate == NULL || key == NULL) {
    gw_reader_mistake(r->reader, node, "a certificate needs the files of both: {certificate: site.crt, key: site.key}");
    return false;
  }
  bool is_good = gw_reader_text(r->reader, certificate, "certificate", &paths[0]);
  return gw_reader_text(r->reader, key, "key", &paths[1]) && is_good;
}

static void read_certificates(const struct tls_reading *r, const struct gw_yaml_node *tls_node) {
  const struct gw_yaml_node *list = gw_yaml_find(tls_node, "certificates");
  if (list == NULL) {
    gw_reader_mistake(r->reader, tls_node, "tls needs certificates: a list of {certificate: site.crt, key: site.key}");
    return;
  }
  if (!gw_reader_is_list(r->reader, list, "certificates")) return;
  if (list->count == 0 || list->count > CERTIFICATES_MAX) {
    gw_reader_mistake(r->reader, list, "certificates lists 1 to %u", CERTIFICATES_MAX);
    return;
  }
  struct gw_str *names = gw_arena_calloc(r->reader->arena, list->count, sizeof(*names));
  for (uint32_t i = 0; i < list->count; i++) {
    struct gw_str paths[2];
    if (!read_pair(r, list->items[i], paths)) continue;
    const char *name = secret_name(r, gw_arena_printf(r->reader->arena, "certificate/%u", i));
    names[r->tls->params.certificate_count++] =
        gw_secret_list_add(r->secrets, r->reader, list->items[i], GW_SECRET_CERTIFICATE, name, paths, 2);
  }
  r->tls->params.certificates = names;
}

static void read_min_version(const struct tls_reading *r, const struct gw_yaml_node *node) {
  struct gw_str text;
  if (!gw_reader_text(r->reader, node, "min_version", &text)) return;
  if (gw_str_equal(text, GW_STR("1.3")))
    r->tls->params.min_version = GW_TLS_1_3;
  else if (!gw_str_equal(text, GW_STR("1.2")))
    gw_reader_mistake(r->reader, node, "min_version is \"1.2\" or \"1.3\"");
}

static void read_ciphers(const struct tls_reading *r, const struct gw_yaml_node *node) {
  const struct gw_str *texts;
  uint32_t count;
  if (!gw_tls_read_texts(r->reader, node, "cipher_suites", CIPHERS_MAX, &texts, &count)) return;
  struct gw_strbuf joined;
  gw_strbuf_init(&joined);
  for (uint32_t i = 0; i < count; i++) {
    bool is_known = false;
    for (size_t k = 0; k < GW_ARRAY_LEN(cipher_suites); k++)
      is_known = is_known || gw_str_equal(texts[i], gw_str_from(cipher_suites[k]));
    const char *nearest = is_known ? NULL : gw_reader_find_nearest(texts[i], cipher_suites, GW_ARRAY_LEN(cipher_suites));
    if (!is_known)
      gw_reader_mistake(r->reader, node->kind == GW_YAML_SEQUENCE ? node->items[i] : node,
                        "%.*s is no cipher suite of TLS 1.2 that is allowed, such as %s (those of TLS 1.3 are always on)",
                        GW_STR_ARG(texts[i]), nearest != NULL ? nearest : cipher_suites[0]);
    gw_strbuf_printf(&joined, "%s%.*s", i > 0 ? ":" : "", GW_STR_ARG(texts[i]));
  }
  r->tls->params.cipher_suites = gw_arena_copy(r->reader->arena, gw_strbuf_str(&joined));
  gw_strbuf_done(&joined);
}

static void read_clients(const struct tls_reading *r, const struct gw_yaml_node *node) {
  if (!gw_reader_is_mapping(r->reader, node, "client_certificates", client_keys)) return;
  const struct gw_yaml_node *ca = gw_yaml_find(node, "ca"), *require = gw_yaml_find(node, "require"), *names = gw_yaml_find(node, "names");
  struct gw_str path;
  r->tls->requires_client_certificate = true;
  if (ca == NULL)
    gw_reader_mistake(r->reader, node, "client_certificates needs a ca: the file of who issues them");
  else if (gw_reader_text(r->reader, ca, "ca", &path))
    r->tls->params.validation = gw_secret_list_add(r->secrets, r->reader, ca, GW_SECRET_VALIDATION, secret_name(r, "clients"), &path, 1);
  if (require != NULL) gw_reader_bool(r->reader, require, "require", &r->tls->requires_client_certificate);
  if (names != NULL) gw_tls_read_names(r->reader, names, &r->tls->params.sans, &r->tls->params.san_count);
}

static void read_tickets(const struct tls_reading *r, const struct gw_yaml_node *tls_node) {
  const struct gw_yaml_node *keys = gw_yaml_find(tls_node, "ticket_keys"), *tickets = gw_yaml_find(tls_node, "session_tickets");
  bool has_tickets = true;
  if (tickets != NULL) gw_reader_bool(r->reader, tickets, "session_tickets", &has_tickets);
  r->tls->has_no_tickets = !has_tickets;
  const struct gw_str *paths;
  uint32_t count;
  if (keys == NULL || !gw_tls_read_texts(r->reader, keys, "ticket_keys", TICKET_KEYS_MAX, &paths, &count)) return;
  if (!has_tickets) gw_reader_mistake(r->reader, keys, "ticket_keys are of no use with session_tickets: false");
  r->tls->ticket_keys = gw_secret_list_add(r->secrets, r->reader, keys, GW_SECRET_TICKET_KEYS, secret_name(r, "tickets"), paths, count);
}

static void read_alpn(const struct tls_reading *r, const struct gw_yaml_node *node, bool has_http2) {
  static const struct gw_str both[] = {{"h2", 2}, {"http/1.1", 8}};
  r->tls->params.alpn = has_http2 ? both : &both[1];
  r->tls->params.alpn_count = has_http2 ? 2 : 1;
  if (node == NULL) return;
  const struct gw_str *texts;
  uint32_t count;
  if (!gw_tls_read_texts(r->reader, node, "alpn", 2, &texts, &count)) return;
  for (uint32_t i = 0; i < count; i++) {
    bool is_h2 = gw_str_equal(texts[i], both[0]);
    bool is_twice = i > 0 && gw_str_equal(texts[0], texts[i]);
    if ((!is_h2 && !gw_str_equal(texts[i], both[1])) || is_twice)
      gw_reader_mistake(r->reader, node, "alpn lists h2 and http/1.1, each once, in the order of preference");
    else if (is_h2 && !has_http2)
      gw_reader_mistake(r->reader, node, "alpn has h2, and http2 is false");
  }
  r->tls->params.alpn = texts;
  r->tls->params.alpn_count = count;
}

const struct gw_downstream_tls *gw_listener_tls_read(const struct gw_reader *reader, const struct gw_yaml_node *node,
                                                     struct gw_str listener_name, bool has_http2, struct gw_secret_list *secrets) {
  struct gw_downstream_tls *tls = gw_arena_calloc(reader->arena, 1, sizeof(*tls));
  tls->params.max_version = GW_TLS_1_3;
  if (!gw_reader_is_mapping(reader, node, "tls", tls_keys)) return tls;
  const struct tls_reading r = {reader, listener_name, secrets, tls};
  const struct gw_yaml_node *min_version = gw_yaml_find(node, "min_version"), *ciphers = gw_yaml_find(node, "cipher_suites"),
                            *clients = gw_yaml_find(node, "client_certificates");
  read_certificates(&r, node);
  if (min_version != NULL) read_min_version(&r, min_version);
  if (ciphers != NULL) read_ciphers(&r, ciphers);
  if (clients != NULL) read_clients(&r, clients);
  read_tickets(&r, node);
  read_alpn(&r, gw_yaml_find(node, "alpn"), has_http2);
  return tls;
}
