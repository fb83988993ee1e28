/* What an audit says of a request: texts that may be shown, numbers, never a secret. Records in a store: test_admin_roles.py. */
#include "controlplane/api/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void assert_described(const ProtobufCMessage *message, const char *expected) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  gw_audit_describe(message, &text);
  assert_string_equal(text.data != NULL ? text.data : "", expected);
  gw_strbuf_done(&text);
}

static void test_describe_says_short_texts_and_numbers(void **state) {
  (void)state;
  char alice[] = "alice", editor[] = "editor", viewer[] = "viewer";
  char *roles[] = {editor, viewer};
  Gateway__Admin__V1__CreateApiKeyRequest request = GATEWAY__ADMIN__V1__CREATE_API_KEY_REQUEST__INIT;
  assert_described(&request.base, "");
  request.owner = alice;
  request.roles = roles;
  request.n_roles = 2;
  request.expires_at_s = 17;
  assert_described(&request.base, "owner=\"alice\" roles=\"editor\",\"viewer\" expires_at_s=17");
}

static void test_describe_of_many_texts_says_how_many_more(void **state) {
  (void)state;
  char word[] = "x";
  char *permissions[] = {word, word, word, word, word, word, word};
  Gateway__Admin__V1__CreateApiKeyRequest request = GATEWAY__ADMIN__V1__CREATE_API_KEY_REQUEST__INIT;
  request.permissions = permissions;
  request.n_permissions = 7;
  assert_described(&request.base, "permissions=\"x\",\"x\",\"x\",\"x\",\"x\" and 2 more");
}

/* A name with a line end would forge a second line of the log. */
static void test_describe_keeps_a_line_a_line(void **state) {
  (void)state;
  char hostile[] = "a\nb\"c\x7f\x1b[2J";
  Gateway__Admin__V1__CreateApiKeyRequest request = GATEWAY__ADMIN__V1__CREATE_API_KEY_REQUEST__INIT;
  request.name = hostile;
  assert_described(&request.base, "name=\"a?b?c??[2J\"");
}

static void test_describe_cuts_long_texts(void **state) {
  (void)state;
  char text[102], expected[160];
  memset(text, 'n', 101);
  text[101] = '\0';
  Gateway__Admin__V1__CreateApiKeyRequest request = GATEWAY__ADMIN__V1__CREATE_API_KEY_REQUEST__INIT;
  request.name = text;
  snprintf(expected, sizeof(expected), "name=\"%.100s…\"", text);
  assert_described(&request.base, expected);
  text[100] = '\0';
  snprintf(expected, sizeof(expected), "name=\"%s\"", text);
  assert_described(&request.base, expected);
}

/* Fields are shown by a list of those that may be: what it does not know is kept back. */
static void test_describe_never_says_a_secret(void **state) {
  (void)state;
  char secret[] = "gwk_0123456789";
  Gateway__Admin__V1__CreateApiKeyResponse answer = GATEWAY__ADMIN__V1__CREATE_API_KEY_RESPONSE__INIT;
  answer.secret = secret;
  assert_described(&answer.base, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_describe_says_short_texts_and_numbers), cmocka_unit_test(test_describe_of_many_texts_says_how_many_more),
      cmocka_unit_test(test_describe_keeps_a_line_a_line),          cmocka_unit_test(test_describe_cuts_long_texts),
      cmocka_unit_test(test_describe_never_says_a_secret),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
