/* Why: finds the descriptors of our .proto files by file name and by symbol, for server reflection.
 * Life: gw_descriptor_index_new … gw_descriptor_index_free; files live as long as the index.
 * Thread: one at a time. */
#ifndef GW_COMMON_RPC_SERVICES_DESCRIPTOR_INDEX_H
#define GW_COMMON_RPC_SERVICES_DESCRIPTOR_INDEX_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/str.h"

struct gw_descriptor_index;

struct gw_descriptor_file {
  const char *name;       /* "gateway/admin/v1/admin.proto" */
  struct gw_bytes *bytes; /* encoded google.protobuf.FileDescriptorProto */
  uint32_t index;         /* below gw_descriptor_index_file_count */
  uint32_t import_count;
  const struct gw_descriptor_file **imports;
};

struct gw_descriptor_index *gw_descriptor_index_new(void);
void gw_descriptor_index_free(struct gw_descriptor_index *index);
uint32_t gw_descriptor_index_file_count(const struct gw_descriptor_index *index);
/* NULL: absent. */
const struct gw_descriptor_file *gw_descriptor_index_find_file(const struct gw_descriptor_index *index, struct gw_str name);
/* The file that declares a service, method, message or enum ("gateway.admin.v1.Admin"); NULL: absent. */
const struct gw_descriptor_file *gw_descriptor_index_find_symbol(const struct gw_descriptor_index *index, struct gw_str symbol);

#endif
