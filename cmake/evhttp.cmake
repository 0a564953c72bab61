# The add-on for evhttp: libraries of its own, so that twine itself needs only libevent's core. They
# use what twine exports and nothing else; the static one is linked before the user's choice of
# twine or twine_static.
#
# libevent's extra half stands on the core that twine stands on: two copies of libevent in one
# process would not do.

pkg_search_module(TWINE_EVHTTP_LIBEVENT IMPORTED_TARGET libevent_extra libevent)
if(NOT TWINE_EVHTTP_LIBEVENT_FOUND)
  message(NOTICE "libevent_extra is missing: twine_evhttp is left out")
  return()
endif()

add_library(twine_evhttp SHARED ${twine_evhttp_sources})
add_library(twine_evhttp_static STATIC ${twine_evhttp_sources})
target_link_libraries(twine_evhttp PUBLIC twine)
# Publicly: a program that uses the add-on calls evhttp and its event base itself.
foreach(library twine_evhttp twine_evhttp_static)
  target_link_libraries(${library} PUBLIC PkgConfig::TWINE_EVHTTP_LIBEVENT PkgConfig::TWINE_LIBEVENT)
  target_include_directories(${library} PUBLIC
    "$<BUILD_INTERFACE:${twine_include}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  add_library(twine::${library} ALIAS ${library})
endforeach()
set_target_properties(twine_evhttp PROPERTIES OUTPUT_NAME twine-evhttp
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_target_properties(twine_evhttp_static PROPERTIES OUTPUT_NAME twine-evhttp)
if(NOT TWINE_SANITIZE)
  target_link_options(twine_evhttp PRIVATE LINKER:-z,defs)
endif()
