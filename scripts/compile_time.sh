#!/usr/bin/env bash
# How long the compiler takes for the library, written to docs/benchmarks/compile_time.md: user processor time of
# `g++ -std=c++20 -O0`, the least of several rounds in which the programs take turns, beyond a file that includes
# <Eigen/Dense> alone.
#   scripts/compile_time.sh            5 rounds
#   scripts/compile_time.sh ROUNDS     another number of them; CXX names the compiler
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

rounds=${1:-5}
CXX=${CXX:-g++}
for eigen in "${EIGEN3_INCLUDE_DIR:-}" /usr/include/eigen3 /usr/local/include/eigen3; do
  if [ -e "$eigen/Eigen/Dense" ]; then break; fi
done
[ -e "$eigen/Eigen/Dense" ] || die "Eigen was not found; name its folder in EIGEN3_INCLUDE_DIR."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

names=()
# program NAME HEADER... [-]: a program that includes the headers, with what is on standard input if - is last.
program() {
  local name=$1 file=$folder/${#names[@]}.cpp header body='int main() {}'
  shift
  names+=("$name")
  for header in "$@"; do
    if [ "$header" = - ]; then body=$(cat); else echo "#include <$header>"; fi
  done >"$file"
  echo "$body" >>"$file"
}

program '`Eigen/Dense` alone' Eigen/Dense
objective='
int main() {
  const auto valley = [](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    gradient = 2 * (x.array() - 1);
    return (x.array() - 1).square().sum();
  };
  const Eigen::VectorXd x0 = Eigen::VectorXd::Zero(3);'
program 'an objective with its gradient, called once, without mesaopt' iostream Eigen/Dense - <<<"$objective
  Eigen::VectorXd gradient(3);
  std::cout << valley(x0, gradient);
}"
# minimal OPTIMIZER HEADER...: a program that minimizes by the optimizer.
minimal() {
  local optimizer=$1
  shift
  program "minimized by \`$optimizer\`, with \`$(sed 's/ /\`, \`/g; s/mesaopt\///g' <<<"$*")\`" iostream "$@" - <<<"$objective
  std::cout << mesaopt::minimize(valley, x0, mesaopt::$optimizer{});
}"
}
minimal Lbfgs mesaopt/core/minimize.hpp mesaopt/gradient/lbfgs.hpp
minimal Adam mesaopt/core/minimize.hpp mesaopt/gradient/adam.hpp
minimal Newton mesaopt/core/minimize.hpp mesaopt/gradient/newton.hpp
minimal CmaEs mesaopt/core/minimize.hpp mesaopt/evolution/cma_es.hpp
minimal Lbfgs mesaopt/mesaopt.hpp
program '`mesaopt.hpp` alone' mesaopt/mesaopt.hpp

best=()
TIMEFORMAT=%3U
for ((round = 0; round < rounds; ++round)); do
  for ((i = 0; i < ${#names[@]}; ++i)); do
    seconds=$({ time "$CXX" -std=c++20 -O0 -Iinclude -isystem "$eigen" -c "$folder/$i.cpp" -o "$folder/out.o"; } 2>&1)
    seconds=${seconds##*$'\n'}
    if [ "$round" = 0 ] || awk "BEGIN { exit !($seconds < ${best[i]}) }"; then best[i]=$seconds; fi
  done
done

mkdir -p docs/benchmarks
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
{
  printf '# compile time\n\n'
  echo "Measured by \`scripts/compile_time.sh\` on ${processor:-$(uname -m)}, $(nproc) cores, $(uname -s);"
  echo "$("$CXX" --version | head -n 1), \`-std=c++20 -O0\`: user processor time in seconds, the least of $rounds rounds."
  printf '\n| | seconds | beyond `Eigen/Dense` |\n| --- | ---: | ---: |\n'
  for ((i = 0; i < ${#names[@]}; ++i)); do
    awk -v name="${names[i]}" -v t="${best[i]}" -v base="${best[0]}" \
      'BEGIN { printf "| %s | %.2f | %+.2f |\n", name, t, t - base }'
  done
} | tee docs/benchmarks/compile_time.md
echo "  -> docs/benchmarks/compile_time.md"
