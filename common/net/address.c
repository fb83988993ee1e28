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

enum gw_err gw_address_split(struct gw_str text, struct gw_str *ret_host, uint16_t *ret_port) {
  size_t colon = text.len;
  while (colon > 0 && text.data[colon - 1] != ':')
    colon--;
  if (colon < 2) return GW_ERR_INVALID;
  uint64_t port;
  if (gw_str_parse_u64(gw_str_skip(text, colon), &port) != GW_OK || port > UINT16_MAX) return GW_ERR_INVALID;
  struct gw_str host = {text.data, colon - 1};
  bool has_brackets = host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
  if (has_brackets) host = (struct gw_str){host.data + 1, host.len - 2};
  /* A colon is what an IPv6 address has, and brackets what it wants. */
  if (host.len == 0 || has_brackets != (gw_str_find_char(host, ':') >= 0)) return GW_ERR_INVALID;
  *ret_host = host;
  *ret_port = (uint16_t)port;
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

/* inet_ntop goes through printf, which a proxy feels that writes X-Forwarded-For into each request. */
static struct gw_str format_v4(const uint8_t v4[4], char *ret_text) {
  char *at = ret_text;
  for (int i = 0; i < 4; i++) {
    unsigned byte = v4[i];
    if (i > 0) *at++ = '.';
    if (byte >= 100) *at++ = (char)('0' + byte / 100);
    if (byte >= 10) *at++ = (char)('0' + byte / 10 % 10);
    *at++ = (char)('0' + byte % 10);
  }
  *at = '\0';
  return (struct gw_str){ret_text, (size_t)(at - ret_text)};
}

struct gw_str gw_address_format_ip(const struct gw_address *address, char ret_text[GW_ADDRESS_TEXT_SIZE]) {
  const uint8_t *v4 = find_v4(address);
  const char *text = NULL;
  if (v4 != NULL) return format_v4(v4, ret_text);
  if (address->any.sa_family == AF_INET6) text = inet_ntop(AF_INET6, &address->v6.sin6_addr, ret_text, GW_ADDRESS_TEXT_SIZE);
  if (text == NULL) memcpy(ret_text, "-", 2); /* no IP address, as on a Unix socket */
  return gw_str_from(ret_text);
}

struct gw_str gw_address_format(const struct gw_address *address, char ret_text[GW_ADDRESS_TEXT_SIZE]) {
  char ip_text[GW_ADDRESS_TEXT_SIZE];
  struct gw_str ip = gw_address_format_ip(address, ip_text);
  bool has_brackets = memchr(ip.data, ':', ip.len) != NULL;
  char *at = ret_text;
  if (has_brackets) *at++ = '[';
  memcpy(at, ip.data, ip.len);
  at += ip.len;
  if (has_brackets) *at++ = ']';
  *at++ = ':';
  char digits[5];
  size_t count = 0;
  unsigned port = gw_address_port(address);
  do
    digits[count++] = (char)('0' + port % 10);
  while ((port /= 10) > 0);
  while (count > 0)
    *at++ = digits[--count];
  *at = '\0';
  return (struct gw_str){ret_text, (size_t)(at - ret_text)};
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
