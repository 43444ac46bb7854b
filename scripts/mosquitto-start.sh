#!/bin/sh
# Starts the broker with central's users, whose password is the deployment's MQTT_PASSWORD. Devices
# that were added (scripts/broker_device.sh) stay in the same file.
set -eu
passwords=/mosquitto/data/passwords
mkdir -p /mosquitto/data
touch "$passwords"
chmod 600 "$passwords"
for role in ingest web worker scheduler; do
    mosquitto_passwd -b "$passwords" "central-$role" "$MQTT_PASSWORD"
done
[ "$(id -u)" != 0 ] || chown -R mosquitto /mosquitto/data # to whom the broker changes
exec mosquitto -c /mosquitto/config/mosquitto.conf
