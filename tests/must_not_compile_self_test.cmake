# must_not_compile.cmake can fail, and does so for each fault that it is there to find.
cmake_minimum_required(VERSION 3.22)
include(${settings})
set(source ${build}/tests/must_not_compile/self_test.cpp)

function(check outcome text)
  file(WRITE ${source} "${text}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -Dsettings=${settings} -Dsource=${source}
                          -P ${CMAKE_CURRENT_LIST_DIR}/must_not_compile.cmake
                  RESULT_VARIABLE result ERROR_VARIABLE said)
  if(outcome STREQUAL passes AND result OR outcome STREQUAL fails AND NOT result)
    complain("This file ${outcome} not:\n${text}\n${said}")
  endif()
endfunction()

set(wrong "template <class T> void f(T) { static_assert(sizeof(T) == 0, \"a [T] of 'no' size\"); }\nint main() { f(1); }")
check(passes "// EXPECT: a [T] of 'no' size\n${wrong}")
check(passes "// EXPECT: a [T]\n// EXPECT: 'no' size\n${wrong}")
check(fails "// EXPECT: another text\n${wrong}")
check(fails "// EXPECT: a [T]\n// EXPECT: another text\n${wrong}")
check(fails "${wrong}")
check(fails "// EXPECT: anything\nint main() {}")
check(passes "// CONTROL\nint main() {}")
check(fails "// CONTROL\n${wrong}")
