# Link mesaopt_warnings PRIVATE to our own tests, examples and benchmarks. It is never part of what users link.
add_library(mesaopt_warnings INTERFACE)
target_compile_options(mesaopt_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<CXX_COMPILER_ID:GNU>:-fconcepts-diagnostics-depth=2>)
if(MESAOPT_WERROR)
  # What g++ guesses after inlining depends on its version and on -O, and often speaks of Eigen: shown, but no error.
  target_compile_options(mesaopt_warnings INTERFACE -Werror
    $<$<CXX_COMPILER_ID:GNU>:-Wno-error=maybe-uninitialized -Wno-error=array-bounds -Wno-error=stringop-overflow
                             -Wno-error=stringop-overread -Wno-error=free-nonheap-object -Wno-error=use-after-free>)
endif()
