#!/usr/bin/env bash
# Makes the keys that compose.yaml mounts, in ./secrets; those that are there stay as they are. The container
# runs as the user who owns them, which .env says.
set -euo pipefail

cd "$(dirname "$0")/../.."
umask 077
mkdir -p secrets
for name in pepper seal store-password orders-key agent-key; do
  [ -e "secrets/$name" ] || openssl rand -base64 32 >"secrets/$name"
done
[ -e secrets/signing-key.pem ] \
  || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out secrets/signing-key.pem
if [ "$(id -u)" = 0 ]; then
  # The image's own user reads what belongs to root.
  chmod 0444 secrets/*
elif ! grep -qs '^SESSIOND_USER=' .env; then
  echo "SESSIOND_USER=$(id -u):$(id -g)" >>.env
fi
# The agent's socket is made there by the container's user.
mkdir -p -m 0700 run
[ "$(id -u)" != 0 ] || chown 65532:65532 run
chmod go-w deploy/examples/compose.toml
echo "secrets are in ./secrets"
