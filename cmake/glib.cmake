# The add-on for GLib: libraries of its own, so that twine itself does not need GLib. They use what
# twine exports and nothing else; the static one is linked before the user's choice of twine or
# twine_static.

pkg_check_modules(TWINE_GLIB QUIET IMPORTED_TARGET glib-2.0>=2.36)
if(NOT TWINE_GLIB_FOUND)
  message(NOTICE "glib-2.0 is missing: twine_glib is left out")
  return()
endif()

add_library(twine_glib SHARED reactor/glib.c)
add_library(twine_glib_static STATIC reactor/glib.c)
target_link_libraries(twine_glib PUBLIC twine)
foreach(library twine_glib twine_glib_static)
  target_link_libraries(${library} PRIVATE PkgConfig::TWINE_GLIB)
  target_include_directories(${library} PUBLIC
    "$<BUILD_INTERFACE:${twine_include}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  add_library(twine::${library} ALIAS ${library})
endforeach()
set_target_properties(twine_glib PROPERTIES OUTPUT_NAME twine-glib
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_target_properties(twine_glib_static PROPERTIES OUTPUT_NAME twine-glib)
if(NOT TWINE_SANITIZE)
  target_link_options(twine_glib PRIVATE LINKER:-z,defs)
endif()
