#!/usr/bin/env bash
# Starts a collector and an agent for this host on embedded storage, data in ./var. Ctrl-C stops both.
set -euo pipefail
cd "$(dirname "$0")/.."
http=127.0.0.1:4600 grpc=127.0.0.1:4601
mkdir -p var && chmod 700 var

for addr in "$http" "$grpc"; do
  if (exec 3<>"/dev/tcp/${addr%:*}/${addr#*:}") 2>/dev/null; then
    echo "make run: port ${addr#*:} on ${addr%:*} is in use; stop the program that listens there (ss -ltnp 'sport = :${addr#*:}' names it)" >&2
    exit 1
  fi
done

ready() { # without curl: a fresh machine has bash
  (exec 3<>"/dev/tcp/${http%:*}/${http#*:}" && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 ') 2>/dev/null
}

collector='' agent=''
stop() {
  trap - EXIT INT TERM
  # The agent first: what it still holds is in its spool, and it does not complain about a collector that went away.
  for pid in $agent $collector; do kill -TERM "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
  echo "stopped; data stays in ./var"
}
trap stop EXIT
trap 'exit 0' INT TERM

# setsid keeps Ctrl-C from reaching both at once: the order of stopping is ours.
setsid bin/picket-collector run --data-dir var/collector --http-addr "$http" --grpc-addr "$grpc" --log-level warn &
collector=$!
for _ in $(seq 150); do
  ready && break
  kill -0 "$collector" 2>/dev/null || { wait "$collector" || exit 1; }
  sleep 0.2
done

if [ ! -e var/agent/identity/identity.json ]; then
  mkdir -p var/agent && chmod 700 var/agent
  (umask 077 && bin/picket-collector token create --data-dir var/collector >var/agent/token 2>/dev/null)
fi
setsid bin/picket-agent run --data-dir var/agent --collector "$grpc" --token-file var/agent/token --log-level warn &
agent=$!

password='the one you gave as PICKET_ADMIN_PASSWORD at the first start' credentials='PICKET_USER=admin PICKET_PASSWORD=…'
if [ -e var/collector/admin-password ]; then
  password='in var/collector/admin-password' credentials='PICKET_USER=admin PICKET_PASSWORD=$(cat var/collector/admin-password)'
fi
# Without a link (is there no user admin?) the page asks for a name and password.
link=$(bin/picket-collector login-link --data-dir var/collector --user admin) || link="http://$http"
cat <<TXT

  Open:              $link
                     (signs you in as admin, once and in the next 10 minutes; password $password)
  Ask it:            $credentials bin/picket query node_load1
  See it with a shop that can break:
                     $credentials bin/picket demo start
  Its agent:         bin/picket-agent status --data-dir var/agent
  Another link:      bin/picket-collector login-link --data-dir var/collector
  Another host:      bin/picket-collector token create --data-dir var/collector --grpc-advertise-addr HOST:4601
                     (and start the collector with --grpc-addr :4601)
  Ctrl-C stops both.

TXT
wait -n "$collector" "$agent" || { echo "make run: a part stopped by itself, see above" >&2; exit 1; }
