#!/bin/sh
# Writes the lock files again: exact versions with hashes, for every platform.
# Needs uv (`pip install uv`). Run it to take newer versions, then run `make check`.
set -eu
cd "$(dirname "$0")/.."
lock() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
    --upgrade pyproject.toml requirements/build.in requirements/install.in "$@"
}
lock --extra demo --output-file requirements/demo.txt
lock --extra demo --extra all --group dev --output-file requirements/dev.txt
