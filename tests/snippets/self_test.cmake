# The check of the documents' code passes and fails where it should.
cmake_minimum_required(VERSION 3.22)
include(${settings})
set(here ${build}/tests/snippets/self_test)
file(WRITE ${here}/prelude.hpp "namespace mesaopt { inline int seven() { return 7; } }\n#include <cstdlib>\n")

function(check outcome name text)
  string(REPLACE "~~~" "```" text "${text}")
  file(WRITE ${here}/${name} "${text}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -Dsettings=${settings} -Dpage=${here}/${name} -Dprelude=${here}/prelude.hpp
                          -P ${CMAKE_CURRENT_LIST_DIR}/check.cmake RESULT_VARIABLE result ERROR_VARIABLE said)
  if(outcome STREQUAL passes AND result OR outcome STREQUAL fails AND NOT result)
    complain("This page ${outcome} not:\n${text}\n${said}")
  endif()
endfunction()

# Definitions and statements in one block; a later block sees an earlier one and may use its names again.
check(passes a.md "
~~~cpp
#include <array>
template <class X>
struct Twice {
  X x;
  template <class Y>
  auto operator()(Y y) const { return x * y; }
};

double half(double x) { return x / 2; }  // by two

const auto f = [](const auto& x) {
  return x + 1;
};
auto best = Twice<int>{2}(seven());
~~~
text
~~~cpp
for (int i = 0; i < 2; ++i) {
  if (best != 14) std::exit(1);
}
if (half(f(1)) != 1) return 1;
int best = 3;
~~~
~~~bash
not C++
~~~
~~~cpp ignore
not C++
~~~
")
check(fails a.md "
~~~cpp
if (seven() == 7) return 1;
~~~
")
check(passes a.md "
~~~cpp no_run
std::exit(seven());
~~~
")
check(fails a.md "
~~~cpp no_run
std::exit(eight());
~~~
")
check(passes a.md "
<!-- cpp
int hidden = 1;
-->
1. An item

   ~~~cpp
   ++hidden;
   ~~~
")
check(fails a.md "
~~~cpp
++hidden;
~~~
")
check(passes a.md "
~~~cpp
#include <cstdio>
int main() { std::puts(\"seven\"); }
~~~
")
check(fails a.md "
~~~cpp
int main() { return 1; }
~~~
")
check(fails a.md "
~~~cpp
int main() { return mesaopt::seven() - 7; }
~~~
")
check(passes README.md "no code")
check(fails README.md "
~~~cpp ignore
int i = 0;
~~~
")
check(fails a.md "
~~~cpp later
int i = 0;
~~~
")
check(fails a.md "
~~~c++
int i = 0;
~~~
")
check(fails a.md "
~~~cpp
int i = 0;
")
