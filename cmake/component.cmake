# mesaopt_component(threads PACKAGE Threads LINK Threads::Threads)
#
# An optional part of the library: the target mesaopt::<name> is mesaopt::mesaopt with a dependency more. Its headers are
# always installed; the dependency is looked for where the component is asked for, here and in an installed package.
# Without the dependency there is no target, and no error.
function(mesaopt_component name)
  cmake_parse_arguments(PARSE_ARGV 1 the "" "PACKAGE" "LINK")
  find_package(${the_PACKAGE} QUIET)
  if(NOT ${the_PACKAGE}_FOUND)
    message(STATUS "mesaopt: no component ${name}, because ${the_PACKAGE} was not found")
    return()
  endif()
  add_library(mesaopt_${name} INTERFACE)
  add_library(mesaopt::${name} ALIAS mesaopt_${name})
  set_target_properties(mesaopt_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(mesaopt_${name} INTERFACE mesaopt::mesaopt ${the_LINK})

  if(MESAOPT_INSTALL)
    install(TARGETS mesaopt_${name} EXPORT mesaopt-${name}-targets)
    install(EXPORT mesaopt-${name}-targets NAMESPACE mesaopt:: DESTINATION ${MESAOPT_PACKAGE_DIR})
    file(CONFIGURE OUTPUT mesaopt-${name}.cmake @ONLY CONTENT [[
find_package(@the_PACKAGE@ QUIET)
set(mesaopt_@name@_FOUND ${@the_PACKAGE@_FOUND})
if(mesaopt_@name@_FOUND)
  include("${CMAKE_CURRENT_LIST_DIR}/mesaopt-@name@-targets.cmake")
endif()
]])
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/mesaopt-${name}.cmake DESTINATION ${MESAOPT_PACKAGE_DIR})
  endif()
endfunction()
