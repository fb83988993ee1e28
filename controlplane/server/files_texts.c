#include "controlplane/server/files_texts.h"

#include <stdlib.h>

#include "common/base/content_hash.h"
#include "common/base/mem.h"
#include "controlplane/policy/policy.h"

static struct gw_str copy(struct gw_str text) {
  return (struct gw_str){gw_str_dup(text), text.len};
}

static enum gw_err read_routes(const char *where, const struct gw_sources *sources, struct gw_errors *errors, struct gw_str *ret_routes) {
  if (!gw_sources_has_text(where)) return gw_policy_read_file(where, errors, ret_routes);
  const struct gw_text_state *text = gw_sources_text(sources);
  if (text->is_there) {
    *ret_routes = copy(text->text);
    return GW_OK;
  }
  gw_errors_add(errors, where, "can't be had: %s", text->words != NULL ? text->words : "there is no answer yet");
  return GW_ERR_NOT_FOUND;
}

enum gw_err gw_files_texts_read(const struct gw_options *options, const struct gw_sources *sources, struct gw_errors *errors,
                                struct gw_files_texts *ret_texts) {
  *ret_texts = (struct gw_files_texts){.routes_name = gw_strdup(options->routes), .services_name = gw_strdup(options->services)};
  enum gw_err routes = read_routes(options->routes, sources, errors, &ret_texts->routes);
  enum gw_err services = gw_policy_read_file(options->services, errors, &ret_texts->services);
  return routes != GW_OK ? routes : services;
}

struct gw_files_texts gw_files_texts_copy(const struct gw_files_texts *texts) {
  return (struct gw_files_texts){.routes_name = gw_strdup(texts->routes_name),
                                 .routes = copy(texts->routes),
                                 .services_name = gw_strdup(texts->services_name),
                                 .services = copy(texts->services)};
}

void gw_files_texts_done(struct gw_files_texts *texts) {
  free((char *)(uintptr_t)texts->routes.data);
  free((char *)(uintptr_t)texts->services.data);
  free((char *)(uintptr_t)texts->routes_name);
  free((char *)(uintptr_t)texts->services_name);
  *texts = (struct gw_files_texts){0};
}

uint64_t gw_files_texts_digest(const struct gw_files_texts *texts, const char *env_file) {
  struct gw_str settings = {NULL, 0};
  struct gw_errors told_by_settings;
  gw_errors_init(&told_by_settings);
  if (env_file != NULL) gw_policy_read_file(env_file, &told_by_settings, &settings);
  const struct gw_str parts[] = {texts->routes, texts->services, settings};
  struct gw_strbuf all;
  gw_strbuf_init(&all);
  for (size_t i = 0; i < GW_ARRAY_LEN(parts); i++) {
    gw_strbuf_printf(&all, "%zu ", parts[i].len); /* keeps the parts apart */
    gw_strbuf_append_str(&all, parts[i]);
  }
  uint64_t digest = gw_content_hash(gw_strbuf_str(&all));
  gw_strbuf_done(&all);
  free((char *)(uintptr_t)settings.data);
  gw_errors_done(&told_by_settings);
  return digest;
}
