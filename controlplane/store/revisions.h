/* Why: the configurations that were accepted, numbered from 1: who put each in force, when and why, and its texts. The newest counts. A
 * revision is written whole or not at all, and never changed.
 * Life: gw_revisions_new … gw_revisions_free, after the store (whose last answers it takes). A revision that was found lives until the next
 * turn of the loop; texts are lent to callbacks.
 * Thread: the loop's own. */
#ifndef GW_CONTROLPLANE_STORE_REVISIONS_H
#define GW_CONTROLPLANE_STORE_REVISIONS_H

#include "common/event/loop.h"
#include "controlplane/store/store.h"

#define GW_REVISIONS_KIND "revision"            /* of their records: all but the texts */
#define GW_REVISION_TEXTS_KIND "revision_text"  /* the texts, packed, in pieces */
#define GW_REVISION_TEXT_MAX ((size_t)16 << 20) /* of both texts together */
#define GW_REVISION_WORDS_MAX 1000u             /* bytes of author, of message and of each name */
#define GW_REVISION_HASH_SIZE 65u

/* What a configuration is made of. Names are those that mistakes are told under. */
struct gw_revision_texts {
  struct gw_str routes_name;
  struct gw_str routes;
  struct gw_str services_name;
  struct gw_str services;
};

struct gw_revision {
  uint64_t number;
  uint64_t at_ms; /* Unix time */
  struct gw_str author;
  struct gw_str message;
  struct gw_str hash;       /* of the texts, 64 hex digits: equal configurations have equal ones */
  struct gw_str request_id; /* of who asked for it, so that asking again finds it; empty: nobody did */
  struct gw_str routes_name;
  struct gw_str services_name;
  uint64_t routes_bytes;
  uint64_t services_bytes;
  uint64_t of; /* the revision that was gone back to; 0: none */
};

struct gw_revisions;

struct gw_revisions_options {
  struct gw_store *store; /* not started yet */
  /* They are known, or there is another newest one. */
  void (*on_newest)(void *arg);
  void *arg;
};

struct gw_revisions *gw_revisions_new(const struct gw_revisions_options *options);
void gw_revisions_free(struct gw_revisions *revisions);
/* False: the database has not answered yet. */
bool gw_revisions_are_known(const struct gw_revisions *revisions);
const struct gw_store_status *gw_revisions_store_status(const struct gw_revisions *revisions);
uint32_t gw_revisions_count(const struct gw_revisions *revisions);
/* By position, the oldest first. */
const struct gw_revision *gw_revisions_at(const struct gw_revisions *revisions, uint32_t index);
/* NULL: there is none. */
const struct gw_revision *gw_revisions_newest(const struct gw_revisions *revisions);
const struct gw_revision *gw_revisions_find(const struct gw_revisions *revisions, uint64_t number);
const struct gw_revision *gw_revisions_find_request(const struct gw_revisions *revisions, struct gw_str request_id);

void gw_revisions_hash(const struct gw_revision_texts *texts, char ret_hash[GW_REVISION_HASH_SIZE]);

/* GW_OK: it is written, and followers know. GW_ERR_AGAIN: somebody else has written one with that number; GW_ERR_LIMIT: too large, or too
 * many wait; GW_ERR_CLOSED: the database is away; GW_ERR_TIMEOUT: it went away meanwhile, and whether it was written is known once it is
 * back. */
typedef void (*gw_revisions_added_fn)(void *arg, enum gw_err err, const char *words);
/* The next one; `wish`: author, message, request_id, of. Calls fn once, before or after it returns. */
void gw_revisions_add(struct gw_revisions *revisions, const struct gw_revision *wish, const struct gw_revision_texts *texts,
                      gw_revisions_added_fn fn, void *arg);

/* GW_ERR_NOT_FOUND: no such revision; GW_ERR_INVALID: what the database has is not what was written; GW_ERR_CLOSED, GW_ERR_LIMIT as above.
 */
typedef void (*gw_revisions_read_fn)(void *arg, enum gw_err err, const char *words, const struct gw_revision_texts *texts);
void gw_revisions_read(struct gw_revisions *revisions, uint64_t number, gw_revisions_read_fn fn, void *arg);

#endif
