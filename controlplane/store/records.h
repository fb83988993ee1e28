/* Why: what the store keeps, in SQL: records by kind and id, numbered by change, and when each was last used.
 * Life: no objects kept; rows are gone when the callback returns.
 * Thread: that of the connection; calls block. */
#ifndef GW_CONTROLPLANE_STORE_RECORDS_H
#define GW_CONTROLPLANE_STORE_RECORDS_H

#include "controlplane/store/backend.h"
#include "controlplane/store/store.h"

struct gw_store_connection {
  const struct gw_store_backend *backend;
  void *handle; /* NULL: closed */
};

/* Writes all of each request or nothing of it, all requests in one transaction. ret_conflicts[i]: somebody else has changed what request i
 * was to change since it was seen. On GW_ERR_CLOSED nothing is known to be written; *ret_words as in backend.h. */
struct gw_records_request {
  const struct gw_store_write *writes;
  uint32_t count;
};
enum gw_err gw_records_write(const struct gw_store_connection *connection, const struct gw_records_request *requests, uint32_t count,
                             bool *ret_conflicts, char **ret_words);

/* Of any kind: the number of the last change. */
enum gw_err gw_records_last_change(const struct gw_store_connection *connection, uint64_t *ret_change, char **ret_words);

/* The next changes of the kind behind `after`, in order, at most GW_RECORDS_READ_MAX. */
#define GW_RECORDS_READ_MAX 2048u
typedef void (*gw_records_fn)(void *arg, const struct gw_store_record *record);
enum gw_err gw_records_read(const struct gw_store_connection *connection, struct gw_str kind, uint64_t after, gw_records_fn fn, void *arg,
                            char **ret_words);

/* Those of the kind whose ids are from `first` to `last`, in the order of ids. */
enum gw_err gw_records_find(const struct gw_store_connection *connection, struct gw_str kind, struct gw_str first, struct gw_str last,
                            gw_records_fn fn, void *arg, char **ret_words);

/* The later of what is known already and these. */
enum gw_err gw_records_note_uses(const struct gw_store_connection *connection, struct gw_str kind, const struct gw_store_use *uses,
                                 uint32_t count, char **ret_words);
/* Of the ids from `first` to `last`, in order. */
typedef void (*gw_records_use_fn)(void *arg, const struct gw_store_use *use);
enum gw_err gw_records_read_uses(const struct gw_store_connection *connection, struct gw_str kind, struct gw_str first, struct gw_str last,
                                 gw_records_use_fn fn, void *arg, char **ret_words);

#endif
