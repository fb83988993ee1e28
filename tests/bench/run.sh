#!/usr/bin/env bash
# The full measurement: builds the release preset, then every scenario and contestant. Further arguments go to bench.py.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$ROOT"
source tests/support/setup.sh
./deploy/install-deps.sh bench
setup_python
cmake --preset release >/dev/null
cmake --build build --parallel "$(nproc)" --target gateway-controlplane gateway-dataplane | tail -n 1
export BENCH_ENVOY="${BENCH_ENVOY:-$(find_envoy)}"
exec "$PYTHON" tests/bench/bench.py --rounds 5 --seconds 3 --warmup 1 "$@"
