/* Why: `listeners` of routes.yaml: where clients are listened for, and how they are spoken with.
 * Life: in the arena of the reader.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_LISTENERS_YAML_H
#define GW_CONTROLPLANE_POLICY_LISTENERS_YAML_H

#include "common/model/listener.h"
#include "controlplane/policy/node_groups_yaml.h"
#include "controlplane/policy/tls_yaml.h"

struct gw_listener_entry {
  const struct gw_yaml_node *node; /* where it stands; NULL: the one that is there when none is written */
  struct gw_str name;
  struct gw_node_groups node_groups;
  struct gw_str address;
  uint16_t port;
  const struct gw_downstream_tls *tls; /* NULL: plaintext */
  bool is_redirect;                    /* redirect_to_https */
  struct gw_str redirect_to;           /* the listener's name; empty: the only one with TLS */
  bool has_redirect_port;
  uint16_t redirect_port; /* else that of the listener; 0: the default of https is not known to differ */
  enum gw_client_cert_forwarding forwarding;
  bool tells_subject;
  bool tells_dns;
  bool tells_uri;
  bool has_http2;
  bool has_websocket;
  struct gw_http2_options http2;
};

struct gw_listener_list {
  struct gw_listener_entry *items; /* in the file's order; at least one */
  uint32_t count;
};

/* `node`: the value of `listeners`; NULL: one listener on HOST and PORT. Mistakes go to the reader's errors. */
void gw_listeners_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_settings *settings,
                       struct gw_secret_list *secrets, struct gw_listener_list *ret_listeners);

#endif
