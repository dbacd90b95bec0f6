#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
if [ "$1" = purge ]; then
  if command -v deb-systemd-helper >/dev/null; then
    deb-systemd-helper purge picket-collector.service >/dev/null || true
    deb-systemd-helper unmask picket-collector.service >/dev/null || true
  fi
  rm -rf /var/lib/picket-collector /etc/picket-collector
  if getent passwd picket-collector >/dev/null; then userdel picket-collector || true; fi
fi
