#!/usr/bin/env bash
# Builds and runs the main example, installing first what it needs. Arguments are passed on to it.
#   scripts/demo.sh [ARGUMENT ...]
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

example=03_two_networks
[ -e "examples/$example.cpp" ] || die "there is no examples/$example.cpp in this checkout."

need compiler build_tool cmake eigen
want gnuplot
set_up

say "Building $example (about half a minute)"
configure build/demo --preset release -DMESAOPT_BUILD_TESTS=OFF -DMESAOPT_BUILD_BENCHMARKS=OFF
cmake --build build/demo --target "$example" --parallel "$(jobs)"

say "Running $example in build/demo, where its picture goes"
cd build/demo
exec "examples/$example" "$@"
