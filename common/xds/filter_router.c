#include "common/xds/encode.h"
#include "common/xds/filter_codecs.h"
#include "envoy/extensions/filters/http/router/v3/router.pb-c.h"

/* suppress_envoy_headers is accepted either way: this gateway has no x-envoy-… headers to suppress. */
static void decode(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const void *message,
                   struct gw_http_filter *ret_filter) {
  (void)decoder;
  (void)place;
  (void)message;
  (void)ret_filter;
}

static ProtobufCMessage *encode(struct gw_arena *arena, const struct gw_http_filter *filter) {
  (void)filter;
  Envoy__Extensions__Filters__Http__Router__V3__Router *router =
      gw_xds_encode_new(arena, &envoy__extensions__filters__http__router__v3__router__descriptor);
  router->suppress_envoy_headers = true;
  return &router->base;
}

const struct gw_xds_filter_codec gw_xds_filter_router = {
    .kind = GW_FILTER_ROUTER,
    .descriptor = &envoy__extensions__filters__http__router__v3__router__descriptor,
    .decode = decode,
    .encode = encode,
};
