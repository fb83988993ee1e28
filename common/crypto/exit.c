#include "common/crypto/exit.h"

#include <openssl/crypto.h>

void gw_crypto_outlive_exit(void) {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}
