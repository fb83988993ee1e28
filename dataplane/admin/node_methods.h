/* Why: the methods of gateway.dataplane.v1.DataPlane, whoever calls them: the admin gRPC port, or a control plane over the agent session.
 * Life: gw_node_methods_new … gw_node_methods_free.
 * Thread: main. */
#ifndef GW_DATAPLANE_ADMIN_NODE_METHODS_H
#define GW_DATAPLANE_ADMIN_NODE_METHODS_H

#include <stddef.h>

#include "dataplane/admin/admin_http.h"

struct gw_node_methods;
struct gw_bytes;

struct gw_node_methods *gw_node_methods_new(const struct gw_admin_calls *calls);
void gw_node_methods_free(struct gw_node_methods *methods);

/* Another configuration serves: what was kept of the one before goes. */
void gw_node_methods_on_config(struct gw_node_methods *methods);

/* "Explain", 0, 1, … until NULL. */
const char *gw_node_methods_name(size_t index);

/* `code`: a gw_rpc_code. With GW_RPC_OK `answer` is the answer's message, borrowed; else `problem` is a sentence. */
typedef void (*gw_node_answer_fn)(void *arg, int code, const char *problem, struct gw_bytes *answer);
/* `fn` is called once, before this returns or later. */
void gw_node_methods_call(struct gw_node_methods *methods, struct gw_str name, struct gw_str request, gw_node_answer_fn fn, void *arg);

#endif
