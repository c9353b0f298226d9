#!/usr/bin/env bash
# Builds the tests and runs them, installing first what they need. The last line is "N passed, N failed".
#   scripts/test.sh            everything, with g++ (or what CXX names)
#   scripts/test.sh --quick    only the tests of the headers: no examples, documents, consumers
#   scripts/test.sh --clang    with clang++
#   scripts/test.sh --asan     with the address and undefined behaviour sanitizers
#   scripts/test.sh --ci       what continuous integration runs: both compilers, layout, clang-tidy, sanitizers
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

quick=false clang=false asan=false ci=false
for argument in "$@"; do
  case $argument in
    --quick) quick=true ;;
    --clang) clang=true ;;
    --asan) asan=true ;;
    --ci) ci=true ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \?//;p}' "$0"; exit 0 ;;
    *) die "unknown option $argument; there are --quick, --clang, --asan and --ci." ;;
  esac
done

passed=0
failed=0
count() {
  passed=$((passed + $1))
  failed=$((failed + $2))
}

# check NAME COMMAND...: counts as one test.
check() {
  local name=$1
  shift
  say "$name"
  if "$@"; then count 1 0; else
    echo "FAILED: $name"
    count 0 1
  fi
}

# suite NAME CTEST_OPTIONS CONFIGURE_OPTION...: configures, builds and runs in build/test-NAME.
# What does not build counts as tests that failed, so all of the rest is still built and run.
suite() {
  local folder=build/test-$1 ctest_options=$2 keep_going=-k result numbers
  shift 2
  say "Configuring $folder"
  if ! configure "$folder" "$@"; then
    count 0 1
    return
  fi
  say "Building $folder ($(jobs) at a time)"
  if grep -q '^CMAKE_GENERATOR:INTERNAL=Ninja' "$folder/CMakeCache.txt"; then keep_going="-k 0"; fi
  # shellcheck disable=SC2086
  cmake --build "$folder" --parallel "$(jobs)" -- $keep_going || echo "FAILED: not everything builds in $folder"
  say "Testing $folder"
  # shellcheck disable=SC2086
  ctest --test-dir "$folder" --parallel "$(jobs)" --output-on-failure --progress $ctest_options 2>&1 |
    tee "$folder/ctest.log" || true
  result=$(sed -n 's/.*tests passed, \([0-9]*\) tests\? failed out of \([0-9]*\).*/\1 \2/p' "$folder/ctest.log" | tail -n 1)
  if [ -z "$result" ]; then
    echo "FAILED: no tests were run in $folder"
    count 0 1
    return
  fi
  read -r -a numbers <<<"$result"
  count $((numbers[1] - numbers[0])) "${numbers[0]}"
}

sources() { find include tests examples benchmarks -name '*.hpp' -o -name '*.cpp'; }

layout() { sources | xargs clang-format --dry-run -Werror; }

tidy() {
  mkdir -p build
  (cd include && find mesaopt -name '*.hpp' | sort | sed 's/.*/#include <&>/') >build/all_headers.cpp
  clang-tidy --quiet --warnings-as-errors='*' build/all_headers.cpp -- -std=c++20 -Iinclude -isystem "$1"
}

need compiler build_tool cmake eigen catch2
if $clang || $ci; then need clang; fi
if $ci; then want clang-format clang-tidy; fi
set_up
clangxx=$(first_good_compiler $(clangxx_names) || true)
if $clang; then export CXX=$clangxx; fi

options=()
ctest_options=
name=$(basename "$CXX")
preset=dev
if $quick; then
  options+=(-DMESAOPT_BUILD_EXAMPLES=OFF)
  ctest_options="-LE script"
fi
if $asan; then
  preset=asan-ubsan
  name+=-asan
fi
if $ci; then options+=(-DMESAOPT_WERROR=ON); fi
options+=(-DCMAKE_CXX_COMPILER="$CXX")

tests=$(find tests -name '*_test.cpp' | wc -l)
minutes=$(((tests * 8 / $(jobs) + 89) / 60))
say "$tests test files with $CXX: about $minutes minutes here, at $(jobs) compilers at a time"

suite "$name" "$ctest_options" --preset $preset "${options[@]}"

if $ci; then
  if is_there clang-format && clang-format --version | grep -q 'version 14'; then
    check "Layout (clang-format)" layout
  else
    say "Layout is not checked: that needs clang-format 14"
  fi
  suite clang++ "-LE script" --preset dev "${options[@]}" -DCMAKE_CXX_COMPILER="$clangxx"
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
