#!/bin/sh
# test.sh WORKERS [PYTEST'S ARGUMENTS]: runs what may run side by side, then what needs the machine for itself. What failed
# is run once more, by itself: on a shared machine a neighbour may take the processor at the wrong moment. What passes
# only then is named at the end; what fails again fails the run.
set -u
workers=$1
shift
export COVERAGE_PROCESS_START=pyproject.toml
given=$#
failed=0

run() {
    .venv/bin/coverage run -m pytest "$@"
    status=$?
    case $status in
    0) ;;
    1) failed=1 ;;
    5) [ "$given" -gt 0 ] || exit 5 ;;
    *) exit "$status" ;;
    esac
}

run --cache-clear -n "$workers" --dist loadfile -m "not alone" "$@"
run -m alone "$@"
[ "$failed" = 1 ] || exit 0
echo "what failed is run once more, by itself:" >&2
.venv/bin/coverage run -m pytest --last-failed --last-failed-no-failures none -rA -q "$@"
