/* Why: IP socket addresses and CIDR ranges: parse, format, compare.
 * Life: values.
 * Thread: any. */
#ifndef GW_COMMON_NET_ADDRESS_H
#define GW_COMMON_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct gw_address {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  };
};

/* A numeric IPv4 or IPv6 address (no brackets) and a port in host order. GW_ERR_INVALID. */
enum gw_err gw_address_parse_ip(struct gw_str ip, uint16_t port, struct gw_address *ret_address);
/* "127.0.0.1:80" or "[::1]:80", numeric. GW_ERR_INVALID. */
enum gw_err gw_address_parse(struct gw_str text, struct gw_address *ret_address);
/* "HOST:PORT" with a name, IPv4 or [IPv6] host; the pieces point into text, brackets removed. GW_ERR_INVALID. */
enum gw_err gw_address_split(struct gw_str text, struct gw_str *ret_host, uint16_t *ret_port);
/* "127.0.0.1:80", "[::1]:80". */
#define GW_ADDRESS_TEXT_SIZE 64
struct gw_str gw_address_format(const struct gw_address *address, char ret_text[GW_ADDRESS_TEXT_SIZE]);
/* Without the port: "127.0.0.1", "::1". A mapped IPv4 (::ffff:a.b.c.d) shows as IPv4. */
struct gw_str gw_address_format_ip(const struct gw_address *address, char ret_text[GW_ADDRESS_TEXT_SIZE]);
bool gw_address_equal(const struct gw_address *a, const struct gw_address *b);
bool gw_address_is_loopback(const struct gw_address *address);
/* Whether a "HOST:PORT" to connect to is on this machine, without asking anybody: a loopback address, or localhost. */
bool gw_address_is_loopback_target(struct gw_str text);
uint16_t gw_address_port(const struct gw_address *address);
socklen_t gw_address_len(const struct gw_address *address);

struct gw_cidr {
  uint8_t bytes[16]; /* IPv4 as mapped IPv6 */
  uint8_t bits;      /* 0–128 */
};
/* "10.0.0.0/8", "2001:db8::/32", or an address alone. GW_ERR_INVALID: also when bits beyond the prefix are set. */
enum gw_err gw_cidr_parse(struct gw_str text, struct gw_cidr *ret_cidr);
bool gw_cidr_contains(const struct gw_cidr *cidr, const struct gw_address *address);

#endif
