/* Why: how the decoders' tests say "this change of a good message is refused with this mistake".
 * Life: one arena a refusal, freed at its end.
 * Thread: tests only. */
#ifndef GW_TESTS_UNIT_COMMON_XDS_REFUSALS_H
#define GW_TESTS_UNIT_COMMON_XDS_REFUSALS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/xds/codec.h"
#include "common/xds/encode.h"
#include "common/xds/wire.h"

typedef void (*change_fn)(struct gw_arena *arena, void *message);

struct refusal {
  change_fn change;
  const char *mistake; /* "place: sentence" as it must stand in the list */
};

/* Adds a varint field that the message does not declare. */
static inline void add_unknown(struct gw_arena *arena, ProtobufCMessage *message, uint32_t number) {
  ProtobufCMessageUnknownField *field = gw_arena_calloc(arena, 1, sizeof *field);
  field->tag = number;
  field->wire_type = PROTOBUF_C_WIRE_TYPE_VARINT;
  field->len = 1;
  field->data = (uint8_t *)gw_arena_strdup(arena, "\x01");
  message->unknown_fields = field;
  message->n_unknown_fields = 1;
}

/* Decodes what the message packs to; the mistakes as text, which the caller frees, or NULL when there is none. */
static inline char *decode_packed(struct gw_arena *arena, enum gw_resource_type type, const ProtobufCMessage *message) {
  struct gw_bytes *any = gw_wire_pack(&gw_xds_encode_any(arena, message)->base);
  struct gw_errors errors;
  gw_errors_init(&errors);
  struct gw_resource *resource = NULL;
  enum gw_err err = gw_xds_decode_resource(type, any, &errors, arena, NULL, &resource);
  assert_int_equal(err, errors.error_count > 0 ? GW_ERR_INVALID : GW_OK);
  assert_int_equal(resource == NULL, err != GW_OK);
  char *text = err != GW_OK ? gw_errors_format(&errors) : NULL;
  gw_resource_unref(resource);
  gw_bytes_unref(any);
  gw_errors_done(&errors);
  return text;
}

static inline void assert_mistake(const char *text, const char *mistake) {
  if (text == NULL) fail_msg("accepted, but should say \"%s\"", mistake);
  if (strstr(text, mistake) == NULL) fail_msg("says \"%s\", but should say \"%s\"", text, mistake);
}

#endif
