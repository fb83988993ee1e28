#!/usr/bin/env bash
# Writes deploy/kubernetes/manifests/gateway.yaml: what the chart's defaults become in the namespace "gateway", for those who use no Helm.
# HELM names another helm than the one in PATH.
#
#   render.sh [FILE]      writes FILE instead
#   render.sh --digest    says which chart it is, as the manifest does
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

digest() { (cd "$here/gateway" && find . -type f ! -name '*.swp' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16); }
[[ ${1:-} != --digest ]] || { digest; exit; }

out="${1:-$here/manifests/gateway.yaml}"
rendered="$("${HELM:-helm}" template gateway "$here/gateway" --namespace gateway --kube-version 1.36)"
cat >"$out" <<END
# Made by deploy/kubernetes/render.sh: kubectl create namespace gateway, then kubectl apply --namespace gateway --filename THIS.
# Chart: $(digest)
$rendered
END
