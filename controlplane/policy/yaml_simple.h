/* Why: reads the files that people mostly write, several times as fast as libyaml: a configuration of thousands of routes is read at each
 * edit. Whatever it does not know for sure is libyaml's, mistakes among it.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_CONTROLPLANE_POLICY_YAML_SIMPLE_H
#define GW_CONTROLPLANE_POLICY_YAML_SIMPLE_H

#include "controlplane/policy/yaml_tree.h"

/* Printable ASCII without tabs: comments (in any script), mappings and lists by indentation, on one line each their scalars (plain, or in
 * quotes without escapes) and lists and mappings in brackets. False: something else is there, too; what the tree has is of no use. True:
 * the tree is what libyaml would have made of it, places included, and whole. */
bool gw_yaml_read_simple(struct gw_yaml_tree *tree, struct gw_str text);

#endif
