/* Abuse of HTTP/1.1. */
#include <stdlib.h>

#include "tests/support/abuse/abuse.h"

static void begin_get(struct connection *connection) {
  gw_strbuf_printf(&connection->out, "GET %s HTTP/1.1\r\nHost: abuse.test\r\n", options.path);
}

static void begin_chunks(struct connection *connection) {
  gw_strbuf_printf(&connection->out, "POST %s HTTP/1.1\r\nHost: abuse.test\r\nTransfer-Encoding: chunked\r\n\r\n", options.path);
}

static void begin_upload(struct connection *connection) {
  gw_strbuf_printf(&connection->out, "POST %s HTTP/1.1\r\nHost: abuse.test\r\nContent-Length: 100000000\r\n\r\n", options.path);
}

static void begin_slow_head(struct connection *connection) {
  begin_get(connection);
  say(connection, GW_STR("X-Slow: "));
}

static void begin_uri(struct connection *connection) {
  say(connection, GW_STR("GET /"));
}

static void begin_extension(struct connection *connection) {
  begin_chunks(connection);
  say(connection, GW_STR("5;"));
}

static void one_byte(struct connection *connection) {
  say(connection, GW_STR("x"));
}

static void many_bytes(struct connection *connection) {
  static char bytes[16384];
  if (bytes[0] == 0) memset(bytes, 'x', sizeof(bytes));
  say(connection, (struct gw_str){bytes, sizeof(bytes)});
}

static void whole_get(struct connection *connection) {
  begin_get(connection);
  say(connection, GW_STR("\r\n"));
}

static void big_field(struct connection *connection) {
  say(connection, GW_STR("X-Big: "));
  many_bytes(connection);
  say(connection, GW_STR("\r\n"));
}

static void small_field(struct connection *connection) {
  say(connection, GW_STR("a: b\r\n"));
}

/* A byte of data behind as much of an extension as may be. */
static void chunk_crumb(struct connection *connection) {
  gw_strbuf_printf(&connection->out, "1;%*s\r\nx\r\n", 1000, "=\"a\"");
}

static void small_chunk(struct connection *connection) {
  say(connection, GW_STR("1\r\nx\r\n"));
}

static void websocket(struct connection *connection) {
  begin_get(connection);
  say(connection, GW_STR("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
}

static void garbage(struct connection *connection) {
  for (int i = 0; i < 256; i++)
    gw_strbuf_append_char(&connection->out, (char)rand());
}

const struct mode h1_modes[] = {
    {.name = "open-close", .connections = 64, .reopens = true, .closes = true, .pieces_max = 1},
    {.name = "open-hold", .connections = 3000, .pieces_max = 1},
    {.name = "slow-heads", .connections = 1000, .pace_ms = 100, .begin = begin_slow_head, .more = one_byte, .reopens = true},
    {.name = "slow-bodies", .connections = 500, .pace_ms = 100, .begin = begin_upload, .more = one_byte, .reopens = true},
    {.name = "stopped-bodies", .connections = 500, .begin = begin_upload, .more = one_byte, .pieces_max = 1, .reopens = true},
    {.name = "slow-readers", .connections = 200, .is_deaf = true, .receive_bytes = 4096, .more = whole_get, .pieces_max = 1},
    {.name = "header-size", .connections = 32, .begin = begin_get, .more = big_field, .reopens = true},
    {.name = "header-count", .connections = 32, .begin = begin_get, .more = small_field, .reopens = true},
    {.name = "uri", .connections = 32, .begin = begin_uri, .more = many_bytes, .reopens = true},
    {.name = "chunk-extensions", .connections = 32, .begin = begin_extension, .more = many_bytes, .reopens = true},
    {.name = "chunk-crumbs", .connections = 32, .begin = begin_chunks, .more = chunk_crumb, .reopens = true},
    {.name = "small-chunks", .connections = 32, .begin = begin_chunks, .more = small_chunk, .reopens = true},
    {.name = "pipelining", .connections = 32, .more = whole_get, .reopens = true},
    {.name = "deaf-pipelining", .connections = 200, .is_deaf = true, .receive_bytes = 4096, .more = whole_get, .reopens = true},
    {.name = "unwanted-bodies", .connections = 32, .begin = begin_upload, .more = many_bytes, .reopens = true},
    {.name = "websocket-idle", .connections = 500, .more = websocket, .pieces_max = 1},
    {.name = "garbage", .connections = 32, .more = garbage, .reopens = true},
    {.name = NULL},
};
