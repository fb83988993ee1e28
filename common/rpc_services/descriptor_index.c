#include "common/rpc_services/descriptor_index.h"

#include <google/protobuf/descriptor.pb-c.h>
#include <proto_descriptors.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/map.h"
#include "common/base/mem.h"
#include "common/xds/wire.h"

struct gw_descriptor_index {
  struct gw_arena arena;
  struct gw_descriptor_file *files;
  uint32_t file_count;
  struct gw_map *by_name;
  struct gw_map *by_symbol;
};

/* "scope.name", which now leads to the file. */
static const char *add_symbol(struct gw_descriptor_index *index, struct gw_descriptor_file *file, const char *scope, const char *name) {
  const char *symbol = scope[0] == '\0' ? name : gw_arena_printf(&index->arena, "%s.%s", scope, name);
  gw_map_put(index->by_symbol, gw_str_from(symbol), file);
  return symbol;
}

static void add_message(struct gw_descriptor_index *index, struct gw_descriptor_file *file, const char *scope,
                        const Google__Protobuf__DescriptorProto *message) {
  const char *symbol = add_symbol(index, file, scope, message->name);
  for (size_t i = 0; i < message->n_enum_type; i++)
    add_symbol(index, file, symbol, message->enum_type[i]->name);
  /* Our own files, so their depth is no stranger's choice. */
  for (size_t i = 0; i < message->n_nested_type; i++)
    add_message(index, file, symbol, message->nested_type[i]);
}

static void add_symbols(struct gw_descriptor_index *index, struct gw_descriptor_file *file,
                        const Google__Protobuf__FileDescriptorProto *proto) {
  const char *package = proto->package != NULL ? proto->package : "";
  for (size_t i = 0; i < proto->n_message_type; i++)
    add_message(index, file, package, proto->message_type[i]);
  for (size_t i = 0; i < proto->n_enum_type; i++)
    add_symbol(index, file, package, proto->enum_type[i]->name);
  for (size_t i = 0; i < proto->n_service; i++) {
    const Google__Protobuf__ServiceDescriptorProto *service = proto->service[i];
    const char *symbol = add_symbol(index, file, package, service->name);
    for (size_t k = 0; k < service->n_method; k++)
      add_symbol(index, file, symbol, service->method[k]->name);
  }
}

/* Imports stand before what imports them, so that they are known by now. */
static void add_imports(struct gw_descriptor_index *index, struct gw_descriptor_file *file,
                        const Google__Protobuf__FileDescriptorProto *proto) {
  file->imports = gw_arena_calloc(&index->arena, proto->n_dependency, sizeof(const struct gw_descriptor_file *));
  for (size_t i = 0; i < proto->n_dependency; i++) {
    const struct gw_descriptor_file *import = gw_map_find(index->by_name, gw_str_from(proto->dependency[i]));
    GW_ASSERT(import != NULL);
    file->imports[file->import_count++] = import;
  }
}

struct gw_descriptor_index *gw_descriptor_index_new(void) {
  struct gw_descriptor_index *index = gw_calloc(1, sizeof(*index));
  gw_arena_init(&index->arena, 65536);
  index->by_name = gw_map_new();
  index->by_symbol = gw_map_new();
  ProtobufCMessage *message;
  struct gw_str bytes = {(const char *)gw_proto_descriptors, gw_proto_descriptors_LEN};
  enum gw_err err = gw_wire_unpack(&google__protobuf__file_descriptor_set__descriptor, bytes, &index->arena, &message);
  GW_ASSERT(err == GW_OK);
  const Google__Protobuf__FileDescriptorSet *set = (const void *)message;
  index->files = gw_arena_calloc(&index->arena, set->n_file, sizeof(*index->files));
  for (size_t i = 0; i < set->n_file; i++) {
    const Google__Protobuf__FileDescriptorProto *proto = set->file[i];
    struct gw_descriptor_file *file = &index->files[i];
    file->name = proto->name;
    file->bytes = gw_wire_pack(&proto->base);
    file->index = index->file_count++;
    add_imports(index, file, proto);
    add_symbols(index, file, proto);
    gw_map_put(index->by_name, gw_str_from(proto->name), file);
  }
  return index;
}

void gw_descriptor_index_free(struct gw_descriptor_index *index) {
  if (index == NULL) return;
  for (uint32_t i = 0; i < index->file_count; i++)
    gw_bytes_unref(index->files[i].bytes);
  gw_map_free(index->by_name);
  gw_map_free(index->by_symbol);
  gw_arena_done(&index->arena);
  free(index);
}

uint32_t gw_descriptor_index_file_count(const struct gw_descriptor_index *index) {
  return index->file_count;
}

const struct gw_descriptor_file *gw_descriptor_index_find_file(const struct gw_descriptor_index *index, struct gw_str name) {
  return gw_map_find(index->by_name, name);
}

const struct gw_descriptor_file *gw_descriptor_index_find_symbol(const struct gw_descriptor_index *index, struct gw_str symbol) {
  return gw_map_find(index->by_symbol, symbol);
}
