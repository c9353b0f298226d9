# `header` (mesaopt/room/name.hpp) compiles with nothing before it.
cmake_minimum_required(VERSION 3.22)
include(${settings})
set(source ${build}/tests/alone/${header}.cpp)
file(WRITE ${source} "#include <${header}>\n")
execute_process(COMMAND ${compiler} -std=c++20 ${includes} -fsyntax-only ${source}
                RESULT_VARIABLE result ERROR_VARIABLE said)
if(result)
  complain("${header} does not compile alone:\n${said}")
endif()
