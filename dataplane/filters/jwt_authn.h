/* Why: authentication by JSON Web Tokens: envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication.
 * Life: constant.
 * Thread: see filter.h. */
#ifndef GW_DATAPLANE_FILTERS_JWT_AUTHN_H
#define GW_DATAPLANE_FILTERS_JWT_AUTHN_H

#include "dataplane/pipeline/filter.h"

extern const struct gw_filter gw_filter_jwt_authn;

#endif
