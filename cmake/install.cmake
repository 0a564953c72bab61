# What is installed: headers, both libraries, twine.pc, add-ons, and the CMake package.

include(CMakePackageConfigHelpers)

set(left_out PATTERN "*_internal.h" EXCLUDE)
if(NOT TARGET twine_glib)
  list(APPEND left_out PATTERN "glib.h" EXCLUDE)
endif()
foreach(part base threads reactor deferred compat)
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${part}")
    install(DIRECTORY ${part} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/twine"
      FILES_MATCHING PATTERN "*.h" ${left_out})
  endif()
endforeach()
install(FILES twine.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/twine")
install(FILES tests/conformance/worker_conformance.h tests/conformance/reactor_conformance.h
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/twine/test")
install(TARGETS twine twine_static twine_test EXPORT twine-targets)
if(TARGET twine_evhttp)
  install(TARGETS twine_evhttp twine_evhttp_static EXPORT twine-targets)
endif()
if(TARGET twine_glib)
  install(TARGETS twine_glib twine_glib_static EXPORT twine-targets)
endif()

# twine.pc finds the prefix from where it lies, so an installed tree can be moved.
cmake_path(SET pc_folder NORMALIZE "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH pc_to_prefix "${pc_folder}" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
set(pc_libevent ${TWINE_LIBEVENT_MODULE_NAME})
configure_file(cmake/twine.pc.in twine.pc @ONLY)
if(TARGET twine_evhttp)
  set(pc_evhttp_libevent ${TWINE_EVHTTP_LIBEVENT_MODULE_NAME})
  configure_file(cmake/twine-evhttp.pc.in twine-evhttp.pc @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/twine-evhttp.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
if(TARGET twine_glib)
  set(with_glib ON)
  configure_file(cmake/twine-glib.pc.in twine-glib.pc @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/twine-glib.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
else()
  set(with_glib OFF)
endif()
configure_file(cmake/twine-test.pc.in twine-test.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/twine.pc" "${PROJECT_BINARY_DIR}/twine-test.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/twine")
configure_file(cmake/twine-config.cmake.in twine-config.cmake @ONLY)
write_basic_package_version_file(twine-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/twine-config.cmake" "${PROJECT_BINARY_DIR}/twine-config-version.cmake"
  DESTINATION "${package_folder}")
install(EXPORT twine-targets NAMESPACE twine:: DESTINATION "${package_folder}")
