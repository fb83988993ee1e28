/* Why: what the settings say of Huawei Cloud, copied, and the credentials, which may lie in a file that changes while we run.
 * Life: init … done, which wipes what is secret.
 * Thread: the control plane's loop. */
#ifndef GW_CONTROLPLANE_CLOUD_HUAWEI_CONFIG_H
#define GW_CONTROLPLANE_CLOUD_HUAWEI_CONFIG_H

#include "common/base/arena.h"
#include "common/crypto/hmac.h"
#include "controlplane/policy/settings.h"

/* Either a key pair, with a token when it is a temporary one, or a user. */
struct gw_huawei_credentials {
  struct gw_str access_key;
  struct gw_str secret_key;
  struct gw_hmac *signing_key;  /* of the secret key; NULL: a user */
  struct gw_str security_token; /* empty: the key pair is no temporary one */
  struct gw_str user;
  struct gw_str password;
  struct gw_str domain;
};

/* Which file it was, so that another one is noticed. */
struct gw_huawei_file_mark {
  uint64_t inode;
  int64_t size;
  int64_t changed_ns;
};

struct gw_huawei_config {
  struct gw_arena arena;
  struct gw_str region;
  struct gw_str project_id;   /* empty: the cloud is asked for the region's */
  struct gw_str ecs_endpoint; /* without a '/' at its end */
  struct gw_str iam_endpoint;
  const char *ca_file;
  uint64_t timeout_ms;          /* of one request */
  const char *credentials_file; /* "": they are settings */
  struct gw_arena secrets;      /* what the credentials point to */
  struct gw_huawei_credentials credentials;
  struct gw_huawei_file_mark mark;
};

/* GW_ERR_NOT_FOUND: nothing is said of it in the settings, whose own mistakes gw_settings_load has told. */
enum gw_err gw_huawei_config_init(struct gw_huawei_config *config, const struct gw_settings *settings);
void gw_huawei_config_done(struct gw_huawei_config *config);
/* Whether both say the same, but for what the file of credentials holds. */
bool gw_huawei_config_is_equal(const struct gw_huawei_config *a, const struct gw_huawei_config *b);

/* The file of credentials, if it is another than the last time; *ret_is_new then. It is JSON as the cloud gives temporary keys:
 * {"credential":
 * {"access", "secret", "securitytoken"}}, or these alone, or {"user", "password", "domain"}. GW_ERR_INVALID, GW_ERR_DENIED (others may read
 * it), GW_ERR_IO: a sentence, freed with free(); what was read before stays. */
enum gw_err gw_huawei_config_refresh(struct gw_huawei_config *config, bool *ret_is_new, char **ret_words);

/* Overwrites each secret of ours in the text with "***": what the cloud says may repeat what it was sent. */
void gw_huawei_config_mask(const struct gw_huawei_config *config, struct gw_strbuf *text);
void gw_huawei_mask(struct gw_strbuf *text, struct gw_str secret);

#endif
