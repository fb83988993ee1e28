#!/usr/bin/env bash
# Installs what building (and, with "tests" or "bench", testing or measuring) needs from Debian 12's packages. Does nothing, quickly, when all is there.
set -euo pipefail

build_packages=(gcc libc6-dev cmake ninja-build pkg-config protobuf-c-compiler protobuf-compiler libprotobuf-dev libprotobuf-c-dev libevent-dev
  libgrpc-dev libnghttp2-dev libssl-dev libyaml-dev libhiredis-dev libpcre2-dev libsqlite3-dev libmariadb-dev libcurl4-openssl-dev libc-ares-dev
  libjwt-dev libcmocka-dev libjansson-dev zlib1g-dev)
demo_packages=(python3 curl ca-certificates)
test_packages=(ccache clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev llvm-14 python3-venv git valgrind iproute2 gcovr debootstrap
  openssl nghttp2-client nghttp2-server redis-server mariadb-server prometheus maven openjdk-17-jdk-headless man-db systemd strace nftables tini)
bench_packages=(wrk nginx-light haproxy h2o redis-server)

packages=("${build_packages[@]}" "${demo_packages[@]}")
case "${1:-}" in
  tests) packages+=("${test_packages[@]}") ;;
  bench) packages+=("${test_packages[@]}" "${bench_packages[@]}") ;;
esac

missing=()
installed="$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | awk '$2=="installed"{print $1}')"
for package in "${packages[@]}"; do
  grep -qx "$package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if [[ $(id -u) != 0 ]]; then
  command -v sudo >/dev/null || { echo "These Debian packages are missing, and neither root nor sudo is here to install them: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
log="$(mktemp)"
# Debian starts a service when it installs one; here nginx and the like are only tools, so a policy says no meanwhile.
policy=/usr/sbin/policy-rc.d
made_policy=false
cleanup() {
  rm -f "$log"
  if $made_policy; then "${as_root[@]}" rm -f "$policy"; fi
}
trap cleanup EXIT
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
  made_policy=true
fi
if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "Installing failed; the lines above are apt's." >&2
  exit 1
fi
