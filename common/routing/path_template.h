/* Why: Envoy's uri_template: a path pattern such as /users/{id}/files/{rest=**}, parsed and compared exactly as Envoy 1.40 does.
 * Life: a value on the caller's stack; its strings point into the text.
 * Thread: any. */
#ifndef GW_COMMON_ROUTING_PATH_TEMPLATE_H
#define GW_COMMON_ROUTING_PATH_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define GW_PATH_TEMPLATE_MAX 256u /* bytes: path_template's upper bound upstream */
#define GW_PATH_TEMPLATE_VARIABLES_MAX 5u
#define GW_PATH_TEMPLATE_NAME_MAX 16u
#define GW_PATH_TEMPLATE_PIECES_MAX (GW_PATH_TEMPLATE_MAX + 1)

/* What `*` and a variable take: one or more of these bytes; `**` takes these and '/'. As a class of a regular expression: */
#define GW_PATH_TEMPLATE_CLASS "a-zA-Z0-9-._~%!$&'()+,;:@=*"
bool gw_path_template_takes(char c);

enum gw_path_piece_kind {
  GW_PATH_PIECE_LITERAL,
  GW_PATH_PIECE_SEGMENT, /* `*`: a run without '/' that is not empty */
  GW_PATH_PIECE_REST,    /* `**`: a run with '/', may be empty */
};
struct gw_path_piece {
  enum gw_path_piece_kind kind;
  struct gw_str text; /* of a literal; may hold '/' */
};
struct gw_path_variable {
  struct gw_str name;
  uint32_t first_piece; /* it spans pieces [first_piece, end_piece) */
  uint32_t end_piece;
};
struct gw_path_template {
  struct gw_path_piece pieces[GW_PATH_TEMPLATE_PIECES_MAX];
  uint32_t piece_count;
  struct gw_path_variable variables[GW_PATH_TEMPLATE_VARIABLES_MAX];
  uint32_t variable_count;
  bool is_plain; /* each `*` is a whole segment and `**` the whole last one: no backtracking, fit for a trie */
};

/* GW_ERR_INVALID: Envoy refuses it, or it has a literal with '*' in it (which Envoy reads as a regular expression); *ret_why says why. */
enum gw_err gw_path_template_parse(struct gw_str text, struct gw_path_template *ret_template, const char **ret_why);
/* A plain template's match of a path without query. The end of each piece goes to ret_ends (may be NULL). */
bool gw_path_template_match_plain(const struct gw_path_template *template, struct gw_str path,
                                  uint32_t ret_ends[GW_PATH_TEMPLATE_PIECES_MAX]);
/* The same template as a regular expression of the whole path, with one group a variable. */
void gw_path_template_format_regex(const struct gw_path_template *template, struct gw_strbuf *out);

#endif
