#!/bin/sh
set -e
# On an upgrade the old version runs on until the new postinst restarts it.
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop picket-collector.service >/dev/null || true
fi
