/* Why: the small blocks that nghttp2 takes and gives back for every stream, kept for the next one.
 * Life: embedded in the codec; gw_h2_memory_done after the session is deleted.
 * Thread: the codec's. */
#ifndef GW_COMMON_HTTP_H2_MEMORY_H
#define GW_COMMON_HTTP_H2_MEMORY_H

#include <nghttp2/nghttp2.h>
#include <stddef.h>

#define GW_H2_MEMORY_UNIT 16u
#define GW_H2_MEMORY_UNITS_MAX 32u /* larger blocks are rare, and not kept */
#define GW_H2_MEMORY_KEPT_MAX ((size_t)16 * 1024)
#define GW_H2_MEMORY_KEPT_IDLE ((size_t)2 * 1024) /* enough for one stream after the other */

struct gw_h2_block_head;

struct gw_h2_memory {
  struct gw_h2_block_head *kept[GW_H2_MEMORY_UNITS_MAX + 1]; /* by units */
  size_t kept_bytes;
};

/* For nghttp2_session_…_new3, while `memory` is there. */
nghttp2_mem gw_h2_memory_calls(struct gw_h2_memory *memory);
/* No stream is open any more: gives back what is beyond GW_H2_MEMORY_KEPT_IDLE. */
void gw_h2_memory_trim(struct gw_h2_memory *memory);
void gw_h2_memory_done(struct gw_h2_memory *memory);

#endif
