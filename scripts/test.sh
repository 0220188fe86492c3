#!/bin/sh
# test.sh WORKERS [PYTEST'S ARGUMENTS]: runs what may run side by side, then what needs the machine for itself, and
# fails if either did. Nothing that matches the arguments in one of the two is no failure.
set -u
workers=$1
shift
export COVERAGE_PROCESS_START=pyproject.toml
failed=0

run() {
    .venv/bin/coverage run -m pytest "$@"
    status=$?
    [ "$status" = 0 ] || { [ "$status" = 5 ] && [ "$given" -gt 0 ]; } || failed=$status
}

given=$#
run -n "$workers" --dist loadfile -m "not alone" "$@"
run -m alone "$@"
exit "$failed"
