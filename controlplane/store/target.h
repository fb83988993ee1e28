/* Why: which database the store lives in, as --store and the MYSQL_… settings say it.
 * Life: init … done; strings are its own, the password is overwritten before it is freed.
 * Thread: any; one at a time. */
#ifndef GW_CONTROLPLANE_STORE_TARGET_H
#define GW_CONTROLPLANE_STORE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum gw_store_kind { GW_STORE_SQLITE, GW_STORE_MYSQL };

#define GW_STORE_MYSQL_PORT 3306u

struct gw_store_target {
  enum gw_store_kind kind;
  char *path; /* SQLite: of the file, absolute */
  char *host; /* MySQL, as all below */
  uint16_t port;
  char *user;
  char *password; /* "": none. Never in a URL, where `ps` would show it */
  char *database;
  bool uses_tls;  /* the server's certificate must have this name or address, and a signature of `tls_ca` */
  char *tls_ca;   /* a file */
  char *tls_cert; /* ours, and its key; "": none */
  char *tls_key;
};

enum gw_store_tls {
  GW_STORE_TLS_AUTO, /* with a `tls_ca`, and for all that is not on this machine */
  GW_STORE_TLS_OFF,
  GW_STORE_TLS_ON,
};

/* What the MYSQL_… settings say; NULL or "": nothing. */
struct gw_store_settings {
  const char *host;
  uint16_t port;
  const char *user;
  const char *password;
  const char *database;
  enum gw_store_tls tls;
  const char *tls_ca;
  const char *tls_cert;
  const char *tls_key;
  const char *default_ca; /* without tls_ca */
};

/* `url`: sqlite:///PATH or mysql://[USER@]HOST[:PORT]/DATABASE, where what it leaves out is the settings'; NULL: MySQL if settings->host
 * says so, else SQLite in `default_path`. GW_ERR_INVALID: *ret_words says what is wrong and what is allowed; the caller frees it. */
enum gw_err gw_store_target_init(const char *url, const struct gw_store_settings *settings, const char *default_path,
                                 struct gw_store_target *ret_target, char **ret_words);
void gw_store_target_done(struct gw_store_target *target);
/* "sqlite:///var/lib/gateway/gateway.db", "mysql://gateway@10.0.0.5:3306/gateway": without the password. The caller frees it. */
char *gw_store_target_format(const struct gw_store_target *target);

#endif
