#!/bin/sh
# Runs a broker, and starts it afresh when its revocation list changes: that cuts every live session, and who was revoked
# is not let in again. A reload alone (SIGHUP) makes the broker refuse new connections of a revoked certificate and leaves
# the connected one publishing (docs/decisions/013-revocation.md). Other clients are back within seconds: the agent keeps
# every frame until its store-ack, so that nothing is lost.
#
#   run-broker.sh CRL_FILE mosquitto -c mosquitto.conf
#
# TELLTALE_CRL_EVERY_S   seconds between looks at the list (default 5)
set -u
crl=${1:?usage: run-broker.sh CRL_FILE COMMAND ...}
shift
every_s=${TELLTALE_CRL_EVERY_S:-5}
broker=

say() {
  echo "run-broker: $1" >&2
}

finish() { # end the broker, and this with it
  trap - TERM INT
  [ -z "$broker" ] || kill -TERM "$broker" 2>/dev/null
  [ -z "$broker" ] || wait "$broker"
  exit 0
}

list() { # what tells one whole list from another; empty while there is none
  grep -q -e '-----END X509 CRL-----' "$crl" 2>/dev/null && cksum <"$crl"
}

end_broker() { # TERM, and KILL where that does not help within 10 s
  kill -TERM "$broker" 2>/dev/null
  left=100
  while kill -0 "$broker" 2>/dev/null && [ "$left" -gt 0 ]; do
    sleep 0.1
    left=$((left - 1))
  done
  kill -KILL "$broker" 2>/dev/null && say "the broker did not end by itself"
  wait "$broker"
}

trap finish TERM INT
# The broker reads its settings and certificates again, as it would without this script.
trap '[ -z "$broker" ] || kill -HUP "$broker"' HUP
while :; do
  in_force=$(list)
  [ -n "$in_force" ] || say "$crl: no revocation list"
  "$@" &
  broker=$!
  while kill -0 "$broker" 2>/dev/null; do
    sleep "$every_s" &
    wait $! # unlike a plain sleep, this lets the traps above run at once
    now=$(list)
    if [ -z "$now" ]; then
      say "$crl: no revocation list: the old one stays in force"
    elif [ "$now" != "$in_force" ]; then
      say "new revocation list: starting the broker afresh"
      break
    fi
  done
  if kill -0 "$broker" 2>/dev/null; then
    end_broker
  else
    wait "$broker" # by itself: whoever runs this script decides what follows
    exit $?
  fi
done
