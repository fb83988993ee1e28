/* Why: what routes.yaml and services.yaml say alike about TLS: files that hold secrets, and names in certificates.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_TLS_YAML_H
#define GW_CONTROLPLANE_POLICY_TLS_YAML_H

#include "common/model/tls.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/reader.h"

struct gw_secret_entry {
  struct gw_policy_secret secret;
  struct gw_secret_entry *next;
};

/* The secrets of both files, in the order in which they were read. */
struct gw_secret_list {
  struct gw_secret_entry *first;
  struct gw_secret_entry *last;
  uint32_t count;
};

/* Adds a secret that comes from these files, which are relative to the reader's file; `node`: where it stands. Returns its name. */
struct gw_str gw_secret_list_add(struct gw_secret_list *list, const struct gw_reader *reader, const struct gw_yaml_node *node,
                                 enum gw_secret_kind kind, const char *name, const struct gw_str *paths, uint32_t path_count);
/* A text, or a list of 1 to `max` texts; false and a mistake when it is something else. */
bool gw_tls_read_texts(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint32_t max,
                       const struct gw_str **ret_texts, uint32_t *ret_count);
/* "example.com", "*.example.com", "10.0.0.7", "spiffe://example.com/a", "spiffe://example.com/…*": a list of names in certificates. */
void gw_tls_read_names(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_san_match **ret_sans,
                       uint32_t *ret_count);
/* A host name or an address as it must stand in a certificate. */
struct gw_san_match gw_tls_name_of_host(struct gw_str host);

#endif
