#!/usr/bin/env bash
# Makes the keys that compose.yaml mounts, in ./secrets; those that are there stay as they are.
set -euo pipefail

cd "$(dirname "$0")/../.."
umask 077
mkdir -p secrets
for name in pepper seal orders-key; do
  [ -e "secrets/$name" ] || openssl rand -base64 32 >"secrets/$name"
done
[ -e secrets/signing-key.pem ] \
  || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out secrets/signing-key.pem
# The containers' user reads them.
chmod 0444 secrets/*
echo "secrets are in ./secrets"
