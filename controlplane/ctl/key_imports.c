/* What `gatewayctl keys import` reads. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/duration.h"
#include "common/base/mem.h"
#include "controlplane/ctl/verb_keys.h"

typedef Gateway__Admin__V1__ImportedApiKey ImportedApiKey;
#define HASH_BYTES 32u

enum gw_err gw_ctl_parse_expiry(struct gw_str text, int64_t now_s, int64_t *ret_expires_at_s) {
  if (gw_str_equal(text, GW_STR("never"))) {
    *ret_expires_at_s = 0;
    return GW_OK;
  }
  uint64_t ms;
  if (gw_duration_parse(text, &ms) == GW_OK && ms > 0) {
    *ret_expires_at_s = now_s + (int64_t)((ms + 999) / 1000);
    return GW_OK;
  }
  static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"};
  GW_CLEANUP(gw_free_ptr) char *copy = gw_str_dup(text);
  for (size_t i = 0; i < GW_ARRAY_LEN(forms); i++) {
    struct tm when = {0};
    const char *end = strptime(copy, forms[i], &when);
    if (end == NULL || *end != '\0') continue;
    *ret_expires_at_s = timegm(&when);
    return *ret_expires_at_s > 0 ? GW_OK : GW_ERR_INVALID;
  }
  return GW_ERR_INVALID;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_hash(struct gw_str hex, struct gw_arena *arena, ProtobufCBinaryData *ret_hash) {
  if (hex.len != (size_t)HASH_BYTES * 2) return false;
  uint8_t *bytes = gw_arena_calloc(arena, HASH_BYTES, 1);
  for (size_t i = 0; i < HASH_BYTES; i++) {
    int high = hex_digit(hex.data[i * 2]), low = hex_digit(hex.data[i * 2 + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = (uint8_t)(high << 4 | low);
  }
  *ret_hash = (ProtobufCBinaryData){HASH_BYTES, bytes};
  return true;
}

static char *copy(struct gw_arena *arena, struct gw_str text) {
  return (char *)(uintptr_t)gw_arena_copy(arena, text).data;
}

/* "a,b" */
static char **split(struct gw_arena *arena, struct gw_str text, size_t *ret_count) {
  struct gw_str rest = text, word;
  size_t room = 1, count = 0;
  for (size_t i = 0; i < text.len; i++)
    room += text.data[i] == ',';
  char **words = gw_arena_calloc(arena, room, sizeof(*words));
  while (gw_str_split_next(&rest, ',', &word))
    words[count++] = copy(arena, word);
  *ret_count = count;
  return words;
}

/* The next piece between white space; false: none is left. */
static bool next_word(struct gw_str *rest, struct gw_str *ret_word) {
  *rest = gw_str_trim(*rest);
  size_t len = 0;
  while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\t')
    len++;
  *ret_word = (struct gw_str){rest->data, len};
  *rest = gw_str_skip(*rest, len);
  return len > 0;
}

/* NULL, or what is wrong. */
static const char *take_property(struct gw_str name, struct gw_str value, int64_t now_s, struct gw_arena *arena, ImportedApiKey *key) {
  if (gw_str_equal(name, GW_STR("name"))) {
    key->name = copy(arena, value);
  } else if (gw_str_equal(name, GW_STR("plan"))) {
    key->plan = copy(arena, value);
  } else if (gw_str_equal(name, GW_STR("roles"))) {
    key->roles = split(arena, value, &key->n_roles);
  } else if (gw_str_equal(name, GW_STR("permissions"))) {
    key->permissions = split(arena, value, &key->n_permissions);
  } else if (gw_str_equal(name, GW_STR("expires"))) {
    if (gw_ctl_parse_expiry(value, now_s, &key->expires_at_s) != GW_OK) return "expires: " GW_CTL_EXPIRY_ALLOWED " is allowed";
  } else {
    return "name, roles, permissions, plan and expires are allowed behind the owner";
  }
  return NULL;
}

static const char *read_line(struct gw_str line, int64_t now_s, struct gw_arena *arena, ImportedApiKey *key) {
  static const struct gw_str mark = {"hmac:", 5};
  struct gw_str word, name;
  next_word(&line, &word);
  bool is_hash = gw_str_has_prefix(word, mark);
  if (is_hash && !parse_hash(gw_str_skip(word, mark.len), arena, &key->hash)) return "hmac: 64 hex digits are wanted behind it";
  if (!is_hash) key->secret = copy(arena, word);
  if (!next_word(&line, &word)) return "an owner is wanted behind the key";
  key->owner = copy(arena, word);
  while (next_word(&line, &word)) {
    if (!gw_str_split_next(&word, '=', &name) || word.data == NULL) return "NAME=VALUE is wanted behind the owner";
    const char *words = take_property(name, word, now_s, arena, key);
    if (words != NULL) return words;
  }
  return NULL;
}

enum gw_err gw_ctl_read_imports(struct gw_str text, const char *file, int64_t now_s, struct gw_arena *arena, struct gw_errors *errors,
                                ImportedApiKey ***ret_keys, size_t *ret_count) {
  struct gw_str rest = text, line;
  size_t room = 1, count = 0;
  for (size_t i = 0; i < text.len; i++)
    room += text.data[i] == '\n';
  ImportedApiKey **keys = gw_arena_calloc(arena, room, sizeof(ImportedApiKey *));
  for (unsigned number = 1; gw_str_split_next(&rest, '\n', &line); number++) {
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    line = gw_str_trim(line);
    if (line.len == 0 || line.data[0] == '#') continue;
    ImportedApiKey *key = gw_arena_alloc(arena, sizeof(*key));
    gateway__admin__v1__imported_api_key__init(key);
    const char *words = read_line(line, now_s, arena, key);
    if (words != NULL) gw_errors_add(errors, gw_arena_printf(arena, "%s:%u", file, number), "%s", words);
    keys[count++] = key;
  }
  if (errors->error_count > 0) return GW_ERR_INVALID;
  *ret_keys = keys;
  *ret_count = count;
  return GW_OK;
}
