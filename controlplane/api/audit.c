#include "controlplane/api/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/event/timer.h"
#include "common/xds/wire.h"

#define RETRY_MS 1000u

/* A record in the ring, by its number modulo GW_AUDIT_KEPT. */
struct slot {
  uint64_t change; /* 0: it was never written */
  struct gw_arena arena;
  const Gateway__Admin__V1__AuditRecord *record; /* NULL: none that can be read */
};

struct waiting {
  struct gw_list node;
  struct gw_arena arena;
  Gateway__Admin__V1__AuditRecord record;
};

struct gw_audit {
  struct gw_loop *loop;
  struct gw_log *log;
  struct gw_store *store;
  const struct gw_fleet *fleet;
  struct slot slots[GW_AUDIT_KEPT];
  uint64_t newest; /* number; 0: none yet */
  bool knows_all;
  bool is_writing;
  struct gw_list waiting; /* the first is being written, if one is */
  uint32_t waiting_count;
  uint64_t lost;
  struct gw_timer retry;
};

static const struct gw_str kind = {GW_AUDIT_KIND, sizeof(GW_AUDIT_KIND) - 1};

/* ---- words ---- */

#define SHOWN_TEXTS 5u
#define SHOWN_BYTES 100

static bool may_be_secret(const char *field) {
  static const char *const shown[] = {"id",      "ids",   "owner",   "name",   "roles",      "permissions", "plan", "node_id",
                                      "service", "group", "message", "reason", "request_id", "cluster",     "level"};
  for (size_t i = 0; i < GW_ARRAY_LEN(shown); i++)
    if (strcmp(field, shown[i]) == 0) return false;
  return true;
}

/* Quoted, without control characters: lines of a log are lines. */
static void append_text(struct gw_strbuf *text, struct gw_str value) {
  gw_strbuf_append_char(text, '"');
  for (size_t i = 0; i < value.len && i < SHOWN_BYTES; i++) {
    bool is_plain = (unsigned char)value.data[i] >= 0x20 && value.data[i] != 0x7f && value.data[i] != '"';
    if (is_plain)
      gw_strbuf_append_char(text, value.data[i]);
    else
      gw_strbuf_append_char(text, '?');
  }
  gw_strbuf_append_str(text, value.len > SHOWN_BYTES ? GW_STR("…\"") : GW_STR("\""));
}

static void append_name(struct gw_strbuf *text, const char *name) {
  gw_strbuf_printf(text, "%s%s=", text->len > 0 ? " " : "", name);
}

void gw_audit_describe_text(const char *name, struct gw_str value, struct gw_strbuf *ret_text) {
  append_name(ret_text, name);
  append_text(ret_text, value);
}

static void describe_texts(struct gw_strbuf *text, const char *name, char *const *values, size_t count) {
  if (count == 0) return;
  append_name(text, name);
  for (size_t i = 0; i < count && i < SHOWN_TEXTS; i++) {
    if (i > 0) gw_strbuf_append_char(text, ',');
    append_text(text, gw_str_from(values[i]));
  }
  if (count > SHOWN_TEXTS) gw_strbuf_printf(text, " and %zu more", count - SHOWN_TEXTS);
}

static void describe_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct gw_strbuf *text) {
  const char *at = (const char *)message + field->offset;
  bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
  size_t count = is_list ? *(const size_t *)(const void *)((const char *)message + field->quantifier_offset) : 1;
  if (field->type == PROTOBUF_C_TYPE_STRING && !may_be_secret(field->name)) {
    char *const *values = is_list ? *(char *const *const *)(const void *)at : (char *const *)(const void *)at;
    bool is_said = is_list || (values[0] != NULL && values[0][0] != '\0');
    describe_texts(text, field->name, values, is_said ? count : 0);
    return;
  }
  if (is_list && count > 0) gw_strbuf_printf(text, "%s%s: %zu", text->len > 0 ? " " : "", field->name, count);
  if (is_list) return;
  uint64_t number = 0;
  bool is_number = true;
  switch (field->type) {
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_UINT64: number = *(const uint64_t *)(const void *)at; break;
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_UINT32: number = *(const uint32_t *)(const void *)at; break;
  case PROTOBUF_C_TYPE_BOOL: number = (uint64_t) * (const protobuf_c_boolean *)(const void *)at; break;
  default: is_number = false; break;
  }
  if (is_number && number != 0) gw_strbuf_printf(text, "%s%s=%" PRIu64, text->len > 0 ? " " : "", field->name, number);
}

void gw_audit_describe(const ProtobufCMessage *message, struct gw_strbuf *ret_text) {
  for (unsigned i = 0; i < message->descriptor->n_fields; i++)
    describe_field(message, &message->descriptor->fields[i], ret_text);
}

/* ---- what the store says ---- */

static void forget(struct slot *slot) {
  if (slot->record != NULL) gw_arena_done(&slot->arena);
  slot->record = NULL;
}

static void take_record(struct gw_audit *audit, const struct gw_store_record *from) {
  uint64_t index;
  if (gw_str_parse_u64(from->id, &index) != GW_OK || index >= GW_AUDIT_KEPT) return;
  struct slot *slot = &audit->slots[index];
  forget(slot);
  slot->change = from->change;
  gw_arena_init(&slot->arena, 512);
  ProtobufCMessage *message;
  if (gw_wire_unpack(&gateway__admin__v1__audit_record__descriptor, from->body, &slot->arena, &message) != GW_OK) {
    gw_arena_done(&slot->arena);
    return;
  }
  slot->record = (const void *)message;
  if (slot->record->number > audit->newest) audit->newest = slot->record->number;
}

static void write_next(struct gw_audit *audit);

static void on_batch(void *arg, const struct gw_store_batch *batch) {
  struct gw_audit *audit = arg;
  if (batch->begins_whole) {
    audit->newest = 0;
    audit->knows_all = false;
    for (uint32_t i = 0; i < GW_AUDIT_KEPT; i++) {
      forget(&audit->slots[i]);
      audit->slots[i].change = 0;
    }
  }
  for (uint32_t i = 0; i < batch->count; i++)
    take_record(audit, &batch->records[i]);
  if (batch->ends_whole) audit->knows_all = true;
  write_next(audit);
}

/* ---- what it writes ---- */

static void drop_first(struct gw_audit *audit) {
  struct waiting *first = GW_LIST_ITEM(gw_list_take_first(&audit->waiting), struct waiting, node);
  audit->waiting_count--;
  gw_arena_done(&first->arena);
  free(first);
}

/* Another control plane may have been faster: then the next number is tried, once that one is known here. */
static void on_written(void *arg, enum gw_err err, const char *words) {
  struct gw_audit *audit = arg;
  (void)words; /* the storage tells */
  audit->is_writing = false;
  if (err == GW_OK) drop_first(audit);
  if (err == GW_OK || err == GW_ERR_INVALID) {
    write_next(audit);
  } else {
    gw_timer_start(audit->loop, &audit->retry, RETRY_MS);
  }
}

static void write_next(struct gw_audit *audit) {
  if (audit->is_writing || !audit->knows_all || gw_list_is_empty(&audit->waiting)) return;
  struct waiting *first = GW_LIST_ITEM(audit->waiting.next, struct waiting, node);
  first->record.number = audit->newest + 1;
  uint64_t index = first->record.number % GW_AUDIT_KEPT;
  char id[8];
  snprintf(id, sizeof(id), "%" PRIu64, index);
  struct gw_bytes *body = gw_wire_pack(&first->record.base);
  struct gw_store_write write = {.kind = kind, .id = gw_str_from(id), .seen = audit->slots[index].change, .body = {body->data, body->len}};
  audit->is_writing = gw_store_write(audit->store, &write, 1, on_written, audit) == GW_OK;
  if (!audit->is_writing) gw_timer_start(audit->loop, &audit->retry, RETRY_MS);
  gw_bytes_unref(body);
}

static void on_retry(struct gw_timer *timer) {
  write_next(GW_CONTAINER_OF(timer, struct gw_audit, retry));
}

static char *copy(struct gw_arena *arena, struct gw_str text) {
  return (char *)(uintptr_t)gw_arena_copy(arena, text).data;
}

void gw_audit_note(struct gw_audit *audit, const struct gw_audit_entry *entry) {
  const char *slash = strrchr(entry->method, '/'), *method = slash != NULL ? slash + 1 : entry->method;
  gw_log_write(audit->log, GW_LOG_INFO, "audit: %.*s (%s, by %s) from %.*s: %s %.*s: %s%s%.*s", GW_STR_ARG(entry->who.name),
               gw_admin_role_name(entry->who.role), entry->who.has_certificate ? "certificate" : "token", GW_STR_ARG(entry->peer), method,
               GW_STR_ARG(entry->what), gw_rpc_code_name(entry->code), entry->reason.len > 0 ? ": " : "", GW_STR_ARG(entry->reason));
  if (audit->store == NULL) return;
  if (audit->waiting_count >= GW_AUDIT_WAITING_MAX) {
    if (audit->lost++ == 0) GW_LOG_WARNING(audit->log, "the store is away: changes are audited in this log alone");
    return;
  }
  struct waiting *waiting = gw_calloc(1, sizeof(*waiting));
  gw_arena_init(&waiting->arena, 512);
  Gateway__Admin__V1__AuditRecord *record = &waiting->record;
  gateway__admin__v1__audit_record__init(record);
  record->at_ms = (int64_t)(gw_loop_wall_us(audit->loop) / 1000);
  record->who = copy(&waiting->arena, entry->who.name);
  record->role = (char *)(uintptr_t)gw_admin_role_name(entry->who.role);
  record->by = (char *)(uintptr_t)(entry->who.has_certificate ? "certificate" : "token");
  record->peer = copy(&waiting->arena, entry->peer);
  record->method = gw_arena_strdup(&waiting->arena, method);
  record->what = copy(&waiting->arena, entry->what);
  record->code = (char *)(uintptr_t)gw_rpc_code_name(entry->code);
  record->reason = copy(&waiting->arena, entry->reason);
  record->control_plane = gw_arena_strdup(&waiting->arena, audit->fleet != NULL ? gw_fleet_name(audit->fleet) : "");
  gw_list_add_last(&audit->waiting, &waiting->node);
  audit->waiting_count++;
  write_next(audit);
}

uint32_t gw_audit_list(const struct gw_audit *audit, const Gateway__Admin__V1__AuditRecord **ret_records, uint32_t limit) {
  uint32_t count = 0;
  for (uint64_t number = audit->newest; number > 0 && count < limit && audit->newest - number < GW_AUDIT_KEPT; number--) {
    const Gateway__Admin__V1__AuditRecord *record = audit->slots[number % GW_AUDIT_KEPT].record;
    if (record != NULL && record->number == number) ret_records[count++] = record;
  }
  return count;
}

/* ---- life ---- */

struct gw_audit *gw_audit_new(struct gw_loop *loop, struct gw_log *log, struct gw_store *store, const struct gw_fleet *fleet) {
  struct gw_audit *audit = gw_calloc(1, sizeof(*audit));
  audit->loop = loop;
  audit->log = log;
  audit->store = store;
  audit->fleet = fleet;
  gw_list_init(&audit->waiting);
  gw_timer_init(&audit->retry, on_retry);
  if (store != NULL) gw_store_follow(store, kind, on_batch, audit);
  return audit;
}

void gw_audit_free(struct gw_audit *audit) {
  if (audit == NULL) return;
  gw_timer_stop(&audit->retry);
  while (!gw_list_is_empty(&audit->waiting))
    drop_first(audit);
  for (uint32_t i = 0; i < GW_AUDIT_KEPT; i++)
    forget(&audit->slots[i]);
  free(audit);
}
