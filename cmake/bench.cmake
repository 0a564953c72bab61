# bench/handoff, bench/deferred and bench/coroutine are programs, the first with one peer a file;
# bench/server and bench/deferred-peers are scripts.

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
