#!/usr/bin/env bash
# Generates the Python stubs from protos/; with --check only says whether the committed ones are what would be generated.
#
# The generator is older than the runtime on purpose: stubs refuse to import under an older protobuf than they were made with, and
# these must import under every protobuf from 5.29 on.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly venv=.cache/stubs-venv
readonly target=clients/python/src

if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import grpc_tools' 2>/dev/null; then
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet 'setuptools<81' 'grpcio-tools==1.71.2'
fi

generate() {
  "$venv/bin/python" -W ignore -m grpc_tools.protoc -I protos \
    --python_out="$1" --pyi_out="$1" --grpc_python_out="$1" protos/sessiond/v1/*.proto
}

if [ "${1:-}" = --check ]; then
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  generate "$fresh"
  if ! diff -r -x __init__.py -x __pycache__ "$fresh/sessiond/v1" "$target/sessiond/v1"; then
    echo "the stubs differ from what protos/ gives: run 'make gen' and commit the result" >&2
    exit 1
  fi
  echo "the stubs are what protos/ gives"
else
  mkdir -p "$target/sessiond/v1"
  generate "$target"
fi
