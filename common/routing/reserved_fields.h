/* Why: fields that only this gateway may set: what tells a service who asks. From outside they are removed before anything looks at them.
 * Life: in the frozen listener's arena.
 * Thread: frozen after build; applied on the stream's worker. */
#ifndef GW_COMMON_ROUTING_RESERVED_FIELDS_H
#define GW_COMMON_ROUTING_RESERVED_FIELDS_H

#include "common/message/headers.h"
#include "common/model/listener.h"

struct gw_reserved_fields {
  const struct gw_str *names; /* lower case */
  uint32_t count;
  uint64_t lengths;     /* a bit for each length modulo 64 that a name has */
  uint64_t ids;         /* a bit for each well-known one among them */
  struct gw_str prefix; /* of all that begin with it; empty: none */
};

/* Those of the forwarded identity, and all that claims of tokens are told in, on whatever route. */
void gw_reserved_fields_build(const struct gw_http_connection_manager *http, struct gw_arena *arena, struct gw_reserved_fields *ret_fields);
/* As many a service reads a name: in lower case, '_' as '-'. */
char gw_reserved_fields_fold(char c);
/* In any case, and with '_' for '-'. */
void gw_reserved_fields_remove(const struct gw_reserved_fields *fields, struct gw_headers *headers);

#endif
