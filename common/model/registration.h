/* Why: an instance that is put into a registry, and what becomes of it, as plain values.
 * Life: strings and lists are the owner's.
 * Thread: any. */
#ifndef GW_COMMON_MODEL_REGISTRATION_H
#define GW_COMMON_MODEL_REGISTRATION_H

#include <stdint.h>

#include "common/base/str.h"

#define GW_INSTANCE_TEXT_MAX 255u /* bytes of a name, a tag, a value */
#define GW_INSTANCE_ITEMS_MAX 32u /* tags, and metadata */
#define GW_INSTANCE_WEIGHT_MAX 10000.0

struct gw_metadata {
  struct gw_str name;
  struct gw_str value;
};

/* As it is to stand in a registry. Empty strings: the registry's own default. */
struct gw_instance {
  struct gw_str service;
  struct gw_str address; /* numeric */
  uint16_t port;
  double weight;             /* above 0 */
  struct gw_str id;          /* Consul: of the instance */
  const struct gw_str *tags; /* Consul */
  uint32_t tag_count;
  struct gw_str group; /* Nacos */
  struct gw_str namespace;
  struct gw_str cluster;
  const struct gw_metadata *metadata;
  uint32_t metadata_count;
};

enum gw_registration_state { GW_REGISTRATION_PENDING, GW_REGISTRATION_ALIVE, GW_REGISTRATION_FAILING, GW_REGISTRATION_LEAVING };

struct gw_registration_status {
  const char *registry; /* "consul" */
  const struct gw_instance *instance;
  enum gw_registration_state state;
  const char *words; /* why it fails; "" */
  uint64_t since_ms; /* on the loop's clock: when it was put there first; 0: not yet */
  uint64_t beat_ms;  /* likewise: the last sign of life that the registry took */
};

/* Whoever asked to register or deregister is told. GW_OK; GW_ERR_INVALID: the words say what is allowed, or what the registry says;
 * GW_ERR_NOT_FOUND: no such instance; GW_ERR_LIMIT: there are too many; GW_ERR_DENIED: the registry doesn't take us; GW_ERR_AGAIN: somebody
 * else has asked for something else meanwhile, or this control plane is stopping; GW_ERR_CLOSED: the registry does not answer. */
typedef void (*gw_registration_fn)(void *arg, enum gw_err err, const char *words);

#endif
