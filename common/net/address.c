#include "common/net/address.h"

#include <arpa/inet.h>
#include <string.h>

/* Of an IPv4 address as IPv6 (RFC 4291 section 2.5.5.2). */
static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
#define MAPPED_BITS 96

enum gw_err gw_address_parse_ip(struct gw_str ip, uint16_t port, struct gw_address *ret_address) {
  char text[INET6_ADDRSTRLEN];
  struct gw_address address = {0};
  if (ip.len == 0 || ip.len >= sizeof(text) || memchr(ip.data, '\0', ip.len) != NULL) return GW_ERR_INVALID;
  memcpy(text, ip.data, ip.len);
  text[ip.len] = '\0';
  if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
  } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
  } else {
    return GW_ERR_INVALID;
  }
  *ret_address = address;
  return GW_OK;
}

/* Decimal digits, up to UINT16_MAX. */
static bool parse_port(const char *at, const char *end, uint16_t *ret_port) {
  unsigned port = 0;
  if (at == end) return false;
  for (; at < end; at++) {
    if (*at < '0' || *at > '9') return false;
    port = port * 10 + (unsigned)(*at - '0');
    if (port > UINT16_MAX) return false;
  }
  *ret_port = (uint16_t)port;
  return true;
}

enum gw_err gw_address_split(struct gw_str text, struct gw_str *ret_host, uint16_t *ret_port) {
  uint16_t port;
  size_t colon = text.len;
  while (colon > 0 && text.data[colon - 1] != ':')
    colon--;
  if (colon < 2 || !parse_port(text.data + colon, text.data + text.len, &port)) return GW_ERR_INVALID;
  struct gw_str host = {text.data, colon - 1};
  bool has_brackets = host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
  if (has_brackets) host = (struct gw_str){host.data + 1, host.len - 2};
  /* A colon is what an IPv6 address has, and brackets what it wants. */
  if (host.len == 0 || has_brackets != (gw_str_find_char(host, ':') >= 0)) return GW_ERR_INVALID;
  *ret_host = host;
  *ret_port = port;
  return GW_OK;
}

enum gw_err gw_address_parse(struct gw_str text, struct gw_address *ret_address) {
  struct gw_str host;
  uint16_t port;
  enum gw_err err = gw_address_split(text, &host, &port);
  return err == GW_OK ? gw_address_parse_ip(host, port, ret_address) : err;
}

/* The four bytes of an IPv4 address, mapped or not; NULL for any other. */
static const uint8_t *find_v4(const struct gw_address *address) {
  if (address->any.sa_family == AF_INET) return (const uint8_t *)&address->v4.sin_addr;
  if (address->any.sa_family != AF_INET6) return NULL;
  const uint8_t *bytes = address->v6.sin6_addr.s6_addr;
  return memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0 ? bytes + sizeof(mapped_prefix) : NULL;
}

/* Each octet's text with a dot behind it: inet_ntop goes through printf, which a proxy feels that writes addresses into each request and
 * each line of its log. */
static const struct {
  char text[4];
  uint32_t len;
} octets[256] = {
#define OCTET(tens, ones)                                                                                                                  \
  { tens #ones ".", sizeof(tens #ones ".") - 1 }
#define ROW(tens)                                                                                                                          \
  OCTET(tens, 0), OCTET(tens, 1), OCTET(tens, 2), OCTET(tens, 3), OCTET(tens, 4), OCTET(tens, 5), OCTET(tens, 6), OCTET(tens, 7),          \
      OCTET(tens, 8), OCTET(tens, 9)
    ROW(""),   ROW("1"),       ROW("2"),       ROW("3"),       ROW("4"),       ROW("5"),       ROW("6"),       ROW("7"),
    ROW("8"),  ROW("9"),       ROW("10"),      ROW("11"),      ROW("12"),      ROW("13"),      ROW("14"),      ROW("15"),
    ROW("16"), ROW("17"),      ROW("18"),      ROW("19"),      ROW("20"),      ROW("21"),      ROW("22"),      ROW("23"),
    ROW("24"), OCTET("25", 0), OCTET("25", 1), OCTET("25", 2), OCTET("25", 3), OCTET("25", 4), OCTET("25", 5),
};

static char *put_port(char *at, unsigned port) {
  char digits[GW_U64_DIGITS_MAX];
  struct gw_str text = gw_str_format_u64(port, digits);
  memcpy(at, text.data, text.len);
  return at + text.len;
}

static char *put_v4(char *at, const uint8_t v4[4]) {
  for (int i = 0; i < 4; i++) {
    memcpy(at, octets[v4[i]].text, sizeof(octets[0].text));
    at += octets[v4[i]].len;
  }
  return at - 1;
}

/* Returns the end of the text. */
static char *put_ip(char *at, const struct gw_address *address) {
  const uint8_t *v4 = find_v4(address);
  if (v4 != NULL) return put_v4(at, v4);
  if (address->any.sa_family == AF_INET6 && inet_ntop(AF_INET6, &address->v6.sin6_addr, at, INET6_ADDRSTRLEN) != NULL)
    return at + strlen(at);
  *at = '-'; /* no IP address, as on a Unix socket */
  return at + 1;
}

static struct gw_str end_text(char *text, char *end) {
  *end = '\0';
  return (struct gw_str){text, (size_t)(end - text)};
}

struct gw_str gw_address_format_ip(const struct gw_address *address, char ret_text[GW_ADDRESS_TEXT_SIZE]) {
  return end_text(ret_text, put_ip(ret_text, address));
}

struct gw_str gw_address_format(const struct gw_address *address, char ret_text[GW_ADDRESS_TEXT_SIZE]) {
  bool has_brackets = address->any.sa_family == AF_INET6 && find_v4(address) == NULL;
  char *at = ret_text;
  if (has_brackets) *at++ = '[';
  at = put_ip(at, address);
  if (has_brackets) *at++ = ']';
  *at++ = ':';
  return end_text(ret_text, put_port(at, gw_address_port(address)));
}

bool gw_address_equal(const struct gw_address *a, const struct gw_address *b) {
  if (a->any.sa_family != b->any.sa_family) return false;
  if (a->any.sa_family == AF_INET) return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
  return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
         memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

bool gw_address_is_loopback(const struct gw_address *address) {
  const uint8_t *v4 = find_v4(address);
  if (v4 != NULL) return v4[0] == 127;
  return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

bool gw_address_is_loopback_target(struct gw_str text) {
  struct gw_str host;
  uint16_t port;
  struct gw_address address;
  if (gw_address_split(text, &host, &port) != GW_OK) return false;
  if (gw_str_equal_nocase(host, GW_STR("localhost"))) return true;
  return gw_address_parse_ip(host, port, &address) == GW_OK && gw_address_is_loopback(&address);
}

uint16_t gw_address_port(const struct gw_address *address) {
  if (address->any.sa_family == AF_INET) return ntohs(address->v4.sin_port);
  return address->any.sa_family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0;
}

socklen_t gw_address_len(const struct gw_address *address) {
  return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

/* Whether all bits from `from` on are 0. */
static bool is_zero_from(const uint8_t bytes[16], unsigned from) {
  for (unsigned bit = from; bit < 128; bit++) {
    if ((bytes[bit / 8] & (0x80u >> bit % 8)) != 0) return false;
  }
  return true;
}

enum gw_err gw_cidr_parse(struct gw_str text, struct gw_cidr *ret_cidr) {
  struct gw_address address;
  struct gw_cidr cidr;
  uint64_t bits;
  ptrdiff_t slash = gw_str_find_char(text, '/');
  struct gw_str ip = slash < 0 ? text : (struct gw_str){text.data, (size_t)slash};
  if (gw_address_parse_ip(ip, 0, &address) != GW_OK) return GW_ERR_INVALID;
  bool is_v4 = address.any.sa_family == AF_INET;
  if (is_v4) {
    memcpy(cidr.bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(cidr.bytes + sizeof(mapped_prefix), &address.v4.sin_addr, 4);
  } else {
    memcpy(cidr.bytes, &address.v6.sin6_addr, sizeof(cidr.bytes));
  }
  if (slash < 0) {
    bits = 128;
  } else {
    if (gw_str_parse_u64(gw_str_skip(text, (size_t)slash + 1), &bits) != GW_OK || bits > (is_v4 ? 32 : 128)) return GW_ERR_INVALID;
    if (is_v4) bits += MAPPED_BITS;
  }
  if (!is_zero_from(cidr.bytes, (unsigned)bits)) return GW_ERR_INVALID;
  cidr.bits = (uint8_t)bits;
  *ret_cidr = cidr;
  return GW_OK;
}

bool gw_cidr_contains(const struct gw_cidr *cidr, const struct gw_address *address) {
  uint8_t bytes[16];
  const uint8_t *v4 = find_v4(address);
  if (v4 != NULL) {
    if (cidr->bits < MAPPED_BITS) return false;
    memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(bytes + sizeof(mapped_prefix), v4, 4);
  } else if (address->any.sa_family == AF_INET6) {
    memcpy(bytes, &address->v6.sin6_addr, sizeof(bytes));
  } else {
    return false;
  }
  unsigned whole = cidr->bits / 8u;
  unsigned rest = cidr->bits % 8u;
  if (memcmp(bytes, cidr->bytes, whole) != 0) return false;
  return rest == 0 || ((bytes[whole] ^ cidr->bytes[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}
