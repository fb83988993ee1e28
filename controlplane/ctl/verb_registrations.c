#include "controlplane/ctl/verb_registrations.h"

#include <gateway/admin/v1/admin.pb-c.h>
#include <stdio.h>

#include "common/base/mem.h"
#include "common/net/address.h"
#include "controlplane/ctl/admin_client.h"
#include "controlplane/ctl/message_json.h"
#include "controlplane/ctl/table.h"

typedef Gateway__Admin__V1__RegistryInstance RegistryInstance;
typedef Gateway__Admin__V1__RegistryInstance__MetadataEntry MetadataEntry;
#define DESCRIPTOR(name) gateway__admin__v1__##name##__descriptor

static char *or_empty(const char *text) {
  return (char *)(uintptr_t)(text != NULL ? text : "");
}

static int read_metadata(const struct gw_ctl_registry *asked, RegistryInstance *instance, struct gw_arena *arena) {
  instance->metadata = gw_arena_calloc(arena, asked->meta_count, sizeof(void *));
  for (uint32_t i = 0; i < asked->meta_count; i++) {
    struct gw_str rest = gw_str_from(asked->metas[i]), name;
    gw_str_split_next(&rest, '=', &name);
    if (name.len == 0 || name.len == strlen(asked->metas[i])) return gw_ctl_fail_usage("--meta %s: NAME=VALUE is wanted", asked->metas[i]);
    MetadataEntry *entry = gw_arena_calloc(arena, 1, sizeof(*entry));
    gateway__admin__v1__registry_instance__metadata_entry__init(entry);
    entry->key = (char *)(uintptr_t)gw_arena_copy(arena, name).data;
    entry->value = or_empty(asked->metas[i] + name.len + 1);
    instance->metadata[instance->n_metadata++] = entry;
  }
  return GW_CTL_OK;
}

/* "register NAME ADDRESS:PORT" and the options. */
static int read_instance(const struct gw_ctl *ctl, RegistryInstance *instance, struct gw_arena *arena) {
  const struct gw_ctl_registry *asked = &ctl->registry;
  struct gw_address address;
  char text[GW_ADDRESS_TEXT_SIZE];
  if (gw_address_parse(gw_str_from(ctl->words[2]), &address) != GW_OK || gw_address_port(&address) == 0)
    return gw_ctl_fail_usage("%s: a numeric address and a port are wanted, such as 10.0.0.7:8000 or [2001:db8::7]:8000", ctl->words[2]);
  gateway__admin__v1__registry_instance__init(instance);
  instance->registry = or_empty(asked->registry);
  instance->service = or_empty(ctl->words[1]);
  instance->address = (char *)(uintptr_t)gw_arena_copy(arena, gw_address_format_ip(&address, text)).data;
  instance->port = gw_address_port(&address);
  instance->weight = asked->weight;
  instance->id = or_empty(asked->id);
  instance->group = or_empty(asked->group);
  instance->namespace_ = or_empty(asked->namespace);
  instance->cluster = or_empty(asked->cluster);
  instance->tags = (char **)(uintptr_t)ctl->tags;
  instance->n_tags = ctl->tag_count;
  return read_metadata(asked, instance, arena);
}

int gw_ctl_services_register(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__RegisterInstanceRequest request = GATEWAY__ADMIN__V1__REGISTER_INSTANCE_REQUEST__INIT;
  RegistryInstance instance;
  ProtobufCMessage *reply;
  int exit_code = read_instance(ctl, &instance, arena);
  request.instance = &instance;
  if (exit_code == GW_CTL_OK)
    exit_code = gw_admin_client_ask(ctl, "RegisterInstance", &request.base, &DESCRIPTOR(register_instance_response), arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    printf("%s has %s, which is kept alive as long as the control plane lives\n", ctl->words[1], ctl->words[2]);
  return GW_CTL_OK;
}

int gw_ctl_services_deregister(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__DeregisterInstanceRequest request = GATEWAY__ADMIN__V1__DEREGISTER_INSTANCE_REQUEST__INIT;
  RegistryInstance instance;
  ProtobufCMessage *reply;
  int exit_code = read_instance(ctl, &instance, arena);
  request.instance = &instance;
  if (exit_code == GW_CTL_OK)
    exit_code = gw_admin_client_ask(ctl, "DeregisterInstance", &request.base, &DESCRIPTOR(deregister_instance_response), arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    printf("%s is without %s\n", ctl->words[1], ctl->words[2]);
  return GW_CTL_OK;
}

static const char *state_name(const Gateway__Admin__V1__Registration *one) {
  switch (one->state) {
  case GATEWAY__ADMIN__V1__REGISTRATION__STATE__PENDING: return "pending";
  case GATEWAY__ADMIN__V1__REGISTRATION__STATE__ALIVE: return "alive";
  case GATEWAY__ADMIN__V1__REGISTRATION__STATE__FAILING: return "failing";
  case GATEWAY__ADMIN__V1__REGISTRATION__STATE__LEAVING: return "leaving";
  default: return "";
  }
}

/* What names it beside service, address and port. */
static void add_more(struct gw_table *table, const RegistryInstance *instance) {
  const struct {
    const char *name, *value;
  } parts[] = {{"id", instance->id}, {"namespace", instance->namespace_}, {"group", instance->group}, {"cluster", instance->cluster}};
  struct gw_strbuf text;
  gw_strbuf_init(&text);
  for (size_t i = 0; i < GW_ARRAY_LEN(parts); i++)
    if (parts[i].value[0] != '\0') gw_strbuf_printf(&text, "%s%s %s", text.len > 0 ? ", " : "", parts[i].name, parts[i].value);
  gw_table_add(table, text.data);
  gw_strbuf_done(&text);
}

static void print_registrations(const Gateway__Admin__V1__ListRegistrationsResponse *m) {
  static const char *const heads[] = {"REGISTRY", "SERVICE", "ADDRESS", "WEIGHT", "MORE", "STATE", "AGE", "LAST BEAT", "PROBLEM"};
  struct gw_table table;
  gw_table_init(&table, heads, GW_ARRAY_LEN(heads));
  for (size_t i = 0; i < m->n_registrations; i++) {
    const Gateway__Admin__V1__Registration *one = m->registrations[i];
    bool is_v6 = strchr(one->instance->address, ':') != NULL;
    gw_table_add(&table, one->instance->registry);
    gw_table_add(&table, one->instance->service);
    gw_table_printf(&table, "%s%s%s:%u", is_v6 ? "[" : "", one->instance->address, is_v6 ? "]" : "", one->instance->port);
    gw_table_printf(&table, "%g", one->instance->weight);
    add_more(&table, one->instance);
    gw_table_add(&table, state_name(one));
    gw_table_add_duration(&table, one->age_ms);
    gw_table_add_duration(&table, one->beat_age_ms);
    gw_table_add(&table, one->problem);
  }
  gw_table_print(&table, stdout);
  gw_table_done(&table);
}

int gw_ctl_services_registrations(const struct gw_ctl *ctl, struct gw_arena *arena) {
  Gateway__Admin__V1__ListRegistrationsRequest request = GATEWAY__ADMIN__V1__LIST_REGISTRATIONS_REQUEST__INIT;
  ProtobufCMessage *reply;
  int exit_code = gw_admin_client_ask(ctl, "ListRegistrations", &request.base, &DESCRIPTOR(list_registrations_response), arena, &reply);
  if (exit_code != GW_CTL_OK) return exit_code;
  if (ctl->is_json)
    gw_message_json_print(reply);
  else
    print_registrations((const void *)reply);
  return GW_CTL_OK;
}
