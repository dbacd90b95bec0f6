#!/bin/sh
set -e
if [ "$1" = purge ]; then
  rm -rf /var/lib/picket-collector /etc/picket-collector
  if getent passwd picket-collector >/dev/null; then userdel picket-collector || true; fi
fi
