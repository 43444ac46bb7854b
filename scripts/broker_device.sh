#!/bin/sh
# Lets a device into the compose file's broker: broker_device.sh DEVICE, its password on standard
# input. The broker takes it up at once.
set -eu
device=${1:?usage: broker_device.sh DEVICE <password}
container="school-attendance-mosquitto-${DEPLOY_ENV:-dev}"
read -r password
# shellcheck disable=SC2016 # expanded inside the container
"${CONTAINER_ENGINE:-docker}" exec "$container" sh -c '
    mosquitto_passwd -b /mosquitto/data/passwords "$1" "$2"
    chown mosquitto /mosquitto/data/passwords
    kill -HUP 1
' - "$device" "$password"
