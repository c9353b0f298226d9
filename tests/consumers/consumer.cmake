# What the three consumers have in common, once they have the targets of the library.
foreach(property IN ITEMS INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS INTERFACE_LINK_OPTIONS)
  get_target_property(value mesaopt::mesaopt ${property})
  if(value)
    message(FATAL_ERROR "mesaopt::mesaopt hands ${property} to its users: ${value}")
  endif()
endforeach()
get_target_property(linked mesaopt::mesaopt INTERFACE_LINK_LIBRARIES)
if(NOT linked STREQUAL Eigen3::Eigen)
  message(FATAL_ERROR "mesaopt::mesaopt should need Eigen alone, but links ${linked}")
endif()
if(TARGET mesaopt_warnings OR TARGET test_core)
  message(FATAL_ERROR "The library brings its own tests or warnings along")
endif()

add_executable(consumer ${CMAKE_CURRENT_LIST_DIR}/main.cpp)
target_compile_options(consumer PRIVATE -Werror)  # with no warnings asked for: main.cpp is careless on purpose
target_link_libraries(consumer PRIVATE mesaopt::mesaopt mesaopt::threads)
