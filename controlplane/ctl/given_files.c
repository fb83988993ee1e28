#include "controlplane/ctl/given_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/policy/policy.h"
#include "controlplane/policy/yaml.h"

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

/* Of two that look the same one is broken, and who reads them says how: the first one is taken for routes, unless it is called services. */
static void tell_apart(const struct gw_given_file files[GW_CTL_FILES_MAX], bool are_services[GW_CTL_FILES_MAX]) {
  if (are_services[0] != are_services[1]) return;
  are_services[0] = strstr(files[0].name, "service") != NULL && strstr(files[1].name, "service") == NULL;
  are_services[1] = !are_services[0];
}

int gw_given_files_read(const struct gw_ctl *ctl, struct gw_given_files *ret_files) {
  struct gw_given_file files[GW_CTL_FILES_MAX] = {{NULL, {NULL, 0}}};
  bool are_services[GW_CTL_FILES_MAX] = {false};
  struct gw_errors errors;
  gw_errors_init(&errors);
  *ret_files = (struct gw_given_files){0};
  for (uint32_t i = 0; i < ctl->change.file_count; i++) {
    files[i].name = ctl->change.files[i];
    if (gw_policy_read_file(files[i].name, &errors, &files[i].text) == GW_OK)
      are_services[i] = holds_services(files[i].name, files[i].text);
  }
  if (ctl->change.file_count == GW_CTL_FILES_MAX) tell_apart(files, are_services);
  for (uint32_t i = 0; i < ctl->change.file_count; i++)
    *(are_services[i] ? &ret_files->services : &ret_files->routes) = files[i];
  bool is_good = errors.error_count == 0;
  if (!is_good) {
    char *text = gw_errors_format(&errors);
    fputs(text, stderr);
    free(text);
    gw_given_files_done(ret_files);
  }
  gw_errors_done(&errors);
  return is_good ? GW_CTL_OK : GW_CTL_INVALID;
}

void gw_given_files_done(struct gw_given_files *files) {
  free((char *)(uintptr_t)files->routes.text.data);
  free((char *)(uintptr_t)files->services.text.data);
  *files = (struct gw_given_files){0};
}
