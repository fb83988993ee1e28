#!/usr/bin/env bash
# Writes deploy/kubernetes/manifests/gateway.yaml: what the chart's defaults become in the namespace "gateway", for those who use no Helm.
# HELM names another helm than the one in PATH; a file name writes there instead.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="${1:-$here/manifests/gateway.yaml}"
{
  echo "# Made by deploy/kubernetes/render.sh from the chart beside it: kubectl create namespace gateway, then kubectl apply -n gateway -f this."
  "${HELM:-helm}" template gateway "$here/gateway" --namespace gateway
} >"$out"
