/* Why: all API keys: read from the store and followed, made, changed, revoked; the live ones as what data planes get.
 * Life: gw_api_keys_new … gw_api_keys_free, after the store (whose last answers it takes). Resources in outcomes are lent.
 * Thread: the loop's own. */
#ifndef GW_CONTROLPLANE_STORE_API_KEYS_H
#define GW_CONTROLPLANE_STORE_API_KEYS_H

#include "common/event/loop.h"
#include "common/model/api_key.h"
#include "common/model/resource_list.h"
#include "common/observe/log.h"
#include "controlplane/store/store.h"

#define GW_API_KEYS_KIND "api_key" /* of their records */
/* Changes that come so close together are published as one. */
#define GW_API_KEYS_PUBLISH_MS 20u
/* Live keys in all: a returning data plane says in one message which it has, and those have a bound. */
#define GW_API_KEYS_MAX 300000u
#define GW_API_KEYS_AT_ONCE GW_STORE_WRITES_MAX /* keys in one import or revocation */

struct gw_api_keys;

struct gw_api_keys_options {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_store *store; /* not started yet */
  /* All that are not revoked, once they are known; again with every change. */
  void (*on_live)(void *arg, const struct gw_resource_list *live);
  void *arg;
};

struct gw_api_keys *gw_api_keys_new(const struct gw_api_keys_options *options);
void gw_api_keys_free(struct gw_api_keys *keys);
/* Copied; at least GW_API_KEY_PEPPER_MIN bytes, else (and for none) keys can be neither made nor imported. */
void gw_api_keys_set_pepper(struct gw_api_keys *keys, struct gw_str pepper);
/* Revoked ones too; sorted by id. Empty before they are known. */
const struct gw_resource_list *gw_api_keys_all(const struct gw_api_keys *keys);
/* False: nothing is known yet. */
bool gw_api_keys_are_known(const struct gw_api_keys *keys);
const struct gw_store_status *gw_api_keys_store_status(const struct gw_api_keys *keys);

struct gw_api_keys_outcome {
  enum gw_err err;                       /* GW_OK, or as below */
  const char *words;                     /* NULL with GW_OK */
  const struct gw_resource *const *keys; /* that were made or changed, as they are now */
  uint32_t count;
  const char *text; /* of a key that was made: this once */
};
/* Called once for each call below, before or after it returns. Errors: GW_ERR_INVALID: what is asked for is wrong; GW_ERR_NOT_FOUND: there
 * is no such key; GW_ERR_DENIED: no pepper; GW_ERR_CLOSED: the database is away; GW_ERR_LIMIT: too many wait; GW_ERR_AGAIN: somebody else
 * has changed it at the same time, or there is one already. */
typedef void (*gw_api_keys_fn)(void *arg, const struct gw_api_keys_outcome *outcome);

/* `wish`: owner, name, roles, permissions, plan, expires_at_s. */
void gw_api_keys_create(struct gw_api_keys *keys, const struct gw_api_key *wish, gw_api_keys_fn fn, void *arg);
/* A new key with all that the one has; the old one ends `grace_s` later, 0: now. */
void gw_api_keys_rotate(struct gw_api_keys *keys, struct gw_str id, uint32_t grace_s, gw_api_keys_fn fn, void *arg);
/* 0: never. */
void gw_api_keys_expire(struct gw_api_keys *keys, struct gw_str id, int64_t expires_at_s, gw_api_keys_fn fn, void *arg);
/* For good. Those that are revoked already stay as they are. */
void gw_api_keys_revoke(struct gw_api_keys *keys, const struct gw_str *ids, uint32_t count, gw_api_keys_fn fn, void *arg);
/* Keys that others issued. */
struct gw_api_keys_import {
  struct gw_str text; /* the key itself; empty: only its hash is known, in key.hash */
  struct gw_api_key key;
};
void gw_api_keys_import(struct gw_api_keys *keys, const struct gw_api_keys_import *imports, uint32_t count, gw_api_keys_fn fn, void *arg);

/* Last uses, as data planes tell them. Unknown ids are left out. */
void gw_api_keys_note_uses(struct gw_api_keys *keys, const struct gw_store_use *uses, uint32_t count);
/* When those from `first` to `last` were used last. */
enum gw_err gw_api_keys_read_uses(struct gw_api_keys *keys, struct gw_str first, struct gw_str last, gw_store_uses_fn fn, void *arg);

#endif
