#include "controlplane/api/admin_roles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/crypto/secret.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)
#define NAME_MAX_BYTES 100u

struct token {
  enum gw_admin_role role;
  char *name;
  char *token;
};

struct gw_admin_tokens {
  struct token *items;
  uint32_t count;
};

static const char *const names[GW_ADMIN_ROLE_COUNT] =
    {[GW_ADMIN_ROLE_ADMIN] = "admin", [GW_ADMIN_ROLE_OPERATOR] = "operator", [GW_ADMIN_ROLE_VIEWER] = "viewer"};

const char *gw_admin_role_name(enum gw_admin_role role) {
  return names[role];
}

static bool parse_role(struct gw_str text, enum gw_admin_role *ret_role) {
  for (size_t i = 0; i < GW_ADMIN_ROLE_COUNT; i++) {
    if (!gw_str_equal(text, gw_str_from(names[i]))) continue;
    *ret_role = (enum gw_admin_role)i;
    return true;
  }
  return false;
}

bool gw_admin_role_of_uri(struct gw_str uri, enum gw_admin_role *ret_role, struct gw_str *ret_name) {
  const struct gw_str scheme = GW_STR("spiffe://"), prefix = GW_STR("gateway-");
  if (!gw_str_has_prefix(uri, scheme)) return false;
  struct gw_str rest = gw_str_skip(uri, scheme.len), domain, kind, name, surplus;
  bool is_whole = gw_str_split_next(&rest, '/', &domain) && gw_str_split_next(&rest, '/', &kind) && gw_str_split_next(&rest, '/', &name) &&
                  !gw_str_split_next(&rest, '/', &surplus) && domain.len > 0 && name.len > 0;
  if (!is_whole || !gw_str_has_prefix(kind, prefix) || !parse_role(gw_str_skip(kind, prefix.len), ret_role)) return false;
  *ret_name = name;
  return true;
}

/* ---- tokens ---- */

static void add_token(struct gw_admin_tokens *tokens, enum gw_admin_role role, struct gw_str name, struct gw_str token) {
  tokens->items = gw_realloc_array(tokens->items, tokens->count + 1u, sizeof(*tokens->items));
  tokens->items[tokens->count++] = (struct token){role, gw_str_dup(name), gw_str_dup(token)};
}

static bool is_printable(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] <= ' ' || text.data[i] > '~') return false;
  return text.len > 0;
}

/* NULL: taken. Never says the token. */
static const char *take_line(struct gw_admin_tokens *tokens, struct gw_str line) {
  struct gw_str words[3] = {{NULL, 0}}, word;
  uint32_t count = 0;
  for (struct gw_str rest = line; gw_str_split_next(&rest, ' ', &word);) {
    if (word.len == 0) continue;
    if (count == GW_ARRAY_LEN(words)) return "three words are wanted: NAME ROLE TOKEN";
    words[count++] = word;
  }
  enum gw_admin_role role;
  if (count != GW_ARRAY_LEN(words)) return "three words are wanted: NAME ROLE TOKEN";
  if (!is_printable(words[0]) || words[0].len > NAME_MAX_BYTES) return "a name has 1 to 100 printable characters";
  if (!parse_role(words[1], &role)) return "a role is viewer, operator or admin";
  if (!is_printable(words[2]) || words[2].len < GW_ADMIN_TOKEN_MIN) return "a token has at least 32 printable characters";
  if (tokens->count > GW_ADMIN_TOKENS_MAX) return "there are at most 1000 tokens";
  for (uint32_t i = 0; i < tokens->count; i++) {
    if (gw_str_equal(gw_str_from(tokens->items[i].name), words[0])) return "this name is taken";
    if (gw_secret_equal(gw_str_from(tokens->items[i].token), words[2])) return "this token is another one's, too";
  }
  add_token(tokens, role, words[0], words[2]);
  return NULL;
}

static enum gw_err take_lines(struct gw_admin_tokens *tokens, const char *path, struct gw_str text, char **ret_reason) {
  struct gw_str line;
  for (uint32_t number = 1; gw_str_split_next(&text, '\n', &line); number++) {
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    line = gw_str_trim(line);
    if (line.len == 0 || line.data[0] == '#') continue;
    const char *why = take_line(tokens, line);
    if (why == NULL) continue;
    *ret_reason = gw_asprintf("%s:%u: %s", path, number, why);
    return GW_ERR_INVALID;
  }
  return GW_OK;
}

static enum gw_err read_file(struct gw_admin_tokens *tokens, const char *path, char **ret_reason) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) {
    *ret_reason = gw_asprintf("the tokens file %s cannot be read: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return GW_ERR_IO;
  }
  bool is_open = (status.st_mode & (S_IRWXO | S_IWGRP)) != 0;
  if (!S_ISREG(status.st_mode) || is_open || (size_t)status.st_size > FILE_BYTES_MAX) {
    *ret_reason =
        gw_asprintf(is_open ? "the tokens file %s is open to others: chmod 600 it" : "the tokens file %s is no file of at most 1 MiB",
                    path);
    close(fd);
    return GW_ERR_DENIED;
  }
  char *text = gw_malloc(FILE_BYTES_MAX + 1);
  ssize_t len = read(fd, text, FILE_BYTES_MAX);
  close(fd);
  enum gw_err err = GW_ERR_IO;
  if (len >= 0)
    err = take_lines(tokens, path, (struct gw_str){text, (size_t)len}, ret_reason);
  else
    *ret_reason = gw_asprintf("the tokens file %s cannot be read: %s", path, strerror(errno));
  explicit_bzero(text, FILE_BYTES_MAX + 1);
  free(text);
  return err;
}

enum gw_err gw_admin_tokens_new(struct gw_str token, const char *path, struct gw_admin_tokens **ret_tokens, char **ret_reason) {
  struct gw_admin_tokens *tokens = gw_calloc(1, sizeof(*tokens));
  add_token(tokens, GW_ADMIN_ROLE_ADMIN, GW_STR(GW_ADMIN_TOKEN_NAME), token);
  enum gw_err err = path != NULL ? read_file(tokens, path, ret_reason) : GW_OK;
  if (err == GW_OK) {
    *ret_tokens = tokens;
  } else {
    gw_admin_tokens_free(tokens);
  }
  return err;
}

void gw_admin_tokens_free(struct gw_admin_tokens *tokens) {
  if (tokens == NULL) return;
  for (uint32_t i = 0; i < tokens->count; i++) {
    explicit_bzero(tokens->items[i].token, strlen(tokens->items[i].token));
    free(tokens->items[i].token);
    free(tokens->items[i].name);
  }
  free(tokens->items);
  free(tokens);
}

/* ---- who calls ---- */

bool gw_admin_identify(const struct gw_admin_tokens *tokens, const struct gw_rpc_stream *stream, struct gw_admin_identity *ret_identity) {
  struct gw_str shown = gw_rpc_stream_metadata(stream, "authorization"), uri, name;
  bool is_known = false;
  for (uint32_t i = 0; shown.len > 0 && i < tokens->count; i++) { /* all of them, whichever it is */
    if (!gw_secret_is_bearer(shown, gw_str_from(tokens->items[i].token))) continue;
    *ret_identity = (struct gw_admin_identity){.role = tokens->items[i].role, .name = gw_str_from(tokens->items[i].name)};
    is_known = true;
  }
  enum gw_admin_role role;
  for (size_t i = 0; gw_rpc_stream_peer_uri(stream, i, &uri); i++) {
    if (!gw_admin_role_of_uri(uri, &role, &name) || (is_known && ret_identity->role <= role)) continue;
    *ret_identity = (struct gw_admin_identity){.role = role, .name = name, .has_certificate = true};
    is_known = true;
  }
  return is_known;
}
