#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
if [ "$1" = purge ]; then
  if command -v deb-systemd-helper >/dev/null; then
    deb-systemd-helper purge picket-agent.service >/dev/null || true
    deb-systemd-helper unmask picket-agent.service >/dev/null || true
  fi
  rm -rf /var/lib/picket-agent /etc/picket-agent
  if getent passwd picket-agent >/dev/null; then userdel picket-agent || true; fi
fi
