#include "controlplane/ctl/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/base/mem.h"
#include "common/crypto/jwk.h"
#include "common/model/registration.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/verb_keys.h"

enum kind {
  TEXT,     /* const char * */
  NAMES,    /* const char *[GW_CTL_NAMES_MAX], and how many in `count_at`: may be repeated */
  SWITCH,   /* bool; without a field only `given` tells */
  NUMBER,   /* uint32_t, from `least` to `most` */
  BIG,      /* uint64_t, likewise */
  DURATION, /* uint64_t, ms; at least `least` */
  OWN,      /* `take` does it */
};

struct row {
  const char *name; /* behind "--" */
  char letter;      /* behind "-"; 0: none */
  uint64_t flag;    /* 0: every verb takes it */
  enum kind kind;
  size_t at, count_at; /* in struct gw_ctl */
  uint64_t least, most;
  int (*take)(struct gw_ctl *ctl, const char *value); /* 0 or the exit code */
  const char *help;                                   /* a line; NULL: another row's, or the global help, says it */
};

#define NO_FIELD SIZE_MAX
#define AT(member) .at = offsetof(struct gw_ctl, member)
#define NAMES_AT(list, count) AT(list), .count_at = offsetof(struct gw_ctl, count)

static int take_output(struct gw_ctl *ctl, const char *form) {
  ctl->is_yaml = strcmp(form, "yaml") == 0;
  ctl->is_json = ctl->is_yaml || strcmp(form, "json") == 0;
  if (!ctl->is_json && strcmp(form, "table") != 0) return gw_ctl_fail_usage("-o %s: table, json and yaml are allowed", form);
  return GW_CTL_OK;
}

static int take_expiry(struct gw_ctl *ctl, const char *when) {
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000u);
  if (gw_ctl_parse_expiry(gw_str_from(when), now_s, &ctl->keys.expires_at_s) == GW_OK) return GW_CTL_OK;
  return gw_ctl_fail_usage("--expires %s: %s is allowed", when, GW_CTL_EXPIRY_ALLOWED);
}

static int take_grace(struct gw_ctl *ctl, const char *text) {
  uint64_t ms;
  if (gw_duration_parse(gw_str_from(text), &ms) != GW_OK) return gw_ctl_fail_usage("--grace %s: %s is allowed", text, GW_DURATION_ALLOWED);
  ctl->keys.grace_s = (uint32_t)((ms + 999) / 1000);
  return GW_CTL_OK;
}

static int take_weight(struct gw_ctl *ctl, const char *text) {
  char *end;
  ctl->registry.weight = strtod(text, &end);
  if (*text != '\0' && *end == '\0' && ctl->registry.weight > 0.0 && ctl->registry.weight <= GW_INSTANCE_WEIGHT_MAX) return GW_CTL_OK;
  return gw_ctl_fail_usage("--weight %s: a number above 0, and up to %d, is allowed", text, (int)GW_INSTANCE_WEIGHT_MAX);
}

static int take_change_file(struct gw_ctl *ctl, const char *path) {
  if (ctl->change.file_count == GW_CTL_FILES_MAX) return gw_ctl_fail_usage("-f %s: routes and services are all there is", path);
  ctl->change.files[ctl->change.file_count++] = path;
  return GW_CTL_OK;
}

static int take_wait(struct gw_ctl *ctl, const char *value) {
  (void)value;
  ctl->change.does_not_wait = false;
  return GW_CTL_OK;
}

static int take_version(struct gw_ctl *ctl, const char *value) {
  (void)value;
  ctl->wants_version = true;
  return GW_CTL_OK;
}

static int take_help(struct gw_ctl *ctl, const char *value) {
  (void)value;
  ctl->wants_help = true;
  return GW_CTL_OK;
}

/* In the order of the help. */
static const struct row rows[] = {
    {"routes", 0, GW_CTL_FLAG_ROUTES, TEXT, AT(routes), .help = "  --routes FILE       routes (config/routes.yaml)\n"},
    {"services", 0, GW_CTL_FLAG_SERVICES, TEXT, AT(services), .help = "  --services FILE     services (config/services.yaml)\n"},
    {"env-file", 0, GW_CTL_FLAG_ENV_FILE, TEXT, AT(env_file),
     .help = "  --env-file FILE     settings (.env, .env.dev or .env.prod here, by ENVIRONMENT)\n"},
    {"strict", 0, GW_CTL_FLAG_STRICT, SWITCH, AT(is_strict), .help = "  --strict            warnings are findings: exit code 79\n"},
    {"output", 'o', GW_CTL_FLAG_OUTPUT, OWN, .take = take_output, .help = "  -o, --output FORM   table, json or yaml (table)\n"},

    {"dir", 0, GW_CTL_FLAG_DIR, TEXT, AT(pki.dir),
     .help = "  --dir DIR           where the files lie (pki: the folder pki; keygen: the working directory)\n"},
    {"domain", 0, GW_CTL_FLAG_DOMAIN, TEXT, AT(pki.domain),
     .help = "  --domain DOMAIN     init: the trust domain in the certificates' URI names (gateway.internal)\n"},
    {"control-plane", 0, GW_CTL_FLAG_CONTROL_PLANE, SWITCH, .at = NO_FIELD,
     .help = "  --control-plane     issue: for a control plane; --host is needed with it\n"},
    {"host", 0, GW_CTL_FLAG_HOST, NAMES, NAMES_AT(pki.hosts, pki.host_count),
     .help = "  --host NAME         … a name or address by which it is reached; may be repeated\n"},
    {"node", 0, GW_CTL_FLAG_NODE, NAMES, NAMES_AT(pki.nodes, pki.node_count),
     .help =
         "  --node CLUSTER/NODE issue: for a data plane of that cluster and node id; * is any; may be repeated; explain, top: --node ID\n"},
    {"admin-client", 0, GW_CTL_FLAG_ADMIN_CLIENT, SWITCH, .at = NO_FIELD,
     .help = "  --admin-client      issue: for an administrator's gatewayctl, in place of the token\n"},
    {"days", 0, GW_CTL_FLAG_DAYS, NUMBER, AT(pki.days), .least = 1, .most = 36500,
     .help = "  --days N            how long it is valid (init: 3650, issue: 365)\n"},
    {"replace", 0, GW_CTL_FLAG_REPLACE, SWITCH, .at = NO_FIELD, .help = "  --replace           in place of what has that name\n"},

    {"bits", 0, GW_CTL_FLAG_BITS, NUMBER, AT(token.bits), .least = GW_JWK_RSA_BITS_MIN, .most = GW_JWK_RSA_BITS_MAX,
     .help = "  --bits N            rsa: 2048 to 8192 (3072)\n"},
    {"curve", 0, GW_CTL_FLAG_CURVE, TEXT, AT(token.curve), .help = "  --curve CURVE       ec: P-256, P-384, P-521 or Ed25519 (P-256)\n"},
    {"key", 0, GW_CTL_FLAG_KEY, TEXT, AT(token.key),
     .help = "  --key FILE          a private key in PEM, or a shared secret (the environment's JWT_SECRET_KEY)\n"},
    {"alg", 0, GW_CTL_FLAG_ALG, TEXT, AT(token.alg),
     .help = "  --alg ALG           HS256, RS256, ES256, or one of these with 384 or 512 (the environment's JWT_ALGORITHM, or HS256)\n"},
    {"kid", 0, GW_CTL_FLAG_KID, TEXT, AT(token.kid), .help = "  --kid NAME          the key's name\n"},
    {"iss", 0, GW_CTL_FLAG_ISS, TEXT, AT(token.iss), .help = "  --iss NAME          who issues it\n"},
    {"sub", 0, GW_CTL_FLAG_SUB, TEXT, AT(token.sub), .help = "  --sub NAME          whom it is for\n"},
    {"aud", 0, GW_CTL_FLAG_AUD, NAMES, NAMES_AT(token.auds, token.aud_count),
     .help = "  --aud NAME          who is to accept it; may be repeated\n"},
    {"claim", 0, GW_CTL_FLAG_CLAIM, NAMES, NAMES_AT(token.claims, token.claim_count),
     .help = "  --claim NAME=VALUE  any claim; VALUE is JSON, or else a text; may be repeated\n"},
    {"ttl", 0, GW_CTL_FLAG_TTL, DURATION, AT(token.ttl_ms), .least = 1000,
     .help = "  --ttl TIME          how long it is valid: 90s, 15m, 1h (1h)\n"},

    {"owner", 0, GW_CTL_FLAG_OWNER, TEXT, AT(keys.owner),
     .help = "  --owner USER        create: whom the key's requests are made for; list: only that user's\n"},
    {"name", 0, GW_CTL_FLAG_NAME, TEXT, AT(keys.name),
     .help = "  --name TEXT         create: what people call it; ecs list: of the server\n"},
    {"role", 0, GW_CTL_FLAG_ROLE, NAMES, NAMES_AT(keys.roles, keys.role_count),
     .help = "  --role ROLE         create, explain: what its owner, or who asks, may be; may be repeated; pki issue: of an admin client, "
             "viewer, operator or admin\n"},
    {"permission", 0, GW_CTL_FLAG_PERMISSION, NAMES, NAMES_AT(keys.permissions, keys.permission_count),
     .help = "  --permission NAME   create, explain: … and do; may be repeated\n"},
    {"plan", 0, GW_CTL_FLAG_PLAN, TEXT, AT(keys.plan), .help = "  --plan PLAN         create, explain: whose limits count\n"},
    {"expires", 0, GW_CTL_FLAG_EXPIRES, OWN, .take = take_expiry,
     .help = "  --expires WHEN      create, expire: 720h (from now), 2027-01-31, 2027-01-31T12:00:00Z or never\n"},
    {"grace", 0, GW_CTL_FLAG_GRACE, OWN, .take = take_grace,
     .help = "  --grace DURATION    rotate: how long the old key goes on (24h); 0s: not at all\n"},
    {"ended", 0, GW_CTL_FLAG_ENDED, SWITCH, AT(keys.shows_ended),
     .help = "  --ended             list: those that are revoked or have expired, too\n"},

    {"registry", 0, GW_CTL_FLAG_REGISTRY, TEXT, AT(registry.registry),
     .help = "  --registry NAME     consul or nacos (the first that the control plane's SERVICE_DISCOVERY_TYPE names)\n"},
    {"weight", 0, GW_CTL_FLAG_WEIGHT, OWN, .take = take_weight,
     .help = "  --weight N          register: its share of the traffic (1); in Nacos with fractions\n"},
    {"id", 0, GW_CTL_FLAG_INSTANCE_ID, TEXT, AT(registry.id),
     .help = "  --id ID             Consul: of the instance (NAME-ADDRESS-PORT)\n"},
    {"tag", 0, GW_CTL_FLAG_TAG, NAMES, NAMES_AT(tags, tag_count),
     .help = "  --tag TAG           Consul, register: a tag; ecs: KEY=VALUE, list: also KEY; may be repeated\n"},
    {"group", 0, GW_CTL_FLAG_GROUP, TEXT, AT(registry.group), .help = "  --group GROUP       Nacos (the control plane's NACOS_GROUP)\n"},
    {"namespace", 0, GW_CTL_FLAG_NAMESPACE, TEXT, AT(registry.namespace),
     .help = "  --namespace ID      Nacos (the control plane's NACOS_NAMESPACE)\n"},
    {"cluster", 0, GW_CTL_FLAG_REGISTRY_CLUSTER, TEXT, AT(registry.cluster), .help = "  --cluster NAME      Nacos (DEFAULT)\n"},
    {"meta", 0, GW_CTL_FLAG_META, NAMES, NAMES_AT(registry.metas, registry.meta_count),
     .help = "  --meta NAME=VALUE   register: metadata; may be repeated\n"},

    {"file", 'f', GW_CTL_FLAG_FILE, OWN, .take = take_change_file,
     .help = "  -f, --file FILE     routes or services; may be given twice; what is left out stays as it is (apply), or is read here "
             "(explain)\n"},
    {"wait", 0, GW_CTL_FLAG_WAIT, OWN, .take = take_wait,
     .help = "  --wait              wait until it is done, for apply on every node of the fleet (the default there)\n"},
    {"no-wait", 0, GW_CTL_FLAG_WAIT, SWITCH, AT(change.does_not_wait), .help = "  --no-wait           go on at once\n"},
    {"dry-run", 0, GW_CTL_FLAG_DRY_RUN, SWITCH, AT(change.is_dry), .help = "  --dry-run           only say what would come of it\n"},
    {"message", 0, GW_CTL_FLAG_MESSAGE, TEXT, AT(change.message), .help = "  --message TEXT      why, for the history\n"},
    {"if-revision", 0, GW_CTL_FLAG_IF_REVISION, BIG, AT(change.if_revision), .most = INT64_MAX,
     .help = "  --if-revision N     only if the newest revision is N; 0: there is none yet\n"},
    {"allow-loosening", 0, GW_CTL_FLAG_ALLOW_LOOSENING, SWITCH, AT(change.allows_loosening),
     .help = "  --allow-loosening   go on although protections are loosened\n"},
    {"timeout", 0, GW_CTL_FLAG_TIMEOUT, DURATION, AT(change.timeout_ms), .least = 1,
     .help = "  --timeout TIME      how long to wait for an answer and for the fleet (60s)\n"},
    {"limit", 0, GW_CTL_FLAG_LIMIT, NUMBER, AT(change.limit), .most = UINT32_MAX,
     .help = "  --limit N           the newest N (20); 0: all\n"},

    {"status", 0, GW_CTL_FLAG_STATUS, TEXT, AT(ecs_status),
     .help = "  --status STATUS     ecs list: only those: ACTIVE, SHUTOFF, BUILD, ERROR, …\n"},
    {"count", 0, GW_CTL_FLAG_COUNT, NUMBER, AT(count), .least = 1, .most = 1000000,
     .help = "  --count N           ecs create: in place of what FILE says; top: so many times (until it is interrupted)\n"},
    {"with-addresses", 0, GW_CTL_FLAG_WITH_ADDRESSES, SWITCH, .at = NO_FIELD,
     .help = "  --with-addresses    ecs delete: elastic addresses that are bound to them, too\n"},
    {"with-volumes", 0, GW_CTL_FLAG_WITH_VOLUMES, SWITCH, .at = NO_FIELD, .help = "  --with-volumes      ecs delete: data disks, too\n"},

    {"header", 'H', GW_CTL_FLAG_HEADER, NAMES, NAMES_AT(explain.headers, explain.header_count),
     .help =
         "  -H, --header FIELD  NAME: VALUE of the request; may be repeated. Tokens and keys are not passed on, only a token's claims\n"},
    {"identity", 0, GW_CTL_FLAG_IDENTITY, TEXT, AT(explain.identity),
     .help = "  --identity WHO      who asks: claims as JSON, {\"sub\": \"ann\", …}, or a name; taken for granted\n"},
    {"api-key", 0, GW_CTL_FLAG_API_KEY, SWITCH, AT(explain.is_api_key), .help = "  --api-key           … by an API key, not by a token\n"},
    {"client", 0, GW_CTL_FLAG_CLIENT, TEXT, AT(explain.client), .help = "  --client ADDRESS    the client's address (127.0.0.1)\n"},
    {"listener", 0, GW_CTL_FLAG_LISTENER, TEXT, AT(explain.listener),
     .help = "  --listener NAME     which listener (the one that the URL's scheme and port suggest)\n"},
    {"node-cluster", 0, GW_CTL_FLAG_NODE_CLUSTER, TEXT, AT(explain.node_cluster),
     .help = "  --node-cluster NAME explain as for nodes of that cluster, which may have routes of their own\n"},
    {"revision", 0, GW_CTL_FLAG_REVISION, BIG, AT(explain.revision), .least = 1, .most = INT64_MAX,
     .help = "  --revision N        explain by a revision's texts, and the settings here (--env-file)\n"},
    {"interval", 0, GW_CTL_FLAG_INTERVAL, DURATION, AT(top.interval_ms), .least = 100,
     .help = "  --interval TIME     between two looks: 500ms, 2s (2s)\n"},
    {"rows", 0, GW_CTL_FLAG_ROWS, NUMBER, AT(top.rows), .least = 1, .most = 10000,
     .help = "  --rows N            the busiest routes (20)\n"},

    {"admin", 0, 0, TEXT, AT(admin)},
    {"token-file", 0, 0, TEXT, AT(token_file)},
    {"tls-ca", 0, 0, TEXT, AT(tls.ca)},
    {"tls-cert", 0, 0, TEXT, AT(tls.cert)},
    {"tls-key", 0, 0, TEXT, AT(tls.key)},
    {"insecure", 0, 0, SWITCH, AT(is_insecure)},
    {"help", 'h', 0, OWN, .take = take_help},
    {"version", 0, 0, OWN, .take = take_version},
};
#define ROW_COUNT GW_ARRAY_LEN(rows)
#define FIRST_ID 256 /* getopt's value of the first row: no letter's */

static const char global_help[] =
    "  --admin HOST:PORT   the control plane's admin API (127.0.0.1:18001; GATEWAYCTL_ADMIN)\n"
    "  --token-file FILE   its token (admin.token in the folder for state; GATEWAYCTL_TOKEN_FILE)\n"
    "  --tls-ca FILE       TLS to the admin API: whose signature its certificate must have (GATEWAYCTL_TLS_CA)\n"
    "  --tls-cert FILE     an administrator's certificate, in place of the token (GATEWAYCTL_TLS_CERT)\n"
    "  --tls-key FILE      and its key (GATEWAYCTL_TLS_KEY)\n"
    "  --insecure          let the token go beyond loopback without TLS (GATEWAYCTL_INSECURE=true)\n"
    "  -h, --help          help, also of a verb\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 invalid configuration, 66 what was asked for is not there, 69 control plane not reached,\n"
    "70 it answered with an error, 71 a file cannot be written, 75 timed out, 77 token and certificate missing or wrong,\n"
    "79 findings of validate --strict, or apply would loosen a protection, 80 a node has refused the revision, 81 a node does not run\n"
    "it in time.\n";

/* ---- reading ---- */

static bool takes_value(const struct row *row) {
  return row->kind != SWITCH && row->take != take_wait && row->take != take_help && row->take != take_version;
}

static int take_number(const struct row *row, const char *text, uint64_t *ret_number) {
  if (gw_str_parse_u64(gw_str_from(text), ret_number) == GW_OK && *ret_number >= row->least && *ret_number <= row->most) return GW_CTL_OK;
  if (row->most >= UINT32_MAX) return gw_ctl_fail_usage("--%s %s: a whole number is wanted", row->name, text);
  return gw_ctl_fail_usage("--%s %s: %llu to %llu are allowed", row->name, text, (unsigned long long)row->least,
                           (unsigned long long)row->most);
}

static int take_duration(const struct row *row, const char *text, uint64_t *ret_ms) {
  if (gw_duration_parse(gw_str_from(text), ret_ms) == GW_OK && *ret_ms >= row->least) return GW_CTL_OK;
  return gw_ctl_fail_usage("--%s %s: " GW_DURATION_ALLOWED ", from %llums on", row->name, text, (unsigned long long)row->least);
}

static int take_name(const struct row *row, const char *text, const char **list, uint32_t *count) {
  if (*count == GW_CTL_NAMES_MAX) return gw_ctl_fail_usage("--%s: at most %d", row->name, GW_CTL_NAMES_MAX);
  list[(*count)++] = text;
  return GW_CTL_OK;
}

static int take_row(struct gw_ctl *ctl, const struct row *row, const char *value) {
  char *field = (char *)ctl + (row->at != NO_FIELD ? row->at : 0);
  uint64_t number;
  int exit_code = GW_CTL_OK;
  ctl->given |= row->flag;
  switch (row->kind) {
  case TEXT: *(const char **)(void *)field = value; break;
  case NAMES: exit_code = take_name(row, value, (const char **)(void *)field, (uint32_t *)(void *)((char *)ctl + row->count_at)); break;
  case SWITCH:
    if (row->at != NO_FIELD) *(bool *)(void *)field = true;
    break;
  case NUMBER:
    exit_code = take_number(row, value, &number);
    if (exit_code == GW_CTL_OK) *(uint32_t *)(void *)field = (uint32_t)number;
    break;
  case BIG: exit_code = take_number(row, value, (uint64_t *)(void *)field); break;
  case DURATION: exit_code = take_duration(row, value, (uint64_t *)(void *)field); break;
  case OWN: exit_code = row->take(ctl, value); break;
  }
  return exit_code;
}

static const struct row *find_row(int id) {
  if (id >= FIRST_ID) return &rows[id - FIRST_ID];
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (rows[i].letter != 0 && rows[i].letter == id) return &rows[i];
  return NULL;
}

int gw_ctl_take_options(struct gw_ctl *ctl, int argc, char **argv, int *ret_first) {
  struct option options[ROW_COUNT + 1];
  char letters[2 * ROW_COUNT + 1], *letter = letters;
  for (size_t i = 0; i < ROW_COUNT; i++) {
    options[i] = (struct option){rows[i].name, takes_value(&rows[i]) ? required_argument : no_argument, NULL, FIRST_ID + (int)i};
    if (rows[i].letter == 0) continue;
    *letter++ = rows[i].letter;
    if (takes_value(&rows[i])) *letter++ = ':';
  }
  options[ROW_COUNT] = (struct option){NULL, 0, NULL, 0};
  *letter = '\0';
  int id;
  while ((id = getopt_long(argc, argv, letters, options, NULL)) != -1) {
    const struct row *row = find_row(id);
    if (row == NULL) return GW_CTL_USAGE; /* getopt has said why */
    int exit_code = take_row(ctl, row, optarg);
    if (exit_code != GW_CTL_OK) return exit_code;
  }
  *ret_first = optind;
  return GW_CTL_OK;
}

int gw_ctl_check_options(const struct gw_ctl *ctl, const struct gw_ctl_verb *verb) {
  uint64_t foreign = ctl->given & ~verb->flags;
  for (size_t i = 0; i < ROW_COUNT; i++)
    if ((foreign & rows[i].flag) != 0) return gw_ctl_fail_usage("%s takes no --%s", verb->name, rows[i].name);
  return GW_CTL_OK;
}

/* ---- help ---- */

const char *gw_ctl_flag_help(uint32_t index, uint64_t *ret_flag) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if (rows[i].help == NULL || index-- > 0) continue;
    *ret_flag = rows[i].flag;
    return rows[i].help;
  }
  return NULL;
}

const char *gw_ctl_global_help(void) {
  return global_help;
}
