/* Keys as a key set, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/crypto/jwk_format.h"
#include "common/crypto/keys.h"

static struct gw_jwk_set *from_pem(const char *pem, uint32_t algs) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_jwk_set *set = gw_jwk_set_new();
  if (!gw_jwk_set_add_pem(set, gw_str_from(pem), GW_STR("k\"1"), algs, "here", &errors)) fail_msg("%s", gw_errors_format(&errors));
  gw_jwk_set_freeze(set);
  gw_errors_done(&errors);
  return set;
}

static struct gw_jwk_set *read_back(struct gw_str text, bool may_hold_secrets) {
  const struct gw_jwk_rules rules = {.algs = GW_JWK_ANY_ALG, .may_hold_secrets = may_hold_secrets};
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_jwk_set *set = gw_jwk_set_new();
  if (!gw_jwk_set_add_jwks(set, text, &rules, "here", &errors)) fail_msg("%s", gw_errors_format(&errors));
  gw_jwk_set_freeze(set);
  gw_errors_done(&errors);
  return set;
}

/* The key set that was written, freed by the caller. */
static char *check_round_trip(struct gw_key_pair *pair, uint32_t algs, uint32_t count) {
  struct gw_jwk_set *before = from_pem(pair->public_pem, algs);
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_jwk_set_append_public(before, &text);
  struct gw_jwk_set *after = read_back(gw_strbuf_str(&text), false);
  assert_int_equal(gw_jwk_set_count(after), count);
  uint32_t all = 0;
  for (uint32_t i = 0; i < count; i++)
    all |= gw_jwk_set_get(after, i)->algs;
  assert_int_equal(all, gw_jwk_set_get(before, 0)->algs);
  assert_true(gw_str_equal(gw_jwk_set_get(after, 0)->kid, GW_STR("k\"1")));
  if (count == 1) assert_int_equal(gw_jwk_set_generation(before), gw_jwk_set_generation(after)); /* the very same key */
  gw_jwk_set_unref(before);
  gw_jwk_set_unref(after);
  return gw_strbuf_take(&text);
}

static void test_public_keys_come_back_as_they_were(void **state) {
  (void)state;
  static const char *const curves[] = {"P-256", "P-384", "P-521", "Ed25519"};
  struct gw_key_pair pair;
  assert_int_equal(gw_keys_generate_rsa_pair(2048, &pair), GW_OK);
  char *text = check_round_trip(&pair, GW_JWK_ANY_ALG, 1);
  assert_null(strstr(text, "\"alg\""));
  free(text);
  free(check_round_trip(&pair, GW_JWK_ALG_BIT(GW_JWT_RS256), 1));
  free(check_round_trip(&pair, GW_JWK_ALG_BIT(GW_JWT_RS256) | GW_JWK_ALG_BIT(GW_JWT_PS512), 2));
  gw_key_pair_done(&pair);
  for (size_t i = 0; i < GW_ARRAY_LEN(curves); i++) {
    /* Some coordinates begin with zeros: those count. */
    for (int k = 0; k < 20; k++) {
      assert_int_equal(gw_keys_generate_ec_pair(curves[i], &pair), GW_OK);
      free(check_round_trip(&pair, GW_JWK_ANY_ALG, 1));
      gw_key_pair_done(&pair);
    }
  }
}

static void test_secrets_come_back_as_they_were(void **state) {
  (void)state;
  const struct gw_jwk_secret secrets[] = {{GW_STR("0123456789abcdef0123456789abcdef"), GW_JWT_HS256},
                                          {GW_STR("\0\"\\3456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01"), GW_JWT_HS512}};
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_jwk_append_secrets(secrets, 2, &text);
  struct gw_jwk_set *set = read_back(gw_strbuf_str(&text), true), *made = gw_jwk_set_new();
  struct gw_errors errors;
  gw_errors_init(&errors);
  for (size_t i = 0; i < 2; i++)
    assert_true(gw_jwk_set_add_secret(made, secrets[i].secret, GW_STR(""), secrets[i].alg, "here", &errors));
  gw_jwk_set_freeze(made);
  assert_int_equal(gw_jwk_set_generation(set), gw_jwk_set_generation(made));
  gw_jwk_set_unref(set);
  /* Where only public keys are written, they are left out. */
  gw_strbuf_clear(&text);
  gw_jwk_set_append_public(made, &text);
  assert_string_equal(text.data, "{\"keys\":[]}");
  gw_jwk_set_unref(made);
  gw_strbuf_wipe(&text);
  gw_errors_done(&errors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_public_keys_come_back_as_they_were),
      cmocka_unit_test(test_secrets_come_back_as_they_were),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
