#include "common/xds/decode.h"
#include "envoy/extensions/transport_sockets/tls/v3/secret.pb-c.h"

#define TICKET_KEYS_MAX 16

typedef Envoy__Extensions__TransportSockets__Tls__V3__Secret Secret;
#define TYPE(name) ENVOY__EXTENSIONS__TRANSPORT_SOCKETS__TLS__V3__SECRET__TYPE_##name

/* Mistakes tell sizes and places, never what is in a key. */
static struct gw_str decode_content(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                    const Envoy__Config__Core__V3__DataSource *source) {
  struct gw_str pem = gw_xds_decode_data_source(d, place, source);
  if (source != NULL && pem.len == 0) gw_xds_refuse(d, place, "is empty, and must not be");
  return pem;
}

static void decode_certificate(struct gw_xds_decoder *d, const Secret *m, struct gw_secret *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(NULL, "tls_certificate");
  out->kind = GW_SECRET_CERTIFICATE;
  out->certificate_chain = decode_content(d, GW_XDS_FIELD(at, "certificate_chain"), m->tls_certificate->certificate_chain);
  out->private_key = decode_content(d, GW_XDS_FIELD(at, "private_key"), m->tls_certificate->private_key);
}

static void decode_validation(struct gw_xds_decoder *d, const Secret *m, struct gw_secret *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(NULL, "validation_context");
  out->kind = GW_SECRET_VALIDATION;
  out->trusted_ca = decode_content(d, GW_XDS_FIELD(at, "trusted_ca"), m->validation_context->trusted_ca);
  gw_xds_decode_sans(d, at, m->validation_context->match_typed_subject_alt_names, m->validation_context->n_match_typed_subject_alt_names,
                     &out->sans, &out->san_count);
}

static void decode_ticket_keys(struct gw_xds_decoder *d, const Secret *m, struct gw_secret *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(NULL, "session_ticket_keys");
  size_t count = m->session_ticket_keys->n_keys;
  out->kind = GW_SECRET_TICKET_KEYS;
  if (count == 0 || count > TICKET_KEYS_MAX) {
    gw_xds_refuse(d, GW_XDS_FIELD(at, "keys"), "are %zu; allowed is 1 to %d", count, TICKET_KEYS_MAX);
    return;
  }
  struct gw_str *keys = gw_arena_calloc(d->arena, count, sizeof *keys);
  for (size_t i = 0; i < count; i++) {
    const struct gw_xds_place *place = GW_XDS_ITEM(at, "keys", i);
    keys[i] = gw_xds_decode_data_source(d, place, m->session_ticket_keys->keys[i]);
    if (keys[i].len != GW_TICKET_KEY_BYTES) gw_xds_refuse(d, place, "has %zu bytes; %u are wanted", keys[i].len, GW_TICKET_KEY_BYTES);
  }
  out->ticket_keys = keys;
  out->ticket_key_count = (uint32_t)count;
}

static void decode_generic(struct gw_xds_decoder *d, const Secret *m, struct gw_secret *out) {
  const struct gw_xds_place *at = GW_XDS_FIELD(GW_XDS_FIELD(NULL, "generic_secret"), "secret");
  out->kind = GW_SECRET_GENERIC;
  out->content = decode_content(d, at, m->generic_secret->secret);
}

const struct gw_secret *gw_xds_decode_secret(struct gw_xds_decoder *d, const Secret *m) {
  struct gw_secret *secret = gw_arena_calloc(d->arena, 1, sizeof *secret);
  secret->name = gw_xds_decode_name(d, GW_XDS_FIELD(NULL, "name"), m->name);
  switch (m->type_case) {
  case TYPE(TLS_CERTIFICATE): decode_certificate(d, m, secret); break;
  case TYPE(VALIDATION_CONTEXT): decode_validation(d, m, secret); break;
  case TYPE(SESSION_TICKET_KEYS): decode_ticket_keys(d, m, secret); break;
  case TYPE(GENERIC_SECRET): decode_generic(d, m, secret); break;
  default: gw_xds_refuse(d, NULL, "needs tls_certificate, validation_context, session_ticket_keys or generic_secret");
  }
  return secret;
}
