#!/usr/bin/env bash
# Proves the two commands on a Debian 12 that has nothing: debootstrap into a temporary folder, clone, then each of them twice.
# Needs root. Everything stays inside the folder; processes of the quickstart are ended by its own --stop.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
dir="$(mktemp -d)"
inside() { "$ROOT/tests/support/in_root.sh" "$dir" "$@"; }
cleanup() {
  [[ ! -x $dir/src/deploy/quickstart.sh ]] || inside /src/deploy/quickstart.sh --stop || true
  rm -rf --one-file-system "$dir"
}
trap cleanup EXIT

echo "Making a Debian 12 root (half a minute)"
"$ROOT/tests/support/debian_root.sh" "$dir"
git clone -q "$ROOT" "$dir/src"

for turn in 1 2; do
  echo "Quickstart, turn $turn"
  inside /src/deploy/quickstart.sh --detach
  inside curl -fsS http://127.0.0.1:8000/demo >/dev/null
  inside /src/deploy/quickstart.sh --stop
done
for turn in 1 2; do
  echo "Tests, turn $turn"
  inside /src/tests/run.sh
done
