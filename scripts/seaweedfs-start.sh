#!/bin/sh
# Starts SeaweedFS with one identity, the deployment's S3 keys.
set -eu
umask 077
cat >/tmp/s3.json <<JSON
{"identities": [{"name": "attendance", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "$S3_ACCESS_KEY", "secretKey": "$S3_SECRET_KEY"}]}]}
JSON
exec weed server -dir=/data -volume.max=0 -master.volumeSizeLimitMB=1024 \
    -s3 -s3.port=9000 -s3.config=/tmp/s3.json
