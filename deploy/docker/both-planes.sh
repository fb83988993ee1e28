#!/bin/bash
# Both planes in one container, with mutual TLS between them; routes.yaml and services.yaml lie in the working directory. The container ends when one
# of them does: whoever runs containers starts it anew.
# SIGTERM: the data plane drains, and the control plane ends after it. A second one: now. SIGHUP: both read and open anew what they do.
set -u
state="${XDG_STATE_HOME:-/var/lib}/gateway"
pki="$state/pki"

# An authority of its own, made once, and certificates anew at each start: they never run out.
[[ -f $pki/ca.crt ]] || gatewayctl pki init --dir "$pki" >/dev/null || exit
gatewayctl pki issue control-plane --dir "$pki" --replace --control-plane --host 127.0.0.1 >/dev/null || exit
gatewayctl pki issue data-plane --dir "$pki" --replace --node 'default/*' >/dev/null || exit

gateway-controlplane --routes routes.yaml --services services.yaml \
  --xds-tls-ca "$pki/ca.crt" --xds-tls-cert "$pki/control-plane.crt" --xds-tls-key "$pki/control-plane.key" &
control=$!
gateway-dataplane --xds 127.0.0.1:18000 --node-cluster default \
  --xds-tls-ca "$pki/ca.crt" --xds-tls-cert "$pki/data-plane.crt" --xds-tls-key "$pki/data-plane.key" &
data=$!

is_ending=false
trap 'is_ending=true; kill -TERM "$data"' TERM INT
trap 'kill -HUP "$control" "$data"' HUP

runs() { kill -0 "$1" 2>/dev/null; }
# Until it has ended, whatever signals come meanwhile; its exit code.
await() {
  while runs "$1"; do wait "$1"; done
  wait "$1"
}

while runs "$control" && runs "$data"; do wait -n "$control" "$data"; done
runs "$control" || $is_ending || kill -TERM "$data" 2>/dev/null
await "$data"
code=$?
is_early=true
runs "$control" && is_early=false
kill -TERM "$control" 2>/dev/null
await "$control"
control_code=$?
# Whoever ended first says why.
if $is_early && ((control_code != 0)); then exit "$control_code"; fi
exit "$code"
