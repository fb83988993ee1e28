#include "controlplane/discovery/registrar.h"

#include "common/net/address.h"

static const struct gw_str *copy_texts(const struct gw_str *texts, uint32_t count, struct gw_arena *arena) {
  struct gw_str *copies = gw_arena_calloc(arena, count, sizeof(*copies));
  for (uint32_t i = 0; i < count; i++)
    copies[i] = gw_arena_copy(arena, texts[i]);
  return copies;
}

struct gw_instance gw_instance_copy(const struct gw_instance *instance, struct gw_arena *arena) {
  struct gw_instance copy = *instance;
  struct gw_metadata *metadata = gw_arena_calloc(arena, instance->metadata_count, sizeof(*metadata));
  for (uint32_t i = 0; i < instance->metadata_count; i++)
    metadata[i] = (struct gw_metadata){gw_arena_copy(arena, instance->metadata[i].name), gw_arena_copy(arena, instance->metadata[i].value)};
  copy.service = gw_arena_copy(arena, instance->service);
  copy.address = gw_arena_copy(arena, instance->address);
  copy.id = gw_arena_copy(arena, instance->id);
  copy.group = gw_arena_copy(arena, instance->group);
  copy.namespace = gw_arena_copy(arena, instance->namespace);
  copy.cluster = gw_arena_copy(arena, instance->cluster);
  copy.tags = copy_texts(instance->tags, instance->tag_count, arena);
  copy.metadata = metadata;
  return copy;
}

static bool is_text(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127) return false;
  return text.len <= GW_INSTANCE_TEXT_MAX;
}

static bool are_texts_good(const struct gw_instance *instance) {
  const struct gw_str texts[] = {instance->service, instance->id, instance->group, instance->namespace, instance->cluster};
  bool is_good = instance->tag_count <= GW_INSTANCE_ITEMS_MAX && instance->metadata_count <= GW_INSTANCE_ITEMS_MAX;
  for (size_t i = 0; i < GW_ARRAY_LEN(texts); i++)
    is_good = is_good && is_text(texts[i]);
  for (uint32_t i = 0; is_good && i < instance->tag_count; i++)
    is_good = is_text(instance->tags[i]) && instance->tags[i].len > 0;
  for (uint32_t i = 0; is_good && i < instance->metadata_count; i++)
    is_good = is_text(instance->metadata[i].name) && instance->metadata[i].name.len > 0 && is_text(instance->metadata[i].value);
  return is_good;
}

const char *gw_instance_find_mistake(const struct gw_instance *instance) {
  struct gw_address address;
  if (instance->service.len == 0) return "a service's name is wanted";
  if (gw_address_parse_ip(instance->address, instance->port, &address) != GW_OK || instance->port == 0)
    return "a numeric address and a port are wanted, such as 10.0.0.7:8000";
  if (!(instance->weight > 0.0) || instance->weight > GW_INSTANCE_WEIGHT_MAX) return "a weight above 0, and up to 10000, is allowed";
  if (!are_texts_good(instance))
    return "names, tags and metadata have at most 255 printable characters each, and there are at most 32 of them";
  return NULL;
}
