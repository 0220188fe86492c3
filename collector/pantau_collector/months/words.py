"""What people call verdicts, metrics and states, and in plain sentences why a verdict is what it is.

Portal, PDF and terminal say the same, because all of them say it with this. The words are those of
docs/sla.md and docs/putusan.md.
"""

from __future__ import annotations

import functools
from datetime import date
from typing import TYPE_CHECKING

import msgspec
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from pantau_collector.formats import number
from pantau_collector.i18n import Message, translate
from pantau_collector.i18n import marked as _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantau_collector.analysis.profiles import Profile
    from pantau_collector.analysis.sla.reported import MetricReport, Report
    from pantau_collector.i18n import Language

VERDICTS = {
    "fail": _("Fail"),
    "insufficient_data": _("Insufficient data"),
    "inconclusive": _("Inconclusive"),
    "pass": _("Pass"),
}
"""The gravest first, as a village's verdict is the gravest of its metrics'."""
METRICS = {
    "availability": _("availability"),
    "download": _("download"),
    "upload": _("upload"),
    "latency": _("delay"),
    "variation": _("delay variation"),
    "loss": _("loss"),
}
STATES = {
    "up": _("up"),
    "link_down": _("link down"),
    "local_fault": _("local fault"),
    "power_off": _("power off"),
    "agent_down": _("agent down"),
    "off_site": _("off site"),
    "unknown": _("unknown"),
    "maintenance": _("maintenance"),
}
WHY = {
    "nothing_measured": _("nothing was measured"),
    "low_coverage": _("too few minutes of the month were seen"),
    "no_contract": _("the profile names no contracted rate"),
    "few_tests": _("too few counted tests"),
    "few_days": _("counted tests on too few days"),
}
OUTSIDE_BUSY_HOURS = "outside_busy_hours"
WHY_NOT = {
    "failed": _("the test failed"),
    "other_engine": _("another engine than the profile's"),
    "limited_device": _("limited by the device"),
    "limited_busy_line": _("the line was busy"),
    "limited_budget": _("limited by the data budget"),
    "limited_server": _("limited by the server"),
    "limit_unknown": _("it is not known what limited it"),
    "not_wired": _("not by cable"),
    "off_site": _("the device was elsewhere"),
    "maintenance": _("under maintenance"),
    OUTSIDE_BUSY_HOURS: _("outside of the busy hours"),
}
"""What keeps a speed test from counting (analysis/speed_tests.py), and the busy hours."""

SUMMARIES = {
    "pass": _("In {month} this village's internet kept what was promised: all that is judged passes."),
    "fail": _("In {month} this village's internet did not keep what was promised in: {metrics}."),
    "inconclusive": _(
        "For {month} it cannot be told whether what was promised was kept. Open is: {metrics}. That is"
        " neither a pass nor a fail."
    ),
    "insufficient_data": _(
        "For {month} there is not enough data to judge: {metrics}. That is neither a pass nor a fail."
    ),
}

NOTHING = _("Nothing was measured that could be judged.")
LOW_COVERAGE = _(
    "Not judged: of the month's minutes {coverage} were seen, and at least {coverage_min} are needed."
)
AVAILABILITY = {
    "pass": _(
        "The line was up for {share} of the time that counts, and for {lower} even if every minute in doubt"
        " was down. At least {target} was promised."
    ),
    "fail": _(
        "The line was up for {share} of the time that counts, and for only {upper} even if every minute in"
        " doubt was up. At least {target} was promised."
    ),
    "inconclusive": _(
        "The line was up for between {lower} and {upper} of the time, depending on what the minutes in doubt"
        " were. At least {target} was promised, so that those minutes would decide."
    ),
}
SPEED = {
    "pass": _(
        "{k} of {n} tests in the busy hours ({share}) reached {rate} of the contracted {contracted}. With"
        " {confidence} confidence it is at least {lower} of the time; {target} was promised."
    ),
    "fail": _(
        "{k} of {n} tests in the busy hours ({share}) reached {rate} of the contracted {contracted}. With"
        " {confidence} confidence it is at most {upper} of the time; {target} was promised."
    ),
    "inconclusive": _(
        "{k} of {n} tests in the busy hours ({share}) reached {rate} of the contracted {contracted}. The true"
        " share lies between {lower} and {upper}: too few tests to tell on which side of {target} it is."
    ),
}
SPEED_OPEN = {
    "no_contract": _("Not judged: nobody has told what rate is contracted."),
    "nothing_measured": _("Not judged: no test of the busy hours counts."),
    "few_tests": _("Not judged: {n} tests of the busy hours count, and at least {tests_min} are needed."),
    "few_days": _(
        "Not judged: the {n} tests that count lie on {days} days, and at least {days_min} are needed."
    ),
}
DELAY = {
    "latency": _(
        "In {k} of {n} minutes ({share}) the median round-trip delay was at most {limit} ms; at least"
        " {target} was promised."
    ),
    "variation": _(
        "In {k} of {n} minutes ({share}) the delay variation was at most {limit} ms; at least {target} was"
        " promised."
    ),
}
LOSS = _("{k} of {n} probes were lost ({share}); at most {target} was promised.")

RESTITUTION = _("{minutes} minutes of long outages are the basis of the restitution.")
SHORT_COUNT = _("Short outages add up to {minutes} minutes: more than {allowed}, so they count too.")
SHORT_SPARED = _("Short outages add up to {minutes} minutes: not more than {allowed}, so they do not count.")
POWER = _("The power was off for {minutes} minutes: they do not count against the provider.")
MAINTENANCE = _("{minutes} minutes of announced maintenance have left the account.")
DOUBT = _("Of {minutes} minutes it is not known whether the line was up.")
UNCOUNTED = _("{count} speed tests are shown and not counted: Wi-Fi, a busy line, or a limit of the device.")
PROFILE_CHANGED = _(
    "The profile changed within the month: tests and delays are judged by the one of their day, the month as"
    " a whole by the one it began with, whose limits stand here."
)

_MOST_DIGITS = 4
_MEGABIT = 1e6
IN_DOUBT = ("unknown", "agent_down", "local_fault")


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a verdict is what it is: in one sentence, for each metric, and what else is worth knowing.

    `metrics` stand in the order of `METRICS`, whatever order a record was kept in.
    """

    summary: str
    metrics: dict[str, str]
    notes: list[str]


def explain(report: Report, language: Language) -> Explanation:
    """Return a report in sentences of a language."""
    return Explanation(
        summary=_summary(report, language),
        metrics={name: _metric(name, report, language) for name in METRICS if name in report.metrics},
        notes=[message.to(language) for message in _notes(report, language)],
    )


def verdict(word: str, language: Language) -> str:
    """Return what people call a verdict."""
    return translate(VERDICTS[word], language)


def metric(name: str, language: Language) -> str:
    """Return what people call a metric."""
    return translate(METRICS[name], language)


def state(name: str, language: Language) -> str:
    """Return what people call a state of a minute."""
    return translate(STATES[name], language)


@functools.lru_cache(maxsize=1024)
def month(text: str, language: Language, *, short: bool = False) -> str:
    """Return a month `YYYY-MM` as people write it: `Agustus 2026`, short `Agt 26`."""
    return format_date(date.fromisoformat(f"{text}-01"), "MMM yy" if short else "MMMM y", locale=language)


@functools.lru_cache(maxsize=16384)
def percent(ratio: float | None, language: Language, beside: float | None = None) -> str:
    """Return a ratio from 0 to 1 in percent; `beside` is what it is compared with.

    One digit after the point, more only where the two would look equal and are not. An en dash for None.
    """
    if ratio is None:
        return "\N{EN DASH}"
    digits = 1
    while beside is not None and ratio != beside and digits < _MOST_DIGITS:
        if round(ratio * 100, digits) != round(beside * 100, digits):
            break
        digits += 1
    return format_percent(ratio, format=f"0.{'#' * digits}%", locale=language)


def whole(count: float, language: Language) -> str:
    """Return a whole number with its groups: `44.640`."""
    return number(round(count), language)


def rate(bps: float | None, language: Language) -> str:
    """Return a contracted rate in Mbit/s."""
    if bps is None:
        return "\N{EN DASH}"
    return f"{format_decimal(bps / _MEGABIT, format='0.##', locale=language)}\N{NO-BREAK SPACE}Mbit/s"


def _summary(report: Report, language: Language) -> str:
    decisive = [
        metric(name, language)
        for name in METRICS
        if name in report.metrics and report.metrics[name].verdict == report.verdict
    ]
    values = {
        "month": month(report.month, language),
        "metrics": format_list(decisive, locale=language) if decisive else "",
    }
    return Message(SUMMARIES[report.verdict], values).to(language)


def _metric(name: str, report: Report, language: Language) -> str:
    found, profile = report.metrics[name], report.profiles[0]
    return Message(_pattern(name, found), _values(name, found, report, profile, language)).to(language)


def _pattern(name: str, found: MetricReport) -> str:
    if name in ("download", "upload"):
        return SPEED_OPEN[found.why] if found.why else SPEED[found.verdict]
    if found.why:
        return NOTHING if found.why == "nothing_measured" else LOW_COVERAGE
    if name == "availability":
        return AVAILABILITY[found.verdict]
    return LOSS if name == "loss" else DELAY[name]


def _values(
    name: str, found: MetricReport, report: Report, profile: Profile, language: Language
) -> dict[str, str]:
    from pantau_collector.analysis.sla.wilson import CONFIDENCE  # noqa: PLC0415 - NumPy is for who needs it

    ratios = {
        "share": found.share,
        "lower": found.lower,
        "upper": found.upper,
        "rate": profile.speed_rate_ratio,
        "coverage_min": profile.coverage_min_ratio,
    }
    counts = {
        "k": found.k,
        "n": found.n,
        "days": found.days or 0,
        "tests_min": profile.speed_tests_min_count,
        "days_min": profile.speed_days_min_count,
        "limit": getattr(profile, f"{name}_max_ms", 0),
    }
    return {
        **{key: percent(ratio, language, found.target) for key, ratio in ratios.items()},
        **{key: whole(count, language) for key, count in counts.items()},
        "coverage": percent(report.coverage, language, profile.coverage_min_ratio),
        "target": percent(found.target, language),
        "confidence": percent(CONFIDENCE, language),
        "contracted": rate(getattr(profile, f"contracted_{name}_bps", None), language),
    }


def _notes(report: Report, language: Language) -> Iterator[Message]:
    minutes, allowed = report.minutes, report.profiles[0].short_outages_allowed_minutes
    short = {"minutes": whole(report.short_outage_minutes, language), "allowed": whole(allowed, language)}
    told = (
        (RESTITUTION, report.restitution_minutes),
        (POWER, minutes["power_off"]),
        (MAINTENANCE, minutes["maintenance"]),
        (DOUBT, sum(minutes[name] for name in IN_DOUBT)),
    )
    yield from (Message(text, {"minutes": whole(count, language)}) for text, count in told if count)
    if report.short_outage_minutes:
        yield Message(SHORT_COUNT if report.short_outages_count else SHORT_SPARED, short)
    if len(report.profiles) > 1:
        yield Message(PROFILE_CHANGED)
    if report.uncounted_tests:
        yield Message(UNCOUNTED, {"count": whole(report.uncounted_tests, language)})
