#!/bin/sh
# Writes the lock files anew from pyproject.toml: exact versions and hashes, for every platform.
set -eu
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="make lock"
compile() { .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links "$@"; }
compile pyproject.toml --extra all --group build --output-file requirements/run.lock
compile pyproject.toml --extra all --group dev --constraint requirements/run.lock --output-file requirements/dev.lock
# What the roles in ansible/ bring to a machine: no more than it runs.
part() { name=$1; shift; compile "$@" --group bootstrap --constraint requirements/dev.lock --output-file "requirements/$name.lock"; }
part agent pyproject.toml --extra agent
part server pyproject.toml --extra collector --extra testpoint --extra influxdb2 --extra dashboards
part install --group install
