"""`sla verdict`: judges a village's month from plain rows, so that others can check us."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pantau_collector import i18n
from pantau_collector.errors import SlaInputError
from pantau_collector.i18n import marked as _
from pantau_collector.months import words
from pantau_collector.sla_cli.common import command, complain, print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pantau_collector.analysis.sla.reported import MetricReport, Report
    from pantau_collector.sla_cli.common import Parsers

HEADING = _("{month} ({timezone}), profile {profile}, rules {rules}: {verdict}")
AT_LEAST = _("{k} of {n}: {share}, target at least {target}")
AT_MOST = _("{k} of {n}: {share}, target at most {target}")
BOUNDS = _("between {lower} and {upper}")
NOTHING = _("no figure")
MINUTES = _("minutes: {states}")
COVERAGE = _("coverage {coverage}; restitution {minutes} min; short outages {short_minutes} min{counted}")
SHORT_COUNT = _(", which count")
OUTAGE = _("long outage from {begin} to {end}: {minutes} min, of which {counted} count in this month")
MORE_OUTAGES = _("and {count} more long outage(s): --json prints all")

_SHOWN_OUTAGES = 10


def add_arguments(commands: Parsers) -> None:
    """Add `verdict`."""
    about = "judge one village's month from a JSON file; docs/sla.md shows one"
    verdict = command(commands, "verdict", about, _verdict, json=True)
    verdict.add_argument("--input", type=Path, required=True, metavar="FILE", help="the month's rows")


def _verdict(arguments: argparse.Namespace) -> int:
    """Print the verdict; return 0 whatever it is, and 2 where the file cannot be judged."""
    from pantau_collector.analysis.sla import input_file  # noqa: PLC0415 - NumPy is for who needs it
    from pantau_collector.analysis.sla.report import report  # noqa: PLC0415
    from pantau_collector.analysis.sla.village import day_rows  # noqa: PLC0415

    try:
        village = input_file.read(arguments.input)
    except SlaInputError as error:
        complain(_complaint(error, arguments.language))
        return 2
    found = report(village.month, day_rows(village), village.profiles)
    if arguments.json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(found, arguments.language))
    return 0


def _complaint(error: SlaInputError, language: i18n.Language) -> str:
    values = dict(error.values)
    if "form" in values:  # what belongs there is words too
        values["form"] = i18n.translate(str(values["form"]), language)
    return i18n.Message(error.text, values).to(language)


def lines(found: Report, language: i18n.Language) -> Iterator[str]:
    """Yield what is said of a month, a line each."""
    yield _say(
        language,
        HEADING,
        month=found.month,
        timezone=found.timezone,
        profile=" → ".join(profile.name for profile in found.profiles),
        rules=found.rules,
        verdict=words.verdict(found.verdict, language).upper(),
    )
    labels = {name: words.metric(name, language) for name in found.metrics}
    verdicts = {name: words.verdict(one.verdict, language).upper() for name, one in found.metrics.items()}
    label_width, word_width = (max(map(len, texts.values())) for texts in (labels, verdicts))
    for name, metric in found.metrics.items():
        columns = f"{labels[name]:<{label_width}}  {verdicts[name]:<{word_width}}"
        yield f"  {columns}  {_figure(name, metric, language)}"
    states = ", ".join(
        f"{words.state(state, language)} {count}"
        for state, count in found.minutes.items()
        if count and state in words.STATES
    )
    yield _say(language, MINUTES, states=states)
    counted = i18n.translate(SHORT_COUNT, language) if found.short_outages_count else ""
    yield _say(
        language,
        COVERAGE,
        coverage=_percent(found.coverage, language),
        minutes=found.restitution_minutes,
        short_minutes=found.short_outage_minutes,
        counted=counted,
    )
    yield from _outages(found, language)


def _outages(found: Report, language: i18n.Language) -> Iterator[str]:
    long = [outage for outage in found.outages if outage.long]
    for one in long[:_SHOWN_OUTAGES]:
        yield _say(
            language, OUTAGE, begin=one.from_at, end=one.to_at, minutes=one.minutes, counted=one.counted
        )
    if len(long) > _SHOWN_OUTAGES:
        yield _say(language, MORE_OUTAGES, count=len(long) - _SHOWN_OUTAGES)


def _figure(name: str, metric: MetricReport, language: i18n.Language) -> str:
    """Return the metric's numbers, its bounds where they are not the figure itself, and why it is open."""
    parts = [i18n.translate(NOTHING, language)]
    if metric.share is not None:
        share, target = (_percent(value, language) for value in (metric.share, metric.target))
        pattern = AT_MOST if name == "loss" else AT_LEAST
        parts = [_say(language, pattern, k=metric.k, n=metric.n, share=share, target=target)]
    if metric.lower is not None and metric.upper is not None and metric.lower < metric.upper:
        lower, upper = (_percent(value, language) for value in (metric.lower, metric.upper))
        parts.append(_say(language, BOUNDS, lower=lower, upper=upper))
    if metric.why is not None:
        parts.append(i18n.translate(words.WHY[metric.why], language))
    return "; ".join(parts)


def _percent(ratio: float, language: i18n.Language) -> str:
    from babel.numbers import format_percent  # noqa: PLC0415 - only for people

    return str(format_percent(ratio, format="0.00##%", locale=language))


def _say(language: i18n.Language, text: str, **values: object) -> str:
    return i18n.Message(text, values).to(language)
