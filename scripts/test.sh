#!/bin/sh
# test.sh WORKERS [PYTEST'S ARGUMENTS]: runs what may run side by side, then what needs the machine for itself. What failed
# is run once more, by itself: on a shared machine a neighbour may take the processor at the wrong moment. What passes
# only then is named at the end; what fails again fails the run. COVERAGE=1 also counts which lines ran, for twice the time.
set -u
workers=$1
shift
given=$#
failed=0
pytest=.venv/bin/pytest
if [ "${COVERAGE:-}" ]; then
    export COVERAGE_PROCESS_START=pyproject.toml
    pytest=".venv/bin/coverage run -m pytest"
fi

run() {
    # shellcheck disable=SC2086
    $pytest "$@"
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
# shellcheck disable=SC2086
$pytest --last-failed --last-failed-no-failures none -rA -q "$@"
