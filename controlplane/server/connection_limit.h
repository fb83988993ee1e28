/* Why: keeps strangers who open connections and do nothing from taking all descriptors of the process: the store and files would have none
 * left, and gRPC gives up listening for ever when it finds none for a new connection.
 * Life: as long as the process. It stands in for accept4(2) in this program, libraries included, since gRPC 1.51 has no limit of its own.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_SERVER_CONNECTION_LIMIT_H
#define GW_CONTROLPLANE_SERVER_CONNECTION_LIMIT_H

#include <stdint.h>

/* Descriptors that are not for connections, as far as RLIMIT_NOFILE has so many. */
#define GW_CONNECTION_RESERVE 128u
/* Half of them are left for probes and scrapers: whoever is accepted by the loop's thread. */
#define GW_CONNECTION_PROBES (GW_CONNECTION_RESERVE / 2)
/* An idle one takes some 20 KiB of gRPC's. */
#define GW_CONNECTIONS_MAX 16384u

/* Called by the loop's thread: RLIMIT_NOFILE goes up to what GW_CONNECTIONS_MAX needs, as far as the system lets us, because what shells
 * give is too few for a fleet. */
void gw_connection_limit_start(void);
/* Connections that were closed as they came, because there were too many. */
uint64_t gw_connection_limit_refused(void);

#endif
