/* Why: what the codecs of circuit breakers, both ways, have in common.
 * Life: constant.
 * Thread: any. */
#ifndef GW_COMMON_XDS_CIRCUIT_NAMES_H
#define GW_COMMON_XDS_CIRCUIT_NAMES_H

#include "common/model/circuit_breaker.h"
#include "gateway/cluster/v1/circuit_breaker.pb-c.h"

#define GW_XDS_CIRCUIT_BREAKER "gateway.cluster.v1.CircuitBreaker" /* in filter_metadata */

#define GW_XDS_CIRCUIT_FAILURE(name) GATEWAY__CLUSTER__V1__CIRCUIT_BREAKER__FAILURE__##name
static const struct {
  int wire;
  enum gw_circuit_failure kind;
} gw_xds_circuit_failures[] = {
    {GW_XDS_CIRCUIT_FAILURE(SERVER_ERROR), GW_CIRCUIT_ON_5XX},
    {GW_XDS_CIRCUIT_FAILURE(GATEWAY_ERROR), GW_CIRCUIT_ON_GATEWAY_ERROR},
    {GW_XDS_CIRCUIT_FAILURE(CONNECT_FAILURE), GW_CIRCUIT_ON_CONNECT_FAILURE},
    {GW_XDS_CIRCUIT_FAILURE(RESET), GW_CIRCUIT_ON_RESET},
    {GW_XDS_CIRCUIT_FAILURE(TIMEOUT), GW_CIRCUIT_ON_TIMEOUT},
};

#endif
