#!/bin/sh
set -e
name=picket-agent
if ! getent passwd "$name" >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/"$name" --no-create-home --shell /usr/sbin/nologin "$name"
fi
chown root:"$name" /etc/"$name" && chmod 0750 /etc/"$name"
for f in /etc/"$name"/*.yaml; do chown root:"$name" "$f" && chmod 0640 "$f"; done

# Debian's helpers keep what the administrator chose: a unit that was disabled or masked stays so through upgrades, and
# installing into an image enables the unit though no systemd runs.
deb-systemd-helper unmask "$name".service >/dev/null || true
if deb-systemd-helper --quiet was-enabled "$name".service; then
  deb-systemd-helper enable "$name".service >/dev/null || true
else
  deb-systemd-helper update-state "$name".service >/dev/null || true
fi
if [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
  action=start
  [ -z "$2" ] || action=restart # an upgrade: until here the old version ran on
  deb-systemd-invoke "$action" "$name".service >/dev/null || true
fi
