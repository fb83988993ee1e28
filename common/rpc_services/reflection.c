#include "common/rpc_services/reflection.h"

#include <grpc/reflection/v1/reflection.pb-c.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/mem.h"
#include "common/rpc_services/descriptor_index.h"
#include "common/rpc_services/rpc_message.h"
#include "common/xds/wire.h"

/* v1alpha differs from v1 in its package's name only, so v1's messages serve both. */
typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

#define PENDING_MAX 16 /* answers that a client who asks on leaves unread */

struct gw_reflection_service {
  struct gw_descriptor_index *index;
  char **services; /* names, each once, in the set's order */
  size_t service_count;
};

static void answer_error(reflection_response *response, struct gw_arena *arena, int code, const char *message) {
  Grpc__Reflection__V1__ErrorResponse *error = gw_arena_alloc(arena, sizeof(*error));
  grpc__reflection__v1__error_response__init(error);
  error->error_code = code;
  error->error_message = gw_arena_strdup(arena, message);
  response->message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
  response->error_response = error;
}

static void add_file(Grpc__Reflection__V1__FileDescriptorResponse *files, const struct gw_descriptor_file *file, bool *is_added) {
  if (is_added[file->index]) return;
  is_added[file->index] = true;
  files->file_descriptor_proto[files->n_file_descriptor_proto++] =
      (ProtobufCBinaryData){.len = file->bytes->len, .data = (uint8_t *)file->bytes->data};
  for (uint32_t i = 0; i < file->import_count; i++)
    add_file(files, file->imports[i], is_added);
}

/* `file` may be NULL: not found. */
static void answer_file(const struct gw_reflection_service *reflection, reflection_response *response, struct gw_arena *arena,
                        const struct gw_descriptor_file *file) {
  if (file == NULL) {
    answer_error(response, arena, GW_RPC_NOT_FOUND, "not found");
    return;
  }
  uint32_t count = gw_descriptor_index_file_count(reflection->index);
  Grpc__Reflection__V1__FileDescriptorResponse *files = gw_arena_alloc(arena, sizeof(*files));
  grpc__reflection__v1__file_descriptor_response__init(files);
  files->file_descriptor_proto = gw_arena_calloc(arena, count, sizeof(*files->file_descriptor_proto));
  add_file(files, file, gw_arena_calloc(arena, count, sizeof(bool)));
  response->message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
  response->file_descriptor_response = files;
}

static void answer_services(const struct gw_reflection_service *reflection, reflection_response *response, struct gw_arena *arena) {
  Grpc__Reflection__V1__ListServiceResponse *list = gw_arena_alloc(arena, sizeof(*list));
  grpc__reflection__v1__list_service_response__init(list);
  list->service = gw_arena_calloc(arena, reflection->service_count, sizeof(void *));
  for (size_t i = 0; i < reflection->service_count; i++) {
    list->service[i] = gw_arena_alloc(arena, sizeof(*list->service[i]));
    grpc__reflection__v1__service_response__init(list->service[i]);
    list->service[i]->name = reflection->services[i];
  }
  list->n_service = reflection->service_count;
  response->message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
  response->list_services_response = list;
}

/* We have no extensions (proto2). */
static void answer_extension_numbers(reflection_response *response, struct gw_arena *arena, char *type) {
  Grpc__Reflection__V1__ExtensionNumberResponse *numbers = gw_arena_alloc(arena, sizeof(*numbers));
  grpc__reflection__v1__extension_number_response__init(numbers);
  numbers->base_type_name = type;
  response->message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
  response->all_extension_numbers_response = numbers;
}

static void answer(const struct gw_reflection_service *reflection, reflection_request *request, struct gw_arena *arena,
                   reflection_response *response) {
  switch (request->message_request_case) {
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
    answer_file(reflection, response, arena, gw_descriptor_index_find_file(reflection->index, gw_str_from(request->file_by_filename)));
    return;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
    answer_file(reflection, response, arena,
                gw_descriptor_index_find_symbol(reflection->index, gw_str_from(request->file_containing_symbol)));
    return;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
    answer_extension_numbers(response, arena, request->all_extension_numbers_of_type);
    return;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES: answer_services(reflection, response, arena); return;
  case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
    answer_error(response, arena, GW_RPC_NOT_FOUND, "there are no extensions");
    return;
  default: answer_error(response, arena, GW_RPC_INVALID_ARGUMENT, "the request asks for nothing"); return;
  }
}

static void *on_open(void *arg, struct gw_rpc_stream *stream) {
  (void)stream;
  return arg;
}

static void on_message(void *state, struct gw_rpc_stream *stream, struct gw_str message) {
  if (gw_rpc_stream_pending(stream) >= PENDING_MAX) {
    gw_rpc_stream_finish(stream, GW_RPC_RESOURCE_EXHAUSTED, "too many answers wait to be read");
    return;
  }
  struct gw_arena arena;
  gw_arena_init(&arena, 4096);
  ProtobufCMessage *unpacked;
  if (gw_wire_unpack(&grpc__reflection__v1__server_reflection_request__descriptor, message, &arena, &unpacked) == GW_OK) {
    reflection_response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    response.original_request = (reflection_request *)(void *)unpacked;
    response.valid_host = response.original_request->host;
    answer(state, response.original_request, &arena, &response);
    gw_rpc_message_send(stream, &response.base);
  } else {
    gw_rpc_stream_finish(stream, GW_RPC_INVALID_ARGUMENT, "the message is not a ServerReflectionRequest");
  }
  gw_arena_done(&arena);
}

static void on_closed(void *state, struct gw_rpc_stream *stream, int code, struct gw_str reason) {
  (void)state, (void)stream, (void)code, (void)reason;
}

static const struct gw_rpc_method methods[] = {
    {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
     .events = {.on_message = on_message, .on_closed = on_closed},
     .on_open = on_open},
    {.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
     .events = {.on_message = on_message, .on_closed = on_closed},
     .on_open = on_open},
};

/* "/package.Service/Method" */
static void add_service(struct gw_reflection_service *reflection, const char *path) {
  struct gw_str rest = gw_str_from(path + 1);
  struct gw_str name;
  if (!gw_str_split_next(&rest, '/', &name)) return;
  for (size_t i = 0; i < reflection->service_count; i++) {
    if (gw_str_equal(gw_str_from(reflection->services[i]), name)) return;
  }
  reflection->services = gw_realloc_array(reflection->services, reflection->service_count + 1, sizeof(*reflection->services));
  reflection->services[reflection->service_count++] = gw_str_dup(name);
}

struct gw_reflection_service *gw_reflection_service_new(struct gw_rpc_service_set *set) {
  struct gw_reflection_service *reflection = gw_calloc(1, sizeof(*reflection));
  reflection->index = gw_descriptor_index_new();
  gw_rpc_service_set_add(set, methods, GW_ARRAY_LEN(methods), reflection);
  for (size_t i = 0; i < set->count; i++)
    add_service(reflection, set->methods[i].path);
  return reflection;
}

void gw_reflection_service_free(struct gw_reflection_service *reflection) {
  if (reflection == NULL) return;
  for (size_t i = 0; i < reflection->service_count; i++)
    free(reflection->services[i]);
  free(reflection->services);
  gw_descriptor_index_free(reflection->index);
  free(reflection);
}
