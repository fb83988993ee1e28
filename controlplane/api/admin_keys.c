/* API keys in the admin API. A key's text is in an answer once, and nowhere else. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/rpc/rpc.h"
#include "controlplane/api/admin_reply.h"

#define PAGE_MAX 1000u

typedef Gateway__Admin__V1__ApiKey ApiKey;

/* A call that waits for the store. Its client may leave before. */
struct waiting {
  struct gw_admin_call *call; /* NULL: the client has gone */
  ProtobufCMessage *(*make_reply)(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome);
};

static void on_gone(void *arg) {
  ((struct waiting *)arg)->call = NULL;
}

static int64_t now_s(void) {
  return (int64_t)(gw_clock_wall_us() / 1000000u);
}

static char **copy_words(struct gw_arena *arena, const struct gw_str *words, uint32_t count) {
  char **copies = gw_arena_calloc(arena, count, sizeof(*copies));
  for (uint32_t i = 0; i < count; i++)
    copies[i] = gw_admin_text(arena, words[i]);
  return copies;
}

static ApiKey *make_key(struct gw_arena *arena, const struct gw_api_key *key) {
  ApiKey *m = gw_admin_message_new(arena, &gateway__admin__v1__api_key__descriptor);
  m->id = gw_admin_text(arena, key->id);
  m->owner = gw_admin_text(arena, key->owner);
  m->name = gw_admin_text(arena, key->name);
  m->n_roles = key->role_count;
  m->roles = copy_words(arena, key->roles, key->role_count);
  m->n_permissions = key->permission_count;
  m->permissions = copy_words(arena, key->permissions, key->permission_count);
  m->plan = gw_admin_text(arena, key->plan);
  m->imported = key->is_imported;
  m->created_at_s = key->created_at_s;
  m->expires_at_s = key->expires_at_s;
  m->revoked_at_s = key->revoked_at_s;
  bool has_expired = key->expires_at_s != 0 && key->expires_at_s <= now_s();
  m->state = key->revoked_at_s != 0 ? GATEWAY__ADMIN__V1__API_KEY__STATE__REVOKED
             : has_expired          ? GATEWAY__ADMIN__V1__API_KEY__STATE__EXPIRED
                                    : GATEWAY__ADMIN__V1__API_KEY__STATE__ACTIVE;
  return m;
}

static ApiKey **make_keys(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome) {
  ApiKey **keys = gw_arena_calloc(arena, outcome->count, sizeof(ApiKey *));
  for (uint32_t i = 0; i < outcome->count; i++)
    keys[i] = make_key(arena, outcome->keys[i]->api_key);
  return keys;
}

static void on_outcome(void *arg, const struct gw_api_keys_outcome *outcome) {
  struct waiting *waiting = arg;
  if (waiting->call != NULL && outcome->err == GW_OK) {
    struct gw_arena arena;
    gw_arena_init(&arena, 2048);
    gw_admin_call_answer(waiting->call, waiting->make_reply(&arena, outcome));
    gw_arena_wipe(&arena);
    gw_arena_done(&arena);
  } else if (waiting->call != NULL) {
    gw_admin_call_fail(waiting->call, outcome->err, outcome->words);
  }
  free(waiting);
}

static struct waiting *wait_for(struct gw_admin_call *call,
                                ProtobufCMessage *(*make_reply)(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome)) {
  struct waiting *waiting = gw_calloc(1, sizeof(*waiting));
  *waiting = (struct waiting){.call = call, .make_reply = make_reply};
  gw_admin_call_wait(call, on_gone, waiting);
  return waiting;
}

static const struct gw_str *list_words(struct gw_arena *arena, char *const *words, size_t count) {
  struct gw_str *list = gw_arena_calloc(arena, count, sizeof(*list));
  for (size_t i = 0; i < count; i++)
    list[i] = gw_str_from(words[i]);
  return list;
}

/* ---- create ---- */

static ProtobufCMessage *created(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome) {
  Gateway__Admin__V1__CreateApiKeyResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__create_api_key_response__descriptor);
  m->key = make_key(arena, outcome->keys[0]->api_key);
  m->secret = gw_arena_strdup(arena, outcome->text);
  return &m->base;
}

void gw_admin_start_create_key(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__CreateApiKeyRequest *m = (const void *)request->message;
  struct gw_api_key wish = {.owner = gw_str_from(m->owner),
                            .name = gw_str_from(m->name),
                            .roles = list_words(request->arena, m->roles, m->n_roles),
                            .role_count = (uint32_t)m->n_roles,
                            .permissions = list_words(request->arena, m->permissions, m->n_permissions),
                            .permission_count = (uint32_t)m->n_permissions,
                            .plan = gw_str_from(m->plan),
                            .expires_at_s = m->expires_at_s};
  gw_api_keys_create(request->options->keys, &wish, on_outcome, wait_for(call, created));
}

/* ---- rotate, expire, revoke ---- */

static ProtobufCMessage *rotated(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome) {
  Gateway__Admin__V1__RotateApiKeyResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__rotate_api_key_response__descriptor);
  m->key = make_key(arena, outcome->keys[0]->api_key);
  m->old_key = make_key(arena, outcome->keys[1]->api_key);
  m->secret = gw_arena_strdup(arena, outcome->text);
  return &m->base;
}

void gw_admin_start_rotate_key(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__RotateApiKeyRequest *m = (const void *)request->message;
  gw_api_keys_rotate(request->options->keys, gw_str_from(m->id), m->grace_s, on_outcome, wait_for(call, rotated));
}

static ProtobufCMessage *expired(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome) {
  Gateway__Admin__V1__ExpireApiKeyResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__expire_api_key_response__descriptor);
  m->key = make_key(arena, outcome->keys[0]->api_key);
  return &m->base;
}

void gw_admin_start_expire_key(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__ExpireApiKeyRequest *m = (const void *)request->message;
  gw_api_keys_expire(request->options->keys, gw_str_from(m->id), m->expires_at_s, on_outcome, wait_for(call, expired));
}

static ProtobufCMessage *revoked(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome) {
  Gateway__Admin__V1__RevokeApiKeysResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__revoke_api_keys_response__descriptor);
  m->n_keys = outcome->count;
  m->keys = make_keys(arena, outcome);
  return &m->base;
}

void gw_admin_start_revoke_keys(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__RevokeApiKeysRequest *m = (const void *)request->message;
  const struct gw_str *ids = list_words(request->arena, m->ids, m->n_ids);
  gw_api_keys_revoke(request->options->keys, ids, (uint32_t)m->n_ids, on_outcome, wait_for(call, revoked));
}

/* ---- import ---- */

static ProtobufCMessage *imported(struct gw_arena *arena, const struct gw_api_keys_outcome *outcome) {
  Gateway__Admin__V1__ImportApiKeysResponse *m = gw_admin_message_new(arena, &gateway__admin__v1__import_api_keys_response__descriptor);
  m->n_keys = outcome->count;
  m->keys = make_keys(arena, outcome);
  return &m->base;
}

/* NULL: good. */
static const char *read_import(const Gateway__Admin__V1__ImportedApiKey *m, struct gw_arena *arena, struct gw_api_keys_import *ret_import) {
  struct gw_api_keys_import import = {.text = gw_str_from(m->secret),
                                      .key = {.owner = gw_str_from(m->owner),
                                              .name = gw_str_from(m->name),
                                              .roles = list_words(arena, m->roles, m->n_roles),
                                              .role_count = (uint32_t)m->n_roles,
                                              .permissions = list_words(arena, m->permissions, m->n_permissions),
                                              .permission_count = (uint32_t)m->n_permissions,
                                              .plan = gw_str_from(m->plan),
                                              .expires_at_s = m->expires_at_s}};
  bool has_text = import.text.len > 0, has_hash = m->hash.len > 0;
  if (has_text == has_hash) return "each imported key has its text, or its hash, and not both";
  if (has_hash && m->hash.len != sizeof(import.key.hash)) return "the hash of an imported key has 32 bytes";
  if (has_hash) memcpy(import.key.hash, m->hash.data, sizeof(import.key.hash));
  *ret_import = import;
  return NULL;
}

void gw_admin_start_import_keys(const struct gw_admin_request *request, struct gw_admin_call *call) {
  const Gateway__Admin__V1__ImportApiKeysRequest *m = (const void *)request->message;
  struct gw_api_keys_import *imports = gw_arena_calloc(request->arena, m->n_keys, sizeof(*imports));
  for (size_t i = 0; i < m->n_keys; i++) {
    const char *words = read_import(m->keys[i], request->arena, &imports[i]);
    if (words == NULL) continue;
    gw_admin_call_refuse(call, GW_RPC_INVALID_ARGUMENT, words);
    return;
  }
  gw_api_keys_import(request->options->keys, imports, (uint32_t)m->n_keys, on_outcome, wait_for(call, imported));
}

/* ---- list ---- */

/* A list that waits for the last uses of its keys. */
struct listing {
  struct gw_admin_call *call; /* NULL: the client has gone */
  struct gw_arena arena;
  Gateway__Admin__V1__ListApiKeysResponse *reply;
};

static void on_listing_gone(void *arg) {
  ((struct listing *)arg)->call = NULL;
}

static void end_listing(struct listing *listing) {
  if (listing->call != NULL) gw_admin_call_answer(listing->call, &listing->reply->base);
  gw_arena_done(&listing->arena);
  free(listing);
}

/* Both are sorted by id. */
static void on_uses(void *arg, enum gw_err err, const char *words, const struct gw_store_use *uses, uint32_t count) {
  struct listing *listing = arg;
  size_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    while (at < listing->reply->n_keys && gw_str_compare(gw_str_from(listing->reply->keys[at]->id), uses[i].id) < 0)
      at++;
    bool is_it = at < listing->reply->n_keys && gw_str_equal(gw_str_from(listing->reply->keys[at]->id), uses[i].id);
    if (is_it) listing->reply->keys[at]->last_used_at_s = (int64_t)(uses[i].used_at_ms / 1000);
  }
  if (err != GW_OK)
    listing->reply->problem = gw_arena_printf(&listing->arena, "the database is away: %s", words != NULL ? words : "ending");
  end_listing(listing);
}

static void fill_page(struct listing *listing, const struct gw_resource_list *all, const Gateway__Admin__V1__ListApiKeysRequest *m) {
  Gateway__Admin__V1__ListApiKeysResponse *reply = listing->reply;
  uint32_t size = m->page_size > 0 && m->page_size < PAGE_MAX ? m->page_size : PAGE_MAX;
  struct gw_str after = gw_str_from(m->page_token), id = gw_str_from(m->id), owner = gw_str_from(m->owner);
  reply->keys = gw_arena_calloc(&listing->arena, size, sizeof(void *));
  for (uint32_t i = 0; i < all->count; i++) {
    const struct gw_api_key *key = all->items[i]->api_key;
    bool is_asked_for = (id.len == 0 || gw_str_equal(id, key->id)) && (owner.len == 0 || gw_str_equal(owner, key->owner));
    if (!is_asked_for || gw_str_compare(key->id, after) <= 0) continue;
    bool has_ended = key->revoked_at_s != 0 || (key->expires_at_s != 0 && key->expires_at_s <= now_s());
    if (has_ended && !m->ended && id.len == 0) continue;
    if (reply->n_keys == size) {
      reply->next_page_token = gw_arena_strdup(&listing->arena, reply->keys[size - 1]->id);
      return;
    }
    reply->keys[reply->n_keys++] = make_key(&listing->arena, key);
  }
}

void gw_admin_start_list_keys(const struct gw_admin_request *request, struct gw_admin_call *call) {
  struct gw_api_keys *keys = request->options->keys;
  struct listing *listing = gw_calloc(1, sizeof(*listing));
  listing->call = call;
  gw_arena_init(&listing->arena, 4096);
  listing->reply = gw_admin_message_new(&listing->arena, &gateway__admin__v1__list_api_keys_response__descriptor);
  fill_page(listing, gw_api_keys_all(keys), (const void *)request->message);
  size_t count = listing->reply->n_keys;
  const struct gw_store_status *status = gw_api_keys_store_status(keys);
  enum gw_err err = status->state == GW_STORE_READY && gw_api_keys_are_known(keys) ? GW_OK : GW_ERR_CLOSED;
  if (err == GW_OK && count > 0) {
    gw_admin_call_wait(call, on_listing_gone, listing);
    err = gw_api_keys_read_uses(keys, gw_str_from(listing->reply->keys[0]->id), gw_str_from(listing->reply->keys[count - 1]->id), on_uses,
                                listing);
    if (err == GW_OK) return;
  }
  if (err == GW_ERR_LIMIT) listing->reply->problem = gw_arena_strdup(&listing->arena, "too many calls wait for the database");
  if (err == GW_ERR_CLOSED)
    listing->reply->problem =
        gw_arena_printf(&listing->arena, "the database is away: %s", status->words != NULL ? status->words : "it does not answer");
  end_listing(listing);
}
