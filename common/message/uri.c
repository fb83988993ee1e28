#include "common/message/uri.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/message/message.h"
#include "common/message/scan.h"

#define IPV6_TEXT_MAX 45

/* One pass that says yes only to what no rule could change. What it declines (also "/.well-known") goes the slow way. */
static bool is_plain(struct gw_str path) {
  const char *at = path.data;
  const char *end = path.data + path.len;
  for (;;) {
    /* at is on a '/' */
    at++;
    if (at < end && (*at == '/' || *at == '.')) return false;
    at = gw_scan_find_not(at, end, GW_SCAN_PLAIN_PATH);
    if (at == end) return true;
    if (*at != '/') break;
  }
  return *at == '?' && gw_scan_find_not_target(at, end) == end;
}

static bool is_slash_code(int code) {
  return code == '/' || code == '\\';
}

struct decoder {
  const struct gw_uri_rules *rules;
  char *out;
  size_t len;
  bool has_escaped_slash;
};

/* `triplet`: at a '%'. */
static bool decode_triplet(struct decoder *decoder, const char *triplet) {
  static const char digits[] = "0123456789ABCDEF";
  int high = gw_scan_hex(triplet[1]);
  int low = gw_scan_hex(triplet[2]);
  int code = high * 16 + low;
  if (high < 0 || low < 0 || code == 0) return false;
  if (is_slash_code(code) && decoder->rules->escaped_slashes != GW_URI_ESCAPED_SLASHES_KEEP) {
    decoder->has_escaped_slash = true;
    decoder->out[decoder->len++] = '/';
    return true;
  }
  if (!decoder->rules->normalize_path) {
    memcpy(decoder->out + decoder->len, triplet, 3);
    decoder->len += 3;
    return true;
  }
  if (gw_scan_is((char)code, GW_SCAN_UNRESERVED)) {
    decoder->out[decoder->len++] = (char)code;
    return true;
  }
  decoder->out[decoder->len++] = '%';
  decoder->out[decoder->len++] = digits[high];
  decoder->out[decoder->len++] = digits[low];
  return true;
}

static bool decode(struct decoder *decoder, struct gw_str path) {
  for (size_t i = 0; i < path.len; i++) {
    char c = path.data[i];
    if (c == '%') {
      if (path.len - i < 3 || !decode_triplet(decoder, path.data + i)) return false;
      i += 2;
    } else {
      if (c == '\\' && decoder->rules->normalize_path) return false;
      decoder->out[decoder->len++] = c;
    }
  }
  return true;
}

/* In place: the output never overtakes the input. False: ".." left the root. */
static bool remove_dot_segments(char *path, size_t len, size_t *ret_len) {
  size_t out = 0;
  for (size_t at = 0; at < len;) {
    /* at is on the '/' before a segment */
    const char *slash = memchr(path + at + 1, '/', len - at - 1);
    size_t next = slash == NULL ? len : (size_t)(slash - path);
    size_t segment_len = next - at - 1;
    bool is_dot = segment_len == 1 && path[at + 1] == '.';
    bool is_dot_dot = segment_len == 2 && path[at + 1] == '.' && path[at + 2] == '.';
    if (is_dot_dot) {
      if (out == 0) return false;
      do
        out--;
      while (path[out] != '/');
    }
    if (!is_dot && !is_dot_dot) {
      memmove(path + out, path + at, next - at);
      out += next - at;
    } else if (next == len) {
      path[out++] = '/';
    }
    at = next;
  }
  *ret_len = out;
  return true;
}

static size_t merge_slashes(char *path, size_t len) {
  size_t out = 0;
  for (size_t i = 0; i < len; i++) {
    if (path[i] == '/' && out > 0 && path[out - 1] == '/') continue;
    path[out++] = path[i];
  }
  return out;
}

enum gw_err gw_uri_normalize(struct gw_str path, const struct gw_uri_rules *rules, struct gw_arena *arena, struct gw_str *ret_path,
                             bool *ret_must_redirect) {
  if (path.len == 0 || path.data[0] != '/') return GW_ERR_INVALID;
  if (is_plain(path)) {
    *ret_path = path;
    *ret_must_redirect = false;
    return GW_OK;
  }
  if (gw_scan_find_not_target(path.data, path.data + path.len) != path.data + path.len) return GW_ERR_INVALID;
  struct gw_str head = gw_path_without_query(path);
  struct decoder decoder = {.rules = rules, .out = gw_arena_alloc_bytes(arena, path.len)};
  if (!decode(&decoder, head)) return GW_ERR_INVALID;
  if (decoder.has_escaped_slash && rules->escaped_slashes == GW_URI_ESCAPED_SLASHES_REJECT) return GW_ERR_INVALID;
  size_t len = decoder.len;
  if (rules->normalize_path && !remove_dot_segments(decoder.out, len, &len)) return GW_ERR_INVALID;
  if (rules->merge_slashes) len = merge_slashes(decoder.out, len);
  memcpy(decoder.out + len, path.data + head.len, path.len - head.len);
  len += path.len - head.len;
  struct gw_str normal = {decoder.out, len};
  *ret_path = gw_str_equal(normal, path) ? path : normal;
  *ret_must_redirect = decoder.has_escaped_slash && rules->escaped_slashes == GW_URI_ESCAPED_SLASHES_REDIRECT;
  return GW_OK;
}

static bool is_port(const char *at, const char *end) {
  if (at == end || end - at > 5) return false;
  unsigned port = 0;
  for (; at < end; at++) {
    if (*at < '0' || *at > '9') return false;
    port = port * 10 + (unsigned)(*at - '0');
  }
  return port <= 65535;
}

static bool is_ipv6(const char *at, size_t len) {
  char text[IPV6_TEXT_MAX + 1];
  struct in6_addr address;
  if (len > IPV6_TEXT_MAX) return false;
  memcpy(text, at, len);
  text[len] = '\0';
  return strlen(text) == len && inet_pton(AF_INET6, text, &address) == 1;
}

/* The end of the host, or NULL when it is none. */
static const char *find_host_end(const char *at, const char *end) {
  if (*at == '[') {
    const char *bracket = memchr(at, ']', (size_t)(end - at));
    return bracket != NULL && is_ipv6(at + 1, (size_t)(bracket - at) - 1) ? bracket + 1 : NULL;
  }
  at = gw_scan_skip_common(at, end);
  for (;;) {
    at = gw_scan_find_not(at, end, GW_SCAN_HOST);
    if (at == end || *at != '%') return at;
    if (end - at < 3 || gw_scan_hex(at[1]) < 0 || gw_scan_hex(at[2]) < 0) return NULL;
    at += 3;
  }
}

bool gw_uri_authority_is_valid(struct gw_str authority) {
  if (authority.len == 0) return false;
  const char *end = authority.data + authority.len;
  const char *at = find_host_end(authority.data, end);
  if (at == NULL || at == authority.data) return false;
  return at == end || (*at == ':' && is_port(at + 1, end));
}

struct gw_str gw_uri_authority_host(struct gw_str authority) {
  if (authority.len == 0) return authority;
  char last = authority.data[0] == '[' ? ']' : ':';
  ptrdiff_t at = gw_str_find_char(authority, last);
  if (at < 0) return authority;
  return (struct gw_str){authority.data, (size_t)at + (last == ']' ? 1 : 0)};
}

/* "name", or "name=" and whatever follows, up to the next '&'. No parameter's name has a '='. */
static bool begins_with_parameter(struct gw_str query, struct gw_str name) {
  if (query.len < name.len || memcmp(query.data, name.data, name.len) != 0) return false;
  return (query.len == name.len || query.data[name.len] == '=' || query.data[name.len] == '&') && memchr(name.data, '=', name.len) == NULL;
}

enum gw_err gw_uri_query_find(struct gw_str path, struct gw_str name, struct gw_str *ret_value) {
  if (path.len == 0) return GW_ERR_NOT_FOUND;
  const char *end = path.data + path.len;
  for (const char *at = memchr(path.data, '?', path.len); at != NULL; at = memchr(at, '&', (size_t)(end - at))) {
    at++;
    size_t left = (size_t)(end - at);
    if (!begins_with_parameter((struct gw_str){at, left}, name)) continue;
    const char *next = memchr(at + name.len, '&', left - name.len);
    struct gw_str value = {at + name.len, (size_t)((next != NULL ? next : end) - at) - name.len};
    *ret_value = value.len > 0 ? gw_str_skip(value, 1) : value;
    return GW_OK;
  }
  return GW_ERR_NOT_FOUND;
}

struct gw_str gw_uri_query_remove(struct gw_str path, struct gw_str name, struct gw_arena *arena) {
  struct gw_str value, parameter;
  if (gw_uri_query_find(path, name, &value) != GW_OK) return path;
  size_t len = (size_t)gw_str_find_char(path, '?');
  struct gw_str rest = gw_str_skip(path, len + 1);
  char *out = gw_arena_alloc_bytes(arena, path.len + 1);
  memcpy(out, path.data, len);
  char separator = '?';
  while (gw_str_split_next(&rest, '&', &parameter)) {
    if (begins_with_parameter(parameter, name)) continue;
    out[len++] = separator;
    memcpy(out + len, parameter.data, parameter.len);
    len += parameter.len;
    separator = '&';
  }
  return (struct gw_str){out, len};
}
