/* gatewayctl completion: a shell's words, made from the table of verbs. */
#include <stdio.h>
#include <string.h>

#include "controlplane/ctl/ctl.h"

static const char head[] =
    "# source <(gatewayctl completion bash)\n"
    "_gatewayctl() {\n"
    "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" words=\"\" i\n"
    "  case \"$previous\" in\n"
    "    --token-file|--routes|--services|--env-file|--tls-ca|--tls-cert|--tls-key|--key|-f|--file) COMPREPLY=($(compgen -f -- "
    "\"$current\")); "
    "return ;;\n"
    "    --dir) COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n"
    "    -o|--output) COMPREPLY=($(compgen -W 'table json' -- \"$current\")); return ;;\n"
    "    --curve) COMPREPLY=($(compgen -W 'P-256 P-384 P-521 Ed25519' -- \"$current\")); return ;;\n"
    "    --alg) COMPREPLY=($(compgen -W 'HS256 HS384 HS512 RS256 RS384 RS512 ES256 ES384 ES512' -- \"$current\")); return ;;\n"
    "    "
    "--admin|--domain|--host|--node|--days|--bits|--kid|--iss|--sub|--aud|--claim|--ttl|--owner|--name|--role|--permission|--plan|--expires"
    "|--grace|--message|--if-revision|--timeout|--limit) return ;;\n";

static const char tail[] =
    "  if [[ $current == -* ]]; then\n"
    "    words='--admin --token-file --tls-ca --tls-cert --tls-key --insecure --output --help --routes --services --env-file"
    " --strict --dir --domain --control-plane --host --node --admin-client --days --replace"
    " --bits --curve --key --alg --kid --iss --sub --aud --claim --ttl"
    " --owner --name --role --permission --plan --expires --grace --ended"
    " --file --wait --no-wait --dry-run --message --if-revision --allow-loosening --timeout --limit'\n"
    "  fi\n"
    "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
    "}\n"
    "complete -F _gatewayctl gatewayctl\n";

/* "routes|services|endpoints [SERVICE]|nodes" gives "routes services endpoints nodes": what is in capitals stands for a value. */
static void print_choices(const char *words) {
  for (const char *at = words; *at != '\0'; at++) {
    if (*at == '|') putchar(' ');
    if (*at >= 'a' && *at <= 'z') putchar(*at);
  }
}

int gw_ctl_completion(const struct gw_ctl *ctl) {
  if (strcmp(ctl->words[0], "bash") != 0) return gw_ctl_fail_usage("completion %s: bash is allowed", ctl->words[0]);
  fputs(head, stdout);
  for (uint32_t i = 0; i < gw_ctl_verb_count; i++) {
    if (gw_ctl_verbs[i].words[0] == '\0') continue;
    printf("    %s) words='", gw_ctl_verbs[i].name);
    print_choices(gw_ctl_verbs[i].words);
    puts("' ;;");
  }
  printf("    *) words='");
  for (uint32_t i = 0; i < gw_ctl_verb_count; i++)
    printf("%s%s", i > 0 ? " " : "", gw_ctl_verbs[i].name);
  puts("'\n       for i in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ \" $words \" == *\" $i \"* ]] && words=''; done ;;\n  esac");
  fputs(tail, stdout);
  return GW_CTL_OK;
}
