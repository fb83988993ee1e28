/* Why: frames of HTTP/2 written by hand, for tests that play a peer which no library would be.
 * Life: no objects.
 * Thread: the test's. */
#ifndef GW_TESTS_UNIT_COMMON_HTTP_H2_FRAMES_H
#define GW_TESTS_UNIT_COMMON_HTTP_H2_FRAMES_H

#include "common/http/h2_codec.h"

static inline void put_frame(struct gw_strbuf *buf, uint8_t type, uint8_t flags, uint32_t id, struct gw_str payload) {
  const char head[9] = {(char)(payload.len >> 16), (char)(payload.len >> 8), (char)payload.len, (char)type, (char)flags,
                        (char)(id >> 24),          (char)(id >> 16),         (char)(id >> 8),   (char)id};
  gw_strbuf_append(buf, head, sizeof(head));
  gw_strbuf_append_str(buf, payload);
}

/* Static table entries: GET, http, "/", and :authority "a". */
#define SMALL_HEAD                                                                                                                         \
  GW_STR("\x82\x86\x84\x01\x01"                                                                                                            \
         "a")

static inline struct gw_strbuf preface(void) {
  struct gw_strbuf bytes;
  gw_strbuf_init(&bytes);
  gw_strbuf_append_str(&bytes, GW_STR(GW_H2_PREFACE));
  put_frame(&bytes, 0x4, 0, 0, (struct gw_str){0});
  return bytes;
}

#endif
