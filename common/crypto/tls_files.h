/* Why: the three files that one end of a TLS connection needs (CA, certificate, key): read together and checked, so that what is wrong is
 * told in words and never used.
 * Life: a gw_tls_material is embedded (read/done) and owns its texts; done cleanses the key.
 * Thread: any. */
#ifndef GW_COMMON_CRYPTO_TLS_FILES_H
#define GW_COMMON_CRYPTO_TLS_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define GW_TLS_FILE_MAX 1048576

/* All NULL: no TLS. */
struct gw_tls_paths {
  const char *ca;   /* whose signature the other side's certificate must have; several certificates are allowed */
  const char *cert; /* of this side, with the intermediate ones behind it; NULL, with key: none is shown */
  const char *key;
};

struct gw_tls_material {
  char *ca; /* PEM, NUL-terminated */
  char *cert;
  char *key;
  char *subject;        /* of cert; NULL without */
  int64_t not_before_s; /* of cert, Unix time; 0 without */
  int64_t not_after_s;
};

/* GW_ERR_IO: a file can't be read. GW_ERR_DENIED: somebody beside owner and group may read the key, or the group may write it.
 * GW_ERR_INVALID: a file is not what it should be, or key and certificate are not of one pair. *ret_reason is a sentence then, which names
 * the file; freed by the caller. */
enum gw_err gw_tls_material_read(const struct gw_tls_paths *paths, struct gw_tls_material *ret_material, char **ret_reason);
void gw_tls_material_done(struct gw_tls_material *material);
bool gw_tls_material_equal(const struct gw_tls_material *a, const struct gw_tls_material *b);
/* NULL, or what stands against using it now: "the certificate of CN=edge expired at …"; freed by the caller. */
char *gw_tls_material_find_lapse(const struct gw_tls_material *material, int64_t now_s);

/* NULL when all three or none are given, else "--PREFIX-ca is given without --PREFIX-cert and --PREFIX-key"; freed by the caller. */
char *gw_tls_paths_find_gap(const struct gw_tls_paths *paths, const char *prefix);

#endif
