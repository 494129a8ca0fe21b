#!/usr/bin/env bash
# Generates the committed stubs from protos/; with --check it only says whether they are what would be
# generated. A language whose toolchain this machine lacks is skipped with a line. Java's stubs are made by
# its own build, and none are committed.
#
# The generator is older than the Python runtime on purpose: stubs refuse to import under an older protobuf
# than they were made with, and these must import under every protobuf from 5.29 on.
set -euo pipefail

cd "$(dirname "$0")/.."
readonly cache="$PWD/.cache"
readonly venv=.cache/stubs-venv
readonly protoc_gen_go=v1.36.10
readonly protoc_gen_go_grpc=v1.5.1

# Where each language's stubs are, and what else lies in that directory.
declare -rA stubs=(
  [python]=clients/python/src/sessiond/v1
  [go]=clients/go/sessiond/v1
  [typescript]=clients/typescript/src/sessiond/v1
)

protoc() {
  "$venv/bin/python" -W ignore -m grpc_tools.protoc -I protos "$@" protos/sessiond/v1/*.proto
}

prepare_python() {
  if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import grpc_tools' 2>/dev/null; then
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet 'setuptools<81' 'grpcio-tools==1.71.2'
  fi
}

prepare_go() {
  command -v go >/dev/null || return 1
  [ -x "$cache/go-bin/protoc-gen-go-grpc" ] && return
  GOBIN="$cache/go-bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$protoc_gen_go"
  GOBIN="$cache/go-bin" go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$protoc_gen_go_grpc"
}

prepare_typescript() {
  command -v npm >/dev/null || return 1
  [ -x clients/typescript/node_modules/.bin/protoc-gen-es ] ||
    npm --prefix clients/typescript ci --no-audit --no-fund --loglevel=error >/dev/null
}

generate_python() { protoc --python_out="$1" --pyi_out="$1" --grpc_python_out="$1"; }

generate_go() {
  protoc --plugin="protoc-gen-go=$cache/go-bin/protoc-gen-go" \
    --plugin="protoc-gen-go-grpc=$cache/go-bin/protoc-gen-go-grpc" \
    --go_out="$1" --go_opt=module=github.com/sessiond/sessiond/clients/go \
    --go-grpc_out="$1" --go-grpc_opt=module=github.com/sessiond/sessiond/clients/go
}

generate_typescript() {
  protoc --plugin="protoc-gen-es=clients/typescript/node_modules/.bin/protoc-gen-es" \
    --es_out="$1" --es_opt=target=ts,import_extension=js
}

check() {
  local fresh found
  fresh=$(mktemp -d)
  "generate_$1" "$fresh"
  found=$(dirname "$(find "$fresh" -type f -path '*/v1/*' -print -quit)")
  if ! diff -r -x __init__.py -x __pycache__ "$found" "${stubs[$1]}"; then
    rm -rf "$fresh"
    echo "the stubs of $1 differ from what protos/ gives: run 'make gen' and commit the result" >&2
    return 1
  fi
  rm -rf "$fresh"
  echo "the stubs of $1 are what protos/ gives"
}

write() {
  mkdir -p "${stubs[$1]}"
  "generate_$1" "${stubs[$1]%/sessiond/v1}"
}

mkdir -p "$cache"
prepare_python
for language in python go typescript; do
  if [ "$language" != python ] && ! "prepare_$language"; then
    echo "skipped the stubs of $language: its toolchain is not here"
  elif [ "${1:-}" = --check ]; then
    check "$language"
  else
    write "$language"
  fi
done
