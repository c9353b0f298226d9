#!/usr/bin/env bash
# Builds the tests and runs them, installing first what they need. The last line is "N passed, N failed".
#   scripts/test.sh            everything, with g++ (or what CXX names)
#   scripts/test.sh --quick    only the tests of the headers: no examples, documents, consumers
#   scripts/test.sh --clang    with clang++
#   scripts/test.sh --asan     with the address and undefined behaviour sanitizers
#   scripts/test.sh --ci       what continuous integration runs: both compilers, layout, clang-tidy, and
#                              the sanitizers on core where the time allows
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
    -h | --help)
      sed -n '2,/^set/{/^set/d;s/^# \?//;p}' "$0"
      exit 0
      ;;
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

# suite NAME CMAKE_OPTION...: configures, builds and runs the tests in build/test-NAME; only those of the folders in
# `rooms` if it names any, where "example" is the examples and "script" what calls compilers, and those that CTest selects
# by `selection`. What does not build counts as tests that failed: all the rest is still built and run.
suite() {
  local folder=build/test-$1 keep_going=(-k) targets=() chosen=("${selection[@]}") room outcome
  shift
  say "Configuring $folder"
  if ! configure "$folder" "$@"; then
    count 0 1
    return
  fi
  if [ ${#rooms[@]} != 0 ]; then
    for room in "${rooms[@]}"; do
      case $room in
        script) ;;
        example) targets+=(examples) ;;
        *) targets+=("test_$room") ;;
      esac
    done
    targets=(--target "${targets[@]}")
    chosen+=(--label-regex "^($(IFS='|' && echo "${rooms[*]}"))\$")
  fi
  if grep -q '^CMAKE_GENERATOR:INTERNAL=Ninja' "$folder/CMakeCache.txt"; then keep_going=(-k 0); fi
  say "Building $folder"
  if ! cmake --build "$folder" --parallel "$(jobs)" "${targets[@]}" -- "${keep_going[@]}"; then
    echo "FAILED: not all of $folder builds"
  fi
  say "Testing $folder"
  ctest --test-dir "$folder" --parallel "$(jobs)" --output-on-failure "${chosen[@]}" 2>&1 |
    tee "$folder/ctest.log" | sed -u '/^ *Start /d; s/\.\.\.\.*/.../' || true
  outcome=$(sed -n 's/.*tests passed, \([0-9]*\) tests* failed out of \([0-9]*\).*/\2 \1/p' "$folder/ctest.log")
  if [ -n "$outcome" ]; then
    count $((${outcome% *} - ${outcome#* })) "${outcome#* }"
  else
    echo "FAILED: no test was run in $folder"
    count 0 1
  fi
}

# All headers as one translation unit, with the flags of the build folder $1.
tidy() {
  local eigen
  eigen=$(sed -n 's/^foreach(directory IN ITEMS \(.*\))$/\1/p' "$1/tests/settings.cmake")
  (cd include && find mesaopt -name '*.hpp' | sort | sed 's/.*/#include <&>/') >"$1/all_headers.cpp"
  clang-tidy --quiet --config-file=.clang-tidy --warnings-as-errors='*' "$1/all_headers.cpp" -- \
    -std=c++20 -Iinclude -isystem "${eigen%%;*}"
}

# All headers as one translation unit, by the compiler $1 with Eigen as in the build folder $2, warnings being errors.
headers_with() {
  local folder=$2 eigen
  eigen=$(sed -n 's/^foreach(directory IN ITEMS \(.*\))$/\1/p' "$folder/tests/settings.cmake")
  (cd include && find mesaopt -name '*.hpp' | sort | sed 's/.*/#include <&>/') >"$folder/headers_again.cpp"
  "$1" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Iinclude \
    -isystem "${eigen%%;*}" "$folder/headers_again.cpp"
}

# Waits for the job $1, and shows what it wrote to $2.
finished() {
  local outcome=0
  wait "$1" || outcome=$?
  cat "$2"
  return $outcome
}

need compiler build_tool cmake eigen catch2
if $clang || $ci; then need clang; fi
if $ci; then want clang-format clang-tidy; fi
set_up

rooms=()
selection=()
if $clang; then CXX=$(first_good_compiler "${clangxx[@]}"); fi
if $ci; then CXX=$(first_good_compiler "${gxx[@]}" "$CXX"); fi
tests=$(find tests -name '*_test.cpp' | wc -l)
say "$tests test files, $(jobs) at a time: about $((tests * 8 / $(jobs) / 60 + 2)) minutes a compiler"

if $ci; then
  # clang++ without optimization compiles twice as fast as g++ does in any way: it takes all but the rooms that then run
  # slowly. g++ takes these, the examples, and where there is time the rooms that the others stand on.
  slow=(core evolution recipes)
  by_clang=$(first_good_compiler "${clangxx[@]}")
  warnings="-DMESAOPT_WERROR=ON"
  for room in tests/*/; do
    room=$(basename "$room")
    if [[ " ${slow[*]} " != *" $room "* ]] && compgen -G "tests/$room/*_test.cpp" >/dev/null; then rooms+=("$room"); fi
  done
  rooms+=(script)
  suite clang++ --preset dev $warnings -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DCMAKE_CXX_FLAGS=-fpch-instantiate-templates \
    -DMESAOPT_BUILD_EXAMPLES=OFF -DCMAKE_CXX_COMPILER="$by_clang"
  if is_there clang-format; then check "Layout (scripts/format.sh --check)" scripts/format.sh --check; fi
  tidy_log=build/test-clang++/tidy.log
  tidy_job=
  if is_there clang-tidy && [ $SECONDS -lt 640 ]; then
    tidy build/test-clang++ >"$tidy_log" 2>&1 &
    tidy_job=$!
  fi
  check "All headers, by g++" headers_with "$CXX" build/test-clang++
  if [ -n "$tidy_job" ]; then check "clang-tidy, on all headers" finished "$tidy_job" "$tidy_log"; fi
  rooms=("${slow[@]}" example)
  if [ $SECONDS -lt 450 ]; then rooms+=(objective models problems); fi
  # It seldom collects garbage: that saves a tenth.
  suite g++ --preset dev $warnings -DCMAKE_CXX_FLAGS_DEBUG=-Og -DCMAKE_CXX_COMPILER="$CXX" \
    "-DCMAKE_CXX_FLAGS=--param=ggc-min-expand=400 --param=ggc-min-heapsize=1000000"
  if [ $SECONDS -lt 480 ]; then
    rooms=(core) selection=(--label-exclude script)
    suite asan --preset asan-ubsan $warnings -DMESAOPT_BUILD_EXAMPLES=OFF -DCMAKE_CXX_COMPILER="$CXX"
  else
    say "The sanitizers were not run: this took $((SECONDS / 60)) minutes already (scripts/test.sh --asan runs them)"
  fi
else
  name=$(basename "$CXX") preset=dev examples=ON
  if $asan; then name+=-asan preset="asan-ubsan"; fi
  if $quick; then examples=OFF selection=(--label-exclude script); fi
  suite "$name" --preset $preset -DMESAOPT_BUILD_EXAMPLES=$examples -DCMAKE_CXX_COMPILER="$CXX"
fi

say "Done in $((SECONDS / 60)) min $((SECONDS % 60)) s"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
