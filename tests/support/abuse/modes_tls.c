/* Abuse of TLS itself. */
#include "tests/support/abuse/abuse.h"

/* The head of a record that will bring a ClientHello, some day. */
static void half_hello(struct connection *connection) {
  say(connection, GW_STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"));
}

static void one_byte(struct connection *connection) {
  say(connection, GW_STR("x"));
}

/* Refused by a warning, again and again. */
static void renegotiate(struct connection *connection) {
  SSL_renegotiate(connection->ssl);
  SSL_do_handshake(connection->ssl);
}

static void update_keys(struct connection *connection) {
  SSL_key_update(connection->ssl, SSL_KEY_UPDATE_REQUESTED);
  SSL_do_handshake(connection->ssl);
}

const struct mode tls_modes[] = {
    {.name = "tls-silent", .tls = TLS_NEVER, .connections = 1500, .reopens = true},
    {.name = "tls-half-hello",
     .tls = TLS_NEVER,
     .connections = 1500,
     .reopens = true,
     .pace_ms = 200,
     .begin = half_hello,
     .more = one_byte},
    {.name = "tls-handshakes", .tls = TLS_ALWAYS, .connections = 32, .reopens = true, .closes = true, .pieces_max = 1},
    {.name = "tls-renegotiation",
     .tls = TLS_ALWAYS,
     .tls_version = TLS1_2_VERSION,
     .connections = 32,
     .reopens = true,
     .more = renegotiate},
    {.name = "tls-key-updates", .tls = TLS_ALWAYS, .tls_version = TLS1_3_VERSION, .connections = 32, .reopens = true, .more = update_keys},
    {.name = NULL},
};
