# bench/handoff, bench/deferred, bench/coroutine and bench/paths are programs, the first with one peer
# a file; bench/server, bench/deferred-peers and bench/ceilings are scripts. A peer whose library is
# missing is left out.

set(bench_folder "${PROJECT_BINARY_DIR}/bench")

add_executable(bench_handoff
  bench/handoff.c bench/rows.c bench/run.c bench/report.c bench/measure.c bench/programs.c
  bench/peer_twine.c bench/peer_by_hand.c bench/by_hand.c bench/peer_no_pool.c)
target_link_libraries(bench_handoff PRIVATE
  twine_static PkgConfig::TWINE_LIBEVENT Threads::Threads m)
target_compile_definitions(bench_handoff PRIVATE
  TWINE_BENCH_BUILT="${bench_folder}" TWINE_BENCH_SOURCE="${PROJECT_SOURCE_DIR}/bench")

function(bench_peer name file) # MODULE...
  pkg_check_modules(BENCH_${name} QUIET IMPORTED_TARGET ${ARGN})
  if(BENCH_${name}_FOUND)
    target_sources(bench_handoff PRIVATE bench/${file})
    target_compile_definitions(bench_handoff PRIVATE TWINE_BENCH_${name}=1)
    target_link_libraries(bench_handoff PRIVATE PkgConfig::BENCH_${name})
  else()
    list(JOIN ARGN " and " modules)
    message(NOTICE "${modules} is missing: the bench has a peer less")
  endif()
endfunction()

bench_peer(LIBUV peer_libuv.c libuv)
bench_peer(GLIB peer_glib.c gio-2.0)
bench_peer(APR peer_apr.c apr-util-1 apr-1)

# The C++ compiler links then, and it may have other sanitizers than the C compiler.
include(CheckLanguage)
if(NOT TWINE_SANITIZE)
  if(NOT CMAKE_CXX_COMPILER) # it may have come since it was looked for
    unset(CMAKE_CXX_COMPILER CACHE)
  endif()
  check_language(CXX)
endif()
if(CMAKE_CXX_COMPILER)
  enable_language(CXX)
  set(CMAKE_CXX_STANDARD 17)
  bench_peer(TBB peer_tbb.cpp tbb)
elseif(NOT TWINE_SANITIZE)
  message(NOTICE "there is no C++ compiler: the bench does without TBB")
endif()

set_target_properties(bench_handoff PROPERTIES
  OUTPUT_NAME handoff RUNTIME_OUTPUT_DIRECTORY "${bench_folder}")

add_executable(bench_deferred bench/deferred.c)
target_link_libraries(bench_deferred PRIVATE twine_static Threads::Threads)
if(BENCH_GLIB_FOUND)
  target_compile_definitions(bench_deferred PRIVATE TWINE_BENCH_GLIB=1)
  target_link_libraries(bench_deferred PRIVATE PkgConfig::BENCH_GLIB)
endif()
set_target_properties(bench_deferred PROPERTIES
  OUTPUT_NAME deferred RUNTIME_OUTPUT_DIRECTORY "${bench_folder}")

add_executable(bench_coroutine bench/coroutine.c)
target_link_libraries(bench_coroutine PRIVATE twine_static)
set_target_properties(bench_coroutine PROPERTIES
  OUTPUT_NAME coroutine RUNTIME_OUTPUT_DIRECTORY "${bench_folder}")

add_dependencies(bench_handoff bench_deferred bench_coroutine)

# For callgrind, by bench/ceilings. It looks into the team to say how many workers there may be.
if(EXISTS "${TWINE_VALGRIND_HEADERS}/valgrind/callgrind.h")
  add_executable(bench_paths bench/paths.c)
  target_link_libraries(bench_paths PRIVATE twine_static)
  set_target_properties(bench_paths PROPERTIES
    OUTPUT_NAME paths RUNTIME_OUTPUT_DIRECTORY "${bench_folder}")
else()
  message(NOTICE "valgrind's headers are missing: bench/paths is left out")
endif()

# Peers of other languages: compiled where there is a compiler, found by handoff where they are.
find_program(BENCH_GO go)
if(BENCH_GO)
  add_custom_command(OUTPUT "${bench_folder}/handoff-go"
    COMMAND "${CMAKE_COMMAND}" -E env GO111MODULE=off
      "${BENCH_GO}" build -o "${bench_folder}/handoff-go" handoff.go
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}/bench/go"
    DEPENDS bench/go/handoff.go VERBATIM)
  add_custom_target(bench_go DEPENDS "${bench_folder}/handoff-go")
  add_dependencies(bench_handoff bench_go)
endif()
find_program(BENCH_JAVAC javac)
if(BENCH_JAVAC)
  add_custom_command(OUTPUT "${bench_folder}/java/Handoff.class"
    COMMAND "${BENCH_JAVAC}" -d "${bench_folder}/java" Handoff.java
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}/bench/java"
    DEPENDS bench/java/Handoff.java VERBATIM)
  add_custom_target(bench_java DEPENDS "${bench_folder}/java/Handoff.class")
  add_dependencies(bench_handoff bench_java)
endif()
