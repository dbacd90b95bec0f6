#!/bin/sh
set -e
name=picket-collector
if ! getent passwd "$name" >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/"$name" --no-create-home --shell /usr/sbin/nologin "$name"
fi
chown root:"$name" /etc/"$name" && chmod 0750 /etc/"$name"
for f in /etc/"$name"/*.yaml; do chown root:"$name" "$f" && chmod 0640 "$f"; done
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable --now "$name".service || true
fi
