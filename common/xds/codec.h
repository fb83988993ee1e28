/* Why: the one place where the wire (protobuf-c) becomes model and back. Decoding is depth-limited and strict.
 * Life: results are ref-counted resources or live in the arena given.
 * Thread: any; no state. */
#ifndef GW_COMMON_XDS_CODEC_H
#define GW_COMMON_XDS_CODEC_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/api_key.h"
#include "common/model/cluster.h"
#include "common/model/listener.h"
#include "common/model/resource.h"
#include "common/model/secret.h"

#define GW_XDS_DEPTH_MAX 64 /* nesting of messages on the wire */

#define GW_XDS_TYPE_URL_PREFIX "type.googleapis.com/"
/* "type.googleapis.com/envoy.config.cluster.v3.Cluster", … */
const char *gw_xds_type_url(enum gw_resource_type type);
/* GW_ERR_NOT_FOUND: a type that we don't know. */
enum gw_err gw_xds_parse_type_url(struct gw_str type_url, enum gw_resource_type *ret_type);
/* "SDS", "CDS", "EDS", "LDS", "RDS"; "keys": API keys, which have no such name. */
const char *gw_xds_type_short(enum gw_resource_type type);

/* Decodes one google.protobuf.Any of that type (a secret's bytes are marked: they are overwritten before they are freed). Every field that
 * we don't know or don't support and every bad value adds a mistake whose place is the field's path
 * ("virtual_hosts[0].routes[3].route.hedge_policy"); then GW_ERR_INVALID. `any` is kept as the resource's wire form. *ret_name (may be
 * NULL) is set, in `arena`, as soon as the name could be read, also on failure. */
enum gw_err gw_xds_decode_resource(enum gw_resource_type type, struct gw_bytes *any, struct gw_errors *errors, struct gw_arena *arena,
                                   struct gw_str *ret_name, struct gw_resource **ret_resource);
/* The same, and quicker where it is another version of `before` (may be NULL): routes that have not changed are not decoded again. */
enum gw_err gw_xds_decode_changed_resource(const struct gw_resource *before, enum gw_resource_type type, struct gw_bytes *any,
                                           struct gw_errors *errors, struct gw_arena *arena, struct gw_str *ret_name,
                                           struct gw_resource **ret_resource);

/* What the encoders' callers guarantee, as decoding refuses it: names and stat_prefix not empty; virtual hosts' names and domains unique;
 * addresses IPs, or host names in STRICT_DNS clusters; ports and weights at least 1; connect_timeout and dns_refresh at least 1 ms;
 * direct bodies at most 4096 bytes; header names tokens, added values not empty and without control characters; templates at most
 * 256 bytes; CIDRs well-formed; the router last, once; certificates towards clients at least one, towards services at most one; ticket
 * keys at least one; retry policies with a base interval, at most the longest, and host_attempts of at least 1, and where a virtual host
 * has one, so has each route that forwards (the same, or another); trusted proxies only with use_remote_address and without hops;
 * GW_UPSTREAM_AUTO only with TLS. */
/* Encodes the model into the resource's Any, computes the version, and keeps the model as a data plane will see it: by decoding what was
 * written, or, since there may be very many routes, by a copy that the tests hold to be equal (builds with assertions decode those, too).
 * The model is the control plane's own: failure is a broken invariant. */
struct gw_resource *gw_xds_encode_listener(const struct gw_listener *listener);
struct gw_resource *gw_xds_encode_route_config(const struct gw_route_config *config);
/* The same, quicker where few routes have changed: those `made_from` what they were made from in `before` (an earlier version, encoded by
 * this process; NULL: none) are not encoded again. */
struct gw_resource *gw_xds_encode_changed_route_config(const struct gw_route_config *config, const struct gw_resource *before);
struct gw_resource *gw_xds_encode_cluster(const struct gw_cluster *cluster);
struct gw_resource *gw_xds_encode_secret(const struct gw_secret *secret);
struct gw_resource *gw_xds_encode_endpoints(const struct gw_endpoints *endpoints);
struct gw_resource *gw_xds_encode_api_key(const struct gw_api_key *key);

/* An API key's message alone, as the store keeps it: inside the resource's Any. */
struct gw_str gw_xds_api_key_bytes(const struct gw_resource *resource);
/* The resource with these bytes. GW_ERR_INVALID with mistakes: they are none of ours, or a newer program's. */
enum gw_err gw_xds_decode_api_key_bytes(struct gw_str bytes, struct gw_errors *errors, struct gw_resource **ret_resource);

#endif
