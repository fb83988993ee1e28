/* Why: where a service's instances come from, as services.yaml says it: `source: consul` with `consul: {service: …, tags: […]}`. What may
 * stand there is one table, a row a source; who looks them up is in controlplane/discovery. Life: in the arena of the reader. Thread: one
 * at a time; read-only after the read. */
#ifndef GW_CONTROLPLANE_POLICY_SOURCE_YAML_H
#define GW_CONTROLPLANE_POLICY_SOURCE_YAML_H

#include "common/model/endpoint.h"
#include "controlplane/policy/reader.h"
#include "controlplane/policy/settings.h"

struct gw_service_list;

#define GW_SOURCE_STATIC "static"

struct gw_source_value {
  const char *key;            /* "tags" */
  const struct gw_str *texts; /* one, unless it is a list; a number as it is written, a boolean as true or false */
  uint32_t count;
};

struct gw_source_spec {
  struct gw_str service;                /* of services.yaml, and of the cluster */
  const char *kind;                     /* "consul"; GW_SOURCE_STATIC */
  const char *place;                    /* "FILE:LINE:COLUMN" */
  const struct gw_source_value *values; /* what is written, in the order of the table */
  uint32_t value_count;
  const struct gw_endpoints *endpoints; /* GW_SOURCE_STATIC: the instances themselves; else NULL */
};

/* The texts of a key; NULL: it is not written. */
const struct gw_source_value *gw_source_spec_find(const struct gw_source_spec *spec, const char *key);
/* The one text; `fallback`: it is not written. */
struct gw_str gw_source_spec_text(const struct gw_source_spec *spec, const char *key, struct gw_str fallback);

/* Whether SERVICE_DISCOVERY_TYPE and `source` know it. */
bool gw_source_is_known(struct gw_str kind);
/* "static, consul, dns": for messages. */
const char *gw_source_list_known(struct gw_arena *arena);
/* The keys of a service (`others`, NULL-terminated), and those of sources. */
const char *const *gw_source_add_keys(const char *const *others, struct gw_arena *arena);

/* Gives each service its spec. Mistakes: neither instances nor a source, both, a source that SERVICE_DISCOVERY_TYPE leaves out, another
 * source's section, and what the table says of the section's keys. */
void gw_service_sources_read(const struct gw_reader *reader, const struct gw_settings *settings, struct gw_service_list *services);

#endif
