#!/bin/sh
# Makes the secrets of a deployment's own parts: an authority (telltale pki), certificates for the broker, the store, the
# service and the mail catcher, and random passwords and tokens. Gateways are not among them: each makes its own key, which
# never leaves it (telltale edge enrol). Run it as often as you like: what exists stays, a certificate is renewed in its
# last 30 days and when the names in it change. Nothing is printed but file names.
#
#   TELLTALE_BROKER_NAMES="mqtt.example.org" init-secrets.sh DIR
#
# TELLTALE_BROKER_NAMES  names or addresses under which gateways reach the broker
# TELLTALE_OWNERS        folder=uid:gid …, for containers that read as another user (root only)
set -eu
umask 077

dir=${1:?usage: init-secrets.sh DIR}
broker_names=${TELLTALE_BROKER_NAMES:-}

random() { # FILE: 256 random bits as hex, without a newline, if there is none yet
  [ -s "$1" ] && return
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$1.new"
  mv "$1.new" "$1"
  echo "made $1"
}

certificate() { # FOLDER FILE OPTION …: FILE.key, FILE.crt and ca.crt, made or renewed where that is due
  folder=$1 file=$2
  shift 2
  telltale pki local "$dir/ca" "$dir/$folder" "$file" "$@"
}

hosts() { # NAME …: as options of telltale pki, which checks them
  for name in "$@"; do
    case $name in
      *:* | *[0-9].*[0-9].*[0-9].*[0-9]) echo "--ip=$name" ;;
      *) echo "--dns=$name" ;;
    esac
  done
}

mkdir -p "$dir/broker"
[ -s "$dir/ca/index.json" ] || telltale pki init "$dir/ca" --name "Telltale deployment CA" --publish "$dir/broker/crl.pem"
[ -s "$dir/broker/crl.pem" ] || telltale pki crl "$dir/ca"
# shellcheck disable=SC2046,SC2086 # lists of names, without spaces in them
certificate broker broker --server telltale-broker $(hosts mosquitto localhost 127.0.0.1 $broker_names)
certificate broker health --health
certificate service service --service
certificate influxdb influxdb --server telltale-influxdb --dns=influxdb --dns=localhost --ip=127.0.0.1
certificate mail mail --server telltale-mail --dns=mailpit --dns=localhost

mkdir -p "$dir/influxdb" "$dir/grafana"
printf telltale-admin >"$dir/influxdb/admin-username"
random "$dir/influxdb/admin-password"
random "$dir/influxdb/admin-token"
random "$dir/influxdb/grafana-password"
random "$dir/grafana/admin-password"
cp "$dir/influxdb/admin-token" "$dir/service/influxdb-token"
# The store and the mail server are asked for certificates of this authority or of a public one.
cat /etc/ssl/certs/ca-certificates.crt "$dir/ca/ca.crt" >"$dir/service/trusted.crt" 2>/dev/null || cp "$dir/ca/ca.crt" "$dir/service/trusted.crt"
cp "$dir/influxdb/grafana-password" "$dir/grafana/influxdb-password"
cp "$dir/ca/ca.crt" "$dir/grafana/ca.crt"

if [ "$(id -u)" -eq 0 ]; then
  for pair in ${TELLTALE_OWNERS:-}; do
    chown -R "${pair#*=}" "$dir/${pair%%=*}"
  done
fi
