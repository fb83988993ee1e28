/* A host that is one of two routes'. */
#include "controlplane/policy/loosening_internal.h"

enum host_kind { HOST_ANY, HOST_EXACT, HOST_BELOW, HOST_BEFORE };

/* *ret_fixed: ".example.com" of "*.example.com", "example." of "example.*". */
static enum host_kind host_kind_of(struct gw_str host, struct gw_str *ret_fixed) {
  *ret_fixed = host;
  if (host.len == 0) return HOST_ANY;
  if (gw_str_has_prefix(host, GW_STR("*."))) {
    *ret_fixed = gw_str_skip(host, 1);
    return HOST_BELOW;
  }
  if (!gw_str_has_suffix(host, GW_STR(".*"))) return HOST_EXACT;
  ret_fixed->len--;
  return HOST_BEFORE;
}

static struct gw_str sample_host(enum host_kind kind, struct gw_str fixed, struct gw_arena *arena) {
  switch (kind) {
  case HOST_ANY: return GW_STR("any.invalid");
  case HOST_BELOW: return gw_str_from(gw_arena_printf(arena, "any%.*s", GW_STR_ARG(fixed)));
  case HOST_BEFORE: return gw_str_from(gw_arena_printf(arena, "%.*sinvalid", GW_STR_ARG(fixed)));
  case HOST_EXACT: break;
  }
  return fixed;
}

static bool host_takes(enum host_kind kind, struct gw_str fixed, struct gw_str host) {
  switch (kind) {
  case HOST_ANY: return true;
  case HOST_BELOW: return gw_str_has_suffix(host, fixed);
  case HOST_BEFORE: return gw_str_has_prefix(host, fixed);
  case HOST_EXACT: break;
  }
  return gw_str_equal(host, fixed);
}

struct gw_str gw_loosening_shared_host(const struct gw_route_entry *a, const struct gw_route_entry *b, struct gw_arena *arena) {
  struct gw_str fixed_a, fixed_b;
  enum host_kind kind_a = host_kind_of(a->host, &fixed_a), kind_b = host_kind_of(b->host, &fixed_b);
  struct gw_str host_a = sample_host(kind_a, fixed_a, arena), host_b = sample_host(kind_b, fixed_b, arena);
  if (host_takes(kind_b, fixed_b, host_a)) return host_a;
  if (host_takes(kind_a, fixed_a, host_b)) return host_b;
  bool is_crossed = (kind_a == HOST_BELOW && kind_b == HOST_BEFORE) || (kind_a == HOST_BEFORE && kind_b == HOST_BELOW);
  if (!is_crossed) return (struct gw_str){NULL, 0};
  struct gw_str end = kind_a == HOST_BELOW ? fixed_a : fixed_b, begin = kind_a == HOST_BELOW ? fixed_b : fixed_a;
  return gw_str_from(gw_arena_printf(arena, "%.*sany%.*s", GW_STR_ARG(begin), GW_STR_ARG(end)));
}
