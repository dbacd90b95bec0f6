#!/bin/sh
set -e
# On an upgrade the new postinst starts the new version.
if [ -d /run/systemd/system ]; then
  case "$1" in
    remove|0) systemctl disable --now picket-agent.service || true ;;
    upgrade|1) systemctl stop picket-agent.service || true ;;
  esac
fi
