#include <stdlib.h>

#include "common/base/mem.h"
#include "common/xds/rbac_codec.h"
#include "gateway/filters/http/v1/path_parameter.pb-c.h"

/* The names in this file are protoc-c's, which are too long to be repeated. */
typedef Envoy__Config__Rbac__V3__RBAC Rbac;
typedef Envoy__Config__Rbac__V3__Policy Policy;
typedef Envoy__Config__Rbac__V3__Permission Permission;
typedef Envoy__Config__Rbac__V3__Principal Principal;
typedef Envoy__Config__Rbac__V3__SourcedMetadata SourcedMetadata;
typedef Envoy__Type__Matcher__V3__PathMatcher PathMatcher;
typedef Envoy__Type__Matcher__V3__MetadataMatcher MetadataMatcher;
#define PERMISSION(name) ENVOY__CONFIG__RBAC__V3__PERMISSION__RULE_##name
#define PRINCIPAL(name) ENVOY__CONFIG__RBAC__V3__PRINCIPAL__IDENTIFIER_##name

static void decode_any(struct gw_xds_decoder *d, const struct gw_xds_place *place, bool is_any, struct gw_rbac_rule *out) {
  out->kind = GW_RBAC_ANY;
  if (!is_any) gw_xds_refuse(d, GW_XDS_FIELD(place, "any"), "must be true");
}

static void decode_header(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__HeaderMatcher *m,
                          struct gw_rbac_rule *out) {
  struct gw_header_match *header = gw_arena_calloc(d->arena, 1, sizeof *header);
  gw_xds_decode_header_match(d, place, m, header);
  out->kind = GW_RBAC_HEADER;
  out->header = header;
}

static void decode_path(struct gw_xds_decoder *d, const struct gw_xds_place *place, const PathMatcher *m, struct gw_rbac_rule *out) {
  struct gw_string_match *text = gw_arena_calloc(d->arena, 1, sizeof *text);
  out->kind = GW_RBAC_PATH;
  out->text = text;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "path");
  if (m->rule_case == ENVOY__TYPE__MATCHER__V3__PATH_MATCHER__RULE_PATH)
    gw_xds_decode_string_match(d, at, m->path, text);
  else
    gw_xds_refuse(d, at, "is missing");
}

static void decode_claim(struct gw_xds_decoder *d, const struct gw_xds_place *place, const MetadataMatcher *m, struct gw_rbac_rule *out) {
  struct gw_claim_match *claim = gw_arena_calloc(d->arena, 1, sizeof *claim);
  gw_xds_decode_claim(d, place, m, claim);
  out->kind = GW_RBAC_CLAIM;
  out->claim = claim;
}

static void decode_sourced(struct gw_xds_decoder *d, const struct gw_xds_place *place, const SourcedMetadata *m, struct gw_rbac_rule *out) {
  if (m->metadata_source != ENVOY__CONFIG__RBAC__V3__METADATA_SOURCE__DYNAMIC)
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "metadata_source"), &envoy__config__rbac__v3__metadata_source__descriptor,
                       (int)m->metadata_source);
  decode_claim(d, GW_XDS_FIELD(place, "metadata_matcher"), m->metadata_matcher, out);
}

static void decode_parameter(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                             const Envoy__Config__Core__V3__TypedExtensionConfig *extension, struct gw_rbac_rule *out) {
  struct gw_parameter_match *parameter = gw_arena_calloc(d->arena, 1, sizeof *parameter);
  out->kind = GW_RBAC_PARAMETER;
  out->parameter = parameter;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const Gateway__Filters__Http__V1__PathParameterMatcher *m =
      gw_xds_decode_any(d, at, extension->typed_config, &gateway__filters__http__v1__path_parameter_matcher__descriptor);
  if (m == NULL) return;
  parameter->name = gw_xds_decode_name(d, GW_XDS_FIELD(at, "parameter"), m->parameter);
  struct gw_str *path = gw_arena_calloc(d->arena, m->n_claim_path, sizeof *path);
  if (m->n_claim_path < 2) gw_xds_refuse(d, GW_XDS_FIELD(at, "claim_path"), "needs two names or more");
  for (size_t i = 0; i < m->n_claim_path; i++)
    path[i] = gw_xds_decode_name(d, GW_XDS_ITEM(at, "claim_path", i), m->claim_path[i]);
  parameter->path = path;
  parameter->path_count = (uint32_t)m->n_claim_path;
}

static void decode_cidr(struct gw_xds_decoder *d, const struct gw_xds_place *place, enum gw_rbac_rule_kind kind,
                        const Envoy__Config__Core__V3__CidrRange *m, struct gw_rbac_rule *out) {
  const char *text = gw_arena_printf(d->scratch, "%s/%u", m->address_prefix, m->prefix_len != NULL ? m->prefix_len->value : 0);
  const struct gw_str *cidrs;
  uint32_t count;
  out->kind = kind;
  gw_xds_decode_cidrs(d, place, "address_prefix", &text, 1, &cidrs, &count);
  out->cidr = cidrs[0];
}

static void decode_permission(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Permission *m, struct gw_rbac_rule *out);
static void decode_principal(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Principal *m, struct gw_rbac_rule *out);

static void decode_permissions(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *field, enum gw_rbac_rule_kind kind,
                               Permission *const *items, size_t count, struct gw_rbac_rule *out) {
  struct gw_rbac_rule *children = gw_arena_calloc(d->arena, count, sizeof *children);
  if (count == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, field), "must not be empty");
  for (size_t i = 0; i < count; i++)
    decode_permission(d, GW_XDS_ITEM(place, field, i), items[i], &children[i]);
  *out = (struct gw_rbac_rule){.kind = kind, .children = children, .child_count = (uint32_t)count};
}

static void decode_permission(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Permission *m, struct gw_rbac_rule *out) {
  switch (m->rule_case) {
  case PERMISSION(AND_RULES):
    decode_permissions(d, GW_XDS_FIELD(place, "and_rules"), "rules", GW_RBAC_AND, m->and_rules->rules, m->and_rules->n_rules, out);
    return;
  case PERMISSION(OR_RULES):
    decode_permissions(d, GW_XDS_FIELD(place, "or_rules"), "rules", GW_RBAC_OR, m->or_rules->rules, m->or_rules->n_rules, out);
    return;
  case PERMISSION(NOT_RULE): decode_permissions(d, place, "not_rule", GW_RBAC_NOT, &m->not_rule, 1, out); return;
  case PERMISSION(ANY): decode_any(d, place, m->any, out); return;
  case PERMISSION(HEADER): decode_header(d, GW_XDS_FIELD(place, "header"), m->header, out); return;
  case PERMISSION(URL_PATH): decode_path(d, GW_XDS_FIELD(place, "url_path"), m->url_path, out); return;
  case PERMISSION(METADATA): decode_claim(d, GW_XDS_FIELD(place, "metadata"), m->metadata, out); return;
  case PERMISSION(SOURCED_METADATA): decode_sourced(d, GW_XDS_FIELD(place, "sourced_metadata"), m->sourced_metadata, out); return;
  case PERMISSION(MATCHER): decode_parameter(d, GW_XDS_FIELD(place, "matcher"), m->matcher, out); return;
  default: gw_xds_refuse(d, place, "has no rule that is supported");
  }
}

static void decode_authenticated(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                 const Envoy__Config__Rbac__V3__Principal__Authenticated *m, struct gw_rbac_rule *out) {
  out->kind = GW_RBAC_AUTHENTICATED;
  if (m->principal_name == NULL) return;
  struct gw_string_match *text = gw_arena_calloc(d->arena, 1, sizeof *text);
  gw_xds_decode_string_match(d, GW_XDS_FIELD(place, "principal_name"), m->principal_name, text);
  out->text = text;
}

static void decode_principals(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *field, enum gw_rbac_rule_kind kind,
                              Principal *const *items, size_t count, struct gw_rbac_rule *out) {
  struct gw_rbac_rule *children = gw_arena_calloc(d->arena, count, sizeof *children);
  if (count == 0) gw_xds_refuse(d, GW_XDS_FIELD(place, field), "must not be empty");
  for (size_t i = 0; i < count; i++)
    decode_principal(d, GW_XDS_ITEM(place, field, i), items[i], &children[i]);
  *out = (struct gw_rbac_rule){.kind = kind, .children = children, .child_count = (uint32_t)count};
}

static void decode_principal(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Principal *m, struct gw_rbac_rule *out) {
  switch (m->identifier_case) {
  case PRINCIPAL(AND_IDS):
    decode_principals(d, GW_XDS_FIELD(place, "and_ids"), "ids", GW_RBAC_AND, m->and_ids->ids, m->and_ids->n_ids, out);
    return;
  case PRINCIPAL(OR_IDS):
    decode_principals(d, GW_XDS_FIELD(place, "or_ids"), "ids", GW_RBAC_OR, m->or_ids->ids, m->or_ids->n_ids, out);
    return;
  case PRINCIPAL(NOT_ID): decode_principals(d, place, "not_id", GW_RBAC_NOT, &m->not_id, 1, out); return;
  case PRINCIPAL(ANY): decode_any(d, place, m->any, out); return;
  case PRINCIPAL(AUTHENTICATED): decode_authenticated(d, GW_XDS_FIELD(place, "authenticated"), m->authenticated, out); return;
  case PRINCIPAL(DIRECT_REMOTE_IP):
    decode_cidr(d, GW_XDS_FIELD(place, "direct_remote_ip"), GW_RBAC_DIRECT_REMOTE_IP, m->direct_remote_ip, out);
    return;
  case PRINCIPAL(REMOTE_IP): decode_cidr(d, GW_XDS_FIELD(place, "remote_ip"), GW_RBAC_REMOTE_IP, m->remote_ip, out); return;
  case PRINCIPAL(HEADER): decode_header(d, GW_XDS_FIELD(place, "header"), m->header, out); return;
  case PRINCIPAL(URL_PATH): decode_path(d, GW_XDS_FIELD(place, "url_path"), m->url_path, out); return;
  case PRINCIPAL(METADATA): decode_claim(d, GW_XDS_FIELD(place, "metadata"), m->metadata, out); return;
  case PRINCIPAL(SOURCED_METADATA): decode_sourced(d, GW_XDS_FIELD(place, "sourced_metadata"), m->sourced_metadata, out); return;
  default: gw_xds_refuse(d, place, "has no identifier that is supported");
  }
}

static int compare_policies(const void *left, const void *right) {
  return gw_str_compare(((const struct gw_rbac_policy *)left)->name, ((const struct gw_rbac_policy *)right)->name);
}

const struct gw_rbac *gw_xds_decode_rbac(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Rbac *m) {
  if (m == NULL) return NULL;
  struct gw_rbac *rbac = gw_arena_calloc(d->arena, 1, sizeof *rbac);
  if (m->action == ENVOY__CONFIG__RBAC__V3__RBAC__ACTION__DENY)
    rbac->action = GW_RBAC_DENY;
  else if (m->action != ENVOY__CONFIG__RBAC__V3__RBAC__ACTION__ALLOW)
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "action"), &envoy__config__rbac__v3__rbac__action__descriptor, (int)m->action);
  struct gw_rbac_policy *policies = gw_arena_calloc(d->arena, m->n_policies, sizeof *policies);
  for (size_t i = 0; i < m->n_policies; i++) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "policies", i);
    const Policy *policy = m->policies[i]->value;
    policies[i].name = gw_xds_decode_name(d, GW_XDS_FIELD(at, "key"), m->policies[i]->key);
    if (policy == NULL) {
      gw_xds_refuse(d, at, "has no value");
      continue;
    }
    decode_permissions(d, at, "permissions", GW_RBAC_OR, policy->permissions, policy->n_permissions, &policies[i].permissions);
    decode_principals(d, at, "principals", GW_RBAC_OR, policy->principals, policy->n_principals, &policies[i].principals);
  }
  if (m->n_policies > 1) qsort(policies, m->n_policies, sizeof *policies, compare_policies);
  for (size_t i = 1; i < m->n_policies; i++)
    if (gw_str_equal(policies[i].name, policies[i - 1].name))
      gw_xds_refuse(d, GW_XDS_FIELD(place, "policies"), "have \"%.*s\" twice", GW_STR_ARG(policies[i].name));
  rbac->policies = policies;
  rbac->policy_count = (uint32_t)m->n_policies;
  return rbac;
}
