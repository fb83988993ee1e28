#include "controlplane/policy/jwt_providers_yaml.h"

#include <stdlib.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "common/crypto/jwk.h"

#define PROVIDERS_MAX 100u
#define TEXTS_MAX 100u
#define NAME_MAX_BYTES 60u
#define LEEWAY_DEFAULT_S 10u
#define LEEWAY_MAX_MS 3600000u
/* Per worker: what stock Envoy keeps; our data planes have bounds of their own. */
#define CACHED_TOKENS 1000u
#define CACHED_TOKEN_BYTES 8192u

static const char *const provider_keys[] = {"name",   "issuer",     "audiences", "leeway",  "required_claims", "max_lifetime",
                                            "keys",   "algorithms", "token",     "forward", "payload_header",  "claims_to_headers",
                                            "claims", NULL};
static const char *const keys_keys[] = {"jwks_file", "pem_file", "secret_file", "jwks_url", "discovery_url", NULL};
static const char *const token_keys[] = {"headers", "cookies", "query", NULL};
static const char *const claims_keys[] = {"user_id", "user_name", "roles", "permissions", NULL};

struct reading {
  const struct gw_reader *reader;
  const struct gw_settings *settings;
  struct gw_secret_list *secrets;
  struct gw_jwt_provider *provider;
};

static void read_name(const struct reading *r, const struct gw_yaml_node *node) {
  const struct gw_yaml_node *name = gw_yaml_find(node, "name");
  if (name == NULL) {
    gw_reader_mistake(r->reader, node, "a provider needs a name, such as main");
    return;
  }
  if (!gw_reader_text(r->reader, name, "name", &r->provider->name)) return;
  struct gw_str text = r->provider->name;
  bool is_good = text.len <= NAME_MAX_BYTES;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    is_good = is_good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.');
  }
  if (!is_good) gw_reader_mistake(r->reader, name, "a provider's name has 1 to %u letters, digits, - _ and .", NAME_MAX_BYTES);
}

static bool read_claim_path(const struct reading *r, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_path) {
  struct gw_json_path path;
  struct gw_str text;
  if (!gw_reader_text(r->reader, node, what, &text)) return false;
  if (gw_json_path_parse(text, r->reader->arena, &path) == GW_OK) {
    *ret_path = text;
    return true;
  }
  gw_reader_mistake(r->reader, node, "%.*s is no path of a claim; roles, realm_access.roles and /https:~1~1example.com~1roles are",
                    GW_STR_ARG(text));
  return false;
}

static void read_required_claims(const struct reading *r, const struct gw_yaml_node *node) {
  if (!gw_reader_is_list(r->reader, node, "required_claims")) return;
  struct gw_str *claims = gw_arena_calloc(r->reader->arena, node->count, sizeof(*claims));
  for (uint32_t i = 0; i < node->count; i++) {
    struct gw_str path;
    if (!read_claim_path(r, node->items[i], "a claim", &path)) continue;
    if (gw_str_equal(path, GW_STR("exp")))
      r->provider->requires_expiration = true; /* stock Envoy knows that one */
    else
      claims[r->provider->required_claim_count++] = path;
  }
  r->provider->required_claims = claims;
}

static void read_checks(const struct reading *r, const struct gw_yaml_node *node) {
  const struct gw_yaml_node *issuer = gw_yaml_find(node, "issuer"), *audiences = gw_yaml_find(node, "audiences"),
                            *leeway = gw_yaml_find(node, "leeway"), *claims = gw_yaml_find(node, "required_claims"),
                            *lifetime = gw_yaml_find(node, "max_lifetime");
  uint64_t ms;
  if (issuer != NULL) gw_reader_text(r->reader, issuer, "issuer", &r->provider->issuer);
  if (audiences != NULL)
    gw_tls_read_texts(r->reader, audiences, "audiences", TEXTS_MAX, &r->provider->audiences, &r->provider->audience_count);
  if (leeway != NULL && gw_reader_duration(r->reader, leeway, "leeway", &ms)) {
    if (ms < 1000 || ms > LEEWAY_MAX_MS || ms % 1000 != 0)
      gw_reader_mistake(r->reader, leeway, "leeway is whole seconds, from 1s to 3600s");
    else
      r->provider->clock_skew_s = (uint32_t)(ms / 1000);
  }
  if (claims != NULL) read_required_claims(r, claims);
  if (lifetime != NULL) gw_reader_duration(r->reader, lifetime, "max_lifetime", &r->provider->max_lifetime_ms);
}

/* ---- keys ---- */

static uint32_t read_algorithms(const struct reading *r, const struct gw_yaml_node *node) {
  const struct gw_str *names;
  uint32_t count, algs = 0;
  if (!gw_tls_read_texts(r->reader, node, "algorithms", GW_JWT_ALG_COUNT, &names, &count)) return 0;
  for (uint32_t i = 0; i < count; i++) {
    enum gw_jwt_alg alg;
    if (gw_jwt_alg_parse(names[i], &alg) == GW_OK)
      algs |= GW_JWK_ALG_BIT(alg);
    else
      gw_reader_mistake(r->reader, node, "%.*s is no algorithm; HS256, RS256, PS256, ES256 (and with 384 and 512) and EdDSA are",
                        GW_STR_ARG(names[i]));
  }
  return algs;
}

static bool is_url(struct gw_str text) {
  return gw_str_has_prefix(text, GW_STR("https://")) || gw_str_has_prefix(text, GW_STR("http://"));
}

/* One secret a provider: its keys, from wherever they come. */
static void add_keys(const struct reading *r, const struct gw_yaml_node *node, enum gw_keys_kind kind, uint32_t algs,
                     const struct gw_str *paths, uint32_t path_count, const struct gw_policy_keys *more) {
  struct gw_policy_keys *keys = gw_arena_calloc(r->reader->arena, 1, sizeof(*keys));
  if (more != NULL) *keys = *more;
  keys->kind = kind;
  keys->algs = algs;
  const char *name = gw_arena_printf(r->reader->arena, "jwt/%.*s", GW_STR_ARG(r->provider->name));
  gw_secret_list_add(r->secrets, r->reader, node, GW_SECRET_GENERIC, name, paths, path_count);
  r->secrets->last->secret.keys = keys;
  if (kind == GW_KEYS_SECRET) r->provider->secret = gw_str_from(name);
}

#define HS_ALGS (GW_JWK_ALG_BIT(GW_JWT_HS256) | GW_JWK_ALG_BIT(GW_JWT_HS384) | GW_JWK_ALG_BIT(GW_JWT_HS512))

/* Shared secrets and public keys are kept apart: what is a public key to all must never become a secret to HS256. */
static bool fits(const struct reading *r, const struct gw_yaml_node *node, enum gw_keys_kind kind, uint32_t *algs) {
  bool is_secret = kind == GW_KEYS_SECRET;
  if (is_secret && *algs == 0) *algs = GW_JWK_ALG_BIT(GW_JWT_HS256);
  if (is_secret && (*algs & (*algs - 1)) != 0) {
    gw_reader_mistake(r->reader, node, "a secret is for one algorithm; algorithms: HS256, HS384 or HS512");
    return false;
  }
  if (*algs == 0 || ((*algs & HS_ALGS) == *algs && is_secret) || ((*algs & HS_ALGS) == 0 && !is_secret)) return true;
  gw_reader_mistake(r->reader, node, is_secret ? "secret_file is for HS256, HS384 and HS512" : "HS256, HS384 and HS512 want a secret_file");
  return false;
}

static void read_remote(const struct reading *r, const struct gw_yaml_node *node, uint32_t algs, bool is_discovery) {
  struct gw_str url;
  if (!gw_reader_text(r->reader, node, is_discovery ? "discovery_url" : "jwks_url", &url)) return;
  if (!is_url(url)) {
    gw_reader_mistake(r->reader, node, "%.*s is no http or https URL", GW_STR_ARG(url));
    return;
  }
  const struct gw_policy_keys more = {.url = gw_arena_copy(r->reader->arena, url), .is_discovery = is_discovery};
  add_keys(r, node, GW_KEYS_REMOTE, algs, NULL, 0, &more);
}

static void read_keys(const struct reading *r, const struct gw_yaml_node *provider) {
  static const enum gw_keys_kind kinds[] = {GW_KEYS_JWKS, GW_KEYS_PEM, GW_KEYS_SECRET, GW_KEYS_REMOTE, GW_KEYS_REMOTE};
  const struct gw_yaml_node *node = gw_yaml_find(provider, "keys"), *algorithms = gw_yaml_find(provider, "algorithms");
  uint32_t algs = algorithms != NULL ? read_algorithms(r, algorithms) : 0;
  if (node == NULL) {
    gw_reader_mistake(r->reader, provider, "a provider needs keys: {jwks_file, pem_file, secret_file, jwks_url or discovery_url}");
    return;
  }
  if (!gw_reader_is_mapping(r->reader, node, "keys", keys_keys)) return;
  if (node->count != 1) {
    gw_reader_mistake(r->reader, node, "keys come from one of jwks_file, pem_file, secret_file, jwks_url and discovery_url");
    return;
  }
  for (size_t i = 0; i < GW_ARRAY_LEN(kinds); i++) {
    const struct gw_yaml_node *value = gw_yaml_find(node, keys_keys[i]);
    const struct gw_str *paths;
    uint32_t count;
    if (value == NULL || !fits(r, value, kinds[i], &algs)) continue;
    if (kinds[i] == GW_KEYS_REMOTE)
      read_remote(r, value, algs, i == 4);
    else if (gw_tls_read_texts(r->reader, value, keys_keys[i], 16, &paths, &count))
      add_keys(r, value, kinds[i], algs, paths, count, NULL);
  }
}

/* ---- where tokens stand, and what is told ---- */

static void read_token_headers(const struct reading *r, const struct gw_yaml_node *node) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  uint32_t count = is_list ? node->count : 1;
  struct gw_jwt_header *headers = gw_arena_calloc(r->reader->arena, count, sizeof(*headers));
  for (uint32_t i = 0; i < count; i++) {
    struct gw_jwt_header *header = &headers[r->provider->header_count];
    if (!gw_auth_read_field_name(r->reader, is_list ? node->items[i] : node, "headers", &header->name)) continue;
    if (gw_str_equal(header->name, GW_STR("authorization"))) header->prefix = GW_STR("Bearer ");
    r->provider->header_count++;
  }
  r->provider->headers = headers;
}

static void read_token(const struct reading *r, const struct gw_yaml_node *node) {
  static const struct gw_jwt_header bearer = {.name = {"authorization", 13}, .prefix = {"Bearer ", 7}};
  struct gw_jwt_provider *provider = r->provider;
  provider->headers = &bearer;
  provider->header_count = 1;
  if (node == NULL || !gw_reader_is_mapping(r->reader, node, "token", token_keys)) return;
  const struct gw_yaml_node *headers = gw_yaml_find(node, "headers"), *cookies = gw_yaml_find(node, "cookies"),
                            *query = gw_yaml_find(node, "query");
  provider->header_count = 0;
  if (headers != NULL) read_token_headers(r, headers);
  if (cookies != NULL) gw_tls_read_texts(r->reader, cookies, "cookies", TEXTS_MAX, &provider->cookies, &provider->cookie_count);
  if (query != NULL) gw_tls_read_texts(r->reader, query, "query", TEXTS_MAX, &provider->params, &provider->param_count);
  if (node->count == 0) gw_reader_mistake(r->reader, node, "token says where tokens stand: headers, cookies or query");
}

static void read_told(const struct reading *r, const struct gw_yaml_node *node) {
  const struct gw_yaml_node *forward = gw_yaml_find(node, "forward"), *payload = gw_yaml_find(node, "payload_header"),
                            *fields = gw_yaml_find(node, "claims_to_headers");
  if (forward != NULL) gw_reader_bool(r->reader, forward, "forward", &r->provider->is_forwarded);
  if (payload != NULL) gw_auth_read_own_field_name(r->reader, payload, "payload_header", &r->provider->payload_header);
  if (fields == NULL || !gw_reader_is_mapping(r->reader, fields, "claims_to_headers", NULL)) return;
  struct gw_jwt_claim_header *claims = gw_arena_calloc(r->reader->arena, fields->count, sizeof(*claims));
  for (uint32_t i = 0; i < fields->count; i++) {
    struct gw_jwt_claim_header *claim = &claims[r->provider->claim_header_count];
    bool is_good = gw_auth_read_own_field_name(r->reader, fields->pairs[i].key, "a field", &claim->header);
    if (read_claim_path(r, fields->pairs[i].value, "a claim", &claim->claim) && is_good) r->provider->claim_header_count++;
  }
  r->provider->claim_headers = claims;
}

static void read_claims(const struct reading *r, const struct gw_yaml_node *node) {
  struct gw_jwt_claim_paths *paths = &r->provider->claims;
  struct gw_str *const members[] = {&paths->user_id, &paths->user_name, &paths->roles, &paths->permissions};
  if (!gw_reader_is_mapping(r->reader, node, "claims", claims_keys)) return;
  for (size_t i = 0; i < GW_ARRAY_LEN(members); i++) {
    const struct gw_yaml_node *value = gw_yaml_find(node, claims_keys[i]);
    if (value != NULL) read_claim_path(r, value, claims_keys[i], members[i]);
  }
}

static void set_defaults(struct gw_jwt_provider *provider) {
  *provider = (struct gw_jwt_provider){
      .clock_skew_s = LEEWAY_DEFAULT_S,
      .jwks = GW_STR(GW_JWT_NO_KEYS),
      .payload_metadata = GW_STR(GW_CLAIMS_KEY),
      .is_cached = true,
      .cached_tokens = CACHED_TOKENS,
      .cached_token_bytes = CACHED_TOKEN_BYTES,
      .claims = GW_JWT_DEFAULT_CLAIMS,
  };
}

static void read_provider(const struct reading *r, const struct gw_yaml_node *node) {
  set_defaults(r->provider);
  if (!gw_reader_is_mapping(r->reader, node, "a provider", provider_keys)) return;
  const struct gw_yaml_node *claims = gw_yaml_find(node, "claims");
  read_name(r, node);
  read_checks(r, node);
  read_keys(r, node);
  read_token(r, gw_yaml_find(node, "token"));
  read_told(r, node);
  if (claims != NULL) read_claims(r, claims);
}

/* The origin's settings: one issuer, whatever it calls itself. */
static void read_settings(const struct reading *r) {
  static const struct gw_yaml_node nowhere = {.kind = GW_YAML_SCALAR, .line = 1, .column = 1};
  const struct gw_settings *settings = r->settings;
  enum gw_jwt_alg alg = GW_JWT_HS256;
  gw_jwt_alg_parse(gw_str_from(settings->jwt_algorithm), &alg);
  bool is_secret = gw_jwt_alg_is_hmac(alg);
  set_defaults(r->provider);
  r->provider->name = GW_STR(GW_AUTH_SETTINGS_PROVIDER);
  read_token(r, NULL);
  struct gw_str path = gw_arena_copy(r->reader->arena, gw_str_from(settings->jwt_public_key_file));
  bool is_file = !is_secret && path.len > 0;
  struct gw_policy_keys keys = {0};
  if (!is_file) keys.text = gw_arena_copy(r->reader->arena, gw_str_from(settings->jwt_secret_key));
  add_keys(r, &nowhere, is_secret ? GW_KEYS_SECRET : GW_KEYS_PEM, GW_JWK_ALG_BIT(alg), &path, is_file ? 1 : 0, &keys);
  /* As every setting, relative to where the control plane runs. */
  const char **paths = gw_arena_calloc(r->reader->arena, 1, sizeof(*paths));
  paths[0] = path.data;
  r->secrets->last->secret.paths = paths;
  r->secrets->last->secret.place = is_file ? "JWT_PUBLIC_KEY_FILE" : "JWT_SECRET_KEY";
}

static int compare_providers(const void *a, const void *b) {
  return gw_str_compare(((const struct gw_jwt_provider *)a)->name, ((const struct gw_jwt_provider *)b)->name);
}

void gw_jwt_providers_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                           struct gw_secret_list *secrets, struct gw_auth_policy *auth) {
  bool is_list = node != NULL && gw_reader_is_list(reader, node, "providers");
  uint32_t count = is_list ? node->count : 0;
  if (count > PROVIDERS_MAX) gw_reader_mistake(reader, node, "there are at most %u providers", PROVIDERS_MAX);
  auth->providers = gw_arena_calloc(reader->arena, count + 1u, sizeof(*auth->providers));
  for (uint32_t i = 0; i < count; i++) {
    struct gw_jwt_provider *provider = &auth->providers[auth->provider_count++];
    read_provider(&(struct reading){reader, settings, secrets, provider}, node->items[i]);
    for (uint32_t k = 0; k < i; k++)
      if (provider->name.len > 0 && gw_str_equal(auth->providers[k].name, provider->name))
        gw_reader_mistake(reader, node->items[i], "provider %.*s is there already", GW_STR_ARG(provider->name));
  }
  bool has_settings = *settings->jwt_secret_key != '\0' || *settings->jwt_public_key_file != '\0';
  if (node == NULL && has_settings) read_settings(&(struct reading){reader, settings, secrets, &auth->providers[auth->provider_count++]});
  qsort(auth->providers, auth->provider_count, sizeof(*auth->providers), compare_providers);
}
