#!/bin/sh
# Run once by the InfluxDB image after its setup: the database mapping (DBRP) under which InfluxQL finds the bucket, and
# a user for Grafana that may read it and nothing else.
set -eu
influx v1 dbrp create --org "$DOCKER_INFLUXDB_INIT_ORG" --bucket-id "$DOCKER_INFLUXDB_INIT_BUCKET_ID" \
  --db "$DOCKER_INFLUXDB_INIT_BUCKET" --rp autogen --default
influx v1 auth create --org "$DOCKER_INFLUXDB_INIT_ORG" --username grafana \
  --password "$(cat /run/telltale/grafana-password)" --read-bucket "$DOCKER_INFLUXDB_INIT_BUCKET_ID"
