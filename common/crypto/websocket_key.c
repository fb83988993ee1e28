#include "common/crypto/websocket_key.h"

#include <openssl/evp.h>

#include "common/base/err.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */
#define KEY_BYTES 16
#define SHA1_BYTES 20

void gw_websocket_key_new(struct gw_random *random, char ret_key[GW_WEBSOCKET_KEY_SIZE]) {
  uint64_t words[KEY_BYTES / sizeof(uint64_t)] = {gw_random_next(random), gw_random_next(random)};
  EVP_EncodeBlock((unsigned char *)ret_key, (const unsigned char *)words, KEY_BYTES);
}

void gw_websocket_key_accept(struct gw_str key, char ret_accept[GW_WEBSOCKET_ACCEPT_SIZE]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *md = EVP_MD_CTX_new();
  bool is_done = md != NULL && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1 && EVP_DigestUpdate(md, key.data, key.len) == 1 &&
                 EVP_DigestUpdate(md, GUID, sizeof(GUID) - 1) == 1 && EVP_DigestFinal_ex(md, digest, NULL) == 1;
  EVP_MD_CTX_free(md);
  if (!is_done) GW_PANIC("SHA-1 is not to be had");
  EVP_EncodeBlock((unsigned char *)ret_accept, digest, SHA1_BYTES);
}
