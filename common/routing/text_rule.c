#include "common/routing/text_rule.h"

#include <stdio.h>

static bool begins_with(struct gw_str text, struct gw_str prefix, bool ignore_case) {
  if (text.len < prefix.len) return false;
  text.len = prefix.len;
  return ignore_case ? gw_str_equal_nocase(text, prefix) : gw_str_equal(text, prefix);
}

static bool contains(struct gw_str text, struct gw_str part, bool ignore_case) {
  for (; text.len >= part.len; text = gw_str_skip(text, 1)) {
    if (begins_with(text, part, ignore_case)) return true;
  }
  return false;
}

bool gw_text_rule_match(const struct gw_text_rule *rule, struct gw_str text, struct gw_route_work *work) {
  struct gw_str wanted = rule->wanted;
  switch (rule->kind) {
  case GW_STRING_MATCH_EXACT: return text.len == wanted.len && begins_with(text, wanted, rule->ignore_case);
  case GW_STRING_MATCH_PREFIX: return begins_with(text, wanted, rule->ignore_case);
  case GW_STRING_MATCH_SUFFIX:
    return text.len >= wanted.len && begins_with(gw_str_skip(text, text.len - wanted.len), wanted, rule->ignore_case);
  case GW_STRING_MATCH_CONTAINS: return contains(text, wanted, rule->ignore_case);
  case GW_STRING_MATCH_REGEX: return gw_regex_match(rule->regex, text, work->scratch, &work->has_given_up);
  case GW_STRING_MATCH_PRESENT: return true;
  }
  return false;
}

/* What is no field line of the request's: the pseudo-headers, Host and Content-Length. False: the name is none of these. */
static bool find_pseudo(const struct gw_header_rule *rule, const struct gw_request_head *head, char digits[24], struct gw_str *ret_value) {
  struct gw_str name = rule->match->name;
  if (rule->id == GW_HEADER_HOST || gw_str_equal(name, GW_STR(":authority"))) {
    *ret_value = head->authority;
  } else if (gw_str_equal(name, GW_STR(":method"))) {
    *ret_value = head->method_name;
  } else if (gw_str_equal(name, GW_STR(":path"))) {
    *ret_value = head->path;
  } else if (gw_str_equal(name, GW_STR(":scheme"))) {
    *ret_value = head->scheme;
  } else if (rule->id == GW_HEADER_CONTENT_LENGTH) {
    if (head->content_length < 0) return false;
    *ret_value = (struct gw_str){digits, (size_t)snprintf(digits, 24, "%lld", (long long)head->content_length)};
  } else {
    return false;
  }
  return true;
}

static bool is_of(const struct gw_header *header, const struct gw_header_rule *rule) {
  return header->id == rule->id && (rule->id != GW_HEADER_OTHER || gw_str_equal_nocase(header->name, rule->match->name));
}

bool gw_header_rule_match(const struct gw_header_rule *rule, const struct gw_request_head *head, struct gw_route_work *work) {
  const struct gw_header_match *match = rule->match;
  const struct gw_text_rule text = {match->kind, match->ignore_case, match->value, rule->regex};
  char digits[24];
  struct gw_str value;
  bool is_present = find_pseudo(rule, head, digits, &value);
  bool is_match = is_present && gw_text_rule_match(&text, value, work);
  for (uint32_t i = 0; i < head->headers.count && !is_match; i++) {
    const struct gw_header *header = &head->headers.items[i];
    if (!is_of(header, rule)) continue;
    is_present = true;
    is_match = gw_text_rule_match(&text, header->value, work);
  }
  if (match->kind == GW_STRING_MATCH_PRESENT) return is_present != match->invert;
  if (!is_present && !match->takes_missing_as_empty) return false;
  if (!is_present) is_match = gw_text_rule_match(&text, GW_STR(""), work);
  return is_match != match->invert;
}
