/* gatewayctl apply and rollback. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "controlplane/ctl/change.h"
#include "controlplane/policy/policy.h"
#include "controlplane/policy/yaml.h"

#define TEXTS_MAX ((size_t)16 << 20)

struct file {
  const char *name;
  struct gw_str text;
  bool is_services;
};

/* By what is in it; what is no YAML goes by its name, and the control plane says what is wrong with it. */
static bool holds_services(const char *name, struct gw_str text) {
  struct gw_arena arena;
  struct gw_errors errors;
  gw_arena_init(&arena, 65536);
  gw_errors_init(&errors);
  const struct gw_yaml_node *root = NULL;
  bool is_yaml = gw_yaml_parse(name, text, &arena, &errors, &root) == GW_OK && root != NULL && root->kind == GW_YAML_MAPPING;
  bool is_so = is_yaml ? gw_yaml_find(root, "services") != NULL && gw_yaml_find(root, "routes") == NULL : strstr(name, "service") != NULL;
  gw_errors_done(&errors);
  gw_arena_done(&arena);
  return is_so;
}

/* Of two that look the same one is broken, and the control plane says how: the first one is taken for routes, unless it is called services.
 */
static void tell_apart(struct file files[GW_CTL_FILES_MAX]) {
  if (files[0].is_services != files[1].is_services) return;
  files[0].is_services = strstr(files[0].name, "service") != NULL && strstr(files[1].name, "service") == NULL;
  files[1].is_services = !files[0].is_services;
}

static int read_files(const struct gw_ctl *ctl, struct file files[GW_CTL_FILES_MAX]) {
  struct gw_errors errors;
  gw_errors_init(&errors);
  size_t bytes = 0;
  for (uint32_t i = 0; i < ctl->change.file_count; i++) {
    files[i].name = ctl->change.files[i];
    if (gw_policy_read_file(files[i].name, &errors, &files[i].text) != GW_OK) continue;
    files[i].is_services = holds_services(files[i].name, files[i].text);
    bytes += files[i].text.len;
  }
  if (ctl->change.file_count == 2) tell_apart(files);
  int exit_code = GW_CTL_OK;
  if (errors.error_count > 0) {
    char *text = gw_errors_format(&errors);
    fputs(text, stderr);
    free(text);
    exit_code = GW_CTL_INVALID;
  } else if (ctl->change.file_count == 0) {
    exit_code = gw_ctl_fail_usage("apply wants -f FILE: routes, services, or one of each");
  } else if (bytes > TEXTS_MAX) {
    fprintf(stderr, "gatewayctl: the files are too large: together %zu MiB are allowed\n", TEXTS_MAX >> 20);
    exit_code = GW_CTL_INVALID;
  }
  gw_errors_done(&errors);
  return exit_code;
}

static ProtobufCBinaryData lend(struct gw_str text) {
  return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

static int apply_files(const struct gw_ctl *ctl, const struct file *files) {
  char id[GW_CHANGE_ID_SIZE];
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  gw_change_make_id(id);
  Gateway__Admin__V1__ApplyRequest request = GATEWAY__ADMIN__V1__APPLY_REQUEST__INIT;
  for (uint32_t i = 0; i < ctl->change.file_count; i++) {
    char *name = gw_arena_strdup(&arena, files[i].name);
    if (files[i].is_services) {
      request.has_services = true;
      request.services = lend(files[i].text);
      request.services_name = name;
    } else {
      request.has_routes = true;
      request.routes = lend(files[i].text);
      request.routes_name = name;
    }
  }
  request.dry_run = ctl->change.is_dry;
  request.message = gw_arena_strdup(&arena, ctl->change.message != NULL ? ctl->change.message : "");
  request.author = gw_arena_strdup(&arena, gw_change_author(&arena));
  request.checks_revision = (ctl->given & GW_CTL_FLAG_IF_REVISION) != 0;
  request.if_revision = ctl->change.if_revision;
  request.allow_loosening = ctl->change.allows_loosening;
  request.request_id = id;
  int exit_code = gw_change_run(ctl, "Apply", &request.base);
  gw_arena_done(&arena);
  return exit_code;
}

int gw_ctl_apply(const struct gw_ctl *ctl) {
  struct file files[GW_CTL_FILES_MAX] = {{NULL, {NULL, 0}, false}};
  int exit_code = read_files(ctl, files);
  if (exit_code == GW_CTL_OK) exit_code = apply_files(ctl, files);
  for (uint32_t i = 0; i < GW_CTL_FILES_MAX; i++)
    free((char *)(uintptr_t)files[i].text.data);
  return exit_code;
}

int gw_ctl_rollback(const struct gw_ctl *ctl) {
  uint64_t number;
  if (gw_str_parse_u64(gw_str_from(ctl->words[0]), &number) != GW_OK || number == 0)
    return gw_ctl_fail_usage("rollback %s: the number of a revision is wanted (gatewayctl history lists them)", ctl->words[0]);
  char id[GW_CHANGE_ID_SIZE];
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  gw_change_make_id(id);
  Gateway__Admin__V1__RollbackRequest request = GATEWAY__ADMIN__V1__ROLLBACK_REQUEST__INIT;
  request.revision = number;
  request.message = gw_arena_strdup(&arena, ctl->change.message != NULL ? ctl->change.message : "");
  request.author = gw_arena_strdup(&arena, gw_change_author(&arena));
  request.checks_revision = (ctl->given & GW_CTL_FLAG_IF_REVISION) != 0;
  request.if_revision = ctl->change.if_revision;
  request.request_id = id;
  int exit_code = gw_change_run(ctl, "Rollback", &request.base);
  gw_arena_done(&arena);
  return exit_code;
}
