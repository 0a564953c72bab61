# bench/handoff is a program; bench/server is a script.

add_executable(bench_handoff bench/handoff.c bench/by_hand.c)
target_link_libraries(bench_handoff PRIVATE twine_static PkgConfig::TWINE_LIBEVENT Threads::Threads)
set_target_properties(bench_handoff PROPERTIES
  OUTPUT_NAME handoff RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
