#!/bin/sh
# Starts the broker, and has it follow what central writes for it: certificates, revocation lists,
# and who is mute. Devices know nothing of passwords; central's processes have the deployment's.
set -eu
data=${MOSQUITTO_DATA:-/mosquitto/data}
written=${BROKER_FOLDER:-/mosquitto/identity} # by central's scheduler
conf=${MOSQUITTO_CONF:-/mosquitto/config/mosquitto.conf}
rules=${MOSQUITTO_RULES:-/mosquitto/config/acl}
broker='' watcher='' stopping=''

# To whom the broker changes when it was started as root.
own() { [ "$(id -u)" != 0 ] || [ -n "${MOSQUITTO_DATA:-}" ] || chown -R mosquitto "$data"; }

# Copies what central wrote, if it has. The version is read first: what changes meanwhile is copied
# again. Every step says what to do when it fails: in a condition, -e does not.
take() {
    version=$(cat "$written/version") || return
    mkdir -p "$data/identity" || return
    for file in authorities.pem broker.pem revoked.pem; do
        cp "$written/$file" "$data/identity/$file.new" || return
        mv "$data/identity/$file.new" "$data/identity/$file" || return
    done
    cat "$written/muted.acl" "$rules" >"$data/acl.new" || return
    mv "$data/acl.new" "$data/acl" && own
}

# Beside the broker: another first word means other authorities, which it reads at its start only.
watch() {
    while sleep 1; do
        now=$(cat "$written/version" 2>/dev/null) || continue
        [ "$now" != "$version" ] || continue
        before=${version%% *}
        take || continue
        if [ "${version%% *}" = "$before" ]; then
            kill -HUP "$broker"
        else
            touch "$data/again"
            kill -TERM "$broker"
            return
        fi
    done
}

umask 077
mkdir -p "$data"
rm -f "$data/again"
if [ -n "${MQTT_PASSWORD:-}" ]; then
    touch "$data/passwords"
    for role in ingest web worker scheduler; do
        mosquitto_passwd -b "$data/passwords" "central-$role" "$MQTT_PASSWORD"
    done
    # central's user may have another number than any of ours
    mkdir -p "$written"
    chmod 1777 "$written"
fi
trap 'stopping=yes; kill -TERM $broker $watcher 2>/dev/null; [ -n "$broker" ] || exit 0' TERM INT
trap '[ -z "$broker" ] || kill -HUP "$broker"' HUP
until take 2>/dev/null; do
    sleep 0.2 # central has not written yet
done
while :; do
    mosquitto -c "$conf" &
    broker=$!
    watch &
    watcher=$!
    status=0
    wait "$broker" || status=$?
    while kill -0 "$broker" 2>/dev/null; do # a signal to us ended the waiting, not the broker
        status=0
        wait "$broker" || status=$?
    done
    kill "$watcher" 2>/dev/null || :
    if [ -n "$stopping" ] || [ ! -e "$data/again" ]; then
        exit "$status"
    fi
    rm "$data/again"
    until take 2>/dev/null; do
        sleep 0.2
    done
done
