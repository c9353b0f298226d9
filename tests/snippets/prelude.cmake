# Compiles what every page's code may take as included, once for all pages.
cmake_minimum_required(VERSION 3.22)
include(${settings})
set(prelude ${build}/tests/snippets/prelude.hpp)
if(compiler_id STREQUAL GNU)
  set(compiled ${prelude}.gch)
else()
  set(compiled ${prelude}.pch)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/prelude.hpp ${prelude} COPYONLY)
execute_process(COMMAND ${compiler} -std=c++20 ${own_flags} ${includes} -pthread -x c++-header ${prelude} -o ${compiled}
                RESULT_VARIABLE result ERROR_VARIABLE said)
if(result AND NOT compiler_id STREQUAL GNU)
  # clang 14 can break down when it writes a header down: then each page compiles it.
  file(REMOVE ${compiled})
  execute_process(COMMAND ${compiler} -std=c++20 ${own_flags} ${includes} -pthread -fsyntax-only -x c++ ${prelude}
                  RESULT_VARIABLE result ERROR_VARIABLE said)
endif()
if(result)
  complain("The prelude of the documents' code does not compile:\n${said}")
endif()
