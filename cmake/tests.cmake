# tests/PART/test_UNIT.c is a program test_SUITE and a CTest entry of that name, labelled PART. The
# suite is stress_UNIT in tests/stress, and else UNIT, or PART_UNIT if several parts have the unit.
# tests/suites in the build lists the suites, each with its source.
#
# Tests link the static library, so that what is hidden can be tested too.

pkg_check_modules(CUNIT IMPORTED_TARGET cunit)
if(NOT CUNIT_FOUND)
  message(NOTICE "CUnit is missing: the tests are left out")
  return()
endif()

add_library(twine_harness OBJECT tests/harness.c)
target_link_libraries(twine_harness PUBLIC twine_test twine_static PkgConfig::CUNIT)

set(test_environment
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:allow_addr2line=1
  UBSAN_OPTIONS=print_stacktrace=1)

file(GLOB test_sources CONFIGURE_DEPENDS tests/*/test_*.c)
if(NOT TARGET twine_evhttp_static)
  list(FILTER test_sources EXCLUDE REGEX "/test_evhttp[^/]*$")
endif()
if(NOT TARGET twine_glib_static)
  list(FILTER test_sources EXCLUDE REGEX "/test_glib[^/]*$")
endif()
set(units ${test_sources})
list(FILTER units EXCLUDE REGEX "/stress/[^/]*$")
list(TRANSFORM units REPLACE "^.*/test_(.*)\\.c$" "\\1")

set(suites "")
foreach(source ${test_sources})
  cmake_path(GET source STEM unit)
  cmake_path(GET source PARENT_PATH folder)
  cmake_path(GET folder FILENAME part)
  string(REGEX REPLACE "^test_" "" unit ${unit})
  set(namesakes ${units})
  list(FILTER namesakes INCLUDE REGEX "^${unit}$")
  list(LENGTH namesakes count)
  if(part STREQUAL "stress" OR count GREATER 1)
    set(suite ${part}_${unit})
  else()
    set(suite ${unit})
  endif()
  string(APPEND suites "${suite} tests/${part}/test_${unit}.c\n")
  set(name test_${suite})
  add_executable(${name} ${source})
  if(unit MATCHES "^evhttp")
    target_link_libraries(${name} PRIVATE twine_evhttp_static PkgConfig::TWINE_EVHTTP_LIBEVENT)
  endif()
  if(unit MATCHES "^glib")
    target_link_libraries(${name} PRIVATE twine_glib_static PkgConfig::TWINE_GLIB)
  endif()
  target_link_libraries(${name} PRIVATE twine_harness)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/${part}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES
    LABELS ${part} TIMEOUT 300 ENVIRONMENT "${test_environment}")
  if(part STREQUAL "stress")
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endforeach()
file(WRITE "${PROJECT_BINARY_DIR}/tests/suites" "${suites}")
