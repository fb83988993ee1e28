#!/usr/bin/env bash
# Says which sources clang-format would change.
cd "$(dirname "$0")/../.." || exit 1
git ls-files --cached --others --exclude-standard 'common/*.[ch]' 'dataplane/*.[ch]' 'controlplane/*.[ch]' 'tests/*.[ch]' |
  grep -v '^tests/bench/' | xargs -r clang-format-14 --dry-run -Werror
