#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rpc/rpc.h"

static void test_causes_of_grpc_become_words(void **state) {
  (void)state;
  static const struct {
    const char *reason;
    bool has_tls;
    bool was_answered;
    const char *words;
  } cases[] = {
      {"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused",
       true, false, "connection refused"},
      {"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL: error:0A000086:SSL "
       "routines::certificate verify failed",
       true, false,
       "TLS handshake failed: the other side's certificate is not signed by a CA of ours, has lapsed, or is not meant for this use"},
      {"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL: error:0A00010B:SSL "
       "routines::wrong version number",
       true, false, "TLS handshake failed: the other side does not speak TLS"},
      {"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL: something new",
       true, false, "something new"},
      {"failed to connect to all addresses; last error: UNKNOWN: ipv6:%5B::1%5D:1: Peer name ::1 is not in peer certificate", true, false,
       "its certificate is not for ::1"},
      {"Peer name x", true, false, "peer name x"},
      {" is not in peer certificate Peer name ", true, false, " is not in peer certificate Peer name "},
      {"failed to connect to all addresses; last error: UNAVAILABLE: ipv4:127.0.0.1:1: Socket closed", true, false,
       "it closed the connection; when it has refused our certificate, its log says why"},
      {"Socket closed", false, false, "it closed the connection; it may want TLS"},
      {"Connection reset by peer", false, false, "it closed the connection; it may want TLS"},
      {"Socket closed", false, true, "it closed the connection"},
      {"Socket closed", true, true, "it closed the connection"},
      {"", false, false, ""},
  };
  for (size_t i = 0; i < GW_ARRAY_LEN(cases); i++) {
    char *words = gw_rpc_explain_unavailable(gw_str_from(cases[i].reason), cases[i].has_tls, cases[i].was_answered);
    assert_string_equal(words, cases[i].words);
    free(words);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_causes_of_grpc_become_words)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
