#include "common/xds/decode.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/xds/wire.h"
#include "common/xds/wire_walk.h"

#define DURATION_MAX_S INT64_C(3153600000) /* 100 years: milliseconds and microseconds of it can still be added up */
#define FETCH_TIMEOUT_MS 15000             /* Envoy's default, and ours */
#define HOST_NAME_MAX_LEN 253              /* RFC 1035 section 2.3.4 */
#define HOST_LABEL_MAX_LEN 63

void gw_xds_refuse_enum(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const ProtobufCEnumDescriptor *descriptor,
                        int value) {
  const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
  if (known != NULL)
    gw_xds_refuse(decoder, place, "%s is not supported", known->name);
  else
    gw_xds_refuse(decoder, place, "value %d is not known", value);
}

struct gw_str gw_xds_decode_str(struct gw_xds_decoder *decoder, const char *text) {
  if (text == NULL || *text == '\0') return GW_STR("");
  return gw_arena_copy(decoder->arena, gw_wire_str(text));
}

struct gw_str gw_xds_decode_lower(struct gw_xds_decoder *decoder, const char *text) {
  struct gw_str s = gw_wire_str(text);
  char *copy = gw_arena_strdup(decoder->arena, text);
  for (size_t i = 0; i < s.len; i++) {
    if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] | 0x20);
  }
  return (struct gw_str){copy, s.len};
}

struct gw_str gw_xds_decode_name(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const char *text) {
  if (text == NULL || *text == '\0') gw_xds_refuse(decoder, place, "is empty, and must not be");
  return gw_xds_decode_str(decoder, text);
}

static bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool gw_xds_is_token(struct gw_str text) {
  for (size_t i = 0; i < text.len; i++)
    if (!is_token_char(text.data[i])) return false;
  return text.len > 0;
}

struct gw_str gw_xds_decode_header_name(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const char *text,
                                        bool may_be_pseudo) {
  struct gw_str name = gw_xds_decode_lower(decoder, text);
  size_t first = may_be_pseudo && name.len > 0 && name.data[0] == ':' ? 1 : 0;
  if (!gw_xds_is_token(gw_str_skip(name, first))) gw_xds_refuse(decoder, place, "\"%s\" is not the name of a header", text);
  return name;
}

uint64_t gw_xds_decode_duration(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                const Google__Protobuf__Duration *duration, uint64_t absent_ms) {
  if (duration == NULL) return absent_ms;
  if (duration->seconds < 0 || duration->nanos < 0 || duration->nanos > 999999999) {
    gw_xds_refuse(decoder, place, "is not a duration of 0 or more");
    return absent_ms;
  }
  if (duration->seconds > DURATION_MAX_S) {
    gw_xds_refuse(decoder, place, "is more than 100 years");
    return absent_ms;
  }
  return (uint64_t)duration->seconds * 1000 + ((uint64_t)duration->nanos + 999999) / 1000000;
}

uint32_t gw_xds_decode_u32(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__UInt32Value *value,
                           uint32_t absent, uint32_t min, uint32_t max) {
  if (value == NULL) return absent;
  if (value->value >= min && value->value <= max) return value->value;
  gw_xds_refuse(decoder, place, "is %u; allowed is %u to %u", value->value, min, max);
  return absent;
}

uint32_t gw_xds_decode_denominator(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                   const Envoy__Type__V3__FractionalPercent *share) {
  static const uint32_t denominators[] = {100, 10000, 1000000};
  if (share == NULL) {
    gw_xds_refuse(decoder, place, "is missing");
    return 0;
  }
  if ((unsigned)share->denominator < GW_ARRAY_LEN(denominators)) return denominators[share->denominator];
  gw_xds_refuse_enum(decoder, GW_XDS_FIELD(place, "denominator"), &envoy__type__v3__fractional_percent__denominator_type__descriptor,
                     (int)share->denominator);
  return 0;
}

struct gw_str gw_xds_decode_data_source(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                        const Envoy__Config__Core__V3__DataSource *source) {
  if (source != NULL && source->specifier_case == ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING)
    return gw_xds_decode_str(decoder, source->inline_string);
  if (source != NULL && source->specifier_case == ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES)
    return gw_arena_copy(decoder->arena, (struct gw_str){(const char *)source->inline_bytes.data, source->inline_bytes.len});
  gw_xds_refuse(decoder, place, "needs inline_string or inline_bytes");
  return GW_STR("");
}

struct gw_str gw_xds_decode_regex(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                                  const Envoy__Type__Matcher__V3__RegexMatcher *matcher) {
  if (matcher == NULL) {
    gw_xds_refuse(decoder, place, "is missing");
    return GW_STR("");
  }
  return gw_xds_decode_name(decoder, GW_XDS_FIELD(place, "regex"), matcher->regex);
}

void gw_xds_decode_ads_source(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                              const Envoy__Config__Core__V3__ConfigSource *source) {
  if (source == NULL || source->config_source_specifier_case != ENVOY__CONFIG__CORE__V3__CONFIG_SOURCE__CONFIG_SOURCE_SPECIFIER_ADS) {
    gw_xds_refuse(decoder, place, "must be ads");
    return;
  }
  if (source->resource_api_version != ENVOY__CONFIG__CORE__V3__API_VERSION__V3 &&
      source->resource_api_version != ENVOY__CONFIG__CORE__V3__API_VERSION__AUTO)
    gw_xds_refuse_enum(decoder, GW_XDS_FIELD(place, "resource_api_version"), &envoy__config__core__v3__api_version__descriptor,
                       (int)source->resource_api_version);
  const struct gw_xds_place *timeout = GW_XDS_FIELD(place, "initial_fetch_timeout");
  if (gw_xds_decode_duration(decoder, timeout, source->initial_fetch_timeout, FETCH_TIMEOUT_MS) != FETCH_TIMEOUT_MS)
    gw_xds_refuse(decoder, timeout, "only 15s, the default, is supported");
}

/* Letters, digits, '-' and '_' (which container networks use) in labels of at most 63 bytes; one dot at the end is allowed. */
static bool is_host_name(struct gw_str name) {
  if (name.len > 0 && name.data[name.len - 1] == '.') name.len--;
  if (name.len == 0 || name.len > HOST_NAME_MAX_LEN) return false;
  struct gw_str label;
  while (gw_str_split_next(&name, '.', &label)) {
    if (label.len == 0 || label.len > HOST_LABEL_MAX_LEN) return false;
    for (size_t i = 0; i < label.len; i++) {
      char c = label.data[i];
      bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!is_alnum && c != '-' && c != '_') return false;
    }
  }
  return true;
}

static bool is_ip(const char *text) {
  struct in6_addr address;
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

void gw_xds_decode_address(struct gw_xds_decoder *decoder, const struct gw_xds_place *place,
                           const Envoy__Config__Core__V3__Address *address, enum gw_xds_address_use use, struct gw_str *ret_host,
                           uint16_t *ret_port) {
  if (address == NULL || address->address_case != ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS) {
    gw_xds_refuse(decoder, place, "needs socket_address");
    return;
  }
  const Envoy__Config__Core__V3__SocketAddress *socket = address->socket_address;
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "socket_address");
  if (socket->protocol != ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PROTOCOL__TCP)
    gw_xds_refuse_enum(decoder, GW_XDS_FIELD(at, "protocol"), &envoy__config__core__v3__socket_address__protocol__descriptor,
                       (int)socket->protocol);
  bool may_be_name = use == GW_XDS_ADDRESS_CONNECT_OR_NAME;
  if (!is_ip(socket->address) && !(may_be_name && is_host_name(gw_wire_str(socket->address))))
    gw_xds_refuse(decoder, GW_XDS_FIELD(at, "address"), "\"%s\" is not %s", socket->address,
                  may_be_name ? "an IP address or a host name" : "an IP address");
  bool has_port = socket->port_specifier_case == ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
  uint32_t port = has_port ? socket->port_value : UINT32_MAX, port_min = use == GW_XDS_ADDRESS_LISTEN ? 0 : 1;
  if (port < port_min || port > UINT16_MAX) gw_xds_refuse(decoder, GW_XDS_FIELD(at, "port_value"), "must be a port, %u to 65535", port_min);
  *ret_host = gw_xds_decode_str(decoder, socket->address);
  *ret_port = (uint16_t)port;
}

static bool is_cidr(const char *text) {
  char address[INET6_ADDRSTRLEN];
  const char *slash = strchr(text, '/');
  if (slash == NULL || (size_t)(slash - text) >= sizeof address) return false;
  memcpy(address, text, (size_t)(slash - text));
  address[slash - text] = '\0';
  uint64_t bits;
  if (gw_str_parse_u64(gw_wire_str(slash + 1), &bits) != GW_OK) return false;
  struct in6_addr parsed;
  if (inet_pton(AF_INET, address, &parsed) == 1) return bits <= 32;
  return inet_pton(AF_INET6, address, &parsed) == 1 && bits <= 128;
}

void gw_xds_decode_cidrs(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const char *field, const char *const *items,
                         size_t count, const struct gw_str **ret_cidrs, uint32_t *ret_count) {
  struct gw_str *cidrs = gw_arena_calloc(decoder->arena, count, sizeof *cidrs);
  for (size_t i = 0; i < count; i++) {
    cidrs[i] = gw_xds_decode_str(decoder, items[i]);
    if (!is_cidr(items[i]))
      gw_xds_refuse(decoder, GW_XDS_ITEM(place, field, i), "\"%s\" is not like 10.0.0.0/8 or 2001:db8::/32", items[i]);
  }
  *ret_cidrs = cidrs;
  *ret_count = (uint32_t)count;
}

const char *gw_xds_any_message(const Google__Protobuf__Any *any) {
  const char *slash = any != NULL ? strrchr(any->type_url, '/') : NULL;
  return slash != NULL ? slash + 1 : "";
}

const void *gw_xds_decode_any(struct gw_xds_decoder *decoder, const struct gw_xds_place *place, const Google__Protobuf__Any *any,
                              const ProtobufCMessageDescriptor *descriptor) {
  if (any == NULL) {
    gw_xds_refuse(decoder, place, "is missing");
    return NULL;
  }
  if (strcmp(gw_xds_any_message(any), descriptor->name) != 0) {
    gw_xds_refuse(decoder, place, "type \"%s\" is not supported here; %s is", any->type_url, descriptor->name);
    return NULL;
  }
  struct gw_str value = {(const char *)any->value.data, any->value.len};
  enum gw_err err = gw_wire_walk(descriptor, value, GW_WIRE_STRICT, place, decoder->errors);
  if (err != GW_OK && err != GW_ERR_UNSUPPORTED) return NULL;
  ProtobufCMessage *message;
  if (gw_wire_unpack_checked(descriptor, value, decoder->scratch, &message) != GW_OK) {
    gw_xds_refuse(decoder, place, "is not a %s", descriptor->name);
    return NULL;
  }
  return message;
}
