/* Compiles the format language. */
#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "dataplane/pipeline/access_log_ops.h"

/* A line has a limited number of parts, and so does the stack that holds them. */
#define OPS_MAX 128

struct word {
  const char *name;
  enum gw_access_log_kind kind;
};

static const struct word plain_operators[] = {
    {"START_TIME", GW_ACCESS_LOG_START_TIME},
    {"ACCESS_LOG_TYPE", GW_ACCESS_LOG_TYPE},
    {"PROTOCOL", GW_ACCESS_LOG_PROTOCOL},
    {"RESPONSE_CODE", GW_ACCESS_LOG_RESPONSE_CODE},
    {"RESPONSE_CODE_DETAILS", GW_ACCESS_LOG_RESPONSE_CODE_DETAILS},
    {"RESPONSE_FLAGS", GW_ACCESS_LOG_RESPONSE_FLAGS},
    {"BYTES_RECEIVED", GW_ACCESS_LOG_BYTES_RECEIVED},
    {"BYTES_SENT", GW_ACCESS_LOG_BYTES_SENT},
    {"DURATION", GW_ACCESS_LOG_DURATION},
    {"RESPONSE_DURATION", GW_ACCESS_LOG_RESPONSE_DURATION},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", GW_ACCESS_LOG_ATTEMPT_COUNT},
    {"UPSTREAM_HOST", GW_ACCESS_LOG_UPSTREAM_HOST},
    {"UPSTREAM_CLUSTER", GW_ACCESS_LOG_UPSTREAM_CLUSTER},
    {"ROUTE_NAME", GW_ACCESS_LOG_ROUTE_NAME},
    {"TRACE_ID", GW_ACCESS_LOG_TRACE_ID},
    {"DOWNSTREAM_REMOTE_ADDRESS", GW_ACCESS_LOG_REMOTE_ADDRESS},
    {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", GW_ACCESS_LOG_REMOTE_ADDRESS_WITHOUT_PORT},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS", GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", GW_ACCESS_LOG_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT},
    {"REQUESTED_SERVER_NAME", GW_ACCESS_LOG_SERVER_NAME},
    {"DOWNSTREAM_TLS_VERSION", GW_ACCESS_LOG_TLS_VERSION},
};

static const struct word pseudo_headers[] = {
    {":method", GW_ACCESS_LOG_METHOD},
    {":path", GW_ACCESS_LOG_PATH},
    {":authority", GW_ACCESS_LOG_AUTHORITY},
    {":scheme", GW_ACCESS_LOG_SCHEME},
};

static const struct word path_arguments[] = {
    {"WQ", GW_ACCESS_LOG_PATH},
    {"WQ:PATH", GW_ACCESS_LOG_PATH},
    {"WQ:ORIG", GW_ACCESS_LOG_PATH},
    {"WQ:ORIG_OR_PATH", GW_ACCESS_LOG_PATH},
    {"NQ", GW_ACCESS_LOG_PATH_WITHOUT_QUERY},
    {"NQ:PATH", GW_ACCESS_LOG_PATH_WITHOUT_QUERY},
    {"NQ:ORIG", GW_ACCESS_LOG_PATH_WITHOUT_QUERY},
    {"NQ:ORIG_OR_PATH", GW_ACCESS_LOG_PATH_WITHOUT_QUERY},
};

/* Of DYNAMIC_METADATA: Envoy's, and ours in Envoy's words, which has no operator for them, so that it takes our formats, and writes
 * nothing. */
static const struct word metadata[] = {
    {"gateway:attempts", GW_ACCESS_LOG_ATTEMPTS},
    {"gateway:snapshot", GW_ACCESS_LOG_SNAPSHOT},
    {"gateway:consumer", GW_ACCESS_LOG_CONSUMER},
    {"gateway:api_key", GW_ACCESS_LOG_API_KEY},
    {"gateway:rate_limit", GW_ACCESS_LOG_LIMIT},
    {"gateway:rate_limit_key", GW_ACCESS_LOG_LIMIT_KEY},
    {"gateway:downstream_connection_reused", GW_ACCESS_LOG_DOWNSTREAM_REUSED},
    {"gateway:upstream_connection_reused", GW_ACCESS_LOG_UPSTREAM_REUSED},
    {"envoy.filters.http.rbac:enforced_effective_policy_id", GW_ACCESS_LOG_RBAC_POLICY},
    {"envoy.filters.http.rbac:enforced_engine_result", GW_ACCESS_LOG_RBAC_RESULT},
    {"envoy.filters.http.rbac:shadow_effective_policy_id", GW_ACCESS_LOG_RBAC_SHADOW_POLICY},
    {"envoy.filters.http.rbac:shadow_engine_result", GW_ACCESS_LOG_RBAC_SHADOW_RESULT},
};

/* Likewise of DYNAMIC_METADATA: a header of which only that it is there is told; a format that said REQ would show it in Envoy's log. */
#define REDACTED_REQUEST "gateway:redacted:"
#define REDACTED_RESPONSE "gateway:redacted_response:"

/* The same, with names behind it (access_log_ops.h). */
#define LIMIT_KEY "gateway:rate_limit_key:"

struct compiler {
  bool hides_secrets;
  struct gw_arena *arena;
  struct gw_errors *errors;
  const char *place;
  struct gw_access_log_op ops[OPS_MAX];
  uint32_t count;
};

static const struct word *find_word(const struct word *words, size_t count, struct gw_str name) {
  for (size_t i = 0; i < count; i++)
    if (gw_str_equal_nocase(gw_str_from(words[i].name), name)) return &words[i];
  return NULL;
}

/* One header name, or a pseudo-header of requests. false: not to be logged. */
static bool compile_name(struct compiler *compiler, struct gw_str name, enum gw_access_log_kind kind, struct gw_access_log_op *ret_op) {
  *ret_op = (struct gw_access_log_op){.kind = kind, .max_len = SIZE_MAX};
  if (kind == GW_ACCESS_LOG_REQUEST_HEADER && name.len > 0 && name.data[0] == ':') {
    const struct word *pseudo = find_word(pseudo_headers, GW_ARRAY_LEN(pseudo_headers), name);
    if (pseudo == NULL) return false;
    ret_op->kind = pseudo->kind;
    return true;
  }
  if (!gw_header_name_is_valid(name)) return false;
  ret_op->text = gw_arena_copy(compiler->arena, name);
  ret_op->id = gw_header_id_find(name);
  ret_op->is_secret = compiler->hides_secrets && gw_header_is_credential(ret_op->id, name);
  return true;
}

/* "NAME?ALTERNATIVE" and, from `length`, ":N" behind the parenthesis. */
static bool compile_header(struct compiler *compiler, struct gw_str argument, struct gw_str length, enum gw_access_log_kind kind,
                           struct gw_access_log_op *ret_op) {
  ptrdiff_t question = gw_str_find_char(argument, '?');
  struct gw_str name = question < 0 ? argument : (struct gw_str){argument.data, (size_t)question};
  if (!compile_name(compiler, name, kind, ret_op)) return false;
  if (question >= 0) {
    struct gw_access_log_op *alternative = gw_arena_calloc(compiler->arena, 1, sizeof(*alternative));
    if (!compile_name(compiler, gw_str_skip(argument, (size_t)question + 1), kind, alternative)) return false;
    ret_op->alternative = alternative;
  }
  uint64_t max_len = SIZE_MAX;
  if (length.len > 0 && (length.data[0] != ':' || gw_str_parse_u64(gw_str_skip(length, 1), &max_len) != GW_OK)) return false;
  ret_op->max_len = max_len;
  return true;
}

/* The argument of DYNAMIC_METADATA. */
static bool compile_metadata(struct compiler *compiler, struct gw_str argument, struct gw_access_log_op *ret_op) {
  struct gw_str request = GW_STR(REDACTED_REQUEST), response = GW_STR(REDACTED_RESPONSE);
  bool is_request = gw_str_has_prefix(argument, request);
  if (is_request || gw_str_has_prefix(argument, response)) {
    struct gw_str name = gw_str_skip(argument, is_request ? request.len : response.len);
    if (!gw_header_name_is_valid(name)) return false;
    (void)compile_name(compiler, name, is_request ? GW_ACCESS_LOG_REQUEST_HEADER : GW_ACCESS_LOG_RESPONSE_HEADER, ret_op);
    ret_op->is_secret = true;
    return true;
  }
  if (gw_str_has_prefix(argument, GW_STR(LIMIT_KEY))) {
    struct gw_str names = gw_str_skip(argument, sizeof(LIMIT_KEY) - 1);
    *ret_op = (struct gw_access_log_op){.kind = GW_ACCESS_LOG_LIMIT_KEY, .text = gw_arena_copy(compiler->arena, names)};
    return true;
  }
  const struct word *ours = find_word(metadata, GW_ARRAY_LEN(metadata), argument);
  if (ours != NULL) *ret_op = (struct gw_access_log_op){.kind = ours->kind};
  return ours != NULL;
}

/* The text between two '%'. */
static bool compile_operator(struct compiler *compiler, struct gw_str text, struct gw_access_log_op *ret_op) {
  ptrdiff_t open = gw_str_find_char(text, '(');
  if (open < 0) {
    const struct word *word = find_word(plain_operators, GW_ARRAY_LEN(plain_operators), text);
    if (word == NULL) return false;
    *ret_op = (struct gw_access_log_op){.kind = word->kind};
    return true;
  }
  ptrdiff_t close = gw_str_find_char(text, ')');
  if (close < open) return false;
  struct gw_str name = {text.data, (size_t)open};
  struct gw_str argument = {text.data + open + 1, (size_t)(close - open - 1)};
  struct gw_str rest = gw_str_skip(text, (size_t)close + 1);
  if (gw_str_equal(name, GW_STR("REQ"))) return compile_header(compiler, argument, rest, GW_ACCESS_LOG_REQUEST_HEADER, ret_op);
  if (gw_str_equal(name, GW_STR("RESP"))) return compile_header(compiler, argument, rest, GW_ACCESS_LOG_RESPONSE_HEADER, ret_op);
  if (gw_str_equal(name, GW_STR("TRAILER"))) return compile_header(compiler, argument, rest, GW_ACCESS_LOG_RESPONSE_TRAILER, ret_op);
  if (rest.len > 0) return false;
  if (gw_str_equal(name, GW_STR("DYNAMIC_METADATA"))) return compile_metadata(compiler, argument, ret_op);
  const struct word *word = NULL;
  if (gw_str_equal(name, GW_STR("PATH"))) word = find_word(path_arguments, GW_ARRAY_LEN(path_arguments), argument);
  *ret_op = (struct gw_access_log_op){.kind = word != NULL ? word->kind : GW_ACCESS_LOG_PATH_WITHOUT_QUERY};
  return word != NULL || (gw_str_equal(name, GW_STR("REQ_WITHOUT_QUERY")) && gw_str_equal_nocase(argument, GW_STR(":path")));
}

static void add_op(struct compiler *compiler, struct gw_access_log_op op) {
  if (compiler->count == OPS_MAX) {
    gw_errors_add(compiler->errors, compiler->place, "the format has more than %d parts", OPS_MAX);
  } else {
    compiler->ops[compiler->count] = op;
  }
  if (compiler->count < OPS_MAX) compiler->count++;
}

static void add_text(struct compiler *compiler, struct gw_str text) {
  if (text.len > 0) add_op(compiler, (struct gw_access_log_op){.kind = GW_ACCESS_LOG_TEXT, .text = gw_arena_copy(compiler->arena, text)});
}

static struct gw_access_log_value compile_format(struct compiler *compiler, struct gw_str format) {
  compiler->count = 0;
  while (format.len > 0) {
    ptrdiff_t percent = gw_str_find_char(format, '%');
    if (percent < 0) {
      add_text(compiler, format);
      break;
    }
    add_text(compiler, (struct gw_str){format.data, (size_t)percent});
    format = gw_str_skip(format, (size_t)percent + 1);
    ptrdiff_t end = gw_str_find_char(format, '%');
    struct gw_str text = {format.data, end < 0 ? format.len : (size_t)end};
    struct gw_access_log_op op;
    if (end == 0) {
      add_text(compiler, GW_STR("%"));
    } else if (end > 0 && compile_operator(compiler, text, &op)) {
      add_op(compiler, op);
    } else {
      gw_errors_add(compiler->errors, compiler->place, "\"%%%.*s%%\" is not a supported operator", GW_STR_ARG(text));
    }
    format = gw_str_skip(format, end < 0 ? format.len : (size_t)end + 1);
  }
  struct gw_access_log_op *ops = gw_arena_calloc(compiler->arena, compiler->count, sizeof(*ops));
  if (compiler->count > 0) memcpy(ops, compiler->ops, compiler->count * sizeof(*ops));
  return (struct gw_access_log_value){.ops = ops, .op_count = compiler->count};
}

static struct gw_str copy_with_step(struct gw_arena *arena, struct gw_str text) {
  char *copy = gw_arena_alloc_bytes(arena, text.len + GW_ACCESS_LOG_STEP);
  memset(copy + text.len, ' ', GW_ACCESS_LOG_STEP);
  if (text.len > 0) memcpy(copy, text.data, text.len);
  return (struct gw_str){copy, text.len};
}

static struct gw_str json_key(struct gw_arena *arena, struct gw_str name) {
  GW_CLEANUP(gw_strbuf_done) struct gw_strbuf buf = {0};
  gw_strbuf_append_char(&buf, ',');
  gw_json_append_string(&buf, name);
  gw_strbuf_append_char(&buf, ':');
  return copy_with_step(arena, gw_strbuf_str(&buf));
}

/* One operator of those kinds. */
static bool is_between(const struct gw_access_log_value *value, enum gw_access_log_kind first, enum gw_access_log_kind last) {
  return value->op_count == 1 && value->ops->kind >= first && value->ops->kind <= last;
}

static bool is_mostly_null(const struct gw_access_log_value *value) {
  return is_between(value, GW_ACCESS_LOG_ATTEMPTS, GW_ACCESS_LOG_RBAC_SHADOW_RESULT);
}

static void join_nulls(struct gw_access_log_plan *plan, struct gw_access_log_value *values) {
  for (uint32_t i = 0; i < plan->value_count; i += values[i].null_count + 1) {
    GW_CLEANUP(gw_strbuf_done) struct gw_strbuf nulls = {0};
    uint32_t end = i;
    for (; end < plan->value_count && is_mostly_null(&values[end]); end++) {
      if (plan->omits_empty) continue;
      gw_strbuf_append_str(&nulls, values[end].key);
      gw_strbuf_append_str(&nulls, GW_STR("null"));
    }
    values[i].null_count = end - i;
    values[i].nulls = copy_with_step(&plan->arena, gw_strbuf_str(&nulls));
  }
}

static struct gw_access_log_plan *build(const struct gw_access_log *model, bool hides_secrets, struct gw_errors *errors,
                                        const char *place) {
  struct gw_access_log_plan *plan = gw_calloc(1, sizeof(*plan));
  GW_CLEANUP(gw_free_ptr) struct compiler *compiler = gw_calloc(1, sizeof(*compiler));
  size_t errors_before = errors->error_count;
  gw_arena_init(&plan->arena, 2048);
  compiler->hides_secrets = hides_secrets;
  compiler->arena = &plan->arena;
  compiler->errors = errors;
  compiler->place = place;
  plan->is_json = model->field_count > 0;
  plan->omits_empty = model->omits_empty;
  plan->value_count = plan->is_json ? model->field_count : 1;
  struct gw_access_log_value *values = gw_arena_calloc(&plan->arena, plan->value_count, sizeof(*values));
  plan->values = values;
  if (!plan->is_json) values[0] = compile_format(compiler, model->text);
  for (uint32_t i = 0; i < model->field_count; i++) {
    values[i] = compile_format(compiler, model->fields[i].format);
    values[i].key = json_key(&plan->arena, model->fields[i].name);
    values[i].is_bare = is_between(&values[i], GW_ACCESS_LOG_RESPONSE_CODE, GW_ACCESS_LOG_UPSTREAM_REUSED);
    plan->short_len += values[i].key.len + GW_ACCESS_LOG_SHORT + GW_ACCESS_LOG_STEP;
  }
  if (plan->is_json) join_nulls(plan, values);
  if (model->filter != NULL) plan->filter = gw_log_filter_build(model->filter, &plan->arena, errors, place);
  if (errors->error_count == errors_before) return plan;
  gw_access_log_plan_free(plan);
  return NULL;
}

struct gw_access_log_plan *gw_access_log_plan_build(const struct gw_access_log *model, struct gw_errors *errors, const char *place) {
  return build(model, true, errors, place);
}

struct gw_access_log_plan *gw_access_log_plan_build_value(struct gw_str format, struct gw_errors *errors, const char *place) {
  return build(&(struct gw_access_log){.text = format}, false, errors, place);
}

void gw_access_log_plan_free(struct gw_access_log_plan *plan) {
  if (plan == NULL) return;
  gw_log_filter_done(plan->filter);
  gw_arena_done(&plan->arena);
  free(plan);
}
