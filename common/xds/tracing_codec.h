/* Why: tracing of an HTTP connection manager, one file a direction. It comes in two pieces: Envoy's, and what ours has beside it, in an
 * optional filter.
 * Life: none of their own; see decode.h and encode.h.
 * Thread: one at a time. */
#ifndef GW_COMMON_XDS_TRACING_CODEC_H
#define GW_COMMON_XDS_TRACING_CODEC_H

#include "common/model/tracing.h"
#include "common/xds/decode_hcm.h"
#include "common/xds/encode.h"
#include "envoy/config/trace/v3/opentelemetry.pb-c.h"
#include "envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector.pb-c.h"
#include "envoy/extensions/tracers/opentelemetry/samplers/v3/always_on_sampler.pb-c.h"
#include "envoy/extensions/tracers/opentelemetry/samplers/v3/parent_based_sampler.pb-c.h"
#include "envoy/extensions/tracers/opentelemetry/samplers/v3/trace_id_ratio_based_sampler.pb-c.h"
#include "gateway/filters/http/v1/tracing.pb-c.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager__Tracing HcmTracing;
typedef Gateway__Filters__Http__V1__Tracing OwnTracing;
typedef Envoy__Config__Core__V3__GrpcService GrpcService;
typedef Envoy__Config__Core__V3__HttpService HttpService;
typedef Envoy__Config__Core__V3__TypedExtensionConfig Extension;
typedef Envoy__Config__Trace__V3__OpenTelemetryConfig OpenTelemetryConfig;
typedef Envoy__Extensions__Tracers__Opentelemetry__Samplers__V3__ParentBasedSamplerConfig ParentBased;
typedef Envoy__Extensions__Tracers__Opentelemetry__Samplers__V3__TraceIdRatioBasedSamplerConfig RatioBased;
typedef Envoy__Extensions__Tracers__Opentelemetry__ResourceDetectors__V3__StaticConfigResourceDetectorConfig StaticResource;
#define SAMPLER_DESCRIPTOR(name) envoy__extensions__tracers__opentelemetry__samplers__v3__##name##_sampler_config__descriptor

HcmTracing *gw_xds_encode_tracing(struct gw_arena *arena, const struct gw_tracing *tracing);
/* What goes into a filter of its own. */
const ProtobufCMessage *gw_xds_encode_own_tracing(struct gw_arena *arena, const struct gw_tracing *tracing);

/* NULL: the filter is another one. */
const OwnTracing *gw_xds_find_own_tracing(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                          const Google__Protobuf__Any *any);
/* NULL: nothing is traced. `own` may be NULL. */
const struct gw_tracing *gw_xds_decode_tracing(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const HcmTracing *message,
                                               const struct gw_xds_place *own_place, const OwnTracing *own);

#endif
