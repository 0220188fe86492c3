"""`pantau-dashboards push` and `diff`: bring what was built into Grafana, or say what would change."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_dashboards.errors import DashboardsError
from pantau_dashboards.i18n import DEFAULT, LANGUAGES, Language, translate
from pantau_dashboards.i18n import marked as _
from pantau_dashboards.push import built, plan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pantau_dashboards.push.differences import Difference
    from pantau_dashboards.push.plan import Change, Plan
    from pantau_dashboards.push.server import Grafana

VARIABLE = "PANTAU_GRAFANA_TOKEN"
_SHOWN = 3
_WIDTH = 60
_BEFORE = 20
_MARKS = {"new": "+", "changed": "~"}

NO_TOKEN = _("say --token, or set {variable}: a token of a Grafana service account with the role Admin")
WOULD = _("new: {new}, changed: {changed}, removed: {gone}, as wanted: {same}")
MORE = _("and {count} more")


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `push` and `diff` to the commands of `pantau-dashboards`."""
    push = _command(commands, "push", "bring what was built into Grafana; a second time changes nothing")
    push.add_argument(
        "--secrets", action="store_true", help="send contacts again whose secrets Grafana does not show"
    )
    push.set_defaults(function=_push)
    diff = _command(commands, "diff", "say what push would change; exit code 1 where it is anything")
    diff.set_defaults(function=_diff)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    about: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--url", required=True, help="Grafana's address, such as https://grafana.example.id")
    parser.add_argument("--token", help=f"token of a service account (default: ${VARIABLE})")
    parser.add_argument(
        "--from",
        dest="built",
        type=Path,
        default=Path("dashboards/generated"),
        metavar="DIR",
        help="the folder that build wrote (default: %(default)s)",
    )
    parser.add_argument("--lang", choices=LANGUAGES, default=DEFAULT, help="language of the messages")
    return parser


def _push(arguments: argparse.Namespace) -> int:
    grafana = _grafana(arguments)
    needed = plan.make(built.things(arguments.built), grafana)
    _tell(needed, arguments.lang)
    plan.carry_out(needed, grafana, secrets=arguments.secrets)
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    needed = plan.make(built.things(arguments.built), _grafana(arguments))
    _tell(needed, arguments.lang)
    return 1 if needed.needed else 0


def _grafana(arguments: argparse.Namespace) -> Grafana:
    from pantau_dashboards.push.server import Grafana  # noqa: PLC0415 - costs 21 MiB, which `build` can do without

    token = arguments.token or os.environ.get(VARIABLE)
    if not token:
        raise DashboardsError(translate(NO_TOKEN, arguments.lang).format(variable=VARIABLE))
    return Grafana(arguments.url, token)


def _tell(needed: Plan, language: Language) -> None:
    gone = [f"rule {uid} ({group})" for group, uid in needed.stale_rules]
    gone += [f"contact point {uid}" for uid in needed.stale_contacts]
    for change in needed.changes:
        for line in _lines(change, language):
            _say(line)
    for name in gone:
        _say(f"- {name}")
    counts = Counter(change.state for change in needed.changes)
    sums = {state: counts[state] for state in ("new", "changed", "same")}
    _say(translate(WOULD, language).format(gone=len(gone), **sums))


def _lines(change: Change, language: Language) -> Iterator[str]:
    if change.state == "same":
        return
    yield f"{_MARKS[change.state]} {change.thing.sort} {change.thing.name}"
    yield from map(_difference, change.differences[:_SHOWN])
    if (left := len(change.differences) - _SHOWN) > 0:
        yield f"    {translate(MORE, language).format(count=left)}"


def _difference(found: Difference) -> str:
    path, current, wanted = found[0], _line(found[1]), _line(found[2])
    same = next((at for at, (one, other) in enumerate(zip(current, wanted, strict=False)) if one != other), 0)
    start = max(0, same - _BEFORE) if max(len(current), len(wanted)) > _WIDTH else 0
    return f"    {path}: {_short(current, start)} -> {_short(wanted, start)}"


def _line(value: object) -> str:
    return str(value).replace("\n", " ")


def _short(text: str, start: int) -> str:
    """Return what is around the place where two long texts begin to differ."""
    end = start + _WIDTH
    return ("…" if start else "") + text[start:end] + ("…" if len(text) > end else "")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
