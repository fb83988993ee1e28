#include "common/crypto/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/crypto/certificate.h"

static enum gw_err fail(enum gw_err err, char *reason, char **ret_reason) {
  *ret_reason = reason;
  return err;
}

static void free_text(char *text) {
  if (text != NULL) OPENSSL_cleanse(text, strlen(text));
  free(text);
}

/* ---- one file ---- */

static enum gw_err check_status(int fd, const char *what, const char *path, bool is_private, char **ret_reason) {
  struct stat status;
  if (fstat(fd, &status) != 0) return fail(GW_ERR_IO, gw_asprintf("%s %s cannot be read: %s", what, path, strerror(errno)), ret_reason);
  if (!S_ISREG(status.st_mode)) return fail(GW_ERR_INVALID, gw_asprintf("%s %s is not a file", what, path), ret_reason);
  if (status.st_size > GW_TLS_FILE_MAX)
    return fail(GW_ERR_INVALID, gw_asprintf("%s %s is bigger than %d bytes", what, path, GW_TLS_FILE_MAX), ret_reason);
  if (is_private && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return fail(GW_ERR_DENIED,
                gw_asprintf("%s %s is open to others (mode %03o): chmod 600 it", what, path, (unsigned)status.st_mode & 0777u), ret_reason);
  }
  return GW_OK;
}

/* Into a buffer of the final size, so that no copy of a key stays behind. errno on GW_ERR_IO. */
static enum gw_err read_all(int fd, char **ret_text) {
  char *text = gw_malloc(GW_TLS_FILE_MAX + 1);
  size_t len = 0;
  ssize_t got = 1;
  while (got > 0 && len < GW_TLS_FILE_MAX) {
    got = read(fd, text + len, GW_TLS_FILE_MAX - len);
    if (got > 0) len += (size_t)got;
  }
  int error = errno;
  text[len] = '\0';
  if (got < 0) {
    OPENSSL_cleanse(text, len);
  } else {
    *ret_text = gw_strndup(text, len);
    OPENSSL_cleanse(text, len);
  }
  free(text);
  errno = error;
  return got < 0 ? GW_ERR_IO : GW_OK;
}

static enum gw_err read_file(const char *what, const char *path, bool is_private, char **ret_text, char **ret_reason) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(GW_ERR_IO, gw_asprintf("%s %s cannot be read: %s", what, path, strerror(errno)), ret_reason);
  enum gw_err err = check_status(fd, what, path, is_private, ret_reason);
  if (err == GW_OK && read_all(fd, ret_text) != GW_OK)
    err = fail(GW_ERR_IO, gw_asprintf("%s %s cannot be read: %s", what, path, strerror(errno)), ret_reason);
  close(fd);
  return err;
}

static enum gw_err read_certificates(const char *what, const char *path, char **ret_text, char **ret_reason) {
  enum gw_err err = read_file(what, path, false, ret_text, ret_reason);
  uint32_t count;
  if (err != GW_OK || gw_certificate_count(gw_str_from(*ret_text), &count) == GW_OK) return err;
  return fail(GW_ERR_INVALID, gw_asprintf("%s %s holds no certificates in PEM form, or is not whole", what, path), ret_reason);
}

/* ---- all of them ---- */

static void describe(struct gw_tls_material *material) {
  struct gw_arena arena;
  struct gw_certificate certificate;
  gw_arena_init(&arena, 1024);
  enum gw_err err = gw_certificate_parse(gw_str_from(material->cert), &arena, &certificate);
  GW_ASSERT(err == GW_OK);
  material->subject = gw_str_dup(certificate.subject);
  material->not_before_s = certificate.not_before_s;
  material->not_after_s = certificate.not_after_s;
  gw_arena_done(&arena);
}

static enum gw_err read_pair(const struct gw_tls_paths *paths, struct gw_tls_material *material, char **ret_reason) {
  enum gw_err err = read_certificates("the certificate file", paths->cert, &material->cert, ret_reason);
  if (err == GW_OK) err = read_file("the key file", paths->key, true, &material->key, ret_reason);
  if (err != GW_OK) return err;
  switch (gw_certificate_match_key(gw_str_from(material->cert), gw_str_from(material->key))) {
  case GW_OK: describe(material); return GW_OK;
  case GW_ERR_DENIED:
    return fail(GW_ERR_INVALID, gw_asprintf("the key in %s does not belong to the certificate in %s", paths->key, paths->cert), ret_reason);
  default:
    return fail(GW_ERR_INVALID,
                gw_asprintf("the key file %s holds no private key in PEM form without a passphrase, or is not whole", paths->key),
                ret_reason);
  }
}

enum gw_err gw_tls_material_read(const struct gw_tls_paths *paths, struct gw_tls_material *ret_material, char **ret_reason) {
  struct gw_tls_material material = {0};
  enum gw_err err = read_certificates("the CA file", paths->ca, &material.ca, ret_reason);
  if (err == GW_OK && paths->cert != NULL) err = read_pair(paths, &material, ret_reason);
  if (err == GW_OK) {
    *ret_material = material;
  } else {
    gw_tls_material_done(&material);
  }
  return err;
}

void gw_tls_material_done(struct gw_tls_material *material) {
  free(material->ca);
  free(material->cert);
  free_text(material->key);
  free(material->subject);
  *material = (struct gw_tls_material){0};
}

static bool are_equal(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool gw_tls_material_equal(const struct gw_tls_material *a, const struct gw_tls_material *b) {
  return are_equal(a->ca, b->ca) && are_equal(a->cert, b->cert) && are_equal(a->key, b->key);
}

char *gw_tls_material_find_lapse(const struct gw_tls_material *material, int64_t now_s) {
  if (material->cert == NULL) return NULL;
  bool has_expired = now_s > material->not_after_s;
  if (!has_expired && now_s >= material->not_before_s) return NULL;
  int64_t when_s = has_expired ? material->not_after_s : material->not_before_s;
  char when[GW_CLOCK_RFC3339_SIZE];
  gw_clock_format_rfc3339(when_s > 0 ? (uint64_t)when_s * 1000000 : 0, when);
  return gw_asprintf("the certificate of %s %s %.19sZ", material->subject, has_expired ? "expired at" : "is not valid before", when);
}

char *gw_tls_paths_find_gap(const struct gw_tls_paths *paths, const char *prefix) {
  const char *const names[] = {"ca", "cert", "key"};
  const char *const values[] = {paths->ca, paths->cert, paths->key};
  struct gw_strbuf given, missing;
  gw_strbuf_init(&given);
  gw_strbuf_init(&missing);
  for (size_t i = 0; i < GW_ARRAY_LEN(names); i++) {
    struct gw_strbuf *buf = values[i] != NULL ? &given : &missing;
    gw_strbuf_printf(buf, "%s--%s-%s", buf->len > 0 ? " and " : "", prefix, names[i]);
  }
  char *gap = NULL;
  if (given.len > 0 && missing.len > 0) gap = gw_asprintf("%s given without %s", given.data, missing.data);
  gw_strbuf_done(&given);
  gw_strbuf_done(&missing);
  return gap;
}
