#!/usr/bin/env bash
# Proves the two commands on a Debian 12 that has nothing: debootstrap into a temporary folder, clone, then each of them twice.
# Needs root. Everything stays inside the folder; processes of the quickstart are ended by its own --stop.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
mirror="$(awk '/^URIs:/{print $2; exit} /^deb /{for(i=2;i<=NF;i++) if($i ~ /^http/){print $i; exit}}' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null)"
[[ -n $mirror ]] || { echo "no Debian mirror found in apt's sources" >&2; exit 1; }
dir="$(mktemp -d)"
mounts=()
cleanup() {
  [[ -x $dir/src/deploy/quickstart.sh ]] && chroot "$dir" /src/deploy/quickstart.sh --stop || true
  local mount
  for mount in "${mounts[@]}"; do umount -l "$mount"; done
  rm -rf --one-file-system "$dir"
}
trap cleanup EXIT

echo "Making a Debian 12 root (half a minute)"
debootstrap --variant=minbase bookworm "$dir" "$mirror" >"$dir.log" 2>&1 || { tail -20 "$dir.log"; exit 1; }
rm -f "$dir.log"
# The machine's way to its package registries is the clean root's, too.
rm -f "$dir/etc/apt/sources.list"
cp -r /etc/apt/sources.list* "$dir/etc/apt/" 2>/dev/null || true
cp -r /etc/apt/apt.conf.d/. "$dir/etc/apt/apt.conf.d/"
cp -rL /etc/apt/keyrings "$dir/etc/apt/" 2>/dev/null || true
for file in /etc/pip.conf /etc/resolv.conf /etc/hosts; do [[ ! -e $file ]] || cp -L "$file" "$dir$file"; done
mkdir -p "$dir/root/.config" "$dir/usr/local/share/ca-certificates"
[[ ! -d $HOME/.config/pip ]] || cp -r "$HOME/.config/pip" "$dir/root/.config/"
[[ ! -d $HOME/.pip ]] || cp -r "$HOME/.pip" "$dir/root/"
cp -r /usr/local/share/ca-certificates/. "$dir/usr/local/share/ca-certificates/" 2>/dev/null || true
git clone -q "$ROOT" "$dir/src"
for fs in proc dev; do
  mount --rbind "/$fs" "$dir/$fs"
  mounts+=("$dir/$fs")
done

inside() { env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 $(env | grep -iE '^(https?_proxy|no_proxy|pip_|goproxy|gosumdb|gonosumdb|goflags|ssl_cert|requests_ca)' | grep -v ' ') chroot "$dir" "$@"; }

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
