/* Why: one normal form of a path, so that what is matched is what is forwarded (RFC 3986 section 6.2, Envoy's normalize_path).
 * Life: results point into the input or the arena.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_URI_H
#define GW_COMMON_MESSAGE_URI_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum gw_uri_escaped_slashes { GW_URI_ESCAPED_SLASHES_KEEP, GW_URI_ESCAPED_SLASHES_REJECT, GW_URI_ESCAPED_SLASHES_FORWARD,
                              GW_URI_ESCAPED_SLASHES_REDIRECT };

struct gw_uri_rules {
  bool normalize_path; /* dot segments resolved, %41 → A for unreserved, %2f → %2F hex upper case, '\' refused */
  bool merge_slashes;  /* "//" → "/" */
  enum gw_uri_escaped_slashes escaped_slashes; /* %2F and %5C, any case */
};

/* Normalises the path part of `path` (query untouched). Returns the input itself when it is normal already (the usual, fast case).
 * GW_ERR_INVALID: not starting with '/', bad percent-encoding, a raw control byte, space, '#' or byte ≥ 0x80, or an escaped slash
 * that rules reject, or "..", that leaves the root. *ret_must_redirect: escaped slashes were there and rules say REDIRECT. */
enum gw_err gw_uri_normalize(struct gw_str path, const struct gw_uri_rules *rules, struct gw_arena *arena, struct gw_str *ret_path,
                             bool *ret_must_redirect);

/* host[:port] of Host or :authority (RFC 9110 section 7.2): valid reg-name or IP literal, port 0–65535, no user info. */
bool gw_uri_authority_is_valid(struct gw_str authority);
/* Without the port; IPv6 literals keep their brackets. */
struct gw_str gw_uri_authority_host(struct gw_str authority);

#endif
