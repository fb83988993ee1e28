#!/usr/bin/env bash
# From a clone to a running gateway: installs what building needs, builds, makes a certificate authority, starts a control plane, a data
# plane (mutual TLS between the two) and two demo backends on config/routes.yaml and config/services.yaml, and tells what to try.
#
#   deploy/quickstart.sh            in the foreground; Ctrl-C ends it
#   deploy/quickstart.sh --detach   in the background; returns once a request went through
#   deploy/quickstart.sh --stop     ends what --detach started
#
# QUICKSTART_BUILD=no in the environment: build/bin is there already.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
STATE="$ROOT/build/quickstart"
PKI="$STATE/pki"
FIRST_URL="http://127.0.0.1:8000/demo"

fail() { echo "quickstart: $*" >&2; exit 1; }

# Ends the processes that an earlier run noted, and only those: the pid must still be the program that was started.
stop() {
  local name pid started signalled=()
  [[ -f "$STATE/pids" ]] || return 0
  while read -r name pid started; do
    if [[ "$(started_at "$pid")" == "$started" ]]; then
      kill -TERM "$pid" 2>/dev/null && signalled+=("$name:$pid:$started")
    fi
  done <"$STATE/pids"
  local entry tries
  for entry in "${signalled[@]}"; do
    IFS=: read -r name pid started <<<"$entry"
    for ((tries = 0; tries < 100; tries++)); do
      [[ "$(started_at "$pid")" == "$started" ]] || break
      sleep 0.1
    done
    [[ "$(started_at "$pid")" != "$started" ]] || kill -KILL "$pid" 2>/dev/null || true
  done
  rm -f "$STATE/pids"
  ((${#signalled[@]} == 0)) || echo "Stopped ${#signalled[@]} processes."
}

# When a process started, in clock ticks since boot: with the pid, its identity. Empty when it is gone.
started_at() { sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20 || true; }

start() { # NAME COMMAND...
  local name="$1" pid
  shift
  setsid "$@" >"$STATE/$name.log" 2>&1 </dev/null &
  pid=$!
  echo "$name $pid $(started_at "$pid")" >>"$STATE/pids"
}

build() {
  ./deploy/install-deps.sh
  if [[ ! -f build/build.ninja ]]; then
    echo "Configuring"
    cmake --preset release -DGW_TESTS=OFF >"$STATE/configure.log" || { tail -20 "$STATE/configure.log" >&2; fail "configuring failed"; }
  fi
  echo "Building (the first time takes a minute or two)"
  if ! cmake --build build --parallel "$(nproc)" --target gateway-controlplane gateway-dataplane gatewayctl >"$STATE/build.log" 2>&1; then
    tail -40 "$STATE/build.log" >&2
    fail "building failed; the lines above are the compiler's"
  fi
}

wait_for() { # SECONDS WHAT COMMAND...: until COMMAND succeeds; else nothing is left behind, since half a gateway is none
  local what="$2" why="within $1 s" end=$((SECONDS + $1)) gone
  shift 2
  until "$@" >/dev/null 2>&1; do
    gone="$(ended)"
    [[ -z $gone ]] || why="since $gone has ended"
    if [[ -n $gone ]] || ((SECONDS >= end)); then
      tail -n 5 "$STATE"/{backend-1,backend-2,controlplane,dataplane}.log >&2
      stop
      fail "$what did not happen $why; the lines above are the logs'"
    fi
    sleep 0.1
  done
}

# The first of the started processes that is no longer there.
ended() {
  local name pid started
  while read -r name pid started; do
    [[ "$(started_at "$pid")" == "$started" ]] || { echo "$name" && return; }
  done <"$STATE/pids"
}

# Told before minutes of building; a stranger's answer would even be taken for ours.
want_ports() {
  local port
  for port in "$@"; do
    ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || fail "port $port is taken by another program of this machine; end that first"
  done
}

# An authority of its own, made once, and certificates for both planes, anew at each start: they never run out.
make_certificates() {
  [[ -f "$PKI/ca.crt" ]] || build/bin/gatewayctl pki init --dir "$PKI" >/dev/null
  build/bin/gatewayctl pki issue control-plane --dir "$PKI" --replace --control-plane --host 127.0.0.1 --host localhost >/dev/null
  build/bin/gatewayctl pki issue dataplane --dir "$PKI" --replace --node default/quickstart >/dev/null
}

run() {
  mkdir -p "$STATE"
  stop
  want_ports 8000 9101 9102 9901 9902 9903 18000 18001 18002
  [[ "${QUICKSTART_BUILD:-yes}" == no ]] || build
  make_certificates
  : >"$STATE/pids"
  start backend-1 python3 deploy/demo/backend.py backend-1 9101
  start backend-2 python3 deploy/demo/backend.py backend-2 9102
  start controlplane build/bin/gateway-controlplane --routes config/routes.yaml --services config/services.yaml \
    --admin-token-file "$STATE/admin.token" \
    --xds-tls-ca "$PKI/ca.crt" --xds-tls-cert "$PKI/control-plane.crt" --xds-tls-key "$PKI/control-plane.key"
  # No load balancer has to see its /ready fail; a short delay lets a reader see it.
  start dataplane build/bin/gateway-dataplane --node-id quickstart --drain-delay 2s --cache-dir "$STATE" --access-log-file "$STATE/access.log" \
    --xds-tls-ca "$PKI/ca.crt" --xds-tls-cert "$PKI/dataplane.crt" --xds-tls-key "$PKI/dataplane.key"
  wait_for 30 "an answer of both demo backends" curl -fsS -m 2 http://127.0.0.1:9101/demo http://127.0.0.1:9102/demo
  wait_for 30 "a request through the gateway" curl -fsS -m 2 "$FIRST_URL"
}

explain() {
  cat <<TEXT

The gateway runs. Try:
  curl $FIRST_URL
  curl http://127.0.0.1:8000/ready
  curl http://127.0.0.1:8000/metrics
  build/bin/gatewayctl --token-file $STATE/admin.token status
  build/bin/gatewayctl --token-file $STATE/admin.token get routes
Edit config/routes.yaml or config/services.yaml: the change is live as soon as the file is saved.
Logs: $STATE/*.log
TEXT
}

case "${1:-}" in
  "")
    trap 'stop; exit 0' INT TERM
    run
    explain
    echo "Ctrl-C ends it."
    wait
    ;;
  --detach)
    run
    explain
    echo "deploy/quickstart.sh --stop ends it."
    ;;
  --stop) stop ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
esac
