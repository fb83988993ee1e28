/* Fields that a route adds to heads and removes from them. */
#include "common/model/header_format.h"
#include "common/xds/decode_route.h"
#include "common/xds/wire.h"

typedef Envoy__Config__Core__V3__HeaderValueOption HeaderValueOption;

static struct gw_str decode_name(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *text, bool is_response) {
  struct gw_str name = gw_xds_decode_header_name(d, place, text, false);
  const char *why = gw_header_change_refusal(name, is_response);
  if (why != NULL) gw_xds_refuse(d, place, "\"%s\" can't be changed here: it %s", text, why);
  return name;
}

static enum gw_header_action decode_action(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HeaderValueOption *m) {
  const struct gw_xds_place *at = GW_XDS_FIELD(place, "append_action");
  if ((unsigned)m->append_action > GW_HEADER_OVERWRITE_IF_EXISTS) {
    gw_xds_refuse_enum(d, at, &envoy__config__core__v3__header_value_option__header_append_action__descriptor, (int)m->append_action);
    return GW_HEADER_APPEND;
  }
  enum gw_header_action action = (enum gw_header_action)m->append_action;
  if (action != GW_HEADER_APPEND && m->append != NULL) gw_xds_refuse(d, at, "and append exclude each other");
  /* The older way to say it. */
  return action == GW_HEADER_APPEND && !gw_xds_decode_bool(m->append, true) ? GW_HEADER_OVERWRITE : action;
}

static void decode_option(struct gw_xds_decoder *d, const struct gw_xds_place *place, const HeaderValueOption *m, bool is_response,
                          struct gw_header_option *out) {
  const struct gw_xds_place *header = GW_XDS_FIELD(place, "header");
  if (m->header == NULL) {
    gw_xds_refuse(d, header, "is missing");
    return;
  }
  out->name = decode_name(d, GW_XDS_FIELD(header, "key"), m->header->key, is_response);
  out->action = decode_action(d, place, m);
  out->keeps_empty = m->keep_empty_value;
  const struct gw_xds_place *at = GW_XDS_FIELD(header, "value");
  struct gw_str format = gw_xds_decode_str(d, m->header->value);
  const char *why;
  if (format.len == 0 && !m->keep_empty_value) gw_xds_refuse(d, at, "is empty, and must not be");
  if (gw_header_format_parse(format, is_response, d->arena, &out->value, &out->is_format, &why) != GW_OK) gw_xds_refuse(d, at, "%s", why);
}

const struct gw_header_option *gw_xds_decode_header_options(struct gw_xds_decoder *d, const struct gw_xds_place *place, const char *field,
                                                            HeaderValueOption *const *items, size_t count, bool is_response) {
  struct gw_header_option *options = gw_arena_calloc(d->arena, count, sizeof *options);
  for (size_t i = 0; i < count; i++)
    decode_option(d, GW_XDS_ITEM(place, field, i), items[i], is_response, &options[i]);
  return options;
}

struct source {
  const char *add_field;
  HeaderValueOption **add;
  size_t add_count;
  const char *remove_field;
  char **remove;
  size_t remove_count;
  bool is_response;
};

static const struct gw_header_changes *decode_changes(struct gw_xds_decoder *d, const struct gw_xds_place *place,
                                                      const struct source *from) {
  if (from->add_count == 0 && from->remove_count == 0) return NULL;
  struct gw_header_changes *changes = gw_arena_calloc(d->arena, 1, sizeof *changes);
  const struct gw_header_option *add =
      gw_xds_decode_header_options(d, place, from->add_field, from->add, from->add_count, from->is_response);
  struct gw_str *remove = gw_arena_calloc(d->arena, from->remove_count, sizeof *remove);
  for (size_t i = 0; i < from->remove_count; i++)
    remove[i] = decode_name(d, GW_XDS_ITEM(place, from->remove_field, i), from->remove[i], from->is_response);
  *changes = (struct gw_header_changes){.remove = remove,
                                        .remove_count = (uint32_t)from->remove_count,
                                        .add_count = (uint32_t)from->add_count,
                                        .add = add};
  return changes;
}

void gw_xds_decode_header_changes(struct gw_xds_decoder *d, const struct gw_xds_place *place, const Envoy__Config__Route__V3__Route *m,
                                  struct gw_route *out) {
  out->request_headers = decode_changes(d, place,
                                        &(struct source){.add_field = "request_headers_to_add",
                                                         .add = m->request_headers_to_add,
                                                         .add_count = m->n_request_headers_to_add,
                                                         .remove_field = "request_headers_to_remove",
                                                         .remove = m->request_headers_to_remove,
                                                         .remove_count = m->n_request_headers_to_remove});
  out->response_headers = decode_changes(d, place,
                                         &(struct source){.add_field = "response_headers_to_add",
                                                          .add = m->response_headers_to_add,
                                                          .add_count = m->n_response_headers_to_add,
                                                          .remove_field = "response_headers_to_remove",
                                                          .remove = m->response_headers_to_remove,
                                                          .remove_count = m->n_response_headers_to_remove,
                                                          .is_response = true});
}
