/* Why: one normal form of a path, so that what is matched is what is forwarded (RFC 3986 section 6.2, Envoy's normalize_path).
 * Life: results point into the input or the arena.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_URI_H
#define GW_COMMON_MESSAGE_URI_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum gw_uri_escaped_slashes {
  GW_URI_ESCAPED_SLASHES_KEEP,
  GW_URI_ESCAPED_SLASHES_REJECT,
  GW_URI_ESCAPED_SLASHES_FORWARD,
  GW_URI_ESCAPED_SLASHES_REDIRECT
};

/* The steps run in this order, all on the part before '?'; the query is only checked for bytes that may not be there. */
struct gw_uri_rules {
  /* Percent-encoded unreserved characters (RFC 3986 section 2.3) are decoded, once: %41 → A, %2e → '.', but %2541 stays. The hex digits of
   * all others become upper case: %e2 → %E2. Then "." and ".." segments are resolved (section 5.2.4), before slashes are merged, so that
   * "/a//../b" is "/a/b". A raw '\' is refused. Without this rule encodings, '\' and dot segments stay as they are. */
  bool normalize_path;
  bool merge_slashes; /* "//" → "/", after the dot segments */
  /* %2F and %5C in any case, before all else. FORWARD and REDIRECT turn both into '/', which then separates segments. */
  enum gw_uri_escaped_slashes escaped_slashes;
};

/* Normalises the path part of `path`. Returns the input itself when it is normal already (the usual, fast case). Normalising the result
 * again changes nothing. GW_ERR_INVALID, whatever the rules: not starting with '/', '%' without two hex digits, %00, a raw control byte,
 * space, '#' or byte ≥ 0x80 (in the query too); with normalize_path ".." that leaves the root (Envoy stays at the root there); an
 * escaped slash that the rules reject. *ret_must_redirect: escaped slashes were there and the rules say REDIRECT. */
enum gw_err gw_uri_normalize(struct gw_str path, const struct gw_uri_rules *rules, struct gw_arena *arena, struct gw_str *ret_path,
                             bool *ret_must_redirect);

/* The value of the first parameter of that name in the query, both as they are written; "a" and "a=" give an empty one. GW_ERR_NOT_FOUND.
 */
enum gw_err gw_uri_query_find(struct gw_str path, struct gw_str name, struct gw_str *ret_value);
/* The path without any parameter of that name; a query that has no other goes. In `arena` when it differs. */
struct gw_str gw_uri_query_remove(struct gw_str path, struct gw_str name, struct gw_arena *arena);

/* host[:port] of Host or :authority (RFC 9110 section 7.2): a reg-name (without ',') or IPv6 literal (no zone) that is not empty; a port,
 * if there is a colon, of 1 to 5 digits, 0–65535; no user info. */
bool gw_uri_authority_is_valid(struct gw_str authority);
/* Without the port; IPv6 literals keep their brackets. */
struct gw_str gw_uri_authority_host(struct gw_str authority);

#endif
