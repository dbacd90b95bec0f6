#!/usr/bin/env bash
# Installs Debian packages that are missing, without starting their daemons.
set -euo pipefail
missing=()
for p in "$@"; do dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p"); done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing: ${missing[*]}" >&2
sudo=''
[ "$(id -u)" -eq 0 ] || sudo='sudo'
made=''
if [ ! -e /usr/sbin/policy-rc.d ]; then
  # Debian asks this file before it starts a daemon: 101 is no.
  printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
  $sudo chmod +x /usr/sbin/policy-rc.d
  made=yes
fi
trap '[ -z "$made" ] || $sudo rm -f /usr/sbin/policy-rc.d' EXIT
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get -o DPkg::Lock::Timeout=300 -qq update
$sudo apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
