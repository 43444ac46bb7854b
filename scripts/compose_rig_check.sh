#!/bin/sh
# Brings the compose file up on podman and follows a tap to a message: compose_rig_check.sh [--rig
# SCRIPT]. For machines without a Docker engine; needs root.
cd "$(dirname "$0")/.." || exit 1
exec python3 -m devkit.compose_check "$@"
