/* Changing keys: each call makes one write, all of it or nothing, and is answered when the store has it. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "controlplane/store/api_keys_internal.h"

/* One call, until its answer. */
struct call {
  struct gw_api_keys *keys;
  gw_api_keys_fn fn;
  void *arg;
  struct gw_resource **made; /* what is written, one reference each */
  struct gw_store_write *writes;
  uint32_t count;
  char text[GW_API_KEY_SIZE]; /* "": none */
  enum gw_err err;
  char *words;
};

static struct call *begin(struct gw_api_keys *keys, uint32_t room, gw_api_keys_fn fn, void *arg) {
  struct call *call = gw_calloc(1, sizeof(*call));
  *call = (struct call){.keys = keys,
                        .fn = fn,
                        .arg = arg,
                        .made = gw_calloc(room + 1u, sizeof(struct gw_resource *)),
                        .writes = gw_calloc(room + 1u, sizeof(struct gw_store_write))};
  return call;
}

/* Answers, and is gone. */
static void end(struct call *call) {
  bool is_done = call->err == GW_OK;
  struct gw_api_keys_outcome outcome = {.err = call->err,
                                        .words = call->words,
                                        .keys = (const struct gw_resource *const *)call->made,
                                        .count = is_done ? call->count : 0,
                                        .text = is_done && call->text[0] != '\0' ? call->text : NULL};
  call->fn(call->arg, &outcome);
  for (uint32_t i = 0; i < call->count; i++)
    gw_resource_unref(call->made[i]);
  explicit_bzero(call->text, sizeof(call->text));
  free(call->made);
  free(call->writes);
  free(call->words);
  free(call);
}

static void refuse(struct call *call, enum gw_err err, char *words) {
  if (call->err == GW_OK) {
    call->err = err;
    call->words = words;
  } else {
    free(words); /* the first one counts */
  }
}

/* What it is to be from now on. */
static void add(struct call *call, const struct gw_api_key *key, uint64_t seen) {
  struct gw_resource *resource = gw_xds_encode_api_key(key);
  call->made[call->count] = resource;
  call->writes[call->count++] =
      (struct gw_store_write){.kind = GW_STR(GW_API_KEYS_KIND), .id = resource->name, .seen = seen, .body = gw_xds_api_key_bytes(resource)};
}

static void on_written(void *arg, enum gw_err err, const char *words) {
  struct call *call = arg;
  if (err == GW_ERR_INVALID) refuse(call, GW_ERR_AGAIN, gw_strdup("there is such a key already, or somebody has just changed it"));
  if (err == GW_ERR_CLOSED) refuse(call, err, gw_asprintf("the database is away: %s", words));
  end(call);
}

static void write_all(struct call *call) {
  struct gw_api_keys *keys = call->keys;
  if (call->err == GW_OK && call->count > 0) {
    enum gw_err err = gw_store_write(keys->options.store, call->writes, call->count, on_written, call);
    if (err == GW_OK) return;
    const char *words = gw_api_keys_store_status(keys)->words;
    if (err == GW_ERR_CLOSED) refuse(call, err, gw_asprintf("the database is away: %s", words != NULL ? words : "ending"));
    if (err == GW_ERR_LIMIT) refuse(call, err, gw_strdup("too many changes of keys wait for the database; try again in a moment"));
  }
  end(call);
}

/* ---- checks ---- */

static void check_text(struct call *call, const char *what, struct gw_str text, bool may_be_empty) {
  if (text.len == 0 && !may_be_empty) refuse(call, GW_ERR_INVALID, gw_asprintf("%s is missing", what));
  if (text.len > GW_API_KEY_TEXT_MAX)
    refuse(call, GW_ERR_INVALID, gw_asprintf("%s has %zu bytes; at most %u are allowed", what, text.len, GW_API_KEY_TEXT_MAX));
  for (size_t i = 0; i < text.len; i++) {
    /* It may stand in a header towards services. */
    if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
      refuse(call, GW_ERR_INVALID, gw_asprintf("%s has a control character in it", what));
  }
}

static void check_words(struct call *call, const char *what, const struct gw_str *words, uint32_t count) {
  if (count > GW_API_KEY_WORDS_MAX)
    refuse(call, GW_ERR_INVALID, gw_asprintf("%s: %u are too many; at most %u are allowed", what, count, GW_API_KEY_WORDS_MAX));
  for (uint32_t i = 0; i < count; i++) {
    check_text(call, what, words[i], false);
    if (gw_str_find_char(words[i], ',') >= 0) refuse(call, GW_ERR_INVALID, gw_asprintf("%s: a comma would make two of it", what));
  }
}

static int64_t now_s(void) {
  return (int64_t)(gw_clock_wall_us() / 1000000u);
}

static void check_wish(struct call *call, const struct gw_api_key *wish) {
  check_text(call, "the owner", wish->owner, false);
  check_text(call, "the name", wish->name, true);
  check_text(call, "the plan", wish->plan, true);
  check_words(call, "a role", wish->roles, wish->role_count);
  check_words(call, "a permission", wish->permissions, wish->permission_count);
  if (wish->expires_at_s < 0) refuse(call, GW_ERR_INVALID, gw_strdup("the expiry is before 1970"));
  if (wish->expires_at_s > 0 && wish->expires_at_s <= now_s()) refuse(call, GW_ERR_INVALID, gw_strdup("the expiry has passed already"));
}

/* Before keys are made: whether they can be. */
static void check_making(struct call *call, uint32_t count) {
  if (call->keys->pepper == NULL)
    refuse(call, GW_ERR_DENIED,
           gw_asprintf("there is no pepper to hash keys with: GATEWAY_API_KEY_PEPPER (or …_FILE), at least %u bytes, the same for all "
                       "control "
                       "planes of one store",
                       GW_API_KEY_PEPPER_MIN));
  if (!call->keys->is_known) {
    const char *words = gw_api_keys_store_status(call->keys)->words;
    refuse(call, GW_ERR_CLOSED, gw_asprintf("the database is away: %s", words != NULL ? words : "it has not answered yet"));
  }
  if (call->keys->live.count + count > GW_API_KEYS_MAX)
    refuse(call, GW_ERR_LIMIT, gw_asprintf("there are %u live keys; at most %u are allowed", call->keys->live.count, GW_API_KEYS_MAX));
}

/* ---- calls ---- */

/* `like` with an id, a hash and a text of its own. */
static void add_new(struct call *call, const struct gw_api_key *like) {
  struct gw_api_key key = *like;
  gw_api_key_new(call->text);
  struct gw_str text = {call->text, GW_API_KEY_LEN};
  GW_ASSERT(gw_api_key_parse(text, &key.id));
  gw_api_key_hash(call->keys->pepper, text, key.hash);
  key.is_imported = false;
  key.created_at_s = now_s();
  key.revoked_at_s = 0;
  add(call, &key, 0);
}

void gw_api_keys_create(struct gw_api_keys *keys, const struct gw_api_key *wish, gw_api_keys_fn fn, void *arg) {
  struct call *call = begin(keys, 1, fn, arg);
  check_making(call, 1);
  check_wish(call, wish);
  if (call->err == GW_OK) add_new(call, wish);
  write_all(call);
}

/* NULL: there is no such key. */
static const struct gw_known_key *find(struct call *call, struct gw_str id) {
  const struct gw_known_key *known = gw_api_keys_find(call->keys, id);
  const struct gw_store_status *status = gw_api_keys_store_status(call->keys);
  if (known == NULL && !call->keys->is_known)
    refuse(call, GW_ERR_CLOSED, gw_asprintf("the database is away: %s", status->words != NULL ? status->words : "it has not answered yet"));
  else if (known == NULL)
    refuse(call, GW_ERR_NOT_FOUND, gw_asprintf("there is no key %.*s", (int)(id.len < 64 ? id.len : 64), id.data));
  return known;
}

void gw_api_keys_rotate(struct gw_api_keys *keys, struct gw_str id, uint32_t grace_s, gw_api_keys_fn fn, void *arg) {
  struct call *call = begin(keys, 2, fn, arg);
  check_making(call, 1);
  const struct gw_known_key *known = call->err == GW_OK ? find(call, id) : NULL;
  if (known != NULL) {
    struct gw_api_key old = *known->resource->api_key;
    int64_t end_s = now_s() + (int64_t)grace_s;
    bool has_ended = old.revoked_at_s != 0 || (old.expires_at_s != 0 && old.expires_at_s <= now_s());
    if (has_ended) refuse(call, GW_ERR_INVALID, gw_strdup("the key is revoked or has expired: create a new one"));
    if (!has_ended) add_new(call, &old);
    if (old.expires_at_s == 0 || old.expires_at_s > end_s) old.expires_at_s = end_s;
    if (grace_s == 0) old.revoked_at_s = end_s;
    if (!has_ended) add(call, &old, known->change);
  }
  write_all(call);
}

void gw_api_keys_expire(struct gw_api_keys *keys, struct gw_str id, int64_t expires_at_s, gw_api_keys_fn fn, void *arg) {
  struct call *call = begin(keys, 1, fn, arg);
  const struct gw_known_key *known = find(call, id);
  if (expires_at_s < 0) refuse(call, GW_ERR_INVALID, gw_strdup("the expiry is before 1970"));
  if (known != NULL && known->resource->api_key->revoked_at_s != 0)
    refuse(call, GW_ERR_INVALID, gw_strdup("the key is revoked, which is for good"));
  if (known != NULL && call->err == GW_OK) {
    struct gw_api_key key = *known->resource->api_key;
    key.expires_at_s = expires_at_s;
    add(call, &key, known->change);
  }
  write_all(call);
}

static bool has_added(const struct call *call, struct gw_str id) {
  for (uint32_t i = 0; i < call->count; i++)
    if (gw_str_equal(call->made[i]->name, id)) return true;
  return false;
}

void gw_api_keys_revoke(struct gw_api_keys *keys, const struct gw_str *ids, uint32_t count, gw_api_keys_fn fn, void *arg) {
  bool is_too_much = count > GW_API_KEYS_AT_ONCE;
  struct call *call = begin(keys, is_too_much ? 0 : count, fn, arg);
  if (is_too_much) refuse(call, GW_ERR_INVALID, gw_asprintf("at most %u keys at once", GW_API_KEYS_AT_ONCE));
  for (uint32_t i = 0; i < count && !is_too_much; i++) {
    const struct gw_known_key *known = find(call, ids[i]);
    if (known == NULL || known->resource->api_key->revoked_at_s != 0 || has_added(call, ids[i])) continue;
    struct gw_api_key key = *known->resource->api_key;
    key.revoked_at_s = now_s();
    add(call, &key, known->change);
  }
  write_all(call);
}

/* An id in the form of ours, from the hash: the same key, imported twice, has the same id, whoever of several does it. */
static void make_id(const uint8_t *hash, char ret_id[GW_API_KEY_ID_LEN + 1]) {
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  uint64_t bits = 0;
  uint32_t bit_count = 0, at = 0;
  for (uint32_t i = 0; i < GW_API_KEY_ID_LEN; i++) {
    while (bit_count < 5) {
      bits = bits << 8 | hash[at++];
      bit_count += 8;
    }
    bit_count -= 5;
    ret_id[i] = alphabet[bits >> bit_count & 31];
  }
  ret_id[GW_API_KEY_ID_LEN] = '\0';
}

static void import_one(struct call *call, const struct gw_api_keys_import *import) {
  struct gw_api_key key = import->key;
  struct gw_str own_id;
  check_wish(call, &key);
  if (import->text.len > GW_API_KEY_IMPORTED_LEN_MAX)
    refuse(call, GW_ERR_INVALID, gw_asprintf("a key may have %u bytes", GW_API_KEY_IMPORTED_LEN_MAX));
  if (gw_api_key_parse(import->text, &own_id))
    refuse(call, GW_ERR_INVALID, gw_strdup("a key in the form of ours can't be imported: create one"));
  if (call->err != GW_OK) return;
  if (import->text.len > 0) gw_api_key_hash(call->keys->pepper, import->text, key.hash);
  char id[GW_API_KEY_ID_LEN + 1];
  make_id(key.hash, id);
  key.id = gw_str_from(id);
  key.is_imported = true;
  key.created_at_s = now_s();
  key.revoked_at_s = 0;
  if (gw_api_keys_find(call->keys, key.id) != NULL)
    refuse(call, GW_ERR_AGAIN, gw_asprintf("the key of %.*s is there already, as %s", GW_STR_ARG(key.owner), id));
  else if (has_added(call, key.id))
    refuse(call, GW_ERR_INVALID, gw_asprintf("the key of %.*s is there twice", GW_STR_ARG(key.owner)));
  else
    add(call, &key, 0);
}

void gw_api_keys_import(struct gw_api_keys *keys, const struct gw_api_keys_import *imports, uint32_t count, gw_api_keys_fn fn, void *arg) {
  bool is_too_much = count > GW_API_KEYS_AT_ONCE;
  struct call *call = begin(keys, is_too_much ? 0 : count, fn, arg);
  check_making(call, count);
  if (is_too_much) refuse(call, GW_ERR_INVALID, gw_asprintf("at most %u keys at once", GW_API_KEYS_AT_ONCE));
  for (uint32_t i = 0; i < count && call->err == GW_OK; i++)
    import_one(call, &imports[i]);
  write_all(call);
}
