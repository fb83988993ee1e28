#!/usr/bin/env bash
# Runs the tests. Installs what they need first. The last line says "N passed, N failed"; the exit code says whether all passed.
#
#   tests/run.sh                     what CI runs: lint, unit, integration, conformance
#   tests/run.sh unit                cmocka binaries under AddressSanitizer and UBSan
#   tests/run.sh integration [-k N]  both planes as processes (pytest); further arguments go to pytest
#   tests/run.sh conformance [-k N]  real Envoy, go-control-plane, gRPC against ours
#   tests/run.sh lint                layers, fences, sizes, banned calls, format
#   tests/run.sh coverage            unit and integration under gcov; report by folder in build-coverage/report, with floors
#   tests/run.sh fuzz SECONDS        each fuzz target for that long
#   tests/run.sh full                all of it, and: thread sanitizer, clang, clang-tidy, a clean Debian root, scale, a soak
set -uo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
source tests/support/setup.sh

passed=0
failed=0
say() { printf '\n== %s\n' "$*"; }
# count NAME COMMAND...: one check that passes or fails.
count() {
  local name="$1"
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

build() { # PRESET [TARGET...]
  local preset="$1" dir="build-$1"
  shift
  [[ $preset == release ]] && dir=build
  say "Building ($preset)"
  # Said, since the quickstart, which shares a folder with the release build, has none.
  if ! { cmake --preset "$preset" -DGW_TESTS=ON --log-level=WARNING >/dev/null && cmake --build "$dir" --parallel "$(nproc)" --target "${@:-all}" | tail -n 3; }; then
    cmake --build "$dir" --parallel "$(nproc)" --target "${@:-all}" | tail -n 40
    echo "FAILED: the $preset build"
    failed=$((failed + 1))
    return 1
  fi
}

unit() { # [PRESET]
  local preset="${1:-asan}" out
  build "$preset" all unit_tests || return
  say "Unit tests ($preset)"
  out="$(mktemp)"
  ctest --test-dir "build-$preset" --output-on-failure --parallel "$(nproc)" >"$out" 2>&1
  grep -E '(\*\*\*|Failed|^[0-9]+% tests)' "$out"
  [[ $(grep -c '\*\*\*' "$out") == 0 ]] || cat "$out"
  local total bad
  read -r bad total < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests failed out of ([0-9]+)/\1 \2/p' "$out")
  rm -f "$out"
  passed=$((passed + ${total:-0} - ${bad:-0}))
  failed=$((failed + ${bad:-1}))
}

run_pytest() { # PRESET DIR ARGS...
  local preset="$1" dir="$2" xml
  shift 2
  [[ -n $(ls "$dir"/test_*.py 2>/dev/null) ]] || return 0
  if [[ $dir == tests/integration ]]; then setup_consul || { failed=$((failed + 1)); return; }; fi
  xml="$(mktemp)"
  GW_BUILD="$ROOT/build-$preset" GW_RELEASE="$ROOT/build" "$PYTHON" -m pytest -q -p no:cacheprovider --timeout 300 --junitxml "$xml" "$dir" "$@"
  local code=$?
  read -r total bad < <("$PYTHON" - "$xml" <<'PY'
import sys, xml.etree.ElementTree as tree
try:
    suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
    print(int(suite.get("tests")) - int(suite.get("skipped")), int(suite.get("failures")) + int(suite.get("errors")))
except Exception:
    print(0, 1)
PY
  )
  rm -f "$xml"
  if ((code != 0 && bad == 0)); then bad=1; fi
  passed=$((passed + (total > bad ? total - bad : 0)))
  failed=$((failed + bad))
}

integration() {
  build asan all && build release all || return
  setup_nacos || { failed=$((failed + 1)); return; }
  say "Integration tests"
  run_pytest asan tests/integration "$@"
}

conformance() {
  build asan all && build release all || return
  setup_peers && setup_strangers && setup_nacos || { failed=$((failed + 1)); return; }
  if [[ -n ${GW_FULL:-} ]]; then setup_kubernetes && setup_collectors || { failed=$((failed + 1)); return; }; fi
  say "Conformance tests"
  run_pytest asan tests/conformance "$@"
}

lint() {
  say "Lint"
  count "layers, fences, sizes, banned calls" "$PYTHON" tests/lint/lint.py
  count "clang-format" tests/lint/format.sh
}

tidy() {
  build clang || return
  say "clang-tidy"
  count "clang-tidy" tests/lint/tidy.sh build-clang
}

coverage() {
  unit coverage
  say "Integration tests under coverage"
  run_pytest coverage tests/integration
  count "each folder's floor of covered lines" "$PYTHON" tests/support/coverage.py build-coverage build-coverage/report
}

fuzz() {
  local seconds="${1:-60}" target
  build fuzz || return
  for target in build-fuzz/bin/fuzz_*; do
    say "Fuzzing $(basename "$target") for $seconds s"
    count "$(basename "$target")" "$target" -max_total_time="$seconds" -print_final_stats=0 -verbosity=0 \
      "$(mktemp -d)" "tests/fuzz/corpus/$(basename "$target" | sed 's/^fuzz_//')"
  done
}

full() {
  everything
  GW_FULL=1 conformance
  export TSAN_OPTIONS="ignore_noninstrumented_modules=1:suppressions=$ROOT/tests/support/tsan.supp:halt_on_error=1"
  unit tsan
  say "Integration tests (thread sanitizer)"
  run_pytest tsan tests/integration -m "not scale"
  unset TSAN_OPTIONS
  unit clang
  tidy
  say "Scale"
  GW_FULL=1 run_pytest asan tests/integration -m full
  say "A clean Debian 12 root"
  count "quickstart and tests in a clean Debian 12 root" tests/support/clean_root.sh
}

# What conformance needs, gotten beside what is tested before it: whoever needs it waits for the lock, and tells if it can't be had.
fetch_ahead() {
  renice -n 10 "$BASHPID" >/dev/null
  setup_nacos && setup_peers && setup_strangers
}

everything() {
  fetch_ahead >/dev/null 2>&1 &
  lint
  unit
  integration
  conformance
}

export ASAN_OPTIONS="detect_leaks=1:abort_on_error=1:strict_string_checks=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
export LSAN_OPTIONS="suppressions=$ROOT/tests/support/lsan.supp:print_suppressions=0"

./deploy/install-deps.sh tests || exit 1
setup_python || exit 1
case "${1:-everything}" in
  everything | unit | integration | conformance | lint | coverage | fuzz | full)
    part="${1:-everything}"
    shift || true
    "$part" "$@"
    ;;
  *)
    sed -n '2,13s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
esac

printf '\n%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
