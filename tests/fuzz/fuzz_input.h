/* Why: takes an input apart into numbers and strings, for targets that build something from it.
 * Life: strings point into the input.
 * Thread: one at a time. */
#ifndef GW_TESTS_FUZZ_FUZZ_INPUT_H
#define GW_TESTS_FUZZ_FUZZ_INPUT_H

#include "common/base/str.h"

struct gw_fuzz_input {
  const uint8_t *at;
  const uint8_t *end;
};

/* 0 when the input is used up. */
static inline unsigned gw_fuzz_take_byte(struct gw_fuzz_input *input) {
  return input->at < input->end ? *input->at++ : 0;
}

/* A byte says how long. */
static inline struct gw_str gw_fuzz_take_str(struct gw_fuzz_input *input) {
  size_t len = gw_fuzz_take_byte(input);
  size_t rest = (size_t)(input->end - input->at);
  if (len > rest) len = rest;
  struct gw_str taken = {(const char *)input->at, len};
  input->at += len;
  return taken;
}

#endif
