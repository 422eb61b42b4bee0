#!/bin/sh
# Makes every secret of a deployment: a small certificate authority with certificates for the broker, the store, the
# service, the mail catcher and each gateway, and random passwords and tokens. Run it as often as you like: what exists
# stays, a certificate is renewed in its last 30 days and when the names in it change, a gateway that was added gets its
# own. Nothing is printed but file names.
#
#   TELLTALE_GATEWAYS="gw-riverside gw-dam" TELLTALE_BROKER_NAMES="mqtt.example.org" init-secrets.sh DIR
#
# TELLTALE_GATEWAYS      gateway ids; each is the common name of a certificate and so fences the gateway in (acl.conf)
# TELLTALE_BROKER_NAMES  names or addresses under which gateways reach the broker
# TELLTALE_OWNERS        folder=uid:gid …, for containers that read as another user (root only)
set -eu
umask 077

dir=${1:?usage: init-secrets.sh DIR}
gateways=${TELLTALE_GATEWAYS:-gw-riverside}
broker_names=${TELLTALE_BROKER_NAMES:-}

CA_DAYS=3650
DAYS=825
RENEW_S=$((30 * 86400))

fail() {
  echo "init-secrets: $1" >&2
  exit 2
}

random() { # FILE: 256 random bits as hex, without a newline, if there is none yet
  [ -s "$1" ] && return
  openssl rand -hex 32 | tr -d '\n' >"$1.new"
  mv "$1.new" "$1"
  echo "made $1"
}

authority() {
  mkdir -p "$dir/ca"
  [ -s "$dir/ca/ca.crt" ] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days "$CA_DAYS" \
    -subj "/CN=Telltale deployment CA" -keyout "$dir/ca/ca.key" -out "$dir/ca/ca.crt.new" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
  mv "$dir/ca/ca.crt.new" "$dir/ca/ca.crt"
  echo "made $dir/ca/ca.crt"
}

certificate() { # FOLDER FILE COMMON-NAME USAGE [SAN]: FILE.key and FILE.crt, signed by the authority
  mkdir -p "$1"
  cmp -s "$dir/ca/ca.crt" "$1/ca.crt" || cp "$dir/ca/ca.crt" "$1/ca.crt"
  if [ -s "$1/$2.crt" ] && [ "$(cat "$1/$2.names" 2>/dev/null)" = "${5:-}" ] && openssl x509 -in "$1/$2.crt" -noout -checkend "$RENEW_S" >/dev/null; then
    return
  fi
  extensions=$1/$2.ext
  {
    echo "basicConstraints=critical,CA:FALSE"
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$4"
    echo "subjectKeyIdentifier=hash"
    echo "authorityKeyIdentifier=keyid"
    [ -z "${5:-}" ] || echo "subjectAltName=$5"
  } >"$extensions"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -subj "/CN=$3" \
    -keyout "$1/$2.key.new" -out "$1/$2.csr" 2>/dev/null
  openssl x509 -req -in "$1/$2.csr" -CA "$dir/ca/ca.crt" -CAkey "$dir/ca/ca.key" -set_serial "0x$(openssl rand -hex 16)" \
    -sha256 -days "$DAYS" -extfile "$extensions" -out "$1/$2.crt.new" 2>/dev/null
  mv "$1/$2.key.new" "$1/$2.key"
  mv "$1/$2.crt.new" "$1/$2.crt"
  printf '%s' "${5:-}" >"$1/$2.names"
  rm "$1/$2.csr" "$extensions"
  echo "made $1/$2.crt"
}

alternative_names() { # NAME …: as OpenSSL writes them
  joined=
  for name in "$@"; do
    case $name in
      *[!A-Za-z0-9.:-]*) fail "broker name '$name': only letters, digits, dots, colons and dashes" ;;
      *:* | *[0-9].*[0-9].*[0-9].*[0-9]) kind=IP ;;
      *) kind=DNS ;;
    esac
    joined=${joined:+$joined,}$kind:$name
  done
  echo "$joined"
}

for gateway in $gateways; do # the ids that topics allow: telltale/topics.py
  case $gateway in
    [!a-z0-9]* | *[!a-z0-9_.-]*) fail "gateway '$gateway': small letters, digits, '_', '.' and '-' only" ;;
    telltale-service | telltale-health) fail "gateway '$gateway': the name of a part of the service" ;;
  esac
  [ "${#gateway}" -le 64 ] || fail "gateway '$gateway': longer than 64 characters"
done

mkdir -p "$dir"
authority
# shellcheck disable=SC2086 # a list of names
names=$(alternative_names mosquitto localhost 127.0.0.1 $broker_names)
certificate "$dir/broker" broker telltale-broker serverAuth "$names"
certificate "$dir/broker" health telltale-health clientAuth
certificate "$dir/service" service telltale-service clientAuth
certificate "$dir/influxdb" influxdb telltale-influxdb serverAuth "DNS:influxdb,DNS:localhost,IP:127.0.0.1"
certificate "$dir/mail" mail telltale-mail serverAuth "DNS:mailpit,DNS:localhost"
for gateway in $gateways; do
  certificate "$dir/gateways/$gateway" gateway "$gateway" clientAuth
done

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
