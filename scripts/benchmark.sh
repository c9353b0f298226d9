#!/usr/bin/env bash
# Builds the benchmarks optimized, runs them, and writes what they say into docs/benchmarks: NAME.md, a table with the
# machine, the compiler and the versions of the libraries compared with, and NAME.json where Google Benchmark measured.
#   scripts/benchmark.sh                  all of them
#   scripts/benchmark.sh NAME ...         these; NAME is a file in benchmarks/ without its folder and .cpp
#   scripts/benchmark.sh NAME -- OPTION   with options for the program
# The libraries to compare with are installed by scripts/peers.sh; those that are not there are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  names+=("$1")
  shift
done
[ $# = 0 ] || shift
if [ ${#names[@]} = 0 ]; then
  mapfile -t names < <(find benchmarks -name '*.cpp' -exec basename {} .cpp \; | sort)
fi

need compiler build_tool cmake eigen benchmark
set_up

say "Building"
configure build/benchmark --preset release -DMESAOPT_BUILD_TESTS=OFF -DMESAOPT_BUILD_EXAMPLES=OFF
cmake --build build/benchmark --target "${names[@]}" --parallel "$(jobs)"

# Google Benchmark's JSON, which has one key a line, as a table; what is no standard key is a counter, a column of its own.
as_table() {
  awk '
    /"benchmarks": \[/ { inside = 1; next }
    !inside { next }
    /^ *\{/ { ++rows; next }
    {
      key = $0; sub(/^ *"/, "", key); sub(/":.*/, "", key)
      value = $0; sub(/^[^:]*": */, "", value); sub(/,$/, "", value); gsub(/^"|"$/, "", value)
      if (key == "name" || key == "cpu_time" || key == "aggregate_name" || key == "time_unit") { cell[rows, key] = value; next }
      if (key ~ /^(family_index|per_family_instance_index|run_name|run_type|repetitions|repetition_index|threads|iterations|real_time|aggregate_unit|big_o|rms)$/) next
      if (value !~ /^-?[0-9.]+([eE][-+]?[0-9]+)?$/) next
      if (!(key in known)) { known[key] = 1; columns[++count] = key }
      cell[rows, key] = value
    }
    END {
      printf "| benchmark | processor time |"; for (i = 1; i <= count; ++i) printf " %s |", columns[i]; print ""
      printf "| --- | ---: |"; for (i = 1; i <= count; ++i) printf " ---: |"; print ""
      for (row = 1; row <= rows; ++row) {
        if (cell[row, "aggregate_name"] ~ /stddev|cv/) continue
        printf "| %s | %.4g %s |", cell[row, "name"], cell[row, "cpu_time"], cell[row, "time_unit"]
        for (i = 1; i <= count; ++i) {
          value = cell[row, columns[i]]
          if (value == "") printf " |"; else printf " %.6g |", value
        }
        print ""
      }
    }' "$1"
}

# The libraries that program $1 asks for and got, with their versions.
peers() {
  local source name library found=()
  source=$(find benchmarks -name "$1.cpp")
  while read -r name library; do
    if grep -q "MESAOPT_PEER_$name" "$source"; then found+=("$library"); fi
  done <build/benchmark/benchmarks/peers.txt
  if [ ${#found[@]} != 0 ]; then printf '; %s' "${found[@]}"; fi
}

machine() {
  local processor
  processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
  echo "Measured by \`scripts/benchmark.sh $1\` on ${processor:-$(uname -m)}, $(nproc) cores, $(uname -s);"
  echo "$("$CXX" --version | head -n 1), Release$(peers "$1")."
}

mkdir -p docs/benchmarks
for name in "${names[@]}"; do
  say "$name"
  program=build/benchmark/benchmarks/$name
  result=$(mktemp)
  case $name in
    *_benchmark)
      "$program" --benchmark_out="$result" --benchmark_out_format=json "$@"
      cp "$result" "docs/benchmarks/$name.json"
      as_table "$result" >"$result.md"
      ;;
    *)
      code=0
      "$program" "$@" | tee "$result.md" || code=$?
      if [ $code = 77 ]; then  # it needs data that are not here
        rm -f "$result" "$result.md"
        continue
      fi
      [ $code = 0 ] || die "$name ended with code $code."
      ;;
  esac
  {
    printf '# %s\n\n' "$(tr _ ' ' <<<"$name")"
    machine "$name"
    echo
    cat "$result.md"
  } >"docs/benchmarks/$name.md"
  rm -f "$result" "$result.md"
  echo "  -> docs/benchmarks/$name.md"
done
