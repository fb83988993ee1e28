#include "controlplane/ctl/ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/crypto/jwk.h"
#include "controlplane/ctl/verb_keys.h"

const struct gw_ctl_verb gw_ctl_verbs[] = {
    {"validate", "", "check routes and services on this machine, without a control plane",
     GW_CTL_FLAG_ROUTES | GW_CTL_FLAG_SERVICES | GW_CTL_FLAG_ENV_FILE | GW_CTL_FLAG_STRICT | GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_validate},
    {"status", "", "what is served, and whether each data plane runs it", GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_status},
    {"get", "routes|services|endpoints [SERVICE]|nodes", "list what the control plane serves", GW_CTL_FLAG_OUTPUT, 1, 2, gw_ctl_get},
    {"why", "REQUEST_ID", "why a request failed or was retried, as data planes remember it", GW_CTL_FLAG_OUTPUT, 1, 1, gw_ctl_why},
    {"apply", "", "make files the newest revision, and wait until every node runs it; the exit code is the fleet's verdict",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_FILE | GW_CTL_FLAG_WAIT | GW_CTL_FLAG_DRY_RUN | GW_CTL_FLAG_MESSAGE | GW_CTL_FLAG_IF_REVISION |
         GW_CTL_FLAG_ALLOW_LOOSENING | GW_CTL_FLAG_TIMEOUT,
     0, 0, gw_ctl_apply},
    {"history", "", "the revisions: who has put each in force, when and why", GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_LIMIT, 0, 0, gw_ctl_history},
    {"diff", "A [B]", "what revision B (the newest) has changed since A, and which protections it has loosened", GW_CTL_FLAG_OUTPUT, 1, 2,
     gw_ctl_diff},
    {"rollback", "N", "put revision N in force again, as a new one, and wait as apply does",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_WAIT | GW_CTL_FLAG_MESSAGE | GW_CTL_FLAG_IF_REVISION | GW_CTL_FLAG_TIMEOUT, 1, 1, gw_ctl_rollback},
    {"keys", "create|list|show ID|rotate ID|expire ID|revoke ID...|import FILE",
     "API keys: make, list, end, take over those that others issued",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_OWNER | GW_CTL_FLAG_NAME | GW_CTL_FLAG_ROLE | GW_CTL_FLAG_PERMISSION | GW_CTL_FLAG_PLAN |
         GW_CTL_FLAG_EXPIRES | GW_CTL_FLAG_GRACE | GW_CTL_FLAG_ENDED,
     1, 1001, gw_ctl_keys},
    {"pki", "init|issue [NAME]", "make a certificate authority and certificates for the control channel, on this machine",
     GW_CTL_FLAG_DIR | GW_CTL_FLAG_DOMAIN | GW_CTL_FLAG_CONTROL_PLANE | GW_CTL_FLAG_HOST | GW_CTL_FLAG_NODE | GW_CTL_FLAG_ADMIN_CLIENT |
         GW_CTL_FLAG_DAYS | GW_CTL_FLAG_REPLACE,
     1, 2, gw_ctl_pki},
    {"keygen", "rsa|ec|secret NAME", "make a key pair or a secret that signs tokens, on this machine",
     GW_CTL_FLAG_DIR | GW_CTL_FLAG_REPLACE | GW_CTL_FLAG_BITS | GW_CTL_FLAG_CURVE, 2, 2, gw_ctl_keygen},
    {"token", "mint", "issue a token (JWT), on this machine",
     GW_CTL_FLAG_KEY | GW_CTL_FLAG_ALG | GW_CTL_FLAG_KID | GW_CTL_FLAG_ISS | GW_CTL_FLAG_SUB | GW_CTL_FLAG_AUD | GW_CTL_FLAG_CLAIM |
         GW_CTL_FLAG_TTL,
     1, 1, gw_ctl_token},
    {"version", "", "this program's version, and the control plane's", GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_version},
    {"completion", "bash", "completion for a shell: source <(gatewayctl completion bash)", 0, 1, 1, gw_ctl_completion},
};
const uint32_t gw_ctl_verb_count = GW_ARRAY_LEN(gw_ctl_verbs);

enum option_id {
  OPT_ADMIN = 256,
  OPT_TOKEN_FILE,
  OPT_ROUTES,
  OPT_SERVICES,
  OPT_ENV_FILE,
  OPT_STRICT,
  OPT_VERSION,
  OPT_TLS_CA,
  OPT_TLS_CERT,
  OPT_TLS_KEY,
  OPT_INSECURE,
  OPT_DIR,
  OPT_DOMAIN,
  OPT_CONTROL_PLANE,
  OPT_HOST,
  OPT_NODE,
  OPT_ADMIN_CLIENT,
  OPT_DAYS,
  OPT_REPLACE,
  OPT_BITS,
  OPT_CURVE,
  OPT_KEY,
  OPT_ALG,
  OPT_KID,
  OPT_ISS,
  OPT_SUB,
  OPT_AUD,
  OPT_CLAIM,
  OPT_TTL,
  OPT_OWNER,
  OPT_NAME,
  OPT_ROLE,
  OPT_PERMISSION,
  OPT_PLAN,
  OPT_EXPIRES,
  OPT_GRACE,
  OPT_ENDED,
  OPT_WAIT,
  OPT_NO_WAIT,
  OPT_DRY_RUN,
  OPT_MESSAGE,
  OPT_IF_REVISION,
  OPT_ALLOW_LOOSENING,
  OPT_TIMEOUT,
  OPT_LIMIT,
};

static const struct option long_options[] = {
    {"admin", required_argument, NULL, OPT_ADMIN},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"output", required_argument, NULL, 'o'},
    {"routes", required_argument, NULL, OPT_ROUTES},
    {"services", required_argument, NULL, OPT_SERVICES},
    {"env-file", required_argument, NULL, OPT_ENV_FILE},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {"tls-ca", required_argument, NULL, OPT_TLS_CA},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"dir", required_argument, NULL, OPT_DIR},
    {"domain", required_argument, NULL, OPT_DOMAIN},
    {"control-plane", no_argument, NULL, OPT_CONTROL_PLANE},
    {"host", required_argument, NULL, OPT_HOST},
    {"node", required_argument, NULL, OPT_NODE},
    {"admin-client", no_argument, NULL, OPT_ADMIN_CLIENT},
    {"days", required_argument, NULL, OPT_DAYS},
    {"replace", no_argument, NULL, OPT_REPLACE},
    {"bits", required_argument, NULL, OPT_BITS},
    {"curve", required_argument, NULL, OPT_CURVE},
    {"key", required_argument, NULL, OPT_KEY},
    {"alg", required_argument, NULL, OPT_ALG},
    {"kid", required_argument, NULL, OPT_KID},
    {"iss", required_argument, NULL, OPT_ISS},
    {"sub", required_argument, NULL, OPT_SUB},
    {"aud", required_argument, NULL, OPT_AUD},
    {"claim", required_argument, NULL, OPT_CLAIM},
    {"ttl", required_argument, NULL, OPT_TTL},
    {"owner", required_argument, NULL, OPT_OWNER},
    {"name", required_argument, NULL, OPT_NAME},
    {"role", required_argument, NULL, OPT_ROLE},
    {"permission", required_argument, NULL, OPT_PERMISSION},
    {"plan", required_argument, NULL, OPT_PLAN},
    {"expires", required_argument, NULL, OPT_EXPIRES},
    {"grace", required_argument, NULL, OPT_GRACE},
    {"ended", no_argument, NULL, OPT_ENDED},
    {"file", required_argument, NULL, 'f'},
    {"wait", no_argument, NULL, OPT_WAIT},
    {"no-wait", no_argument, NULL, OPT_NO_WAIT},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"message", required_argument, NULL, OPT_MESSAGE},
    {"if-revision", required_argument, NULL, OPT_IF_REVISION},
    {"allow-loosening", no_argument, NULL, OPT_ALLOW_LOOSENING},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {NULL, 0, NULL, 0},
};

static const struct {
  uint64_t flag;
  const char *help; /* a line */
} flag_help[] = {
    {GW_CTL_FLAG_ROUTES, "  --routes FILE       routes (config/routes.yaml)\n"},
    {GW_CTL_FLAG_SERVICES, "  --services FILE     services (config/services.yaml)\n"},
    {GW_CTL_FLAG_ENV_FILE, "  --env-file FILE     settings (.env, .env.dev or .env.prod here, by ENVIRONMENT)\n"},
    {GW_CTL_FLAG_STRICT, "  --strict            warnings are findings: exit code 79\n"},
    {GW_CTL_FLAG_OUTPUT, "  -o, --output FORM   table or json (table)\n"},
    {GW_CTL_FLAG_DIR, "  --dir DIR           where the files lie (pki: the folder pki; keygen: the working directory)\n"},
    {GW_CTL_FLAG_DOMAIN, "  --domain DOMAIN     init: the trust domain in the certificates' URI names (gateway.internal)\n"},
    {GW_CTL_FLAG_CONTROL_PLANE, "  --control-plane     issue: for a control plane; --host is needed with it\n"},
    {GW_CTL_FLAG_HOST, "  --host NAME         … a name or address by which it is reached; may be repeated\n"},
    {GW_CTL_FLAG_NODE, "  --node CLUSTER/NODE issue: for a data plane of that cluster and node id; * is any; may be repeated\n"},
    {GW_CTL_FLAG_ADMIN_CLIENT, "  --admin-client      issue: for an administrator's gatewayctl, in place of the token\n"},
    {GW_CTL_FLAG_DAYS, "  --days N            how long it is valid (init: 3650, issue: 365)\n"},
    {GW_CTL_FLAG_REPLACE, "  --replace           in place of what has that name\n"},
    {GW_CTL_FLAG_BITS, "  --bits N            rsa: 2048 to 8192 (3072)\n"},
    {GW_CTL_FLAG_CURVE, "  --curve CURVE       ec: P-256, P-384, P-521 or Ed25519 (P-256)\n"},
    {GW_CTL_FLAG_KEY, "  --key FILE          a private key in PEM, or a shared secret (the environment's JWT_SECRET_KEY)\n"},
    {GW_CTL_FLAG_ALG,
     "  --alg ALG           HS256, RS256, ES256, or one of these with 384 or 512 (the environment's JWT_ALGORITHM, or HS256)\n"},
    {GW_CTL_FLAG_KID, "  --kid NAME          the key's name\n"},
    {GW_CTL_FLAG_ISS, "  --iss NAME          who issues it\n"},
    {GW_CTL_FLAG_SUB, "  --sub NAME          whom it is for\n"},
    {GW_CTL_FLAG_AUD, "  --aud NAME          who is to accept it; may be repeated\n"},
    {GW_CTL_FLAG_CLAIM, "  --claim NAME=VALUE  any claim; VALUE is JSON, or else a text; may be repeated\n"},
    {GW_CTL_FLAG_TTL, "  --ttl TIME          how long it is valid: 90s, 15m, 1h (1h)\n"},
    {GW_CTL_FLAG_OWNER, "  --owner USER        create: whom the key's requests are made for; list: only that user's\n"},
    {GW_CTL_FLAG_NAME, "  --name TEXT         create: what people call it\n"},
    {GW_CTL_FLAG_ROLE, "  --role ROLE         create: what its owner may be; may be repeated\n"},
    {GW_CTL_FLAG_PERMISSION, "  --permission NAME   create: … and do; may be repeated\n"},
    {GW_CTL_FLAG_PLAN, "  --plan PLAN         create: whose limits count\n"},
    {GW_CTL_FLAG_EXPIRES, "  --expires WHEN      create, expire: 720h (from now), 2027-01-31, 2027-01-31T12:00:00Z or never\n"},
    {GW_CTL_FLAG_GRACE, "  --grace DURATION    rotate: how long the old key goes on (24h); 0s: not at all\n"},
    {GW_CTL_FLAG_ENDED, "  --ended             list: those that are revoked or have expired, too\n"},
    {GW_CTL_FLAG_FILE, "  -f, --file FILE     routes or services; may be given twice; what is left out stays as it is\n"},
    {GW_CTL_FLAG_WAIT, "  --wait, --no-wait   wait until every node of the fleet runs it (--wait), or go on at once\n"},
    {GW_CTL_FLAG_DRY_RUN, "  --dry-run           only say what would come of it\n"},
    {GW_CTL_FLAG_MESSAGE, "  --message TEXT      why, for the history\n"},
    {GW_CTL_FLAG_IF_REVISION, "  --if-revision N     only if the newest revision is N; 0: there is none yet\n"},
    {GW_CTL_FLAG_ALLOW_LOOSENING, "  --allow-loosening   go on although protections are loosened\n"},
    {GW_CTL_FLAG_TIMEOUT, "  --timeout TIME      how long to wait for an answer and for the fleet (60s)\n"},
    {GW_CTL_FLAG_LIMIT, "  --limit N           the newest N (20); 0: all\n"},
};

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

int gw_ctl_fail_usage(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("gatewayctl: ", stderr);
  vfprintf(stderr, format, args);
  fputs(" (see gatewayctl --help)\n", stderr);
  va_end(args);
  return GW_CTL_USAGE;
}

static int print_help(void) {
  puts("Usage: gatewayctl [OPTION]... VERB [ARGUMENT]...\n");
  for (uint32_t i = 0; i < gw_ctl_verb_count; i++)
    printf("  %-12s %s\n", gw_ctl_verbs[i].name, gw_ctl_verbs[i].summary);
  printf("\n%s", global_help);
  return GW_CTL_OK;
}

static int print_verb_help(const struct gw_ctl_verb *verb) {
  printf("Usage: gatewayctl %s%s%s [OPTION]...\n%s.\n\n", verb->name, verb->words[0] != '\0' ? " " : "", verb->words, verb->summary);
  for (uint32_t i = 0; i < GW_ARRAY_LEN(flag_help); i++) {
    if ((verb->flags & flag_help[i].flag) != 0) fputs(flag_help[i].help, stdout);
  }
  fputs(global_help, stdout);
  return GW_CTL_OK;
}

static const struct gw_ctl_verb *find_verb(const char *name) {
  for (uint32_t i = 0; i < gw_ctl_verb_count; i++) {
    if (strcmp(gw_ctl_verbs[i].name, name) == 0) return &gw_ctl_verbs[i];
  }
  return NULL;
}

static const char *env_or(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : fallback;
}

static int take_output(struct gw_ctl *ctl, const char *form) {
  if (strcmp(form, "json") != 0 && strcmp(form, "table") != 0) return gw_ctl_fail_usage("-o %s: table and json are allowed", form);
  ctl->is_json = strcmp(form, "json") == 0;
  ctl->given |= GW_CTL_FLAG_OUTPUT;
  return GW_CTL_OK;
}

static void take_file(struct gw_ctl *ctl, uint64_t flag, const char **field) {
  *field = optarg;
  ctl->given |= flag;
}

static int take_name(struct gw_ctl *ctl, uint64_t flag, const char *option, const char **list, uint32_t *count) {
  if (*count == GW_CTL_NAMES_MAX) return gw_ctl_fail_usage("--%s: at most %d", option, GW_CTL_NAMES_MAX);
  list[(*count)++] = optarg;
  ctl->given |= flag;
  return GW_CTL_OK;
}

static int take_days(struct gw_ctl *ctl) {
  uint64_t days;
  if (gw_str_parse_u64(gw_str_from(optarg), &days) != GW_OK || days == 0 || days > 36500)
    return gw_ctl_fail_usage("--days %s: 1 to 36500 are allowed", optarg);
  ctl->pki.days = (uint32_t)days;
  ctl->given |= GW_CTL_FLAG_DAYS;
  return GW_CTL_OK;
}

static int take_bits(struct gw_ctl *ctl) {
  uint64_t bits;
  if (gw_str_parse_u64(gw_str_from(optarg), &bits) != GW_OK || bits < GW_JWK_RSA_BITS_MIN || bits > GW_JWK_RSA_BITS_MAX)
    return gw_ctl_fail_usage("--bits %s: %d to %d are allowed", optarg, GW_JWK_RSA_BITS_MIN, GW_JWK_RSA_BITS_MAX);
  ctl->token.bits = (uint32_t)bits;
  ctl->given |= GW_CTL_FLAG_BITS;
  return GW_CTL_OK;
}

static int take_ttl(struct gw_ctl *ctl) {
  if (gw_duration_parse(gw_str_from(optarg), &ctl->token.ttl_ms) != GW_OK || ctl->token.ttl_ms < 1000)
    return gw_ctl_fail_usage("--ttl %s: " GW_DURATION_ALLOWED ", from 1s to a year", optarg);
  ctl->given |= GW_CTL_FLAG_TTL;
  return GW_CTL_OK;
}

/* 0, or the exit code to end with. */
static int take_token_option(struct gw_ctl *ctl, int id, const char *name) {
  struct gw_ctl_token *token = &ctl->token;
  switch (id) {
  case OPT_BITS: return take_bits(ctl);
  case OPT_CURVE: take_file(ctl, GW_CTL_FLAG_CURVE, &token->curve); return GW_CTL_OK;
  case OPT_KEY: take_file(ctl, GW_CTL_FLAG_KEY, &token->key); return GW_CTL_OK;
  case OPT_ALG: take_file(ctl, GW_CTL_FLAG_ALG, &token->alg); return GW_CTL_OK;
  case OPT_KID: take_file(ctl, GW_CTL_FLAG_KID, &token->kid); return GW_CTL_OK;
  case OPT_ISS: take_file(ctl, GW_CTL_FLAG_ISS, &token->iss); return GW_CTL_OK;
  case OPT_SUB: take_file(ctl, GW_CTL_FLAG_SUB, &token->sub); return GW_CTL_OK;
  case OPT_AUD: return take_name(ctl, GW_CTL_FLAG_AUD, name, token->auds, &token->aud_count);
  case OPT_CLAIM: return take_name(ctl, GW_CTL_FLAG_CLAIM, name, token->claims, &token->claim_count);
  case OPT_TTL: return take_ttl(ctl);
  default: return GW_CTL_USAGE; /* getopt has said why */
  }
}

/* 0, or the exit code to end with. */
static int take_pki_option(struct gw_ctl *ctl, int id, const char *name) {
  switch (id) {
  case OPT_DIR: take_file(ctl, GW_CTL_FLAG_DIR, &ctl->pki.dir); return GW_CTL_OK;
  case OPT_DOMAIN: take_file(ctl, GW_CTL_FLAG_DOMAIN, &ctl->pki.domain); return GW_CTL_OK;
  case OPT_HOST: return take_name(ctl, GW_CTL_FLAG_HOST, name, ctl->pki.hosts, &ctl->pki.host_count);
  case OPT_NODE: return take_name(ctl, GW_CTL_FLAG_NODE, name, ctl->pki.nodes, &ctl->pki.node_count);
  case OPT_DAYS: return take_days(ctl);
  case OPT_CONTROL_PLANE: ctl->given |= GW_CTL_FLAG_CONTROL_PLANE; return GW_CTL_OK;
  case OPT_ADMIN_CLIENT: ctl->given |= GW_CTL_FLAG_ADMIN_CLIENT; return GW_CTL_OK;
  case OPT_REPLACE: ctl->given |= GW_CTL_FLAG_REPLACE; return GW_CTL_OK;
  default: return take_token_option(ctl, id, name);
  }
}

static int take_expiry(struct gw_ctl *ctl) {
  int64_t now_s = (int64_t)(gw_clock_wall_us() / 1000000u);
  if (gw_ctl_parse_expiry(gw_str_from(optarg), now_s, &ctl->keys.expires_at_s) != GW_OK)
    return gw_ctl_fail_usage("--expires %s: %s is allowed", optarg, GW_CTL_EXPIRY_ALLOWED);
  ctl->given |= GW_CTL_FLAG_EXPIRES;
  return GW_CTL_OK;
}

static int take_grace(struct gw_ctl *ctl) {
  uint64_t ms;
  if (gw_duration_parse(gw_str_from(optarg), &ms) != GW_OK)
    return gw_ctl_fail_usage("--grace %s: %s is allowed", optarg, GW_DURATION_ALLOWED);
  ctl->keys.grace_s = (uint32_t)((ms + 999) / 1000);
  ctl->given |= GW_CTL_FLAG_GRACE;
  return GW_CTL_OK;
}

/* 0, or the exit code to end with. */
static int take_keys_option(struct gw_ctl *ctl, int id, const char *name) {
  switch (id) {
  case OPT_OWNER: take_file(ctl, GW_CTL_FLAG_OWNER, &ctl->keys.owner); return GW_CTL_OK;
  case OPT_NAME: take_file(ctl, GW_CTL_FLAG_NAME, &ctl->keys.name); return GW_CTL_OK;
  case OPT_PLAN: take_file(ctl, GW_CTL_FLAG_PLAN, &ctl->keys.plan); return GW_CTL_OK;
  case OPT_ROLE: return take_name(ctl, GW_CTL_FLAG_ROLE, name, ctl->keys.roles, &ctl->keys.role_count);
  case OPT_PERMISSION: return take_name(ctl, GW_CTL_FLAG_PERMISSION, name, ctl->keys.permissions, &ctl->keys.permission_count);
  case OPT_EXPIRES: return take_expiry(ctl);
  case OPT_GRACE: return take_grace(ctl);
  case OPT_ENDED:
    ctl->keys.shows_ended = true;
    ctl->given |= GW_CTL_FLAG_ENDED;
    return GW_CTL_OK;
  default: return take_pki_option(ctl, id, name);
  }
}

static int take_number(const char *option, uint64_t max, uint64_t *ret_number) {
  if (gw_str_parse_u64(gw_str_from(optarg), ret_number) == GW_OK && *ret_number <= max) return GW_CTL_OK;
  return gw_ctl_fail_usage("--%s %s: a whole number is wanted", option, optarg);
}

static int take_timeout(struct gw_ctl *ctl) {
  if (gw_duration_parse(gw_str_from(optarg), &ctl->change.timeout_ms) != GW_OK || ctl->change.timeout_ms == 0)
    return gw_ctl_fail_usage("--timeout %s: %s is allowed", optarg, GW_DURATION_ALLOWED);
  return GW_CTL_OK;
}

static int take_change_file(struct gw_ctl *ctl) {
  if (ctl->change.file_count == GW_CTL_FILES_MAX) return gw_ctl_fail_usage("-f %s: routes and services are all there is", optarg);
  ctl->change.files[ctl->change.file_count++] = optarg;
  return GW_CTL_OK;
}

/* 0, or the exit code to end with. */
static int take_change_option(struct gw_ctl *ctl, int id, const char *name) {
  struct gw_ctl_change *change = &ctl->change;
  uint64_t limit = 0;
  int exit_code = GW_CTL_OK;
  switch (id) {
  case 'f': ctl->given |= GW_CTL_FLAG_FILE; return take_change_file(ctl);
  case OPT_WAIT:
  case OPT_NO_WAIT:
    ctl->given |= GW_CTL_FLAG_WAIT;
    change->does_not_wait = id == OPT_NO_WAIT;
    return GW_CTL_OK;
  case OPT_DRY_RUN:
    ctl->given |= GW_CTL_FLAG_DRY_RUN;
    change->is_dry = true;
    return GW_CTL_OK;
  case OPT_MESSAGE: take_file(ctl, GW_CTL_FLAG_MESSAGE, &change->message); return GW_CTL_OK;
  case OPT_IF_REVISION: ctl->given |= GW_CTL_FLAG_IF_REVISION; return take_number("if-revision", INT64_MAX, &change->if_revision);
  case OPT_ALLOW_LOOSENING:
    ctl->given |= GW_CTL_FLAG_ALLOW_LOOSENING;
    change->allows_loosening = true;
    return GW_CTL_OK;
  case OPT_TIMEOUT: ctl->given |= GW_CTL_FLAG_TIMEOUT; return take_timeout(ctl);
  case OPT_LIMIT:
    ctl->given |= GW_CTL_FLAG_LIMIT;
    exit_code = take_number("limit", UINT32_MAX, &limit);
    change->limit = (uint32_t)limit;
    return exit_code;
  default: return take_keys_option(ctl, id, name);
  }
}

/* 0, or the exit code to end with. */
static int take_option(struct gw_ctl *ctl, int id, const char *name, bool *ret_help) {
  switch (id) {
  case OPT_ADMIN: ctl->admin = optarg; return GW_CTL_OK;
  case OPT_TOKEN_FILE: ctl->token_file = optarg; return GW_CTL_OK;
  case OPT_ROUTES: take_file(ctl, GW_CTL_FLAG_ROUTES, &ctl->routes); return GW_CTL_OK;
  case OPT_SERVICES: take_file(ctl, GW_CTL_FLAG_SERVICES, &ctl->services); return GW_CTL_OK;
  case OPT_ENV_FILE: take_file(ctl, GW_CTL_FLAG_ENV_FILE, &ctl->env_file); return GW_CTL_OK;
  case OPT_STRICT:
    ctl->is_strict = true;
    ctl->given |= GW_CTL_FLAG_STRICT;
    return GW_CTL_OK;
  case 'o': return take_output(ctl, optarg);
  case 'h': *ret_help = true; return GW_CTL_OK;
  case OPT_TLS_CA: ctl->tls.ca = optarg; return GW_CTL_OK;
  case OPT_TLS_CERT: ctl->tls.cert = optarg; return GW_CTL_OK;
  case OPT_TLS_KEY: ctl->tls.key = optarg; return GW_CTL_OK;
  case OPT_INSECURE: ctl->is_insecure = true; return GW_CTL_OK;
  default: return take_change_option(ctl, id, name);
  }
}

/* A certificate may be left out, since there is the token; but half of it is a mistake. */
static int check_tls(const struct gw_ctl *ctl) {
  const struct gw_tls_paths *tls = &ctl->tls;
  if ((tls->cert == NULL) != (tls->key == NULL))
    return gw_ctl_fail_usage("--tls-%s given without --tls-%s", tls->cert != NULL ? "cert" : "key", tls->cert != NULL ? "key" : "cert");
  if (tls->cert != NULL && tls->ca == NULL) return gw_ctl_fail_usage("--tls-cert and --tls-key given without --tls-ca");
  return GW_CTL_OK;
}

static int run_verb(struct gw_ctl *ctl, const struct gw_ctl_verb *verb) {
  uint64_t foreign = ctl->given & ~verb->flags;
  for (uint32_t i = 0; i < GW_ARRAY_LEN(flag_help); i++) {
    if ((foreign & flag_help[i].flag) == 0) continue;
    struct gw_str rest = gw_str_from(flag_help[i].help + 2), option;
    gw_str_split_next(&rest, ' ', &option);
    return gw_ctl_fail_usage("%s takes no %.*s", verb->name, GW_STR_ARG(option));
  }
  if (ctl->word_count < verb->words_min || ctl->word_count > verb->words_max) {
    return gw_ctl_fail_usage("%s wants %s", verb->name, verb->words[0] != '\0' ? verb->words : "no further words");
  }
  int exit_code = verb->run(ctl);
  if (fflush(stdout) != 0) {
    fputs("gatewayctl: the output cannot be written\n", stderr);
    return exit_code == GW_CTL_OK ? GW_CTL_FAILED : exit_code;
  }
  return exit_code;
}

static bool is_true(const char *text) {
  return strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
}

int gw_ctl_run(int argc, char **argv) {
  struct gw_ctl ctl = {.admin = env_or("GATEWAYCTL_ADMIN", "127.0.0.1:18001"),
                       .token_file = env_or("GATEWAYCTL_TOKEN_FILE", NULL),
                       .is_insecure = is_true(env_or("GATEWAYCTL_INSECURE", "")),
                       .routes = "config/routes.yaml",
                       .services = "config/services.yaml",
                       .change = {.limit = 20},
                       .tls = {.ca = env_or("GATEWAYCTL_TLS_CA", NULL),
                               .cert = env_or("GATEWAYCTL_TLS_CERT", NULL),
                               .key = env_or("GATEWAYCTL_TLS_KEY", NULL)}};
  int id, index = 0;
  bool wants_help = false;
  while ((id = getopt_long(argc, argv, "f:o:h", long_options, &index)) != -1) {
    if (id == OPT_VERSION) {
      puts("gatewayctl " GW_VERSION);
      return GW_CTL_OK;
    }
    int exit_code = take_option(&ctl, id, long_options[index].name, &wants_help);
    if (exit_code != GW_CTL_OK) return exit_code;
  }
  if (optind == argc) return wants_help ? print_help() : gw_ctl_fail_usage("a verb is wanted");
  const struct gw_ctl_verb *verb = find_verb(argv[optind]);
  if (verb == NULL) return gw_ctl_fail_usage("there is no verb %s", argv[optind]);
  if (wants_help) return print_verb_help(verb);
  int exit_code = check_tls(&ctl);
  if (exit_code != GW_CTL_OK) return exit_code;
  ctl.words = (const char **)(argv + optind + 1);
  ctl.word_count = argc - optind - 1;
  return run_verb(&ctl, verb);
}
