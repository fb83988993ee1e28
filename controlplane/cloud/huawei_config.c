#include "controlplane/cloud/huawei_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json_value.h"
#include "common/base/mem.h"
#include "controlplane/policy/huawei_settings.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)
#define MASKED_MIN 4u /* shorter words are no secrets, and would be found in anything */

static struct gw_str copy(struct gw_arena *arena, const char *text) {
  return gw_arena_copy(arena, gw_str_from(text));
}

/* As written, or the region's own. */
static struct gw_str endpoint(struct gw_arena *arena, const char *written, const char *service, const char *region) {
  struct gw_str url =
      written[0] != '\0' ? copy(arena, written) : gw_str_from(gw_arena_printf(arena, "https://%s.%s.myhuaweicloud.com", service, region));
  while (url.len > 0 && url.data[url.len - 1] == '/')
    url.len--;
  return url;
}

static void take_key(struct gw_huawei_credentials *credentials) {
  credentials->signing_key = credentials->secret_key.len > 0 ? gw_hmac_new(GW_HASH_SHA256, credentials->secret_key) : NULL;
}

enum gw_err gw_huawei_config_init(struct gw_huawei_config *config, const struct gw_settings *settings) {
  if (!gw_settings_has_huawei(settings)) return GW_ERR_NOT_FOUND;
  *config = (struct gw_huawei_config){.timeout_ms = settings->huawei_timeout_ms};
  gw_arena_init(&config->arena, 1024);
  gw_arena_init(&config->secrets, 1024);
  config->region = copy(&config->arena, settings->huawei_region);
  config->project_id = copy(&config->arena, settings->huawei_project_id);
  config->ecs_endpoint = endpoint(&config->arena, settings->huawei_ecs_endpoint, "ecs", settings->huawei_region);
  config->iam_endpoint = endpoint(&config->arena, settings->huawei_iam_endpoint, "iam", settings->huawei_region);
  config->ca_file = gw_arena_strdup(&config->arena, settings->ca_file);
  config->credentials_file = gw_arena_strdup(&config->arena, settings->huawei_credentials_file);
  config->credentials = (struct gw_huawei_credentials){.access_key = copy(&config->secrets, settings->huawei_access_key),
                                                       .secret_key = copy(&config->secrets, settings->huawei_secret_key),
                                                       .security_token = copy(&config->secrets, settings->huawei_security_token),
                                                       .user = copy(&config->secrets, settings->huawei_user),
                                                       .password = copy(&config->secrets, settings->huawei_password),
                                                       .domain = copy(&config->secrets, settings->huawei_domain)};
  take_key(&config->credentials);
  return GW_OK;
}

void gw_huawei_config_done(struct gw_huawei_config *config) {
  gw_hmac_free(config->credentials.signing_key);
  gw_arena_wipe(&config->secrets);
  gw_arena_done(&config->secrets);
  gw_arena_done(&config->arena);
  *config = (struct gw_huawei_config){0};
}

static bool is_equal_credentials(const struct gw_huawei_credentials *a, const struct gw_huawei_credentials *b) {
  return gw_str_equal(a->access_key, b->access_key) && gw_str_equal(a->secret_key, b->secret_key) &&
         gw_str_equal(a->security_token, b->security_token) && gw_str_equal(a->user, b->user) && gw_str_equal(a->password, b->password) &&
         gw_str_equal(a->domain, b->domain);
}

bool gw_huawei_config_is_equal(const struct gw_huawei_config *a, const struct gw_huawei_config *b) {
  bool is_equal = gw_str_equal(a->region, b->region) && gw_str_equal(a->project_id, b->project_id) &&
                  gw_str_equal(a->ecs_endpoint, b->ecs_endpoint) && gw_str_equal(a->iam_endpoint, b->iam_endpoint) &&
                  strcmp(a->ca_file, b->ca_file) == 0 && a->timeout_ms == b->timeout_ms &&
                  strcmp(a->credentials_file, b->credentials_file) == 0;
  return is_equal && (a->credentials_file[0] != '\0' || is_equal_credentials(&a->credentials, &b->credentials));
}

/* ---- the file ---- */

static struct gw_str member(const struct gw_json_value *object, const char *name, struct gw_arena *arena) {
  const struct gw_json_value *value = gw_json_find(object, gw_str_from(name));
  return value != NULL && value->kind == GW_JSON_STRING ? gw_arena_copy(arena, value->string) : (struct gw_str){"", 0};
}

/* Printable ASCII: it goes into a header. */
static bool is_word(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] <= ' ' || text.data[i] >= 0x7f) return false;
  return true;
}

static const char *parse(struct gw_str text, struct gw_arena *arena, struct gw_huawei_credentials *ret_credentials) {
  const struct gw_json_limits limits = {FILE_BYTES_MAX, 8, 256};
  const struct gw_json_value *value;
  if (gw_json_parse(text, &limits, arena, &value) != GW_OK || value->kind != GW_JSON_OBJECT) return "is no JSON object";
  const struct gw_json_value *inner = gw_json_find(value, GW_STR("credential"));
  if (inner != NULL) value = inner;
  struct gw_huawei_credentials found = {.access_key = member(value, "access", arena),
                                        .secret_key = member(value, "secret", arena),
                                        .security_token = member(value, "securitytoken", arena),
                                        .user = member(value, "user", arena),
                                        .password = member(value, "password", arena),
                                        .domain = member(value, "domain", arena)};
  bool has_key = found.access_key.len > 0 && found.secret_key.len > 0;
  bool has_user = found.user.len > 0 && found.password.len > 0 && found.domain.len > 0;
  if (has_key == has_user) return "holds neither access and secret nor user, password and domain (or both)";
  if (!is_word(found.access_key) || !is_word(found.security_token))
    return "holds an access key or a security token with spaces or control characters";
  *ret_credentials = found;
  return NULL;
}

/* NULL: read. */
static const char *read_file(int fd, struct gw_strbuf *text) {
  gw_strbuf_reserve(text, FILE_BYTES_MAX + 1);
  for (ssize_t len = 1; len > 0 && text->len <= FILE_BYTES_MAX;) {
    len = read(fd, text->data + text->len, FILE_BYTES_MAX + 1 - text->len);
    if (len < 0) return strerror(errno);
    text->len += (size_t)len;
  }
  return text->len > FILE_BYTES_MAX ? "is too long" : NULL;
}

static const char *load(struct gw_huawei_config *config, int fd) {
  struct gw_strbuf text;
  struct gw_arena arena;
  struct gw_huawei_credentials found = {0};
  gw_strbuf_init(&text);
  gw_arena_init(&arena, 4096);
  const char *problem = read_file(fd, &text);
  if (problem == NULL) problem = parse(gw_strbuf_str(&text), &arena, &found);
  gw_strbuf_wipe(&text);
  if (problem != NULL) {
    gw_arena_wipe(&arena);
    gw_arena_done(&arena);
    return problem;
  }
  gw_hmac_free(config->credentials.signing_key);
  gw_arena_wipe(&config->secrets);
  gw_arena_done(&config->secrets);
  config->secrets = arena;
  config->credentials = found;
  take_key(&config->credentials);
  return NULL;
}

static enum gw_err check(int fd, const struct gw_huawei_file_mark *before, struct gw_huawei_file_mark *ret_mark, const char **ret_problem) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    *ret_problem = "is no file";
    return GW_ERR_IO;
  }
  if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    *ret_problem = "can be read by everybody, or written by its group; mode 0600 or 0640 is wanted";
    return GW_ERR_DENIED;
  }
  *ret_mark = (struct gw_huawei_file_mark){.inode = st.st_ino,
                                           .size = st.st_size,
                                           .changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
  bool is_same = ret_mark->inode == before->inode && ret_mark->size == before->size && ret_mark->changed_ns == before->changed_ns;
  return is_same ? GW_ERR_AGAIN : GW_OK;
}

enum gw_err gw_huawei_config_refresh(struct gw_huawei_config *config, bool *ret_is_new, char **ret_words) {
  *ret_is_new = false;
  if (config->credentials_file[0] == '\0') return GW_OK;
  struct gw_huawei_file_mark mark;
  const char *problem = NULL;
  int fd = open(config->credentials_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  enum gw_err err = fd >= 0 ? check(fd, &config->mark, &mark, &problem) : GW_ERR_IO;
  if (fd < 0) problem = strerror(errno);
  if (err == GW_OK && (problem = load(config, fd)) != NULL) err = GW_ERR_INVALID;
  if (fd >= 0) close(fd);
  if (err == GW_ERR_AGAIN) return GW_OK;
  if (err == GW_OK) {
    config->mark = mark;
    *ret_is_new = true;
  } else {
    *ret_words = gw_asprintf("the credentials file %s: %s", config->credentials_file, problem);
  }
  return err;
}

/* ---- secrets in what others say ---- */

void gw_huawei_mask(struct gw_strbuf *text, struct gw_str secret) {
  if (secret.len < MASKED_MIN) return;
  for (char *at; text->len > 0 && (at = memmem(text->data, text->len, secret.data, secret.len)) != NULL;) {
    size_t behind = text->len - (size_t)(at - text->data) - secret.len;
    memset(at, '*', 3);
    memmove(at + 3, at + secret.len, behind);
    text->len -= secret.len - 3;
    text->data[text->len] = '\0';
  }
}

void gw_huawei_config_mask(const struct gw_huawei_config *config, struct gw_strbuf *text) {
  const struct gw_huawei_credentials *credentials = &config->credentials;
  gw_huawei_mask(text, credentials->secret_key);
  gw_huawei_mask(text, credentials->security_token);
  gw_huawei_mask(text, credentials->password);
}
