/* Why: where tokens stand in a request, how they leave it, and what a verified one says: whose request it is, and fields for the service.
 * Life: everything points into the request, or into the token's entry.
 * Thread: the worker's. */
#ifndef GW_DATAPLANE_FILTERS_JWT_TOKENS_H
#define GW_DATAPLANE_FILTERS_JWT_TOKENS_H

#include "dataplane/filters/jwt_settings.h"
#include "dataplane/pipeline/stream.h"

enum gw_jwt_location { GW_JWT_IN_HEADER, GW_JWT_IN_PARAM, GW_JWT_IN_COOKIE };

struct gw_jwt_found {
  struct gw_str token;
  struct gw_str name;  /* of parameter and cookie */
  struct gw_str value; /* of the header: tells it from others of its name */
  enum gw_jwt_location location;
};

/* Whoever has more only wants work done. */
#define GW_JWT_FOUND_MAX 8u
/* All tokens at the provider's places; one more than there is room for: there are more. */
uint32_t gw_jwt_tokens_find(const struct gw_stream *stream, const struct gw_jwt_provider *provider,
                            struct gw_jwt_found ret_found[GW_JWT_FOUND_MAX]);
/* From the request on its way to the service. */
void gw_jwt_tokens_remove(struct gw_stream *stream, const struct gw_jwt_found *found);

/* entry->identity and the values of fields, out of entry->jwt. */
void gw_jwt_entry_fill(struct gw_token_entry *entry, const struct gw_jwt_issuer *issuer);
/* claim_to_headers and forward_payload_header. */
void gw_jwt_fields_add(struct gw_stream *stream, const struct gw_token_entry *entry, const struct gw_jwt_issuer *issuer);

#endif
