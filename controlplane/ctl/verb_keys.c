/* gatewayctl keys: API keys in the control plane's store. A key is shown once, alone on standard output; all else about it goes beside. */
#include "controlplane/ctl/verb_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/duration.h"
#include "common/base/mem.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/ctl.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"

#define IMPORT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define IMPORTS_AT_ONCE 1000u
#define GRACE_DEFAULT_S 86400u

typedef Gateway__Admin__V1__ApiKey ApiKey;
#define DESCRIPTOR(name) gateway__admin__v1__##name##__descriptor

static int64_t now_s(void) {
  return (int64_t)(gw_clock_wall_us() / 1000000u);
}

/* ---- showing ---- */

static const char *state_name(const ApiKey *key) {
  switch (key->state) {
  case GATEWAY__ADMIN__V1__API_KEY__STATE__ACTIVE: return "active";
  case GATEWAY__ADMIN__V1__API_KEY__STATE__EXPIRED: return "expired";
  case GATEWAY__ADMIN__V1__API_KEY__STATE__REVOKED: return "revoked";
  default: return "";
  }
}

static void add_words(struct gw_table *table, char *const *words, size_t count) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < count; i++)
    gw_strbuf_printf(&text, "%s%s", i > 0 ? "," : "", words[i]);
  gw_table_add(table, text.data);
  gw_strbuf_done(&text);
}

/* "2027-01-31 12:00"; 0: nothing. */
static void add_time(struct gw_table *table, int64_t when_s) {
  char text[GW_CLOCK_RFC3339_SIZE];
  if (when_s > 0) {
    gw_clock_format_rfc3339((uint64_t)when_s * 1000000u, text);
    text[10] = ' ';
    text[16] = '\0';
  }
  gw_table_add(table, when_s > 0 ? text : "");
}

static void print_keys(ApiKey *const *keys, size_t count) {
  static const char *const heads[] = {"ID", "OWNER", "NAME", "ROLES", "PERMISSIONS", "PLAN", "STATE", "CREATED", "EXPIRES", "LAST USED"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < count; i++) {
    const ApiKey *key = keys[i];
    gw_table_add(&table, key->id);
    gw_table_add(&table, key->owner);
    gw_table_add(&table, key->name);
    add_words(&table, key->roles, key->n_roles);
    add_words(&table, key->permissions, key->n_permissions);
    gw_table_add(&table, key->plan);
    gw_table_add(&table, state_name(key));
    add_time(&table, key->created_at_s);
    add_time(&table, key->expires_at_s);
    add_time(&table, key->last_used_at_s);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

static void print_secret(const ApiKey *key, const char *secret) {
  puts(secret);
  fprintf(stderr, "key %s of %s; it is shown this once\n", key->id, key->owner);
}

/* ---- verbs ---- */

static int create(const struct gw_ctl *ctl, struct gw_arena *arena) {
  const struct gw_ctl_keys *asked = &ctl->keys;
  Gateway__Admin__V1__CreateApiKeyRequest request = GATEWAY__ADMIN__V1__CREATE_API_KEY_REQUEST__INIT;
  if (asked->owner == NULL) return gw_ctl_fail_usage("keys create wants --owner");
  request.owner = (char *)(uintptr_t)asked->owner;
  request.name = (char *)(uintptr_t)(asked->name != NULL ? asked->name : "");
  request.plan = (char *)(uintptr_t)(asked->plan != NULL ? asked->plan : "");
  request.roles = (char **)(uintptr_t)asked->roles;
  request.n_roles = asked->role_count;
  request.permissions = (char **)(uintptr_t)asked->permissions;
  request.n_permissions = asked->permission_count;
  request.expires_at_s = asked->expires_at_s;
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, "CreateApiKey", &request.base, &DESCRIPTOR(create_api_key_response), arena, &reply);
  const Gateway__Admin__V1__CreateApiKeyResponse *made = (const void *)reply;
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    print_secret(made->key, made->secret);
  return GW_CTL_OK;
}

static int fetch_page(const struct gw_ctl *ctl, const char *id, const char *after, struct gw_arena *arena,
                      const Gateway__Admin__V1__ListApiKeysResponse **ret_page) {
  Gateway__Admin__V1__ListApiKeysRequest request = GATEWAY__ADMIN__V1__LIST_API_KEYS_REQUEST__INIT;
  request.id = (char *)(uintptr_t)id;
  request.owner = (char *)(uintptr_t)(ctl->keys.owner != NULL ? ctl->keys.owner : "");
  request.ended = ctl->keys.shows_ended;
  request.page_token = (char *)(uintptr_t)after;
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, "ListApiKeys", &request.base, &DESCRIPTOR(list_api_keys_response), arena, &reply);
  if (exit_code == GW_CTL_OK) *ret_page = (const void *)reply;
  return exit_code;
}

/* All pages as one list. */
static int list(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__ListApiKeysResponse all = GATEWAY__ADMIN__V1__LIST_API_KEYS_RESPONSE__INIT;
  const char *after = "";
  int exit_code;
  do {
    const Gateway__Admin__V1__ListApiKeysResponse *page = NULL;
    exit_code = fetch_page(ctl, "", after, arena, &page);
    if (exit_code != GW_CTL_OK) break;
    all.keys = gw_realloc_array(all.keys, all.n_keys + page->n_keys + 1, sizeof(Gateway__Admin__V1__ApiKey *));
    if (page->n_keys > 0) memcpy(all.keys + all.n_keys, page->keys, page->n_keys * sizeof(Gateway__Admin__V1__ApiKey *));
    all.n_keys += page->n_keys;
    all.problem = page->problem;
    after = page->next_page_token;
  } while (after[0] != '\0');
  if (exit_code == GW_CTL_OK && ctl->is_json) gw_message_json_print(&all.base);
  if (exit_code == GW_CTL_OK && !ctl->is_json) print_keys(all.keys, all.n_keys);
  if (exit_code == GW_CTL_OK && all.problem[0] != '\0') fprintf(stderr, "gatewayctl: %s\n", all.problem);
  free(all.keys);
  return exit_code;
}

static int show(const struct gw_ctl *ctl, struct gw_arena *arena) {
  const Gateway__Admin__V1__ListApiKeysResponse *page = NULL;
  int exit_code = fetch_page(ctl, ctl->words[1], "", arena, &page);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (page->problem[0] != '\0') fprintf(stderr, "gatewayctl: %s\n", page->problem);
  if (page->n_keys == 0) {
    fprintf(stderr, "gatewayctl: there is no key %s\n", ctl->words[1]);
    return GW_CTL_NOT_FOUND;
  }
  if (ctl->is_json)
    gw_message_json_print(&page->keys[0]->base);
  else
    print_keys(page->keys, page->n_keys);
  return GW_CTL_OK;
}

static int rotate(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__RotateApiKeyRequest request = GATEWAY__ADMIN__V1__ROTATE_API_KEY_REQUEST__INIT;
  request.id = (char *)(uintptr_t)ctl->words[1];
  request.grace_s = (ctl->given & GW_CTL_FLAG_GRACE) != 0 ? ctl->keys.grace_s : GRACE_DEFAULT_S;
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, "RotateApiKey", &request.base, &DESCRIPTOR(rotate_api_key_response), arena, &reply);
  const Gateway__Admin__V1__RotateApiKeyResponse *made = (const void *)reply;
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json) {
    gw_message_json_print(reply);
  } else {
    char text[GW_DURATION_TEXT_SIZE];
    print_secret(made->key, made->secret);
    if (request.grace_s > 0)
      fprintf(stderr, "the old one, %s, goes on for %s\n", made->old_key->id, gw_duration_format(request.grace_s * 1000ull, text));
  }
  return GW_CTL_OK;
}

static int expire(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__ExpireApiKeyRequest request = GATEWAY__ADMIN__V1__EXPIRE_API_KEY_REQUEST__INIT;
  if ((ctl->given & GW_CTL_FLAG_EXPIRES) == 0) return gw_ctl_fail_usage("keys expire wants --expires");
  request.id = (char *)(uintptr_t)ctl->words[1];
  request.expires_at_s = ctl->keys.expires_at_s;
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, "ExpireApiKey", &request.base, &DESCRIPTOR(expire_api_key_response), arena, &reply);
  Gateway__Admin__V1__ExpireApiKeyResponse *made = (void *)reply;
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    print_keys(&made->key, 1);
  return GW_CTL_OK;
}

static int revoke(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__RevokeApiKeysRequest request = GATEWAY__ADMIN__V1__REVOKE_API_KEYS_REQUEST__INIT;
  request.ids = (char **)(uintptr_t)(ctl->words + 1);
  request.n_ids = (size_t)ctl->word_count - 1;
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, "RevokeApiKeys", &request.base, &DESCRIPTOR(revoke_api_keys_response), arena, &reply);
  const Gateway__Admin__V1__RevokeApiKeysResponse *made = (const void *)reply;
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    printf("%zu revoked\n", made->n_keys);
  return GW_CTL_OK;
}

/* ---- import ---- */

/* Standard input for "-". */
static int read_all(const char *path, struct gw_strbuf *text) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
  char piece[16384];
  size_t len = 0;
  while (file != NULL && text->len <= IMPORT_BYTES_MAX && (len = fread(piece, 1, sizeof(piece), file)) > 0)
    gw_strbuf_append(text, piece, len);
  explicit_bzero(piece, sizeof(piece));
  bool is_bad = file == NULL || ferror(file) != 0;
  if (is_bad) fprintf(stderr, "gatewayctl: %s cannot be read: %s\n", path, strerror(errno));
  if (!is_bad && text->len > IMPORT_BYTES_MAX) fprintf(stderr, "gatewayctl: %s is too long\n", path);
  if (file != NULL && file != stdin) fclose(file);
  return is_bad || text->len > IMPORT_BYTES_MAX ? GW_CTL_INVALID : GW_CTL_OK;
}

/* As many at once as the API takes; what was imported before a piece failed stays. */
static int send_imports(const struct gw_ctl *ctl, Gateway__Admin__V1__ImportedApiKey **keys, size_t count, struct gw_arena *arena) {
  size_t done = 0;
  while (done < count) {
    Gateway__Admin__V1__ImportApiKeysRequest request = GATEWAY__ADMIN__V1__IMPORT_API_KEYS_REQUEST__INIT;
    request.keys = keys + done;
    request.n_keys = count - done < IMPORTS_AT_ONCE ? count - done : IMPORTS_AT_ONCE;
    ProtobufCMessage *reply;
    int exit_code = gw_admin_client_ask(ctl, "ImportApiKeys", &request.base, &DESCRIPTOR(import_api_keys_response), arena, &reply);
    if (exit_code != GW_CTL_OK) {
      if (done > 0) fprintf(stderr, "gatewayctl: the first %zu keys of the file were imported\n", done);
      return exit_code;
    }
    Gateway__Admin__V1__ImportApiKeysResponse *made = (void *)reply;
    if (ctl->is_json) gw_message_json_print(reply);
    done += made->n_keys;
  }
  if (!ctl->is_json) printf("%zu imported\n", done);
  return GW_CTL_OK;
}

static int import_file(const struct gw_ctl *ctl, struct gw_arena *arena) {
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  int exit_code = read_all(ctl->words[1], &text);
  struct gw_errors errors;
  gw_errors_init(&errors);
  Gateway__Admin__V1__ImportedApiKey **keys = NULL;
  size_t count = 0;
  if (exit_code == GW_CTL_OK) {
    enum gw_err err = gw_ctl_read_imports(gw_strbuf_str(&text), ctl->words[1], now_s(), arena, &errors, &keys, &count);
    if (err == GW_OK) {
      exit_code = send_imports(ctl, keys, count, arena);
    } else {
      GW_CLEANUP(gw_free_ptr) char *mistakes = gw_errors_format(&errors);
      fputs(mistakes, stderr);
      exit_code = GW_CTL_INVALID;
    }
  }
  gw_errors_done(&errors);
  gw_strbuf_wipe(&text);
  return exit_code;
}

static const struct gw_ctl_word words[] = {
    {"create", 1, 1, "no further words", create,
     GW_CTL_FLAG_OWNER | GW_CTL_FLAG_NAME | GW_CTL_FLAG_ROLE | GW_CTL_FLAG_PERMISSION | GW_CTL_FLAG_PLAN | GW_CTL_FLAG_EXPIRES},
    {"list", 1, 1, "no further words", list, GW_CTL_FLAG_OWNER | GW_CTL_FLAG_ENDED},
    {"show", 2, 2, "an ID", show, 0},
    {"rotate", 2, 2, "an ID", rotate, GW_CTL_FLAG_GRACE},
    {"expire", 2, 2, "an ID", expire, GW_CTL_FLAG_EXPIRES},
    {"revoke", 2, GW_CTL_ANY_WORDS, "one ID or more", revoke, 0},
    {"import", 2, 2, "a FILE, or -", import_file, 0},
};

int gw_ctl_keys(const struct gw_ctl *ctl) {
  return gw_ctl_run_word(ctl, "keys", words, GW_ARRAY_LEN(words));
}
