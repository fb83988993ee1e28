/* Why: reads JSON (RFC 8259) that strangers send into plain values: tokens' headers and claims, key sets, answers of registries.
 * Life: values and all that they point to are in the caller's arena; frozen.
 * Thread: parse where the arena is; values may be read by all. */
#ifndef GW_COMMON_BASE_JSON_VALUE_H
#define GW_COMMON_BASE_JSON_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

enum gw_json_kind {
  GW_JSON_NULL,
  GW_JSON_BOOL,
  GW_JSON_INTEGER, /* exact, 64 bits; a larger one is refused */
  GW_JSON_REAL,    /* written with a point or an exponent */
  GW_JSON_STRING,
  GW_JSON_ARRAY,
  GW_JSON_OBJECT,
};

struct gw_json_member;

struct gw_json_value {
  enum gw_json_kind kind;
  uint32_t count; /* of items or members */
  union {
    bool boolean;
    int64_t integer;
    double real;
    struct gw_str string; /* UTF-8, without NUL */
    const struct gw_json_value *items;
    const struct gw_json_member *members; /* in the text's order; no name twice */
  };
};

struct gw_json_member {
  struct gw_str name;
  struct gw_json_value value;
};

struct gw_json_limits {
  size_t bytes_max;
  uint32_t depth_max;  /* of arrays and objects in each other: [[1]] has 2; at most GW_JSON_DEPTH_MAX */
  uint32_t values_max; /* of all kinds, members' names not counted */
};
#define GW_JSON_DEPTH_MAX 256

/* One value, and nothing behind it but white space. GW_ERR_LIMIT: beyond `limits`; GW_ERR_INVALID: no JSON, a name twice in an object,
 * not UTF-8, NUL in a string, a number beyond 64 bits or beyond a double. */
enum gw_err gw_json_parse(struct gw_str text, const struct gw_json_limits *limits, struct gw_arena *arena,
                          const struct gw_json_value **ret_value);

/* A member's value; NULL: no such member, or not an object. `value` may be NULL. */
const struct gw_json_value *gw_json_find(const struct gw_json_value *value, struct gw_str name);
/* Whether it is this string. NULL is none. */
bool gw_json_is_string(const struct gw_json_value *value, struct gw_str text);
/* Whether it is a string, an integer or a boolean that is written like this: "7" is 7 as well as "7". */
bool gw_json_is_scalar(const struct gw_json_value *value, struct gw_str text);
/* A number of either kind as a double; false: none. Integers beyond 2^53 are rounded. */
bool gw_json_number(const struct gw_json_value *value, double *ret_number);

/* A way into a value: names of members; of arrays, indexes from 0 in decimal. */
struct gw_json_path {
  const struct gw_str *segments;
  uint32_t count;
};

/* "realm_access.roles"; or, when it begins with '/', a JSON pointer (RFC 6901), for names with dots: "/https:~1~1example.com~1roles".
 * GW_ERR_INVALID: empty, or an empty segment of the dotted form, or '~' before anything but 0 and 1. */
enum gw_err gw_json_path_parse(struct gw_str text, struct gw_arena *arena, struct gw_json_path *ret_path);
/* NULL: nothing there. */
const struct gw_json_value *gw_json_walk(const struct gw_json_value *value, const struct gw_json_path *path);

/* Appends it as compact JSON text. */
void gw_json_append_value(struct gw_strbuf *buf, const struct gw_json_value *value);
/* Appends a string as it is, a number or a boolean as JSON writes it; false: null, an array or an object, nothing appended. */
bool gw_json_append_scalar(struct gw_strbuf *buf, const struct gw_json_value *value);
/* A copy with all it points to. */
const struct gw_json_value *gw_json_copy(const struct gw_json_value *value, struct gw_arena *arena);

#endif
