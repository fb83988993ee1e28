# tests/unit/<folder>/<module>_test.c: one cmocka binary a module, linked to its folder's library (and what that links).
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
file(GLOB_RECURSE unit_tests CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests/unit ${PROJECT_SOURCE_DIR}/tests/unit/*_test.c)
foreach(file ${unit_tests})
  get_filename_component(folder ${file} DIRECTORY)
  string(REGEX REPLACE "^dataplane/cluster/lb$" "dataplane/cluster" folder ${folder})
  gw_target_name(${folder} library)
  string(REGEX REPLACE "\\.c$" "" name ${file})
  string(REPLACE "/" "_" name unit_${name})
  add_executable(${name} EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tests/unit/${file})
  target_link_libraries(${name} PRIVATE ${library} PkgConfig::CMOCKA)
  if(folder STREQUAL "dataplane/listener") # an engine is given its filters from outside
    target_link_libraries(${name} PRIVATE gw_dataplane_filters)
  endif()
  target_compile_definitions(${name} PRIVATE GW_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  list(APPEND all_unit_tests ${name})
  add_test(NAME ${file} COMMAND ${name})
  set_tests_properties(${file} PROPERTIES TIMEOUT 120)
endforeach()
add_custom_target(unit_tests DEPENDS ${all_unit_tests})

# What conformance tests run of the HTTP/1 codec alone.
add_executable(h1_parse ${PROJECT_SOURCE_DIR}/tests/support/h1_parse.c)
target_link_libraries(h1_parse PRIVATE gw_common_http)

# What conformance tests run of keys and tokens alone.
add_executable(jwt_check ${PROJECT_SOURCE_DIR}/tests/support/jwt_check.c)
target_link_libraries(jwt_check PRIVATE gw_common_crypto)
add_executable(token_cost ${PROJECT_SOURCE_DIR}/tests/bench/token_cost.c)
target_link_libraries(token_cost PRIVATE gw_common_crypto)

# What conformance tests run of signatures for Huawei Cloud alone.
add_executable(huawei_sign ${PROJECT_SOURCE_DIR}/tests/support/huawei_sign.c)
target_link_libraries(huawei_sign PRIVATE gw_controlplane_cloud)

# What tests of limits run: clients that misbehave, and one that behaves and measures how it is served meanwhile.
file(GLOB abuse_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/abuse/*.c)
list(FILTER abuse_sources EXCLUDE REGEX "/measure\\.c$")
add_executable(abuse ${abuse_sources})
target_link_libraries(abuse PRIVATE gw_common_base PkgConfig::OPENSSL_TLS PkgConfig::OPENSSL)
add_executable(measure ${PROJECT_SOURCE_DIR}/tests/support/abuse/measure.c)
target_link_libraries(measure PRIVATE gw_common_base)
# A service that costs less than the gateway.
add_executable(quick_service ${PROJECT_SOURCE_DIR}/tests/bench/src/backend.c)
target_compile_options(quick_service PRIVATE -O2)

# tests/fuzz/fuzz_<parser>.c with tests/fuzz/corpus/<parser>/: a libFuzzer binary in the fuzz preset, a replay of the corpus in the others.
file(GLOB fuzz_targets CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson) # the judge of fuzz_json
list(TRANSFORM GW_COMMON REPLACE "/" "_" OUTPUT_VARIABLE fuzz_libraries)
list(TRANSFORM fuzz_libraries PREPEND gw_)
foreach(file ${fuzz_targets})
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" parser ${name})
  if(GW_FUZZ)
    add_executable(${name} ${file})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} EXCLUDE_FROM_ALL ${file} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
    add_dependencies(unit_tests ${name})
    add_test(NAME fuzz/${parser} COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${parser})
    set_tests_properties(fuzz/${parser} PROPERTIES TIMEOUT 120)
  endif()
  target_link_libraries(${name} PRIVATE ${fuzz_libraries} PkgConfig::JANSSON)
endforeach()
