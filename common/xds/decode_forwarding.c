#include <stdio.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/xds/decode_hcm.h"
#include "common/xds/wire.h"
#include "envoy/extensions/http/original_ip_detection/xff/v3/xff.pb-c.h"

#define CIDRS_MAX 1000

#define DETAILS(name)                                                                                                                      \
  ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__FORWARD_CLIENT_CERT_DETAILS__##name

typedef Envoy__Extensions__Http__OriginalIpDetection__Xff__V3__XffConfig XffConfig;

/* CidrRange messages as text. */
static void decode_ranges(struct gw_xds_decoder *d, const struct gw_xds_place *place, const XffConfig *m,
                          struct gw_http_connection_manager *out) {
  size_t count = m->xff_trusted_cidrs->n_cidrs;
  const char **texts = gw_arena_calloc(d->scratch, count, sizeof *texts);
  for (size_t i = 0; i < count; i++) {
    const Envoy__Config__Core__V3__CidrRange *range = m->xff_trusted_cidrs->cidrs[i];
    texts[i] = gw_arena_printf(d->scratch, "%s/%u", range->address_prefix, range->prefix_len != NULL ? range->prefix_len->value : 0);
  }
  gw_xds_decode_cidrs(d, GW_XDS_FIELD(place, "xff_trusted_cidrs"), "cidrs", texts, count, &out->trusted_cidrs, &out->trusted_cidr_count);
}

/* The peer's address joins x-forwarded-for, and proxies in the ranges are passed over: that is use_remote_address with trusted proxies. */
static void decode_detection(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                             const Envoy__Config__Core__V3__TypedExtensionConfig *extension, struct gw_http_connection_manager *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "typed_config");
  const XffConfig *m =
      gw_xds_decode_any(d, at, extension->typed_config, &envoy__extensions__http__original_ip_detection__xff__v3__xff_config__descriptor);
  if (m == NULL) return;
  if (m->xff_trusted_cidrs == NULL)
    gw_xds_refuse(d, at, "needs xff_trusted_cidrs");
  else
    decode_ranges(d, at, m, out);
  /* Absent it is true. */
  if (gw_xds_decode_bool(m->skip_xff_append, true)) gw_xds_refuse(d, GW_XDS_FIELD(at, "skip_xff_append"), "must be false");
  if (out->use_remote_address) gw_xds_refuse(d, place, "and use_remote_address exclude each other");
  out->use_remote_address = true;
}

void gw_xds_decode_forwarding(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                              struct gw_http_connection_manager *out) {
  const struct gw_xds_place *hops = GW_XDS_FIELD(place, "xff_num_trusted_hops");
  out->use_remote_address = gw_xds_decode_bool(m->use_remote_address, false);
  out->xff_num_trusted_hops = m->xff_num_trusted_hops;
  if (m->n_original_ip_detection_extensions > 1) {
    gw_xds_refuse(d, GW_XDS_FIELD(place, "original_ip_detection_extensions"), "are %zu; at most one is supported",
                  m->n_original_ip_detection_extensions);
  } else if (m->n_original_ip_detection_extensions == 1) {
    const struct gw_xds_place *at = GW_XDS_ITEM(place, "original_ip_detection_extensions", 0);
    if (out->trusted_cidr_count > 0) gw_xds_refuse(d, at, "and the filter of trusted proxies exclude each other");
    decode_detection(d, at, m->original_ip_detection_extensions[0], out);
  }
  if (out->trusted_cidr_count > 0 && out->xff_num_trusted_hops > 0) gw_xds_refuse(d, hops, "and trusted proxies exclude each other");
  if (out->trusted_cidr_count > 0 && !out->use_remote_address)
    gw_xds_refuse(d, GW_XDS_FIELD(place, "use_remote_address"), "must be true with trusted proxies");
}

void gw_xds_decode_client_certificates(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                                       struct gw_http_connection_manager *out) {
  switch (m->forward_client_cert_details) {
  case DETAILS(SANITIZE): out->client_cert_forwarding = GW_CLIENT_CERT_SANITIZE; break;
  case DETAILS(FORWARD_ONLY): out->client_cert_forwarding = GW_CLIENT_CERT_FORWARD_ONLY; break;
  case DETAILS(APPEND_FORWARD): out->client_cert_forwarding = GW_CLIENT_CERT_APPEND_FORWARD; break;
  case DETAILS(SANITIZE_SET): out->client_cert_forwarding = GW_CLIENT_CERT_SANITIZE_SET; break;
  case DETAILS(ALWAYS_FORWARD_ONLY): out->client_cert_forwarding = GW_CLIENT_CERT_ALWAYS_FORWARD_ONLY; break;
  default:
    gw_xds_refuse_enum(d, GW_XDS_FIELD(place, "forward_client_cert_details"), &HCM_PREFIX(forward_client_cert_details__descriptor),
                       (int)m->forward_client_cert_details);
  }
  if (m->set_current_client_cert_details == NULL) return;
  out->has_client_cert_subject = gw_xds_decode_bool(m->set_current_client_cert_details->subject, false);
  out->has_client_cert_dns = m->set_current_client_cert_details->dns;
  out->has_client_cert_uri = m->set_current_client_cert_details->uri;
}

void gw_xds_decode_upgrades(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Hcm *m,
                            struct gw_http_connection_manager *out) {
  for (size_t i = 0; i < m->n_upgrade_configs; i++) {
    const char *type = m->upgrade_configs[i]->upgrade_type;
    bool is_enabled = gw_xds_decode_bool(m->upgrade_configs[i]->enabled, true);
    if (strcasecmp(type, "websocket") == 0)
      out->has_websocket = is_enabled;
    else if (is_enabled)
      gw_xds_refuse(d, GW_XDS_FIELD(GW_XDS_ITEM(place, "upgrade_configs", i), "upgrade_type"), "\"%s\" is not supported; websocket is",
                    type);
  }
}
