#!/usr/bin/env bash
# debian_root.sh FOLDER: makes a minimal Debian 12 there, whose package clients reach what this machine's reach. Needs root.
set -euo pipefail
dir="$1"
mirror="$(awk '/^URIs:/{print $2; exit} /^deb /{for(i=2;i<=NF;i++) if($i ~ /^http/){print $i; exit}}' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null)"
[[ -n $mirror ]] || { echo "no Debian mirror found in apt's sources" >&2; exit 1; }
debootstrap --variant=minbase bookworm "$dir" "$mirror" >"$dir.log" 2>&1 || { tail -20 "$dir.log"; exit 1; }
rm -f "$dir.log"
rm -f "$dir/etc/apt/sources.list"
cp -r /etc/apt/sources.list* "$dir/etc/apt/" 2>/dev/null || true
cp -r /etc/apt/apt.conf.d/. "$dir/etc/apt/apt.conf.d/"
cp -rL /etc/apt/keyrings "$dir/etc/apt/" 2>/dev/null || true
for file in /etc/pip.conf /etc/resolv.conf /etc/hosts; do [[ ! -e $file ]] || cp -L "$file" "$dir$file"; done
mkdir -p "$dir/root/.config" "$dir/usr/local/share/ca-certificates"
[[ ! -d $HOME/.config/pip ]] || cp -r "$HOME/.config/pip" "$dir/root/.config/"
[[ ! -d $HOME/.pip ]] || cp -r "$HOME/.pip" "$dir/root/"
cp -r /usr/local/share/ca-certificates/. "$dir/usr/local/share/ca-certificates/" 2>/dev/null || true
