#!/bin/sh
# Writes what is generated anew: the pages of fields, the wire examples, the dashboards, and the message
# catalogues (.pot, .po, .mo) of the parts that have a locale folder. "generated.sh --check" writes into a copy
# instead, and fails where the repository's files differ.
# After new texts: run this, fill in the empty "msgstr" of locale/id/LC_MESSAGES/messages.po, run it again.
set -eu
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
parts="agent/pantau_agent collector/pantau_collector dashboards/pantau_dashboards testpoint/pantau_testpoint"
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

cat >"$temporary/mapping" <<'MAPPING'
[python: **.py]
[jinja2: **/templates/**.html]
MAPPING

# steady FILE: take out what changes without a change of texts (dates, the version of Babel).
steady() {
    sed -e 's/^"POT-Creation-Date: .*\\n"$/"POT-Creation-Date: 2026-11-01 00:00+0700\\n"/' \
        -e 's/^"Generated-By: .*\\n"$/"Generated-By: Babel\\n"/' \
        -e '/^# FIRST AUTHOR/d' -e "s/^# Copyright (C) .*/# The texts of Pantau./" "$1" >"$temporary/steady"
    cat "$temporary/steady" >"$1"
}

# catalogues PART TARGET: write the catalogues of a part into a locale folder.
catalogues() {
    (cd "$(dirname "$1")" && "$bin/pybabel" -q extract --mapping-file="$temporary/mapping" --add-location=file \
        --sort-output --width=110 --keywords=_ --keywords=marked --project=Pantau \
        --output-file="$2/messages.pot" "$(basename "$1")")
    steady "$2/messages.pot"
    "$bin/pybabel" -q update --input-file="$2/messages.pot" --output-dir="$2" --locale=id --init-missing \
        --no-fuzzy-matching --ignore-obsolete --width=110
    steady "$2/id/LC_MESSAGES/messages.po"
    "$bin/pybabel" -q compile --directory="$2" --locale=id --statistics >/dev/null 2>&1
}

for part in $parts; do
    [ -d "$part/locale" ] || continue
    target=$PWD/$part/locale
    if [ "${1:-}" = --check ]; then
        target=$temporary/$part/locale
        mkdir -p "$target"
        cp -R "$part/locale/." "$target/"
        catalogues "$part" "$target"
        diff -r "$part/locale" "$target" || {
            echo "$part/locale is not current: run scripts/generated.sh, translate what is new, commit" >&2
            exit 1
        }
    else
        catalogues "$part" "$target"
    fi
done

# Grafana's files.
if [ "${1:-}" = --check ]; then
    "$bin/pantau-dashboards" build --out "$temporary/grafana" >/dev/null
    diff -rq dashboards/generated "$temporary/grafana" || {
        echo "dashboards/generated is not current: run scripts/generated.sh, commit" >&2
        exit 1
    }
else
    "$bin/pantau-dashboards" build --out dashboards/generated >/dev/null
fi

# The wire's documents: pages of fields, and the examples in golden files and SPEC.md.
"$bin/python" scripts/fields-doc.py ${1:+"$1"}
"$bin/python" -m tests.wire.golden ${1:+"$1"}
