# shellcheck shell=bash
# Sourced by the other scripts: makes sure that what they need is installed. Does nothing where all is there already.
#
#   need_compiler; need_build_tools; need eigen ...     what must be there
#   want gnuplot                                        what would be nice
#   set_up                                              installs what is missing, with apt-get, or says what to install

say() { printf '\n==> %s\n' "$*"; }

die() {
  printf '\nerror: %s\n' "$*" >&2
  exit 1
}

needed=()
wanted=()
need() { needed+=("$@"); }
want() { wanted+=("$@"); }

at_least() { [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# A compiler that knows C++20 as the library uses it: g++ 12 or clang++ 14.
good_compiler() {
  command -v "$1" >/dev/null || return 1
  local version
  version=$("$1" -dumpversion 2>/dev/null) || return 1
  if "$1" --version | grep -q clang; then at_least "$version" 14; else at_least "$version" 12; fi
}

first_good_compiler() {
  local compiler
  for compiler in "$@"; do
    if good_compiler "$compiler"; then
      echo "$compiler"
      return
    fi
  done
  return 1
}

gxx=(g++ g++-{12..19})
clangxx=(clang++ clang++-{14..24})

# The one version of clang-format that lays out as .clang-format is meant.
clang_format_version=14
clang_format() {
  local program
  for program in clang-format-$clang_format_version clang-format; do
    if command -v "$program" >/dev/null && "$program" --version | grep -q "version $clang_format_version\."; then
      echo "$program"
      return
    fi
  done
  return 1
}

# Ninja where it is, CMake's own choice where not, what a build folder was begun with in any case.
choose_generator() {
  if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}; fi
}

# cmake_finds PACKAGE [LANGUAGE]: whether CMake finds it, which is what counts in the end.
cmake_finds() {
  is_there cmake && is_there build_tool || return 1
  local folder found=1
  folder=$(mktemp -d)
  printf 'cmake_minimum_required(VERSION 3.22)\nproject(probe LANGUAGES %s)\nfind_package(%s REQUIRED NO_MODULE)\n' \
    "${2:-NONE}" "$1" >"$folder/CMakeLists.txt"
  choose_generator
  cmake -S "$folder" -B "$folder/build" >/dev/null 2>&1 && found=0
  rm -rf "$folder"
  return $found
}

is_there() {
  case $1 in
    compiler) [ -n "${CXX:-}" ] || first_good_compiler "${gxx[@]}" "${clangxx[@]}" >/dev/null ;;
    clang) first_good_compiler "${clangxx[@]}" >/dev/null ;;
    build_tool) command -v ninja >/dev/null || command -v make >/dev/null ;;
    cmake) command -v cmake >/dev/null && at_least "$(cmake --version | sed -n '1s/.* //p')" 3.22 ;;
    eigen) cmake_finds Eigen3 ;;
    catch2) cmake_finds Catch2 ;;
    benchmark) cmake_finds benchmark CXX ;;
    clang-format) clang_format >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

description() {
  case $1 in
    compiler) echo "g++ 12 or newer, or clang++ 14 or newer" ;;
    clang) echo "clang++ 14 or newer, the second compiler" ;;
    build_tool) echo "ninja or make, which run the build" ;;
    cmake) echo "CMake 3.22 or newer, which configures the build" ;;
    eigen) echo "Eigen 3.4 or 5, the vectors and matrices of the library" ;;
    catch2) echo "Catch2 2.13 or 3, the test framework" ;;
    benchmark) echo "Google Benchmark, which measures" ;;
    gnuplot) echo "gnuplot, which draws the pictures (optional)" ;;
    clang-format) echo "clang-format $clang_format_version, which checks the layout (optional)" ;;
    clang-tidy) echo "clang-tidy, which checks the headers (optional)" ;;
    *) echo "$1" ;;
  esac
}

package() {
  case $1 in
    compiler)
      local offered
      offered=$(apt-cache policy g++ | sed -n 's/.*Candidate: \([0-9]*:\)\?//p')
      if [ -z "$offered" ] || at_least "$offered" 12; then echo g++; else echo g++-12; fi
      ;;
    build_tool) echo ninja-build ;;
    eigen) echo libeigen3-dev ;;
    benchmark) echo libbenchmark-dev ;;
    gnuplot) echo gnuplot-nox ;;
    clang-format) echo "clang-format-$clang_format_version" ;;
    *) echo "$1" ;;
  esac
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" </dev/null; }

# apt_install LOG PACKAGE...
apt_install() {
  local log=$1
  shift
  apt_get install -y --no-install-recommends "$@" >>"$log" 2>&1
}

missing_among() {
  local thing
  for thing in "$@"; do
    is_there "$thing" || echo "$thing"
  done
}

set_up() {
  local thing missing missing_wanted log packages=()
  missing=$(missing_among "${needed[@]}")
  missing_wanted=$(missing_among "${wanted[@]}")
  if [ -n "$missing$missing_wanted" ]; then
    say "Not on this machine yet:"
    for thing in $missing $missing_wanted; do echo "  - $(description "$thing")"; done
    if ! command -v apt-get >/dev/null; then
      echo "There is no apt-get here; please install what you want of it with your own package manager."
    elif [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
      for thing in $missing $missing_wanted; do packages+=("$(package "$thing")"); done
      echo "Installing needs root, and there is no sudo here; as root:  apt-get install ${packages[*]}"
    else
      say "Installing it with apt-get (a minute or two)"
      mkdir -p build
      log=$PWD/build/setup.log
      apt_get update >"$log" 2>&1 || echo "apt-get update failed (see $log); trying with the lists that are here."
      for thing in $missing; do packages+=("$(package "$thing")"); done
      if [ -n "$missing" ]; then
        echo "  ${packages[*]}"
        apt_install "$log" "${packages[@]}" || tail -n 20 "$log"
      fi
      for thing in $missing_wanted; do
        echo "  $(package "$thing") (optional)"
        apt_install "$log" "$(package "$thing")" || echo "  could not be installed; going on without it"
      done
    fi
    missing=$(missing_among "${needed[@]}")
    if [ -n "$missing" ]; then
      die "still missing: $(for thing in $missing; do description "$thing"; done | paste -sd ';' | sed 's/;/; /g')."
    fi
  fi
  if [[ " ${needed[*]} " == *" compiler "* && -z "${CXX:-}" ]]; then
    CXX=$(first_good_compiler "${gxx[@]}" "${clangxx[@]}")
    export CXX
  fi
  choose_generator
}

# How many compilers at once: one a core, and one for every 1.5 GB of memory.
jobs() {
  local cores memory
  cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
  memory=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo 2>/dev/null || true)
  if [ -n "$memory" ] && [ "$memory" -lt "$cores" ]; then cores=$memory; fi
  if [ "$cores" -lt 1 ]; then cores=1; fi
  echo "${JOBS:-$cores}"
}

# configure FOLDER OPTION...: quiet unless it fails.
configure() {
  local folder=$1
  shift
  mkdir -p "$folder"
  if ! cmake -S . -B "$folder" "$@" >"$folder/configure.log" 2>&1; then
    cat "$folder/configure.log" >&2
    return 1
  fi
}
