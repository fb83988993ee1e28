# Every .proto below proto/ becomes C by protoc-c in the build tree; the result is one library, gw_proto.
set(GW_PROTO_DIR ${PROJECT_BINARY_DIR}/proto)
file(GLOB_RECURSE GW_PROTO_FILES CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/proto ${PROJECT_SOURCE_DIR}/proto/*.proto)
set(GW_WELL_KNOWN any descriptor duration empty struct timestamp wrappers)
set(gw_proto_sources)
foreach(file ${GW_PROTO_FILES})
  string(REGEX REPLACE "\\.proto$" "" stem ${file})
  add_custom_command(OUTPUT ${GW_PROTO_DIR}/${stem}.pb-c.c ${GW_PROTO_DIR}/${stem}.pb-c.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${GW_PROTO_DIR}
    COMMAND ${PROTOC_C} --c_out=${GW_PROTO_DIR} -I${PROJECT_SOURCE_DIR}/proto -I/usr/include ${PROJECT_SOURCE_DIR}/proto/${file}
    DEPENDS ${PROJECT_SOURCE_DIR}/proto/${file} VERBATIM)
  list(APPEND gw_proto_sources ${GW_PROTO_DIR}/${stem}.pb-c.c)
endforeach()
foreach(stem ${GW_WELL_KNOWN})
  add_custom_command(OUTPUT ${GW_PROTO_DIR}/google/protobuf/${stem}.pb-c.c ${GW_PROTO_DIR}/google/protobuf/${stem}.pb-c.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${GW_PROTO_DIR}
    COMMAND ${PROTOC_C} --c_out=${GW_PROTO_DIR} -I/usr/include /usr/include/google/protobuf/${stem}.proto VERBATIM)
  list(APPEND gw_proto_sources ${GW_PROTO_DIR}/google/protobuf/${stem}.pb-c.c)
endforeach()

# All of them once more as descriptors, for server reflection.
list(TRANSFORM GW_PROTO_FILES PREPEND ${PROJECT_SOURCE_DIR}/proto/ OUTPUT_VARIABLE gw_proto_paths)
add_custom_command(OUTPUT ${GW_PROTO_DIR}/proto_descriptors.c ${GW_PROTO_DIR}/proto_descriptors.h
  COMMAND ${CMAKE_COMMAND} -E make_directory ${GW_PROTO_DIR}
  COMMAND ${PROTOC_C} --descriptor_set_out=${GW_PROTO_DIR}/descriptors.pb --include_imports -I${PROJECT_SOURCE_DIR}/proto -I/usr/include
    ${gw_proto_paths}
  COMMAND ${CMAKE_COMMAND} -DINPUT=${GW_PROTO_DIR}/descriptors.pb -DOUTPUT=${GW_PROTO_DIR}/proto_descriptors
    -DNAME=gw_proto_descriptors -P ${PROJECT_SOURCE_DIR}/cmake/Embed.cmake
  DEPENDS ${gw_proto_paths} ${PROJECT_SOURCE_DIR}/cmake/Embed.cmake VERBATIM)
list(APPEND gw_proto_sources ${GW_PROTO_DIR}/proto_descriptors.c)
add_library(gw_proto STATIC ${gw_proto_sources})
target_include_directories(gw_proto SYSTEM PUBLIC ${GW_PROTO_DIR})
target_link_libraries(gw_proto PUBLIC PkgConfig::PROTOBUF_C PRIVATE gw_instrumented)
