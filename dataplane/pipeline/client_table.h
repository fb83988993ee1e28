/* Why: how many connections each client has, over all workers: a limit that one thread can't count alone.
 * Life: gw_client_table_new … gw_client_table_free, after the workers.
 * Thread: any. Touched when a connection comes and goes, not by requests. */
#ifndef GW_DATAPLANE_PIPELINE_CLIENT_TABLE_H
#define GW_DATAPLANE_PIPELINE_CLIENT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/address.h"

struct gw_client_table;

/* What counts as one client: an IPv4 address, or the /64 of an IPv6 one. */
#define GW_CLIENT_KEY_BYTES 8
void gw_client_key(const struct gw_address *client, char ret_key[GW_CLIENT_KEY_BYTES]);

struct gw_client_table *gw_client_table_new(void);
void gw_client_table_free(struct gw_client_table *table);
/* One more connection of this client: an IPv4 address, or the /64 of an IPv6 one, which is what one host gets. false: it has `max` already,
 * and nothing is counted. Else gw_client_table_leave undoes it. */
bool gw_client_table_enter(struct gw_client_table *table, const struct gw_address *client, uint32_t max);
void gw_client_table_leave(struct gw_client_table *table, const struct gw_address *client);
/* Clients that have a connection. */
uint64_t gw_client_table_count(struct gw_client_table *table);

#endif
