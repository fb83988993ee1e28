#include "dataplane/cluster/tls_build.h"

#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/secret.h"

struct build {
  const struct gw_snapshot *snapshot;
  const char *place;
  struct gw_errors *errors;
  struct gw_arena arena;
  bool is_incomplete;
};

static const struct gw_secret *find_secret(struct build *build, struct gw_str name, enum gw_secret_kind kind) {
  const struct gw_resource *resource = gw_snapshot_find(build->snapshot, GW_RESOURCE_SECRET, name);
  if (resource != NULL && resource->secret->kind == kind) return resource->secret;
  gw_errors_warn(build->errors, build->place, "closed: secret \"%.*s\" %s", GW_STR_ARG(name),
                 resource == NULL ? "is missing" : "is of another kind");
  build->is_incomplete = true;
  return NULL;
}

static void take_certificates(struct build *build, const struct gw_tls_params *params, struct gw_tls_options *options) {
  struct gw_tls_key_pair *pairs = gw_arena_calloc(&build->arena, params->certificate_count, sizeof(*pairs));
  for (uint32_t i = 0; i < params->certificate_count; i++) {
    const struct gw_secret *secret = find_secret(build, params->certificates[i], GW_SECRET_CERTIFICATE);
    if (secret == NULL) continue;
    pairs[options->certificate_count++] = (struct gw_tls_key_pair){.name = params->certificates[i],
                                                                   .certificate_chain = secret->certificate_chain,
                                                                   .private_key = secret->private_key};
  }
  options->certificates = pairs;
}

static void add_sans(struct gw_tls_san_match *out, uint32_t *count, const struct gw_san_match *sans, uint32_t san_count) {
  static const enum gw_tls_san_kind kinds[] = {[GW_SAN_DNS] = GW_TLS_SAN_DNS, [GW_SAN_URI] = GW_TLS_SAN_URI, [GW_SAN_IP] = GW_TLS_SAN_IP};
  static const enum gw_tls_san_how hows[] = {[GW_STRING_MATCH_EXACT] = GW_TLS_SAN_EXACT,
                                             [GW_STRING_MATCH_PREFIX] = GW_TLS_SAN_PREFIX,
                                             [GW_STRING_MATCH_SUFFIX] = GW_TLS_SAN_SUFFIX};
  for (uint32_t i = 0; i < san_count; i++)
    out[(*count)++] = (struct gw_tls_san_match){.kind = kinds[sans[i].kind], .how = hows[sans[i].match], .value = sans[i].value};
}

static void take_validation(struct build *build, const struct gw_tls_params *params, struct gw_tls_options *options) {
  if (params->validation.len == 0) return;
  const struct gw_secret *secret = find_secret(build, params->validation, GW_SECRET_VALIDATION);
  if (secret == NULL) return;
  struct gw_tls_san_match *sans = gw_arena_calloc(&build->arena, params->san_count + secret->san_count, sizeof(*sans));
  add_sans(sans, &options->san_count, params->sans, params->san_count);
  add_sans(sans, &options->san_count, secret->sans, secret->san_count);
  options->trusted_ca = secret->trusted_ca;
  options->sans = sans;
}

static uint32_t wire_version(enum gw_tls_version version) {
  return version == GW_TLS_1_3 ? GW_TLS_VERSION_1_3 : GW_TLS_VERSION_1_2;
}

/* `fallback`: the protocols in force when the model names none. */
static struct gw_tls_options common_options(struct build *build, const struct gw_tls_params *params, const struct gw_str *fallback,
                                            uint32_t fallback_count) {
  struct gw_tls_options options = {.min_version = wire_version(params->min_version),
                                   .max_version = wire_version(params->max_version),
                                   .cipher_suites = params->cipher_suites,
                                   .curves = params->curves,
                                   .alpn = params->alpn_count > 0 ? params->alpn : fallback,
                                   .alpn_count = params->alpn_count > 0 ? params->alpn_count : fallback_count};
  take_certificates(build, params, &options);
  take_validation(build, params, &options);
  return options;
}

/* "h2", "http/1.1": a range of these. */
static const struct gw_str protocols[] = {{"h2", 2}, {"http/1.1", 8}};

static void start(struct build *build) {
  gw_arena_init(&build->arena, 1024);
}

/* Mistakes of a secret's content close what needs it, no more. */
static void take_mistakes(struct build *build, struct gw_errors *mistakes) {
  for (size_t i = 0; i < mistakes->count; i++)
    gw_errors_warn(build->errors, mistakes->items[i].place, "%s", mistakes->items[i].sentence);
  gw_errors_done(mistakes);
  gw_arena_done(&build->arena);
}

struct gw_tls_context *gw_tls_build_server(const struct gw_snapshot *snapshot, const struct gw_listener *listener, struct gw_str ticket_key,
                                           const char *place, struct gw_errors *errors) {
  const struct gw_downstream_tls *tls = listener->tls;
  struct build build = {.snapshot = snapshot, .place = place, .errors = errors};
  struct gw_errors mistakes;
  struct gw_tls_context *context = NULL;
  enum gw_codec codec = listener->http.codec;
  start(&build);
  gw_errors_init(&mistakes);
  struct gw_tls_server_options options = {
      .common = common_options(&build, &tls->params, codec == GW_CODEC_HTTP1 ? protocols + 1 : protocols, codec == GW_CODEC_AUTO ? 2 : 1),
      .requires_client_certificate = tls->requires_client_certificate,
      .has_no_tickets = tls->has_no_tickets,
      .ticket_keys = &ticket_key,
      .ticket_key_count = 1,
      .binding = listener->name,
  };
  if (tls->ticket_keys.len > 0) {
    const struct gw_secret *keys = find_secret(&build, tls->ticket_keys, GW_SECRET_TICKET_KEYS);
    if (keys != NULL) options.ticket_keys = keys->ticket_keys;
    if (keys != NULL) options.ticket_key_count = keys->ticket_key_count;
  }
  if (!build.is_incomplete) context = gw_tls_context_new_server(&options, place, &mistakes);
  take_mistakes(&build, &mistakes);
  return context;
}

struct gw_tls_context *gw_tls_build_client(const struct gw_snapshot *snapshot, const struct gw_cluster *cluster, const char *place,
                                           struct gw_errors *errors) {
  const struct gw_upstream_tls *tls = cluster->tls;
  struct build build = {.snapshot = snapshot, .place = place, .errors = errors};
  struct gw_errors mistakes;
  struct gw_tls_context *context = NULL;
  start(&build);
  gw_errors_init(&mistakes);
  struct gw_tls_client_options options = {
      .common = common_options(&build, &tls->params, cluster->protocol == GW_UPSTREAM_HTTP1 ? protocols + 1 : protocols,
                               cluster->protocol == GW_UPSTREAM_AUTO ? 2 : 1),
      .is_unverified = tls->params.validation.len == 0,
  };
  if (!build.is_incomplete) context = gw_tls_context_new_client(&options, place, &mistakes);
  take_mistakes(&build, &mistakes);
  return context;
}

struct gw_str gw_tls_build_version(const struct gw_snapshot *snapshot, const struct gw_resource *resource, struct gw_arena *arena) {
  enum gw_resource_type type;
  struct gw_str name;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (uint32_t cursor = 0; gw_resource_next_name(resource, &cursor, &type, &name);) {
    if (type != GW_RESOURCE_SECRET) continue;
    const struct gw_resource *secret = gw_snapshot_find(snapshot, GW_RESOURCE_SECRET, name);
    gw_strbuf_printf(&text, "%s,", secret != NULL ? secret->version : "-");
  }
  struct gw_str version = gw_arena_copy(arena, gw_strbuf_str(&text));
  gw_strbuf_done(&text);
  return version;
}
