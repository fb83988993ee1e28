/* Why: access-log lines that never block a worker: a bounded byte ring a producer, one writer thread for all rings.
 * Life: the writer is made in main and freed last (it drains what is queued, at most a second). A ring belongs to its writer.
 * Thread: append: the one producer of the ring. The rest: main. */
#ifndef GW_COMMON_OBSERVE_LOG_RING_H
#define GW_COMMON_OBSERVE_LOG_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct gw_log_writer;
struct gw_log_ring;

/* Lines go to the file at `path`, or to standard output when NULL. errno on GW_ERR_IO. */
enum gw_err gw_log_writer_new(const char *path, struct gw_log_writer **ret_writer);
/* To a descriptor that is its owner's to open anew and to close, later than the writer. */
enum gw_err gw_log_writer_new_fd(int fd, struct gw_log_writer **ret_writer);
void gw_log_writer_free(struct gw_log_writer *writer);
/* The writer thread opens the file anew before its next write. */
void gw_log_writer_reopen(struct gw_log_writer *writer);
/* What is queued is written now, not within the next 20 ms. Any thread. */
void gw_log_writer_hurry(struct gw_log_writer *writer);
/* A ring of `size` bytes (a power of two). All rings are made before producers run. */
struct gw_log_ring *gw_log_writer_add_ring(struct gw_log_writer *writer, size_t size);

/* Queues one line (with its newline), whole or not at all: false when the ring is full; the loss is counted. */
bool gw_log_ring_append(struct gw_log_ring *ring, struct gw_str line);
/* Lines lost so far, over all rings. */
uint64_t gw_log_writer_lost(const struct gw_log_writer *writer);

#endif
