#!/usr/bin/env bash
# in_root.sh FOLDER COMMAND...: runs it in a root that debian_root.sh made, with this machine's processes, devices, network and way to the package registries,
# and nothing else of its environment. Needs root. The mounts are seen by the command and its children alone, and go with the last of them.
set -euo pipefail
dir="$1"
shift
environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
while read -r name; do
  environment+=("$name=${!name}")
done < <(compgen -e | grep -iE '^((https?|no)_proxy$|pip_|goproxy$|gosumdb$|gonosumdb$|goflags$|ssl_cert|requests_ca)' || true)
exec env -i "${environment[@]}" unshare --mount \
  sh -c 'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' "$dir" "$@"
