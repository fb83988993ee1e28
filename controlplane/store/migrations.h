/* Why: brings a database to the tables that this program knows, step by step, each once.
 * Life: no objects kept.
 * Thread: that of the connection. */
#ifndef GW_CONTROLPLANE_STORE_MIGRATIONS_H
#define GW_CONTROLPLANE_STORE_MIGRATIONS_H

#include "controlplane/store/backend.h"

/* The step that an up-to-date database has. */
uint32_t gw_migrations_newest(void);
/* Applies the steps that are missing, of several programs that do so at once one after the other. GW_ERR_UNSUPPORTED: a newer program has
 * used this database; GW_ERR_CLOSED: it is away. *ret_words says why; the caller frees it. `wall_ms`: noted beside each step. */
enum gw_err gw_migrations_run(const struct gw_store_backend *backend, void *connection, uint64_t wall_ms, char **ret_words);

#endif
