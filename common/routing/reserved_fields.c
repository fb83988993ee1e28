#include "common/routing/reserved_fields.h"

#include "common/model/forwarded_identity.h"
#include "common/model/jwt_authn.h"

#define IDENTITY_FIELDS 10u
#define BIT(n) ((uint64_t)1 << ((n) % 64u))

static void add(struct gw_reserved_fields *fields, struct gw_str *names, struct gw_str name) {
  enum gw_header_id id = gw_header_id_find(name);
  if (name.len == 0) return;
  names[fields->count++] = name;
  fields->lengths |= BIT(name.len);
  if (id != GW_HEADER_OTHER) fields->ids |= BIT(id);
}

/* The request's id is the connection manager's affair, which says whether a client may choose it. */
static void add_identity(struct gw_reserved_fields *fields, struct gw_str *names, const struct gw_forwarded_identity *identity) {
  add(fields, names, identity->user_id);
  add(fields, names, identity->user_name);
  add(fields, names, identity->roles);
  add(fields, names, identity->permissions);
  add(fields, names, identity->method);
  if (!gw_str_equal(identity->request_id, GW_STR("x-request-id"))) add(fields, names, identity->request_id);
  add(fields, names, identity->trace_id);
  add(fields, names, identity->span_id);
  add(fields, names, identity->client_address);
  add(fields, names, identity->route);
  fields->prefix = identity->path_parameter_prefix;
}

static void add_provider(struct gw_reserved_fields *fields, struct gw_str *names, const struct gw_jwt_provider *provider) {
  add(fields, names, provider->payload_header);
  for (uint32_t i = 0; i < provider->claim_header_count; i++)
    add(fields, names, provider->claim_headers[i].header);
}

static uint32_t count_of(const struct gw_http_filter *filter) {
  uint32_t count = 0;
  if (filter->kind == GW_FILTER_IDENTITY) count = IDENTITY_FIELDS;
  for (uint32_t i = 0; filter->kind == GW_FILTER_JWT_AUTHN && i < filter->settings.jwt_authn->provider_count; i++)
    count += filter->settings.jwt_authn->providers[i].claim_header_count + 1;
  return count;
}

void gw_reserved_fields_build(const struct gw_http_connection_manager *http, struct gw_arena *arena,
                              struct gw_reserved_fields *ret_fields) {
  uint32_t room = 0;
  for (uint32_t i = 0; i < http->filter_count; i++)
    room += count_of(&http->filters[i]);
  struct gw_str *names = gw_arena_calloc(arena, room, sizeof(*names));
  *ret_fields = (struct gw_reserved_fields){.names = names};
  for (uint32_t i = 0; i < http->filter_count; i++) {
    const struct gw_http_filter *filter = &http->filters[i];
    if (filter->kind == GW_FILTER_IDENTITY) add_identity(ret_fields, names, filter->settings.forwarded_identity);
    for (uint32_t k = 0; filter->kind == GW_FILTER_JWT_AUTHN && k < filter->settings.jwt_authn->provider_count; k++)
      add_provider(ret_fields, names, &filter->settings.jwt_authn->providers[k]);
  }
}

char gw_reserved_fields_fold(char c) {
  if (c == '_') return '-';
  if (c >= 'A' && c <= 'Z') return (char)(c | 0x20);
  return c;
}

static bool begins_with(struct gw_str name, struct gw_str beginning) {
  if (name.len < beginning.len) return false;
  for (size_t i = 0; i < beginning.len; i++)
    if (gw_reserved_fields_fold(name.data[i]) != gw_reserved_fields_fold(beginning.data[i])) return false;
  return true;
}

static bool is_reserved(const struct gw_reserved_fields *fields, const struct gw_header *header) {
  if (header->id != GW_HEADER_OTHER && (fields->ids & BIT(header->id)) == 0) return false;
  if (fields->prefix.len > 0 && begins_with(header->name, fields->prefix)) return true;
  if ((fields->lengths & BIT(header->name.len)) == 0) return false;
  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->names[i].len == header->name.len && begins_with(header->name, fields->names[i])) return true;
  return false;
}

void gw_reserved_fields_remove(const struct gw_reserved_fields *fields, struct gw_headers *headers) {
  if (fields->count == 0 && fields->prefix.len == 0) return;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < headers->count; i++) {
    if (is_reserved(fields, &headers->items[i])) continue;
    if (kept != i) headers->items[kept] = headers->items[i];
    kept++;
  }
  headers->count = kept;
}
