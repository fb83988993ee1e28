# cmake --install build [--prefix /usr]: programs, man pages, completion, systemd units, configuration to begin with, licence. DESTDIR works.
# Nothing goes to /etc: what operators have written there is theirs.
include(GNUInstallDirs)

install(TARGETS gateway-controlplane gateway-dataplane gatewayctl RUNTIME)

set(documents)
foreach(page gateway-controlplane.8 gateway-dataplane.8 gatewayctl.1)
  get_filename_component(program ${page} NAME_WE)
  string(REGEX REPLACE ".*\\." "" section ${page})
  set(template ${PROJECT_SOURCE_DIR}/deploy/man/${page}.in)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/man/${page}
    COMMAND ${CMAKE_COMMAND} -E make_directory man
    COMMAND ${PROJECT_SOURCE_DIR}/deploy/man/make.sh $<TARGET_FILE:${program}> ${template} ${PROJECT_VERSION} > man/${page}
    DEPENDS ${program} ${template} ${PROJECT_SOURCE_DIR}/deploy/man/make.sh WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM)
  install(FILES ${PROJECT_BINARY_DIR}/man/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  list(APPEND documents ${PROJECT_BINARY_DIR}/man/${page})
endforeach()
add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/gatewayctl.bash
  COMMAND gatewayctl completion bash > gatewayctl.bash
  DEPENDS gatewayctl WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM)
add_custom_target(documents ALL DEPENDS ${documents} ${PROJECT_BINARY_DIR}/gatewayctl.bash)
install(FILES ${PROJECT_BINARY_DIR}/gatewayctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME gatewayctl)

install(FILES deploy/systemd/gateway.sysusers DESTINATION lib/sysusers.d RENAME gateway.conf)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_DATADIR}/gateway PATTERN README.md EXCLUDE)

# Units name the programs by their absolute path, which is known only now: --prefix may say another than at configuring.
install(CODE "
  set(BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  foreach(unit gateway-controlplane.service gateway-dataplane.service)
    configure_file(\"${PROJECT_SOURCE_DIR}/deploy/systemd/\${unit}.in\" \"${PROJECT_BINARY_DIR}/\${unit}\" @ONLY)
    file(INSTALL \"${PROJECT_BINARY_DIR}/\${unit}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
  endforeach()")
