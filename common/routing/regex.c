#include "common/routing/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/routing/regex_syntax.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Steps of a match (some ms at most), nested choices, and KiB for them. They stand at the head of the pattern, which PCRE2 reads as an
 * upper bound. */
#define LIMITS "(*LIMIT_MATCH=100000)(*LIMIT_DEPTH=10000)(*LIMIT_HEAP=2048)"

struct gw_regex {
  pcre2_code *code;
  uint32_t group_count;
};

enum gw_err gw_regex_new(struct gw_str pattern, struct gw_regex_options options, char ret_why[GW_REGEX_WHY_SIZE],
                         struct gw_regex **ret_regex) {
  if (pattern.len > GW_REGEX_PATTERN_MAX) {
    snprintf(ret_why, GW_REGEX_WHY_SIZE, "has %zu bytes; at most %u are allowed", pattern.len, GW_REGEX_PATTERN_MAX);
    return GW_ERR_INVALID;
  }
  const char *foreign = gw_regex_syntax_find_foreign(pattern);
  if (foreign != NULL) {
    snprintf(ret_why, GW_REGEX_WHY_SIZE, "uses %s; allowed is RE2's syntax", foreign);
    return GW_ERR_INVALID;
  }
  GW_CLEANUP(gw_free_ptr) char *limited = gw_asprintf(LIMITS "%.*s", GW_STR_ARG(pattern));
  uint32_t flags = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF;
  if (options.mode == GW_REGEX_WHOLE) flags |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
  int code = 0;
  PCRE2_SIZE at = 0;
  pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)limited, strlen(LIMITS) + pattern.len, flags, &code, &at, NULL);
  if (compiled == NULL) {
    PCRE2_UCHAR message[128] = "";
    pcre2_get_error_message(code, message, sizeof message);
    size_t offset = at > strlen(LIMITS) ? at - strlen(LIMITS) : 0;
    snprintf(ret_why, GW_REGEX_WHY_SIZE, "is no regular expression: %s at byte %zu", (const char *)message, offset);
    return GW_ERR_INVALID;
  }
  /* Where the system forbids new machine code, the interpreter does the same, slower. */
  if (options.is_fast) (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
  struct gw_regex *regex = gw_malloc(sizeof *regex);
  regex->code = compiled;
  pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &regex->group_count);
  *ret_regex = regex;
  return GW_OK;
}

void gw_regex_free(struct gw_regex *regex) {
  if (regex == NULL) return;
  pcre2_code_free(regex->code);
  free(regex);
}

size_t gw_regex_bytes(const struct gw_regex *regex) {
  size_t size = 0, machine_size = 0;
  pcre2_pattern_info(regex->code, PCRE2_INFO_SIZE, &size);
  pcre2_pattern_info(regex->code, PCRE2_INFO_JITSIZE, &machine_size);
  return sizeof *regex + size + machine_size;
}

size_t gw_regex_group_count(const struct gw_regex *regex) {
  return regex->group_count;
}

static void *scratch_alloc(PCRE2_SIZE size, void *arena) {
  return gw_arena_alloc(arena, size);
}

static void scratch_free(void *bytes, void *arena) {
  (void)bytes, (void)arena;
}

/* PCRE2 wants a block to write the result to; it comes from the request's arena, so nothing is shared and nothing is freed. */
static pcre2_match_data *run(const struct gw_regex *regex, struct gw_str text, size_t start, uint32_t pairs, struct gw_arena *scratch,
                             bool *has_given_up) {
  pcre2_general_context *memory = pcre2_general_context_create(scratch_alloc, scratch_free, scratch);
  pcre2_match_data *data = pcre2_match_data_create(pairs, memory);
  PCRE2_SPTR subject = (PCRE2_SPTR)(text.len > 0 ? text.data : "");
  int count = pcre2_match(regex->code, subject, text.len, start, 0, data, NULL);
  if (count == PCRE2_ERROR_JIT_STACKLIMIT) count = pcre2_match(regex->code, subject, text.len, start, PCRE2_NO_JIT, data, NULL);
  if (count < 0 && count != PCRE2_ERROR_NOMATCH && has_given_up != NULL) *has_given_up = true;
  return count >= 0 ? data : NULL;
}

bool gw_regex_match(const struct gw_regex *regex, struct gw_str text, struct gw_arena *scratch, bool *has_given_up) {
  return run(regex, text, 0, 1, scratch, has_given_up) != NULL;
}

bool gw_regex_match_groups(const struct gw_regex *regex, struct gw_str text, size_t start, struct gw_arena *scratch,
                           struct gw_str ret_groups[GW_REGEX_GROUPS_MAX]) {
  pcre2_match_data *data = run(regex, text, start, GW_REGEX_GROUPS_MAX, scratch, NULL);
  if (data == NULL) return false;
  const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
  for (size_t i = 0; i < GW_REGEX_GROUPS_MAX; i++) {
    bool took_part = i <= regex->group_count && at[2 * i] != PCRE2_UNSET;
    ret_groups[i] = took_part ? (struct gw_str){text.data + at[2 * i], at[2 * i + 1] - at[2 * i]} : (struct gw_str){NULL, 0};
  }
  return true;
}
