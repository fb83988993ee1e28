/* Who is let in at all, and what browsers are told of other origins. */
#include "controlplane/policy/loosening_internal.h"

/* ---- authentication ---- */

static bool takes_tokens(const struct gw_loosening_side *side) {
  return side->route->auth.takes_jwt && side->parts->auth.provider_count > 0;
}

static bool takes_keys(const struct gw_loosening_side *side) {
  return side->route->auth.takes_api_key && side->parts->auth.has_api_keys;
}

/* How many providers it accepts tokens of, and which. */
static uint32_t count_providers(const struct gw_loosening_side *side) {
  if (!takes_tokens(side)) return 0;
  return side->route->auth.provider_count > 0 ? side->route->auth.provider_count : side->parts->auth.provider_count;
}

static const struct gw_jwt_provider *provider_at(const struct gw_loosening_side *side, uint32_t index) {
  return &side->parts->auth.providers[side->route->auth.provider_count > 0 ? side->route->auth.providers[index] : index];
}

static const struct gw_jwt_provider *find_provider(const struct gw_loosening_side *side, struct gw_str name) {
  for (uint32_t i = 0; i < count_providers(side); i++)
    if (gw_str_equal(provider_at(side, i)->name, name)) return provider_at(side, i);
  return NULL;
}

static bool is_same_subject(const struct gw_string_match *a, const struct gw_string_match *b) {
  return b != NULL && a->kind == b->kind && a->ignore_case == b->ignore_case && gw_str_equal(a->value, b->value);
}

static void compare_audiences(const struct gw_loosening_pair *pair, const struct gw_jwt_provider *before,
                              const struct gw_jwt_provider *after) {
  if (before->audience_count == 0) return;
  if (after->audience_count == 0)
    gw_loosening_add(pair, GW_LOOSENING_AUTHENTICATION, "tokens of %.*s pass whomever they are for: audiences are no longer looked at",
                     GW_STR_ARG(before->name));
  for (uint32_t i = 0; i < after->audience_count; i++)
    if (!gw_loosening_has_word(before->audiences, before->audience_count, after->audiences[i]))
      gw_loosening_add(pair, GW_LOOSENING_AUTHENTICATION, "tokens of %.*s for %.*s pass, too", GW_STR_ARG(before->name),
                       GW_STR_ARG(after->audiences[i]));
}

/* The same provider, and what it asks of a token. */
static void compare_provider(const struct gw_loosening_pair *pair, const struct gw_jwt_provider *before,
                             const struct gw_jwt_provider *after) {
  const enum gw_loosening_kind kind = GW_LOOSENING_AUTHENTICATION;
  struct gw_str name = before->name;
  if (before->issuer.len > 0 && !gw_str_equal(before->issuer, after->issuer))
    gw_loosening_add(pair, kind, "%.*s: tokens of another issuer pass", GW_STR_ARG(name));
  compare_audiences(pair, before, after);
  if (before->subject != NULL && !is_same_subject(before->subject, after->subject))
    gw_loosening_add(pair, kind, "%.*s: tokens of other subjects pass", GW_STR_ARG(name));
  if (before->requires_expiration && !after->requires_expiration)
    gw_loosening_add(pair, kind, "%.*s: tokens that never expire pass", GW_STR_ARG(name));
  if (before->max_lifetime_ms > 0 && (after->max_lifetime_ms == 0 || after->max_lifetime_ms > before->max_lifetime_ms))
    gw_loosening_add(pair, kind, "%.*s: tokens may live longer", GW_STR_ARG(name));
  if (after->clock_skew_s > before->clock_skew_s)
    gw_loosening_add(pair, kind, "%.*s: tokens pass for longer after their end (clock skew)", GW_STR_ARG(name));
  for (uint32_t i = 0; i < before->required_claim_count; i++)
    if (!gw_loosening_has_word(after->required_claims, after->required_claim_count, before->required_claims[i]))
      gw_loosening_add(pair, kind, "%.*s: the claim %.*s is no longer asked for", GW_STR_ARG(name), GW_STR_ARG(before->required_claims[i]));
}

void gw_loosening_compare_authentication(const struct gw_loosening_pair *pair) {
  const enum gw_loosening_kind kind = GW_LOOSENING_AUTHENTICATION;
  if (!pair->before.route->auth.is_required) return;
  if (!pair->after.route->auth.is_required) {
    gw_loosening_add(pair, kind, "nobody is asked who they are any more");
    return;
  }
  bool was_possible = takes_tokens(&pair->before) || takes_keys(&pair->before);
  if (!was_possible) return; /* it let nobody in: what lets in whom it was meant for takes nothing away */
  if (takes_keys(&pair->after) && !takes_keys(&pair->before)) gw_loosening_add(pair, kind, "API keys are accepted, too");
  for (uint32_t i = 0; i < count_providers(&pair->after); i++) {
    const struct gw_jwt_provider *after = provider_at(&pair->after, i), *before = find_provider(&pair->before, after->name);
    if (before == NULL)
      gw_loosening_add(pair, kind, "tokens of %.*s are accepted, too", GW_STR_ARG(after->name));
    else
      compare_provider(pair, before, after);
  }
}

/* ---- cors ---- */

static bool is_any(const struct gw_string_match *origin) {
  return origin->kind == GW_STRING_MATCH_EXACT && gw_str_equal(origin->value, GW_STR("*"));
}

/* The pattern that a wildcard origin becomes matches an origin below it, and the patterns of its subdomains. */
static bool is_below(const struct gw_string_match *origin, const struct gw_string_match *wider) {
  static const struct gw_str any = GW_STR("[a-z0-9-]+(?:\\.[a-z0-9-]+)*\\.");
  if (wider->kind != GW_STRING_MATCH_REGEX) return false;
  const char *at = memmem(wider->value.data, wider->value.len, any.data, any.len);
  if (at == NULL) return false;
  struct gw_str scheme = {wider->value.data, (size_t)(at - wider->value.data)};
  struct gw_str domain = gw_str_skip(wider->value, scheme.len + any.len - 2); /* "\." and what follows it */
  if (!gw_str_has_prefix(origin->value, scheme)) return false;
  if (origin->kind == GW_STRING_MATCH_REGEX) return gw_str_has_suffix(origin->value, domain);
  struct gw_strbuf plain;
  gw_strbuf_init(&plain);
  for (size_t i = 0; i < domain.len; i++)
    if (domain.data[i] != '\\') gw_strbuf_append_char(&plain, domain.data[i]);
  bool is_so = origin->value.len > scheme.len + plain.len && gw_str_has_suffix(origin->value, gw_strbuf_str(&plain));
  gw_strbuf_done(&plain);
  return is_so;
}

static bool covers(const struct gw_cors_route *cors, const struct gw_string_match *origin) {
  for (uint32_t i = 0; i < cors->origin_count; i++) {
    const struct gw_string_match *wider = &cors->origins[i];
    bool is_same = wider->kind == origin->kind && gw_str_equal(wider->value, origin->value);
    if (is_same || is_any(wider) || is_below(origin, wider)) return true;
  }
  return false;
}

static bool has_token(struct gw_str list, struct gw_str token) {
  struct gw_str piece;
  while (gw_str_split_next(&list, ',', &piece))
    if (gw_str_equal_nocase(gw_str_trim(piece), token)) return true;
  return false;
}

static void compare_tokens(const struct gw_loosening_pair *pair, const char *what, struct gw_str before, struct gw_str after) {
  struct gw_str piece;
  while (gw_str_split_next(&after, ',', &piece)) {
    piece = gw_str_trim(piece);
    if (piece.len > 0 && !has_token(before, piece) && !has_token(before, GW_STR("*")))
      gw_loosening_add(pair, GW_LOOSENING_CORS, "other origins may %s %.*s", what, GW_STR_ARG(piece));
  }
}

void gw_loosening_compare_cors(const struct gw_loosening_pair *pair) {
  const struct gw_cors_route *before = pair->before.route->cors, *after = pair->after.route->cors;
  if (after == NULL || after == before) return;
  if (before == NULL) {
    gw_loosening_add(pair, GW_LOOSENING_CORS, "pages of other origins may use it");
    return;
  }
  for (uint32_t i = 0; i < after->origin_count; i++)
    if (!covers(before, &after->origins[i]))
      gw_loosening_add(pair, GW_LOOSENING_CORS, "pages of %.*s may use it", GW_STR_ARG(after->origins[i].value));
  if (after->allows_credentials && !before->allows_credentials)
    gw_loosening_add(pair, GW_LOOSENING_CORS, "other origins may send credentials");
  compare_tokens(pair, "use the method", before->allow_methods, after->allow_methods);
  compare_tokens(pair, "send the field", before->allow_headers, after->allow_headers);
  compare_tokens(pair, "read the field", before->expose_headers, after->expose_headers);
}
