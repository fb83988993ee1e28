#include "dataplane/server/span_exports.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/secret.h"
#include "common/otlp/pairs.h"

#define FINISH_MS 10000u /* of an exporter that is replaced */
#define END_MS 1000u     /* of the process */
#define TARGETS_MAX 16u

struct destination {
  struct destination *next;
  uint64_t id;
  char *version;                     /* of all that the exporter was made of */
  struct gw_otlp_exporter *exporter; /* NULL: something is missing */
  bool is_wanted;
};

struct gw_span_exports {
  struct gw_span_exports_options options;
  struct gw_mailbox *mailbox;
  struct gw_span_budget budget;
  struct gw_otlp_counts counts;
  struct gw_otlp_runtime runtime;
  struct destination *destinations;
  uint32_t finishing; /* exporters that are */
};

/* ---- what an exporter is made of ---- */

struct build {
  const struct gw_span_exports *exports;
  const struct gw_snapshot *snapshot;
  const struct gw_tracing *tracing;
  const struct gw_cluster *cluster; /* NULL: by name alone */
  struct gw_arena arena;
  struct gw_errors *errors;
};

static const struct gw_secret *find_secret(struct build *build, struct gw_str name, enum gw_secret_kind kind) {
  const struct gw_resource *resource = gw_snapshot_find(build->snapshot, GW_RESOURCE_SECRET, name);
  if (resource != NULL && resource->secret->kind == kind) return resource->secret;
  gw_errors_add(build->errors, "tracing", "secret \"%.*s\" is missing", GW_STR_ARG(name));
  return NULL;
}

static const struct gw_endpoints *find_endpoints(const struct build *build) {
  const struct gw_cluster *cluster = build->cluster;
  if (cluster->kind != GW_CLUSTER_EDS) return cluster->inline_endpoints;
  const struct gw_resource *resource = gw_snapshot_find(build->snapshot, GW_RESOURCE_ENDPOINTS, cluster->eds_service_name);
  return resource != NULL ? resource->endpoints : NULL;
}

static void take_targets(struct build *build, struct gw_otlp_options *options) {
  struct gw_str *targets = gw_arena_calloc(&build->arena, TARGETS_MAX, sizeof(*targets));
  const struct gw_endpoints *endpoints = build->cluster != NULL ? find_endpoints(build) : NULL;
  options->targets = targets;
  if (build->tracing->target.len > 0) targets[options->target_count++] = build->tracing->target;
  for (uint32_t i = 0; endpoints != NULL && i < endpoints->count && options->target_count < TARGETS_MAX; i++) {
    const struct gw_endpoint *endpoint = &endpoints->items[i];
    bool is_v6 = gw_str_find_char(endpoint->address, ':') >= 0;
    if (endpoint->is_unhealthy) continue;
    targets[options->target_count++] = gw_str_from(
        gw_arena_printf(&build->arena, "%s%.*s%s:%u", is_v6 ? "[" : "", GW_STR_ARG(endpoint->address), is_v6 ? "]" : "", endpoint->port));
  }
  if (options->target_count == 0)
    gw_errors_add(build->errors, "tracing", "cluster \"%.*s\" has no endpoint", GW_STR_ARG(build->tracing->cluster));
}

/* The name that the certificate must have: one exact name, the SNI, or the target's. Other checks are not made, so that who asks for
 * them gets no spans out unchecked. */
static void take_tls(struct build *build, struct gw_otlp_options *options) {
  const struct gw_upstream_tls *tls = build->cluster != NULL ? build->cluster->tls : NULL;
  if (tls == NULL) return;
  const struct gw_tls_params *params = &tls->params;
  struct gw_otlp_tls *out = gw_arena_calloc(&build->arena, 1, sizeof(*out));
  options->tls = out;
  out->host = tls->sni;
  if (params->san_count == 1 && params->sans[0].kind != GW_SAN_URI && params->sans[0].match == GW_STRING_MATCH_EXACT)
    out->host = params->sans[0].value;
  else if (params->san_count > 0)
    gw_errors_add(build->errors, "tracing", "a collector's certificate is checked for one exact name or address; others are not supported");
  if (params->validation.len == 0) {
    gw_errors_add(build->errors, "tracing", "a collector over TLS needs a validation_context");
    return;
  }
  const struct gw_secret *validation = find_secret(build, params->validation, GW_SECRET_VALIDATION);
  if (validation != NULL) out->ca = validation->trusted_ca;
  if (params->certificate_count == 0) return;
  const struct gw_secret *certificate = find_secret(build, params->certificates[0], GW_SECRET_CERTIFICATE);
  if (certificate == NULL) return;
  out->cert = certificate->certificate_chain;
  out->key = certificate->private_key;
}

static struct gw_str lower(struct gw_str text, struct gw_arena *arena) {
  char *to = gw_arena_alloc_bytes(arena, text.len + 1);
  for (size_t i = 0; i < text.len; i++)
    to[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + ('a' - 'A') : text.data[i]);
  to[text.len] = '\0';
  return (struct gw_str){to, text.len};
}

static void take_headers(struct build *build, struct gw_otlp_options *options) {
  const struct gw_tracing *tracing = build->tracing;
  const struct gw_otlp_pair *secret = NULL;
  uint32_t secret_count = 0;
  if (tracing->headers_secret.len > 0) {
    const struct gw_secret *headers = find_secret(build, tracing->headers_secret, GW_SECRET_GENERIC);
    if (headers != NULL && gw_otlp_pairs_parse(headers->content, &build->arena, &secret, &secret_count) != GW_OK)
      gw_errors_add(build->errors, "tracing", "secret \"%.*s\" is no list of name=value", GW_STR_ARG(tracing->headers_secret));
  }
  struct gw_otlp_pair *all = gw_arena_calloc(&build->arena, tracing->header_count + secret_count, sizeof(*all));
  for (uint32_t i = 0; i < tracing->header_count; i++)
    all[options->header_count++] = (struct gw_otlp_pair){tracing->headers[i].key, tracing->headers[i].value};
  for (uint32_t i = 0; i < secret_count; i++)
    all[options->header_count++] = (struct gw_otlp_pair){lower(secret[i].key, &build->arena), secret[i].value};
  options->headers = all;
}

static bool has_attribute(const struct gw_otlp_options *options, struct gw_str key) {
  for (uint32_t i = 0; i < options->resource_count; i++)
    if (gw_str_equal(options->resource[i].key, key)) return true;
  return false;
}

static void take_resource(struct build *build, struct gw_otlp_options *options) {
  const struct gw_tracing *tracing = build->tracing;
  const struct gw_otlp_pair own[] = {
      {GW_STR("service.name"), tracing->service_name.len > 0 ? tracing->service_name : GW_STR("gateway")},
      {GW_STR("service.instance.id"), build->exports->options.node_id},
      {GW_STR("service.version"), GW_STR(GW_VERSION)},
  };
  struct gw_otlp_pair *all = gw_arena_calloc(&build->arena, tracing->attribute_count + GW_ARRAY_LEN(own), sizeof(*all));
  options->resource = all;
  for (uint32_t i = 0; i < tracing->attribute_count; i++)
    all[options->resource_count++] = (struct gw_otlp_pair){tracing->attributes[i].key, tracing->attributes[i].value};
  for (size_t i = 0; i < GW_ARRAY_LEN(own); i++)
    if (!has_attribute(options, own[i].key)) all[options->resource_count++] = own[i];
}

static struct gw_otlp_exporter *make_exporter(struct build *build) {
  const struct gw_tracing *tracing = build->tracing;
  struct gw_otlp_options options = {.protocol = tracing->is_http ? GW_OTLP_HTTP : GW_OTLP_GRPC,
                                    .authority = tracing->authority,
                                    .path = tracing->path,
                                    .timeout_ms = tracing->timeout_ms};
  take_targets(build, &options);
  take_tls(build, &options);
  take_headers(build, &options);
  take_resource(build, &options);
  if (build->errors->error_count > 0) return NULL;
  return gw_otlp_exporter_new(&build->exports->runtime, &options, "tracing", build->errors);
}

/* ---- following a configuration ---- */

static void append_version(struct gw_strbuf *text, const struct gw_snapshot *snapshot, enum gw_resource_type type, struct gw_str name) {
  const struct gw_resource *resource = gw_snapshot_find(snapshot, type, name);
  gw_strbuf_printf(text, "%s,", resource != NULL ? resource->version : "-");
}

/* Equal ones make the same exporter. */
static char *version_of(const struct gw_snapshot *snapshot, const struct gw_tracing *tracing) {
  const struct gw_resource *cluster = gw_snapshot_find(snapshot, GW_RESOURCE_CLUSTER, tracing->cluster);
  enum gw_resource_type type;
  struct gw_str name;
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  append_version(&text, snapshot, GW_RESOURCE_CLUSTER, tracing->cluster);
  for (uint32_t cursor = 0; cluster != NULL && gw_resource_next_name(cluster, &cursor, &type, &name);)
    append_version(&text, snapshot, type, name);
  append_version(&text, snapshot, GW_RESOURCE_SECRET, tracing->headers_secret);
  return gw_strbuf_take(&text);
}

static void on_finished(void *arg) {
  struct gw_span_exports *exports = arg;
  exports->finishing--;
}

static void finish(struct gw_span_exports *exports, struct gw_otlp_exporter *exporter, uint64_t bound_ms) {
  if (exporter == NULL) return;
  exports->finishing++;
  gw_otlp_exporter_finish(exporter, bound_ms, on_finished, exports);
}

static void update(struct gw_span_exports *exports, struct destination *destination, const struct gw_snapshot *snapshot,
                   const struct gw_tracing *tracing) {
  char *version = version_of(snapshot, tracing);
  destination->is_wanted = true;
  if (destination->version != NULL && strcmp(destination->version, version) == 0) {
    free(version);
    return;
  }
  free(destination->version);
  destination->version = version;
  finish(exports, destination->exporter, FINISH_MS);
  struct gw_errors errors;
  gw_errors_init(&errors);
  const struct gw_resource *cluster = gw_snapshot_find(snapshot, GW_RESOURCE_CLUSTER, tracing->cluster);
  struct build build = {.exports = exports,
                        .snapshot = snapshot,
                        .tracing = tracing,
                        .cluster = cluster != NULL ? cluster->cluster : NULL,
                        .errors = &errors};
  gw_arena_init(&build.arena, 1024);
  destination->exporter = make_exporter(&build);
  if (destination->exporter == NULL) {
    GW_CLEANUP(gw_free_ptr) char *text = gw_errors_format_line(&errors);
    GW_LOG_WARNING(exports->options.log, "spans are dropped: %s", text);
  }
  gw_arena_wipe(&build.arena);
  gw_arena_done(&build.arena);
  gw_errors_done(&errors);
}

static struct destination *find_or_add(struct gw_span_exports *exports, uint64_t id) {
  struct destination *destination = exports->destinations;
  while (destination != NULL && destination->id != id)
    destination = destination->next;
  if (destination != NULL) return destination;
  destination = gw_calloc(1, sizeof(*destination));
  destination->id = id;
  destination->next = exports->destinations;
  exports->destinations = destination;
  return destination;
}

static void remove_unwanted(struct gw_span_exports *exports, uint64_t bound_ms) {
  struct destination **at = &exports->destinations;
  while (*at != NULL) {
    struct destination *destination = *at;
    if (destination->is_wanted) {
      destination->is_wanted = false;
      at = &destination->next;
      continue;
    }
    *at = destination->next;
    finish(exports, destination->exporter, bound_ms);
    free(destination->version);
    free(destination);
  }
}

void gw_span_exports_follow(struct gw_span_exports *exports, const struct gw_snapshot *snapshot) {
  if (snapshot == NULL) return;
  const struct gw_resource_list *listeners = &snapshot->lists[GW_RESOURCE_LISTENER];
  for (uint32_t i = 0; i < listeners->count; i++) {
    const struct gw_tracing *tracing = listeners->items[i]->listener->http.tracing;
    if (tracing != NULL) update(exports, find_or_add(exports, gw_tracing_destination(tracing)), snapshot, tracing);
  }
  remove_unwanted(exports, FINISH_MS);
}

/* ---- batches ---- */

static void on_batch(void *arg, struct gw_mail *mail) {
  struct gw_span_exports *exports = arg;
  struct gw_span_batch *batch = GW_CONTAINER_OF(mail, struct gw_span_batch, mail);
  struct destination *destination = exports->destinations;
  while (destination != NULL && destination->id != batch->destination)
    destination = destination->next;
  if (destination != NULL && destination->exporter != NULL) {
    gw_otlp_exporter_add(destination->exporter, batch);
    return;
  }
  atomic_fetch_add_explicit(&exports->budget.dropped_total, batch->count, memory_order_relaxed);
  gw_span_batch_free(batch, &exports->budget);
}

struct gw_mailbox *gw_span_exports_mailbox(struct gw_span_exports *exports) {
  return exports->mailbox;
}

struct gw_span_budget *gw_span_exports_budget(struct gw_span_exports *exports) {
  return &exports->budget;
}

struct gw_span_exports_counts gw_span_exports_get_counts(const struct gw_span_exports *exports) {
  return (struct gw_span_exports_counts){exports->counts, atomic_load_explicit(&exports->budget.dropped_total, memory_order_relaxed)};
}

struct gw_span_exports *gw_span_exports_new(const struct gw_span_exports_options *options) {
  struct gw_span_exports *exports = gw_calloc(1, sizeof(*exports));
  exports->options = *options;
  exports->mailbox = gw_mailbox_new(options->loop, on_batch, exports);
  gw_span_budget_init(&exports->budget, GW_SPAN_BUDGET_BYTES);
  exports->runtime = (struct gw_otlp_runtime){.loop = options->loop,
                                              .rpc = options->rpc,
                                              .resolver = options->resolver,
                                              .log = options->log,
                                              .budget = &exports->budget,
                                              .counts = &exports->counts};
  return exports;
}

void gw_span_exports_free(struct gw_span_exports *exports) {
  if (exports == NULL) return;
  gw_mailbox_free(exports->mailbox); /* what workers left goes to exporters first */
  remove_unwanted(exports, END_MS);
  while (exports->finishing > 0)
    gw_loop_run_once(exports->options.loop, END_MS);
  free(exports);
}
