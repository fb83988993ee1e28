#include "common/base/mem.h"
#include "common/xds/rbac_codec.h"
#include "gateway/filters/http/v1/path_parameter.pb-c.h"

/* The names in this file are protoc-c's, which are too long to be repeated. */
typedef Envoy__Config__Rbac__V3__RBAC Rbac;
typedef Envoy__Config__Rbac__V3__Policy Policy;
typedef Envoy__Config__Rbac__V3__Permission Permission;
typedef Envoy__Config__Rbac__V3__Principal Principal;
typedef Envoy__Config__Rbac__V3__SourcedMetadata SourcedMetadata;
typedef Envoy__Type__Matcher__V3__ValueMatcher ValueMatcher;
typedef Envoy__Type__Matcher__V3__MetadataMatcher MetadataMatcher;
#define PERMISSION(name) ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE_##name
#define PRINCIPAL(name) ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER_##name
#define VALUE(name) ENVOY__TYPE__MATCHER__V3__VALUE_MATCHER__MATCH_PATTERN_##name

static void encode_number(struct gw_arena *arena, const struct gw_value_match *match, ValueMatcher *m) {
  m->match_pattern_case = VALUE(DOUBLE_MATCH);
  m->double_match = gw_xds_encode_new(arena, &envoy__type__matcher__v3__double_matcher__descriptor);
  if (match->kind == GW_VALUE_MATCH_EXACT_NUMBER) {
    m->double_match->match_pattern_case = ENVOY__TYPE__MATCHER__V3__DOUBLE_MATCHER__MATCH_PATTERN_EXACT;
    m->double_match->exact = match->from;
    return;
  }
  m->double_match->match_pattern_case = ENVOY__TYPE__MATCHER__V3__DOUBLE_MATCHER__MATCH_PATTERN_RANGE;
  m->double_match->range = gw_xds_encode_new(arena, &envoy__type__v3__double_range__descriptor);
  m->double_match->range->start = match->from;
  m->double_match->range->end = match->to;
}

static ValueMatcher *encode_value(struct gw_arena *arena, const struct gw_value_match *match) {
  ValueMatcher *m = gw_xds_encode_new(arena, &envoy__type__matcher__v3__value_matcher__descriptor);
  switch (match->kind) {
  case GW_VALUE_MATCH_NULL:
    m->match_pattern_case = VALUE(NULL_MATCH);
    m->null_match = gw_xds_encode_new(arena, &envoy__type__matcher__v3__value_matcher__null_match__descriptor);
    break;
  case GW_VALUE_MATCH_EXACT_NUMBER:
  case GW_VALUE_MATCH_RANGE: encode_number(arena, match, m); break;
  case GW_VALUE_MATCH_STRING:
    m->match_pattern_case = VALUE(STRING_MATCH);
    m->string_match = gw_xds_encode_string_match(arena, &match->string);
    break;
  case GW_VALUE_MATCH_BOOL:
    m->match_pattern_case = VALUE(BOOL_MATCH);
    m->bool_match = match->boolean;
    break;
  case GW_VALUE_MATCH_PRESENT:
    m->match_pattern_case = VALUE(PRESENT_MATCH);
    m->present_match = match->boolean;
    break;
  case GW_VALUE_MATCH_LIST:
    m->match_pattern_case = VALUE(LIST_MATCH);
    m->list_match = gw_xds_encode_new(arena, &envoy__type__matcher__v3__list_matcher__descriptor);
    m->list_match->match_pattern_case = ENVOY__TYPE__MATCHER__V3__LIST_MATCHER__MATCH_PATTERN_ONE_OF;
    m->list_match->one_of = encode_value(arena, &match->values[0]);
    break;
  case GW_VALUE_MATCH_OR:
    m->match_pattern_case = VALUE(OR_MATCH);
    m->or_match = gw_xds_encode_new(arena, &envoy__type__matcher__v3__or_matcher__descriptor);
    m->or_match->n_value_matchers = match->value_count;
    m->or_match->value_matchers = gw_xds_encode_array(arena, match->value_count);
    for (uint32_t i = 0; i < match->value_count; i++)
      m->or_match->value_matchers[i] = encode_value(arena, &match->values[i]);
    break;
  }
  return m;
}

MetadataMatcher *gw_xds_encode_claim(struct gw_arena *arena, const struct gw_claim_match *claim) {
  MetadataMatcher *m = gw_xds_encode_new(arena, &envoy__type__matcher__v3__metadata_matcher__descriptor);
  m->filter = gw_xds_encode_str(arena, GW_STR(GW_CLAIMS_FILTER));
  m->n_path = claim->path_count;
  m->path = gw_xds_encode_array(arena, m->n_path);
  for (uint32_t i = 0; i < claim->path_count; i++) {
    m->path[i] = gw_xds_encode_new(arena, &envoy__type__matcher__v3__metadata_matcher__path_segment__descriptor);
    m->path[i]->segment_case = ENVOY__TYPE__MATCHER__V3__METADATA_MATCHER__PATH_SEGMENT__SEGMENT_KEY;
    m->path[i]->key = gw_xds_encode_str(arena, claim->path[i]);
  }
  m->value = encode_value(arena, &claim->value);
  m->invert = claim->invert;
  return m;
}

static SourcedMetadata *encode_sourced(struct gw_arena *arena, const struct gw_claim_match *claim) {
  SourcedMetadata *m = gw_xds_encode_new(arena, &envoy__config__rbac__v3__sourced_metadata__descriptor);
  m->metadata_matcher = gw_xds_encode_claim(arena, claim);
  return m;
}

static Envoy__Type__Matcher__V3__PathMatcher *encode_path(struct gw_arena *arena, const struct gw_string_match *text) {
  Envoy__Type__Matcher__V3__PathMatcher *m = gw_xds_encode_new(arena, &envoy__type__matcher__v3__path_matcher__descriptor);
  m->rule_case = ENVOY__TYPE__MATCHER__V3__PATH_MATCHER__RULE_PATH;
  m->path = gw_xds_encode_string_match(arena, text);
  return m;
}

static Envoy__Config__Core__V3__TypedExtensionConfig *encode_parameter(struct gw_arena *arena, const struct gw_parameter_match *parameter) {
  Gateway__Filters__Http__V1__PathParameterMatcher *matcher =
      gw_xds_encode_new(arena, &gateway__filters__http__v1__path_parameter_matcher__descriptor);
  matcher->parameter = gw_xds_encode_str(arena, parameter->name);
  matcher->n_claim_path = parameter->path_count;
  matcher->claim_path = gw_xds_encode_array(arena, parameter->path_count);
  for (uint32_t i = 0; i < parameter->path_count; i++)
    matcher->claim_path[i] = gw_xds_encode_str(arena, parameter->path[i]);
  Envoy__Config__Core__V3__TypedExtensionConfig *m = gw_xds_encode_new(arena, &envoy__config__core__v3__typed_extension_config__descriptor);
  m->name = gw_xds_encode_str(arena, GW_STR("gateway.rbac.path_parameter"));
  m->typed_config = gw_xds_encode_any(arena, &matcher->base);
  return m;
}

static Envoy__Config__Core__V3__CidrRange *encode_cidr(struct gw_arena *arena, struct gw_str cidr) {
  Envoy__Config__Core__V3__CidrRange *m = gw_xds_encode_new(arena, &envoy__config__core__v3__cidr_range__descriptor);
  ptrdiff_t slash = gw_str_find_char(cidr, '/');
  GW_ASSERT(slash > 0);
  uint64_t bits = 0;
  m->address_prefix = gw_xds_encode_str(arena, (struct gw_str){cidr.data, (size_t)slash});
  GW_ASSERT(gw_str_parse_u64(gw_str_skip(cidr, (size_t)slash + 1), &bits) == GW_OK);
  m->prefix_len = gw_xds_encode_u32(arena, (uint32_t)bits);
  return m;
}

static Permission *encode_permission(struct gw_arena *arena, const struct gw_rbac_rule *rule);
static Principal *encode_principal(struct gw_arena *arena, const struct gw_rbac_rule *rule);

static Envoy__Config__Rbac__V3__Permission__Set *encode_permissions(struct gw_arena *arena, const struct gw_rbac_rule *rule) {
  Envoy__Config__Rbac__V3__Permission__Set *set = gw_xds_encode_new(arena, &envoy__config__rbac__v3__permission__set__descriptor);
  set->n_rules = rule->child_count;
  set->rules = gw_xds_encode_array(arena, rule->child_count);
  for (uint32_t i = 0; i < rule->child_count; i++)
    set->rules[i] = encode_permission(arena, &rule->children[i]);
  return set;
}

static Permission *encode_permission(struct gw_arena *arena, const struct gw_rbac_rule *rule) {
  Permission *m = gw_xds_encode_new(arena, &envoy__config__rbac__v3__permission__descriptor);
  switch (rule->kind) {
  case GW_RBAC_ANY:
    m->rule_case = PERMISSION(ANY);
    m->any = true;
    return m;
  case GW_RBAC_AND:
    m->rule_case = PERMISSION(AND_RULES);
    m->and_rules = encode_permissions(arena, rule);
    return m;
  case GW_RBAC_OR:
    m->rule_case = PERMISSION(OR_RULES);
    m->or_rules = encode_permissions(arena, rule);
    return m;
  case GW_RBAC_NOT:
    m->rule_case = PERMISSION(NOT_RULE);
    m->not_rule = encode_permission(arena, rule->children);
    return m;
  case GW_RBAC_HEADER:
    m->rule_case = PERMISSION(HEADER);
    m->header = gw_xds_encode_header_match(arena, rule->header);
    return m;
  case GW_RBAC_PATH:
    m->rule_case = PERMISSION(URL_PATH);
    m->url_path = encode_path(arena, rule->text);
    return m;
  case GW_RBAC_CLAIM:
    m->rule_case = PERMISSION(SOURCED_METADATA);
    m->sourced_metadata = encode_sourced(arena, rule->claim);
    return m;
  case GW_RBAC_PARAMETER:
    m->rule_case = PERMISSION(MATCHER);
    m->matcher = encode_parameter(arena, rule->parameter);
    return m;
  case GW_RBAC_AUTHENTICATED:
  case GW_RBAC_REMOTE_IP:
  case GW_RBAC_DIRECT_REMOTE_IP: break;
  }
  GW_PANIC("rule kind %d is no permission", (int)rule->kind);
}

static Envoy__Config__Rbac__V3__Principal__Set *encode_principals(struct gw_arena *arena, const struct gw_rbac_rule *rule) {
  Envoy__Config__Rbac__V3__Principal__Set *set = gw_xds_encode_new(arena, &envoy__config__rbac__v3__principal__set__descriptor);
  set->n_ids = rule->child_count;
  set->ids = gw_xds_encode_array(arena, rule->child_count);
  for (uint32_t i = 0; i < rule->child_count; i++)
    set->ids[i] = encode_principal(arena, &rule->children[i]);
  return set;
}

static Envoy__Config__Rbac__V3__Principal__Authenticated *encode_authenticated(struct gw_arena *arena, const struct gw_string_match *text) {
  Envoy__Config__Rbac__V3__Principal__Authenticated *m =
      gw_xds_encode_new(arena, &envoy__config__rbac__v3__principal__authenticated__descriptor);
  if (text != NULL) m->principal_name = gw_xds_encode_string_match(arena, text);
  return m;
}

static Principal *encode_principal(struct gw_arena *arena, const struct gw_rbac_rule *rule) {
  Principal *m = gw_xds_encode_new(arena, &envoy__config__rbac__v3__principal__descriptor);
  switch (rule->kind) {
  case GW_RBAC_ANY:
    m->identifier_case = PRINCIPAL(ANY);
    m->any = true;
    return m;
  case GW_RBAC_AND:
    m->identifier_case = PRINCIPAL(AND_IDS);
    m->and_ids = encode_principals(arena, rule);
    return m;
  case GW_RBAC_OR:
    m->identifier_case = PRINCIPAL(OR_IDS);
    m->or_ids = encode_principals(arena, rule);
    return m;
  case GW_RBAC_NOT:
    m->identifier_case = PRINCIPAL(NOT_ID);
    m->not_id = encode_principal(arena, rule->children);
    return m;
  case GW_RBAC_HEADER:
    m->identifier_case = PRINCIPAL(HEADER);
    m->header = gw_xds_encode_header_match(arena, rule->header);
    return m;
  case GW_RBAC_PATH:
    m->identifier_case = PRINCIPAL(URL_PATH);
    m->url_path = encode_path(arena, rule->text);
    return m;
  case GW_RBAC_AUTHENTICATED:
    m->identifier_case = PRINCIPAL(AUTHENTICATED);
    m->authenticated = encode_authenticated(arena, rule->text);
    return m;
  case GW_RBAC_REMOTE_IP:
    m->identifier_case = PRINCIPAL(REMOTE_IP);
    m->remote_ip = encode_cidr(arena, rule->cidr);
    return m;
  case GW_RBAC_DIRECT_REMOTE_IP:
    m->identifier_case = PRINCIPAL(DIRECT_REMOTE_IP);
    m->direct_remote_ip = encode_cidr(arena, rule->cidr);
    return m;
  case GW_RBAC_CLAIM:
    m->identifier_case = PRINCIPAL(SOURCED_METADATA);
    m->sourced_metadata = encode_sourced(arena, rule->claim);
    return m;
  case GW_RBAC_PARAMETER: break;
  }
  GW_PANIC("rule kind %d is no principal", (int)rule->kind);
}

static Policy *encode_policy(struct gw_arena *arena, const struct gw_rbac_policy *policy) {
  Policy *m = gw_xds_encode_new(arena, &envoy__config__rbac__v3__policy__descriptor);
  m->n_permissions = policy->permissions.child_count;
  m->permissions = encode_permissions(arena, &policy->permissions)->rules;
  m->n_principals = policy->principals.child_count;
  m->principals = encode_principals(arena, &policy->principals)->ids;
  return m;
}

Rbac *gw_xds_encode_rbac(struct gw_arena *arena, const struct gw_rbac *rbac) {
  Rbac *m = gw_xds_encode_new(arena, &envoy__config__rbac__v3__rbac__descriptor);
  if (rbac->action == GW_RBAC_DENY) m->action = ENVOY__CONFIG__RBAC__V3__RBAC__ACTION__DENY;
  m->n_policies = rbac->policy_count;
  m->policies = gw_xds_encode_array(arena, rbac->policy_count);
  for (uint32_t i = 0; i < rbac->policy_count; i++) {
    Envoy__Config__Rbac__V3__RBAC__PoliciesEntry *entry =
        gw_xds_encode_new(arena, &envoy__config__rbac__v3__rbac__policies_entry__descriptor);
    entry->key = gw_xds_encode_str(arena, rbac->policies[i].name);
    entry->value = encode_policy(arena, &rbac->policies[i]);
    m->policies[i] = entry;
  }
  return m;
}
