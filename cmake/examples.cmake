# examples/NAME.c is a program each; examples/search/ is one program.

file(GLOB example_sources CONFIGURE_DEPENDS examples/*.c)
foreach(source ${example_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE twine)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
endforeach()

pkg_check_modules(SEARCH_NEEDS QUIET libevent_extra sqlite3 libcrypto)
if(SEARCH_NEEDS_FOUND)
  add_subdirectory(examples/search)
else()
  message(NOTICE "libevent_extra, sqlite3 or libcrypto is missing: examples/search is left out")
endif()
