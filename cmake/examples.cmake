# examples/NAME.c and examples/migrating/NAME.c are a program each; examples/search/ is one program;
# examples/stranger/ is two, the same before and after; examples/three_ways/ is three;
# examples/many_reactors/ is one.

file(GLOB example_sources CONFIGURE_DEPENDS examples/*.c)
foreach(source ${example_sources})
  cmake_path(GET source STEM name)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE twine)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
endforeach()

if(TARGET twine_evhttp)
  foreach(name before after)
    add_executable(stranger_${name} examples/stranger/${name}.c)
    target_link_libraries(stranger_${name} PRIVATE
      PkgConfig::TWINE_EVHTTP_LIBEVENT PkgConfig::TWINE_LIBEVENT)
    set_target_properties(stranger_${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
  endforeach()
  target_link_libraries(stranger_after PRIVATE twine_evhttp)
endif()

# Some of these are libevent programs too, before and after.
file(GLOB migrating_sources CONFIGURE_DEPENDS examples/migrating/*.c)
foreach(source ${migrating_sources})
  cmake_path(GET source STEM name)
  add_executable(migrating_${name} ${source})
  target_link_libraries(migrating_${name} PRIVATE twine PkgConfig::TWINE_LIBEVENT Threads::Threads)
  set_target_properties(migrating_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples/migrating")
endforeach()

foreach(way callbacks coroutine blocking)
  add_executable(three_ways_${way}
    examples/three_ways/main.c examples/three_ways/words.c examples/three_ways/${way}.c)
  target_link_libraries(three_ways_${way} PRIVATE twine)
  set_target_properties(three_ways_${way} PROPERTIES OUTPUT_NAME ${way}
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples/three_ways")
endforeach()

add_subdirectory(examples/many_reactors)

pkg_check_modules(SEARCH_NEEDS QUIET libevent_extra sqlite3 libcrypto)
if(SEARCH_NEEDS_FOUND)
  add_subdirectory(examples/search)
else()
  message(NOTICE "libevent_extra, sqlite3 or libcrypto is missing: examples/search is left out")
endif()
