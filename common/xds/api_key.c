/* gateway.auth.v1.ApiKey. */
#include "common/xds/decode.h"
#include "common/xds/encode.h"

typedef Gateway__Auth__V1__ApiKey ApiKey;

static struct gw_str decode_text(struct gw_xds_decoder *d, const char *field, const char *text, bool may_be_empty) {
  size_t len = strlen(text);
  if (len == 0 && !may_be_empty) gw_xds_refuse(d, GW_XDS_FIELD(NULL, field), "is empty, and must not be");
  if (len > GW_API_KEY_TEXT_MAX)
    gw_xds_refuse(d, GW_XDS_FIELD(NULL, field), "has %zu bytes; at most %u are allowed", len, GW_API_KEY_TEXT_MAX);
  return gw_xds_decode_str(d, text);
}

static void decode_words(struct gw_xds_decoder *d, const char *field, char *const *words, size_t count, const struct gw_str **ret_words,
                         uint32_t *ret_count) {
  if (count > GW_API_KEY_WORDS_MAX) {
    gw_xds_refuse(d, GW_XDS_FIELD(NULL, field), "are %zu; at most %u are allowed", count, GW_API_KEY_WORDS_MAX);
    return;
  }
  struct gw_str *copies = gw_arena_calloc(d->arena, count, sizeof *copies);
  for (size_t i = 0; i < count; i++)
    copies[i] = decode_text(d, field, words[i], false);
  *ret_words = copies;
  *ret_count = (uint32_t)count;
}

static int64_t decode_time(struct gw_xds_decoder *d, const char *field, int64_t value) {
  if (value < 0) gw_xds_refuse(d, GW_XDS_FIELD(NULL, field), "is before 1970");
  return value;
}

const struct gw_api_key *gw_xds_decode_api_key(struct gw_xds_decoder *d, const ApiKey *m) {
  struct gw_api_key *key = gw_arena_calloc(d->arena, 1, sizeof *key);
  key->id = decode_text(d, "id", m->id, false);
  if (m->hash.len == sizeof key->hash)
    memcpy(key->hash, m->hash.data, sizeof key->hash);
  else
    gw_xds_refuse(d, GW_XDS_FIELD(NULL, "hash"), "has %zu bytes; %zu are wanted", m->hash.len, sizeof key->hash);
  key->is_imported = m->imported;
  key->owner = decode_text(d, "owner", m->owner, false);
  key->name = decode_text(d, "name", m->name, true);
  decode_words(d, "roles", m->roles, m->n_roles, &key->roles, &key->role_count);
  decode_words(d, "permissions", m->permissions, m->n_permissions, &key->permissions, &key->permission_count);
  key->plan = decode_text(d, "plan", m->plan, true);
  key->created_at_s = decode_time(d, "created_at_s", m->created_at_s);
  key->expires_at_s = decode_time(d, "expires_at_s", m->expires_at_s);
  key->revoked_at_s = decode_time(d, "revoked_at_s", m->revoked_at_s);
  return key;
}

static char **encode_words(struct gw_arena *arena, const struct gw_str *words, uint32_t count) {
  char **texts = gw_xds_encode_array(arena, count);
  for (uint32_t i = 0; i < count; i++)
    texts[i] = gw_xds_encode_str(arena, words[i]);
  return texts;
}

ProtobufCMessage *gw_xds_encode_api_key_message(struct gw_arena *arena, const struct gw_api_key *key) {
  ApiKey *m = gw_xds_encode_new(arena, &gateway__auth__v1__api_key__descriptor);
  m->id = gw_xds_encode_str(arena, key->id);
  m->hash = (ProtobufCBinaryData){sizeof key->hash, (uint8_t *)(uintptr_t)key->hash}; /* only read */
  m->imported = key->is_imported;
  m->owner = gw_xds_encode_str(arena, key->owner);
  m->name = gw_xds_encode_str(arena, key->name);
  m->n_roles = key->role_count;
  m->roles = encode_words(arena, key->roles, key->role_count);
  m->n_permissions = key->permission_count;
  m->permissions = encode_words(arena, key->permissions, key->permission_count);
  m->plan = gw_xds_encode_str(arena, key->plan);
  m->created_at_s = key->created_at_s;
  m->expires_at_s = key->expires_at_s;
  m->revoked_at_s = key->revoked_at_s;
  return &m->base;
}
