#!/usr/bin/env bash
# clang-tidy over all sources, with the compile commands of the build folder given.
cd "$(dirname "$0")/../.." || exit 1
git ls-files 'common/*.c' 'dataplane/*.c' 'controlplane/*.c' | xargs -P "$(nproc)" -n 8 clang-tidy-14 --quiet -p "$1" 2>/dev/null
