/* Why: how a revision lies in the store: JSON, without its texts.
 * Life: no objects kept.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_STORE_REVISION_RECORD_H
#define GW_CONTROLPLANE_STORE_REVISION_RECORD_H

#include "common/base/arena.h"
#include "controlplane/store/revisions.h"

/* Ids sort as the numbers do. */
#define GW_REVISION_ID_SIZE 32u
void gw_revision_id_format(uint64_t number, char ret_id[GW_REVISION_ID_SIZE]);
/* Of its text's pieces, by index. */
void gw_revision_piece_id_format(uint64_t number, uint32_t index, char ret_id[GW_REVISION_ID_SIZE]);

void gw_revision_record_format(const struct gw_revision *revision, struct gw_strbuf *out);
/* GW_ERR_INVALID: not one of ours. */
enum gw_err gw_revision_record_parse(struct gw_str body, struct gw_arena *arena, struct gw_revision *ret_revision);

#endif
