# How base/fiber.c switches stacks: by Boost.Context's make_fcontext and jump_fcontext, or ucontext.
#
# The two are assembly with C linkage. Their objects are taken out of Boost's static archive and go
# into our libraries, so that nothing of Boost (nor libstdc++) is needed to run. They are renamed,
# so that a program with a Boost of its own has each once; base/fiber.c makes them hidden. Boost's
# licence asks for nothing in machine-executable object code.
#
# Sets TWINE_FIBER_OBJECTS, empty for ucontext, and the target that makes them.

option(TWINE_UCONTEXT "Switch stacks by ucontext, not by Boost.Context" OFF)

set(TWINE_FIBER_OBJECTS "")
find_library(TWINE_BOOST_CONTEXT libboost_context.a)
if(TWINE_PORTABLE OR TWINE_UCONTEXT)
  set(why "it was asked for")
elseif(NOT CMAKE_SIZEOF_VOID_P EQUAL 8
    OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|aarch64|arm64)$")
  set(why "the processor is not x86-64 or arm64")
elseif(NOT EXISTS "${TWINE_BOOST_CONTEXT}" OR NOT CMAKE_OBJCOPY)
  set(why "libboost_context.a or objcopy is missing")
else()
  execute_process(COMMAND ${CMAKE_AR} t "${TWINE_BOOST_CONTEXT}" OUTPUT_VARIABLE members)
  string(REGEX MATCH "make_[^\n]*" make_member "${members}")
  string(REGEX MATCH "jump_[^\n]*" jump_member "${members}")
  if(make_member AND jump_member)
    set(why "")
  else()
    set(why "libboost_context.a has no fcontext")
  endif()
endif()

if(why)
  message(NOTICE "fibers switch by ucontext, which is slower: ${why}")
else()
  set(folder "${PROJECT_BINARY_DIR}/fiber")
  file(MAKE_DIRECTORY "${folder}")
  foreach(name make jump)
    set(object "${folder}/tw_${name}_fcontext.o")
    add_custom_command(OUTPUT "${object}"
      COMMAND ${CMAKE_AR} x "${TWINE_BOOST_CONTEXT}" ${${name}_member}
      COMMAND ${CMAKE_OBJCOPY} --redefine-sym ${name}_fcontext=tw__${name}_fcontext
        ${${name}_member} "${object}"
      DEPENDS "${TWINE_BOOST_CONTEXT}" WORKING_DIRECTORY "${folder}" VERBATIM)
    list(APPEND TWINE_FIBER_OBJECTS "${object}")
  endforeach()
  set_source_files_properties(${TWINE_FIBER_OBJECTS} PROPERTIES
    EXTERNAL_OBJECT ON GENERATED ON)
  add_custom_target(twine_fiber_objects DEPENDS ${TWINE_FIBER_OBJECTS})
  set_property(SOURCE base/fiber.c APPEND PROPERTY COMPILE_DEFINITIONS TWINE_FCONTEXT=1)
endif()

# Valgrind's requests are some instructions that do nothing where it does not run.
find_path(TWINE_VALGRIND_HEADERS valgrind/valgrind.h)
mark_as_advanced(TWINE_BOOST_CONTEXT TWINE_VALGRIND_HEADERS)
if(EXISTS "${TWINE_VALGRIND_HEADERS}/valgrind/valgrind.h")
  set_property(SOURCE base/fiber_stack.c APPEND PROPERTY COMPILE_DEFINITIONS TWINE_VALGRIND=1)
endif()
