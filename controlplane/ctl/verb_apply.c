/* gatewayctl apply and rollback. */
#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>

#include "common/base/mem.h"
#include "controlplane/ctl/change.h"
#include "controlplane/ctl/given_files.h"

#define TEXTS_MAX ((size_t)16 << 20)

static ProtobufCBinaryData lend(struct gw_str text) {
  return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

static int apply_files(const struct gw_ctl *ctl, const struct gw_given_files *files) {
  char id[GW_CHANGE_ID_SIZE];
  struct gw_arena arena;
  gw_arena_init(&arena, 1024);
  gw_change_make_id(id);
  Gateway__Admin__V1__ApplyRequest request = GATEWAY__ADMIN__V1__APPLY_REQUEST__INIT;
  request.has_routes = files->routes.name != NULL;
  request.has_services = files->services.name != NULL;
  request.routes = lend(files->routes.text);
  request.services = lend(files->services.text);
  if (request.has_routes) request.routes_name = gw_arena_strdup(&arena, files->routes.name);
  if (request.has_services) request.services_name = gw_arena_strdup(&arena, files->services.name);
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
  struct gw_given_files files;
  if (ctl->change.file_count == 0) return gw_ctl_fail_usage("apply wants -f FILE: routes, services, or one of each");
  int exit_code = gw_given_files_read(ctl, &files);
  if (exit_code == GW_CTL_OK && files.routes.text.len + files.services.text.len > TEXTS_MAX) {
    fprintf(stderr, "gatewayctl: the files are too large: together %zu MiB are allowed\n", TEXTS_MAX >> 20);
    exit_code = GW_CTL_INVALID;
  }
  if (exit_code == GW_CTL_OK) exit_code = apply_files(ctl, &files);
  gw_given_files_done(&files);
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
