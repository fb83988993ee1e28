#include "controlplane/policy/source_yaml.h"

#include "common/base/mem.h"

#include "controlplane/policy/services_yaml.h"

#define TEXT_MAX_BYTES 255u
#define TEXTS_MAX 64u
#define KEYS_MAX 8u

enum field_kind { FIELD_TEXT, FIELD_TEXTS, FIELD_BOOL, FIELD_PORT, FIELD_CHOICE };

/* What a service may say to its source. */
struct field {
  const char *key; /* NULL ends them */
  enum field_kind kind;
  enum { FIELD_OPTIONAL = false, FIELD_REQUIRED = true, FIELD_ONE_OF } need; /* ONE_OF: one of those that say so */
  const char *choices;                                                       /* FIELD_CHOICE: words with commas */
};

struct source {
  const char *name;
  bool is_registry; /* knows services by their names: what services without `source` are looked up in */
  struct field fields[KEYS_MAX];
};

/* A source's row; static has none: its instances are its words. */
static const struct source sources[] = {
    {"consul",
     true,
     {{"service", FIELD_TEXT, false, NULL},
      {"tags", FIELD_TEXTS, false, NULL},
      {"datacenter", FIELD_TEXT, false, NULL},
      {"namespace", FIELD_TEXT, false, NULL},
      {"include_warning", FIELD_BOOL, false, NULL}}},
    {"dns", false, {{"srv", FIELD_TEXT, true, NULL}}},
    {"huawei",
     false,
     {{"tag", FIELD_TEXT, FIELD_ONE_OF, NULL},
      {"name", FIELD_TEXT, FIELD_ONE_OF, NULL},
      {"port", FIELD_PORT, FIELD_REQUIRED, NULL},
      {"address", FIELD_CHOICE, FIELD_OPTIONAL, "fixed,floating"}}},
};

static const struct source *find_source(struct gw_str name) {
  for (size_t i = 0; i < GW_ARRAY_LEN(sources); i++)
    if (gw_str_equal(name, gw_str_from(sources[i].name))) return &sources[i];
  return NULL;
}

bool gw_source_is_known(struct gw_str kind) {
  return gw_str_equal(kind, GW_STR(GW_SOURCE_STATIC)) || find_source(kind) != NULL;
}

const char *gw_source_list_known(struct gw_arena *arena) {
  const char *list = GW_SOURCE_STATIC;
  for (size_t i = 0; i < GW_ARRAY_LEN(sources); i++)
    list = gw_arena_printf(arena, "%s, %s", list, sources[i].name);
  return list;
}

const char *const *gw_source_add_keys(const char *const *others, struct gw_arena *arena) {
  uint32_t count = 0;
  while (others[count] != NULL)
    count++;
  const char **keys = gw_arena_calloc(arena, count + GW_ARRAY_LEN(sources) + 2, sizeof(*keys));
  memcpy(keys, others, count * sizeof(*keys));
  keys[count++] = "source";
  for (size_t i = 0; i < GW_ARRAY_LEN(sources); i++)
    keys[count++] = sources[i].name;
  return keys;
}

const struct gw_source_value *gw_source_spec_find(const struct gw_source_spec *spec, const char *key) {
  for (uint32_t i = 0; i < spec->value_count; i++)
    if (strcmp(spec->values[i].key, key) == 0) return &spec->values[i];
  return NULL;
}

struct gw_str gw_source_spec_text(const struct gw_source_spec *spec, const char *key, struct gw_str fallback) {
  const struct gw_source_value *value = gw_source_spec_find(spec, key);
  return value != NULL && value->count > 0 ? value->texts[0] : fallback;
}

/* ---- a section ---- */

/* What goes into URLs and questions of registries: one line that can be read. */
static bool read_word(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_str *ret_text) {
  struct gw_str text;
  if (!gw_reader_text(reader, node, what, &text)) return false;
  bool is_good = text.len > 0 && text.len <= TEXT_MAX_BYTES;
  for (size_t i = 0; i < text.len; i++)
    is_good = is_good && (unsigned char)text.data[i] >= ' ' && text.data[i] != 127;
  if (!is_good) gw_reader_mistake(reader, node, "%s has 1 to %u printable characters", what, TEXT_MAX_BYTES);
  *ret_text = text;
  return is_good;
}

static bool read_words(const struct gw_reader *reader, const struct gw_yaml_node *node, const char *what, struct gw_source_value *value) {
  if (!gw_reader_is_list(reader, node, what)) return false;
  if (node->count > TEXTS_MAX) {
    gw_reader_mistake(reader, node, "%s has at most %u items", what, TEXTS_MAX);
    return false;
  }
  struct gw_str *texts = gw_arena_calloc(reader->arena, node->count, sizeof(*texts));
  bool is_good = true;
  for (uint32_t i = 0; i < node->count; i++)
    is_good = read_word(reader, node->items[i], what, &texts[i]) && is_good;
  value->texts = texts;
  value->count = node->count;
  return is_good;
}

static bool is_choice(struct gw_str text, const char *choices) {
  struct gw_str rest = gw_str_from(choices), word;
  while (gw_str_split_next(&rest, ',', &word))
    if (gw_str_equal(word, text)) return true;
  return false;
}

static bool read_value(const struct gw_reader *reader, const struct field *field, const struct gw_yaml_node *node,
                       struct gw_source_value *value) {
  struct gw_str *text = gw_arena_calloc(reader->arena, 1, sizeof(*text));
  bool boolean = false;
  uint32_t number = 0;
  *value = (struct gw_source_value){.key = field->key, .texts = text, .count = 1};
  switch (field->kind) {
  case FIELD_TEXTS: return read_words(reader, node, field->key, value);
  case FIELD_TEXT: return read_word(reader, node, field->key, text);
  case FIELD_BOOL:
    if (!gw_reader_bool(reader, node, field->key, &boolean)) return false;
    *text = boolean ? GW_STR("true") : GW_STR("false");
    return true;
  case FIELD_PORT:
    if (!gw_reader_u32(reader, node, field->key, 1, 65535, &number)) return false;
    *text = gw_str_from(gw_arena_printf(reader->arena, "%u", number));
    return true;
  case FIELD_CHOICE:
    if (!read_word(reader, node, field->key, text)) return false;
    if (is_choice(*text, field->choices)) return true;
    gw_reader_mistake(reader, node, "%s: one of %s is allowed", field->key, field->choices);
    return false;
  }
  return false;
}

static bool is_given(const struct gw_source_spec *spec, const struct gw_source_value *values, const char *key) {
  for (uint32_t i = 0; i < spec->value_count; i++)
    if (strcmp(values[i].key, key) == 0) return true;
  return false;
}

/* Of those that say so, one has to be there. */
static void check_one_of(const struct gw_reader *reader, const struct source *source, const struct gw_yaml_node *node,
                         const struct gw_source_spec *spec, const struct gw_source_value *values) {
  const char *choice = NULL;
  for (uint32_t i = 0; i < KEYS_MAX && source->fields[i].key != NULL; i++) {
    const struct field *field = &source->fields[i];
    if (field->need != FIELD_ONE_OF) continue;
    if (is_given(spec, values, field->key)) return;
    choice = choice == NULL ? field->key : gw_arena_printf(reader->arena, "%s or %s", choice, field->key);
  }
  if (choice != NULL)
    gw_reader_mistake(reader, node, "service %.*s needs %s of its source %s", GW_STR_ARG(spec->service), choice, source->name);
}

static void read_section(const struct gw_reader *reader, const struct source *source, const struct gw_yaml_node *node,
                         const struct gw_yaml_node *key, struct gw_source_spec *spec) {
  const char *keys[KEYS_MAX + 1] = {NULL};
  for (uint32_t i = 0; i < KEYS_MAX && source->fields[i].key != NULL; i++)
    keys[i] = source->fields[i].key;
  bool is_there = node != NULL && !gw_yaml_is_null(node);
  if (is_there && !gw_reader_is_mapping(reader, node, source->name, keys)) return;
  struct gw_source_value *values = gw_arena_calloc(reader->arena, KEYS_MAX, sizeof(*values));
  for (uint32_t i = 0; i < KEYS_MAX && source->fields[i].key != NULL; i++) {
    const struct field *field = &source->fields[i];
    const struct gw_yaml_node *value = is_there ? gw_yaml_find(node, field->key) : NULL;
    if (value != NULL) {
      if (read_value(reader, field, value, &values[spec->value_count])) spec->value_count++;
    } else if (field->need == FIELD_REQUIRED) {
      gw_reader_mistake(reader, is_there ? node : key, "service %.*s needs %s of its source, %s: {%s: …}", GW_STR_ARG(spec->service),
                        field->key, source->name, field->key);
    }
  }
  spec->values = values;
  check_one_of(reader, source, is_there ? node : key, spec, values);
}

/* ---- a service ---- */

static bool is_enabled(const struct gw_settings *settings, const char *name) {
  struct gw_str rest = gw_str_from(settings->discovery_type), piece;
  while (gw_str_split_next(&rest, ',', &piece))
    if (gw_str_equal(gw_str_trim(piece), gw_str_from(name))) return true;
  return false;
}

/* The first registry that SERVICE_DISCOVERY_TYPE names; NULL: none. */
static const struct source *find_first_registry(const struct gw_settings *settings) {
  struct gw_str rest = gw_str_from(settings->discovery_type), piece;
  while (gw_str_split_next(&rest, ',', &piece)) {
    const struct source *source = find_source(gw_str_trim(piece));
    if (source != NULL && source->is_registry) return source;
  }
  return NULL;
}

/* The source that the service names, or is in without a word. NULL: its instances are in the file, or a mistake was told. */
static const struct source *choose(const struct gw_reader *reader, const struct gw_settings *settings,
                                   const struct gw_service_entry *service) {
  const struct gw_yaml_node *instances = gw_yaml_find(service->node, "instances"), *node = gw_yaml_find(service->node, "source");
  const struct source *source = NULL;
  struct gw_str name = {0};
  if (node != NULL && !gw_reader_text(reader, node, "source", &name)) return NULL;
  bool is_static = node != NULL ? gw_str_equal(name, GW_STR(GW_SOURCE_STATIC)) : instances != NULL;
  if (node != NULL && !is_static && (source = find_source(name)) == NULL) {
    gw_reader_mistake(reader, node, "%.*s is no source; %s are allowed", GW_STR_ARG(name), gw_source_list_known(reader->arena));
  } else if (source != NULL && instances != NULL) {
    gw_reader_mistake(reader, instances, "the instances of service %.*s come from %s (line %u): instances of its own can't stand here",
                      GW_STR_ARG(service->name), source->name, node->line);
  } else if (source != NULL && !is_enabled(settings, source->name)) {
    gw_reader_mistake(reader, node, "SERVICE_DISCOVERY_TYPE (%s) leaves %s out", settings->discovery_type, source->name);
  } else if (node == NULL && !is_static && (source = find_first_registry(settings)) == NULL) {
    gw_reader_mistake(reader, service->key,
                      "service %.*s needs instances: a list, which may be empty; or a source: SERVICE_DISCOVERY_TYPE (%s) names no "
                      "registry",
                      GW_STR_ARG(service->name), settings->discovery_type);
  } else if (is_static && instances == NULL) {
    gw_reader_mistake(reader, service->key, "service %.*s needs instances: a list, which may be empty", GW_STR_ARG(service->name));
  }
  return source;
}

static void check_other_sections(const struct gw_reader *reader, const struct gw_service_entry *service, const struct source *source) {
  for (size_t i = 0; i < GW_ARRAY_LEN(sources); i++) {
    const struct gw_yaml_node *node = &sources[i] != source ? gw_yaml_find(service->node, sources[i].name) : NULL;
    if (node == NULL) continue;
    gw_reader_mistake(reader, node, "%s is for services of that source; service %.*s is of %s", sources[i].name, GW_STR_ARG(service->name),
                      source != NULL ? source->name : GW_SOURCE_STATIC);
  }
}

void gw_service_sources_read(const struct gw_reader *reader, const struct gw_settings *settings, struct gw_service_list *services) {
  for (uint32_t i = 0; i < services->count; i++) {
    struct gw_service_entry *service = &services->items[i];
    struct gw_source_spec *spec = gw_arena_calloc(reader->arena, 1, sizeof(*spec));
    *spec = (struct gw_source_spec){.service = service->name,
                                    .kind = GW_SOURCE_STATIC,
                                    .place = gw_yaml_place(reader->name, service->key, reader->arena)};
    service->source = spec;
    if (service->node == NULL) continue; /* that it is no mapping was told */
    size_t mistakes = reader->errors->error_count;
    const struct source *source = choose(reader, settings, service);
    if (reader->errors->error_count == mistakes) check_other_sections(reader, service, source);
    if (source == NULL) continue;
    spec->kind = source->name;
    read_section(reader, source, gw_yaml_find(service->node, source->name), service->key, spec);
  }
}
