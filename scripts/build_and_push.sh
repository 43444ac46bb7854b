#!/usr/bin/env bash
# Builds the image and pushes it. IMAGE_TAG names the version, by default the time (YYYY.MM.DD.HHMM);
# PUSH=false builds only.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE_NAME:-moffermann/school-attendance}
tag=${IMAGE_TAG:-$(date -u +%Y.%m.%d.%H%M)}
if [ "$tag" = latest ]; then
    echo "IMAGE_TAG: name a version; 'latest' cannot be rolled back" >&2
    exit 2
fi
if [ "${PUSH:-true}" = true ]; then
    destination=--push
else
    destination=--load
fi
docker buildx build --platform "${PLATFORM:-linux/amd64}" --tag "$image:$tag" "$destination" .
echo "$image:$tag"
