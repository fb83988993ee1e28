#include "controlplane/policy/tls_yaml.h"

#include "common/net/address.h"

#define NAMES_MAX 100u

/* Beside the file that names it. */
static const char *resolve(const struct gw_reader *reader, struct gw_str path) {
  const char *slash = strrchr(reader->name, '/');
  if (path.data[0] == '/' || slash == NULL) return gw_arena_copy(reader->arena, path).data;
  return gw_arena_printf(reader->arena, "%.*s/%.*s", (int)(slash - reader->name), reader->name, GW_STR_ARG(path));
}

struct gw_str gw_secret_list_add(struct gw_secret_list *list, const struct gw_reader *reader, const struct gw_yaml_node *node,
                                 enum gw_secret_kind kind, const char *name, const struct gw_str *paths, uint32_t path_count) {
  struct gw_secret_entry *entry = gw_arena_calloc(reader->arena, 1, sizeof(*entry));
  const char **resolved = gw_arena_calloc(reader->arena, path_count, sizeof(*resolved));
  for (uint32_t i = 0; i < path_count; i++)
    resolved[i] = resolve(reader, paths[i]);
  entry->secret = (struct gw_policy_secret){.name = gw_str_from(name),
                                            .kind = kind,
                                            .paths = resolved,
                                            .path_count = path_count,
                                            .place = gw_yaml_place(reader->name, node, reader->arena)};
  if (list->last != NULL)
    list->last->next = entry;
  else
    list->first = entry;
  list->last = entry;
  list->count++;
  return entry->secret.name;
}

bool gw_tls_read_texts(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, uint32_t max,
                       const struct gw_str **ret_texts, uint32_t *ret_count) {
  bool is_list = node->kind == GW_YAML_SEQUENCE;
  uint32_t count = is_list ? node->count : 1;
  if (count == 0 || count > max) {
    gw_reader_mistake(reader, node, "%s lists 1 to %u", what, max);
    return false;
  }
  struct gw_str *texts = gw_arena_calloc(reader->arena, count, sizeof(*texts));
  bool is_good = true;
  for (uint32_t i = 0; i < count; i++)
    is_good = gw_reader_text(reader, is_list ? node->items[i] : node, what, &texts[i]) && is_good;
  *ret_texts = texts;
  *ret_count = count;
  return is_good;
}

struct gw_san_match gw_tls_name_of_host(struct gw_str host) {
  struct gw_address address;
  bool is_address = gw_address_parse_ip(host, 0, &address) == GW_OK;
  return (struct gw_san_match){.kind = is_address ? GW_SAN_IP : GW_SAN_DNS, .match = GW_STRING_MATCH_EXACT, .value = host};
}

static bool parse_name(struct gw_str text, struct gw_san_match *ret_san) {
  if (memmem(text.data, text.len, "://", 3) != NULL) {
    bool is_prefix = text.data[text.len - 1] == '*';
    if (is_prefix) text.len--;
    *ret_san =
        (struct gw_san_match){.kind = GW_SAN_URI, .match = is_prefix ? GW_STRING_MATCH_PREFIX : GW_STRING_MATCH_EXACT, .value = text};
  } else if (gw_str_has_prefix(text, GW_STR("*."))) {
    *ret_san = (struct gw_san_match){.kind = GW_SAN_DNS, .match = GW_STRING_MATCH_SUFFIX, .value = gw_str_skip(text, 1)};
  } else {
    *ret_san = gw_tls_name_of_host(text);
  }
  for (size_t i = 0; i < ret_san->value.len; i++)
    if ((unsigned char)ret_san->value.data[i] <= ' ' || ret_san->value.data[i] == 127 || ret_san->value.data[i] == '*') return false;
  return ret_san->value.len > 1;
}

void gw_tls_read_names(const struct gw_reader *reader, const struct gw_yaml_node *node, const struct gw_san_match **ret_sans,
                       uint32_t *ret_count) {
  const struct gw_str *texts;
  uint32_t count;
  if (!gw_tls_read_texts(reader, node, "names", NAMES_MAX, &texts, &count)) return;
  struct gw_san_match *sans = gw_arena_calloc(reader->arena, count, sizeof(*sans));
  for (uint32_t i = 0; i < count; i++) {
    if (parse_name(texts[i], &sans[i])) continue;
    gw_reader_mistake(reader, node->kind == GW_YAML_SEQUENCE ? node->items[i] : node,
                      "%.*s is no name of a certificate; example.com, *.example.com, 10.0.0.7, spiffe://example.com/orders and "
                      "spiffe://example.com/* are",
                      GW_STR_ARG(texts[i]));
  }
  *ret_sans = sans;
  *ret_count = count;
}
