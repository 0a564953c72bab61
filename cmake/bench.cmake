# bench/handoff, bench/deferred, bench/coroutine and bench/paths are programs, the first with one peer
# a file; bench/server, bench/deferred-peers and bench/ceilings are scripts.

add_executable(bench_handoff
  bench/handoff.c bench/peer_twine.c bench/peer_by_hand.c bench/by_hand.c)
target_link_libraries(bench_handoff PRIVATE twine_static PkgConfig::TWINE_LIBEVENT Threads::Threads)
pkg_check_modules(LIBUV QUIET IMPORTED_TARGET libuv)
if(LIBUV_FOUND)
  target_sources(bench_handoff PRIVATE bench/peer_libuv.c)
  target_compile_definitions(bench_handoff PRIVATE TWINE_BENCH_LIBUV=1)
  target_link_libraries(bench_handoff PRIVATE PkgConfig::LIBUV)
else()
  message(NOTICE "libuv is missing: the bench has one peer less")
endif()
set_target_properties(bench_handoff PROPERTIES
  OUTPUT_NAME handoff RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")

add_executable(bench_deferred bench/deferred.c)
target_link_libraries(bench_deferred PRIVATE twine_static Threads::Threads)
pkg_check_modules(GIO QUIET IMPORTED_TARGET gio-2.0)
if(GIO_FOUND)
  target_compile_definitions(bench_deferred PRIVATE TWINE_BENCH_GLIB=1)
  target_link_libraries(bench_deferred PRIVATE PkgConfig::GIO)
endif()
set_target_properties(bench_deferred PROPERTIES
  OUTPUT_NAME deferred RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")

add_executable(bench_coroutine bench/coroutine.c)
target_link_libraries(bench_coroutine PRIVATE twine_static)
set_target_properties(bench_coroutine PROPERTIES
  OUTPUT_NAME coroutine RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")

# For callgrind, by bench/ceilings. It looks into the team to say how many workers there may be.
if(EXISTS "${TWINE_VALGRIND_HEADERS}/valgrind/callgrind.h")
  add_executable(bench_paths bench/paths.c)
  target_link_libraries(bench_paths PRIVATE twine_static)
  set_target_properties(bench_paths PROPERTIES
    OUTPUT_NAME paths RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
else()
  message(NOTICE "valgrind's headers are missing: bench/paths is left out")
endif()
