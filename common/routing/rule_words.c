#include "common/routing/rule_words.h"

#define LIST_MAX 8u
#define DEPTH_MAX 6u
#define TEXT_MAX 200u

static void add(struct gw_strbuf *out, const char *text) {
  gw_strbuf_append_str(out, gw_str_from(text));
}

static void add_text(struct gw_strbuf *out, struct gw_str text) {
  bool is_long = text.len > TEXT_MAX;
  if (text.len == 0) add(out, "empty");
  gw_strbuf_append_str(out, (struct gw_str){text.data, is_long ? TEXT_MAX : text.len});
  if (is_long) add(out, "…");
}

static const char *verb_of(enum gw_string_match_kind kind, bool invert) {
  switch (kind) {
  case GW_STRING_MATCH_EXACT: return invert ? " is not " : " is ";
  case GW_STRING_MATCH_PREFIX: return invert ? " does not begin with " : " begins with ";
  case GW_STRING_MATCH_SUFFIX: return invert ? " does not end with " : " ends with ";
  case GW_STRING_MATCH_CONTAINS: return invert ? " does not contain " : " contains ";
  case GW_STRING_MATCH_REGEX: return invert ? " does not match " : " matches ";
  case GW_STRING_MATCH_PRESENT: return invert ? " is not there" : " is there";
  }
  return "";
}

static void add_condition(struct gw_strbuf *out, enum gw_string_match_kind kind, struct gw_str value, bool invert, bool ignore_case) {
  add(out, verb_of(kind, invert));
  if (kind == GW_STRING_MATCH_PRESENT) return;
  add_text(out, value);
  if (ignore_case) add(out, " in any case");
}

void gw_header_match_words(struct gw_strbuf *out, const struct gw_header_match *match) {
  if (gw_str_equal(match->name, GW_STR(":method")))
    add(out, "method");
  else
    gw_strbuf_printf(out, "header %.*s", GW_STR_ARG(match->name));
  add_condition(out, match->kind, match->value, match->invert, match->ignore_case);
}

void gw_query_match_words(struct gw_strbuf *out, const struct gw_query_match *match) {
  gw_strbuf_printf(out, "query %.*s", GW_STR_ARG(match->name));
  add_condition(out, match->kind, match->value, match->invert, match->ignore_case);
}

/* ---- claims ---- */

/* The first name says where the payload is kept, which is nobody's business. */
static void add_path(struct gw_strbuf *out, const struct gw_str *path, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    if (i > 1) gw_strbuf_append_char(out, '.');
    gw_strbuf_append_str(out, path[i]);
  }
}

struct listing {
  struct gw_strbuf *out;
  uint32_t count;
};

static void add_item(struct listing *listing, struct gw_str text) {
  if (listing->count++ >= LIST_MAX) return;
  if (listing->count > 1) add(listing->out, ", ");
  add_text(listing->out, text);
}

/* What is written of a value: its alternatives, each once; numbers and truth values stand beside a text that says the same. */
static void add_values(struct listing *listing, const struct gw_value_match *value, uint32_t depth) {
  switch (value->kind) {
  case GW_VALUE_MATCH_STRING:
    if (value->string.kind == GW_STRING_MATCH_EXACT) add_item(listing, value->string.value);
    return;
  case GW_VALUE_MATCH_LIST: return;
  case GW_VALUE_MATCH_OR:
    for (uint32_t i = 0; depth > 0 && i < value->value_count; i++)
      add_values(listing, &value->values[i], depth - 1);
    return;
  case GW_VALUE_MATCH_PRESENT: add_item(listing, GW_STR("anything")); return;
  case GW_VALUE_MATCH_NULL: add_item(listing, GW_STR("null")); return;
  case GW_VALUE_MATCH_RANGE: add_item(listing, GW_STR("a number in a range")); return;
  case GW_VALUE_MATCH_BOOL:
  case GW_VALUE_MATCH_EXACT_NUMBER: return;
  }
}

/* What an item of a list must be. */
static const struct gw_value_match *item_of(const struct gw_value_match *value) {
  return value->kind == GW_VALUE_MATCH_LIST ? value->values : value;
}

static void add_claim(struct gw_strbuf *out, const struct gw_claim_match *claim) {
  struct listing listing = {.out = out};
  add(out, "claim ");
  add_path(out, claim->path, claim->path_count);
  add(out, claim->invert ? " has none of " : " has one of ");
  add_values(&listing, item_of(&claim->value), DEPTH_MAX);
  if (listing.count == 0) add(out, "what is wanted");
  if (listing.count > LIST_MAX) gw_strbuf_printf(out, " and %u more", listing.count - LIST_MAX);
}

/* ---- rules ---- */

static void add_rule(struct gw_strbuf *out, const struct gw_rbac_rule *rule, uint32_t depth);

static void add_all(struct gw_strbuf *out, const struct gw_rbac_rule *rule, const char *between, uint32_t depth) {
  uint32_t shown = rule->child_count < LIST_MAX ? rule->child_count : LIST_MAX;
  if (depth == 0) {
    add(out, "…");
    return;
  }
  for (uint32_t i = 0; i < shown; i++) {
    if (i > 0) add(out, between);
    add_rule(out, &rule->children[i], depth - 1);
  }
  if (shown < rule->child_count) gw_strbuf_printf(out, "%s%u more", between, rule->child_count - shown);
}

static void add_certificate(struct gw_strbuf *out, const struct gw_string_match *text) {
  if (text == NULL) {
    add(out, "the connection has TLS");
    return;
  }
  add(out, "a name of the client's certificate");
  add_condition(out, text->kind, text->value, false, text->ignore_case);
}

static void add_rule(struct gw_strbuf *out, const struct gw_rbac_rule *rule, uint32_t depth) {
  switch (rule->kind) {
  case GW_RBAC_ANY: add(out, "anything"); return;
  case GW_RBAC_AND: add_all(out, rule, ", and ", depth); return;
  case GW_RBAC_OR: add_all(out, rule, ", or ", depth); return;
  case GW_RBAC_NOT:
    add(out, "not (");
    add_all(out, rule, "", depth);
    add(out, ")");
    return;
  case GW_RBAC_HEADER: gw_header_match_words(out, rule->header); return;
  case GW_RBAC_PATH:
    add(out, "path");
    add_condition(out, rule->text->kind, rule->text->value, false, rule->text->ignore_case);
    return;
  case GW_RBAC_AUTHENTICATED: add_certificate(out, rule->text); return;
  case GW_RBAC_REMOTE_IP: gw_strbuf_printf(out, "client in %.*s", GW_STR_ARG(rule->cidr)); return;
  case GW_RBAC_DIRECT_REMOTE_IP: gw_strbuf_printf(out, "connection from %.*s", GW_STR_ARG(rule->cidr)); return;
  case GW_RBAC_CLAIM: add_claim(out, rule->claim); return;
  case GW_RBAC_PARAMETER:
    gw_strbuf_printf(out, "path variable %.*s is claim ", GW_STR_ARG(rule->parameter->name));
    add_path(out, rule->parameter->path, rule->parameter->path_count);
    return;
  }
}

void gw_rbac_rule_words(struct gw_strbuf *out, const struct gw_rbac_rule *rule) {
  add_rule(out, rule, DEPTH_MAX);
}

/* ---- limits ---- */

static void add_duration(struct gw_strbuf *out, uint64_t ms) {
  static const struct {
    uint64_t ms;
    const char *unit;
  } units[] = {{3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
  uint32_t i = 0;
  while (ms % units[i].ms != 0)
    i++;
  gw_strbuf_printf(out, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
}

void gw_rate_limit_numbers_words(struct gw_strbuf *out, const struct gw_rate_limit_numbers *numbers) {
  gw_strbuf_printf(out, "%u request%s in ", numbers->requests, numbers->requests == 1 ? "" : "s");
  add_duration(out, numbers->per_ms);
  if (numbers->burst != numbers->requests) gw_strbuf_printf(out, ", at most %u at once", numbers->burst);
}

void gw_rate_limit_keys_words(struct gw_strbuf *out, const struct gw_rate_limit_key *keys, uint32_t count) {
  static const char *const words[] = {
      [GW_RATE_LIMIT_KEY_CALLER] = "caller", [GW_RATE_LIMIT_KEY_USER] = "user",      [GW_RATE_LIMIT_KEY_API_KEY] = "API key",
      [GW_RATE_LIMIT_KEY_CLIENT] = "client", [GW_RATE_LIMIT_KEY_HEADER] = "header ", [GW_RATE_LIMIT_KEY_CLAIM] = "claim ",
  };
  if (count == 0) add(out, "all requests together");
  for (uint32_t i = 0; i < count; i++) {
    add(out, i == 0 ? "by " : " and ");
    add(out, words[keys[i].kind]);
    gw_strbuf_append_str(out, keys[i].name);
  }
}
