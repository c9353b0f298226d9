#!/usr/bin/env bash
# Installs the libraries that the benchmarks compare with: with apt-get where that has them, and three solvers of quadratic
# programs, with pip, into build/peers alone. Each is optional: without it, its rows are left out.
#   scripts/peers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

peers=(libnlopt-cxx-dev libceres-dev liblbfgs-dev libdlib-dev libpagmo-dev)
mkdir -p build
if command -v apt-get >/dev/null; then
  apt_get update >build/setup.log 2>&1 || echo "apt-get update failed; trying with the lists that are here."
  for package in "${peers[@]}"; do
    if dpkg -s "$package" >/dev/null 2>&1; then
      echo "$package is there"
    elif apt_install build/setup.log "$package"; then
      echo "$package was installed"
    else
      echo "$package could not be installed (see build/setup.log)"
    fi
  done
else
  echo "there is no apt-get here; NLopt, Ceres, liblbfgs, dlib and pagmo are the peers to install by hand."
fi

# Fetches PACKAGE==VERSION, and leaves what is in it in the folder $2.
fetch() {
  rm -rf "$2"
  mkdir -p "$2"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps "${@:3}" --dest "$2" "$1" \
    </dev/null >>build/setup.log 2>&1 &&
    for file in "$2"/*; do
      case $file in
        *.whl) python3 -m zipfile -e "$file" "$2" ;;
        *.tar.gz) tar -xzf "$file" -C "$2" --strip-components=1 ;;
      esac
    done
}

# A wheel of the cmeel project, which holds headers and a shared library.
from_wheel() {
  fetch "$1" "$work" --only-binary=:all: && cp -r "$work"/cmeel.prefix/. "$prefix"
}

# DAQP, from its sources in C.
from_sources() {
  fetch "$1" "$work" --no-binary=:all: || return 1
  local source
  for source in "$work"/csrc/src/*.c; do
    cc -O3 -fPIC -I"$work/csrc/include" -c "$source" -o "$work/$(basename "$source" .c).o" 2>>build/setup.log || return 1
  done
  mkdir -p "$prefix/include/daqp" "$prefix/lib"
  cp "$work"/csrc/include/*.h "$prefix/include/daqp"
  ar rcs "$prefix/lib/libdaqp.a" "$work"/*.o
}

prefix=$PWD/build/peers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$prefix"
while read -r file package how; do
  if [ -e "$prefix/$file" ]; then
    echo "$package is there"
  elif "$how" "$package"; then
    echo "$package was put into build/peers"
  else
    echo "$package could not be had from pip (see build/setup.log)"
  fi
done <<END
include/eiquadprog/eiquadprog-fast.hpp eiquadprog==1.3.2 from_wheel
include/qpOASES.hpp cmeel-qpoases==3.2.2 from_wheel
include/daqp/api.h daqp==0.11.0 from_sources
END
