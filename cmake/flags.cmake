# How everything here is compiled.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
  -Wall -Wextra -Wconversion -Wshadow
  $<$<COMPILE_LANGUAGE:C>:-Werror=implicit-function-declaration>
  $<$<BOOL:${TWINE_WERROR}>:-Werror>
  "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=") # a failure's place reads threads/team.c

# Each page of a stack is touched in turn, so that none can step over the guard page.
include(CheckCCompilerFlag)
check_c_compiler_flag(-fstack-clash-protection TWINE_HAS_STACK_CLASH_PROTECTION)
if(TWINE_HAS_STACK_CLASH_PROTECTION)
  add_compile_options(-fstack-clash-protection)
endif()

# Our functions call each other, and not what a program may have put in front of them: so the
# compiler may inline exported ones too, and with -Bsymbolic-functions calls inside the shared library
# go by no table.
check_c_compiler_flag(-fno-semantic-interposition TWINE_HAS_NO_SEMANTIC_INTERPOSITION)
if(TWINE_HAS_NO_SEMANTIC_INTERPOSITION)
  add_compile_options(-fno-semantic-interposition)
endif()

if(TWINE_CHECKS)
  add_compile_definitions(TWINE_CHECKS=1)
endif()
if(TWINE_PORTABLE)
  add_compile_definitions(TWINE_PORTABLE=1)
endif()

if(TWINE_SANITIZE STREQUAL "thread")
  set(sanitize -fsanitize=thread)
elseif(TWINE_SANITIZE STREQUAL "address")
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(TWINE_SANITIZE)
  message(FATAL_ERROR "TWINE_SANITIZE is thread, address or empty, not \"${TWINE_SANITIZE}\"")
endif()
if(TWINE_SANITIZE)
  add_compile_options(${sanitize} -g -O1 -fno-omit-frame-pointer)
  add_link_options(${sanitize})
endif()
