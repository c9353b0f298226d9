# `source` must not compile, with any compiler that is here, and each diagnostic must hold every text that the file's
# first lines expect, as `// EXPECT: text`. A file that starts with `// CONTROL` must compile: it shows that the others
# fail for their own fault.
cmake_minimum_required(VERSION 3.22)
include(${settings})
set(ENV{LC_ALL} C)  # plain quotes in both compilers' diagnostics

file(READ ${source} text)
if(NOT text MATCHES "^// (EXPECT: |CONTROL)")
  message(FATAL_ERROR "${source} must start with // EXPECT: text, or with // CONTROL")
endif()
foreach(compiler IN LISTS compilers)
  execute_process(COMMAND ${compiler} -std=c++20 ${includes} -fdiagnostics-color=never -S -o /dev/null ${source}
                  RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(text MATCHES "^// CONTROL")
    if(result)
      complain("${compiler} should compile ${source}, but says:\n${said}")
    endif()
    continue()
  endif()
  if(NOT result)
    complain("${compiler} compiles ${source}, which must not compile")
    continue()
  endif()
  set(rest "${text}")
  while(rest MATCHES "^// EXPECT: ([^\n]*)\n(.*)$")
    set(expected "${CMAKE_MATCH_1}")
    set(rest "${CMAKE_MATCH_2}")
    string(FIND "${said}" "${expected}" found)
    if(found EQUAL -1)
      complain("${compiler} rejects ${source} without saying '${expected}':\n${said}")
    endif()
  endwhile()
endforeach()
