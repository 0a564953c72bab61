# bench/handoff is a program, one peer a file; bench/server is a script.

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
