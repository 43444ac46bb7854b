#!/bin/sh
# Raspberry Pi OS Bookworm, whose kernel command line names this file (systemd.run=…). It runs before
# the system is up, and the machine restarts afterwards; so our service is only put in place.
sh /boot/firmware/gate/begin.sh
failed=$?

# Never a second time, even if that failed: a machine that restarts for ever tells nobody anything.
sed -i 's/ systemd\.[a-z_]*=[^ ]*//g' /boot/firmware/cmdline.txt
rm -f /boot/firmware/firstrun.sh
if [ "$failed" -ne 0 ]; then
    echo "begin.sh failed: $failed" > /boot/firmware/gate-status.txt
fi
exit 0
