#include "controlplane/ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "controlplane/ctl/verb_registrations.h"
#include "controlplane/ctl/yaml_output.h"

const struct gw_ctl_verb gw_ctl_verbs[] = {
    {"validate", "", "check routes and services on this machine, without a control plane",
     GW_CTL_FLAG_ROUTES | GW_CTL_FLAG_SERVICES | GW_CTL_FLAG_ENV_FILE | GW_CTL_FLAG_STRICT | GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_validate},
    {"status", "", "what is served, and whether each data plane runs it", GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_status},
    {"get", "routes|services|endpoints [SERVICE]|nodes", "list what the control plane serves", GW_CTL_FLAG_OUTPUT, 1, 2, gw_ctl_get},
    {"services", "list|release NAME|register NAME ADDRESS:PORT|deregister NAME ADDRESS:PORT|registrations",
     "where instances come from, and what is held of them; instances that are put into Consul or Nacos",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAGS_REGISTER, 1, 3, gw_ctl_services},
    {"apply", "", "make files the newest revision, and wait until every node runs it; the exit code is the fleet's verdict",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_FILE | GW_CTL_FLAG_WAIT | GW_CTL_FLAG_DRY_RUN | GW_CTL_FLAG_MESSAGE | GW_CTL_FLAG_IF_REVISION |
         GW_CTL_FLAG_ALLOW_LOOSENING | GW_CTL_FLAG_TIMEOUT,
     0, 0, gw_ctl_apply},
    {"history", "", "the revisions: who has put each in force, when and why", GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_LIMIT, 0, 0, gw_ctl_history},
    {"diff", "A [B]", "what revision B (the newest) has changed since A, and which protections it has loosened", GW_CTL_FLAG_OUTPUT, 1, 2,
     gw_ctl_diff},
    {"rollback", "N", "put revision N in force again, as a new one, and wait as apply does",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_WAIT | GW_CTL_FLAG_MESSAGE | GW_CTL_FLAG_IF_REVISION | GW_CTL_FLAG_TIMEOUT, 1, 1, gw_ctl_rollback},
    {"why", "REQUEST_ID", "why a request failed or was retried, as data planes remember it", GW_CTL_FLAG_OUTPUT, 1, 1, gw_ctl_why},
    {"explain", "METHOD URL", "what becomes of a request, and by which rule",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_FILE | GW_CTL_FLAG_ROUTES | GW_CTL_FLAG_SERVICES | GW_CTL_FLAG_ENV_FILE | GW_CTL_FLAG_HEADER |
         GW_CTL_FLAG_IDENTITY | GW_CTL_FLAG_ROLE | GW_CTL_FLAG_PERMISSION | GW_CTL_FLAG_API_KEY | GW_CTL_FLAG_PLAN | GW_CTL_FLAG_CLIENT |
         GW_CTL_FLAG_LISTENER | GW_CTL_FLAG_NODE | GW_CTL_FLAG_NODE_CLUSTER | GW_CTL_FLAG_REVISION,
     2, 2, gw_ctl_explain},
    {"node", "config ID [NAME]|clusters ID [NAME]|limits ID|counters ID|drain ID|log-level ID LEVEL",
     "what one data plane runs, has and counts; drain it; how much it logs", GW_CTL_FLAG_OUTPUT, 2, 3, gw_ctl_node},
    {"log-level", "LEVEL", "how much the control plane logs: debug, info, warning or error", GW_CTL_FLAG_OUTPUT, 1, 1, gw_ctl_log_level},
    {"top", "", "requests a second by route, over all data planes or on one",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_NODE | GW_CTL_FLAG_INTERVAL | GW_CTL_FLAG_COUNT | GW_CTL_FLAG_ROWS, 0, 0, gw_ctl_top},
    {"audit", "", "who has changed what through the admin API", GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_audit},
    {"keys", "create|list|show ID|rotate ID|expire ID|revoke ID...|import FILE",
     "API keys: make, list, end, take over those that others issued",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_OWNER | GW_CTL_FLAG_NAME | GW_CTL_FLAG_ROLE | GW_CTL_FLAG_PERMISSION | GW_CTL_FLAG_PLAN |
         GW_CTL_FLAG_EXPIRES | GW_CTL_FLAG_GRACE | GW_CTL_FLAG_ENDED,
     1, 1001, gw_ctl_keys},
    {"ecs", "list|create FILE|delete ID...|job ID", "Huawei Cloud's servers: list, make, delete; --wait shows the job until it is over",
     GW_CTL_FLAG_OUTPUT | GW_CTL_FLAG_NAME | GW_CTL_FLAG_TAG | GW_CTL_FLAG_STATUS | GW_CTL_FLAG_COUNT | GW_CTL_FLAG_DRY_RUN |
         GW_CTL_FLAG_WAIT | GW_CTL_FLAG_TIMEOUT | GW_CTL_FLAG_WITH_ADDRESSES | GW_CTL_FLAG_WITH_VOLUMES,
     1, 1001, gw_ctl_ecs},
    {"pki", "init|issue [NAME]", "make a certificate authority and certificates for the control channel, on this machine",
     GW_CTL_FLAG_DIR | GW_CTL_FLAG_DOMAIN | GW_CTL_FLAG_CONTROL_PLANE | GW_CTL_FLAG_HOST | GW_CTL_FLAG_NODE | GW_CTL_FLAG_ADMIN_CLIENT |
         GW_CTL_FLAG_ROLE | GW_CTL_FLAG_DAYS | GW_CTL_FLAG_REPLACE,
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
  printf("\n%s", gw_ctl_global_help());
  return GW_CTL_OK;
}

static int print_verb_help(const struct gw_ctl_verb *verb) {
  printf("Usage: gatewayctl %s%s%s [OPTION]...\n%s.\n\n", verb->name, verb->words[0] != '\0' ? " " : "", verb->words, verb->summary);
  uint64_t flag;
  const char *line;
  for (uint32_t i = 0; (line = gw_ctl_flag_help(i, &flag)) != NULL; i++)
    if ((verb->flags & flag) != 0) fputs(line, stdout);
  fputs(gw_ctl_global_help(), stdout);
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

/* A certificate may be left out, since there is the token; but half of it is a mistake. */
static int check_tls(const struct gw_ctl *ctl) {
  const struct gw_tls_paths *tls = &ctl->tls;
  if ((tls->cert == NULL) != (tls->key == NULL))
    return gw_ctl_fail_usage("--tls-%s given without --tls-%s", tls->cert != NULL ? "cert" : "key", tls->cert != NULL ? "key" : "cert");
  if (tls->cert != NULL && tls->ca == NULL) return gw_ctl_fail_usage("--tls-cert and --tls-key given without --tls-ca");
  return GW_CTL_OK;
}

static int run_verb(struct gw_ctl *ctl, const struct gw_ctl_verb *verb) {
  if (ctl->word_count < verb->words_min || ctl->word_count > verb->words_max) {
    return gw_ctl_fail_usage("%s wants %s", verb->name, verb->words[0] != '\0' ? verb->words : "no further words");
  }
  int exit_code = ctl->is_yaml ? gw_ctl_run_for_yaml(ctl, verb->run) : verb->run(ctl);
  if (fflush(stdout) != 0) {
    fputs("gatewayctl: the output cannot be written\n", stderr);
    return exit_code == GW_CTL_OK ? GW_CTL_FAILED : exit_code;
  }
  return exit_code;
}

static int refuse_word(const struct gw_ctl *ctl, const char *verb, const struct gw_ctl_word *words, size_t count) {
  struct gw_strbuf names;
  gw_strbuf_init(&names);
  for (size_t i = 0; i < count; i++)
    gw_strbuf_printf(&names, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", words[i].name);
  int exit_code = gw_ctl_fail_usage("%s %s: %s are allowed", verb, ctl->words[0], names.data);
  gw_strbuf_done(&names);
  return exit_code;
}

int gw_ctl_run_word(const struct gw_ctl *ctl, const char *verb, const struct gw_ctl_word *words, size_t count) {
  const struct gw_ctl_word *word = words;
  while (word < words + count && strcmp(word->name, ctl->words[0]) != 0)
    word++;
  if (word == words + count) return refuse_word(ctl, verb, words, count);
  if (ctl->word_count < word->words_min || ctl->word_count > word->words_max)
    return gw_ctl_fail_usage("%s %s wants %s", verb, word->name, word->wants);
  if ((ctl->given & ~(word->flags | GW_CTL_FLAG_OUTPUT)) != 0)
    return gw_ctl_fail_usage("%s %s does not take all of these options", verb, word->name);
  struct gw_arena arena;
  gw_arena_init(&arena, 16384);
  int exit_code = word->run(ctl, &arena);
  gw_arena_wipe(&arena);
  gw_arena_done(&arena);
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
  int first;
  int exit_code = gw_ctl_take_options(&ctl, argc, argv, &first);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl.wants_version) {
    puts("gatewayctl " GW_VERSION);
    return GW_CTL_OK;
  }
  if (first == argc) return ctl.wants_help ? print_help() : gw_ctl_fail_usage("a verb is wanted");
  const struct gw_ctl_verb *verb = find_verb(argv[first]);
  if (verb == NULL) return gw_ctl_fail_usage("there is no verb %s", argv[first]);
  if (ctl.wants_help) return print_verb_help(verb);
  exit_code = check_tls(&ctl);
  if (exit_code == GW_CTL_OK) exit_code = gw_ctl_check_options(&ctl, verb);
  if (exit_code != GW_CTL_OK) return exit_code;
  ctl.words = (const char **)(argv + first + 1);
  ctl.word_count = argc - first - 1;
  return run_verb(&ctl, verb);
}
