#!/bin/sh
set -e
if [ "$1" = purge ]; then
  rm -rf /var/lib/picket-agent /etc/picket-agent
  if getent passwd picket-agent >/dev/null; then userdel picket-agent || true; fi
fi
