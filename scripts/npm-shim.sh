#!/bin/sh
# The deployment's way to migrate: npm run migrate -> this -> make migrate -> alembic upgrade head.
# In the image this is `npm`; elsewhere package.json calls it.
set -eu
if [ "${1:-} ${2:-}" != "run migrate" ]; then
    echo "npm-shim: only 'npm run migrate' is known here" >&2
    exit 2
fi
cd "$(dirname "$(readlink -f "$0")")/.."
exec make migrate
