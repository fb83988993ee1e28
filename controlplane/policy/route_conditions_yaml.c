#include "controlplane/policy/route_conditions_yaml.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/message/headers.h"
#include "common/message/uri.h"
#include "common/routing/regex.h"
#include "controlplane/policy/route_headers_yaml.h"

#define CONDITIONS_MAX 32u
#define HOSTS_MAX 64u
#define HOST_MAX_BYTES 253u
#define VALUE_MAX_BYTES 1024u

static const char *const match_keys[] = {"headers", "query", "cookies", NULL};
static const char *const condition_keys[] = {"exact", "prefix", "suffix", "contains", "regex", "present", "ignore_case", "invert", NULL};

struct list {
  struct gw_condition *items;
  struct gw_header_match *headers;
  struct gw_query_match *queries;
  struct gw_route_conditions *out;
};

/* What a value must be. */
struct wanted {
  enum gw_string_match_kind kind;
  struct gw_str value;
  bool ignore_case;
  bool invert;
};

bool gw_reader_regex(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_pattern) {
  char why[GW_REGEX_WHY_SIZE];
  struct gw_regex *regex = NULL;
  struct gw_str pattern;
  if (!gw_reader_text(reader, node, what, &pattern)) return false;
  if (gw_regex_new(pattern, (struct gw_regex_options){GW_REGEX_WHOLE, false}, why, &regex) != GW_OK) {
    gw_reader_mistake(reader, node, "%s %s", what, why);
    return false;
  }
  gw_regex_free(regex);
  *ret_pattern = pattern;
  return true;
}

/* ---- one value ---- */

static const struct {
  const char *key;
  enum gw_string_match_kind kind;
} patterns[] = {
    {"exact", GW_STRING_MATCH_EXACT},       {"prefix", GW_STRING_MATCH_PREFIX}, {"suffix", GW_STRING_MATCH_SUFFIX},
    {"contains", GW_STRING_MATCH_CONTAINS}, {"regex", GW_STRING_MATCH_REGEX},   {"present", GW_STRING_MATCH_PRESENT},
};

static bool read_pattern(const struct gw_reader *reader, const struct gw_yaml_node *node, enum gw_string_match_kind kind,
                         struct wanted *ret_wanted) {
  ret_wanted->kind = kind;
  if (kind == GW_STRING_MATCH_REGEX) return gw_reader_regex(reader, node, "regex", &ret_wanted->value);
  if (kind == GW_STRING_MATCH_PRESENT) {
    bool is_present = true;
    if (!gw_reader_bool(reader, node, "present", &is_present)) return false;
    ret_wanted->invert = !is_present;
    return true;
  }
  if (!gw_reader_text(reader, node, "the value of a condition", &ret_wanted->value)) return false;
  if (ret_wanted->value.len <= VALUE_MAX_BYTES && gw_header_value_is_valid(ret_wanted->value)) return true;
  gw_reader_mistake(reader, node, "the value of a condition has at most %u bytes and no control character", VALUE_MAX_BYTES);
  return false;
}

/* "value", or {exact: …}, {prefix: …}, … */
static bool read_wanted(const struct gw_reader *reader, const struct gw_yaml_node *node, struct wanted *ret_wanted) {
  *ret_wanted = (struct wanted){0};
  if (node->kind != GW_YAML_MAPPING) return read_pattern(reader, node, GW_STRING_MATCH_EXACT, ret_wanted);
  if (!gw_reader_is_mapping(reader, node, "a condition", condition_keys)) return false;
  uint32_t count = 0;
  bool is_good = true;
  for (size_t i = 0; i < GW_ARRAY_LEN(patterns); i++) {
    const struct gw_yaml_node *value = gw_yaml_find(node, patterns[i].key);
    if (value == NULL) continue;
    count++;
    is_good = read_pattern(reader, value, patterns[i].kind, ret_wanted) && is_good;
  }
  if (count != 1) {
    gw_reader_mistake(reader, node, "a condition is one of exact, prefix, suffix, contains, regex and present");
    return false;
  }
  const struct gw_yaml_node *ignore_case = gw_yaml_find(node, "ignore_case"), *invert = gw_yaml_find(node, "invert");
  bool is_text = ret_wanted->kind != GW_STRING_MATCH_REGEX && ret_wanted->kind != GW_STRING_MATCH_PRESENT;
  if (ignore_case != NULL && !is_text) gw_reader_mistake(reader, ignore_case, "ignore_case is for exact, prefix, suffix and contains");
  if (ignore_case != NULL) gw_reader_bool(reader, ignore_case, "ignore_case", &ret_wanted->ignore_case);
  if (invert != NULL && ret_wanted->kind == GW_STRING_MATCH_PRESENT)
    gw_reader_mistake(reader, invert, "invert is not for present; write present: false");
  else if (invert != NULL)
    gw_reader_bool(reader, invert, "invert", &ret_wanted->invert);
  return is_good;
}

/* ---- one condition ---- */

static void add_condition(struct list *list, enum gw_condition_kind kind, struct gw_str name, const struct wanted *wanted) {
  bool is_exact = wanted->kind == GW_STRING_MATCH_EXACT && !wanted->ignore_case && !wanted->invert;
  list->items[list->out->count++] = (struct gw_condition){kind, name, wanted->value, is_exact};
}

static void read_header(const struct gw_reader *reader, const struct gw_yaml_pair *pair, struct list *list) {
  struct gw_str name = pair->key->text;
  struct wanted wanted;
  if (!gw_header_name_is_valid(name)) {
    gw_reader_mistake(reader, pair->key, "%.*s is not the name of a header", GW_STR_ARG(name));
  } else if (gw_str_equal_nocase(name, GW_STR("host"))) {
    gw_reader_mistake(reader, pair->key, "the host is matched by hosts");
  } else if (read_wanted(reader, pair->value, &wanted)) {
    name = gw_policy_lower(reader->arena, name);
    add_condition(list, GW_CONDITION_HEADER, name, &wanted);
    /* "not x" is also true without the field. */
    list->headers[list->out->header_count++] =
        (struct gw_header_match){.name = name,
                                 .kind = wanted.kind,
                                 .value = wanted.value,
                                 .ignore_case = wanted.ignore_case,
                                 .invert = wanted.invert,
                                 .takes_missing_as_empty = wanted.invert && wanted.kind != GW_STRING_MATCH_PRESENT};
  }
}

static void read_query(const struct gw_reader *reader, const struct gw_yaml_pair *pair, struct list *list) {
  struct gw_str name = pair->key->text;
  struct wanted wanted;
  bool is_good = name.len > 0;
  for (size_t i = 0; i < name.len; i++)
    is_good = is_good && (unsigned char)name.data[i] > 0x20 && (unsigned char)name.data[i] < 0x7f && strchr("&=#?", name.data[i]) == NULL;
  if (!is_good) {
    gw_reader_mistake(reader, pair->key,
                      "the name of a parameter is compared as it stands in the query: no space, & = # or ? and only ASCII");
  } else if (read_wanted(reader, pair->value, &wanted)) {
    if (wanted.invert && wanted.kind != GW_STRING_MATCH_PRESENT)
      gw_reader_mistake(reader, pair->value, "invert is for headers and cookies; of a parameter only present: false is known");
    add_condition(list, GW_CONDITION_QUERY, name, &wanted);
    list->queries[list->out->query_count++] = (struct gw_query_match){name, wanted.kind, wanted.value, wanted.ignore_case, wanted.invert};
  }
}

static void append_quoted(struct gw_strbuf *buf, struct gw_str text, bool ignore_case) {
  if (ignore_case) gw_strbuf_append_str(buf, GW_STR("(?i:"));
  for (size_t i = 0; i < text.len; i++) {
    if (strchr("\\^$.[]|()?*+{}", text.data[i]) != NULL) gw_strbuf_append_char(buf, '\\');
    gw_strbuf_append_char(buf, text.data[i]);
  }
  if (ignore_case) gw_strbuf_append_char(buf, ')');
}

/* The whole Cookie field with such a cookie in it (RFC 6265 section 4.2.1); quotes around a value are not part of it. */
static struct gw_str cookie_regex(struct gw_arena *arena, struct gw_str name, const struct wanted *wanted) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_strbuf_append_str(&buf, GW_STR("(?:.*; *)?"));
  append_quoted(&buf, name, false);
  gw_strbuf_append_str(&buf, GW_STR("=\"?"));
  if (wanted->kind == GW_STRING_MATCH_SUFFIX || wanted->kind == GW_STRING_MATCH_CONTAINS || wanted->kind == GW_STRING_MATCH_PRESENT)
    gw_strbuf_append_str(&buf, GW_STR("[^;]*"));
  if (wanted->kind == GW_STRING_MATCH_REGEX)
    gw_strbuf_printf(&buf, "(?:%.*s)", GW_STR_ARG(wanted->value));
  else if (wanted->kind != GW_STRING_MATCH_PRESENT)
    append_quoted(&buf, wanted->value, wanted->ignore_case);
  if (wanted->kind == GW_STRING_MATCH_PREFIX || wanted->kind == GW_STRING_MATCH_CONTAINS) gw_strbuf_append_str(&buf, GW_STR("[^;]*"));
  gw_strbuf_append_str(&buf, GW_STR("\"? *(?:;.*)?"));
  return gw_arena_copy(arena, gw_strbuf_str(&buf));
}

static void read_cookie(const struct gw_reader *reader, const struct gw_yaml_pair *pair, struct list *list) {
  struct gw_str name = pair->key->text;
  struct wanted wanted;
  if (!gw_header_name_is_valid(name)) {
    gw_reader_mistake(reader, pair->key, "the name of a cookie is letters, digits and !#$%%&'*+-.^_`|~");
  } else if (read_wanted(reader, pair->value, &wanted)) {
    if (wanted.kind != GW_STRING_MATCH_REGEX && gw_str_find_char(wanted.value, ';') >= 0)
      gw_reader_mistake(reader, pair->value, "the value of a cookie has no ;");
    add_condition(list, GW_CONDITION_COOKIE, name, &wanted);
    list->headers[list->out->header_count++] = (struct gw_header_match){.name = GW_STR("cookie"),
                                                                        .kind = GW_STRING_MATCH_REGEX,
                                                                        .value = cookie_regex(reader->arena, name, &wanted),
                                                                        .invert = wanted.invert,
                                                                        .takes_missing_as_empty = wanted.invert};
  }
}

/* ---- all ---- */

static int compare_condition(const struct gw_condition *a, const struct gw_condition *b) {
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  int order = gw_str_compare(a->name, b->name);
  if (order == 0) order = gw_str_compare(a->value, b->value);
  return order != 0 ? order : (int)b->is_exact - (int)a->is_exact;
}

static int compare_items(const void *a, const void *b) {
  return compare_condition(a, b);
}

static struct gw_str name_conditions(const struct gw_route_conditions *conditions, struct gw_arena *arena) {
  static const char *const kinds[] = {[GW_CONDITION_HEADER] = "header", [GW_CONDITION_QUERY] = "query", [GW_CONDITION_COOKIE] = "cookie"};
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  for (uint32_t i = 0; i < conditions->count; i++)
    gw_strbuf_printf(&buf, "%s%s %.*s", i > 0 ? ", " : "", kinds[conditions->items[i].kind], GW_STR_ARG(conditions->items[i].name));
  return buf.len > 0 ? gw_arena_copy(arena, gw_strbuf_str(&buf)) : GW_STR("");
}

typedef void (*read_one_fn)(const struct gw_reader *reader, const struct gw_yaml_pair *pair, struct list *list);

void gw_conditions_read(const struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_route_conditions *ret_conditions) {
  static const read_one_fn read_one[] = {read_header, read_query, read_cookie};
  *ret_conditions = (struct gw_route_conditions){0};
  if (!gw_reader_is_mapping(reader, node, "match", match_keys)) return;
  const struct gw_yaml_node *parts[GW_ARRAY_LEN(read_one)];
  uint32_t total = 0;
  bool is_told = node->count > 0; /* a key that is not known */
  for (size_t i = 0; i < GW_ARRAY_LEN(read_one); i++) {
    parts[i] = gw_yaml_find(node, match_keys[i]);
    is_told = is_told && parts[i] == NULL;
    if (parts[i] != NULL && !gw_reader_is_mapping(reader, parts[i], match_keys[i], NULL)) return;
    total += parts[i] != NULL ? parts[i]->count : 0;
  }
  if (is_told) return;
  if (total == 0 || total > CONDITIONS_MAX) {
    gw_reader_mistake(reader, node, "match has 1 to %u conditions; leave it out for none", CONDITIONS_MAX);
    return;
  }
  struct list list = {.items = gw_arena_calloc(reader->arena, total, sizeof(*list.items)),
                      .headers = gw_arena_calloc(reader->arena, total, sizeof(*list.headers)),
                      .queries = gw_arena_calloc(reader->arena, total, sizeof(*list.queries)),
                      .out = ret_conditions};
  for (size_t i = 0; i < GW_ARRAY_LEN(read_one); i++)
    for (uint32_t k = 0; parts[i] != NULL && k < parts[i]->count; k++)
      read_one[i](reader, &parts[i]->pairs[k], &list);
  qsort(list.items, ret_conditions->count, sizeof(*list.items), compare_items);
  ret_conditions->items = list.items;
  ret_conditions->headers = list.headers;
  ret_conditions->queries = list.queries;
  ret_conditions->text = name_conditions(ret_conditions, reader->arena);
}

bool gw_conditions_exclude(const struct gw_route_conditions *a, const struct gw_route_conditions *b) {
  for (uint32_t i = 0; i < a->count; i++) {
    for (uint32_t k = 0; k < b->count; k++) {
      const struct gw_condition *x = &a->items[i], *y = &b->items[k];
      if (x->is_exact && y->is_exact && x->kind == y->kind && gw_str_equal(x->name, y->name) && !gw_str_equal(x->value, y->value))
        return true;
    }
  }
  return false;
}

int gw_conditions_compare(const struct gw_route_conditions *a, const struct gw_route_conditions *b) {
  if (a->count != b->count) return a->count > b->count ? -1 : 1;
  for (uint32_t i = 0; i < a->count; i++) {
    int order = compare_condition(&a->items[i], &b->items[i]);
    if (order != 0) return order;
  }
  return 0;
}

/* ---- hosts ---- */

static bool is_host(struct gw_str host) {
  if (host.len > HOST_MAX_BYTES) return false;
  if (gw_str_has_prefix(host, GW_STR("*.")))
    host = gw_str_skip(host, 2);
  else if (gw_str_has_suffix(host, GW_STR(".*")))
    host.len -= 2;
  /* A name, or an IP address; IPv6 in brackets, as it stands in a request. */
  return gw_uri_authority_is_valid(host) && gw_uri_authority_host(host).len == host.len && gw_str_find_char(host, '*') < 0;
}

static int compare_hosts(const void *a, const void *b) {
  return gw_str_compare(*(const struct gw_str *)a, *(const struct gw_str *)b);
}

void gw_hosts_read(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_str **ret_hosts, uint32_t *ret_count) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  uint32_t wanted = is_list ? node->count : 1, count = 0;
  if (wanted == 0 || wanted > HOSTS_MAX) {
    gw_reader_mistake(reader, node, "hosts lists 1 to %u hosts; leave it out for all", HOSTS_MAX);
    return;
  }
  struct gw_str *hosts = gw_arena_calloc(reader->arena, wanted, sizeof(*hosts));
  for (uint32_t i = 0; i < wanted; i++) {
    const struct gw_yaml_node *item = is_list ? node->items[i] : node;
    struct gw_str host;
    if (!gw_reader_text(reader, item, "a host", &host)) continue;
    bool is_any = gw_str_equal(host, GW_STR("*"));
    if (!is_any && !is_host(host)) {
      gw_reader_mistake(reader, item, "%.*s is not like example.com, \"*.example.com\", \"example.*\" or \"*\"; ports are not looked at",
                        GW_STR_ARG(host));
      continue;
    }
    hosts[count] = is_any ? GW_STR("") : gw_policy_lower(reader->arena, host);
    bool is_new = true;
    for (uint32_t k = 0; k < count; k++)
      is_new = is_new && !gw_str_equal(hosts[k], hosts[count]);
    if (!is_new) gw_reader_mistake(reader, item, "%.*s stands here twice", GW_STR_ARG(host));
    count += is_new;
  }
  qsort(hosts, count, sizeof(*hosts), compare_hosts);
  *ret_hosts = hosts;
  *ret_count = count;
}
