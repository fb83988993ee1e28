#include "common/model/tracing.h"

#include "common/base/xxh64.h"

static uint64_t add(uint64_t hash, struct gw_str text) {
  return gw_xxh64(text, hash + text.len + 1);
}

static uint64_t add_pairs(uint64_t hash, const struct gw_trace_pair *pairs, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    hash = add(add(hash, pairs[i].key), pairs[i].value);
  return hash;
}

uint64_t gw_tracing_destination(const struct gw_tracing *tracing) {
  uint64_t hash = tracing->is_http ? 1 : 2;
  hash = add(add(add(add(hash, tracing->cluster), tracing->target), tracing->authority), tracing->path);
  hash = add(add(hash, tracing->headers_secret), tracing->service_name);
  hash = add_pairs(hash, tracing->headers, tracing->header_count);
  return add_pairs(hash, tracing->attributes, tracing->attribute_count);
}
