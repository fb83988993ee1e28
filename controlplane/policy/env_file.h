/* Why: reads a .env file: NAME=VALUE lines, with comments, quotes and `export`.
 * Life: entries live in the arena given.
 * Thread: one at a time. */
#ifndef GW_CONTROLPLANE_POLICY_ENV_FILE_H
#define GW_CONTROLPLANE_POLICY_ENV_FILE_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

struct gw_env_entry {
  struct gw_str name;
  struct gw_str value;
  uint32_t line;   /* from 1 */
  uint32_t column; /* of the value, from 1 */
};

struct gw_env_file {
  struct gw_env_entry *items;
  uint32_t count;
};

#define GW_ENV_FILE_MAX 1000u /* settings in one file */

/* A value is what follows '=', trimmed; 'single quotes' keep all, "double quotes" know \" \\ \n; outside of quotes " #" begins a comment.
 * Every line that is none of this is a mistake in `name`; a name that stands twice is one, too. */
enum gw_err gw_env_file_parse(const char *name, struct gw_str text, struct gw_arena *arena, struct gw_errors *errors,
                              struct gw_env_file *ret_file);

#endif
