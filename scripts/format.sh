#!/usr/bin/env bash
# Lays out all C++ with clang-format, or says what is not laid out so.
#   scripts/format.sh            rewrites the files
#   scripts/format.sh --check    changes nothing; fails and names each file that would change
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

program=$(clang_format) || die "clang-format $clang_format_version is not here; other versions lay out differently."
options=(-i)
if [ "${1:-}" = --check ]; then options=(--dry-run -Werror --ferror-limit=1); fi
find include tests examples benchmarks -name '*.hpp' -print0 -o -name '*.cpp' -print0 | xargs -0 "$program" "${options[@]}"
