#!/usr/bin/env bash
# Compares the schema with the last release's, by its tag; before the first release there is nothing to break.
set -euo pipefail

cd "$(dirname "$0")/.."
release=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -z "$release" ]; then
  echo "breaking check: no release yet, nothing to compare with"
  exit 0
fi
"${BUF:-buf}" breaking protos --against ".git#tag=$release,subdir=protos"
echo "breaking check: compatible with $release"
