/* Why: -o yaml, once for all verbs: what a verb prints as JSON, printed as YAML.
 * Life: no objects.
 * Thread: main. */
#ifndef GW_CONTROLPLANE_CTL_YAML_OUTPUT_H
#define GW_CONTROLPLANE_CTL_YAML_OUTPUT_H

#include "common/base/json_value.h"
#include "controlplane/ctl/ctl.h"

/* Appends a document in block style, with a line end. Texts that YAML might take for something else are quoted. */
void gw_yaml_append_value(struct gw_strbuf *out, const struct gw_json_value *value);
/* Runs the verb, which prints JSON, a line each; those lines come out as YAML documents, other lines as they are. Returns the verb's exit
 * code. What it prints stays in memory: there may be keys in it. */
int gw_ctl_run_for_yaml(const struct gw_ctl *ctl, int (*run)(const struct gw_ctl *ctl));

#endif
