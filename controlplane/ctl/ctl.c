#include "controlplane/ctl/ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/str.h"

const struct gw_ctl_verb gw_ctl_verbs[] = {
    {"validate", "", "check routes and services on this machine, without a control plane",
     GW_CTL_FLAG_ROUTES | GW_CTL_FLAG_SERVICES | GW_CTL_FLAG_ENV_FILE | GW_CTL_FLAG_STRICT | GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_validate},
    {"status", "", "what is served, and whether each data plane runs it", GW_CTL_FLAG_OUTPUT, 0, 0, gw_ctl_status},
    {"get", "routes|services|endpoints [SERVICE]|nodes", "list what the control plane serves", GW_CTL_FLAG_OUTPUT, 1, 2, gw_ctl_get},
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
  OPT_NOT_YET,
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
    {"tls-ca", required_argument, NULL, OPT_NOT_YET},
    {"tls-cert", required_argument, NULL, OPT_NOT_YET},
    {"tls-key", required_argument, NULL, OPT_NOT_YET},
    {NULL, 0, NULL, 0},
};

static const char *const flag_help[] = {
    "  --routes FILE       routes (config/routes.yaml)\n",
    "  --services FILE     services (config/services.yaml)\n",
    "  --env-file FILE     settings (.env, .env.dev or .env.prod here, by ENVIRONMENT)\n",
    "  --strict            warnings are findings: exit code 79\n",
    "  -o, --output FORM   table or json (table)\n",
};

static const char global_help[] =
    "  --admin HOST:PORT   the control plane's admin API (127.0.0.1:18001; GATEWAYCTL_ADMIN)\n"
    "  --token-file FILE   its token (admin.token in the folder for state; GATEWAYCTL_TOKEN_FILE)\n"
    "  -h, --help          help, also of a verb\n"
    "\n"
    "Exit codes: 0 ok, 64 usage, 65 invalid configuration, 69 control plane not reached, 70 it answered with an error,\n"
    "75 timed out, 77 token missing or wrong, 79 findings of validate --strict.\n";

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
    if ((verb->flags & 1u << i) != 0) fputs(flag_help[i], stdout);
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

static void take_file(struct gw_ctl *ctl, enum gw_ctl_flag flag, const char **field) {
  *field = optarg;
  ctl->given |= flag;
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
  case OPT_NOT_YET: return gw_ctl_fail_usage("--%s is not available yet", name);
  default: return GW_CTL_USAGE; /* getopt has said why */
  }
}

static int check_environment(void) {
  static const char *const names[] = {"GATEWAYCTL_TLS_CA", "GATEWAYCTL_TLS_CERT", "GATEWAYCTL_TLS_KEY"};
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    if (env_or(names[i], NULL) != NULL) return gw_ctl_fail_usage("%s: TLS is not available yet", names[i]);
  }
  return GW_CTL_OK;
}

static int run_verb(struct gw_ctl *ctl, const struct gw_ctl_verb *verb) {
  unsigned foreign = ctl->given & ~verb->flags;
  for (uint32_t i = 0; i < GW_ARRAY_LEN(flag_help); i++) {
    if ((foreign & 1u << i) == 0) continue;
    struct gw_str rest = gw_str_from(flag_help[i] + 2), option;
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

int gw_ctl_run(int argc, char **argv) {
  struct gw_ctl ctl = {.admin = env_or("GATEWAYCTL_ADMIN", "127.0.0.1:18001"),
                       .token_file = env_or("GATEWAYCTL_TOKEN_FILE", NULL),
                       .routes = "config/routes.yaml",
                       .services = "config/services.yaml"};
  int id, index = 0;
  bool wants_help = false;
  while ((id = getopt_long(argc, argv, "o:h", long_options, &index)) != -1) {
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
  int exit_code = check_environment();
  if (exit_code != GW_CTL_OK) return exit_code;
  ctl.words = (const char **)(argv + optind + 1);
  ctl.word_count = argc - optind - 1;
  return run_verb(&ctl, verb);
}
