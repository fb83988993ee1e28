/* Why: TLS of the control channel: the files of the xDS port and of the admin port, what is told of them and of failed handshakes.
 * Life: gw_channel_tls_new … gw_channel_tls_free, after gw_rpc_free.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_SERVER_CHANNEL_TLS_H
#define GW_CONTROLPLANE_SERVER_CHANNEL_TLS_H

#include "common/observe/metrics.h"
#include "common/rpc/credentials.h"
#include "common/rpc/rpc.h"
#include "controlplane/api/admin_api.h"
#include "controlplane/server/options.h"

struct gw_channel_tls;

enum gw_channel { GW_CHANNEL_XDS, GW_CHANNEL_ADMIN, GW_CHANNEL_COUNT };

/* Reads the files that the options name. GW_ERR_INVALID: some can't be used; the log says which and why. */
enum gw_err gw_channel_tls_new(struct gw_loop *loop, struct gw_log *log, const struct gw_options *options, struct gw_channel_tls **ret_tls);
void gw_channel_tls_free(struct gw_channel_tls *tls);
/* From now on failed handshakes are told of. */
void gw_channel_tls_listen(struct gw_channel_tls *tls, struct gw_rpc *rpc);
/* NULL: plaintext. */
struct gw_rpc_credentials *gw_channel_tls_credentials(struct gw_channel_tls *tls, enum gw_channel channel);
void gw_channel_tls_reload(struct gw_channel_tls *tls);

struct gw_admin_ports gw_channel_tls_ports(struct gw_channel_tls *tls);
void gw_channel_tls_write_metrics(const struct gw_channel_tls *tls, struct gw_metrics_writer *writer);

#endif
