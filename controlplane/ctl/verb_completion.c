/* gatewayctl completion: a shell's words, made from the tables of verbs and of options, so that a new one needs no line here. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/str.h"
#include "controlplane/ctl/ctl.h"

static const char head[] =
    "# source <(gatewayctl completion bash)\n"
    "_gatewayctl() {\n"
    "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" verb=\"\" words=\"\" flags=\"\" i\n"
    "  case \"$previous\" in\n"
    "    -o|--output) COMPREPLY=($(compgen -W 'table json yaml' -- \"$current\")); return ;;\n"
    "    --curve) COMPREPLY=($(compgen -W 'P-256 P-384 P-521 Ed25519' -- \"$current\")); return ;;\n"
    "    --alg) COMPREPLY=($(compgen -W 'HS256 HS384 HS512 RS256 RS384 RS512 ES256 ES384 ES512' -- \"$current\")); return ;;\n";

static const char tail[] = "  if [[ $current == -* ]]; then words=\"$flags\"; fi\n"
                           "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                           "}\n"
                           "complete -F _gatewayctl gatewayctl\n";

/* An option as a line of help has it: "  -f, --file FILE     what". */
struct option_words {
  struct gw_str names[2];
  uint32_t name_count;
  struct gw_str value; /* "FILE"; empty: it takes none */
};

static struct gw_str take_word(struct gw_str *rest) {
  struct gw_str word = {rest->data, 0};
  while (word.len < rest->len && rest->data[word.len] != ' ')
    word.len++;
  *rest = gw_str_skip(*rest, word.len);
  return word;
}

/* False: the line is about something else. */
static bool parse_line(struct gw_str line, struct option_words *ret_words) {
  *ret_words = (struct option_words){.name_count = 0};
  if (!gw_str_has_prefix(line, GW_STR("  -"))) return false;
  struct gw_str rest = gw_str_skip(line, 2);
  while (rest.len > 0 && rest.data[0] == '-' && ret_words->name_count < 2) {
    struct gw_str name = take_word(&rest);
    if (gw_str_has_suffix(name, GW_STR(","))) name.len--;
    ret_words->names[ret_words->name_count++] = name;
    if (rest.len < 2 || rest.data[1] == ' ') return true;
    rest = gw_str_skip(rest, 1);
  }
  if (rest.len > 0 && isupper((unsigned char)rest.data[0])) ret_words->value = take_word(&rest);
  return true;
}

typedef void (*option_fn)(const struct option_words *option, const char *wanted);

/* `lines`: help text. */
static void for_each_option(const char *lines, option_fn fn, const char *wanted) {
  struct gw_str rest = gw_str_from(lines), line;
  struct option_words option;
  while (gw_str_split_next(&rest, '\n', &line))
    if (parse_line(line, &option)) fn(&option, wanted);
}

static void for_each_option_of(uint64_t flags, option_fn fn, const char *wanted) {
  uint64_t flag;
  const char *lines;
  for (uint32_t i = 0; (lines = gw_ctl_flag_help(i, &flag)) != NULL; i++)
    if ((flags & flag) != 0) for_each_option(lines, fn, wanted);
  for_each_option(gw_ctl_global_help(), fn, wanted);
}

/* What words stand for: a file, a folder, or anything else that can't be told beforehand. */
static const char *kind_of(struct gw_str value) {
  if (gw_str_equal(value, GW_STR("FILE"))) return "file";
  return gw_str_equal(value, GW_STR("DIR")) ? "dir" : "any";
}

static void print_pattern(const struct option_words *option, const char *kind) {
  if (option->value.len == 0 || strcmp(kind_of(option->value), kind) != 0) return;
  for (uint32_t i = 0; i < option->name_count; i++)
    printf("|%.*s", GW_STR_ARG(option->names[i]));
}

static void print_values(const char *kind, const char *action) {
  printf("    gatewayctl:%s", kind); /* no option's name: so that each of the others begins with '|' */
  for_each_option_of(UINT64_MAX, print_pattern, kind);
  printf(") %s ;;\n", action);
}

static void print_long_name(const struct option_words *option, const char *unused) {
  (void)unused;
  printf("%.*s ", GW_STR_ARG(option->names[option->name_count - 1]));
}

/* "routes|services|endpoints [SERVICE]|nodes" gives "routes services endpoints nodes": what is in capitals stands for a value. */
static void print_choices(const char *words) {
  for (const char *at = words; *at != '\0'; at++) {
    if (*at == '|') putchar(' ');
    if ((*at >= 'a' && *at <= 'z') || *at == '-') putchar(*at);
  }
}

static void print_verbs(void) {
  printf("  words='");
  for (uint32_t i = 0; i < gw_ctl_verb_count; i++)
    printf("%s%s", i > 0 ? " " : "", gw_ctl_verbs[i].name);
  printf("' flags='");
  for_each_option(gw_ctl_global_help(), print_long_name, NULL);
  puts("'\n  for i in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ \" $words \" == *\" $i \"* ]] && { verb=$i; break; }; done");
  puts("  case \"$verb\" in");
  for (uint32_t i = 0; i < gw_ctl_verb_count; i++) {
    printf("    %s) flags='", gw_ctl_verbs[i].name);
    for_each_option_of(gw_ctl_verbs[i].flags, print_long_name, NULL);
    printf("'; words=''; [[ $previous == \"$verb\" ]] && words='");
    print_choices(gw_ctl_verbs[i].words);
    puts("' ;;");
  }
  puts("  esac");
}

int gw_ctl_completion(const struct gw_ctl *ctl) {
  if (strcmp(ctl->words[0], "bash") != 0) return gw_ctl_fail_usage("completion %s: bash is allowed", ctl->words[0]);
  fputs(head, stdout);
  print_values("file", "COMPREPLY=($(compgen -f -- \"$current\")); return");
  print_values("dir", "COMPREPLY=($(compgen -d -- \"$current\")); return");
  print_values("any", "return");
  puts("  esac");
  print_verbs();
  fputs(tail, stdout);
  return GW_CTL_OK;
}
