/* gatewayctl keygen: keys that sign tokens, for those who issue them. Nothing here needs a control plane. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/crypto/keys.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/key_file.h"

#define RSA_BITS 3072   /* 128 bits of security (NIST SP 800-57) */
#define SECRET_BYTES 48 /* as text 64 characters: enough for HS512, too */
#define NAME_MAX_LEN 64

static bool is_file_name(const char *text) {
  size_t len = strlen(text);
  size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
  return len > 0 && len <= NAME_MAX_LEN && plain == len && text[0] != '.' && text[0] != '-';
}

static char *path_of(const struct gw_ctl *ctl, const char *suffix) {
  const char *dir = ctl->pki.dir != NULL ? ctl->pki.dir : ".";
  return strcmp(dir, ".") == 0 ? gw_asprintf("%s.%s", ctl->words[1], suffix) : gw_asprintf("%s/%s.%s", dir, ctl->words[1], suffix);
}

static bool may_replace(const struct gw_ctl *ctl) {
  return (ctl->given & GW_CTL_FLAG_REPLACE) != 0;
}

static int refuse_existing(const struct gw_ctl *ctl, const char *path) {
  if (may_replace(ctl) || !gw_ctl_file_exists(path)) return GW_CTL_OK;
  return gw_ctl_fail(GW_CTL_INVALID, "%s is there already: --replace makes a new one in its place", path);
}

static int put_pair(const struct gw_ctl *ctl, const struct gw_key_pair *pair, const char *what, const char *alg) {
  GW_CLEANUP(gw_free_ptr) char *key = path_of(ctl, "key");
  GW_CLEANUP(gw_free_ptr) char *public_key = path_of(ctl, "pub");
  int exit_code = gw_ctl_put_file(key, pair->private_pem, 0600, may_replace(ctl));
  if (exit_code != GW_CTL_OK) return exit_code;
  exit_code = gw_ctl_put_file(public_key, pair->public_pem, 0644, may_replace(ctl));
  if (exit_code != GW_CTL_OK) {
    if (!may_replace(ctl)) unlink(key);
    return exit_code;
  }
  printf("Made a key pair, %s:\n"
         "  %s  signs tokens: it stays with who issues them, and secret\n"
         "  %s  verifies them: it goes to everybody who does\n",
         what, key, public_key);
  if (alg != NULL) printf("\nNext:\n  gatewayctl token mint --key %s --alg %s --sub NAME\n", key, alg);
  return GW_CTL_OK;
}

static int check_pair_names(const struct gw_ctl *ctl) {
  GW_CLEANUP(gw_free_ptr) char *key = path_of(ctl, "key");
  GW_CLEANUP(gw_free_ptr) char *public_key = path_of(ctl, "pub");
  int exit_code = refuse_existing(ctl, key);
  return exit_code == GW_CTL_OK ? refuse_existing(ctl, public_key) : exit_code;
}

static int make_rsa(const struct gw_ctl *ctl) {
  if ((ctl->given & GW_CTL_FLAG_CURVE) != 0) return gw_ctl_fail_usage("--curve goes with keygen ec only");
  uint32_t bits = ctl->token.bits != 0 ? ctl->token.bits : RSA_BITS;
  int exit_code = check_pair_names(ctl);
  if (exit_code != GW_CTL_OK) return exit_code;
  struct gw_key_pair pair;
  enum gw_err err = gw_keys_generate_rsa_pair(bits, &pair);
  GW_ASSERT(err == GW_OK); /* the option was checked */
  GW_CLEANUP(gw_free_ptr) char *what = gw_asprintf("RSA of %u bits", bits);
  exit_code = put_pair(ctl, &pair, what, "RS256");
  gw_key_pair_done(&pair);
  return exit_code;
}

static int make_ec(const struct gw_ctl *ctl) {
  static const struct {
    const char *curve;
    const char *alg; /* of `token mint`; NULL: none */
  } curves[] = {{"P-256", "ES256"}, {"P-384", "ES384"}, {"P-521", "ES512"}, {"Ed25519", NULL}};
  if ((ctl->given & GW_CTL_FLAG_BITS) != 0) return gw_ctl_fail_usage("--bits goes with keygen rsa only");
  const char *curve = ctl->token.curve != NULL ? ctl->token.curve : curves[0].curve;
  int exit_code = check_pair_names(ctl);
  if (exit_code != GW_CTL_OK) return exit_code;
  struct gw_key_pair pair;
  if (gw_keys_generate_ec_pair(curve, &pair) != GW_OK)
    return gw_ctl_fail_usage("--curve %s: P-256, P-384, P-521 and Ed25519 are allowed", curve);
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    if (strcmp(curves[i].curve, curve) == 0) exit_code = put_pair(ctl, &pair, curve, curves[i].alg);
  }
  gw_key_pair_done(&pair);
  return exit_code;
}

static int make_secret(const struct gw_ctl *ctl) {
  if ((ctl->given & (GW_CTL_FLAG_BITS | GW_CTL_FLAG_CURVE)) != 0) return gw_ctl_fail_usage("keygen secret takes no --bits and no --curve");
  GW_CLEANUP(gw_free_ptr) char *path = path_of(ctl, "key");
  int exit_code = refuse_existing(ctl, path);
  if (exit_code != GW_CTL_OK) return exit_code;
  char *secret = gw_keys_generate_secret(SECRET_BYTES);
  exit_code = gw_ctl_put_file(path, secret, 0600, may_replace(ctl));
  gw_keys_free_secret(secret);
  if (exit_code != GW_CTL_OK) return exit_code;
  printf("Made %s, a secret of %d random bytes as text, for HS256, HS384 and HS512: who verifies tokens needs it as well as who issues "
         "them.\n"
         "\nNext:\n  gatewayctl token mint --key %s --alg HS256 --sub NAME\n",
         path, SECRET_BYTES, path);
  return GW_CTL_OK;
}

int gw_ctl_keygen(const struct gw_ctl *ctl) {
  if (!is_file_name(ctl->words[1]))
    return gw_ctl_fail_usage("keygen %s %s: a name of up to 64 letters, digits, '-', '_' and '.' is wanted", ctl->words[0], ctl->words[1]);
  if (strcmp(ctl->words[0], "rsa") == 0) return make_rsa(ctl);
  if (strcmp(ctl->words[0], "ec") == 0) return make_ec(ctl);
  if (strcmp(ctl->words[0], "secret") == 0) return make_secret(ctl);
  return gw_ctl_fail_usage("keygen %s: rsa, ec and secret are allowed", ctl->words[0]);
}
