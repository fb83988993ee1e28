#include "dataplane/filters/jwt_settings.h"

#include "common/base/content_hash.h"
#include "common/base/mem.h"
#include "common/model/secret.h"
#include "common/model/snapshot.h"
#include "common/routing/regex.h"
#include "common/routing/text_rule.h"

struct making {
  const struct gw_filter_build *build;
  struct gw_jwt_settings *settings;
};

static void warn(const struct making *m, const struct gw_jwt_provider *provider, const char *what) {
  GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("%s: providers.%.*s", m->build->place, GW_STR_ARG(provider->name));
  gw_errors_warn(m->build->errors, place, "%s: its tokens are answered with 503", what);
}

/* Keys close only what needs them, so all that is wrong with them is a warning. */
static bool add_keys(const struct making *m, const struct gw_jwt_provider *provider, struct gw_str jwks, bool is_secret,
                     struct gw_jwk_set *set) {
  const struct gw_jwk_rules rules = {.algs = GW_JWK_ANY_ALG, .may_hold_secrets = is_secret, .is_lenient = true};
  GW_CLEANUP(gw_free_ptr) char *place = gw_asprintf("%s: providers.%.*s", m->build->place, GW_STR_ARG(provider->name));
  struct gw_errors mistakes;
  gw_errors_init(&mistakes);
  bool is_good = gw_jwk_set_add_jwks(set, jwks, &rules, place, &mistakes);
  for (size_t i = 0; i < mistakes.count; i++)
    gw_errors_warn(m->build->errors, mistakes.items[i].place, "%s", mistakes.items[i].sentence);
  gw_errors_done(&mistakes);
  return is_good;
}

static void take_keys(const struct making *m, const struct gw_jwt_provider *provider, struct gw_jwt_issuer *issuer) {
  struct gw_jwk_set *set = gw_jwk_set_new();
  bool is_empty = gw_str_equal(provider->jwks, GW_STR(GW_JWT_NO_KEYS)), is_good = true;
  if (!is_empty) is_good = add_keys(m, provider, provider->jwks, false, set);
  if (provider->secret.len > 0) {
    const struct gw_resource *secret = gw_snapshot_find(m->build->snapshot, GW_RESOURCE_SECRET, provider->secret);
    if (secret == NULL || secret->secret->kind != GW_SECRET_GENERIC) {
      is_good = false;
      warn(m, provider, "the secret with its keys is missing");
    } else {
      is_good = add_keys(m, provider, secret->secret->content, true, set) && is_good;
    }
  } else if (is_empty) {
    warn(m, provider, "it has no keys");
  }
  gw_jwk_set_freeze(set);
  if (is_good && gw_jwk_set_count(set) > 0) {
    issuer->keys = set;
    return;
  }
  gw_jwk_set_unref(set);
}

static struct gw_json_path parse_path(const struct making *m, struct gw_str text) {
  struct gw_json_path path = {NULL, 0};
  if (text.len > 0 && gw_json_path_parse(text, m->build->arena, &path) != GW_OK)
    gw_errors_add(m->build->errors, m->build->place, "\"%.*s\" is no path of a claim, such as realm_access.roles", GW_STR_ARG(text));
  return path;
}

static void make_issuer(const struct making *m, const struct gw_jwt_provider *provider, struct gw_jwt_issuer *issuer) {
  char why[GW_REGEX_WHY_SIZE];
  issuer->model = provider;
  take_keys(m, provider, issuer);
  if (provider->subject != NULL && provider->subject->kind == GW_STRING_MATCH_REGEX &&
      gw_regex_new(provider->subject->value, (struct gw_regex_options){.mode = GW_REGEX_WHOLE}, why, &issuer->subject) != GW_OK)
    gw_errors_add(m->build->errors, m->build->place, "subjects.safe_regex of %.*s: %s", GW_STR_ARG(provider->name), why);
  issuer->user_id = parse_path(m, provider->claims.user_id);
  issuer->user_name = parse_path(m, provider->claims.user_name);
  issuer->roles = parse_path(m, provider->claims.roles);
  issuer->permissions = parse_path(m, provider->claims.permissions);
  struct gw_jwt_claim_field *fields = gw_arena_calloc(m->build->arena, provider->claim_header_count, sizeof(*fields));
  for (uint32_t i = 0; i < provider->claim_header_count; i++) {
    fields[i].header = provider->claim_headers[i].header;
    fields[i].claim = parse_path(m, provider->claim_headers[i].claim);
  }
  issuer->claim_fields = fields;
}

/* Whatever a token that was verified once would have to be verified for again, if it were another. */
static uint64_t hash_rules(const struct gw_jwt_provider *provider, const struct gw_jwt_checks *checks) {
  const struct gw_string_match *subject = provider->subject;
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf text = {0};
  gw_strbuf_printf(&text, "%zu:%.*s %zu:%.*s %u %d %d %lld ", provider->name.len, GW_STR_ARG(provider->name), checks->issuer.len,
                   GW_STR_ARG(checks->issuer), checks->leeway_s, checks->requires_exp, provider->pads_payload,
                   (long long)checks->lifetime_max_s);
  for (uint32_t i = 0; i < checks->audience_count; i++)
    gw_strbuf_printf(&text, "a%zu:%.*s ", checks->audiences[i].len, GW_STR_ARG(checks->audiences[i]));
  for (uint32_t i = 0; i < provider->required_claim_count; i++)
    gw_strbuf_printf(&text, "c%zu:%.*s ", provider->required_claims[i].len, GW_STR_ARG(provider->required_claims[i]));
  if (subject != NULL)
    gw_strbuf_printf(&text, "s%d %d %zu:%.*s ", (int)subject->kind, subject->ignore_case, subject->value.len, GW_STR_ARG(subject->value));
  for (uint32_t i = 0; i < provider->claim_header_count; i++)
    gw_strbuf_printf(&text, "h%zu:%.*s ", provider->claim_headers[i].claim.len, GW_STR_ARG(provider->claim_headers[i].claim));
  const struct gw_str paths[] = {provider->claims.user_id, provider->claims.user_name, provider->claims.roles,
                                 provider->claims.permissions};
  for (size_t i = 0; i < GW_ARRAY_LEN(paths); i++)
    gw_strbuf_printf(&text, "p%zu:%.*s ", paths[i].len, GW_STR_ARG(paths[i]));
  return gw_content_hash(gw_strbuf_str(&text));
}

static const void *make_demand(void *arg, const struct gw_jwt_requirement *requirement) {
  const struct making *m = arg;
  struct gw_jwt_demand *demand = gw_arena_calloc(m->build->arena, 1, sizeof(*demand));
  const struct gw_jwt_issuer *issuer = &m->settings->issuers[requirement->provider];
  const struct gw_jwt_provider *provider = issuer->model;
  struct gw_jwt_claim_rule *claims = gw_arena_calloc(m->build->arena, provider->required_claim_count, sizeof(*claims));
  for (uint32_t i = 0; i < provider->required_claim_count; i++)
    claims[i].path = parse_path(m, provider->required_claims[i]);
  bool has_own = requirement->audience_count > 0;
  demand->issuer = issuer;
  demand->checks = (struct gw_jwt_checks){.issuer = provider->issuer,
                                          .audiences = has_own ? requirement->audiences : provider->audiences,
                                          .audience_count = has_own ? requirement->audience_count : provider->audience_count,
                                          .claims = claims,
                                          .claim_count = provider->required_claim_count,
                                          .leeway_s = provider->clock_skew_s,
                                          .requires_exp = provider->requires_expiration,
                                          .lifetime_max_s = (int64_t)((provider->max_lifetime_ms + 999) / 1000)};
  demand->scope.rules = hash_rules(provider, &demand->checks);
  if (issuer->keys != NULL) demand->scope.keys = gw_jwk_set_generation(issuer->keys);
  return demand;
}

static void make_node(const struct making *m, const struct gw_jwt_requirement *requirement, struct gw_jwt_node *node) {
  const struct gw_jwt_tree_build build = {.arena = m->build->arena,
                                          .provider_count = m->settings->model->provider_count,
                                          .make_demand = make_demand,
                                          .arg = (void *)(uintptr_t)m};
  gw_jwt_tree_build(&build, requirement, node);
}

/* The rules are matched as routes are: by a table, the first that matches. */
static void make_rules(const struct making *m) {
  static const struct gw_str any_domain = {"*", 1};
  const struct gw_jwt_authn *model = m->settings->model;
  struct gw_jwt_settings *settings = m->settings;
  if (model->rule_count == 0) return;
  struct gw_route *routes = gw_arena_calloc(m->build->arena, model->rule_count, sizeof(*routes));
  settings->rules = gw_arena_calloc(m->build->arena, model->rule_count, sizeof(*settings->rules));
  for (uint32_t i = 0; i < model->rule_count; i++) {
    const struct gw_jwt_rule *rule = &model->rules[i];
    routes[i] = (struct gw_route){.index = i, .match = rule->match, .action = GW_ROUTE_DIRECT_RESPONSE};
    const struct gw_jwt_node *named = rule->requirement_name.len > 0 ? gw_jwt_settings_find(settings, rule->requirement_name) : NULL;
    if (named != NULL) settings->rules[i] = *named;
    if (rule->requirement != NULL) make_node(m, rule->requirement, &settings->rules[i]);
  }
  struct gw_virtual_host *host = gw_arena_calloc(m->build->arena, 1, sizeof(*host));
  *host = (struct gw_virtual_host){.domains = &any_domain, .domain_count = 1, .routes = routes, .route_count = model->rule_count};
  settings->rule_routes = gw_arena_calloc(m->build->arena, 1, sizeof(*settings->rule_routes));
  *settings->rule_routes = (struct gw_route_config){.virtual_hosts = host, .virtual_host_count = 1, .route_count = model->rule_count};
  struct gw_errors mistakes;
  gw_errors_init(&mistakes);
  if (gw_route_table_build(settings->rule_routes, &mistakes, &settings->rule_table) != GW_OK) settings->rule_table = NULL;
  GW_CLEANUP(gw_free_ptr) char *prefix = gw_asprintf("%s: rules: ", m->build->place);
  gw_errors_append(m->build->errors, prefix, &mistakes);
  gw_errors_done(&mistakes);
}

const struct gw_jwt_settings *gw_jwt_settings_build(const struct gw_filter_build *build, const struct gw_jwt_authn *model) {
  struct gw_jwt_settings *settings = gw_arena_calloc(build->arena, 1, sizeof(*settings));
  const struct making m = {build, settings};
  settings->model = model;
  settings->issuers = gw_arena_calloc(build->arena, model->provider_count, sizeof(*settings->issuers));
  for (uint32_t i = 0; i < model->provider_count; i++)
    make_issuer(&m, &model->providers[i], &settings->issuers[i]);
  settings->requirements = gw_arena_calloc(build->arena, model->requirement_count, sizeof(*settings->requirements));
  for (uint32_t i = 0; i < model->requirement_count; i++)
    make_node(&m, &model->requirements[i].requirement, &settings->requirements[i]);
  make_rules(&m);
  return settings;
}

void gw_jwt_settings_free(const struct gw_jwt_settings *settings) {
  for (uint32_t i = 0; i < settings->model->provider_count; i++) {
    gw_jwk_set_unref(settings->issuers[i].keys);
    gw_regex_free(settings->issuers[i].subject);
  }
  gw_route_table_free(settings->rule_table);
}

const struct gw_jwt_node *gw_jwt_settings_find(const struct gw_jwt_settings *settings, struct gw_str name) {
  uint32_t low = 0, high = settings->model->requirement_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = gw_str_compare(settings->model->requirements[middle].name, name);
    if (order == 0) return &settings->requirements[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const struct gw_jwt_node *gw_jwt_settings_match(const struct gw_jwt_settings *settings, const struct gw_request_head *head,
                                                struct gw_arena *scratch, bool *ret_is_undecided) {
  *ret_is_undecided = false;
  if (settings->rule_table == NULL) return NULL;
  struct gw_route_hit hit = {0};
  gw_route_table_match(settings->rule_table, head, scratch, &hit);
  *ret_is_undecided = hit.is_undecided;
  return hit.route != NULL ? &settings->rules[hit.route->index] : NULL;
}

bool gw_jwt_issuer_takes_subject(const struct gw_jwt_issuer *issuer, struct gw_str subject, struct gw_arena *scratch) {
  const struct gw_string_match *match = issuer->model->subject;
  if (match == NULL) return true;
  const struct gw_text_rule rule = {match->kind, match->ignore_case, match->value, issuer->subject};
  struct gw_route_work work = {.scratch = scratch};
  return gw_text_rule_match(&rule, subject, &work);
}
