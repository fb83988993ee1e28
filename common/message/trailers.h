/* Why: which fields may stand behind a body, whatever version carries them.
 * Life: no objects.
 * Thread: any. */
#ifndef GW_COMMON_MESSAGE_TRAILERS_H
#define GW_COMMON_MESSAGE_TRAILERS_H

#include "common/message/headers.h"

/* RFC 9110 section 6.5.1: not what somebody must know before the content, because it frames, routes, authenticates, controls caches or
 * describes the content. That is: no name with an id (grpc-status and grpc-message apart), no Content-… (Content-Digest apart, RFC 9530),
 * no X-Forwarded-…, no Access-Control-…, nor those of a list in trailers.c. */
bool gw_trailer_is_allowed(const struct gw_header *field);
/* Removes those that are not allowed; keeps the order of the rest. They are never merged into a head. */
void gw_trailers_remove_forbidden(struct gw_headers *trailers);

#endif
