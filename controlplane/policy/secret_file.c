#include "controlplane/policy/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/certificate.h"
#include "common/crypto/jwk_format.h"

struct reading {
  const struct gw_policy_secret *source;
  struct gw_arena *arena;
  char **words;
};

static enum gw_err tell(const struct reading *r, enum gw_err err, const char *path, const char *what) {
  *r->words = gw_asprintf("%s %s", path, what);
  return err;
}

/* Straight into the arena: no copy of a key stays behind. */
static enum gw_err read_file(const struct reading *r, const char *path, struct gw_str *ret_text) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) {
    *r->words = gw_asprintf("%s cannot be read: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return GW_ERR_IO;
  }
  if (!S_ISREG(status.st_mode) || status.st_size > (off_t)GW_SECRET_FILE_MAX) {
    close(fd);
    return tell(r, GW_ERR_INVALID, path, "is no file, or larger than 4 MiB");
  }
  char *bytes = gw_arena_alloc_bytes(r->arena, (size_t)status.st_size + 1);
  size_t len = 0;
  ssize_t got = 1;
  while (len < (size_t)status.st_size && got > 0) {
    got = read(fd, bytes + len, (size_t)status.st_size - len);
    if (got > 0) len += (size_t)got;
  }
  close(fd);
  bytes[len] = '\0';
  *ret_text = (struct gw_str){bytes, len};
  return got >= 0 ? GW_OK : tell(r, GW_ERR_IO, path, "cannot be read");
}

static enum gw_err read_certificates(const struct reading *r, const char *path, struct gw_str *ret_pem) {
  uint32_t count;
  enum gw_err err = read_file(r, path, ret_pem);
  if (err != GW_OK) return err;
  err = gw_certificate_count(*ret_pem, &count);
  if (err == GW_ERR_NOT_FOUND) return tell(r, GW_ERR_INVALID, path, "has no certificate (PEM)");
  return err == GW_OK ? GW_OK : tell(r, GW_ERR_INVALID, path, "has a certificate that is damaged");
}

static void tell_age(const struct reading *r, const char *path, struct gw_str chain, int64_t wall_s) {
  char time[GW_CLOCK_RFC3339_SIZE];
  struct gw_certificate leaf;
  enum gw_err err = gw_certificate_parse(chain, r->arena, &leaf);
  GW_ASSERT(err == GW_OK);
  bool has_expired = leaf.not_after_s < wall_s;
  if (!has_expired && leaf.not_before_s <= wall_s) return;
  gw_clock_format_rfc3339((uint64_t)(has_expired ? leaf.not_after_s : leaf.not_before_s) * 1000000u, time);
  *r->words = gw_asprintf(has_expired ? "%s has expired at %s" : "%s is not valid before %s", path, time);
}

static enum gw_err read_pair(const struct reading *r, int64_t wall_s, struct gw_secret *secret) {
  const char *chain_path = r->source->paths[0], *key_path = r->source->paths[1];
  enum gw_err err = read_certificates(r, chain_path, &secret->certificate_chain);
  if (err == GW_OK) err = read_file(r, key_path, &secret->private_key);
  if (err != GW_OK) return err;
  switch (gw_certificate_match_key(secret->certificate_chain, secret->private_key)) {
  case GW_OK: break;
  case GW_ERR_DENIED: *r->words = gw_asprintf("%s is not the key of %s", key_path, chain_path); return GW_ERR_AGAIN;
  default: return tell(r, GW_ERR_INVALID, key_path, "has no private key without a passphrase (PEM)");
  }
  tell_age(r, chain_path, secret->certificate_chain, wall_s);
  return GW_OK;
}

static enum gw_err read_ticket_keys(const struct reading *r, struct gw_secret *secret) {
  struct gw_str *keys = gw_arena_calloc(r->arena, r->source->path_count, sizeof(*keys));
  for (uint32_t i = 0; i < r->source->path_count; i++) {
    enum gw_err err = read_file(r, r->source->paths[i], &keys[i]);
    if (err != GW_OK) return err;
    if (keys[i].len == GW_TICKET_KEY_BYTES) continue;
    *r->words = gw_asprintf("%s has %zu bytes; a ticket key has %u (openssl rand %u)", r->source->paths[i], keys[i].len,
                            GW_TICKET_KEY_BYTES, GW_TICKET_KEY_BYTES);
    return GW_ERR_INVALID;
  }
  secret->ticket_keys = keys;
  secret->ticket_key_count = r->source->path_count;
  return GW_OK;
}

/* Without the line end that editors and `echo` leave behind. */
static struct gw_str without_line_end(struct gw_str text) {
  if (text.len > 0 && text.data[text.len - 1] == '\n') text.len--;
  if (text.len > 0 && text.data[text.len - 1] == '\r') text.len--;
  return text;
}

/* The one algorithm of a set of one. */
static enum gw_jwt_alg alg_of(uint32_t algs) {
  uint32_t alg = 0;
  while ((algs & GW_JWK_ALG_BIT(alg)) == 0)
    alg++;
  return (enum gw_jwt_alg)alg;
}

static void add_keys(const struct gw_policy_keys *keys, struct gw_str text, const char *place, struct gw_jwk_set *set,
                     struct gw_errors *errors) {
  const struct gw_jwk_rules rules = {.algs = keys->algs, .is_lenient = keys->kind == GW_KEYS_REMOTE};
  struct gw_str no_kid = {NULL, 0};
  switch (keys->kind) {
  case GW_KEYS_PEM: gw_jwk_set_add_pem(set, text, no_kid, keys->algs, place, errors); return;
  case GW_KEYS_SECRET: gw_jwk_set_add_secret(set, text, no_kid, alg_of(keys->algs), place, errors); return;
  case GW_KEYS_PLAIN: return;
  case GW_KEYS_JWKS:
  case GW_KEYS_REMOTE: gw_jwk_set_add_jwks(set, text, &rules, place, errors); return;
  }
}

/* As a key set, which is how keys travel; public ones as they were read, so that nothing else of the file goes along. */
static struct gw_str format_keys(const struct reading *r, const struct gw_jwk_set *set, const struct gw_jwk_secret *secrets,
                                 uint32_t count) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  if (r->source->keys->kind == GW_KEYS_SECRET)
    gw_jwk_append_secrets(secrets, count, &text);
  else
    gw_jwk_set_append_public(set, &text);
  struct gw_str copy = gw_arena_copy(r->arena, gw_strbuf_str(&text));
  gw_strbuf_wipe(&text);
  return copy;
}

static enum gw_err read_generic(const struct reading *r, struct gw_secret *secret) {
  const struct gw_policy_keys *keys = r->source->keys;
  if (keys->kind == GW_KEYS_PLAIN) {
    secret->content = gw_arena_copy(r->arena, keys->text);
    return GW_OK;
  }
  uint32_t count = keys->text.len > 0 ? 1 : r->source->path_count;
  struct gw_jwk_secret *secrets = gw_arena_calloc(r->arena, count, sizeof(*secrets));
  struct gw_jwk_set *set = gw_jwk_set_new();
  struct gw_errors errors;
  enum gw_err err = count > 0 ? GW_OK : tell(r, GW_ERR_IO, r->source->place, "has no keys yet");
  gw_errors_init(&errors);
  for (uint32_t i = 0; i < count && err == GW_OK; i++) {
    struct gw_str text = keys->text;
    if (text.len == 0) err = read_file(r, r->source->paths[i], &text);
    if (err != GW_OK) break;
    if (keys->kind == GW_KEYS_SECRET) text = without_line_end(text);
    if (keys->kind == GW_KEYS_SECRET) secrets[i] = (struct gw_jwk_secret){text, alg_of(keys->algs)};
    add_keys(keys, text, r->source->path_count > 0 ? r->source->paths[i] : r->source->place, set, &errors);
  }
  if (err == GW_OK && errors.error_count > 0) {
    *r->words = gw_asprintf("%s: %s", errors.items[0].place, errors.items[0].sentence);
    err = GW_ERR_INVALID;
  }
  if (err == GW_OK) secret->content = format_keys(r, set, secrets, count);
  gw_errors_done(&errors);
  gw_jwk_set_unref(set);
  return err;
}

enum gw_err gw_secret_file_read(const struct gw_policy_secret *source, int64_t wall_s, struct gw_arena *arena, struct gw_secret *ret_secret,
                                char **ret_words) {
  const struct reading r = {source, arena, ret_words};
  struct gw_secret secret = {.name = gw_arena_copy(arena, source->name), .kind = source->kind};
  enum gw_err err = GW_ERR_INVALID;
  *ret_words = NULL;
  switch (source->kind) {
  case GW_SECRET_CERTIFICATE: err = read_pair(&r, wall_s, &secret); break;
  case GW_SECRET_VALIDATION: err = read_certificates(&r, source->paths[0], &secret.trusted_ca); break;
  case GW_SECRET_TICKET_KEYS: err = read_ticket_keys(&r, &secret); break;
  case GW_SECRET_GENERIC: err = read_generic(&r, &secret); break;
  }
  if (err == GW_OK) *ret_secret = secret;
  return err;
}
