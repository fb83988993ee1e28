/* gatewayctl pki: a certificate authority of one's own for the control channel, and certificates for who talks over it. Nothing here needs
 * a control plane; files that are there are not overwritten unasked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/pki.h"
#include "common/net/address.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/key_file.h"

#define DAY_S 86400
#define CA_DAYS 3650
#define LEAF_DAYS 365
#define SKEW_S 300 /* clocks of other machines may be behind */
#define NAME_MAX_LEN 64
#define DOMAIN_DEFAULT "gateway.internal"

static int64_t now_s(void) {
  return (int64_t)(gw_clock_wall_us() / 1000000);
}

/* "2027-11-25" */
static void format_day(int64_t when_s, char ret_text[GW_CLOCK_RFC3339_SIZE]) {
  gw_clock_format_rfc3339((uint64_t)when_s * 1000000, ret_text);
  ret_text[10] = '\0';
}

/* ---- words ---- */

/* What a SPIFFE id's segments are made of, and file names and host names, too. */
static bool is_word(struct gw_str text) {
  if (text.data == NULL) return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!is_plain) return false;
  }
  return text.len > 0;
}

static bool is_any(struct gw_str text) {
  return gw_str_equal(text, GW_STR("*"));
}

static bool is_segment(struct gw_str text) {
  bool is_dots = gw_str_equal(text, GW_STR(".")) || gw_str_equal(text, GW_STR(".."));
  return is_any(text) || (is_word(text) && !is_dots);
}

static bool is_node(const char *text) {
  struct gw_str rest = gw_str_from(text), cluster, node, surplus;
  return gw_str_split_next(&rest, '/', &cluster) && gw_str_split_next(&rest, '/', &node) && !gw_str_split_next(&rest, '/', &surplus) &&
         is_segment(cluster) && is_segment(node);
}

static bool is_file_name(struct gw_str text) {
  return is_word(text) && text.data[0] != '.' && text.len <= NAME_MAX_LEN && !gw_str_equal(text, GW_STR("ca"));
}

/* An address, or a name that may begin with "*." */
static bool parse_host(const char *text, struct gw_certificate_name *ret_name) {
  struct gw_str host = gw_str_from(text);
  struct gw_address address;
  ret_name->value = host;
  ret_name->kind = GW_CERTIFICATE_IP;
  if (gw_address_parse_ip(host, 0, &address) == GW_OK) return true;
  ret_name->kind = GW_CERTIFICATE_DNS;
  return is_word(gw_str_has_prefix(host, GW_STR("*.")) ? gw_str_skip(host, 2) : host);
}

/* ---- files ---- */

static char *path_of(const struct gw_ctl *ctl, const char *name, const char *suffix) {
  return gw_asprintf("%s/%s.%s", ctl->pki.dir, name, suffix);
}

/* The key first: a program that watches both does not use a certificate before it has the key. */
static int put_pair(const char *key_path, const char *certificate_path, const struct gw_pki_pair *pair, bool may_replace) {
  int exit_code = gw_ctl_put_file(key_path, pair->key, 0600, may_replace);
  if (exit_code != GW_CTL_OK) return exit_code;
  exit_code = gw_ctl_put_file(certificate_path, pair->certificate, 0644, may_replace);
  if (exit_code != GW_CTL_OK && !may_replace) unlink(key_path);
  return exit_code;
}

/* ---- init ---- */

static int make_folder(const struct gw_ctl *ctl) {
  if (mkdir(ctl->pki.dir, 0700) == 0 || errno == EEXIST) return GW_CTL_OK;
  return gw_ctl_fail(GW_CTL_SYSTEM, "the folder %s cannot be made: %s", ctl->pki.dir, strerror(errno));
}

static void explain_init(const struct gw_ctl *ctl, const char *domain, int64_t not_after_s) {
  char until[GW_CLOCK_RFC3339_SIZE];
  format_day(not_after_s, until);
  const char *dir = ctl->pki.dir;
  printf("Made a certificate authority for %s, valid until %s:\n"
         "  %s/ca.crt  goes to every control plane, data plane and administrator\n"
         "  %s/ca.key  stays here and secret: whoever has it can be any of them\n\n"
         "Next, a certificate for each:\n"
         "  gatewayctl pki issue control-plane --dir %s --control-plane --host NAME-OR-ADDRESS\n"
         "  gatewayctl pki issue NODE --dir %s --node CLUSTER/NODE\n",
         domain, until, dir, dir, dir, dir);
}

static int make_authority(const struct gw_ctl *ctl, const char *domain) {
  GW_CLEANUP(gw_free_ptr) char *common_name = gw_asprintf("%.*s CA", NAME_MAX_LEN - 3, domain);
  GW_CLEANUP(gw_free_ptr) char *id = gw_asprintf("spiffe://%s", domain);
  struct gw_certificate_name name = {GW_CERTIFICATE_URI, gw_str_from(id)};
  struct gw_pki_request request = {
      .common_name = common_name,
      .is_ca = true,
      .names = &name,
      .name_count = 1,
      .not_before_s = now_s() - SKEW_S,
      .not_after_s = now_s() + (int64_t)(ctl->pki.days > 0 ? ctl->pki.days : CA_DAYS) * DAY_S,
  };
  GW_CLEANUP(gw_free_ptr) char *certificate = path_of(ctl, "ca", "crt");
  GW_CLEANUP(gw_free_ptr) char *key = path_of(ctl, "ca", "key");
  if (gw_ctl_file_exists(certificate) || gw_ctl_file_exists(key)) {
    return gw_ctl_fail(GW_CTL_INVALID, "%s is there already: issue certificates with it, or name another folder with --dir",
                       gw_ctl_file_exists(certificate) ? certificate : key);
  }
  struct gw_pki_pair pair;
  if (gw_pki_issue(&request, NULL, &pair) != GW_OK) return gw_ctl_fail(GW_CTL_FAILED, "the authority cannot be made");
  int exit_code = put_pair(key, certificate, &pair, false);
  gw_pki_pair_done(&pair);
  if (exit_code == GW_CTL_OK) explain_init(ctl, domain, request.not_after_s);
  return exit_code;
}

static int init(const struct gw_ctl *ctl) {
  const uint64_t allowed = GW_CTL_FLAG_DIR | GW_CTL_FLAG_DOMAIN | GW_CTL_FLAG_DAYS;
  if (ctl->word_count > 1 || (ctl->given & ~allowed) != 0) return gw_ctl_fail_usage("pki init takes --dir, --domain and --days only");
  const char *domain = ctl->pki.domain != NULL ? ctl->pki.domain : DOMAIN_DEFAULT;
  if (!is_word(gw_str_from(domain))) return gw_ctl_fail_usage("--domain %s: a name such as gateway.example is wanted", domain);
  int exit_code = make_folder(ctl);
  return exit_code == GW_CTL_OK ? make_authority(ctl, domain) : exit_code;
}

/* ---- issue ---- */

struct issue {
  const struct gw_ctl *ctl;
  const char *name;
  struct gw_tls_material ca;
  char *domain;
  struct gw_certificate_name names[GW_CTL_NAMES_MAX];
  char *uris[GW_CTL_NAMES_MAX]; /* that names point into */
  size_t name_count;
  size_t uri_count;
  int64_t not_after_s;
  char *certificate_path;
  char *key_path;
};

static int check_issue(const struct gw_ctl *ctl) {
  bool for_control_plane = (ctl->given & GW_CTL_FLAG_CONTROL_PLANE) != 0, for_admin = (ctl->given & GW_CTL_FLAG_ADMIN_CLIENT) != 0;
  if (ctl->word_count != 2) return gw_ctl_fail_usage("pki issue wants a NAME, for the files NAME.crt and NAME.key");
  if (!is_file_name(gw_str_from(ctl->words[1])))
    return gw_ctl_fail_usage("pki issue %s: up to 64 letters, digits, '-', '_' and '.' are allowed, and not ca", ctl->words[1]);
  if (for_control_plane + for_admin + (ctl->pki.node_count > 0) != 1)
    return gw_ctl_fail_usage("pki issue wants to know for whom: one of --control-plane, --node and --admin-client");
  if (for_control_plane && ctl->pki.host_count == 0)
    return gw_ctl_fail_usage("--control-plane wants --host, each name and address by which data planes reach it");
  if (!for_control_plane && ctl->pki.host_count > 0) return gw_ctl_fail_usage("--host goes with --control-plane only");
  if (ctl->pki.domain != NULL && !is_word(gw_str_from(ctl->pki.domain)))
    return gw_ctl_fail_usage("--domain %s: a name such as gateway.example is wanted", ctl->pki.domain);
  return GW_CTL_OK;
}

static void add_uri(struct issue *issue, char *uri) {
  issue->uris[issue->uri_count++] = uri;
  issue->names[issue->name_count++] = (struct gw_certificate_name){GW_CERTIFICATE_URI, gw_str_from(uri)};
}

static int collect_names(struct issue *issue) {
  const struct gw_ctl_pki *pki = &issue->ctl->pki;
  for (uint32_t i = 0; i < pki->host_count; i++) {
    if (!parse_host(pki->hosts[i], &issue->names[issue->name_count++]))
      return gw_ctl_fail_usage("--host %s: a host name or an address is wanted, without port", pki->hosts[i]);
  }
  for (uint32_t i = 0; i < pki->node_count; i++) {
    if (!is_node(pki->nodes[i])) {
      return gw_ctl_fail_usage("--node %s: CLUSTER/NODE is wanted, each of letters, digits, '-', '_' and '.', or * alone for any",
                               pki->nodes[i]);
    }
    add_uri(issue, gw_asprintf("spiffe://%s/gateway/%s", issue->domain, pki->nodes[i]));
  }
  if ((issue->ctl->given & GW_CTL_FLAG_ADMIN_CLIENT) != 0)
    add_uri(issue, gw_asprintf("spiffe://%s/gateway-admin/%s", issue->domain, issue->name));
  return GW_CTL_OK;
}

/* The domain is kept as a name of the authority itself. */
static char *domain_of(const struct gw_ctl *ctl, const struct gw_certificate *ca) {
  const struct gw_str scheme = GW_STR("spiffe://");
  if (ctl->pki.domain != NULL) return gw_strdup(ctl->pki.domain);
  for (uint32_t i = 0; i < ca->name_count; i++) {
    const struct gw_certificate_name *name = &ca->names[i];
    if (name->kind == GW_CERTIFICATE_URI && gw_str_has_prefix(name->value, scheme)) return gw_str_dup(gw_str_skip(name->value, scheme.len));
  }
  return gw_strdup(DOMAIN_DEFAULT);
}

static int check_authority(struct issue *issue, const struct gw_certificate *ca) {
  int64_t now = now_s(), left_days = (ca->not_after_s - now) / DAY_S;
  uint32_t days = issue->ctl->pki.days;
  if (!ca->is_ca) return gw_ctl_fail(GW_CTL_INVALID, "%s/ca.crt is not the certificate of an authority", issue->ctl->pki.dir);
  if (now >= ca->not_after_s) return gw_ctl_fail(GW_CTL_INVALID, "the authority in %s has expired: make a new one", issue->ctl->pki.dir);
  if (days > 0 && now + (int64_t)days * DAY_S > ca->not_after_s)
    return gw_ctl_fail(GW_CTL_INVALID, "--days %u: the authority itself is valid for %lld more days only", days, (long long)left_days);
  issue->not_after_s = now + (int64_t)(days > 0 ? days : LEAF_DAYS) * DAY_S;
  if (issue->not_after_s > ca->not_after_s) issue->not_after_s = ca->not_after_s;
  return GW_CTL_OK;
}

static int read_authority(struct issue *issue) {
  const struct gw_ctl *ctl = issue->ctl;
  GW_CLEANUP(gw_free_ptr) char *certificate = path_of(ctl, "ca", "crt");
  GW_CLEANUP(gw_free_ptr) char *key = path_of(ctl, "ca", "key");
  if (!gw_ctl_file_exists(certificate))
    return gw_ctl_fail(GW_CTL_INVALID, "there is no %s: gatewayctl pki init --dir %s makes it", certificate, ctl->pki.dir);
  struct gw_tls_paths paths = {.ca = certificate, .cert = certificate, .key = key};
  char *reason = NULL;
  if (gw_tls_material_read(&paths, &issue->ca, &reason) != GW_OK) {
    gw_ctl_fail(GW_CTL_INVALID, "%s", reason);
    free(reason);
    return GW_CTL_INVALID;
  }
  struct gw_arena arena;
  struct gw_certificate ca;
  gw_arena_init(&arena, 1024);
  enum gw_err err = gw_certificate_parse(gw_str_from(issue->ca.cert), &arena, &ca);
  GW_ASSERT(err == GW_OK); /* it was read with its key */
  int exit_code = check_authority(issue, &ca);
  issue->domain = domain_of(ctl, &ca);
  gw_arena_done(&arena);
  return exit_code;
}

static void explain_issue(const struct issue *issue) {
  const struct gw_ctl *ctl = issue->ctl;
  char until[GW_CLOCK_RFC3339_SIZE];
  format_day(issue->not_after_s, until);
  printf("Made %s and %s, valid until %s, for", issue->certificate_path, issue->key_path, until);
  for (size_t i = 0; i < issue->name_count; i++)
    printf("%s %.*s", i > 0 ? "," : "", GW_STR_ARG(issue->names[i].value));
  puts("");
  if ((ctl->given & GW_CTL_FLAG_REPLACE) != 0) {
    puts("Programs that run with these files take them up by themselves.");
    return;
  }
  printf("\nNext:\n  ");
  if ((ctl->given & GW_CTL_FLAG_CONTROL_PLANE) != 0) {
    printf("gateway-controlplane --xds-tls-ca %s/ca.crt --xds-tls-cert %s --xds-tls-key %s\n"
           "  (and the same with --admin-tls-…, for the admin API)\n",
           ctl->pki.dir, issue->certificate_path, issue->key_path);
  } else if (ctl->pki.node_count > 0) {
    struct gw_str node = gw_str_from(ctl->pki.nodes[0]), cluster;
    gw_str_split_next(&node, '/', &cluster);
    printf("gateway-dataplane --xds HOST:PORT --node-cluster %.*s --node-id %.*s \\\n"
           "    --xds-tls-ca %s/ca.crt --xds-tls-cert %s --xds-tls-key %s\n",
           GW_STR_ARG(is_any(cluster) ? GW_STR("CLUSTER") : cluster), GW_STR_ARG(is_any(node) ? GW_STR("NODE") : node), ctl->pki.dir,
           issue->certificate_path, issue->key_path);
  } else {
    printf("gatewayctl --admin HOST:PORT --tls-ca %s/ca.crt --tls-cert %s --tls-key %s status\n", ctl->pki.dir, issue->certificate_path,
           issue->key_path);
  }
}

static int make_certificate(struct issue *issue) {
  bool may_replace = (issue->ctl->given & GW_CTL_FLAG_REPLACE) != 0;
  if (!may_replace && (gw_ctl_file_exists(issue->certificate_path) || gw_ctl_file_exists(issue->key_path))) {
    return gw_ctl_fail(GW_CTL_INVALID, "%s is there already: --replace makes a new one in its place",
                       gw_ctl_file_exists(issue->certificate_path) ? issue->certificate_path : issue->key_path);
  }
  bool is_server = (issue->ctl->given & GW_CTL_FLAG_CONTROL_PLANE) != 0;
  struct gw_pki_request request = {
      .common_name = issue->name,
      .for_servers = is_server,
      .for_clients = !is_server,
      .names = issue->names,
      .name_count = issue->name_count,
      .not_before_s = now_s() - SKEW_S,
      .not_after_s = issue->not_after_s,
  };
  struct gw_pki_pair ca = {.certificate = issue->ca.cert, .key = issue->ca.key}, pair;
  if (gw_pki_issue(&request, &ca, &pair) != GW_OK) return gw_ctl_fail(GW_CTL_FAILED, "the certificate cannot be made");
  int exit_code = put_pair(issue->key_path, issue->certificate_path, &pair, may_replace);
  gw_pki_pair_done(&pair);
  return exit_code;
}

static int issue_certificate(const struct gw_ctl *ctl) {
  int exit_code = check_issue(ctl);
  if (exit_code != GW_CTL_OK) return exit_code;
  struct issue issue = {.ctl = ctl, .name = ctl->words[1]};
  issue.certificate_path = path_of(ctl, issue.name, "crt");
  issue.key_path = path_of(ctl, issue.name, "key");
  exit_code = read_authority(&issue);
  if (exit_code == GW_CTL_OK) exit_code = collect_names(&issue);
  if (exit_code == GW_CTL_OK) exit_code = make_certificate(&issue);
  if (exit_code == GW_CTL_OK) explain_issue(&issue);
  for (size_t i = 0; i < issue.uri_count; i++)
    free(issue.uris[i]);
  gw_tls_material_done(&issue.ca);
  free(issue.domain);
  free(issue.certificate_path);
  free(issue.key_path);
  return exit_code;
}

int gw_ctl_pki(const struct gw_ctl *ctl) {
  struct gw_ctl with_defaults = *ctl;
  if (with_defaults.pki.dir == NULL) with_defaults.pki.dir = "pki";
  if (strcmp(ctl->words[0], "init") == 0) return init(&with_defaults);
  if (strcmp(ctl->words[0], "issue") == 0) return issue_certificate(&with_defaults);
  return gw_ctl_fail_usage("pki %s: init and issue are allowed", ctl->words[0]);
}
