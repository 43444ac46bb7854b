#!/bin/sh
# The one thing that every first-boot mechanism has to run: puts our own service in place, which does
# the rest. With "start" the service begins at once, else at the next boot. Safe to run again.
set -eu

here=$(dirname "$(readlink -f "$0")")

install -d -m 755 /opt/gate
install -m 644 "$here/firstboot.pyz" /opt/gate/firstboot.pyz
install -m 644 "$here/gate-firstboot.service" /etc/systemd/system/gate-firstboot.service
systemctl daemon-reload
systemctl enable gate-firstboot.service
if [ "${1:-}" = start ]; then
    systemctl start --no-block gate-firstboot.service
fi
