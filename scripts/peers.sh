#!/usr/bin/env bash
# Installs the libraries that the benchmarks compare with, where the package manager has them. Each is optional: without
# it, its rows are left out.
#   scripts/peers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

peers=(libnlopt-cxx-dev libceres-dev liblbfgs-dev libdlib-dev libpagmo-dev)
command -v apt-get >/dev/null || die "there is no apt-get here; NLopt, Ceres, liblbfgs, dlib and pagmo are the peers."
mkdir -p build
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
